/* dial.c - hermod dane dial, dialmx: servers tried, and their certificates held
 * against their records. */
#include <hermod/net.h>

#include "dane.h"

enum { DIAL_MS = 15 * 1000, REPLY_MS = 30 * 1000 };

struct trying {
	struct hm_cmd *cmd;
	const struct dane *d;
	struct hm_tls_policy *p;
	bool verified;
};

/* ---- one host ---- */

/* Each record on its own, so that a person sees which one it is. */
static int
compare(struct hm_io *io, void *arg, struct hm_err *reterr)
{
	struct trying *t = arg;
	const struct hm_tls_policy *p = t->p;
	const struct hm_str names[] = { p->tlsa_base, p->host, p->domain,
		p->domain_final };

	(void)reterr;
	for (size_t i = 0; i < p->ntlsa && !t->verified; i++)
		t->verified = t->d->client->ops->verify_tlsa(io, &p->tlsa[i], 1,
		    names, HM_ARRAY_LEN(names), NULL) == 0;
	return 0;
}

static HM_FIBER int
dial(struct trying *t, const struct dane_addrs *addrs, struct hm_io **ret,
    struct hm_sockaddr *ret_addr, struct hm_err *reterr)
{
	int r = -HM_ENOENT;

	for (size_t i = 0; i < addrs->n && r < 0; i++) {
		*ret_addr = addrs->at[i];
		ret_addr->port = t->p->port;
		r = hm_dial(ret_addr, NULL, DIAL_MS, ret, reterr);
	}
	return r;
}

static HM_FIBER int
talk(struct trying *t, struct hm_io *io, const struct hm_tls *tls,
    struct hm_err *reterr)
{
	const struct hm_tls_policy *p = t->p;
	const struct hm_smtp_client *client = t->d->client;
	struct hm_smtp_failure f = { 0 };
	struct hm_smtp *smtp;
	struct hm_smtp_peer peer = { .size = sizeof(peer),
	    .host = hm_strndup(p->arena, p->host.p, p->host.len),
	    .sni = p->dane ? hm_strndup(p->arena, p->tlsa_base.p,
	    p->tlsa_base.len) : NULL,
	    .ehlo = hm_server(hm_cmd_mod(t->cmd))->hostname,
	    .tls = p->port == 465 ? HM_SMTP_TLS_FIRST : HM_SMTP_TLS_MUST,
	    .settings = tls, .verify = compare, .arg = t,
	    .timeout_ms = REPLY_MS };
	int r = client->ops->open(client->self, io, &peer, &smtp, &f);

	if (r < 0)
		return hm_err_set(reterr, r, "%s", f.text);
	client->ops->close(smtp);
	return 0;
}

static const char *
outcome(const struct trying *t)
{
	const struct hm_tls_policy *p = t->p;

	return !p->dane ? "no TLSA records" : p->ntlsa == 0 ?
	    "no usable TLSA record: any certificate will do" :
	    t->verified ? "the certificate matches" :
	    "the certificate matches no TLSA record";
}

/* A row for the host; true if mail would go there, over TLS. */
static HM_FIBER bool
try_host(struct trying *t, const struct dane_addrs *addrs,
    const struct hm_tls *tls, struct hm_cmd_table *table)
{
	const struct hm_tls_policy *p = t->p;
	struct hm_sockaddr addr = { 0 };
	struct hm_err err = { 0 };
	struct hm_io *io;
	char text[112] = "";
	int r;

	t->verified = false;
	r = dial(t, addrs, &io, &addr, &err);
	if (r == 0) {
		(void)hm_sockaddr_text(text, &addr);
		r = talk(t, io, tls, &err);
	}
	hm_cmd_row(table, (struct hm_str[]){ p->host, hm_str(text),
	    p->host_secure ? HM_STR("yes") : HM_STR("no"),
	    hm_str(hm_printf(p->arena, "%zu", p->ntlsa)),
	    r < 0 ? hm_str(hm_strdup(p->arena, err.text)) :
	    hm_str(outcome(t)) });
	return r == 0 && (!p->dane || p->ntlsa == 0 || t->verified);
}

