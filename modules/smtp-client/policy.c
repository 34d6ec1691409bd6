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

/* As many whole lines as there is room for. */
static void
copy_lines(char *out, size_t size, struct hm_str s)
{
	ssize_t end;

	if (s.len >= size) {
		end = hm_str_rchr(hm_str_take(s, size), '\n');
		s = hm_str_take(s, end < 0 ? 0 : (size_t)end);
	}
	copy(out, size, s);
}

static void
tell(struct hm_smtp_run *run, const struct client_host *h,
    const struct hm_io *io, enum hm_tls_policy_type type,
    enum hm_tls_outcome outcome, struct hm_str reason)
{
	const struct hm_tls_policy *p = &h->policy;
	struct hm_tls_result e = { .type = type, .outcome = outcome,
	    .kind = run->kind };
	char ip[112];

	copy(e.domain, sizeof(e.domain), type == HM_TLS_POLICY_TLSA ?
	    p->tlsa_base : run->domain);
	copy(e.mx_host, sizeof(e.mx_host), h->name);
	copy(e.helo, sizeof(e.helo), hm_str(run->opts->ehlo));
	copy(e.reason, sizeof(e.reason), reason);
	if (type == HM_TLS_POLICY_TLSA)
		copy_lines(e.policy, sizeof(e.policy), p->dane_text);
	else if (type == HM_TLS_POLICY_STS)
		copy_lines(e.policy, sizeof(e.policy), p->sts_text);
	if (run->addr != NULL)
		copy(e.remote_ip, sizeof(e.remote_ip),
		    hm_str(hm_sockaddr_ip(ip, run->addr)));
	if (io != NULL && hm_io_local(io) != NULL)
		copy(e.local_ip, sizeof(e.local_ip),
		    hm_str(hm_sockaddr_ip(ip, hm_io_local(io))));
	hm_emit_tls_result(run->opts->caller, &e);
	run->told |= 1u << type;
}

/* The host is one that the MTA-STS policy speaks of. */
static bool
sts_holds(const struct hm_tls_policy *p)
{
	return p->sts_mode != HM_STS_NONE && p->sts_host_allowed;
}

/* DANE can tell who the host is; then it alone decides (RFC 8461, 2). */
static bool
dane_decides(const struct hm_tls_policy *p)
{
	return p->dane && p->ntlsa > 0;
}

/* The same for each policy the host has, unless it was told already. */
static void
tell_each(struct hm_smtp_run *run, const struct client_host *h,
    const struct hm_io *io, enum hm_tls_outcome outcome, struct hm_str reason)
{
	const struct hm_tls_policy *p = &h->policy;
	const bool has[] = {
		[HM_TLS_POLICY_NONE] = !p->dane && p->sts_mode == HM_STS_NONE,
		[HM_TLS_POLICY_STS] = sts_holds(p),
		[HM_TLS_POLICY_TLSA] = p->dane,
	};

	for (unsigned type = 0; type < HM_ARRAY_LEN(has); type++)
		if (has[type] && !(run->told & 1u << type))
			tell(run, h, io, type, outcome, reason);
}

void
client_tell_tls(struct hm_smtp_run *run, const struct client_host *h,
    const struct hm_smtp *smtp, const struct hm_smtp_failure *failure)
{
	const struct hm_str none = { 0 };

	/* Whoever waives TLS is no witness for it, nor is one host that was
	 * configured, nor the attempt in clear behind one that failed. */
	if (run->opts->host != NULL || run->peer.tls == HM_SMTP_TLS_NEVER ||
	    h->policy.requiretls == HM_REQUIRETLS_NO)
		return;
	if (failure == NULL)
		tell_each(run, h, smtp->io, hm_io_is_tls(smtp->io) ?
		    HM_TLS_SUCCESS : HM_TLS_STARTTLS_NOT_SUPPORTED, none);
	else if (failure->stage == HM_SMTP_NO_TLS)
		tell_each(run, h, NULL, HM_TLS_STARTTLS_NOT_SUPPORTED, none);
	else if (failure->stage == HM_SMTP_TLS_FAILED)
		tell_each(run, h, NULL, HM_TLS_VALIDATION_FAILURE,
		    hm_str(failure->text));
}

/* ---- before dialling ---- */

static bool
unlisted(struct hm_smtp_run *run, struct client_host *h,
    struct client_trouble *ret)
{
	const struct hm_tls_policy *p = &h->policy;

