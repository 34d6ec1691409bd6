/* mailbox.c - mailboxes come, go, change their names and uses. */
#include "store.h"

enum { MAILBOXES_MAX = 10000, DEPTH_MAX = 30 };
/* What may come along with a special use, but is none. */
enum { CREATE_FLAGS = HM_CREATE_UNSUBSCRIBED };

/* ---- looking, inside a transaction ------------------------------------------- */

/* The mailbox of that name as this transaction left it; 0: there is none. The
 * account's lock is held, so its newest list is the truth. */
static uint64_t
find(struct store_tx *tx, struct hm_str name)
{
	const struct hm_mailbox *m;
	struct store_tx_box *b;

	for (b = tx->boxes; b; b = b->next)
		if (!b->removed && hm_mailbox_cmp(b->m.name, name) == 0)
			return b->m.id;
	m = hm_mailboxes_find(tx->a->head, name);
	if (!m)
		return 0;
	for (b = tx->boxes; b; b = b->next)
		if (b->m.id == m->id)
			return 0;    /* removed or renamed just now */
	return m->id;
}

static bool
is_below(struct hm_str name, struct hm_str parent)
{
	return name.len > parent.len && hm_str_starts(name, parent) &&
	    name.p[parent.len] == '/';
}

static int
touch(struct store_tx *tx, struct store_tx_box *b)
{
	b->m.modseq = store_tx_modseq(tx);
	b->dirty = true;
	store_tx_note(tx, STORE_MAILBOX, b->m.modseq, b->m.id, 0, 0, 0);
	return store_tx_log(tx, b->m.modseq, HM_LOGGED_MAILBOX, b->m.id, NULL);
}

/* ---- subscriptions -------------------------------------------------------------- */

static void
copy_subs(struct store_tx *tx)
{
	const struct hm_mailboxes *head = tx->a->head;

	tx->subs = hm_alloc_array(tx->arena, head->nsubscribed + 64,
	    sizeof(*tx->subs));
	tx->nsubs = head->nsubscribed;
	if (tx->nsubs > 0)
		memcpy(tx->subs, head->subscribed,
		    tx->nsubs * sizeof(*tx->subs));
	tx->subs_cap = tx->nsubs + 64;
}

static int
write_sub(struct store_tx *tx, struct hm_str name, bool on)
{
	const struct hm_kv_ops *ops = tx->st->kv->ops;
	struct hm_buf key = { 0 };
	int r;

	hm_buf_be32(&key, tx->a->id);
	hm_buf_str(&key, name);
	r = on ? ops->put(tx->kv, tx->st->t.subs, hm_buf_view(&key),
	    HM_STR("")) : ops->del(tx->kv, tx->st->t.subs, hm_buf_view(&key));
	hm_buf_release(&key);
	return r < 0 && r != -HM_ENOENT ? store_tx_fail(tx, r, "subscribing") : 0;
}

/* Returns 1 when that changed something. */
static int
subscribe(struct store_tx *tx, struct hm_str name, bool on)
{
	size_t i;
	int r;

	if (!tx->subs)
		copy_subs(tx);
	for (i = 0; i < tx->nsubs; i++)
		if (hm_mailbox_cmp(tx->subs[i], name) == 0)
			break;
	if ((i < tx->nsubs) == on)
		return 0;
	if (on && tx->nsubs >= 2 * MAILBOXES_MAX)
		return hm_err_set(tx->err, -HM_ELIMIT, "too many subscriptions");
	if ((r = write_sub(tx, name, on)) < 0)
		return r;
	if (!on) {
		tx->subs[i] = tx->subs[--tx->nsubs];
		return 1;
	}
	if (tx->nsubs == tx->subs_cap) {
		struct hm_str *more = hm_alloc_array(tx->arena,
		    tx->subs_cap * 2, sizeof(*more));

		memcpy(more, tx->subs, tx->nsubs * sizeof(*more));
		tx->subs = more;
		tx->subs_cap *= 2;
	}
	tx->subs[tx->nsubs++] = hm_str_dup(tx->arena, name);
	return 1;
}

struct name_arg {
	struct hm_str name, to;
	bool on;
	unsigned use;
	uint64_t id;
};

