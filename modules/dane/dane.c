/* dane.c - says which certificates a host's TLSA records allow (RFC 7672). */
#include <gnutls/x509.h>

#include <hermod/dns.h>
#include <hermod/net.h>

#include "dane.h"

static const struct hm_metric dane_metrics[] = {
	HM_COUNTER(struct dane_metrics, lookups,
	    "Hosts whose TLSA records were looked for.",
	    HM_LABEL("result", "none", "usable", "unusable", "failed")),
	HM_METRIC_END
};

static struct hm_verdict
dane_tls_policy(struct hm_call *call, struct hm_tls_policy *p)
{
	return dane_look(hm_mod_state(hm_call_mod(call)), p);
}

/* ---- records of our own ---- */

static bool
names_host(struct hm_str der, const char *host)
{
	gnutls_datum_t d = { (unsigned char *)der.p, (unsigned)der.len };
	gnutls_x509_crt_t cert;
	bool yes;

	if (gnutls_x509_crt_init(&cert) < 0)
		return false;
	yes = gnutls_x509_crt_import(cert, &d, GNUTLS_X509_FMT_DER) == 0 &&
	    gnutls_x509_crt_check_hostname(cert, host) != 0;
	gnutls_x509_crt_deinit(cert);
	return yes;
}

static void
want(struct hm_dns_wants *wants, const char *host, struct hm_str der)
{
	struct hm_buf data = { 0 };

	if (dane_record_data(der, DANE_SPKI, DANE_SHA256, &data) == 0)
		hm_dns_want(wants, &(struct hm_dns_want){
		    .about = "the key of this host, for servers that send to it",
		    .name = dane_name(wants->arena, 25, hm_str(host)),
		    .type = HM_DNS_TLSA,
		    .flags = HM_DNS_OPTIONAL | HM_DNS_AMONG,
		    .rr.tlsa = { DANE_EE, DANE_SPKI, DANE_SHA256,
		        hm_str_dup(wants->arena, hm_buf_view(&data)) } });
	hm_buf_release(&data);
}

static struct hm_verdict
dane_dns_records(struct hm_call *call, struct hm_dns_wants *wants)
{
	const struct hm_server *server = hm_server(hm_call_mod(call));
	struct hm_str der;

	for (size_t i = 0; server->tls != NULL; i++) {
		der = hm_tls_leaf(server->tls, i, wants->arena);
		if (der.p == NULL)
			break;
		if (names_host(der, server->hostname))
			want(wants, server->hostname, der);
	}
	return hm_pass();
}

/* ---- life ---- */

static int
dane_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct dane *d = hm_new(hm_mod_arena(m), struct dane);

	(void)reterr;
	d->resolver = HM_GET(m, resolver);
	d->client = HM_GET(m, smtp_client);
	d->metrics = hm_mod_metrics(m);
	hm_mod_set(m, d);
	return 0;
}

static void
dane_start(struct hm_mod *m)
{
	const struct dane *d = hm_mod_state(m);

	if (!d->resolver->ops->can_secure(d->resolver->self))
		hm_log(HM_LOG_WARN, "no host can be verified by DANE: the "
		    "resolver is not trusted with DNSSEC; see "
		    "hermod-resolver-getdns(7)");
}

static const struct hm_need dane_needs[] = {
	HM_NEED(resolver), HM_WANT(smtp_client), HM_NEED_END
};
static const struct hm_hook dane_hooks[] = {
	HM_ON(tls_policy, HM_ORDER_POLICY, dane_tls_policy),
	HM_ON(dns_records, HM_ORDER_CONTENT, dane_dns_records),
	HM_HOOK_END
};

HM_MODULE(dane, "1.0", "Verifies servers by their TLSA records",
	.needs = dane_needs, .hooks = dane_hooks, .commands = dane_commands,
	.open = dane_open, .start = dane_start, .metrics = dane_metrics,
	.metrics_size = sizeof(struct dane_metrics));
