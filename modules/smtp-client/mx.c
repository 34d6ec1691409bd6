/* mx.c - the hosts for a domain, and their addresses (RFC 5321, 5.1). */
#include "client.h"

enum { HOSTS_MAX = 20, ADDRS_MAX = 16 };

static void
trouble(struct client_trouble *t, bool permanent, const char *esc,
    const char *text)
{
	*t = (struct client_trouble){ .permanent = permanent,
	    .esc = hm_str(esc), .text = hm_str(text) };
}

static HM_FIBER bool
ask(struct hm_smtp_run *run, struct hm_str name, enum hm_dns_type type,
    struct hm_dns_answer *ret, struct client_trouble *t)
{
	if (run->resolver == NULL) {
		trouble(t, false, "4.4.3", "no module resolves names");
		return false;
	}
	if (hm_resolve(run->resolver, name, type, run->arena, ret) < 0) {
		trouble(t, false, "4.4.3", "the DNS was not answered in time");
		return false;
	}
	if (!hm_dns_temporary(ret->outcome))
		return true;
	trouble(t, false, ret->outcome == HM_DNS_BOGUS ? "4.7.0" : "4.4.3",
	    hm_printf(run->arena, "the DNS has no answer for %.*s now: %.*s",
	    HM_FMT(name), HM_FMT(ret->reason)));
	return false;
}

/* ---- hosts ---- */

static void
one_host(struct hm_smtp_run *run, struct hm_str name)
{
	run->hosts = hm_new(run->arena, struct client_host);
	run->hosts[0].name = run->hosts[0].final = name;
	run->nhosts = 1;
}

/* Hosts less preferred than ourselves would send it back (RFC 5321, 5.1). */
static void
take_mx(struct hm_smtp_run *run, struct hm_dns_answer *mx)
{
	struct hm_str self = hm_str(hm_server(run->opts->caller)->hostname);
	unsigned limit = 65536;

	for (size_t i = 0; i < mx->n; i++)
		if (hm_str_caseeq(mx->rr[i].mx.host, self) &&
		    mx->rr[i].mx.preference < limit)
			limit = mx->rr[i].mx.preference;
	run->hosts = hm_alloc_array(run->arena, HOSTS_MAX, sizeof(*run->hosts));
	for (size_t i = 0; i < mx->n && run->nhosts < HOSTS_MAX; i++) {
		struct hm_str host = mx->rr[i].mx.host, name;

		if (mx->rr[i].mx.preference >= limit ||
		    hm_dns_name(run->arena, host, &name) < 0)
			continue;
		run->hosts[run->nhosts].name = name;
		run->hosts[run->nhosts++].final = name;
	}
	if (run->nhosts == 0 && limit < 65536)
		trouble(&run->none, true, "5.4.6", "the mail would come back to "
		    "this server, which does not know the domain");
	else if (run->nhosts == 0)
		trouble(&run->none, true, "5.4.4",
		    "the domain names no host that could take its mail");
}

static HM_FIBER void
find_mx(struct hm_smtp_run *run)
{
	struct hm_dns_answer mx;

	if (!ask(run, run->domain, HM_DNS_MX, &mx, &run->none))
		return;
	run->secure = mx.secure;
	run->final = mx.canonical.len > 0 ? mx.canonical : run->domain;
	if (mx.outcome == HM_DNS_NXDOMAIN || mx.outcome == HM_DNS_BADNAME) {
		trouble(&run->none, true, "5.1.2", hm_printf(run->arena,
		    "there is no domain %.*s", HM_FMT(run->domain)));
		return;
	}
	/* Without MX records the domain is its own host, under the name it was
	 * given: an alias may have TLSA records itself (RFC 7672, 2.2.2). */
	if (mx.n == 0) {
		one_host(run, run->domain);
		return;
	}
	if (hm_dns_mx_null(&mx)) {
		trouble(&run->none, true, "5.1.10",
		    "the domain says that it takes no mail");
		return;
	}
	hm_dns_mx_sort(&mx);
	take_mx(run, &mx);
}

void
client_find_hosts(struct hm_smtp_run *run)
{
	run->found = true;
	run->found_ms = hm_now_ms();
	run->final = run->domain;
	run->secure = false;
	run->nhosts = 0;
	if (run->opts->host != NULL)
		one_host(run, hm_str(run->opts->host));
	else if (run->domain.len > 2 && run->domain.p[0] == '[')
		one_host(run, run->domain);
	else if (run->opts->remote_dns && run->resolver == NULL)
		one_host(run, run->domain);
	else
		find_mx(run);
}

/* ---- addresses ---- */

