/* dkim.c - signs what users send, and verifies signatures (RFC 6376). */
#include <stdio.h>
#include <stdlib.h>

#include <libpsl.h>

#include <hermod/dns.h>
#include <hermod/spool.h>

#include "dkim.h"

static const char *const form_words[] = { "relaxed", "simple", NULL };
static const char *const pair_words[] = { "as-all", "relaxed/relaxed",
	"relaxed/simple", "simple/relaxed", "simple/simple", NULL };
static const char *const key_words[] = { "rsa", "ed25519", "none", NULL };

static const struct hm_opt selector_options[] = {
	HM_OPT_ENUM(struct dkim_selector, form, "as-all",
	    "How much header and body may change: relaxed/simple, say, or what "
	    "is said for all keys.", pair_words),
	HM_OPT_BOOL(struct dkim_selector, sign, "yes",
	    "Whether keys of this selector sign. Without, they are published all "
	    "the same: before they begin, and while what they signed is on its "
	    "way."),
	HM_OPT_END
};

static const struct hm_opt dkim_options[] = {
	HM_OPT_STR(struct dkim_conf, directory, "dkim",
	    "Where the keys are, relative to the data directory: a folder for "
	    "each domain, SELECTOR.pem in it. Every key there signs."),
	HM_OPT_LIST(struct dkim_conf, fields,
	    "[From, Reply-To, Subject, Date, To, Cc, Message-ID, In-Reply-To, "
	    "References, MIME-Version, Content-Type, Content-Transfer-Encoding]",
	    "Header fields to sign."),
	HM_OPT_BOOL(struct dkim_conf, oversign, "yes",
	    "Sign each of them once more than it is there, so that none can be "
	    "added."),
	HM_OPT_ENUM(struct dkim_conf, header, "relaxed",
	    "How much a header may change on its way: relaxed (folding, case of "
	    "names) or simple (nothing).", form_words),
	HM_OPT_ENUM(struct dkim_conf, body, "relaxed",
	    "How much a body may change on its way: relaxed (white space) or "
	    "simple (nothing).", form_words),
	HM_OPT_TIME(struct dkim_conf, expire_ms, "72h",
	    "How long a signature is good; 0: for ever.", .max = "365d"),
	HM_OPT_ENUM(struct dkim_conf, new_key, "rsa",
	    "The key that a domain without any gets: rsa (2048 bits), ed25519 "
	    "or none.", key_words),
	HM_OPT_BLOCKS(struct dkim_conf, selectors, struct dkim_selector,
	    selector_options, "What is otherwise for keys of one selector, by "
	    "its name."),
	HM_OPT_BOOL(struct dkim_conf, sha1, "yes",
	    "Whether rsa-sha1 can pass when a signature is verified. RFC 8301 "
	    "forbids it; some senders know nothing else."),
	HM_OPT_END
};

/* RFC 6376, 5.4: From must be signed; and each name is one of a field. */
static int
dkim_check(const void *arg, struct hm_err *reterr)
{
	const struct dkim_conf *conf = arg;
	const struct hm_strlist *fields = conf->fields;

	if (!hm_strlist_has(fields, HM_STR("From")))
		return hm_err_set(reterr, -HM_EINVAL, "\"fields\" must have "
		    "From: without it nothing would be proved");
	for (size_t i = 0; i < fields->n; i++) {
		struct hm_strlist before = { i, fields->at };

		for (const char *c = fields->at[i]; *c != '\0'; c++)
			if (*c <= ' ' || *c > '~' || *c == ':' || *c == ';')
				return hm_err_set(reterr, -HM_EINVAL, "\"%s\" "
				    "in \"fields\" is no name of a field",
				    fields->at[i]);
		if (fields->at[i][0] == '\0' ||
		    hm_strlist_has(&before, hm_str(fields->at[i])))
			return hm_err_set(reterr, -HM_EINVAL, "\"fields\" has "
			    "\"%s\" twice, or an empty name", fields->at[i]);
	}
	return 0;
}

/* ---- keys ---- */

struct loading {
	struct dkim_module *d;
	struct dkim_keys *keys;
	struct hm_err *err;
};

static int
load_job(void *arg)
{
	struct loading *l = arg;

	return dkim_keys_load(l->d->dir, &l->keys, l->err);
}

