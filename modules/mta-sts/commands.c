/* commands.c - hermod mtasts: what is known of the policies of others. */
#include <hermod/address.h>
#include <hermod/clock.h>
#include <hermod/str.h>

#include "sts.h"

enum { LOOKUP_MS = 30 * 1000 };

static int
take_domain(struct hm_cmd *cmd, struct hm_str *ret)
{
	struct hm_err err = { 0 };

	if (hm_domain_ascii(hm_cmd_arena(cmd), hm_str(hm_cmd_arg(cmd, 0)), ret,
	    &err) == 0)
		return 0;
	hm_cmd_fail(cmd, &err);
	return 2;
}

/* ---- printing ---- */

static const char *const columns[] = { "domain", "mode", "id", "fetched",
	"expires", "used", NULL };

static struct hm_str
date(struct hm_cmd *cmd, int64_t ms)
{
	char text[24];

	if (ms == 0)
		return HM_STR("");
	return hm_str_dup(hm_cmd_arena(cmd), hm_str(hm_date_rfc3339(text,
	    ms / 1000)));
}

static void
print_entry(struct hm_cmd *cmd, struct hm_cmd_table *table,
    const struct sts_entry *e)
{
	hm_cmd_row(table, (struct hm_str[]){ e->domain, hm_str(e->text.len > 0 ?
	    sts_mode_name(e->mode) : "failed"), e->id,
	    date(cmd, e->fetched_ms), date(cmd, e->expires_ms),
	    date(cmd, e->used_ms) });
}

static void
print_one(struct hm_cmd *cmd, const struct sts_entry *e)
{
	struct hm_cmd_table *table;

	if (!hm_cmd_json(cmd)) {
		hm_cmd_printf(cmd, "%.*s\n\n", HM_FMT(e->text));
		hm_cmd_printf(cmd, "id %.*s, fetched %.*s, holds until %.*s\n",
		    HM_FMT(e->id), HM_FMT(date(cmd, e->fetched_ms)),
		    HM_FMT(date(cmd, e->expires_ms)));
		return;
	}
	table = hm_cmd_table(cmd, columns);
	print_entry(cmd, table, e);
	hm_cmd_table_end(table);
}

/* ---- commands ---- */

static int
run_list(struct hm_cmd *cmd)
{
	const struct sts *s = hm_mod_state(hm_cmd_mod(cmd));
	struct hm_cmd_table *table = hm_cmd_table(cmd, columns);
	struct hm_str last = HM_STR("");
	struct hm_err err = { 0 };
	struct sts_entry *at;
	size_t n = STS_LIST_MAX;
	int r = 0;

	while (n == STS_LIST_MAX && r == 0) {
		r = sts_cache_list(s, hm_cmd_arena(cmd), last, &at, &n, &err);
		for (size_t i = 0; i < n && r == 0; i++)
			print_entry(cmd, table, &at[i]);
		if (n > 0 && r == 0)
			last = at[n - 1].domain;
	}
	hm_cmd_table_end(table);
	return r == 0 ? 0 : hm_cmd_fail(cmd, &err);
}

static int
run_lookup(struct hm_cmd *cmd)
{
	struct sts *s = hm_mod_state(hm_cmd_mod(cmd));
	struct sts_found found;
	struct hm_err err = { 0 };
	struct hm_str domain;
	int status = take_domain(cmd, &domain);

	if (status != 0)
		return status;
	if (sts_find(s, hm_cmd_arena(cmd), domain, &found, &err) < 0)
		return hm_cmd_fail(cmd, &err);
	if (!found.any)
		return hm_cmd_error(cmd, "no policy holds for %.*s; why: hermod "
		    "mtasts fetch %.*s", HM_FMT(domain), HM_FMT(domain));
	print_one(cmd, &found.entry);
	return 0;
}

static int
run_fetch(struct hm_cmd *cmd)
{
	struct sts *s = hm_mod_state(hm_cmd_mod(cmd));
	struct hm_arena *arena = hm_cmd_arena(cmd);
	struct hm_err err = { 0 };
	struct hm_str domain, id, reason;
	struct sts_entry e;
	int r, status = take_domain(cmd, &domain);

	if (status != 0)
		return status;
	r = sts_ask_id(s, arena, domain, LOOKUP_MS, &id, &reason);
	if (r < 0)
		return hm_cmd_error(cmd, "_mta-sts.%.*s: %.*s", HM_FMT(domain),
		    HM_FMT(r == -HM_ENOENT ? HM_STR("there is no record, so the "
		    "domain has no policy") : r == -HM_ESYNTAX ? HM_STR("the "
		    "record is wrong or there are several, so the domain has no "
		    "policy") : reason));
	r = sts_renew(s, domain, id, s->conf->timeout_ms + 5000, false, &err);
	if (r == 0)
		r = sts_cache_get(s, arena, domain, &e, &err);
	if (r < 0)
		return hm_cmd_fail(cmd, &err);
	print_one(cmd, &e);
	return 0;
}

static int
run_forget(struct hm_cmd *cmd)
{
	const struct sts *s = hm_mod_state(hm_cmd_mod(cmd));
	struct hm_err err = { 0 };
	struct hm_str domain;
	int r, status = take_domain(cmd, &domain);

	if (status != 0)
		return status;
	r = sts_cache_drop(s, domain, &err);
	return r == 0 ? 0 : r == -HM_ENOENT ? hm_cmd_error(cmd, "no policy of "
	    "%.*s is kept", HM_FMT(domain)) : hm_cmd_fail(cmd, &err);
}

const struct hm_command sts_commands[] = {
	{ .words = "mtasts fetch", .args = "DOMAIN", .where = HM_CMD_EITHER,
	  .run = run_fetch,
	  .summary = "fetch a domain's MTA-STS policy now, and keep it",
	  .help = "Says what is wrong if there is none." },
	{ .words = "mtasts forget", .args = "DOMAIN", .where = HM_CMD_EITHER,
	  .run = run_forget, .summary = "forget a policy that is kept" },
	{ .words = "mtasts list", .args = "", .where = HM_CMD_EITHER,
	  .run = run_list, .summary = "show the policies that are kept" },
	{ .words = "mtasts lookup", .args = "DOMAIN", .where = HM_CMD_EITHER,
	  .run = run_lookup,
	  .summary = "show the policy that holds for mail to a domain",
	  .help = "As mail to it would: kept policies hold until they expire. The "
	      "exit status is 0 if there is one." },
	HM_COMMAND_END
};
