/* commands-verify.c - hermod dkim lookup, verify: what others see of signatures. */
#include <string.h>

#include "verify.h"

enum { MESSAGE_MAX = 256 * 1024 * 1024 };

static struct dkim_rules
rules_of(const struct dkim_module *d)
{
	return (struct dkim_rules){ .now_s = hm_wall_ms() / 1000,
	    .sha1 = d->conf->sha1, .rsa_bits_min = DKIM_RSA_BITS_MIN,
	    .psl = d->psl };
}

static int
no_resolver(struct hm_cmd *cmd)
{
	return hm_cmd_error(cmd, "no module resolves names; enable one: "
	    "hermod module enable resolver-getdns");
}

/* ---- dkim lookup ---- */

struct lookup {
	struct dkim_module *d;
	struct hm_cmd *cmd;
	struct hm_str selector, domain;
	struct hm_dns_answer answer;
	struct dkim_record record;
	enum dkim_result result;       /* DKIM_PASS: it can be used */
	const char *why;
	bool ours;                     /* this server has a key of that name */
	bool same;                     /* that one is published */
};

static int
take_names(struct lookup *l)
{
	struct hm_arena *arena = hm_cmd_arena(l->cmd);
	struct hm_str selector = hm_str(hm_cmd_arg(l->cmd, 0));
	struct hm_str domain = hm_str(hm_cmd_arg(l->cmd, 1));

	if (hm_str_ends(domain, HM_STR(".")))
		domain.len--;
	if (dkim_name(arena, selector, &l->selector) < 0) {
		hm_cmd_error(l->cmd, "the selector is no name of the DNS");
		return 2;
	}
	if (dkim_name(arena, domain, &l->domain) < 0) {
		hm_cmd_error(l->cmd, "the domain is no name of the DNS");
		return 2;
	}
	return 0;
}

static bool
key_id(gnutls_pubkey_t key, unsigned char id[32])
{
	size_t len = 32;

	return key != NULL && gnutls_pubkey_get_key_id(key,
	    GNUTLS_KEYID_USE_SHA256, id, &len) >= 0 && len == 32;
}

/* Whether a key of ours has that name, and is the one in the DNS. */
static void
compare(struct lookup *l)
{
	struct dkim_keys *keys = l->d->shared->keys;
	struct hm_arena *arena = hm_cmd_arena(l->cmd);
	unsigned char theirs[32], mine[32];

	for (size_t i = 0; i < keys->n; i++) {
		struct dkim_record own;
		struct hm_buf text = { 0 };

		if (!hm_str_caseeq(keys->at[i].domain, l->domain) ||
		    !hm_str_caseeq(keys->at[i].selector, l->selector))
			continue;
		l->ours = true;
		if (dkim_key_record(&keys->at[i], &text) == 0 &&
		    dkim_record_parse(arena, hm_buf_view(&text), &own) == NULL)
			l->same = key_id(own.public, mine) &&
			    key_id(l->record.public, theirs) &&
			    memcmp(mine, theirs, sizeof(mine)) == 0;
		hm_buf_release(&text);
	}
}

static const char *
compared(const struct lookup *l)
{
	const struct hm_directory *dir = l->d->directory;

	if (l->same)
		return "it is the key of this server";
	if (l->ours)
		return "this server signs with another key: publish what hermod "
		    "dkim txt says";
	return dir->ops->domain(dir->self, l->domain) == 1 ?
	    "the domain is ours, but this server has no key of that name" : "";
}

static struct hm_str
hashes(const struct dkim_record *rec)
{
	return rec->hashes[DKIM_SHA256] && rec->hashes[DKIM_SHA1] ?
	    HM_STR("all") : rec->hashes[DKIM_SHA256] ? HM_STR("sha256") :
	    rec->hashes[DKIM_SHA1] ? HM_STR("sha1") : HM_STR("none known");
}

