/* policy.c - what a host must prove before it gets mail, and whether it did.
 *
 * MTA-STS and DANE say what they know at the hook tls_policy; DANE goes before
 * MTA-STS (RFC 8461, 2). REQUIRETLS needs one of them; "TLS-Required: No" sets
 * both aside (RFC 8689).
 */
#include <stdio.h>

#include "client.h"

static void
fill(struct hm_smtp_run *run, struct client_host *h, const struct hm_attempt *a)
{
	h->policy = (struct hm_tls_policy){
		.size = sizeof(h->policy), .arena = run->arena,
		.domain = run->domain, .domain_final = run->final,
		.host = h->name, .host_final = h->final,
		.port = run->opts->port != 0 ? run->opts->port : 25,
		.domain_secure = run->secure,
		.host_secure = run->secure && h->secure,
		.requiretls = a->requiretls,
	};
}

static bool
trouble(struct client_trouble *t, bool permanent, const char *esc,
    struct hm_str text)
{
	*t = (struct client_trouble){ .permanent = permanent,
	    .esc = hm_str(esc), .text = text };
	return false;
}

/* ---- results for reports ---- */

static void
copy(char *out, size_t size, struct hm_str s)
{
	snprintf(out, size, "%.*s", HM_FMT(hm_str_take(s, size - 1)));
}

static void
tell(struct hm_smtp_run *run, const struct client_host *h,
    const struct hm_io *io, enum hm_tls_outcome outcome, struct hm_str reason)
{
	const struct hm_tls_policy *p = &h->policy;
	struct hm_tls_result e = { .outcome = outcome };
	char ip[112];

	e.type = p->dane ? HM_TLS_POLICY_TLSA : p->sts_mode != HM_STS_NONE ?
	    HM_TLS_POLICY_STS : HM_TLS_POLICY_NONE;
	copy(e.domain, sizeof(e.domain), p->dane ? p->tlsa_base : run->domain);
	copy(e.mx_host, sizeof(e.mx_host), h->name);
	copy(e.helo, sizeof(e.helo), hm_str(run->opts->ehlo));
	copy(e.reason, sizeof(e.reason), reason);
	copy(e.policy, sizeof(e.policy), p->sts_text);
	if (io != NULL && hm_io_peer(io) != NULL)
		copy(e.remote_ip, sizeof(e.remote_ip),
		    hm_str(hm_sockaddr_ip(ip, hm_io_peer(io))));
	if (io != NULL && hm_io_local(io) != NULL)
		copy(e.local_ip, sizeof(e.local_ip),
		    hm_str(hm_sockaddr_ip(ip, hm_io_local(io))));
	hm_emit_tls_result(run->opts->caller, &e);
}

void
client_tell_tls(struct hm_smtp_run *run, const struct client_host *h,
    const struct hm_smtp *smtp, const struct hm_smtp_failure *failure)
{
	if (run->opts->host != NULL)
		return;
	if (failure == NULL) {
		if (hm_io_is_tls(smtp->io) && !run->told)
			tell(run, h, smtp->io, HM_TLS_SUCCESS,
			    (struct hm_str){ 0 });
	} else if (failure->stage == HM_SMTP_NO_TLS) {
		tell(run, h, NULL, HM_TLS_STARTTLS_NOT_SUPPORTED,
		    (struct hm_str){ 0 });
	} else if (failure->stage == HM_SMTP_TLS_FAILED && !run->told) {
		tell(run, h, NULL, HM_TLS_VALIDATION_FAILURE,
		    hm_str(failure->text));
	}
	run->told = false;
}

/* ---- before dialling ---- */

