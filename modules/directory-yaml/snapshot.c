/* snapshot.c - domains.yaml, checked and sorted for look-ups. */
#include <stdlib.h>
#include <string.h>

#include <hermod/buf.h>
#include <hermod/charset.h>

#include "directory.h"

static const struct hm_opt route_options[] = {
	HM_OPT_LIST(struct dir_route_conf, to, "",
	    "Domains of recipients that this route is for; \".example.org\" is "
	    "example.org and all below it. Empty: all."),
	HM_OPT_INT(struct dir_route_conf, attempt, "1",
	    "Only from this attempt on; the first one is 1.", .min = "1",
	    .max = "100"),
	HM_OPT_STR(struct dir_route_conf, transport, NULL,
	    "The transport to use.", .required = true),
	HM_OPT_END
};

static const struct hm_opt domain_options[] = {
	HM_OPT_STR(struct dir_domain_conf, description, "",
	    "For people; not used."),
	HM_OPT_STR(struct dir_domain_conf, separators, "+",
	    "Characters that begin a subaddress: mail for anna+shop goes to anna. "
	    "Empty: none."),
	HM_OPT_BOOL(struct dir_domain_conf, case_sensitive, "no",
	    "Whether Anna and anna are two users."),
	HM_OPT_BOOL(struct dir_domain_conf, disabled, "no",
	    "Take no mail for this domain; senders are asked to try later."),
	HM_OPT_BLOCKS(struct dir_domain_conf, routes, struct dir_route_conf,
	    route_options, "Ways out for mail whose sender is of this domain, by "
	    "name; the first that fits is taken."),
	HM_OPT_END
};

static const struct hm_opt account_options[] = {
	HM_OPT_STR(struct dir_account_conf, full_name, "",
	    "The person's name."),
	HM_OPT_STR(struct dir_account_conf, domain, "",
	    "Domain to assume for log-in names without one."),
	HM_OPT_LIST(struct dir_account_conf, addresses, "[]",
	    "Addresses whose mail goes to this account, and which it may send "
	    "as. \"@example.org\" catches what nobody else has."),
	HM_OPT_MAP(struct dir_account_conf, mailboxes, "{}",
	    "Mailboxes for mail to some of the addresses; INBOX for the others."),
	HM_OPT_SIZE(struct dir_account_conf, quota_bytes, "0",
	    "Most bytes that its messages may take; 0: as many as fit."),
	HM_OPT_STR(struct dir_account_conf, login_disabled, "",
	    "If not empty, log-in is refused with this text."),
	HM_OPT_BLOCKS(struct dir_account_conf, routes, struct dir_route_conf,
	    route_options, "Ways out for mail that this account sends, before "
	    "those of its domain."),
	HM_OPT_END
};

const struct hm_opt dir_file_options[] = {
	HM_OPT_STR(struct dir_file, postmaster, "",
	    "Account that gets mail for postmaster of this host and of domains "
	    "without one. Default: the first account."),
	HM_OPT_BLOCKS(struct dir_file, domains, struct dir_domain_conf,
	    domain_options, "The domains that this server receives mail for."),
	HM_OPT_BLOCKS(struct dir_file, accounts, struct dir_account_conf,
	    account_options, "The people and programs that have mail here."),
	HM_OPT_END
};

static int
by_domain(const void *a, const void *b)
{
	return hm_str_cmp(((const struct dir_domain *)a)->name,
	    ((const struct dir_domain *)b)->name);
}

static int
by_account(const void *a, const void *b)
{
	return hm_str_cmp(((const struct dir_account *)a)->name,
	    ((const struct dir_account *)b)->name);
}

static int
by_key(const void *a, const void *b)
{
	return hm_str_cmp(((const struct dir_address *)a)->key,
	    ((const struct dir_address *)b)->key);
}

const struct dir_domain *
dir_find_domain(const struct dir_snapshot *snap, struct hm_str name)
{
	const struct dir_domain key = { .name = name };

	return snap->ndomains == 0 ? NULL : bsearch(&key, snap->domains,
	    snap->ndomains, sizeof(key), by_domain);
}

const struct dir_account *
dir_find_account(const struct dir_snapshot *snap, struct hm_str name)
{
	const struct dir_account key = { .name = name };

	return snap->naccounts == 0 ? NULL : bsearch(&key, snap->accounts,
	    snap->naccounts, sizeof(key), by_account);
}

const struct dir_address *
dir_find_address(const struct dir_snapshot *snap, struct hm_str key)
{
	const struct dir_address probe = { .key = key };

	return snap->naddresses == 0 ? NULL : bsearch(&probe, snap->addresses,
	    snap->naddresses, sizeof(probe), by_key);
}

