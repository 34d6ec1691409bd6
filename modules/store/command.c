/* command.c - hermod verify, mailbox list, account usage, account purge. */
#include "store.h"

#include <hermod/work.h>

#include <stdio.h>

/* ---- verify --------------------------------------------------------------------- */

struct reports {
	struct hm_arena *arena;
	const char **at;
	size_t n, cap;
};

/* On a worker: only remembers. */
static void
take_report(const char *text, void *arg)
{
	struct reports *rp = arg;

	if (rp->n == rp->cap) {
		rp->cap = rp->cap ? rp->cap * 2 : 16;
		rp->at = hm_xrealloc(rp->at, rp->cap * sizeof(*rp->at));
	}
	rp->at[rp->n++] = hm_strdup(rp->arena, text);
}

static int
list_set_aside(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "account", "what", "envelope",
		NULL };
	struct hm_cmd_table *table;
	struct store_aside *at;
	struct hm_err err = { 0 };
	size_t n, i;

	if (store_set_aside(store_of(hm_cmd_mod(cmd)),
	    hm_str(hm_cmd_arg(cmd, 0)), hm_cmd_arena(cmd), &at, &n, &err) < 0)
		return hm_cmd_fail(cmd, &err);
	table = hm_cmd_table(cmd, columns);
	for (i = 0; i < n; i++)
		hm_cmd_row(table, (struct hm_str[]){ at[i].account, at[i].what,
		    at[i].envelope });
	hm_cmd_table_end(table);
	return 0;
}

static int
run_verify(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "problem", NULL };
	struct reports rp = { .arena = hm_cmd_arena(cmd) };
	bool force = hm_cmd_flag(cmd, "force") != NULL;
	enum store_fix fix = !hm_cmd_flag(cmd, "fix") ? STORE_LOOK :
	    force ? STORE_FORCE : STORE_FIX;
	struct hm_cmd_table *table;
	struct hm_err err = { 0 };
	size_t i;
	int r;

	if (hm_cmd_flag(cmd, "set-aside"))
		return list_set_aside(cmd);
	if (force && fix == STORE_LOOK) {
		hm_err_set(&err, -HM_EINVAL, "--force says how far --fix may go: "
		    "give both");
		return hm_cmd_fail(cmd, &err);
	}
	hm_cmd_progress(cmd, "checking");
	r = store_verify(store_of(hm_cmd_mod(cmd)), hm_str(hm_cmd_arg(cmd, 0)),
	    fix, take_report, &rp, &err);
	if (rp.n > 0 || hm_cmd_json(cmd)) {
		table = hm_cmd_table(cmd, columns);
		for (i = 0; i < rp.n; i++)
			hm_cmd_row(table, (struct hm_str[]){ hm_str(rp.at[i]) });
		hm_cmd_table_end(table);
	}
	free(rp.at);
	if (r < 0)
		return hm_cmd_fail(cmd, &err);
	if (!hm_cmd_json(cmd))
		hm_cmd_printf(cmd, "%d problem%s%s\n", r, r == 1 ? "" : "s",
		    r == 0 ? "" : fix ? ", repaired where that was possible;"
		    " check again" : "; --fix repairs");
	return r > 0;
}

/* ---- listings --------------------------------------------------------------------- */

static struct hm_str
number(struct hm_cmd *cmd, uint64_t n)
{
	return hm_str(hm_printf(hm_cmd_arena(cmd), "%llu",
	    (unsigned long long)n));
}

/* An account that has data; others are not made by looking. */
struct opening {
	struct store *st;
	const char *name;
	struct hm_account *acc;
	struct hm_err err;
};

static int
open_job(void *arg)
{
	struct opening *o = arg;

	return store_open_worker(o->st, hm_str(o->name), false, &o->acc,
	    &o->err);
}

static struct hm_str
use_name(unsigned use)
{
	return use & HM_USE_ARCHIVE ? HM_STR("archive") :
	    use & HM_USE_DRAFTS ? HM_STR("drafts") :
	    use & HM_USE_JUNK ? HM_STR("junk") :
	    use & HM_USE_SENT ? HM_STR("sent") :
	    use & HM_USE_TRASH ? HM_STR("trash") : HM_STR("");
}

static int
run_mailbox_list(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "mailbox", "messages", "unseen",
		"deleted", "bytes", "use", "uidvalidity", "uidnext", NULL };
	struct opening o = { .st = store_of(hm_cmd_mod(cmd)),
		.name = hm_cmd_arg(cmd, 0) };
	struct hm_mailboxes *all;
	struct hm_cmd_table *table;
	size_t i;

	if (hm_work(open_job, &o) < 0)
		return hm_cmd_fail(cmd, &o.err);
	pthread_mutex_lock(&o.acc->a->snap);
	all = hm_mailboxes_ref(o.acc->a->now);
	pthread_mutex_unlock(&o.acc->a->snap);
	table = hm_cmd_table(cmd, columns);
	for (i = 0; i < all->n; i++) {
		const struct hm_mailbox *m = all->at[i];

		hm_cmd_row(table, (struct hm_str[]){ m->name,
		    number(cmd, m->messages), number(cmd, m->unseen),
		    number(cmd, m->deleted), number(cmd, m->bytes),
		    use_name(m->special_use), number(cmd, m->uidvalidity),
		    number(cmd, m->uidnext) });
	}
	hm_cmd_table_end(table);
	hm_mailboxes_unref(all);
	store_close(o.acc);
	return 0;
}

