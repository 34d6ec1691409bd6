/* stub.h - what the files of this module share. */
#ifndef STUB_H
#define STUB_H

#include <getdns/getdns_extra.h>

#include <hermod/fiber.h>
#include <hermod/iface/resolver.h>
#include <hermod/metrics.h>
#include <hermod/plugin.h>

#include "cache.h"
#include "resolvconf.h"

enum { SERVERS_MAX = 8 };

struct stub_conf {
	const struct hm_strlist *servers;
	const struct hm_netlist *trusted;
	const char *resolv_conf;
	int64_t timeout_ms, try_ms;
	int64_t parallel;
	uint64_t cache_bytes;
	int64_t remember_ms, remember_absent_ms;
};

struct stub_metrics {
	struct hm_counter *lookups, *remembered, *silences;
	struct hm_histogram *wait_ms;
};

/* glue.c: getdns on the loop of this process. */
struct glue {
	getdns_eventloop loop;     /* first, it is what getdns knows */
};
void glue_init(struct glue *glue);

/* servers.c: whom to ask. A context of getdns for each, so that it is ours to
 * say which one is asked, how long and how often. */
struct server {
	getdns_context *context;
	struct glue glue;
	struct hm_sockaddr addr;
	bool silent;               /* it was last seen not answering */
};
struct servers {
	unsigned refs;
	bool trusted;              /* all of them, with validation (DNSSEC) */
	size_t n;
	size_t current;            /* the one that answered last */
	struct server at[SERVERS_MAX];
};

struct stub {
	struct hm_mod *m;
	const struct stub_conf *conf;
	const struct stub_metrics *metrics;
	struct servers *servers;
	struct cache *cache;       /* kept across generations */
	struct hm_sem slots;       /* queries under way */
	getdns_dict *plain, *unchecked; /* extensions of a query */
	struct resolvconf_stamp stamp;
	int64_t looked_ms;         /* when resolv.conf was last looked at */
	bool looking;
};

/* "192.0.2.53", "[2001:db8::53]:5353". */
int servers_parse(const char *text, struct hm_sockaddr *ret);
/* As the configuration, or resolv.conf, says. On a fiber. */
int servers_open(struct stub *stub, struct hm_err *reterr);
/* Looks after resolv.conf now and then; does not suspend. */
void servers_refresh(struct stub *stub);
struct servers *servers_ref(struct servers *servers);
void servers_unref(struct servers *servers); /* NULL accepted */

/* ask.c: one question to one server, once. 0 with the answer's bytes in the
 * arena; -HM_ETIMEDOUT, -HM_EIO, -HM_ECANCELED. */
HM_FIBER int ask(struct server *server, getdns_dict *extensions,
    struct hm_str name, enum hm_dns_type type, int64_t timeout_ms,
    struct hm_arena *arena, struct hm_str *ret);

/* query.c */
extern const struct hm_resolver_ops stub_ops;

#endif
