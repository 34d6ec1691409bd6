/* commands.c - hermod dkim: keys, and what to publish of them. */
#include "verify.h"

struct making {
	struct dkim_module *d;
	const char *domain, *selector;
	enum dkim_kind kind;
	struct hm_err err;
};

static int
make_job(void *arg)
{
	struct making *mk = arg;

	return dkim_key_make(mk->d->dir, mk->domain, mk->selector, mk->kind,
	    &mk->err);
}

static int
run_add(struct hm_cmd *cmd)
{
	struct making mk = { .d = hm_mod_state(hm_cmd_mod(cmd)),
	    .domain = hm_cmd_arg(cmd, 0), .selector = hm_cmd_arg(cmd, 1) };
	const char *type = hm_cmd_flag(cmd, "type");
	struct hm_str ascii;

	if (type != NULL && !hm_str_is(hm_str(type), "rsa") &&
	    !hm_str_is(hm_str(type), "ed25519")) {
		hm_cmd_error(cmd, "--type is rsa or ed25519");
		return 2;
	}
	mk.kind = type != NULL && type[0] == 'e' ? DKIM_ED25519 : DKIM_RSA;
	if (hm_domain_ascii(hm_cmd_arena(cmd), hm_str(mk.domain), &ascii,
	    &mk.err) < 0)
		return hm_cmd_fail(cmd, &mk.err);
	mk.domain = ascii.p;
	if (hm_work(make_job, &mk) < 0 || dkim_reload(mk.d, &mk.err) < 0)
		return hm_cmd_fail(cmd, &mk.err);
	hm_cmd_printf(cmd, "mail of %s is signed with this key, too, from now on; "
	    "publish it: hermod dkim txt %s\n", mk.domain, mk.domain);
	return 0;
}

static int
run_list(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "domain", "selector", "type",
		NULL };
	struct dkim_module *d = hm_mod_state(hm_cmd_mod(cmd));
	struct dkim_keys *keys = d->shared->keys;
	struct hm_cmd_table *table = hm_cmd_table(cmd, columns);

	keys->refs++;
	for (size_t i = 0; i < keys->n; i++)
		hm_cmd_row(table, (struct hm_str[]){ keys->at[i].domain,
		    keys->at[i].selector,
		    hm_str(dkim_kind_name(keys->at[i].kind)) });
	hm_cmd_table_end(table);
	dkim_keys_unref(keys);
	return 0;
}

static int
run_txt(struct hm_cmd *cmd)
{
	static const char *const columns[] = { "name", "text", NULL };
	struct dkim_module *d = hm_mod_state(hm_cmd_mod(cmd));
	struct dkim_keys *keys = d->shared->keys;
	struct hm_str domain = hm_str(hm_cmd_arg(cmd, 0));
	struct hm_cmd_table *table = hm_cmd_table(cmd, columns);
	size_t n = 0;

	keys->refs++;
	for (size_t i = 0; i < keys->n; i++) {
		const struct dkim_key *key = &keys->at[i];
		struct hm_buf record = { 0 };

		if (!hm_str_caseeq(key->domain, domain) ||
		    dkim_key_record(key, &record) < 0)
			continue;
		hm_cmd_row(table, (struct hm_str[]){
		    hm_str(hm_printf(hm_cmd_arena(cmd), "%.*s._domainkey.%.*s",
		    HM_FMT(key->selector), HM_FMT(key->domain))),
		    hm_str_dup(hm_cmd_arena(cmd), hm_buf_view(&record)) });
		hm_buf_release(&record);
		n++;
	}
	hm_cmd_table_end(table);
	dkim_keys_unref(keys);
	return n > 0 ? 0 : hm_cmd_error(cmd, "%.*s has no key", HM_FMT(domain));
}

static const struct hm_cmd_flag add_flags[] = {
	{ "type", "KIND", "rsa (2048 bits; the default) or ed25519" },
	{ .name = NULL }
};

const struct hm_command dkim_commands[] = {
	{ .words = "dkim add", .args = "DOMAIN SELECTOR", .flags = add_flags,
	  .where = HM_CMD_EITHER, .run = run_add,
	  .summary = "make a key that signs a domain's mail" },
	{ .words = "dkim list", .args = "", .where = HM_CMD_EITHER,
	  .run = run_list, .summary = "show the keys" },
	{ .words = "dkim lookup", .args = "SELECTOR DOMAIN",
	  .where = HM_CMD_EITHER, .run = dkim_run_lookup,
	  .summary = "ask the DNS for a key, and judge it",
	  .help = "If the key should be one of this server, the two are compared. "
	      "The exit status is 0 if signatures can be verified with it." },
	{ .words = "dkim txt", .args = "DOMAIN", .where = HM_CMD_EITHER,
	  .run = run_txt, .summary = "show what to publish of a domain's keys" },
	{ .words = "dkim verify", .args = "", .where = HM_CMD_EITHER,
	  .run = dkim_run_verify,
	  .summary = "verify the signatures of a message",
	  .help = "The message is read from standard input: hermod dkim verify < "
	      "FILE. Lines may end as in files of this system. The exit status is "
	      "0 if at least one signature is good." },
	HM_COMMAND_END
};
