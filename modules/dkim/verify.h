/* verify.h - whether a signature is good: the DKIM-Signature field, the record of
 * the key, and what both say about a message (RFC 6376, 6).
 *
 * What is wrong is a static text, one clause in plain words, NULL if nothing is.
 */
#ifndef DKIM_VERIFY_H
#define DKIM_VERIFY_H

#include <hermod/header.h>
#include <hermod/spool.h>

#include "dkim.h"

/* Limits on what others write. */
enum {
	DKIM_CHECKS_MAX = 20,          /* signatures of one message */
	DKIM_TAGS_MAX = 40,            /* of one list */
	DKIM_NAMES_MAX = 1000,         /* in h= */
	DKIM_VALUE_MAX = 64 * 1024,    /* bytes of a signature */
	DKIM_RECORD_MAX = 16 * 1024,   /* bytes of a key's record */
	DKIM_HEADER_MAX = 1024 * 1024, /* bytes of a message's header */
	DKIM_LOOKUP_MS = 10 * 1000,    /* for one key */
	DKIM_LOOKUPS_MS = 60 * 1000,   /* for all of a message */
	DKIM_SKEW_S = 24 * 3600,       /* clocks may differ, and zones are mistaken */
};

struct dkim_rules {
	int64_t now_s;
	bool sha1;                     /* RFC 8301 forbids it; many still sign so */
	bool drafts;                   /* also what came before v=1: for tests */
	unsigned rsa_bits_min;
	const struct psl_ctx_st *psl;  /* NULL: single labels are public */
};

/* ---- tags.c: lists of tags (RFC 6376, 3.2); pure ---- */

struct dkim_tag {
	struct hm_str name, value;
	struct hm_str whole;           /* the value with white space around it */
};
struct dkim_tags {
	size_t n;
	struct dkim_tag at[DKIM_TAGS_MAX];
};
const char *dkim_tags_parse(struct hm_str text, struct dkim_tags *ret);
/* The value, {NULL,0} if there is none. */
struct hm_str dkim_tag(const struct dkim_tags *tags, const char *name);
/* Whether one of the words between colons is that. */
bool dkim_list_has(struct hm_str list, const char *word);
/* Base64 in which white space may stand anywhere; into the arena. */
int dkim_base64(struct hm_arena *arena, struct hm_str text, struct hm_str *ret);
/* A domain or selector as it is asked for: A-labels, lower case; nothing but
 * letters, digits, "-", "_" and dots. */
int dkim_name(struct hm_arena *arena, struct hm_str text, struct hm_str *ret);

/* ---- signature.c: the field DKIM-Signature (RFC 6376, 3.5) ---- */

enum dkim_hash { DKIM_SHA256 = 0, DKIM_SHA1 = 1, DKIM_HASHES };

struct dkim_signature {
	struct hm_str domain, selector;/* {NULL,0} as long as they are not known */
	bool current;                  /* v=1 */
	const char *algorithm;         /* "rsa-sha256"; or NULL */
	enum dkim_kind kind;
	enum dkim_hash hash;
	enum dkim_form header, body;
	struct hm_str identity;        /* the domain of i= */
	struct hm_str query;           /* q=, or {NULL,0} */
	struct hm_str signature, body_hash;
	struct hm_str b;               /* where the value stands in the field */
	bool limited;                  /* l=: the body goes on behind the signed */
	int64_t made_s, expires_s;     /* -1: not said */
	size_t nnames;
	const struct hm_str *names;    /* of h= */
};
/* Sets what it understands before it meets a fault. */
const char *dkim_signature_parse(struct hm_arena *arena, struct hm_str value,
    struct dkim_signature *ret);
/* What makes it invalid for anybody, and what we do not accept. */
const char *dkim_signature_fault(const struct dkim_signature *sig,
    const struct dkim_rules *rules);
const char *dkim_signature_policy(const struct dkim_signature *sig,
    const struct dkim_rules *rules);
bool dkim_signs_name(const struct dkim_signature *sig, const char *name);

/* ---- record.c: the record of a key (RFC 6376, 3.6.1) ---- */

struct dkim_record {
	enum dkim_kind kind;
	bool hashes[DKIM_HASHES];      /* that it may be used with */
	bool email;                    /* the services it may be used for */
	bool testing, strict;          /* t=y, t=s */
	bool revoked;
	unsigned bits;
	struct hm_str key;             /* p=, decoded */
	gnutls_pubkey_t public;        /* NULL if revoked; lives as the arena */
};
/* Whether a text means to be such a record. */
bool dkim_record_is(struct hm_str text);
const char *dkim_record_parse(struct hm_arena *arena, struct hm_str text,
    struct dkim_record *ret);
/* Whether a key is too weak, revoked or not for mail. */
const char *dkim_record_fault(const struct dkim_record *record,
    const struct dkim_rules *rules);

enum dkim_result {
	DKIM_PENDING = 0, DKIM_NONE, DKIM_PASS, DKIM_FAIL, DKIM_POLICY,
	DKIM_TEMPERROR, DKIM_PERMERROR,
};
const char *dkim_result_text(enum dkim_result result);
/* The one record among what the DNS said. DKIM_PENDING: *ret is it. */
enum dkim_result dkim_record_find(struct hm_arena *arena,
    const struct hm_dns_answer *answer, struct dkim_record *ret,
    const char **ret_why);
/* Asks for it; temporary failures are a result. Negative: the fiber is to end. */
HM_FIBER int dkim_record_ask(struct hm_arena *arena,
    const struct hm_resolver *resolver, struct hm_str selector,
    struct hm_str domain, unsigned flags, int64_t timeout_ms,
    struct hm_dns_answer *ret);

/* ---- verify.c: all signatures of a message ---- */

struct dkim_check {
	struct hm_hdrfield field;
	struct dkim_signature sig;
	struct dkim_record record;
	bool found;                    /* there is a record */
	bool secure;                   /* the DNS proves it */
	enum dkim_result result;
	const char *why;               /* NULL for a pass */
};
struct dkim_verifying {
	struct dkim_rules rules;
	const struct hm_resolver *resolver;
	struct hm_spool *spool;        /* the message, lines ended by CRLF */
	struct hm_arena *arena;
	size_t n;                      /* in the order of the fields */
	struct dkim_check *at;
	size_t more;                   /* signatures nobody looked at */
};
/* 0, and each has its result; or no message, or the fiber is to end. */
HM_FIBER int dkim_verify(struct dkim_verifying *v, struct hm_err *reterr);

/* commands-verify.c */
HM_FIBER int dkim_run_lookup(struct hm_cmd *cmd);
HM_FIBER int dkim_run_verify(struct hm_cmd *cmd);

#endif
