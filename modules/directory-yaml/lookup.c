/* lookup.c - the service "directory" over the newest snapshot.
 *
 * None of these suspends, so a snapshot cannot change under them.
 */
#include "directory.h"

static const struct dir_snapshot *
snapshot(struct hm_mod *self)
{
	const struct dir_module *dir = hm_mod_state(self);

	return dir->shared->snapshot;
}

static int
found(struct hm_arena *arena, const struct dir_account *account,
    struct hm_str mailbox, struct hm_rcpt_info *ret)
{
	ret->kind = HM_RCPT_ACCOUNT;
	ret->account = hm_str_dup(arena, account->name);
	ret->mailbox = hm_str_dup(arena, mailbox);
	return 0;
}

/* Mail for postmaster has to arrive somewhere (RFC 5321, 4.5.1). */
static bool
is_postmaster(struct hm_str local)
{
	return hm_str_caseis(local, "postmaster");
}

/* Who gets mail for a canonical address: itself, postmaster, catch-all. */
static const struct dir_account *
owner(const struct dir_snapshot *snap, const struct dir_domain *domain,
    struct hm_str local, struct hm_arena *arena, struct hm_str key,
    struct hm_str *ret_mailbox)
{
	const struct dir_address *a = dir_find_address(snap, key);

	*ret_mailbox = HM_STR("INBOX");
	if (a == NULL && is_postmaster(local))
		return snap->postmaster;
	if (a == NULL)
		a = dir_find_address(snap, hm_str(hm_printf(arena, "@%.*s",
		    HM_FMT(domain->name))));
	if (a == NULL)
		return NULL;
	*ret_mailbox = a->mailbox;
	return a->account;
}

static int
in_domain(const struct dir_snapshot *snap, const struct dir_domain *domain,
    const struct hm_addr *addr, struct hm_arena *arena, struct hm_rcpt_info *ret)
{
	struct hm_str local = dir_canonical(arena, domain->conf, addr->local,
	    &ret->detail);
	const struct dir_account *account;
	struct hm_str mailbox;

	ret->kind = HM_RCPT_UNKNOWN;
	ret->canonical = hm_str(hm_printf(arena, "%.*s@%.*s", HM_FMT(local),
	    HM_FMT(domain->name)));
	account = owner(snap, domain, local, arena, ret->canonical, &mailbox);
	if (account != NULL)
		found(arena, account, mailbox, ret);
	if (domain->conf->disabled)
		ret->kind = HM_RCPT_DISABLED;
	return 0;
}

static int
lookup_rcpt(struct hm_mod *self, const struct hm_addr *addr,
    struct hm_arena *arena, struct hm_rcpt_info *ret, struct hm_err *reterr)
{
	const struct dir_module *dir = hm_mod_state(self);
	const struct dir_snapshot *snap = snapshot(self);
	const struct dir_domain *domain;
	bool host = addr->domain.len == 0 ||
	    hm_str_is(addr->domain, dir->hostname);

	(void)reterr;
	*ret = (struct hm_rcpt_info){ .kind = HM_RCPT_FOREIGN };
	domain = dir_find_domain(snap, addr->domain);
	if (domain != NULL)
		return in_domain(snap, domain, addr, arena, ret);
	if (host && is_postmaster(addr->local) && snap->postmaster != NULL) {
		ret->canonical = HM_STR("postmaster");
		return found(arena, snap->postmaster, HM_STR("INBOX"), ret);
	}
	return 0;
}

static int
lookup_may_send(struct hm_mod *self, struct hm_str account,
    const struct hm_addr *addr, struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "may-send");
	struct hm_rcpt_info info;
	int r = lookup_rcpt(self, addr, arena, &info, reterr);

	if (r == 0)
		r = info.kind == HM_RCPT_ACCOUNT &&
		    hm_str_eq(info.account, account);
	hm_arena_free(arena);
	return r;
}

static void
copy_info(struct hm_arena *arena, const struct hm_account_info *from,
    struct hm_account_info *ret)
{
	struct hm_str *list = hm_alloc_array(arena, from->naddresses + 1,
	    sizeof(*list));

	for (size_t i = 0; i < from->naddresses; i++)
		list[i] = hm_str_dup(arena, from->addresses[i]);
	*ret = *from;
	ret->name = hm_str_dup(arena, from->name);
	ret->full_name = hm_str_dup(arena, from->full_name);
	ret->default_domain = hm_str_dup(arena, from->default_domain);
	ret->login_disabled_text = hm_str_dup(arena, from->login_disabled_text);
	ret->addresses = list;
}

