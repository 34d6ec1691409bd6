/* run.c - a transport's run: hosts in turn, addresses in turn, one connection
 * kept from message to message.
 */
#include <stdlib.h>

#include "client.h"

enum {
	DIAL_MS = 30 * 1000, DIAL_LEAST_MS = 5000,
	FRESH_MS = 5 * 60 * 1000,      /* what was found out of a domain */
};

struct hm_smtp_run *
client_run_begin(struct hm_mod *self, const struct hm_smtp_run_opts *opts,
    struct hm_str domain)
{
	struct hm_arena *arena = hm_arena_new(NULL, "run");
	struct hm_smtp_run *run = hm_new(arena, struct hm_smtp_run);

	run->m = self;
	run->opts = opts;
	run->resolver = HM_GET(self, resolver);
	run->arena = arena;
	run->domain = hm_str_dup(arena, domain);
	return run;
}

static HM_FIBER void
hang_up(struct hm_smtp_run *run)
{
	if (run->smtp != NULL)
		client_close(run->smtp);
	run->smtp = NULL;
	run->host = NULL;
	run->proved = false;
}

bool
client_run_usable(const struct hm_smtp_run *run)
{
	return !run->dead;
}

void
client_run_end(struct hm_smtp_run *run)
{
	hang_up(run);
	hm_arena_free(run->arena);
}

/* ---- connecting ---- */

static const struct hm_sockaddr *
local_for(const struct hm_smtp_run *run, const struct hm_sockaddr *addr)
{
	const struct hm_addrlist *local = run->opts->local;

	for (size_t i = 0; local != NULL && i < local->n; i++)
		if (local->at[i].family == addr->family)
			return &local->at[i];
	return NULL;
}

static HM_FIBER int
dial(struct hm_smtp_run *run, const struct client_host *h,
    const struct hm_sockaddr *to, struct hm_io **ret, struct hm_err *reterr)
{
	uint16_t port = run->opts->port != 0 ? run->opts->port : 25;
	int64_t timeout = DIAL_MS / (int64_t)(h->naddrs > 0 ? h->naddrs : 1);
	struct hm_sockaddr addr;

	if (timeout < DIAL_LEAST_MS)
		timeout = DIAL_LEAST_MS;
	if (to == NULL)
		return run->opts->dial(run->opts->arg, h->name, port, NULL,
		    timeout, ret, reterr);
	addr = *to;
	addr.port = port;
	return run->opts->dial != NULL ? run->opts->dial(run->opts->arg, h->name,
	    port, &addr, timeout, ret, reterr) :
	    hm_dial(&addr, local_for(run, &addr), timeout, ret, reterr);
}

static void
note_dialled(struct hm_attempt *a, const struct hm_sockaddr *addr)
{
	char ip[112];

	if (addr == NULL)
		return;
	(void)hm_sockaddr_ip(ip, addr);
	a->last_ip_uses = hm_str_is(a->last_ip, ip) ? a->last_ip_uses + 1 : 1;
	a->last_ip = hm_str_dup(a->arena, hm_str(ip));
}

static void
failed(struct hm_smtp_run *run, const struct client_host *h,
    const struct hm_smtp_failure *f, struct client_trouble *ret)
{
	*ret = (struct client_trouble){
		.code = f->code,
		.esc = hm_str_dup(run->arena, hm_str(f->esc)),
		.text = hm_str_dup(run->arena, hm_str(f->text)),
		.remote = h->name,
	};
	/* What a host says before it knows the mail may be over tomorrow. */
	if (ret->esc.len > 0 && ret->esc.p[0] == '5')
		ret->esc = HM_STR("4.0.0");
}

/* One connection to one address, with that TLS. */
static HM_FIBER int
connect_as(struct hm_smtp_run *run, struct client_host *h,
    const struct hm_sockaddr *addr, enum hm_smtp_tls tls,
    struct hm_smtp_failure *f, struct client_trouble *ret)
{
	struct hm_err err = { 0 };
	struct hm_io *io;
	int r = dial(run, h, addr, &io, &err);

	if (r < 0) {
		*f = (struct hm_smtp_failure){ .stage = HM_SMTP_NO_GREETING };
		*ret = (struct client_trouble){ .esc = HM_STR("4.4.1"),
		    .text = hm_str(hm_printf(run->arena, "%.*s: %s",
		    HM_FMT(h->name), err.text)) };
		return r;
	}
	run->host = h;
	run->addr = addr;
	run->told = 0;
	run->waived = h->policy.requiretls == HM_REQUIRETLS_NO;
	run->peer = (struct hm_smtp_peer){
		.size = sizeof(run->peer),
		.host = hm_strndup(run->arena, h->name.p, h->name.len),
		.sni = h->policy.dane ? hm_strndup(run->arena,
		    h->policy.tlsa_base.p, h->policy.tlsa_base.len) : NULL,
		.ehlo = run->opts->ehlo, .tls = tls,
		.settings = run->opts->settings, .verify = client_verify,
		.arg = run, .user = run->opts->user,
		.password = run->opts->password,
		.mechanisms = run->opts->mechanisms,
		.timeout_ms = run->opts->timeout_ms,
	};
	r = client_open(run->m, io, &run->peer, &run->smtp, f);
	client_tell_tls(run, h, run->smtp, r < 0 ? f : NULL);
	run->addr = NULL;
	if (r < 0) {
		failed(run, h, f, ret);
		run->host = NULL;
	}
	return r;
}

