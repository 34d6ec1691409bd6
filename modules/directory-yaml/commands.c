/* commands.c - hermod account, address and domain. */
#include <stdio.h>

#include <hermod/buf.h>
#include <hermod/work.h>

#include "directory.h"

static struct dir_module *
module_of(struct hm_cmd *cmd)
{
	return hm_mod_state(hm_cmd_mod(cmd));
}

static const struct dir_snapshot *
snapshot(struct hm_cmd *cmd)
{
	return module_of(cmd)->shared->snapshot;
}

static void
tell(struct hm_cmd *cmd, const char *account, bool removed)
{
	struct hm_account_change change = { .removed = removed };

	snprintf(change.account, sizeof(change.account), "%s", account);
	hm_emit_account_changed(hm_cmd_mod(cmd), &change);
}

/* A YAML scalar in double quotes, for text that came from outside. */
static const char *
quoted(struct hm_cmd *cmd, const char *text)
{
	struct hm_buf out = { 0 };
	const char *copy;

	hm_buf_putc(&out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			hm_buf_putc(&out, '\\');
		hm_buf_putc(&out, *text);
	}
	hm_buf_putc(&out, '"');
	copy = hm_strdup(hm_cmd_arena(cmd), out.p);
	hm_buf_release(&out);
	return copy;
}

/* An account's addresses as a flow list, with one more or one less. */
static const char *
address_list(struct hm_cmd *cmd, const struct dir_account *account,
    const char *add, const char *drop)
{
	const struct hm_strlist *have = account->conf->addresses;
	struct hm_buf out = { 0 };
	const char *copy;

	hm_buf_putc(&out, '[');
	for (size_t i = 0; i < have->n; i++) {
		if (drop != NULL && hm_str_caseis(hm_str(have->at[i]), drop))
			continue;
		if (out.len > 1)
			hm_buf_puts(&out, ", ");
		hm_buf_puts(&out, quoted(cmd, have->at[i]));
	}
	if (add != NULL) {
		if (out.len > 1)
			hm_buf_puts(&out, ", ");
		hm_buf_puts(&out, quoted(cmd, add));
	}
	hm_buf_putc(&out, ']');
	copy = hm_strdup(hm_cmd_arena(cmd), out.p);
	hm_buf_release(&out);
	return copy;
}

static int
edit(struct hm_cmd *cmd, const char *const *path, const char *value)
{
	struct hm_err err = { 0 };

	if (dir_edit(module_of(cmd), path, value, &err) < 0)
		return hm_cmd_fail(cmd, &err);
	return 0;
}

static int
run_account_add(struct hm_cmd *cmd)
{
	const char *name = hm_cmd_arg(cmd, 0), *address = hm_cmd_arg(cmd, 1);
	const char *path[] = { "accounts", name, "addresses", NULL };

	if (dir_find_account(snapshot(cmd), hm_str(name)) != NULL)
		return hm_cmd_error(cmd, "there is an account %s already", name);
	if (edit(cmd, path, hm_printf(hm_cmd_arena(cmd), "[%s]",
	    quoted(cmd, address))) != 0)
		return 1;
	tell(cmd, name, false);
	hm_cmd_printf(cmd, "account %s has the address %s; now set a password: "
	    "hermod account password %s\n", name, address, name);
	return 0;
}

static int
run_account_remove(struct hm_cmd *cmd)
{
	const char *name = hm_cmd_arg(cmd, 0);
	const char *path[] = { "accounts", name, NULL };

	if (dir_find_account(snapshot(cmd), hm_str(name)) == NULL)
		return hm_cmd_error(cmd, "there is no account %s", name);
	if (edit(cmd, path, NULL) != 0)
		return 1;
	tell(cmd, name, true);
	hm_cmd_printf(cmd, "account %s takes no more mail and no log-in; its "
	    "stored mail is kept\n", name);
	return 0;
}

static int
run_account_list(struct hm_cmd *cmd)
{
	static const char *const columns[] = {
		"account", "name", "addresses", "quota", NULL };
	struct hm_arena *arena = hm_cmd_arena(cmd);
	const struct dir_snapshot *snap = snapshot(cmd);
	struct hm_cmd_table *table = hm_cmd_table(cmd, columns);
	struct hm_str (*rows)[4] = hm_alloc_array(arena, snap->naccounts + 1,
	    sizeof(*rows));
	size_t n = snap->naccounts;

	/* Writing may suspend, and the snapshot change meanwhile. */
	for (size_t i = 0; i < n; i++) {
		const struct dir_account *a = &snap->accounts[i];
		struct hm_buf list = { 0 };

		for (size_t k = 0; k < a->info.naddresses; k++) {
			if (k > 0)
				hm_buf_putc(&list, ' ');
			hm_buf_str(&list, a->info.addresses[k]);
		}
		rows[i][0] = hm_str_dup(arena, a->name);
		rows[i][1] = hm_str_dup(arena, a->info.full_name);
		rows[i][2] = hm_str_dup(arena, hm_buf_view(&list));
		rows[i][3] = hm_str(hm_printf(arena, "%lld",
		    (long long)a->info.quota_bytes));
		hm_buf_release(&list);
	}
	for (size_t i = 0; i < n; i++)
		hm_cmd_row(table, rows[i]);
	hm_cmd_table_end(table);
	return 0;
}

static int
run_address_add(struct hm_cmd *cmd)
{
	const char *address = hm_cmd_arg(cmd, 0), *name = hm_cmd_arg(cmd, 1);
	const char *path[] = { "accounts", name, "addresses", NULL };
	const struct dir_account *a = dir_find_account(snapshot(cmd),
	    hm_str(name));

	if (a == NULL)
		return hm_cmd_error(cmd, "there is no account %s", name);
	if (edit(cmd, path, address_list(cmd, a, address, NULL)) != 0)
		return 1;
	tell(cmd, name, false);
	hm_cmd_printf(cmd, "mail for %s goes to %s\n", address, name);
	return 0;
}

