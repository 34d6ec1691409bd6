/* tx.c - one change of an account: what it reads and writes in its kv
 * transaction. */
#include "store.h"

#include <hermod/work.h>

enum { GROUPS_GAP = 16 };

int
store_tx_fail(struct store_tx *tx, int r, const char *what)
{
	if (r == -HM_ECONFLICT)
		return r;
	return hm_err_set(tx->err, r, "account %s: %s: %s", tx->a->name, what,
	    hm_err_name(r));
}

int
store_put(struct store_tx *tx, struct hm_kv_table *table,
    const struct store_key *key, struct hm_buf *value)
{
	int r = tx->st->kv->ops->put(tx->kv, table, store_key_str(key),
	    hm_buf_view(value));

	hm_buf_release(value);
	return r < 0 ? store_tx_fail(tx, r, "writing") : 0;
}

/* ---- account state --------------------------------------------------------- */

static int
load_state(struct store_tx *tx)
{
	struct store_key key;
	struct hm_str value;
	int r;

	store_key(&key, tx->a->id);
	store_key_u32(&key, 0);
	r = tx->st->kv->ops->get(tx->kv, tx->st->t.box, store_key_str(&key),
	    HM_KV_FOR_UPDATE, &value);
	if (r < 0)
		return store_tx_fail(tx, r, "reading its state");
	r = store_get_state(value, &tx->state);
	return r < 0 ? store_tx_fail(tx, r, "its state") : 0;
}

uint64_t
store_tx_modseq(struct store_tx *tx)
{
	tx->dirty = true;
	return ++tx->state.modseq;
}

int
store_tx_log(struct store_tx *tx, uint64_t modseq, enum hm_logged_kind kind,
    uint64_t mailbox, const struct hm_uidset *uids)
{
	struct hm_buf value = { 0 };
	struct store_key key;

	store_key(&key, tx->a->id);
	store_key_u64(&key, modseq);
	store_put_log(&value, (uint8_t)kind, (uint32_t)mailbox, uids);
	return store_put(tx, tx->st->t.log, &key, &value);
}

void
store_tx_note(struct store_tx *tx, enum store_event kind, uint64_t modseq,
    uint64_t mailbox, uint64_t msgid, uint32_t uid, uint32_t count)
{
	struct store_note *note = hm_new(tx->arena, struct store_note);
	struct hm_change *c = &note->change;

	note->kind = kind;
	strncpy(c->account, tx->a->name, sizeof(c->account) - 1);
	c->modseq = modseq;
	c->mailbox = mailbox;
	c->msgid = msgid;
	c->uid = uid;
	c->count = count;
	*tx->notes_end = note;
	tx->notes_end = &note->next;
}

/* ---- mailboxes --------------------------------------------------------------- */

int
store_tx_box(struct store_tx *tx, uint64_t id, struct store_tx_box **ret)
{
	struct store_tx_box *b;
	struct store_key key;
	struct hm_str value;
	int r;

	for (b = tx->boxes; b; b = b->next)
		if (b->m.id == id) {
			*ret = b;
			return b->removed ? hm_err_set(tx->err, -HM_ENOENT,
			    "no such mailbox") : 0;
		}
	if (id == 0 || id > UINT32_MAX)
		return -HM_ENOENT;
	store_key(&key, tx->a->id);
	store_key_u32(&key, (uint32_t)id);
	r = tx->st->kv->ops->get(tx->kv, tx->st->t.box, store_key_str(&key),
	    HM_KV_FOR_UPDATE, &value);
	if (r == -HM_ENOENT)
		return hm_err_set(tx->err, r, "no such mailbox");
	if (r < 0)
		return store_tx_fail(tx, r, "reading a mailbox");
	b = hm_new(tx->arena, struct store_tx_box);
	r = store_get_box(value, id, tx->arena, &b->m);
	if (r < 0)
		return store_tx_fail(tx, r, "a mailbox's record");
	b->next = tx->boxes;
	tx->boxes = b;
	*ret = b;
	return 0;
}

int
store_tx_box_new(struct store_tx *tx, struct hm_str name,
    unsigned special_use, struct store_tx_box **ret)
{
	struct store_tx_box *b = hm_new(tx->arena, struct store_tx_box);
	struct acct_state *s = &tx->state;

	if (s->next_mailbox == UINT32_MAX || s->next_uidvalidity == UINT32_MAX)
		return hm_err_set(tx->err, -HM_ELIMIT, "too many mailboxes");
	b->m.id = s->next_mailbox++;
	b->m.name = hm_str_dup(tx->arena, name);
	b->m.uidvalidity = s->next_uidvalidity++;
	b->m.uidnext = 1;
	b->m.special_use = special_use;
	b->m.createseq = b->m.modseq = store_tx_modseq(tx);
	b->m.keywords = hm_alloc_array(tx->arena, 64, sizeof(struct hm_str));
	b->dirty = b->created = true;
	b->next = tx->boxes;
	tx->boxes = b;
	store_tx_note(tx, STORE_MAILBOX, b->m.modseq, b->m.id, 0, 0, 0);
	*ret = b;
	return store_tx_log(tx, b->m.modseq, HM_LOGGED_MAILBOX, b->m.id, NULL);
}