static void
print_lookup(struct lookup *l)
{
	static const char *const columns[] = { "name", "key", "bits", "hashes",
		"testing", "strict", "secure", "result", "own", NULL };
	struct hm_cmd_table *table = hm_cmd_table(l->cmd, columns);
	struct hm_arena *arena = hm_cmd_arena(l->cmd);
	const struct dkim_record *rec = &l->record;
	bool known = rec->public != NULL;

	hm_cmd_row(table, (struct hm_str[]){ l->answer.name,
	    hm_str(known ? dkim_kind_name(rec->kind) : ""),
	    hm_str(!known ? "" : rec->kind == DKIM_ED25519 ? "256" :
	    hm_printf(arena, "%u", rec->bits)),
	    known ? hashes(rec) : HM_STR(""),
	    rec->testing ? HM_STR("yes") : HM_STR("no"),
	    rec->strict ? HM_STR("yes") : HM_STR("no"),
	    l->answer.secure ? HM_STR("yes") : HM_STR("no"),
	    hm_str(l->why != NULL ? l->why : "good"),
	    hm_str(compared(l)) });
	hm_cmd_table_end(table);
}

/* For people, a sentence for each thing worth knowing. */
static void
say_lookup(struct lookup *l)
{
	const struct dkim_record *rec = &l->record;
	const char *own = compared(l);

	if (rec->public != NULL) {
		hm_cmd_printf(l->cmd, "%.*s: %s", HM_FMT(l->answer.name),
		    rec->kind == DKIM_RSA ? "RSA" : "Ed25519");
		if (rec->kind == DKIM_RSA)
			hm_cmd_printf(l->cmd, " of %u bits", rec->bits);
		hm_cmd_printf(l->cmd, ", hashes: %.*s, %s\n",
		    HM_FMT(hashes(rec)), l->answer.secure ? "secure (DNSSEC)" :
		    "not secure (no DNSSEC)");
	}
	if (rec->testing)
		hm_cmd_printf(l->cmd, "The domain is testing (t=y): signatures "
		    "that fail count as none.\n");
	if (rec->strict)
		hm_cmd_printf(l->cmd, "It is for the domain alone, not for names "
		    "below it (t=s).\n");
	if (l->same || (l->why == NULL && own[0] != '\0' && !l->ours))
		hm_cmd_printf(l->cmd, "%c%s.\n", own[0] - 'a' + 'A', own + 1);
	if (l->why != NULL && hm_dns_temporary(l->answer.outcome))
		hm_cmd_error(l->cmd, "%.*s: %s: %.*s", HM_FMT(l->answer.name),
		    l->why, HM_FMT(l->answer.reason));
	else if (l->why != NULL)
		hm_cmd_error(l->cmd, "%.*s: %s", HM_FMT(l->answer.name), l->why);
	if (l->ours && !l->same)
		hm_cmd_error(l->cmd, "%.*s: %s %.*s", HM_FMT(l->answer.name), own,
		    HM_FMT(l->domain));
}

int
dkim_run_lookup(struct hm_cmd *cmd)
{
	struct lookup l = { .cmd = cmd, .d = hm_mod_state(hm_cmd_mod(cmd)) };
	struct hm_arena *arena = hm_cmd_arena(cmd);
	const struct dkim_rules rules = rules_of(l.d);
	int r;

	if (l.d->resolver == NULL)
		return no_resolver(cmd);
	r = take_names(&l);
	if (r != 0)
		return r;
	if (dkim_record_ask(arena, l.d->resolver, l.selector, l.domain,
	    HM_DNS_FRESH, 0, &l.answer) < 0)
		return hm_cmd_error(cmd, "the lookup was given up");
	l.result = dkim_record_find(arena, &l.answer, &l.record, &l.why);
	if (l.result == DKIM_PENDING)
		l.why = dkim_record_fault(&l.record, &rules);
	compare(&l);
	if (hm_cmd_json(cmd))
		print_lookup(&l);
	else
		say_lookup(&l);
	return l.why == NULL && l.same == l.ours ? 0 : 1;
}

