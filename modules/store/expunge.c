/* expunge.c - messages leave a mailbox. */
#include "store.h"

enum { UIDS_PER_RECORD = 4096 };

void
store_tx_set(struct store_tx *tx, struct hm_uidset_builder *b,
    struct hm_uidset *ret)
{
	hm_uidset_take(b, tx->arena, ret);
}

/* One record for up to so many uids: the uids, then the message ids. */
static int
gone_record(struct store_tx *tx, uint64_t mailbox, uint64_t modseq,
    uint32_t part, const struct hm_uidset *uids, const uint64_t *ids, size_t n)
{
	struct hm_buf value = { 0 };
	struct store_key key;

	store_key(&key, tx->a->id);
	store_key_u32(&key, (uint32_t)mailbox);
	store_key_u64(&key, modseq);
	store_key_u32(&key, part);
	store_put_ranges(&value, uids);
	store_put_ids(&value, ids, n);
	return store_put(tx, tx->st->t.gone, &key, &value);
}

int
store_tx_gone(struct store_tx *tx, uint64_t mailbox, uint64_t modseq,
    const struct hm_uidset *uids, const uint64_t *ids, size_t n)
{
	struct hm_uidset_builder b = { 0 };
	struct hm_uidset set;
	uint32_t part = 0, uid;
	size_t i, taken = 0, in = 0;
	int r = 0;

	for (i = 0; i < uids->n && r == 0; i++) {
		for (uid = uids->at[i].first; r == 0; uid++) {
			hm_uidset_add(&b, uid, uid);
			if (++in == UIDS_PER_RECORD) {
				store_tx_set(tx, &b, &set);
				r = gone_record(tx, mailbox, modseq, part++, &set,
				    ids + taken, in);
				taken += in;
				in = 0;
			}
			if (uid == uids->at[i].last)
				break;
		}
	}
	if (r == 0 && in > 0) {
		store_tx_set(tx, &b, &set);
		r = gone_record(tx, mailbox, modseq, part, &set, ids + taken,
		    n - taken);
	}
	hm_uidset_release(&b);
	return r;
}

struct expunge {
	uint64_t mailbox;
	const struct hm_uidset *uids;
	bool only_deleted;
	uint32_t count;
};

static bool
leaves(const struct expunge *x, const struct hm_entry *e)
{
	return (!x->uids || hm_uidset_has(x->uids, e->uid)) &&
	    (!x->only_deleted || (e->flags & HM_FLAG_DELETED));
}

/* Takes entries out of their groups; ids has room for all. */
static size_t
take_out(struct expunge *x, struct store_tx *tx, struct store_tx_box *b,
    struct hm_uidset_builder *uids, uint64_t *ids)
{
	struct store_group *g;
	unsigned i, kept;
	size_t n = 0;

	for (g = b->groups; g; g = g->next) {
		for (i = kept = 0; i < g->n; i++) {
			struct hm_entry *e = &g->e[i];

			if (!leaves(x, e)) {
				g->e[kept++] = *e;
				continue;
			}
			hm_uidset_add(uids, e->uid, e->uid);
			ids[n++] = e->msgid;
			store_count(&b->m, e, -1);
			tx->state.bytes -= e->size;
			tx->state.messages--;
		}
		if (kept < g->n)
			g->dirty = true;
		g->n = kept;
	}
	return n;
}

static int
expunge_fn(struct store_tx *tx, void *arg)
{
	struct hm_uidset_builder uids = { 0 };
	struct expunge *x = arg;
	struct store_tx_box *b;
	struct store_group *g;
	struct hm_uidset set;
	uint64_t *ids, modseq;
	size_t n = 0;
	int r;

	x->count = 0;
	if ((r = store_tx_box(tx, x->mailbox, &b)) < 0)
		return r;
	if (x->only_deleted && b->m.deleted == 0)
		return 0;
	if ((r = store_tx_load(tx, b, x->uids)) < 0)
		return r;
	for (g = b->groups; g; g = g->next)
		n += g->n;
	ids = hm_alloc_array(tx->arena, n, sizeof(*ids));
	n = take_out(x, tx, b, &uids, ids);
	store_tx_set(tx, &uids, &set);
	if (n == 0)
		return 0;
	modseq = store_tx_modseq(tx);
	for (g = b->groups; g; g = g->next)
		if (g->dirty)
			g->modseq = modseq;
	b->m.modseq = b->batch = modseq;
	b->dirty = true;
	x->count = (uint32_t)n;
	store_tx_note(tx, STORE_REMOVED, modseq, b->m.id, ids[0],
	    set.at[0].first, x->count);
	if ((r = store_tx_gone(tx, b->m.id, modseq, &set, ids, n)) < 0 ||
	    (r = store_tx_erase(tx, modseq, ids, n)) < 0)
		return r;
	return store_tx_log(tx, modseq, HM_LOGGED_REMOVED, b->m.id, &set);
}

int
store_expunge(struct hm_account *acc, uint64_t mailbox,
    const struct hm_uidset *uids, bool only_deleted, uint32_t *ret_count,
    struct hm_err *reterr)
{
	struct expunge x = { .mailbox = mailbox, .uids = uids,
		.only_deleted = only_deleted };
	int r = store_write(acc, expunge_fn, &x, reterr);

	if (r == 0 && ret_count)
		*ret_count = x.count;
	return r;
}