void
store_count(struct hm_mailbox *m, const struct hm_entry *e, int sign)
{
	uint32_t one = sign < 0 ? UINT32_MAX : 1;    /* modulo 2^32 */

	m->messages += one;
	if (e->flags & HM_FLAG_DELETED)
		m->deleted += one;
	if (!(e->flags & HM_FLAG_SEEN))
		m->unseen += one;
	m->bytes += sign < 0 ? -(uint64_t)e->size : e->size;
}

/* ---- groups ------------------------------------------------------------------- */

/* The place of a group in its mailbox's list; most work goes in order. */
static struct store_group **
group_place(struct store_tx_box *b, uint32_t number)
{
	struct store_group **at = &b->groups;

	if (b->last && b->last->number < number)
		return &b->last->next;
	while (*at && (*at)->number < number)
		at = &(*at)->next;
	return at;
}

static struct store_group *
group_add(struct store_tx *tx, struct store_tx_box *b, uint32_t number)
{
	struct store_group **at = group_place(b, number), *g = *at;

	if (g && g->number == number)
		return g;
	g = hm_new(tx->arena, struct store_group);
	g->number = number;
	g->next = *at;
	*at = g;
	if (!g->next)
		b->last = g;
	return g;
}

static void
hot_key(struct store_key *key, struct store_tx *tx, struct store_tx_box *b,
    uint32_t number)
{
	store_key(key, tx->a->id);
	store_key_u32(key, (uint32_t)b->m.id);
	store_key_u32(key, number);
}

int
store_tx_group(struct store_tx *tx, struct store_tx_box *b, uint32_t number,
    struct store_group **ret)
{
	struct store_group *g = b->last;
	struct store_key key;
	struct hm_str value;
	int r;

	if (!g || g->number != number)
		g = *group_place(b, number);
	if (g && g->number == number) {
		*ret = g;
		return 0;
	}
	g = group_add(tx, b, number);
	*ret = g;
	if (b->created)
		return 0;
	hot_key(&key, tx, b, number);
	r = tx->st->kv->ops->get(tx->kv, tx->st->t.hot, store_key_str(&key),
	    HM_KV_FOR_UPDATE, &value);
	if (r == -HM_ENOENT)
		return 0;
	if (r == 0)
		r = store_get_group(value, number, &g->modseq, g->e, &g->n);
	return r < 0 ? store_tx_fail(tx, r, "reading messages") : 0;
}

struct load {
	struct store_tx *tx;
	struct store_tx_box *b;
	const struct hm_uidset *uids;
};

/* Whether the set has a uid of the group. */
static bool
set_meets(const struct hm_uidset *set, uint32_t number)
{
	uint32_t first = number << HM_GROUP_BITS, last = first | 63;
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (set->at[mid].last < first)
			low = mid + 1;
		else
			high = mid;
	}
	return low < set->n && set->at[low].first <= last;
}

static int
load_group(struct hm_str key, struct hm_str value, void *arg)
{
	struct load *l = arg;
	struct store_group *g;
	uint32_t number;

	key = hm_str_skip(key, 8);
	if (store_key_take_u32(&key, &number) < 0)
		return -HM_ECORRUPT;
	if (l->uids && !set_meets(l->uids, number))
		return 0;
	g = group_add(l->tx, l->b, number);
	if (g->n > 0 || g->dirty)
		return 0;            /* as this transaction changed it */
	return store_get_group(value, number, &g->modseq, g->e, &g->n);
}

static int
load_range(struct load *l, uint32_t first, uint32_t last)
{
	struct store_key from, to, end;
	int r;

	hot_key(&from, l->tx, l->b, first);
	hot_key(&to, l->tx, l->b, last);
	store_key_after(&to, &end);
	r = l->tx->st->kv->ops->scan(l->tx->kv, l->tx->st->t.hot,
	    store_key_str(&from), store_key_str(&end), 0, load_group, l);
	return r < 0 ? store_tx_fail(l->tx, r, "reading messages") : 0;
}

int
store_tx_load(struct store_tx *tx, struct store_tx_box *b,
    const struct hm_uidset *uids)
{
	struct load l = { .tx = tx, .b = b, .uids = uids };
	uint32_t top = hm_group(b->m.uidnext), first, last;
	size_t i = 0;
	int r = 0;

	if (b->created)
		return 0;
	if (!uids)
		return load_range(&l, 0, top);
	/* Ranges that stand close together are read in one go. */
	while (i < uids->n && r == 0) {
		first = hm_group(uids->at[i].first);
		last = hm_group(uids->at[i].last);
		for (i++; i < uids->n && hm_group(uids->at[i].first) <=
		    (uint64_t)last + GROUPS_GAP; i++)
			last = hm_group(uids->at[i].last);
		if (first > top)
			break;
		r = load_range(&l, first, last < top ? last : top);
	}
	return r;
}

