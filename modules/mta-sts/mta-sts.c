/* mta-sts.c - asks domains for their policies on TLS (RFC 8461). */
#include "sts.h"

static const struct hm_opt sts_options[] = {
	HM_OPT_FILE(struct sts_conf, ca_file, NULL,
	    "Certificates of the authorities that policy hosts are verified with. "
	    "Empty: the system's."),
	HM_OPT_NETS(struct sts_conf, refuse,
	    "[0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3, ::/127, "
	    "::ffff:0:0/96, fe80::/10, ff00::/8]",
	    "Networks that no policy is fetched from, whatever the DNS says."),
	HM_OPT_TIME(struct sts_conf, timeout_ms, "1m",
	    "How long one fetch may take.", .min = "1s", .max = "10m"),
	HM_OPT_INT(struct sts_conf, fetches, "8",
	    "How many policies are fetched at once.", .min = "1", .max = "100"),
	HM_OPT_TIME(struct sts_conf, keep_unused_ms, "180d",
	    "After this time without mail to a domain its policy is forgotten.",
	    .min = "1d", .max = "3650d"),
	HM_OPT_INT(struct sts_conf, port, "443",
	    "The port of policy hosts. Another one than 443 is for tests.",
	    .min = "1", .max = "65535"),
	HM_OPT_END
};

static const struct hm_metric sts_metrics[] = {
	HM_COUNTER(struct sts_metrics, lookups,
	    "Policies asked for, for a host that mail goes to.",
	    HM_LABEL("result", "none", "cached", "fetched", "unknown")),
	HM_COUNTER(struct sts_metrics, fetches,
	    "Policies fetched over HTTPS.",
	    HM_LABEL("result", "good", "failed", "invalid", "untrusted")),
	HM_METRIC_END
};

/* Asked for the recipient's domain, never for what it is an alias of: whoever
 * answers for that has no say in it (RFC 8461, 3.1). */
static struct hm_verdict
sts_tls_policy(struct hm_call *call, struct hm_tls_policy *p)
{
	struct sts *s = hm_mod_state(hm_call_mod(call));
	struct hm_err err = { 0 };
	struct sts_found found;

	if (p->domain.len == 0 || p->domain.p[0] == '[' ||
	    hm_str_chr(p->domain, '.') < 0)
		return hm_pass();
	/* Where DANE decides, it does so with or without us (RFC 8461, 2). */
	if (sts_find(s, p->arena, p->domain, &found, &err) < 0)
		return p->dane && p->ntlsa > 0 ? hm_pass() :
		    hm_defer("4.7.5", hm_strdup(p->arena, err.text));
	if (!found.any || found.policy.mode == HM_STS_NONE)
		return hm_pass();
	p->sts_mode = found.policy.mode;
	p->sts_host_allowed = sts_policy_allows(&found.policy, p->host);
	p->sts_text = found.policy.text;
	return hm_pass();
}

/* ---- life ---- */

static void
drop_tls(void *arg)
{
	hm_tls_unref(arg);
}

static int
sts_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct sts *s = hm_new(hm_mod_arena(m), struct sts);
	int r;

	s->m = m;
	s->conf = hm_mod_conf(m);
	s->metrics = hm_mod_metrics(m);
	s->resolver = HM_GET(m, resolver);
	s->kv = HM_GET(m, kv);
	s->fetching.free = (int)s->conf->fetches;
	hm_mod_set(m, s);
	r = hm_kv_table(s->kv, "mta-sts", &s->table, reterr);
	/* It is verified behind the handshake, to know what was wrong. */
	if (r == 0)
		r = hm_tls_client(s->conf->ca_file, false, &s->tls, reterr);
	if (r == 0)
		hm_on_free(hm_mod_arena(m), drop_tls, s->tls);
	return r;
}

static void
sts_start(struct hm_mod *m)
{
	struct sts *s = hm_mod_state(m);

	s->janitor = hm_fiber_start(m, "mta-sts refresh", sts_refresh, s);
}

static void
sts_retire(struct hm_mod *m)
{
	struct sts *s = hm_mod_state(m);

	if (s->janitor != NULL)
		hm_fiber_cancel(s->janitor);
	sts_break_off(s);
}

static const struct hm_need sts_needs[] = {
	HM_NEED(resolver), HM_NEED(kv), HM_NEED_END
};
static const struct hm_hook sts_hooks[] = {
	HM_ON(tls_policy, HM_ORDER_POLICY, sts_tls_policy), HM_HOOK_END
};

HM_MODULE_NAMED("mta-sts", "1.0", "Asks domains for their policies on TLS",
	.conf_size = sizeof(struct sts_conf), .options = sts_options,
	.needs = sts_needs, .hooks = sts_hooks, .commands = sts_commands,
	.open = sts_open, .start = sts_start, .retire = sts_retire,
	.metrics = sts_metrics, .metrics_size = sizeof(struct sts_metrics));