int
dkim_reload(struct dkim_module *d, struct hm_err *reterr)
{
	struct loading l = { .d = d, .err = reterr };
	int r = hm_work(load_job, &l);

	if (r < 0)
		return r;
	dkim_keys_unref(d->shared->keys);
	d->shared->keys = l.keys;
	return 0;
}

struct making {
	struct dkim_module *d;
	struct hm_str domain;
	char selector[16];
	bool made;
	struct hm_err err;
};

static int
make_job(void *arg)
{
	struct making *mk = arg;
	char domain[256];

	snprintf(domain, sizeof(domain), "%.*s", HM_FMT(mk->domain));
	return dkim_key_make(mk->d->dir, domain, mk->selector,
	    mk->d->conf->new_key == 0 ? DKIM_RSA : DKIM_ED25519, &mk->err);
}

static bool
has_key(const struct dkim_keys *keys, struct hm_str domain)
{
	for (size_t i = 0; i < keys->n; i++)
		if (hm_str_eq(keys->at[i].domain, domain))
			return true;
	return false;
}

/* A domain of ours without a key gets one, named by the year. */
static int
provide_key(struct hm_str domain, void *arg)
{
	struct dkim_module *d = arg;
	const struct dkim_keys *keys = d->shared->keys;
	struct making mk = { .d = d, .domain = domain };
	struct hm_tm tm;

	if (has_key(keys, domain))
		return 0;
	if (d->conf->new_key == 2)
		return 0;
	hm_tm_from_unix(hm_wall_ms() / 1000, 0, &tm);
	snprintf(mk.selector, sizeof(mk.selector), "%llda", (long long)tm.year);
	if (hm_work(make_job, &mk) < 0)
		hm_log(HM_LOG_ERROR, "no DKIM key made", hm_f("domain", domain),
		    hm_f("error", mk.err.text));
	else
		hm_log(HM_LOG_INFO, "DKIM key made; publish what hermod domain "
		    "dnsrecords says", hm_f("domain", domain),
		    hm_f("selector", mk.selector));
	return 0;
}

static HM_FIBER void
provide_keys(struct dkim_module *d)
{
	const struct hm_directory *dir = d->directory;

	if (HM_HAS(dir, domains))
		(void)dir->ops->domains(dir->self, provide_key, d);
	(void)dkim_reload(d, NULL);
}

static void
dkim_domain_changed(struct hm_call *call, const struct hm_domain_change *change)
{
	if (!change->removed)
		provide_keys(hm_mod_state(hm_call_mod(call)));
}

static void
dkim_generation(struct hm_call *call, const struct hm_generation_change *change)
{
	(void)change;
	provide_keys(hm_mod_state(hm_call_mod(call)));
}

/* ---- signing ---- */

static HM_FIBER int
sign(struct dkim_module *d, struct hm_message *msg, struct hm_str domain)
{
	struct dkim_keys *keys = d->shared->keys;
	struct dkim_signing s = { .conf = d->conf, .keys = keys, .domain = domain,
	    .prefix = hm_message_prefix(msg), .arena = hm_message_arena(msg),
	    .now_s = hm_wall_ms() / 1000 };
	struct hm_spool *spool;
	int r = hm_message_final(msg, &spool, NULL);

	if (r == 0)
		r = hm_spool_view(spool, &s.message);
	if (r < 0)
		return r;
	keys->refs++;
	r = hm_work(dkim_sign, &s);
	dkim_keys_unref(keys);
	for (size_t i = 0; i < s.n; i++)
		if (hm_message_add_field(msg, "DKIM-Signature", s.values[i]) < 0)
			r = -HM_EINTERNAL;
	return r;
}

/* The author's domain signs (RFC 6376, 3.11 leaves it open; DMARC wants it). */
static struct hm_verdict
dkim_submit(struct hm_call *call, struct hm_message *msg)
{
	struct dkim_module *d = hm_mod_state(hm_call_mod(call));
	struct hm_addr from;
	int r;

	if (hm_hdraddr_single(hm_call_arena(call),
	    hm_message_field(msg, "From", 0), &from, NULL) < 0)
		return hm_pass();
	r = sign(d, msg, from.domain);
	/* Unsigned mail is better than none. */
	if (r < 0)
		hm_log(HM_LOG_ERROR, "not signed", hm_f("domain", from.domain),
		    hm_f("error", hm_err_name(r)));
	return hm_pass();
}

