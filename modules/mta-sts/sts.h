/* sts.h - what the files of this module share. */
#ifndef STS_H
#define STS_H

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/iface/kv.h>
#include <hermod/iface/resolver.h>
#include <hermod/io.h>
#include <hermod/net.h>
#include <hermod/plugin.h>

/* ---- policy.c: records and policies (RFC 8461, 3), without a network ---- */

enum {
	STS_BYTES_MAX = 64 * 1024,   /* of a policy */
	STS_LINE_MAX = 1000,
	STS_MX_MAX = 1000,
	STS_ID_MAX = 32,
	STS_MAX_AGE_S = 31557600,    /* a year; larger counts as this */
	STS_MIN_AGE_S = 300,         /* smaller would be fetched for each message */
};
struct sts_policy {
	enum hm_sts_mode mode;
	uint32_t max_age_s;
	size_t nmx;
	const struct hm_str *mx;     /* A-labels, lower case: "*.example.org" */
	struct hm_str text;          /* its lines, ended by LF but the last */
};
int sts_policy_parse(struct hm_arena *arena, struct hm_str text,
    struct sts_policy *ret, struct hm_err *reterr);
bool sts_policy_allows(const struct sts_policy *policy, struct hm_str host);
const char *sts_mode_name(enum hm_sts_mode mode);
/* The id of the one record among TXT records; -HM_ENOENT if none speaks of
 * MTA-STS, -HM_ESYNTAX if several do, or one that is wrong. */
int sts_record_id(const struct hm_dns_answer *txt, struct hm_str *ret_id);

/* ---- http.c: the reply to a GET (RFC 9112), without a stream ---- */

enum { STS_HTTP_LINE_MAX = 8192, STS_HTTP_FIELDS_MAX = 100 };
struct sts_reply {
	int status;
	unsigned fields;
	bool chunked, has_length;
	uint64_t length;
	bool plain;                  /* text/plain */
	bool has_type;
};
/* Lines without their ends; 0, -HM_ESYNTAX, -HM_ELIMIT, -HM_EUNSUPPORTED. */
int sts_reply_status(struct sts_reply *reply, struct hm_str line);
int sts_reply_field(struct sts_reply *reply, struct hm_str line);
/* After the last field: whether they make sense together. */
int sts_reply_check(const struct sts_reply *reply, struct hm_err *reterr);
int sts_chunk_size(struct hm_str line, uint64_t *ret);

/* ---- the module ---- */

struct sts_conf {
	const char *ca_file;
	const struct hm_netlist *refuse;
	int64_t timeout_ms;
	int64_t fetches;
	int64_t keep_unused_ms;
	int64_t port;
};
struct sts_metrics {
	struct hm_counter *lookups, *fetches;
};
struct sts_job;
struct sts {
	struct hm_mod *m;
	const struct sts_conf *conf;
	const struct sts_metrics *metrics;
	const struct hm_resolver *resolver;
	const struct hm_kv *kv;
	struct hm_kv_table *table;
	struct hm_tls *tls;
	struct hm_sem fetching;
	struct sts_job *jobs;        /* fetches under way */
	struct hm_fiber *janitor;
};

/* fetch.c: the policy of a domain over HTTPS (RFC 8461, 3.3). 0, or below with
 * what it is called in reports. */
HM_FIBER int sts_fetch(const struct sts *s, struct hm_str domain,
    struct hm_buf *text, enum hm_tls_outcome *ret_outcome,
    struct hm_err *reterr);

/* ---- cache.c: what is known, on disk ---- */

struct sts_entry {
	struct hm_str domain;        /* the key */
	struct hm_str id, text;      /* text: empty if there was never a policy */
	enum hm_sts_mode mode;
	int64_t fetched_ms, expires_ms; /* wall */
	int64_t used_ms;
	int64_t again_ms;            /* no fetch before, after one that failed */
};
void sts_entry_pack(struct hm_buf *out, const struct sts_entry *e);
int sts_entry_unpack(struct hm_str in, struct sts_entry *ret);
/* 0, -HM_ENOENT, or an error of the store. */
HM_FIBER int sts_cache_get(const struct sts *s, struct hm_arena *arena,
    struct hm_str domain, struct sts_entry *ret, struct hm_err *reterr);
HM_FIBER int sts_cache_put(const struct sts *s, const struct sts_entry *e,
    struct hm_err *reterr);
HM_FIBER int sts_cache_drop(const struct sts *s, struct hm_str domain,
    struct hm_err *reterr);
/* It was used just now. */
HM_FIBER void sts_cache_touch(const struct sts *s, const struct sts_entry *e);
/* Those behind that domain in their order, at most STS_LIST_MAX, and of their
 * texts only whether there are any. */
enum { STS_LIST_MAX = 500 };
HM_FIBER int sts_cache_list(const struct sts *s, struct hm_arena *arena,
    struct hm_str after, struct sts_entry **ret, size_t *ret_n,
    struct hm_err *reterr);

/* ---- find.c: the policy that holds for a domain now ---- */

struct sts_found {
	bool any;
	struct sts_policy policy;
	struct sts_entry entry;
};
/* 0, or below 0 if that cannot be known now: *reterr has the reason. */
HM_FIBER int sts_find(struct sts *s, struct hm_arena *arena,
    struct hm_str domain, struct sts_found *ret, struct hm_err *reterr);
/* The id in the DNS: 0, -HM_ENOENT, -HM_ESYNTAX, or -HM_EBUSY for no answer. */
HM_FIBER int sts_ask_id(const struct sts *s, struct hm_arena *arena,
    struct hm_str domain, int64_t timeout_ms, struct hm_str *ret_id,
    struct hm_str *ret_reason);
/* Fetches and keeps; others who want the same wait for it. wait_ms 0: does not
 * wait. 0; what was wrong; or -HM_EBUSY if it goes on, or was broken off. told:
 * reports hear of it. */
HM_FIBER int sts_renew(struct sts *s, struct hm_str domain, struct hm_str id,
    int64_t wait_ms, bool told, struct hm_err *reterr);
/* All fetches, because the server stops or has new settings. */
void sts_break_off(struct sts *s);

/* refresh.c: policies stay fresh without anybody asking; a fiber's function. */
void sts_refresh(void *sts);
/* When a policy should be fetched again though it still holds. */
int64_t sts_due_ms(const struct sts_entry *e);

/* commands.c */
extern const struct hm_command sts_commands[];

#endif