/* ---- begin and end ------------------------------------------------------------- */

static int
write_groups(struct store_tx *tx, struct store_tx_box *b)
{
	struct hm_buf value = { 0 };
	struct store_group *g;
	struct store_key key;
	int r = 0;

	for (g = b->groups; g && r == 0; g = g->next) {
		if (!g->dirty)
			continue;
		hot_key(&key, tx, b, g->number);
		if (g->n == 0) {
			r = tx->st->kv->ops->del(tx->kv, tx->st->t.hot,
			    store_key_str(&key));
			r = r == -HM_ENOENT ? 0 : r;
			continue;
		}
		hm_buf_clear(&value);
		store_put_group(&value, g->modseq, g->e, g->n);
		r = tx->st->kv->ops->put(tx->kv, tx->st->t.hot,
		    store_key_str(&key), hm_buf_view(&value));
	}
	hm_buf_release(&value);
	return r < 0 ? store_tx_fail(tx, r, "writing messages") : 0;
}

static int
write_box(struct store_tx *tx, struct store_tx_box *b)
{
	struct hm_buf value = { 0 };
	struct store_key key;
	int r;

	store_key(&key, tx->a->id);
	store_key_u32(&key, (uint32_t)b->m.id);
	if (b->removed) {
		r = b->created ? 0 : tx->st->kv->ops->del(tx->kv, tx->st->t.box,
		    store_key_str(&key));
		return r < 0 ? store_tx_fail(tx, r, "removing a mailbox") : 0;
	}
	store_put_box(&value, &b->m);
	return store_put(tx, tx->st->t.box, &key, &value);
}

static int
write_all(struct store_tx *tx)
{
	struct hm_buf value = { 0 };
	struct store_tx_box *b;
	struct store_key key;
	int r;

	for (b = tx->boxes; b; b = b->next) {
		if ((r = write_groups(tx, b)) < 0)
			return r;
		if (b->dirty && (r = write_box(tx, b)) < 0)
			return r;
	}
	if ((r = store_log_prune(tx)) < 0)
		return r;
	store_key(&key, tx->a->id);
	store_key_u32(&key, 0);
	store_put_state(&value, &tx->state);
	return store_put(tx, tx->st->t.box, &key, &value);
}

/* One try. */
static int
attempt(struct hm_kv_txn *kv, void *arg)
{
	struct store_tx *tx = arg;
	int r;

	hm_arena_clear(tx->arena);
	tx->kv = kv;
	tx->dirty = false;
	tx->subs = NULL;
	tx->boxes = NULL;
	tx->notes = NULL;
	tx->notes_end = &tx->notes;
	r = tx->create ? store_tx_create(tx) : load_state(tx);
	if (r < 0 || (r = tx->fn(tx, tx->arg)) < 0)
		return r;
	return tx->dirty ? write_all(tx) : 0;
}

void
store_tx_init(struct store_tx *tx, struct store *st, struct acct *a,
    int (*fn)(struct store_tx *tx, void *arg), void *arg,
    struct hm_err *reterr)
{
	*tx = (struct store_tx){ .st = st, .a = a, .fn = fn, .arg = arg,
		.err = reterr, .arena = hm_arena_new(NULL, "store change") };
	tx->notes_end = &tx->notes;
}

int
store_commit_locked(struct store_tx *tx)
{
	int r = hm_kv_run(tx->st->kv, HM_KV_LAZY, attempt, tx, tx->err);

	tx->kv = NULL;
	if (r < 0) {
		tx->notes = NULL;
		tx->dirty = false;
		return r;
	}
	if (tx->dirty)
		store_apply(tx);
	return 0;
}

int
store_commit(struct store_tx *tx)
{
	int r;

	pthread_mutex_lock(&tx->a->lock);
	r = store_commit_locked(tx);
	pthread_mutex_unlock(&tx->a->lock);
	return r;
}

void
store_tx_release(struct store_tx *tx)
{
	hm_arena_free(tx->arena);
	tx->arena = NULL;
}

/* ---- all steps for one account -------------------------------------------------- */

static int
write_job(void *arg)
{
	struct store_tx *tx = arg;
	int r = store_commit(tx);

	if (r == 0 && tx->dirty) {
		r = hm_kv_flush(tx->st->kv, tx->err);
		if (r == 0)
			store_publish(tx);
	}
	return r;
}

int
store_write(struct hm_account *acc,
    int (*fn)(struct store_tx *tx, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct store_tx tx;
	int r;

	store_tx_init(&tx, acc->st, acc->a, fn, arg, reterr);
	r = hm_work(write_job, &tx);
	if (r == 0)
		store_notify(&tx);
	store_tx_release(&tx);
	return r;
}