bool
client_ask_policy(struct hm_smtp_run *run, struct client_host *h,
    const struct hm_attempt *a, struct client_trouble *ret)
{
	const struct hm_tls_policy *p = &h->policy;
	struct hm_verdict v;

	fill(run, h, a);
	if (run->opts->host != NULL || a->requiretls == HM_REQUIRETLS_NO)
		return true;
	v = hm_decide_tls_policy(run->opts->caller, NULL, NULL, &h->policy);
	if (hm_verdict_final(v) && v.kind != HM_ACCEPT)
		return trouble(ret, v.kind == HM_REJECT, v.esc ? "4.7.5" :
		    "4.7.0", hm_str_dup(run->arena, hm_str(v.text ? v.text :
		    "the TLS policy of the host could not be found out")));
	if (p->sts_mode != HM_STS_NONE && !p->sts_host_allowed && !p->dane) {
		tell(run, h, NULL, HM_TLS_VALIDATION_FAILURE,
		    HM_STR("host not listed in the policy"));
		if (p->sts_mode == HM_STS_ENFORCE)
			return trouble(ret, false, "4.7.5", hm_str(hm_printf(
			    run->arena, "the MTA-STS policy of %.*s does not "
			    "list the host %.*s", HM_FMT(run->domain),
			    HM_FMT(h->name))));
	}
	if (a->requiretls == HM_REQUIRETLS_YES && !(p->dane && p->ntlsa > 0) &&
	    p->sts_mode != HM_STS_ENFORCE)
		return trouble(ret, true, "5.7.30", HM_STR("the message requires "
		    "TLS, and nothing says how the host could prove itself"));
	return true;
}

enum hm_smtp_tls
client_tls_mode(const struct hm_smtp_run *run, const struct client_host *h,
    const struct hm_attempt *a)
{
	const struct hm_tls_policy *p = &h->policy;

	if (run->opts->host != NULL)
		return run->opts->tls;
	if (a->requiretls == HM_REQUIRETLS_NO)
		return HM_SMTP_TLS_MAY;
	return p->dane || p->sts_mode == HM_STS_ENFORCE ? HM_SMTP_TLS_MUST :
	    HM_SMTP_TLS_MAY;
}

/* ---- after the handshake ---- */

static enum hm_tls_outcome
outcome_of(enum hm_tls_fault fault)
{
	return fault == HM_TLS_FAULT_NAME ? HM_TLS_CERTIFICATE_HOST_MISMATCH :
	    fault == HM_TLS_FAULT_EXPIRED ? HM_TLS_CERTIFICATE_EXPIRED :
	    HM_TLS_CERTIFICATE_NOT_TRUSTED;
}

static int
verify_dane(struct hm_smtp_run *run, struct hm_io *io, struct hm_err *reterr)
{
	const struct client_host *h = run->host;
	const struct hm_tls_policy *p = &h->policy;
	const struct hm_str names[] = { p->tlsa_base, h->name, run->domain,
		run->final };
	int r;

	/* Records that nobody can use: TLS, whoever it is (RFC 7672, 2.2). */
	if (p->ntlsa == 0)
		return 0;
	r = client_dane_verify(io, p->tlsa, p->ntlsa, names,
	    HM_ARRAY_LEN(names), reterr);
	run->proved = r == 0;
	if (r < 0) {
		tell(run, h, io, HM_TLS_VALIDATION_FAILURE,
		    HM_STR("no TLSA record matches"));
		run->told = true;
	}
	return r;
}

static int
verify_pkix(struct hm_smtp_run *run, struct hm_io *io, bool must,
    struct hm_err *reterr)
{
	const struct client_host *h = run->host;
	enum hm_tls_fault fault;
	const char *name = hm_strndup(run->arena, h->name.p, h->name.len);
	int r = hm_io_tls_verify(io, name, &fault, reterr);

	run->proved = r == 0;
	if (r < 0 && run->opts->host == NULL) {
		tell(run, h, io, outcome_of(fault), (struct hm_str){ 0 });
		run->told = true;
	}
	return must ? r : 0;
}

int
client_verify(struct hm_io *io, void *arg, struct hm_err *reterr)
{
	struct hm_smtp_run *run = arg;
	const struct hm_tls_policy *p = &run->host->policy;

	run->proved = false;
	if (run->opts->host != NULL)
		return run->opts->any_certificate ? 0 :
		    verify_pkix(run, io, true, reterr);
	if (p->dane)
		return verify_dane(run, io, reterr);
	if (p->sts_mode != HM_STS_NONE)
		return verify_pkix(run, io, p->sts_mode == HM_STS_ENFORCE,
		    reterr);
	return 0;
}