static int
subscribe_fn(struct store_tx *tx, void *arg)
{
	struct name_arg *na = arg;
	uint64_t modseq;
	int r = subscribe(tx, na->name, na->on);

	if (r <= 0)
		return r;
	modseq = store_tx_modseq(tx);
	store_tx_note(tx, STORE_MAILBOX, modseq, find(tx, na->name), 0, 0, 0);
	return store_tx_log(tx, modseq, HM_LOGGED_MAILBOX, find(tx, na->name),
	    NULL);
}

int
store_subscribe(struct hm_account *acc, struct hm_str name, bool on,
    struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "store name");
	struct name_arg na = { .on = on };
	int r = store_name_clean(arena, name, &na.name, reterr);

	if (r == 0)
		r = store_write(acc, subscribe_fn, &na, reterr);
	hm_arena_free(arena);
	return r;
}

/* ---- special uses --------------------------------------------------------------- */

/* A use belongs to one mailbox: takes it from whoever has it. */
static int
take_use(struct store_tx *tx, unsigned use, uint64_t keep)
{
	const struct hm_mailboxes *head = tx->a->head;
	struct store_tx_box *b;
	size_t i;
	int r;

	for (i = 0; use && i < head->n; i++) {
		if (!(head->at[i]->special_use & use) || head->at[i]->id == keep)
			continue;
		r = store_tx_box(tx, head->at[i]->id, &b);
		if (r == -HM_ENOENT)
			continue;
		if (r < 0)
			return r;
		if (!(b->m.special_use & use))
			continue;
		b->m.special_use &= ~use;
		if ((r = touch(tx, b)) < 0)
			return r;
	}
	return 0;
}

static int
special_use_fn(struct store_tx *tx, void *arg)
{
	struct name_arg *na = arg;
	struct store_tx_box *b;
	int r;

	if ((r = store_tx_box(tx, na->id, &b)) < 0)
		return r;
	if (b->m.special_use == na->use)
		return 0;
	if ((r = take_use(tx, na->use, na->id)) < 0)
		return r;
	b->m.special_use = na->use;
	return touch(tx, b);
}

int
store_special_use(struct hm_account *acc, uint64_t mailbox,
    unsigned special_use, struct hm_err *reterr)
{
	struct name_arg na = { .id = mailbox, .use = special_use };

	return store_write(acc, special_use_fn, &na, reterr);
}

/* ---- making ----------------------------------------------------------------------- */

static int
make_one(struct store_tx *tx, struct hm_str name, unsigned use,
    struct store_tx_box **ret)
{
	int r;

	if (tx->a->head->n >= MAILBOXES_MAX)
		return hm_err_set(tx->err, -HM_ELIMIT, "too many mailboxes");
	if ((r = take_use(tx, use & ~CREATE_FLAGS, 0)) < 0 ||
	    (r = store_tx_box_new(tx, name, use & ~CREATE_FLAGS, ret)) < 0 ||
	    (use & HM_CREATE_UNSUBSCRIBED))
		return r;
	r = subscribe(tx, (*ret)->m.name, true);
	return r < 0 ? r : 0;
}

/* The mailboxes above name that are missing. */
static int
make_parents(struct store_tx *tx, struct hm_str name, unsigned flags)
{
	struct store_tx_box *b;
	unsigned depth = 0;
	size_t i;
	int r;

	for (i = 1; i < name.len; i++) {
		if (name.p[i] != '/')
			continue;
		if (++depth == DEPTH_MAX)
			return hm_err_set(tx->err, -HM_ELIMIT,
			    "mailboxes are nested too deeply");
		if (find(tx, hm_str_take(name, i)) != 0)
			continue;
		r = make_one(tx, hm_str_take(name, i), flags, &b);
		if (r < 0)
			return r;
	}
	return 0;
}

int
store_tx_mailbox(struct store_tx *tx, struct hm_str name,
    unsigned special_use, struct store_tx_box **ret)
{
	uint64_t id = find(tx, name);
	int r;

	if (id != 0)
		return store_tx_box(tx, id, ret);
	if ((r = make_parents(tx, name, special_use & CREATE_FLAGS)) < 0)
		return r;
	return make_one(tx, name, special_use, ret);
}

static int
create_fn(struct store_tx *tx, void *arg)
{
	struct name_arg *na = arg;
	struct store_tx_box *b;
	int r;

	if (find(tx, na->name) != 0)
		return hm_err_set(tx->err, -HM_EEXIST, "the mailbox exists");
	if ((r = store_tx_mailbox(tx, na->name, na->use, &b)) < 0)
		return r;
	na->id = b->m.id;
	return 0;
}

