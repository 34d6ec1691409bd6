/* check.c - hermod domain dnscheck. */
#include "commands.h"

enum { PATIENCE_MS = 5000 }; /* for each lookup: a person is waiting */

static const char *const verdict_words[] = {
	[DNS_GOOD] = "ok", [DNS_ADVICE] = "advice", [DNS_BAD] = "wrong",
	[DNS_UNKNOWN] = "unknown",
};

struct check {
	struct hm_cmd *cmd;
	const struct dns *dns;
	struct hm_arena *arena;
	struct hm_cmd_table *table;
	bool bad;
};

static void
tell(struct check *c, enum dns_verdict verdict, struct hm_str name,
    enum hm_dns_type type, const char *detail)
{
	char buf[16];
	struct hm_str cells[] = { hm_str(verdict_words[verdict]), name,
	    hm_str(hm_dns_type_text(buf, type)), hm_str(detail) };

	c->bad = c->bad || verdict == DNS_BAD || verdict == DNS_UNKNOWN;
	hm_cmd_row(c->table, cells);
}

static HM_FIBER int
ask(struct check *c, struct hm_str name, enum hm_dns_type type,
    struct hm_dns_answer *ret)
{
	const struct hm_resolver *r = c->dns->resolver;

	return r->ops->query(r->self, name, type, HM_DNS_FRESH, PATIENCE_MS,
	    c->arena, ret);
}

static HM_FIBER int
check_want(struct check *c, const struct hm_dns_want *want)
{
	const struct hm_resolver *r = c->dns->resolver;
	struct hm_dns_answer answer;
	const char *detail;
	enum dns_verdict verdict;
	int rc = ask(c, want->name, want->type, &answer);

	if (rc < 0)
		return rc;
	verdict = dns_judge(c->arena, want, &answer, r->ops->can_secure(r->self),
	    &detail);
	tell(c, verdict, want->name, want->type, detail);
	return 0;
}

/* An address that others cannot reach, or that does not know its name. */
static HM_FIBER int
check_address(struct check *c, const struct hm_sockaddr *addr,
    struct hm_str host)
{
	struct hm_dns_want want = { .type = HM_DNS_PTR, .rr = { .name = host },
	    .name = hm_dns_reverse(c->arena, addr, NULL) };

	if (hm_sockaddr_loopback(addr)) {
		tell(c, DNS_BAD, host, addr->family == 4 ? HM_DNS_A : HM_DNS_AAAA,
		    "published is an address that nobody else can reach");
		return 0;
	}
	return check_want(c, &want);
}

/* Without addresses in the settings those that are published must do. */
static HM_FIBER int
check_host(struct check *c, struct hm_str host)
{
	static const enum hm_dns_type types[] = { HM_DNS_A, HM_DNS_AAAA };
	struct hm_dns_answer answer;
	size_t found = 0;
	int rc = 0;

	for (size_t t = 0; t < HM_ARRAY_LEN(types); t++) {
		rc = ask(c, host, types[t], &answer);
		if (rc < 0)
			return rc;
		if (hm_dns_temporary(answer.outcome))
			tell(c, DNS_UNKNOWN, host, types[t], hm_printf(c->arena,
			    "%.*s", HM_FMT(answer.reason)));
		if (answer.n > 0 && answer.ncnames > 0)
			tell(c, DNS_BAD, host, types[t],
			    "an MX host must not be an alias (RFC 2181, 10.3)");
		for (size_t i = 0; i < answer.n && rc == 0; i++)
			rc = check_address(c, &answer.rr[i].addr, host);
		if (rc < 0)
			return rc;
		found += answer.n;
	}
	if (found == 0)
		tell(c, DNS_BAD, host, HM_DNS_A, "this host has no address");
	return 0;
}

int
dns_check(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "verdict", "name", "type",
	    "detail", NULL };
	struct hm_mod *m = hm_cmd_mod(cmd);
	struct check c = { .cmd = cmd, .dns = hm_mod_state(m),
	    .arena = hm_cmd_arena(cmd) };
	struct hm_dns_wants wants = { .arena = hm_cmd_arena(cmd) };
	struct hm_str domain;
	int rc;

	if (c.dns->resolver == NULL)
		return hm_cmd_error(cmd, "no module resolves names; enable one: "
		    "hermod module enable resolver-getdns");
	rc = dns_take_domain(cmd, &domain);
	if (rc != 0)
		return rc;
	dns_collect(m, domain, &wants);
	c.table = hm_cmd_table(cmd, columns);
	for (size_t i = 0; i < wants.n && rc == 0; i++)
		rc = check_want(&c, &wants.at[i]);
	if (rc == 0 && c.dns->conf->addresses->n == 0)
		rc = check_host(&c, hm_str(hm_server(m)->hostname));
	hm_cmd_table_end(c.table);
	if (rc < 0)
		return hm_cmd_error(cmd, "the check was given up");
	return c.bad ? 1 : 0;
}