/* The account that has an address exactly as the file writes it. */
static const struct dir_account *
holder(const struct dir_snapshot *snap, const char *address)
{
	for (size_t i = 0; i < snap->naccounts; i++)
		if (hm_strlist_has(snap->accounts[i].conf->addresses,
		    hm_str(address)))
			return &snap->accounts[i];
	return NULL;
}

static int
run_address_remove(struct hm_cmd *cmd)
{
	const char *address = hm_cmd_arg(cmd, 0);
	const struct dir_account *a = holder(snapshot(cmd), address);
	const char *path[] = { "accounts", NULL, "addresses", NULL };

	if (a == NULL)
		return hm_cmd_error(cmd, "no account has the address %s", address);
	path[1] = hm_strdup(hm_cmd_arena(cmd), a->name.p);
	if (edit(cmd, path, address_list(cmd, a, NULL, address)) != 0)
		return 1;
	tell(cmd, path[1], false);
	hm_cmd_printf(cmd, "mail for %s is refused now\n", address);
	return 0;
}

static void
tell_domain(struct hm_cmd *cmd, struct hm_str name, bool removed)
{
	struct hm_domain_change change = { .removed = removed };

	snprintf(change.domain, sizeof(change.domain), "%.*s", HM_FMT(name));
	hm_emit_domain_changed(hm_cmd_mod(cmd), &change);
}

static int
run_domain_add(struct hm_cmd *cmd)
{
	const char *name = hm_cmd_arg(cmd, 0);
	const char *path[] = { "domains", name, NULL };
	struct hm_err err = { 0 };
	struct hm_str ascii;

	if (hm_domain_ascii(hm_cmd_arena(cmd), hm_str(name), &ascii, &err) < 0)
		return hm_cmd_fail(cmd, &err);
	if (dir_find_domain(snapshot(cmd), ascii) != NULL)
		return hm_cmd_error(cmd, "%s is served already", name);
	if (edit(cmd, path, "{}") != 0)
		return 1;
	tell_domain(cmd, ascii, false);
	hm_cmd_printf(cmd, "mail for %s is accepted; now give somebody an "
	    "address in it: hermod address add\n", name);
	return 0;
}

static int
run_domain_remove(struct hm_cmd *cmd)
{
	const char *name = hm_cmd_arg(cmd, 0);
	const char *path[] = { "domains", name, NULL };
	const struct dir_snapshot *snap = snapshot(cmd);
	struct hm_str ascii;

	if (hm_domain_ascii(hm_cmd_arena(cmd), hm_str(name), &ascii, NULL) < 0 ||
	    dir_find_domain(snap, ascii) == NULL)
		return hm_cmd_error(cmd, "%s is not served here", name);
	if (edit(cmd, path, NULL) != 0)
		return 1;
	tell_domain(cmd, ascii, true);
	hm_cmd_printf(cmd, "mail for %s is refused now\n", name);
	return 0;
}

static int
run_domain_list(struct hm_cmd *cmd)
{
	static const char *const columns[] = {
		"domain", "unicode", "disabled", "description", NULL };
	struct hm_arena *arena = hm_cmd_arena(cmd);
	const struct dir_snapshot *snap = snapshot(cmd);
	struct hm_cmd_table *table = hm_cmd_table(cmd, columns);
	struct hm_str (*rows)[4] = hm_alloc_array(arena, snap->ndomains + 1,
	    sizeof(*rows));
	size_t n = snap->ndomains;

	for (size_t i = 0; i < n; i++) {
		const struct dir_domain *d = &snap->domains[i];

		rows[i][0] = hm_str_dup(arena, d->name);
		rows[i][1] = hm_str_dup(arena, hm_domain_unicode(arena, d->name));
		rows[i][2] = d->conf->disabled ? HM_STR("yes") : HM_STR("no");
		rows[i][3] = hm_str_dup(arena, hm_str(d->conf->description));
	}
	for (size_t i = 0; i < n; i++)
		hm_cmd_row(table, rows[i]);
	hm_cmd_table_end(table);
	return 0;
}

const struct hm_command dir_commands[] = {
	{ .words = "account add", .args = "NAME ADDRESS",
	  .summary = "make an account with its first address",
	  .where = HM_CMD_EITHER, .run = run_account_add },
	{ .words = "account remove", .args = "NAME",
	  .summary = "remove an account; its stored mail stays",
	  .where = HM_CMD_EITHER, .run = run_account_remove },
	{ .words = "account list", .args = "",
	  .summary = "list accounts with their addresses",
	  .where = HM_CMD_EITHER, .run = run_account_list },
	{ .words = "address add", .args = "ADDRESS ACCOUNT",
	  .summary = "give an account one more address",
	  .help = "\"@example.org\" catches mail for all addresses of the domain "
	      "that nobody else has.",
	  .where = HM_CMD_EITHER, .run = run_address_add },
	{ .words = "address remove", .args = "ADDRESS",
	  .summary = "take an address away from its account",
	  .where = HM_CMD_EITHER, .run = run_address_remove },
	{ .words = "domain add", .args = "DOMAIN",
	  .summary = "receive mail for a domain",
	  .where = HM_CMD_EITHER, .run = run_domain_add },
	{ .words = "domain remove", .args = "DOMAIN",
	  .summary = "receive no more mail for a domain",
	  .where = HM_CMD_EITHER, .run = run_domain_remove },
	{ .words = "domain list", .args = "",
	  .summary = "list the domains served here",
	  .where = HM_CMD_EITHER, .run = run_domain_list },
	HM_COMMAND_END
};