int
store_mailbox_create(struct hm_account *acc, struct hm_str name,
    unsigned special_use, uint64_t *ret_id, struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "store name");
	struct name_arg na = { .use = special_use };
	int r = store_name_clean(arena, name, &na.name, reterr);

	if (r == 0)
		r = store_write(acc, create_fn, &na, reterr);
	if (r == 0 && ret_id)
		*ret_id = na.id;
	hm_arena_free(arena);
	return r;
}

int
store_tx_initial(struct store_tx *tx, void *arg)
{
	const struct hm_strlist *list = tx->st->conf->mailboxes;
	struct store_tx_box *b;
	struct hm_str name;
	unsigned use;
	size_t i;
	int r;

	(void)arg;
	if ((r = store_tx_mailbox(tx, HM_STR("INBOX"), 0, &b)) < 0)
		return r;
	for (i = 0; list && i < list->n; i++) {
		if (store_initial_parse(list->at[i], &name, &use) < 0 ||
		    store_name_clean(tx->arena, name, &name, tx->err) < 0)
			continue;        /* check() has refused those */
		if ((r = store_tx_mailbox(tx, name, use, &b)) < 0)
			return r;
	}
	return 0;
}

/* ---- removing ----------------------------------------------------------------------- */

static int
collect_ids(struct store_tx *tx, struct store_tx_box *b, uint64_t **ret,
    size_t *ret_n)
{
	struct store_group *g;
	uint64_t *ids;
	unsigned i;
	size_t n = 0;
	int r;

	if ((r = store_tx_load(tx, b, NULL)) < 0)
		return r;
	for (g = b->groups; g; g = g->next)
		n += g->n;
	ids = hm_alloc_array(tx->arena, n, sizeof(*ids));
	n = 0;
	for (g = b->groups; g; g = g->next) {
		for (i = 0; i < g->n; i++)
			ids[n++] = g->e[i].msgid;
		g->n = 0;
		g->dirty = true;
	}
	*ret = ids;
	*ret_n = n;
	return 0;
}

static int
drop_tombstone(struct hm_str key, struct hm_str value, void *arg)
{
	struct store_tx *tx = arg;

	(void)value;
	if (tx->nkeys == 256)
		return 1;
	tx->keys[tx->nkeys++] = hm_str_dup(tx->arena, key);
	return 0;
}

static int
drop_tombstones(struct store_tx *tx, uint64_t mailbox)
{
	const struct hm_kv_ops *ops = tx->st->kv->ops;
	struct store_key from, to;
	size_t i;
	int r;

	store_key(&from, tx->a->id);
	store_key_u32(&from, (uint32_t)mailbox);
	store_key_after(&from, &to);
	do {
		tx->keys = hm_alloc_array(tx->arena, 256, sizeof(*tx->keys));
		tx->nkeys = 0;
		r = ops->scan(tx->kv, tx->st->t.gone, store_key_str(&from),
		    store_key_str(&to), 0, drop_tombstone, tx);
		for (i = 0; i < tx->nkeys && r >= 0; i++)
			r = ops->del(tx->kv, tx->st->t.gone, tx->keys[i]);
	} while (r >= 0 && tx->nkeys == 256);
	return r < 0 ? store_tx_fail(tx, r, "removing a mailbox") : 0;
}

static int
delete_fn(struct store_tx *tx, void *arg)
{
	struct name_arg *na = arg;
	const struct hm_mailboxes *head = tx->a->head;
	const struct hm_mailbox *m = hm_mailboxes_find(head, na->name);
	struct store_tx_box *b;
	uint64_t modseq, *ids;
	size_t i, n;
	int r;

	if (hm_str_is(na->name, "INBOX"))
		return hm_err_set(tx->err, -HM_EACCES,
		    "the inbox cannot be deleted");
	if (!m)
		return hm_err_set(tx->err, -HM_ENOENT, "no such mailbox");
	for (i = 0; i < head->n; i++)
		if (is_below(head->at[i]->name, m->name))
			return hm_err_set(tx->err, -HM_EBUSY,
			    "the mailbox has mailboxes below it");
	if ((r = store_tx_box(tx, m->id, &b)) < 0 ||
	    (r = collect_ids(tx, b, &ids, &n)) < 0 ||
	    (r = drop_tombstones(tx, m->id)) < 0)
		return r;
	modseq = store_tx_modseq(tx);
	tx->state.bytes -= b->m.bytes;
	tx->state.messages -= b->m.messages;
	b->removed = b->dirty = true;
	b->batch = modseq;
	if ((r = store_tx_erase(tx, modseq, ids, n)) < 0)
		return r;
	store_tx_note(tx, STORE_MAILBOX, modseq, m->id, 0, 0, 0);
	return store_tx_log(tx, modseq, HM_LOGGED_MAILBOX_REMOVED, m->id, NULL);
}

