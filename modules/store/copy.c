/* copy.c - messages go to another mailbox: copies share the cold record and the
 * body, a moved message stays the same message. */
#include "store.h"

#include <inttypes.h>

#include <hermod/clock.h>

struct copy {
	struct hm_copy *c;
	struct hm_uidset_builder from_uids, to_uids;
};

/* The messages meant, in the order of their uids. */
struct chosen {
	size_t n;
	struct hm_entry *e;
	struct msg_record *m;
	bool *there;
};

static void
choose(struct store_tx *tx, struct store_tx_box *from,
    const struct hm_uidset *uids, struct chosen *ret)
{
	struct store_group *g;
	unsigned i;
	size_t n = 0;

	for (g = from->groups; g; g = g->next)
		n += g->n;
	ret->e = hm_alloc_array(tx->arena, n, sizeof(*ret->e));
	for (g = from->groups; g; g = g->next)
		for (i = 0; i < g->n; i++)
			if (!uids || hm_uidset_has(uids, g->e[i].uid))
				ret->e[ret->n++] = g->e[i];
}

struct order {
	uint64_t msgid;
	size_t i;
};

static int
by_msgid(const void *va, const void *vb)
{
	const struct order *a = va, *b = vb;

	return a->msgid < b->msgid ? -1 : a->msgid > b->msgid;
}

struct reading {
	struct order *order;
	struct chosen *ch;
};

static int
take_msg(size_t i, struct hm_str value, void *arg)
{
	struct reading *rd = arg;
	size_t k = rd->order[i].i;

	rd->ch->there[k] = true;
	return store_get_msg(value, &rd->ch->m[k]);
}

/* Reads the messages' records, by ascending id. */
static int
read_msgs(struct store_tx *tx, struct chosen *ch)
{
	struct reading rd = { .ch = ch };
	uint64_t *ids = hm_alloc_array(tx->arena, ch->n, sizeof(*ids));
	size_t i;
	int r;

	ch->m = hm_alloc_array(tx->arena, ch->n, sizeof(*ch->m));
	ch->there = hm_alloc_array(tx->arena, ch->n, sizeof(*ch->there));
	rd.order = hm_alloc_array(tx->arena, ch->n, sizeof(*rd.order));
	for (i = 0; i < ch->n; i++)
		rd.order[i] = (struct order){ ch->e[i].msgid, i };
	qsort(rd.order, ch->n, sizeof(*rd.order), by_msgid);
	for (i = 0; i < ch->n; i++)
		ids[i] = rd.order[i].msgid;
	r = store_read_many(tx->kv, tx->st, tx->a->id, tx->st->t.msg, ids,
	    ch->n, take_msg, &rd);
	if (r < 0)
		return store_tx_fail(tx, r, "reading messages");
	for (i = 0; i < ch->n; i++)
		if (!ch->there[i])
			return hm_err_set(tx->err, -HM_ECORRUPT, "account %s:"
			    " message %" PRIu64 " has no record, see hermod"
			    " verify", tx->a->name, ch->e[i].msgid);
	return 0;
}

/* The keyword bits of an entry, as they are in the other mailbox. */
static int
map_keywords(struct store_tx *tx, struct store_tx_box *from,
    struct store_tx_box *to, uint64_t bits, uint64_t map[64], uint64_t *ret)
{
	unsigned flags = 0;
	int r;

	*ret = 0;
	while (bits) {
		unsigned i = (unsigned)__builtin_ctzll(bits);

		bits &= bits - 1;
		if (i >= from->m.nkeywords)
			continue;
		if (map[i] == 0) {
			r = store_keywords(tx, to, 1, &from->m.keywords[i], true,
			    &map[i], &flags);
			if (r < 0)
				return r;
		}
		*ret |= map[i];
	}
	return 0;
}

static int
write_msg(struct store_tx *tx, uint64_t msgid, const struct msg_record *m)
{
	struct hm_buf value = { 0 };
	struct store_key key;
	int r;

	store_key(&key, tx->a->id);
	store_key_u64(&key, msgid);
	store_put_msg(&value, m);
	r = store_put(tx, tx->st->t.msg, &key, &value);
	if (r < 0 || msgid == m->cold)
		return r;
	store_index_key(&key, tx->a->id, COPY_OF, m->cold);
	store_key_u64(&key, msgid);
	r = tx->st->kv->ops->put(tx->kv, tx->st->t.index, store_key_str(&key),
	    HM_STR(""));
	return r < 0 ? store_tx_fail(tx, r, "writing the index") : 0;
}

static int
put_in(struct store_tx *tx, struct store_tx_box *from,
    struct store_tx_box *to, struct chosen *ch, bool move)
{
	uint32_t now = (uint32_t)(hm_wall_ms() / 1000);
	uint64_t map[64] = { 0 };
	size_t i;
	int r;