/* ---- dkim verify ---- */

/* Files have lines that end with LF; what was signed had CRLF. */
static HM_FIBER int
spool_lines(struct hm_spool *spool, struct hm_str in, char *last,
    struct hm_err *reterr)
{
	struct hm_buf out = { 0 };
	int r;

	for (size_t i = 0; i < in.len; i++) {
		if (in.p[i] == '\n' && *last != '\r')
			hm_buf_putc(&out, '\r');
		*last = in.p[i];
		hm_buf_putc(&out, in.p[i]);
	}
	r = hm_spool_append(spool, out.p, out.len, reterr);
	hm_buf_release(&out);
	return r;
}

static HM_FIBER int
read_message(struct hm_cmd *cmd, struct hm_spool *spool, struct hm_err *reterr)
{
	struct hm_buf piece = { 0 };
	char last = '\0';
	int r;

	while ((r = hm_cmd_read(cmd, &piece)) == 0) {
		if (hm_spool_size(spool) + piece.len > MESSAGE_MAX)
			r = hm_err_set(reterr, -HM_ELIMIT,
			    "the message is longer than 256 MiB");
		else
			r = spool_lines(spool, hm_buf_view(&piece), &last,
			    reterr);
		hm_buf_clear(&piece);
		if (r < 0)
			break;
	}
	hm_buf_release(&piece);
	if (r == -HM_EEOF)
		return 0;
	return reterr->code != 0 ? r : hm_err_set(reterr, r,
	    "standard input cannot be read");
}

static struct hm_str
or_dash(struct hm_str s)
{
	return s.len > 0 ? s : HM_STR("-");
}

/* How many are good. */
static size_t
print_checks(struct hm_cmd *cmd, const struct dkim_verifying *v)
{
	static const char *const columns[] = { "domain", "selector", "algorithm",
		"result", "reason", NULL };
	struct hm_cmd_table *table = hm_cmd_table(cmd, columns);
	size_t good = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct dkim_check *c = &v->at[i];

		hm_cmd_row(table, (struct hm_str[]){ or_dash(c->sig.domain),
		    or_dash(c->sig.selector), or_dash(hm_str(c->sig.algorithm)),
		    hm_str(dkim_result_text(c->result)),
		    hm_str(c->why != NULL ? c->why : c->secure ?
		    "header and body are as they were signed; DNSSEC proves the "
		    "key" : "header and body are as they were signed") });
		good += c->result == DKIM_PASS;
	}
	hm_cmd_table_end(table);
	return good;
}

int
dkim_run_verify(struct hm_cmd *cmd)
{
	struct hm_mod *m = hm_cmd_mod(cmd);
	const struct dkim_module *d = hm_mod_state(m);
	struct dkim_verifying v = { .rules = rules_of(d),
	    .resolver = d->resolver, .arena = hm_cmd_arena(cmd) };
	struct hm_err err = { 0 };
	size_t good;
	int r;

	if (d->resolver == NULL)
		return no_resolver(cmd);
	v.spool = hm_spool_new(hm_server(m)->data_dir);
	r = read_message(cmd, v.spool, &err);
	if (r == 0)
		r = dkim_verify(&v, &err);
	hm_spool_free(v.spool);
	if (r < 0)
		return err.code != 0 ? hm_cmd_fail(cmd, &err) :
		    hm_cmd_error(cmd, "the lookups were given up");
	if (v.n == 0)
		return hm_cmd_error(cmd, "the message has no field "
		    "DKIM-Signature");
	good = print_checks(cmd, &v);
	if (v.more > 0)
		hm_cmd_error(cmd, "nobody looked at %zu further signatures: %d are "
		    "the most of one message", v.more, DKIM_CHECKS_MAX);
	return good > 0 ? 0 : 1;
}