static HM_FIBER bool
look_and_try(struct trying *t, const struct hm_tls *tls,
    struct hm_cmd_table *table)
{
	struct hm_tls_policy *p = t->p;
	struct dane_addrs *addrs = hm_new(p->arena, struct dane_addrs);
	struct hm_str reason;
	struct hm_verdict v;

	if (!dane_find_addrs(t->d, p, addrs, &reason)) {
		hm_cmd_row(table, (struct hm_str[]){ p->host, HM_STR(""),
		    HM_STR("no"), HM_STR("0"), reason });
		return false;
	}
	v = dane_look(t->d, p);
	if (v.kind == HM_PASS)
		return try_host(t, addrs, tls, table);
	hm_cmd_row(table, (struct hm_str[]){ p->host, HM_STR(""),
	    HM_STR("yes"), HM_STR("0"), hm_str(v.text) });
	return false;
}

/* ---- commands ---- */

static const char *const columns[] = { "host", "address", "secure", "records",
	"outcome", NULL };

static HM_FIBER int
prepare(struct hm_cmd *cmd, struct trying *ret, struct hm_tls **ret_tls)
{
	struct hm_err err = { 0 };

	*ret = (struct trying){ .cmd = cmd,
	    .d = hm_mod_state(hm_cmd_mod(cmd)) };
	if (ret->d->client == NULL)
		return hm_cmd_error(cmd, "no module speaks SMTP; enable it: hermod "
		    "module enable smtp-client");
	if (hm_tls_client(NULL, false, ret_tls, &err) < 0)
		return hm_cmd_fail(cmd, &err);
	return 0;
}

int
dane_dial(struct hm_cmd *cmd)
{
	struct hm_tls_policy p;
	struct hm_cmd_table *table;
	struct trying t;
	struct hm_tls *tls;
	bool good;
	int status = dane_take_host(cmd, hm_cmd_arg(cmd, 0), &p);

	if (status == 0)
		status = prepare(cmd, &t, &tls);
	if (status != 0)
		return status;
	p.domain_secure = true;        /* nobody says otherwise: no MX was asked */
	t.p = &p;
	table = hm_cmd_table(cmd, columns);
	good = look_and_try(&t, tls, table);
	hm_cmd_table_end(table);
	hm_tls_unref(tls);
	return good && t.verified ? 0 : 1;
}

static HM_FIBER int
find_mx(struct trying *t, struct hm_tls_policy *domain,
    struct hm_dns_answer *ret)
{
	const struct hm_resolver *r = t->d->resolver;

	if (hm_resolve(r, domain->host, HM_DNS_MX, domain->arena, ret) < 0)
		return hm_cmd_error(t->cmd, "the lookup was given up");
	if (hm_dns_temporary(ret->outcome) ||
	    ret->outcome == HM_DNS_NXDOMAIN || ret->outcome == HM_DNS_BADNAME)
		return hm_cmd_error(t->cmd, "%.*s: %.*s", HM_FMT(domain->host),
		    HM_FMT(ret->reason));
	if (hm_dns_mx_null(ret))
		return hm_cmd_error(t->cmd, "%.*s says that it takes no mail",
		    HM_FMT(domain->host));
	domain->domain_secure = ret->secure;
	domain->domain_final = ret->canonical;
	hm_dns_mx_sort(ret);
	return 0;
}

int
dane_dialmx(struct hm_cmd *cmd)
{
	struct hm_tls_policy domain, p;
	struct hm_dns_answer mx;
	struct hm_cmd_table *table;
	struct hm_tls *tls;
	struct trying t;
	bool any = false;
	int status = dane_take_host(cmd, hm_cmd_arg(cmd, 0), &domain);

	if (status == 0)
		status = prepare(cmd, &t, &tls);
	if (status != 0)
		return status;
	status = find_mx(&t, &domain, &mx);
	if (status != 0) {
		hm_tls_unref(tls);
		return status;
	}
	table = hm_cmd_table(cmd, columns);
	for (size_t i = 0; i < mx.n || i == 0; i++) {
		p = domain;
		if (i < mx.n)
			p.host = p.host_final = mx.rr[i].mx.host;
		t.p = &p;
		any = look_and_try(&t, tls, table) || any;
	}
	hm_cmd_table_end(table);
	hm_tls_unref(tls);
	return any ? 0 : 1;
}