	for (i = 0; i < ch->n; i++) {
		struct hm_entry e = ch->e[i];
		struct msg_record m = ch->m[i];

		r = map_keywords(tx, from, to, e.keywords, map, &e.keywords);
		if (r < 0)
			return r;
		if (!move) {
			if ((r = store_tx_quota(tx, e.size)) < 0)
				return r;
			e.msgid = tx->state.next_msgid++;
			m.trained = 0;
			tx->state.bytes += e.size;
			tx->state.messages++;
		}
		e.saved = now;
		if ((r = store_tx_add(tx, to, &e)) < 0)
			return r;
		m.mailbox = (uint32_t)to->m.id;
		m.uid = e.uid;
		m.createseq = e.modseq;
		if ((r = write_msg(tx, e.msgid, &m)) < 0)
			return r;
	}
	return 0;
}

static int
take_out(struct store_tx *tx, struct store_tx_box *from,
    const struct chosen *ch)
{
	struct hm_uidset_builder b = { 0 };
	uint64_t *ids = hm_alloc_array(tx->arena, ch->n, sizeof(*ids));
	uint64_t modseq = store_tx_modseq(tx);
	struct store_group *g;
	struct hm_uidset set;
	unsigned i, kept;
	size_t k = 0;
	int r;

	for (g = from->groups; g; g = g->next) {
		for (i = kept = 0; i < g->n; i++) {
			if (k < ch->n && ch->e[k].uid == g->e[i].uid) {
				ids[k] = ch->e[k].msgid;
				store_count(&from->m, &ch->e[k], -1);
				hm_uidset_add(&b, ch->e[k].uid, ch->e[k].uid);
				k++;
			} else {
				g->e[kept++] = g->e[i];
			}
		}
		if (kept < g->n) {
			g->dirty = true;
			g->modseq = modseq;
		}
		g->n = kept;
	}
	from->m.modseq = modseq;
	from->dirty = true;
	store_tx_set(tx, &b, &set);
	store_tx_note(tx, STORE_REMOVED, modseq, from->m.id, ids[0],
	    set.at[0].first, (uint32_t)ch->n);
	r = store_tx_gone(tx, from->m.id, modseq, &set, ids, ch->n);
	return r < 0 ? r : store_tx_log(tx, modseq, HM_LOGGED_REMOVED,
	    from->m.id, &set);
}

static int
transfer(struct store_tx *tx, struct store_tx_box *from,
    struct store_tx_box *to, const struct hm_uidset *uids, bool move,
    struct chosen *ch)
{
	int r;

	if ((r = store_tx_load(tx, from, uids)) < 0)
		return r;
	choose(tx, from, uids, ch);
	if (ch->n == 0)
		return 0;
	if ((r = read_msgs(tx, ch)) < 0)
		return r;
	if (move && (r = take_out(tx, from, ch)) < 0)
		return r;
	if (move)
		from->moved = to;
	return put_in(tx, from, to, ch, move);
}

int
store_tx_move_all(struct store_tx *tx, struct store_tx_box *from,
    struct store_tx_box *to)
{
	struct chosen ch = { 0 };
	int r = transfer(tx, from, to, NULL, true, &ch);

	return r < 0 ? r : store_tx_added(tx);
}

static int
copy_fn(struct store_tx *tx, void *arg)
{
	struct copy *cp = arg;
	struct hm_copy *c = cp->c;
	struct store_tx_box *from, *to;
	struct chosen ch = { 0 };
	size_t i;
	int r;

	hm_uidset_release(&cp->from_uids);
	hm_uidset_release(&cp->to_uids);
	if ((r = store_tx_box(tx, c->from, &from)) < 0 ||
	    (r = store_tx_box(tx, c->to, &to)) < 0 ||
	    (r = transfer(tx, from, to, c->uids, c->move, &ch)) < 0)
		return r;
	c->ret_uidvalidity = to->m.uidvalidity;
	if (ch.n == 0)
		return 0;
	for (i = 0; i < ch.n; i++)
		hm_uidset_add(&cp->from_uids, ch.e[i].uid, ch.e[i].uid);
	hm_uidset_add(&cp->to_uids, to->added_uid, to->m.uidnext - 1);
	return store_tx_added(tx);
}

int
store_copy(struct hm_account *acc, struct hm_copy *c, struct hm_err *reterr)
{
	struct copy cp = { .c = c };
	int r;

	c->ret_from = c->ret_to = (struct hm_uidset){ 0, NULL };
	if (!c->move)
		store_quota_refresh(acc);
	r = store_write(acc, copy_fn, &cp, reterr);
	if (r == 0 && c->arena) {
		hm_uidset_take(&cp.from_uids, c->arena, &c->ret_from);
		hm_uidset_take(&cp.to_uids, c->arena, &c->ret_to);
	}
	hm_uidset_release(&cp.from_uids);
	hm_uidset_release(&cp.to_uids);
	return r;
}
