/* dkim.h - what the files of this module share. */
#ifndef DKIM_H
#define DKIM_H

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/iface/directory.h>
#include <hermod/iface/resolver.h>
#include <hermod/plugin.h>
#include <hermod/work.h>

struct psl_ctx_st;             /* the list of public suffixes (libpsl) */

/* RFC 8301, 3.2: no weaker, and no stronger than every receiver can verify. */
enum { DKIM_RSA_BITS_MIN = 1024, DKIM_RSA_BITS_MAX = 4096 };

enum dkim_kind { DKIM_RSA = 0, DKIM_ED25519 = 1 };

/* How much may change on the way (RFC 6376, 3.4). */
enum dkim_form { DKIM_RELAXED = 0, DKIM_SIMPLE = 1, DKIM_FORMS };

struct dkim_selector {
	int form;                      /* 0: as for all; else header and body */
	bool sign;
};
struct dkim_conf {
	const char *directory;
	const struct hm_strlist *fields;
	bool oversign;
	int header, body;              /* enum dkim_form */
	int64_t expire_ms;
	int new_key;                   /* index of rsa, ed25519, none */
	const struct hm_blocks *selectors; /* of struct dkim_selector */
	bool sha1;
};

/* ---- canon.c: what is signed (RFC 6376, 3.4); pure ---- */

/* Feeds a body; what comes out goes into the hash. */
struct dkim_body {
	bool relaxed;
	unsigned empty_lines;          /* held back: they may be the last */
	bool cr, blank, line;          /* of the line that is being read */
	bool any;                      /* something came out */
	void (*out)(void *arg, const void *p, size_t len);
	void *arg;
};
void dkim_body_feed(struct dkim_body *b, struct hm_str in);
void dkim_body_end(struct dkim_body *b);
/* Appends a field, relaxed: "name:value" and CRLF. */
void dkim_field(struct hm_buf *out, struct hm_str name, struct hm_str value);
/* Appends a field as it stands there, its line end included. */
void dkim_field_simple(struct hm_buf *out, struct hm_str raw);
/* The list for h=, and the fields in that order, canonical. -HM_ELIMIT: the
 * message has more of one name than is worth signing. */
enum { DKIM_SAME_MAX = 50 };
int dkim_fields(const struct hm_strlist *names, bool oversign, bool relaxed,
    struct hm_str header, struct hm_buf *ret_list, struct hm_buf *ret_canonical);

/* ---- keys.c: folders DOMAIN with files SELECTOR.pem ---- */

struct dkim_key {
	struct hm_str domain, selector;
	enum dkim_kind kind;
	unsigned bits;
	gnutls_privkey_t key;
};
/* All keys at one moment; counted. */
struct dkim_keys {
	struct hm_arena *arena;
	unsigned refs;                 /* loop thread */
	struct dkim_key *at;
	size_t n;
};
/* Worker. Files that are no keys are left out, with an error in the log. */
int dkim_keys_load(const char *dir, struct dkim_keys **ret,
    struct hm_err *reterr);
void dkim_keys_unref(struct dkim_keys *keys);   /* NULL accepted */
/* Worker. -HM_EEXIST. */
int dkim_key_make(const char *dir, const char *domain, const char *selector,
    enum dkim_kind kind, struct hm_err *reterr);
/* "v=DKIM1; k=rsa; p=…" (RFC 6376, 3.6.1; RFC 8463, 4). */
int dkim_key_record(const struct dkim_key *key, struct hm_buf *out);

/* ---- the module ---- */

struct dkim_module {
	const struct dkim_conf *conf;
	const struct hm_directory *directory;
	const struct hm_resolver *resolver; /* NULL: nobody provides it */
	const struct psl_ctx_st *psl;
	const char *dir;
	struct dkim_shared *shared;
};
/* Kept across generations. */
struct dkim_shared {
	struct dkim_keys *keys;
};
/* Reads the keys anew. */
HM_FIBER int dkim_reload(struct dkim_module *d, struct hm_err *reterr);

/* ---- sign.c ---- */

/* What of a message one key signs, and how. */
struct dkim_forms {
	enum dkim_form header, body;
	bool sign;
};
struct dkim_forms dkim_forms(const struct dkim_conf *conf,
    const struct dkim_key *key);

/* The values of DKIM-Signature fields, one for each key of the domain. Worker. */
struct dkim_signing {
	const struct dkim_conf *conf;
	const struct dkim_keys *keys;
	struct hm_str domain;
	struct hm_str prefix, message; /* fields added; the message below them */
	int64_t now_s;
	struct hm_arena *arena;        /* the results are in it */
	const char **values;
	size_t n;
	struct hm_err err;
};
int dkim_sign(void *signing);

/* commands.c */
extern const struct hm_command dkim_commands[];
const char *dkim_kind_name(enum dkim_kind kind);

#endif
