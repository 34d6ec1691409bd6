/* lookup.c - hermod dns lookup. */
#include "commands.h"

#include <string.h>

#include <hermod/buf.h>

int
dns_take_name(struct hm_cmd *cmd, const char *text, struct hm_str *ret)
{
	struct hm_arena *arena = hm_cmd_arena(cmd);
	struct hm_str name = hm_str(text);
	struct hm_err err = { 0 };

	if (name.len > 1 && name.p[name.len - 1] == '.')
		name.len--;
	/* What is no host may be a name all the same: "a+b._domainkey.x". */
	if (hm_dns_name(arena, name, ret) == 0)
		return 0;
	if (hm_domain_ascii(arena, name, ret, &err) < 0)
		return hm_cmd_fail(cmd, &err);
	return 0;
}

static const char *
outcome_word(enum hm_dns_outcome outcome)
{
	static const char *const words[] = {
		[HM_DNS_OK] = "ok", [HM_DNS_NODATA] = "nodata",
		[HM_DNS_NXDOMAIN] = "nxdomain", [HM_DNS_BADNAME] = "badname",
		[HM_DNS_TIMEOUT] = "timeout", [HM_DNS_FAILED] = "failed",
		[HM_DNS_BOGUS] = "bogus",
	};

	return words[outcome];
}

static struct hm_str
rr_text(struct hm_cmd *cmd, const struct hm_dns_answer *answer, size_t i)
{
	struct hm_buf out = { 0 };
	struct hm_str text;

	dns_rr_text(&out, answer->type, &answer->rr[i]);
	text = hm_str_dup(hm_cmd_arena(cmd), hm_buf_view(&out));
	hm_buf_release(&out);
	return text;
}

/* One object for each record, or one that says why there is none. */
static void
print_json(struct hm_cmd *cmd, const struct hm_dns_answer *a)
{
	static const char *const columns[] = { "name", "type", "outcome",
	    "secure", "ttl", "aliases", "canonical", "data", "reason", NULL };
	struct hm_arena *arena = hm_cmd_arena(cmd);
	struct hm_cmd_table *table = hm_cmd_table(cmd, columns);
	struct hm_buf aliases = { 0 };
	char type[16];

	for (size_t i = 0; i < a->ncnames; i++)
		hm_buf_printf(&aliases, "%s%.*s", i > 0 ? " " : "",
		    HM_FMT(a->cnames[i].target));
	for (size_t i = 0; i < a->n || i == 0; i++) {
		struct hm_str cells[] = { a->name,
		    hm_str(hm_dns_type_text(type, a->type)),
		    hm_str(outcome_word(a->outcome)),
		    a->secure ? HM_STR("yes") : HM_STR("no"),
		    hm_str(hm_printf(arena, "%u", i < a->n ? a->rr[i].ttl_s :
		    a->ttl_s)), hm_str_dup(arena, hm_buf_view(&aliases)),
		    a->canonical, i < a->n ? rr_text(cmd, a, i) : HM_STR(""),
		    a->reason };

		hm_cmd_row(table, cells);
	}
	hm_cmd_table_end(table);
	hm_buf_release(&aliases);
}

static const char *
dot(struct hm_str name)
{
	return hm_str_is(name, ".") ? "" : ".";
}

static void
print_text(struct hm_cmd *cmd, const struct hm_dns_answer *a)
{
	char type[16];

	hm_cmd_printf(cmd, "; %.*s %s: %s, %s%s\n", HM_FMT(a->name),
	    hm_dns_type_text(type, a->type), hm_dns_outcome_text(a->outcome),
	    a->secure ? "secure (DNSSEC)" : "not secure",
	    a->truncated ? ", some records left out" : "");
	if (a->outcome != HM_DNS_OK && !hm_str_is(a->reason,
	    hm_dns_outcome_text(a->outcome)))
		hm_cmd_printf(cmd, "; %.*s\n", HM_FMT(a->reason));
	if (a->ede >= 0)
		hm_cmd_printf(cmd, "; extended error %d: %.*s\n", a->ede,
		    HM_FMT(a->ede_text));
	if (hm_dns_absent(a->outcome) && a->ttl_s > 0)
		hm_cmd_printf(cmd, "; for the next %u seconds\n", a->ttl_s);
	for (size_t i = 0; i < a->ncnames; i++)
		hm_cmd_printf(cmd, "%.*s. %u IN CNAME %.*s%s\n",
		    HM_FMT(a->cnames[i].owner), a->cnames[i].ttl_s,
		    HM_FMT(a->cnames[i].target), dot(a->cnames[i].target));
	for (size_t i = 0; i < a->n; i++)
		hm_cmd_printf(cmd, "%.*s%s %u IN %s %.*s\n",
		    HM_FMT(a->canonical), dot(a->canonical), a->rr[i].ttl_s,
		    hm_dns_type_text(type, a->type), HM_FMT(rr_text(cmd, a, i)));
}

int
dns_lookup(struct hm_cmd *cmd)
{
	const struct dns *dns = hm_mod_state(hm_cmd_mod(cmd));
	const char *text = hm_cmd_arg(cmd, 1);
	unsigned flags = hm_cmd_flag(cmd, "remembered") ? 0 : HM_DNS_FRESH;
	struct hm_dns_answer answer;
	struct hm_sockaddr addr;
	enum hm_dns_type type;
	struct hm_str name;
	int rc;

	if (dns->resolver == NULL)
		return hm_cmd_error(cmd, "no module resolves names; enable one: "
		    "hermod module enable resolver-getdns");
	if (hm_dns_type_parse(hm_str(hm_cmd_arg(cmd, 0)), &type) < 0)
		return hm_cmd_error(cmd, "%s is no type of record known here; see "
		    "hermod dns lookup --help", hm_cmd_arg(cmd, 0));
	if (type == HM_DNS_PTR && hm_sockaddr_parse(hm_str(text), &addr) == 0 &&
	    addr.family != 1)
		name = hm_dns_reverse(hm_cmd_arena(cmd), &addr, NULL);
	else if ((rc = dns_take_name(cmd, text, &name)) != 0)
		return rc;
	rc = dns->resolver->ops->query(dns->resolver->self, name, type,
	    flags, 0, hm_cmd_arena(cmd), &answer);
	if (rc < 0)
		return hm_cmd_error(cmd, "the lookup was given up");
	if (hm_cmd_json(cmd))
		print_json(cmd, &answer);
	else
		print_text(cmd, &answer);
	return answer.outcome == HM_DNS_OK ? 0 : 1;
}