struct hm_str
dir_canonical(struct hm_arena *arena, const struct dir_domain_conf *conf,
    struct hm_str local, struct hm_str *ret_detail)
{
	struct hm_buf folded = { 0 };

	*ret_detail = (struct hm_str){ 0 };
	for (const char *sep = conf->separators; *sep != '\0'; sep++) {
		ssize_t at = hm_str_chr(local, *sep);

		if (at > 0) {
			*ret_detail = hm_str_dup(arena, hm_str_skip(local, at + 1));
			local = hm_str_take(local, at);
		}
	}
	if (conf->case_sensitive)
		return hm_str_dup(arena, local);
	hm_utf8_fold(&folded, local);
	local = hm_str_dup(arena, hm_buf_view(&folded));
	hm_buf_release(&folded);
	return local;
}

/* Where mistakes in what has been read belong. */
struct check {
	struct dir_snapshot *snap;
	const struct hm_node *root;
	struct hm_errs *errs;
};

static const struct hm_node *
node_of(const struct check *c, const char *section, const char *name)
{
	const struct hm_node *all = hm_node_get(c->root, section);
	const struct hm_node *one = all != NULL ? hm_node_get(all, name) : NULL;

	return one != NULL ? one : c->root;
}

static void
take_domains(const struct check *c)
{
	struct dir_snapshot *snap = c->snap;
	const struct hm_blocks *from = snap->file->domains;
	const struct dir_domain_conf *confs = from->at;
	struct hm_err err = { 0 };

	snap->domains = hm_alloc_array(snap->arena, from->n + 1,
	    sizeof(*snap->domains));
	for (size_t i = 0; i < from->n; i++) {
		struct dir_domain *d = &snap->domains[snap->ndomains];

		if (hm_domain_ascii(snap->arena, hm_str(from->names[i]),
		    &d->name, &err) < 0) {
			hm_node_error(node_of(c, "domains", from->names[i]),
			    c->errs, "%s is not a domain name: %s",
			    from->names[i], err.text);
			continue;
		}
		d->conf = &confs[i];
		snap->ndomains++;
	}
	qsort(snap->domains, snap->ndomains, sizeof(*snap->domains), by_domain);
	for (size_t i = 1; i < snap->ndomains; i++)
		if (by_domain(&snap->domains[i - 1], &snap->domains[i]) == 0)
			hm_node_error(c->root, c->errs, "domain %.*s stands here "
			    "twice, in two spellings",
			    HM_FMT(snap->domains[i].name));
}

static const char *
mailbox_for(const struct dir_account_conf *conf, const char *address)
{
	for (size_t i = 0; i < conf->mailboxes->n; i++)
		if (hm_str_caseis(hm_str(conf->mailboxes->keys[i]), address))
			return conf->mailboxes->values[i];
	return "INBOX";
}

/* The look-up key of an address in the file; false with the reason noted. */
static bool
address_key(const struct check *c, const struct hm_node *node,
    const char *text, struct hm_str *ret)
{
	struct hm_arena *arena = c->snap->arena;
	const struct dir_domain *domain;
	struct hm_str local, detail, name;
	struct hm_err err = { 0 };
	struct hm_addr addr;

	if (text[0] == '@') {
		local = HM_STR("");
		if (hm_domain_ascii(arena, hm_str(text + 1), &name, &err) < 0) {
			hm_node_error(node, c->errs, "%s: %s", text, err.text);
			return false;
		}
	} else {
		if (hm_addr_parse(arena, hm_str(text), HM_ADDR_UTF8, &addr,
		    &err) < 0) {
			hm_node_error(node, c->errs, "%s is not an address: %s",
			    text, err.text);
			return false;
		}
		local = addr.local;
		name = addr.domain;
	}
	domain = dir_find_domain(c->snap, name);
	if (domain == NULL) {
		hm_node_error(node, c->errs, "%s: the domain %.*s is not in "
		    "\"domains\"", text, HM_FMT(name));
		return false;
	}
	local = dir_canonical(arena, domain->conf, local, &detail);
	if (detail.p != NULL) {
		hm_node_error(node, c->errs, "%s has a subaddress separator of "
		    "its domain in it, so it could never be reached", text);
		return false;
	}
	*ret = hm_str(hm_printf(arena, "%.*s@%.*s", HM_FMT(local),
	    HM_FMT(name)));
	return true;
}

static void
take_addresses(const struct check *c, const struct dir_account *account)
{
	const struct dir_account_conf *conf = account->conf;
	const struct hm_node *node = node_of(c, "accounts", account->name.p);

	for (size_t i = 0; i < conf->addresses->n; i++) {
		const char *text = conf->addresses->at[i];
		struct dir_address *a = &c->snap->addresses[c->snap->naddresses];

		if (!address_key(c, node, text, &a->key))
			continue;
		a->account = account;
		a->mailbox = hm_str(mailbox_for(conf, text));
		c->snap->naddresses++;
	}
}