/* What this server writes comes from its host: the domain above it that has keys
 * signs. */
static struct hm_verdict
dkim_report(struct hm_call *call, struct hm_message *msg)
{
	struct dkim_module *d = hm_mod_state(hm_call_mod(call));
	struct hm_str domain = hm_str(hm_server(hm_call_mod(call))->hostname);
	int r = 0;

	while (domain.p != NULL && !has_key(d->shared->keys, domain))
		(void)hm_str_split(&domain, '.');
	if (domain.p != NULL)
		r = sign(d, msg, domain);
	if (r < 0)
		hm_log(HM_LOG_ERROR, "not signed", hm_f("domain", domain),
		    hm_f("error", hm_err_name(r)));
	return hm_pass();
}

/* ---- what the DNS should say ---- */

static struct hm_verdict
dkim_records(struct hm_call *call, struct hm_dns_wants *wants)
{
	struct dkim_module *d = hm_mod_state(hm_call_mod(call));
	const struct dkim_keys *keys = d->shared->keys;

	for (size_t i = 0; i < keys->n; i++) {
		const struct dkim_key *key = &keys->at[i];
		struct hm_dns_want want = { .type = HM_DNS_TXT,
		    .about = "the key that DKIM signatures are verified with" };
		struct hm_buf record = { 0 };

		if (!hm_str_eq(key->domain, wants->domain) ||
		    dkim_key_record(key, &record) < 0)
			continue;
		want.name = hm_str(hm_printf(wants->arena,
		    "%.*s._domainkey.%.*s", HM_FMT(key->selector),
		    HM_FMT(key->domain)));
		want.rr.txt.text = hm_str_dup(wants->arena, hm_buf_view(&record));
		hm_dns_want(wants, &want);
		hm_buf_release(&record);
	}
	return hm_pass();
}

/* ---- life ---- */

static void
free_shared(void *resource)
{
	struct dkim_shared *shared = resource;

	dkim_keys_unref(shared->keys);
	free(shared);
}

static int
make_shared(struct hm_mod *m, void *arg, void **ret, struct hm_err *reterr)
{
	(void)m;
	(void)arg;
	(void)reterr;
	*ret = hm_xalloc(sizeof(struct dkim_shared));
	return 0;
}

static void
free_psl(void *arg)
{
	psl_free(arg);
}

/* The newer one of the system's list and the library's own. */
static int
psl_job(void *arg)
{
	*(psl_ctx_t **)arg = psl_latest(NULL);
	return 0;
}

static int
dkim_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct hm_arena *arena = hm_mod_arena(m);
	struct dkim_module *d = hm_new(arena, struct dkim_module);
	psl_ctx_t *psl = NULL;
	void *shared;
	int r = hm_keep(m, "keys", make_shared, NULL, free_shared, &shared,
	    reterr);

	if (r < 0)
		return r;
	d->conf = hm_mod_conf(m);
	d->directory = HM_GET(m, directory);
	d->resolver = HM_GET(m, resolver);
	d->shared = shared;
	(void)hm_work(psl_job, &psl);
	hm_on_free(arena, free_psl, psl);
	d->psl = psl;
	d->dir = d->conf->directory[0] == '/' ? d->conf->directory :
	    hm_printf(arena, "%s/%s", hm_server(m)->data_dir,
	    d->conf->directory);
	hm_mod_set(m, d);
	return dkim_reload(d, reterr);
}

static const struct hm_need dkim_needs[] = {
	HM_NEED(directory), HM_WANT(resolver), HM_NEED_END
};
static const struct hm_hook dkim_hooks[] = {
	HM_ON(submit, HM_ORDER_LAST, dkim_submit),
	HM_ON(report, HM_ORDER_LAST, dkim_report),
	HM_ON(domain_changed, HM_ORDER_LAST, dkim_domain_changed),
	HM_ON(generation_changed, HM_ORDER_LAST, dkim_generation),
	HM_ON(dns_records, HM_ORDER_CONTENT, dkim_records),
	HM_HOOK_END
};

HM_MODULE(dkim, "1.0", "Signs what users send, and verifies signatures",
	.conf_size = sizeof(struct dkim_conf), .options = dkim_options,
	.needs = dkim_needs, .hooks = dkim_hooks, .commands = dkim_commands,
	.check = dkim_check, .open = dkim_open);