struct names {
	struct store *st;
	struct hm_arena *arena;
	struct hm_str *at;
	size_t n;
	struct hm_err err;
};

static int
names_job(void *arg)
{
	struct names *names = arg;

	return store_account_names(names->st, names->arena, &names->at,
	    &names->n, &names->err);
}

static uint64_t
count_messages(struct hm_account *acc)
{
	uint64_t n = 0;
	size_t i;

	pthread_mutex_lock(&acc->a->snap);
	for (i = 0; i < acc->a->now->n; i++)
		n += acc->a->now->at[i]->messages;
	pthread_mutex_unlock(&acc->a->snap);
	return n;
}

static int
run_account_usage(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "account", "messages", "bytes",
		"quota", NULL };
	struct names names = { .st = store_of(hm_cmd_mod(cmd)),
		.arena = hm_cmd_arena(cmd) };
	const char *only = hm_cmd_arg(cmd, 0);
	struct hm_cmd_table *table;
	uint64_t used, limit;
	size_t i;
	int status = 0;

	if (only) {
		names.at = hm_new(names.arena, struct hm_str);
		names.at[0] = hm_str(only);
		names.n = 1;
	} else if (hm_work(names_job, &names) < 0) {
		return hm_cmd_fail(cmd, &names.err);
	}
	table = hm_cmd_table(cmd, columns);
	for (i = 0; i < names.n; i++) {
		struct opening o = { .st = names.st, .name = names.at[i].p };

		if (hm_work(open_job, &o) < 0) {
			status = hm_cmd_fail(cmd, &o.err);
			continue;
		}
		store_quota(o.acc, &used, &limit);
		hm_cmd_row(table, (struct hm_str[]){ names.at[i],
		    number(cmd, count_messages(o.acc)), number(cmd, used),
		    limit ? number(cmd, limit) : HM_STR("none") });
		store_close(o.acc);
	}
	hm_cmd_table_end(table);
	return status;
}

/* ---- removing ------------------------------------------------------------------------ */

static int
run_account_purge(struct hm_cmd *cmd)
{
	const char *name = hm_cmd_arg(cmd, 0), *answer;
	struct hm_err err = { 0 };

	if (!hm_cmd_flag(cmd, "yes")) {
		if (hm_cmd_ask(cmd, hm_printf(hm_cmd_arena(cmd), "Type the name of"
		    " the account to remove all its mail: "), false, false,
		    &answer, &err) < 0)
			return hm_cmd_fail(cmd, &err);
		if (strcmp(answer, name) != 0)
			return hm_cmd_error(cmd, "nothing was removed");
	}
	if (store_remove(store_of(hm_cmd_mod(cmd)), hm_str(name), &err) < 0)
		return hm_cmd_fail(cmd, &err);
	hm_cmd_printf(cmd, "all mail of account %s was removed\n", name);
	return 0;
}

static const struct hm_cmd_flag verify_flags[] = {
	{ "fix", NULL, "repair what can be repaired" },
	{ "force", NULL, "with --fix: even if most bodies are lost" },
	{ "set-aside", NULL, "list what repairs have set aside" },
	{ .name = NULL }
};

static const struct hm_cmd_flag purge_flags[] = {
	{ "yes", NULL, "do not ask" },
	{ .name = NULL }
};

const struct hm_command store_commands[] = {
	{ .words = "verify", .args = "[ACCOUNT]",
	  .summary = "check what is stored",
	  .help = "Compares mailboxes, messages, counts, indexes and bodies with "
	      "each other. Without ACCOUNT all accounts, and the checksums of all "
	      "tables and bodies.\n\nWith --fix counts and indexes are made anew; "
	      "a message whose body is lost is named and taken out of its mailbox, "
	      "and what is left of it is kept aside. If most bodies are lost, it is "
	      "rather a disk that is not mounted: nothing is repaired without "
	      "--force. What cannot be opened at the moment is not lost.",
	  .flags = verify_flags, .where = HM_CMD_EITHER, .run = run_verify },
	{ .words = "mailbox list", .args = "ACCOUNT",
	  .summary = "list the mailboxes of an account", .where = HM_CMD_EITHER,
	  .run = run_mailbox_list },
	{ .words = "account usage", .args = "[ACCOUNT]",
	  .summary = "show how much accounts hold", .where = HM_CMD_EITHER,
	  .run = run_account_usage },
	{ .words = "account purge", .args = "ACCOUNT",
	  .summary = "remove all mail of an account",
	  .help = "Nobody may be logged in. The account itself stays until it is "
	      "removed with \"hermod account remove\".",
	  .flags = purge_flags, .where = HM_CMD_EITHER, .run = run_account_purge },
	HM_COMMAND_END
};