/* "[192.0.2.1]", "[IPv6:2001:db8::1]", or the address alone. */
static bool
literal(struct hm_str name, struct hm_sockaddr *ret)
{
	if (name.len > 2 && name.p[0] == '[' && name.p[name.len - 1] == ']') {
		name = hm_str_take(hm_str_skip(name, 1), name.len - 2);
		if (hm_str_casestarts(name, HM_STR("IPv6:")))
			name = hm_str_skip(name, 5);
	}
	return hm_sockaddr_parse(name, ret) == 0 && ret->port == 0;
}

static bool
allowed(const struct hm_smtp_run *run, const struct hm_sockaddr *addr)
{
	return (run->opts->family == 0 || addr->family == run->opts->family) &&
	    !hm_netlist_has(run->opts->refuse, addr);
}

static HM_FIBER bool
add_addrs(struct hm_smtp_run *run, struct client_host *h, enum hm_dns_type type,
    bool *secure, size_t *refused, struct client_trouble *t)
{
	struct hm_dns_answer answer;

	if (!ask(run, h->name, type, &answer, t))
		return false;
	*secure = *secure && answer.secure;
	if (answer.canonical.len > 0)
		h->final = answer.canonical;
	for (size_t i = 0; i < answer.n && h->naddrs < ADDRS_MAX; i++)
		if (allowed(run, &answer.rr[i].addr))
			h->addrs[h->naddrs++] = answer.rr[i].addr;
		else
			++*refused;
	return true;
}

/* A second attempt comes from where the first did, for the sake of greylisting;
 * later ones try others. */
static void
order_addrs(struct client_host *h, const struct hm_attempt *a)
{
	bool again = a->last_ip_uses == 1;
	char ip[112];

	for (size_t i = 0; a->last_ip.len > 0 && i < h->naddrs; i++) {
		struct hm_sockaddr addr = h->addrs[i];
		size_t to = again ? 0 : h->naddrs - 1;

		if (!hm_str_is(a->last_ip, hm_sockaddr_ip(ip, &addr)))
			continue;
		h->addrs[i] = h->addrs[to];
		h->addrs[to] = addr;
		break;
	}
}

/* One family without an answer takes nothing from the other: that would be a way
 * to switch DANE off. Returns false when neither has one. */
static HM_FIBER bool
look_up(struct hm_smtp_run *run, struct client_host *h, size_t *refused,
    struct client_trouble *t)
{
	struct client_trouble t4 = { 0 }, t6 = { 0 };
	bool secure = true, ok4, ok6;

	ok6 = run->opts->family != 4 && add_addrs(run, h, HM_DNS_AAAA, &secure,
	    refused, &t6);
	ok4 = run->opts->family != 6 && add_addrs(run, h, HM_DNS_A, &secure,
	    refused, &t4);
	h->secure = secure && (ok4 || ok6);
	*t = t4.text.len > 0 ? t4 : t6;
	return ok4 || ok6;
}

/* Hosts of an unsigned domain cannot be verified by DANE, unless it is its own host,
 * as an alias maybe (RFC 7672, 2.2.2). */
static bool
asks_dane(const struct hm_smtp_run *run, const struct client_host *h)
{
	return run->resolver != NULL &&
	    (run->secure || hm_str_eq(h->name, run->domain));
}

int
client_find_addrs(struct hm_smtp_run *run, struct client_host *h,
    const struct hm_attempt *a, struct client_trouble *ret)
{
	struct client_trouble t = { 0 };
	bool known = true, remote = run->opts->remote_dns;
	struct hm_sockaddr addr;
	size_t refused = 0;

	h->addrs = hm_alloc_array(run->arena, ADDRS_MAX, sizeof(*h->addrs));
	h->naddrs = 0;
	h->secure = false;
	if (literal(h->name, &addr)) {
		remote = false;
		if (allowed(run, &addr))
			h->addrs[h->naddrs++] = addr;
		else
			refused++;
	} else if (!remote || asks_dane(run, h)) {
		known = look_up(run, h, &refused, &t);
	}
	/* The proxy finds the addresses. What the host must prove is found out
	 * here, by the answers that this server trusts. */
	if (remote && known) {
		h->naddrs = 0;
		return 0;
	}
	order_addrs(h, a);
	if (h->naddrs > 0)
		return 0;
	if (t.text.len > 0)
		*ret = t;
	else
		trouble(ret, true, refused > 0 ? "5.7.1" : "5.4.4",
		    hm_printf(run->arena, refused > 0 ? "no mail is sent to the "
		    "addresses of %.*s" : "the host %.*s has no address",
		    HM_FMT(h->name)));
	return -HM_ENOENT;
}