int
store_mailbox_delete(struct hm_account *acc, struct hm_str name,
    struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "store name");
	struct name_arg na = { 0 };
	int r = store_name_clean(arena, name, &na.name, reterr);

	if (r == 0)
		r = store_write(acc, delete_fn, &na, reterr);
	hm_arena_free(arena);
	return r;
}

/* ---- renaming ------------------------------------------------------------------------ */

/* The name that m has after from has become to; {NULL,0}: it is not moved. */
static struct hm_str
moved_name(struct store_tx *tx, struct hm_str m, const struct name_arg *na)
{
	struct hm_buf buf = { 0 };
	struct hm_str name;

	if (!hm_str_eq(m, na->name) && !is_below(m, na->name))
		return (struct hm_str){ NULL, 0 };
	hm_buf_str(&buf, na->to);
	hm_buf_str(&buf, hm_str_skip(m, na->name.len));
	name = hm_str_dup(tx->arena, hm_buf_view(&buf));
	hm_buf_release(&buf);
	return name;
}

static int
rename_all(struct store_tx *tx, const struct name_arg *na)
{
	const struct hm_mailboxes *head = tx->a->head;
	struct store_tx_box *b;
	struct hm_str name, clean;
	size_t i;
	int r;

	for (i = 0; i < head->n; i++) {
		name = moved_name(tx, head->at[i]->name, na);
		if (!name.p)
			continue;
		if ((r = store_name_clean(tx->arena, name, &clean, tx->err)) < 0)
			return r;
		if (find(tx, name) != 0)
			return hm_err_set(tx->err, -HM_EEXIST,
			    "mailbox %.*s exists", HM_FMT(name));
		if ((r = store_tx_box(tx, head->at[i]->id, &b)) < 0)
			return r;
		b->m.name = name;
		if ((r = touch(tx, b)) < 0)
			return r;
	}
	return 0;
}

static int
rename_inbox(struct store_tx *tx, const struct name_arg *na)
{
	const struct hm_mailbox *inbox = hm_mailboxes_find(tx->a->head,
	    HM_STR("INBOX"));
	struct store_tx_box *from, *to;
	int r;

	if (!inbox)
		return hm_err_set(tx->err, -HM_ENOENT, "no inbox");
	if ((r = store_tx_mailbox(tx, na->to, 0, &to)) < 0 ||
	    (r = store_tx_box(tx, inbox->id, &from)) < 0)
		return r;
	return store_tx_move_all(tx, from, to);
}

static int
rename_fn(struct store_tx *tx, void *arg)
{
	struct name_arg *na = arg;
	int r;

	if (hm_str_is(na->to, "INBOX") || find(tx, na->to) != 0)
		return hm_err_set(tx->err, -HM_EEXIST, "the mailbox exists");
	if (hm_str_is(na->name, "INBOX"))
		return rename_inbox(tx, na);
	if (find(tx, na->name) == 0)
		return hm_err_set(tx->err, -HM_ENOENT, "no such mailbox");
	if ((r = rename_all(tx, na)) < 0)
		return r;
	return make_parents(tx, na->to, HM_CREATE_UNSUBSCRIBED);
}

int
store_mailbox_rename(struct hm_account *acc, struct hm_str from,
    struct hm_str to, struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "store name");
	struct name_arg na = { 0 };
	int r = store_name_clean(arena, from, &na.name, reterr);

	if (r == 0)
		r = store_name_clean(arena, to, &na.to, reterr);
	if (r == 0)
		r = store_write(acc, rename_fn, &na, reterr);
	hm_arena_free(arena);
	return r;
}