static void
check_account(const struct check *c, const struct dir_account *a)
{
	const struct hm_node *node = node_of(c, "accounts", a->name.p);

	for (size_t i = 0; i < a->name.len; i++) {
		char ch = a->name.p[i];

		if ((unsigned char)ch <= ' ' || ch == '/' || ch == '@' ||
		    ch == 0x7f) {
			hm_node_error(node, c->errs, "an account name has no "
			    "blank, \"/\" or \"@\"");
			return;
		}
	}
	if (a->name.len == 0 || a->name.len > 100)
		hm_node_error(node, c->errs,
		    "an account name has 1 to 100 characters");
}

static void
take_accounts(const struct check *c)
{
	struct dir_snapshot *snap = c->snap;
	const struct hm_blocks *from = snap->file->accounts;
	const struct dir_account_conf *confs = from->at;
	size_t naddresses = 0;

	snap->accounts = hm_alloc_array(snap->arena, from->n + 1,
	    sizeof(*snap->accounts));
	for (size_t i = 0; i < from->n; i++) {
		struct dir_account *a = &snap->accounts[snap->naccounts++];
		struct hm_str *list = hm_alloc_array(snap->arena,
		    confs[i].addresses->n + 1, sizeof(*list));

		for (size_t k = 0; k < confs[i].addresses->n; k++)
			list[k] = hm_str(confs[i].addresses->at[k]);
		*a = (struct dir_account){
			.name = hm_str(from->names[i]), .conf = &confs[i] };
		a->info = (struct hm_account_info){
			.name = a->name,
			.full_name = hm_str(confs[i].full_name),
			.default_domain = hm_str(confs[i].domain),
			.quota_bytes = (int64_t)confs[i].quota_bytes,
			.login_disabled = confs[i].login_disabled[0] != '\0',
			.login_disabled_text = hm_str(confs[i].login_disabled),
			.naddresses = confs[i].addresses->n,
			.addresses = list,
		};
		naddresses += confs[i].addresses->n;
		check_account(c, a);
	}
	qsort(snap->accounts, snap->naccounts, sizeof(*snap->accounts),
	    by_account);
	snap->addresses = hm_alloc_array(snap->arena, naddresses + 1,
	    sizeof(*snap->addresses));
	for (size_t i = 0; i < snap->naccounts; i++)
		take_addresses(c, &snap->accounts[i]);
	qsort(snap->addresses, snap->naddresses, sizeof(*snap->addresses), by_key);
	for (size_t i = 1; i < snap->naddresses; i++)
		if (by_key(&snap->addresses[i - 1], &snap->addresses[i]) == 0)
			hm_node_error(c->root, c->errs, "the address %.*s belongs "
			    "to two accounts, or twice to one",
			    HM_FMT(snap->addresses[i].key));
}

static void
take_postmaster(const struct check *c)
{
	const char *name = c->snap->file->postmaster;
	const struct hm_blocks *all = c->snap->file->accounts;
	const struct hm_node *node = hm_node_get(c->root, "postmaster");

	if (name[0] == '\0' && all->n > 0)
		name = all->names[0];
	if (name[0] == '\0')
		return;
	c->snap->postmaster = dir_find_account(c->snap, hm_str(name));
	if (c->snap->postmaster == NULL)
		hm_node_error(node != NULL ? node : c->root, c->errs,
		    "postmaster: there is no account %s", name);
}

int
dir_snapshot_build(const char *path, struct hm_str text,
    struct dir_snapshot **ret, struct hm_errs *errs)
{
	struct hm_arena *arena = hm_arena_new(NULL, "domains");
	struct dir_snapshot *snap = hm_new(arena, struct dir_snapshot);
	struct dir_file *file = hm_new(arena, struct dir_file);
	struct hm_node *root = NULL;
	struct check c = { .snap = snap, .errs = errs };
	size_t before = hm_errs_count(errs);

	snap->arena = arena;
	snap->file = file;
	if (hm_node_parse(arena, path, text, &root, errs) == 0 &&
	    hm_conf_build(arena, root, dir_file_options, file, errs) == 0) {
		c.root = root;
		take_domains(&c);
		take_accounts(&c);
		take_postmaster(&c);
	}
	if (hm_errs_count(errs) > before) {
		dir_snapshot_free(snap);
		return -HM_ESYNTAX;
	}
	*ret = snap;
	return 0;
}

void
dir_snapshot_free(struct dir_snapshot *snap)
{
	if (snap != NULL)
		hm_arena_free(snap->arena);
}