/* TLS that is only tried may fail: then in clear, once (RFC 7435). */
static HM_FIBER int
connect_to(struct hm_smtp_run *run, struct client_host *h,
    const struct hm_sockaddr *addr, struct hm_attempt *a,
    struct client_trouble *ret)
{
	enum hm_smtp_tls tls = client_tls_mode(run, h, a);
	struct hm_smtp_failure f;
	int r;

	note_dialled(a, addr);
	r = connect_as(run, h, addr, tls, &f, ret);
	run->fell_back = r < 0 && f.stage == HM_SMTP_TLS_FAILED &&
	    tls == HM_SMTP_TLS_MAY;
	if (run->fell_back)
		r = connect_as(run, h, addr, HM_SMTP_TLS_NEVER, &f, ret);
	if (r == 0 || f.stage != HM_SMTP_NO_GREETING)
		run->spoken = true;
	return r;
}

static HM_FIBER int
try_host(struct hm_smtp_run *run, struct client_host *h, struct hm_attempt *a,
    struct client_trouble *ret)
{
	int r = client_find_addrs(run, h, a, ret);

	if (r < 0)
		return r;
	if (!client_ask_policy(run, h, a, ret))
		return -HM_EACCES;
	if (h->naddrs == 0)            /* the proxy looks it up */
		return connect_to(run, h, NULL, a, ret);
	for (size_t i = 0; i < h->naddrs; i++) {
		r = connect_to(run, h, &h->addrs[i], a, ret);
		if (r == 0 || hm_fiber_cancelled())
			break;
	}
	return r;
}

/* ---- delivering ---- */

static void
settle(struct hm_attempt *a, const struct client_trouble *t)
{
	for (size_t i = 0; i < a->nrcpts; i++) {
		struct hm_attempt_rcpt *rcpt = &a->rcpts[i];

		if (rcpt->outcome != HM_ATTEMPT_UNTRIED)
			continue;
		rcpt->outcome = t->permanent ? HM_ATTEMPT_PERMANENT :
		    HM_ATTEMPT_TEMPORARY;
		rcpt->code = t->code;
		rcpt->esc = hm_str_dup(a->arena, t->esc);
		rcpt->text = hm_str_dup(a->arena, t->text);
		rcpt->remote = hm_str_dup(a->arena, t->remote);
	}
}

/* Permanent only if it is so for every host. */
static void
merge(struct client_trouble *all, const struct client_trouble *one, bool first)
{
	bool permanent = one->permanent && (first || all->permanent);

	if (first || !one->permanent)
		*all = *one;
	all->permanent = permanent;
}

/* The connection that is on will do if what this message asks was proved, and
 * not if it was opened for one that waives the policies (RFC 8689, 4.1). */
static bool
proved_enough(const struct hm_smtp_run *run, const struct hm_attempt *a)
{
	if (!client_clear_enough(run, a))
		return false;
	return run->opts->host != NULL || a->requiretls == HM_REQUIRETLS_NO ||
	    (a->requiretls == HM_REQUIRETLS_YES ? run->proved : !run->waived);
}

/* Hosts, policies and certificates change while a run goes on: after a while all
 * of it is found out anew, in a new connection. */
static HM_FIBER bool
reuse(struct hm_smtp_run *run, const struct hm_attempt *a)
{
	bool fresh = !run->found || run->opts->host != NULL ||
	    hm_now_ms() - run->found_ms < FRESH_MS;

	if (!fresh)
		run->found = false;
	if (run->smtp == NULL)
		return false;
	if (!run->smtp->broken && fresh && proved_enough(run, a))
		return true;
	hang_up(run);
	return false;
}

static HM_FIBER bool
reach(struct hm_smtp_run *run, struct hm_attempt *a)
{
	struct client_trouble all = { 0 }, one;

	if (!run->found)
		client_find_hosts(run);
	run->spoken = false;
	run->kind = a->kind;
	for (size_t i = 0; i < run->nhosts; i++) {
		if (try_host(run, &run->hosts[i], a, &one) == 0)
			return true;
		if (hm_fiber_cancelled())
			return false;
		merge(&all, &one, i == 0);
	}
	settle(a, run->nhosts > 0 ? &all : &run->none);
	run->dead = !run->spoken;
	return false;
}

void
client_run_deliver(struct hm_smtp_run *run, struct hm_attempt *a)
{
	if (!reuse(run, a) && !reach(run, a))
		return;
	client_deliver(run->smtp, a);
	if (run->smtp->left) {
		hang_up(run);
		if (!reach(run, a))
			return;
		client_deliver(run->smtp, a);
	}
	/* The next message would wait as long: it waits for another run. */
	run->dead = run->smtp->silent;
	if (run->smtp->broken)
		hang_up(run);
}