static int
lookup_account(struct hm_mod *self, struct hm_str name, struct hm_arena *arena,
    struct hm_account_info *ret, struct hm_err *reterr)
{
	const struct dir_account *a = dir_find_account(snapshot(self), name);

	if (a == NULL)
		return hm_err_set(reterr, -HM_ENOENT, "there is no account %.*s",
		    HM_FMT(name));
	copy_info(arena, &a->info, ret);
	return 0;
}

static int
lookup_login(struct hm_mod *self, struct hm_str name, struct hm_arena *arena,
    struct hm_account_info *ret, struct hm_err *reterr)
{
	struct hm_rcpt_info info;
	struct hm_addr addr;

	if (hm_str_chr(name, '@') < 0)
		return lookup_account(self, name, arena, ret, reterr);
	if (hm_addr_parse(arena, name, HM_ADDR_UTF8, &addr, NULL) < 0 ||
	    lookup_rcpt(self, &addr, arena, &info, NULL) < 0 ||
	    info.account.len == 0)
		return hm_err_set(reterr, -HM_ENOENT, "no such user");
	return lookup_account(self, info.account, arena, ret, reterr);
}

static int
lookup_accounts(struct hm_mod *self, int (*fn)(struct hm_str name, void *arg),
    void *arg)
{
	const struct dir_snapshot *snap = snapshot(self);
	struct hm_arena *arena = hm_arena_new(NULL, "accounts");
	struct hm_str *names = hm_alloc_array(arena, snap->naccounts + 1,
	    sizeof(*names));
	size_t n = snap->naccounts;
	int r = 0;

	/* fn may suspend, and the snapshot change meanwhile. */
	for (size_t i = 0; i < n; i++)
		names[i] = hm_str_dup(arena, snap->accounts[i].name);
	for (size_t i = 0; i < n && r == 0; i++)
		r = fn(names[i], arg);
	hm_arena_free(arena);
	return r;
}

static int
lookup_domain(struct hm_mod *self, struct hm_str domain)
{
	return dir_find_domain(snapshot(self), domain) != NULL;
}

static int
lookup_domains(struct hm_mod *self, int (*fn)(struct hm_str name, void *arg),
    void *arg)
{
	const struct dir_snapshot *snap = snapshot(self);
	struct hm_arena *arena = hm_arena_new(NULL, "domains");
	struct hm_str *names = hm_alloc_array(arena, snap->ndomains + 1,
	    sizeof(*names));
	size_t n = snap->ndomains;
	int r = 0;

	/* As above. */
	for (size_t i = 0; i < n; i++)
		names[i] = hm_str_dup(arena, snap->domains[i].name);
	for (size_t i = 0; i < n && r == 0; i++)
		r = fn(names[i], arg);
	hm_arena_free(arena);
	return r;
}

static const char *
first_route(const struct hm_blocks *routes, struct hm_str rcpt_domain,
    unsigned attempt)
{
	const struct dir_route_conf *at = routes->at;

	for (size_t i = 0; i < routes->n; i++)
		if ((int64_t)attempt >= at[i].attempt && (at[i].to->n == 0 ||
		    hm_strlist_has_domain(at[i].to, rcpt_domain)))
			return at[i].transport;
	return NULL;
}

static int
lookup_route(struct hm_mod *self, struct hm_str account,
    struct hm_str sender_domain, struct hm_str rcpt_domain, unsigned attempt,
    struct hm_arena *arena, struct hm_str *ret)
{
	const struct dir_snapshot *snap = snapshot(self);
	const struct dir_account *a = dir_find_account(snap, account);
	const struct dir_domain *d = dir_find_domain(snap, sender_domain);
	const char *name = NULL;

	if (a != NULL)
		name = first_route(a->conf->routes, rcpt_domain, attempt);
	if (name == NULL && d != NULL)
		name = first_route(d->conf->routes, rcpt_domain, attempt);
	if (name == NULL)
		return -HM_ENOENT;
	*ret = hm_str_dup(arena, hm_str(name));
	return 0;
}

const struct hm_directory_ops dir_ops = {
	.size = sizeof(dir_ops),
	.rcpt = lookup_rcpt,
	.may_send = lookup_may_send,
	.login = lookup_login,
	.account = lookup_account,
	.accounts = lookup_accounts,
	.domain = lookup_domain,
	.route = lookup_route,
	.domains = lookup_domains,
};
