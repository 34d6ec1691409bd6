/* resolver-getdns.c - DNS through the resolvers of this host. */
#include "stub.h"

#include <hermod/buf.h>

static const struct hm_opt stub_options[] = {
	HM_OPT_LIST(struct stub_conf, servers, NULL,
	    "Resolvers to ask, as addresses with or without a port. Without any "
	    "the system's own are asked, as the file below names them."),
	HM_OPT_NETS(struct stub_conf, trusted, NULL,
	    "Networks of resolvers that validate (DNSSEC) and whose word on it is "
	    "believed, because nobody can tamper with what lies between. One on "
	    "this host always is. Only if all that are asked can be believed, "
	    "answers count as secure, and DANE has an effect."),
	HM_OPT_FILE(struct stub_conf, resolv_conf, "/etc/resolv.conf",
	    "The file that names the system's resolvers. Its option trust-ad "
	    "counts like \"trusted\" for all of them. It is read again when it "
	    "changes."),
	HM_OPT_TIME(struct stub_conf, timeout_ms, "30s",
	    "How long one lookup may take, all attempts and servers included.",
	    .min = "1s", .max = "5m"),
	HM_OPT_TIME(struct stub_conf, try_ms, "2s",
	    "How long to wait for a server before the next one, or the same, is "
	    "asked again. Doubled with each round, up to 8s.",
	    .min = "100ms", .max = "8s"),
	HM_OPT_INT(struct stub_conf, parallel, "100",
	    "How many queries are sent at once; others wait their turn.",
	    .min = "1", .max = "1000"),
	HM_OPT_SIZE(struct stub_conf, cache_bytes, "4M",
	    "How much memory remembered answers may take; 0 remembers none.",
	    .max = "1G"),
	HM_OPT_TIME(struct stub_conf, remember_ms, "1h",
	    "How long an answer is remembered at most, however long it might be.",
	    .max = "7d"),
	HM_OPT_TIME(struct stub_conf, remember_absent_ms, "5m",
	    "How long it is remembered at most that there is nothing.",
	    .max = "3h"),
	HM_OPT_END
};

/* In the order of enum hm_dns_outcome. */
static const struct hm_metric stub_metrics[] = {
	HM_COUNTER(struct stub_metrics, lookups, "What was asked for.",
	    HM_LABEL("outcome", "ok", "nodata", "nxdomain", "badname", "timeout",
	    "failed", "bogus")),
	HM_COUNTER(struct stub_metrics, remembered,
	    "Lookups that were answered from memory."),
	HM_COUNTER(struct stub_metrics, silences,
	    "Servers that did not answer in time."),
	HM_HISTOGRAM(struct stub_metrics, wait_ms,
	    "How long lookups took that were not remembered.",
	    1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000),
	HM_METRIC_END
};

static const struct hm_provide stub_provides[] = {
	HM_PROVIDE(resolver, &stub_ops), HM_PROVIDE_END
};

static int
stub_check(const void *conf, struct hm_err *reterr)
{
	const struct stub_conf *c = conf;
	struct hm_sockaddr addr;

	if (c->servers->n > SERVERS_MAX)
		return hm_err_set(reterr, -HM_ELIMIT,
		    "servers: at most %d can be used", SERVERS_MAX);
	for (size_t i = 0; i < c->servers->n; i++)
		if (servers_parse(c->servers->at[i], &addr) < 0)
			return hm_err_set(reterr, -HM_EINVAL,
			    "servers: \"%s\" is not an address such as "
			    "192.0.2.53 or \"[2001:db8::53]:53\"",
			    c->servers->at[i]);
	return 0;
}

static int
make_cache(struct hm_mod *m, void *arg, void **ret, struct hm_err *reterr)
{
	const struct stub_conf *conf = hm_mod_conf(m);

	(void)arg;
	(void)reterr;
	*ret = cache_new(conf->cache_bytes);
	return 0;
}

static void
free_cache(void *cache)
{
	cache_free(cache);
}

/* Answers are remembered as long as the same ones are asked and believed. */
static const char *
cache_key(struct hm_mod *m)
{
	const struct stub_conf *conf = hm_mod_conf(m);
	struct hm_buf key = { 0 };
	const char *copy;
	char text[112];

	hm_buf_printf(&key, "cache %s", conf->resolv_conf);
	for (size_t i = 0; i < conf->servers->n; i++)
		hm_buf_printf(&key, " %s", conf->servers->at[i]);
	hm_buf_puts(&key, " trusted");
	for (size_t i = 0; i < conf->trusted->n; i++)
		hm_buf_printf(&key, " %s/%u",
		    hm_sockaddr_ip(text, &conf->trusted->at[i].addr),
		    conf->trusted->at[i].bits);
	copy = hm_strdup(hm_mod_arena(m), key.p);
	hm_buf_release(&key);
	return copy;
}

static void
release(void *arg)
{
	struct stub *stub = arg;

	servers_unref(stub->servers);
	getdns_dict_destroy(stub->plain);
	getdns_dict_destroy(stub->unchecked);
}

/* A resolver that validates says so to who sets AD (RFC 6840, 5.7), and does
 * not validate for who sets CD (RFC 4035, 3.2.2). EDNS brings larger answers,
 * and words about errors (RFC 8914). */
static int
make_extensions(struct stub *stub, struct hm_err *reterr)
{
	if (getdns_str2dict("{ \"header\": { \"ad\": 1 }, "
	    "\"add_opt_parameters\": { \"maximum_udp_payload_size\": 1232 } }",
	    &stub->plain) != GETDNS_RETURN_GOOD ||
	    getdns_str2dict("{ \"header\": { \"ad\": 1, \"cd\": 1 }, "
	    "\"add_opt_parameters\": { \"maximum_udp_payload_size\": 1232 } }",
	    &stub->unchecked) != GETDNS_RETURN_GOOD)
		return hm_err_set(reterr, -HM_EINTERNAL,
		    "getdns does not take the settings of a query");
	return 0;
}

static int
stub_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct stub *stub = hm_new(hm_mod_arena(m), struct stub);
	void *cache;
	int rc;

	stub->m = m;
	stub->conf = hm_mod_conf(m);
	stub->metrics = hm_mod_metrics(m);
	stub->slots.free = (int)stub->conf->parallel;
	hm_mod_set(m, stub);
	hm_on_free(hm_mod_arena(m), release, stub);
	rc = make_extensions(stub, reterr);
	if (rc < 0)
		return rc;
	rc = hm_keep(m, cache_key(m), make_cache, NULL, free_cache, &cache,
	    reterr);
	if (rc < 0)
		return rc;
	stub->cache = cache;
	return servers_open(stub, reterr);
}

static void
stub_start(struct hm_mod *m)
{
	struct stub *stub = hm_mod_state(m);

	cache_set_limit(stub->cache, stub->conf->cache_bytes);
}

HM_MODULE_NAMED("resolver-getdns", "1.0",
	"DNS through the resolvers of this host",
	.conf_size = sizeof(struct stub_conf), .options = stub_options,
	.metrics = stub_metrics, .metrics_size = sizeof(struct stub_metrics),
	.provides = stub_provides, .check = stub_check,
	.open = stub_open, .start = stub_start);
