/* tlslog.c - writes down each event tls_result. */
#include <hermod/plugin.h>

static const char *const types[] = { "none", "sts", "tlsa" };
static const char *const outcomes[] = {
	[HM_TLS_SUCCESS] = "success",
	[HM_TLS_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported",
	[HM_TLS_CERTIFICATE_HOST_MISMATCH] = "certificate-host-mismatch",
	[HM_TLS_CERTIFICATE_EXPIRED] = "certificate-expired",
	[HM_TLS_CERTIFICATE_NOT_TRUSTED] = "certificate-not-trusted",
	[HM_TLS_VALIDATION_FAILURE] = "validation-failure",
	[HM_TLS_TLSA_INVALID] = "tlsa-invalid",
	[HM_TLS_DNSSEC_INVALID] = "dnssec-invalid",
	[HM_TLS_DANE_REQUIRED] = "dane-required",
	[HM_TLS_STS_POLICY_FETCH_ERROR] = "sts-policy-fetch-error",
	[HM_TLS_STS_POLICY_INVALID] = "sts-policy-invalid",
	[HM_TLS_STS_WEBPKI_INVALID] = "sts-webpki-invalid",
};

static const char *const kinds[] = { "ordinary", "dmarc", "tls" };

static void
tlslog_result(struct hm_call *call, const struct hm_tls_result *e)
{
	(void)call;
	hm_log(HM_LOG_INFO, "tls result", hm_f("domain", e->domain),
	    hm_f("type", types[e->type]), hm_f("outcome", outcomes[e->outcome]),
	    hm_f("mx", e->mx_host), hm_f("remote", e->remote_ip),
	    hm_f("reason", e->reason), hm_f("policy", e->policy),
	    hm_f("kind", kinds[e->kind]));
}

static const struct hm_hook tlslog_hooks[] = {
	HM_ON(tls_result, HM_ORDER_LAST, tlslog_result), HM_HOOK_END
};

HM_MODULE(tlslog, "1.0", "Writes down how TLS went", .hooks = tlslog_hooks);