	tell(run, h, NULL, HM_TLS_POLICY_STS, HM_TLS_VALIDATION_FAILURE,
	    HM_STR("host not listed in the policy"));
	if (p->sts_mode != HM_STS_ENFORCE || dane_decides(p))
		return true;
	return trouble(ret, false, "4.7.5", hm_str(hm_printf(run->arena,
	    "the MTA-STS policy of %.*s does not list the host %.*s",
	    HM_FMT(run->domain), HM_FMT(h->name))));
}

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
	if (hm_verdict_final(v) && v.kind != HM_ACCEPT) {
		bool permanent = v.kind == HM_REJECT;

		if (p->dane && p->dane_fault != HM_TLS_SUCCESS)
			tell(run, h, NULL, HM_TLS_POLICY_TLSA, p->dane_fault,
			    hm_str(v.text));
		return trouble(ret, permanent, v.esc != NULL ? hm_strdup(
		    run->arena, v.esc) : permanent ? "5.7.0" : "4.7.0",
		    hm_str_dup(run->arena, hm_str(v.text != NULL ? v.text :
		    "the TLS policy of the host could not be found out")));
	}
	if (p->sts_mode != HM_STS_NONE && !p->sts_host_allowed &&
	    !unlisted(run, h, ret))
		return false;
	if (a->requiretls == HM_REQUIRETLS_YES && !dane_decides(p) &&
	    !(sts_holds(p) && p->sts_mode == HM_STS_ENFORCE))
		return trouble(ret, true, "5.7.30", HM_STR("the message requires "
		    "TLS, and nothing says how the host could prove itself"));
	return true;
}

/* Where TLS is only tried, a failure of it is no reason to lay open what others
 * wrote to whom. */
static enum hm_smtp_tls
opportunistic(const struct hm_attempt *a)
{
	return a->kind == HM_MAIL_DMARC_REPORT &&
	    a->requiretls != HM_REQUIRETLS_NO ? HM_SMTP_TLS_OFFERED :
	    HM_SMTP_TLS_MAY;
}

enum hm_smtp_tls
client_tls_mode(const struct hm_smtp_run *run, const struct client_host *h,
    const struct hm_attempt *a)
{
	const struct hm_tls_policy *p = &h->policy;

	if (run->opts->host != NULL && run->opts->tls != HM_SMTP_TLS_MAY)
		return run->opts->tls;
	if (run->opts->host == NULL && a->requiretls != HM_REQUIRETLS_NO &&
	    (p->dane || p->sts_mode == HM_STS_ENFORCE))
		return HM_SMTP_TLS_MUST;
	return opportunistic(a);
}

bool
client_clear_enough(const struct hm_smtp_run *run, const struct hm_attempt *a)
{
	const struct hm_smtp *c = run->smtp;

	return opportunistic(a) == HM_SMTP_TLS_MAY || hm_io_is_tls(c->io) ||
	    (!run->fell_back && (run->peer.tls == HM_SMTP_TLS_NEVER ||
	    !(c->offer.extensions & HM_SMTP_EXT_STARTTLS)));
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
	/* An alias that is not secure vouches for nothing (RFC 7672, 3.2.2). */
	const struct hm_str names[] = { p->tlsa_base, h->name, run->domain,
		run->secure ? run->final : (struct hm_str){ 0 } };
	int r;

	/* Records that nobody can use: TLS, whoever it is (RFC 7672, 2.2). */
	if (p->ntlsa == 0) {
		tell(run, h, io, HM_TLS_POLICY_TLSA, HM_TLS_TLSA_INVALID,
		    HM_STR("no TLSA record can be used"));
		return 0;
	}
	r = client_dane_verify(io, p->tlsa, p->ntlsa, names,
	    HM_ARRAY_LEN(names), reterr);
	if (r < 0)
		tell(run, h, io, HM_TLS_POLICY_TLSA, HM_TLS_VALIDATION_FAILURE,
		    HM_STR("no TLSA record matches"));
	return r;
}

static int
verify_sts(struct hm_smtp_run *run, struct hm_io *io, struct hm_err *reterr)
{
	const struct client_host *h = run->host;
	enum hm_tls_fault fault;
	const char *name = hm_strndup(run->arena, h->name.p, h->name.len);
	int r = hm_io_tls_verify(io, name, &fault, reterr);

	tell(run, h, io, HM_TLS_POLICY_STS, r < 0 ? outcome_of(fault) :
	    HM_TLS_SUCCESS, (struct hm_str){ 0 });
	return r;
}

/* One host for everything, of the transport's settings. */
static int
verify_configured(struct hm_smtp_run *run, struct hm_io *io,
    struct hm_err *reterr)
{
	enum hm_tls_fault fault;

	if (run->opts->any_certificate)
		return 0;
	run->proved = hm_io_tls_verify(io, run->peer.host, &fault, reterr) == 0;
	return run->proved ? 0 : -HM_ETLS;
}

int
client_verify(struct hm_io *io, void *arg, struct hm_err *reterr)
{
	struct hm_smtp_run *run = arg;
	const struct hm_tls_policy *p = &run->host->policy;
	struct hm_err dane_err = { 0 }, sts_err = { 0 };
	int dane, sts, r = 0;

	run->proved = false;
	if (run->opts->host != NULL)
		return verify_configured(run, io, reterr);
	/* Both are tried, for the reports; who decides comes after that. */
	dane = p->dane ? verify_dane(run, io, &dane_err) : 0;
	sts = sts_holds(p) ? verify_sts(run, io, &sts_err) : 0;
	if (dane_decides(p)) {
		r = dane;
		run->proved = r == 0;
	} else if (sts_holds(p) && p->sts_mode == HM_STS_ENFORCE) {
		r = sts;
		run->proved = r == 0;
	}
	return r < 0 ? hm_err_set(reterr, r, "%s", dane_decides(p) ?
	    dane_err.text : sts_err.text) : 0;
}
