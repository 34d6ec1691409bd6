/* fix.c - repairs what the checker found. Nothing is dropped in silence: records
 * that cannot be read and messages without a body are kept aside, by name. */
#include "check.h"

#include <hermod/clock.h>

#include <stdio.h>

/* ---- records ---------------------------------------------------------------------- */

/* Moves one record out of the way, under "account, its own key". */
static int
set_aside(struct hm_kv_txn *kv, struct check *ck, const struct check_key *k)
{
	const struct hm_kv_ops *ops = ck->st->kv->ops;
	struct hm_buf key = { 0 };
	struct hm_str value;
	int r;

	r = ops->get(kv, k->table, k->key, HM_KV_FOR_UPDATE, &value);
	if (r < 0)
		return r == -HM_ENOENT ? 0 : r;
	if (k->keep) {
		value = hm_str_dup(ck->arena, value);
		hm_buf_str(&key, hm_str_take(k->key, 4));
		hm_buf_putc(&key, 'r');
		hm_buf_str(&key, hm_str_skip(k->key, 4));
		r = ops->put(kv, ck->st->t.damaged, hm_buf_view(&key), value);
		hm_buf_release(&key);
		if (r < 0)
			return r;
	}
	r = ops->del(kv, k->table, k->key);
	return r == -HM_ENOENT ? 0 : r;
}

static int
remove_records(struct hm_kv_txn *kv, struct check *ck)
{
	size_t i;
	int r = 0;

	for (i = 0; i < ck->remove.n && r >= 0; i++)
		r = set_aside(kv, ck, &ck->remove.at[i]);
	return r;
}

/* ---- an account that does not load --------------------------------------------------- */

static int
lost_box(struct hm_str key, struct hm_str value, void *arg)
{
	struct check *ck = arg;
	struct hm_str rest = hm_str_skip(key, 4);
	struct check_box *b = NULL;
	struct hm_entry e[HM_GROUP_MAX];
	uint32_t id = 0, number = 0;
	uint64_t modseq;
	unsigned n;
	size_t i;

	store_key_take_u32(&rest, &id);
	store_key_take_u32(&rest, &number);
	if (store_get_group(value, number, &modseq, e, &n) == 0 &&
	    modseq > ck->state.modseq)
		ck->state.modseq = modseq;
	/* Those that are lost stand behind the others. */
	for (i = ck->box.n; i > 0 && !b; i--)
		if (ck->box.at[i - 1].m.id == id)
			b = &ck->box.at[i - 1];
	if (!b) {
		b = CHECK_ADD(&ck->box);
		memset(b, 0, sizeof(*b));
		b->m.id = id;
	}
	if ((number + 1) * HM_GROUP_MAX > b->last_uid)
		b->last_uid = (number + 1) * HM_GROUP_MAX;
	return 0;
}

static int
rebuild_state(struct check *ck)
{
	struct acct_state *s = &ck->state;
	uint32_t now = (uint32_t)((uint64_t)(hm_wall_ms() / 1000) >> 1);
	size_t i;

	for (i = 0; i < ck->box.n; i++) {
		const struct hm_mailbox *m = &ck->box.at[i].m;

		if (m->id >= s->next_mailbox)
			s->next_mailbox = (uint32_t)m->id + 1;
		if (m->uidvalidity >= s->next_uidvalidity)
			s->next_uidvalidity = m->uidvalidity + 1;
		if (m->modseq > s->modseq)
			s->modseq = m->modseq;
	}
	for (i = 0; i < ck->entry.n; i++)
		if (ck->entry.at[i].e.modseq > s->modseq)
			s->modseq = ck->entry.at[i].e.modseq;
	if (ck->msg.n > 0 && ck->msg.at[ck->msg.n - 1].id >= s->next_msgid)
		s->next_msgid = ck->msg.at[ck->msg.n - 1].id + 1;
	/* Nothing is known of what was given out and is gone by now: leave room. */
	s->modseq += 1000;
	s->next_msgid += 1000;
	s->next_mailbox += 1000;
	s->log_floor = s->modseq;
	if (s->next_uidvalidity < now)
		s->next_uidvalidity = now;
	s->next_uidvalidity += 1000;
	return 0;
}

/* Every account has an INBOX: the first mailbox that was made. */
static void
find_inbox(struct check *ck)
{
	struct check_box *first = NULL, *b;
	size_t i;

	for (i = 0; i < ck->box.n; i++) {
		b = &ck->box.at[i];
		if (hm_str_eq(b->m.name, HM_STR("INBOX")))
			return;
		if (b->m.id == 1)
			first = b;
	}
	if (!first) {
		first = CHECK_ADD(&ck->box);
		memset(first, 0, sizeof(*first));
		first->m.id = 1;
	}
	if (!first->m.uidvalidity)
		first->m.name = HM_STR("INBOX");
}

static int
write_lost(struct hm_kv_txn *kv, struct check *ck)
{
	const struct hm_kv_ops *ops = ck->st->kv->ops;
	struct hm_buf value = { 0 };
	struct store_key key;
	size_t i;
	int r = 0;

	for (i = 0; i < ck->box.n && r >= 0; i++) {
		struct hm_mailbox *m = &ck->box.at[i].m;

		if (m->uidvalidity)
			continue;
		if (!m->name.len)
			m->name = hm_str(hm_printf(ck->arena, "Recovered/%llu",
		    (unsigned long long)m->id));
		m->uidvalidity = ck->state.next_uidvalidity++;
		m->uidnext = ck->box.at[i].last_uid + 1000;
		m->createseq = m->modseq = ++ck->state.modseq;
		store_key(&key, ck->id);
		store_key_u32(&key, (uint32_t)m->id);
		hm_buf_clear(&value);
		store_put_box(&value, m);
		r = ops->put(kv, ck->st->t.box, store_key_str(&key),
		    hm_buf_view(&value));
	}
	ck->state.log_floor = ck->state.modseq;
	store_key(&key, ck->id);
	store_key_u32(&key, 0);
	hm_buf_clear(&value);
	store_put_state(&value, &ck->state);
	if (r >= 0)
		r = ops->put(kv, ck->st->t.box, store_key_str(&key),
		    hm_buf_view(&value));
	hm_buf_release(&value);
	return r;
}

static int
records_fn(struct hm_kv_txn *kv, void *arg)
{
	struct check *ck = arg;
	struct store_key from, to;
	int r;

	store_key(&from, ck->id);
	store_key_after(&from, &to);
	r = ck->st->kv->ops->scan(kv, ck->st->t.hot, store_key_str(&from),
	    store_key_str(&to), 0, lost_box, ck);
	if (r >= 0)
		r = rebuild_state(ck);
	if (r >= 0)
		find_inbox(ck);
	if (r >= 0)
		r = remove_records(kv, ck);
	return r < 0 ? r : write_lost(kv, ck);
}

int
check_fix_records(struct check *ck, struct hm_err *reterr)
{
	size_t i, n = 0;

	/* Messages of a mailbox whose record is lost are not superfluous. */
	for (i = 0; i < ck->remove.n; i++)
		if (ck->remove.at[i].table == ck->st->t.box)
			ck->remove.at[n++] = ck->remove.at[i];
	ck->remove.n = n;
	return hm_kv_run(ck->st->kv, HM_KV_DURABLE, records_fn, ck, reterr);
}

/* ---- messages, counts, index ----------------------------------------------------------- */

/* What is known of a message that is set aside: where it was, for a person to
 * read, and its content record with the envelope. */
static int
note_damaged(struct store_tx *tx, struct check *ck,
    const struct check_box *b, const struct hm_entry *e)
{
	const struct check_msg *cm = check_find_msg(ck, e->msgid);
	struct hm_buf value = { 0 };
	struct store_key key, cold;
	struct hm_str record;
	int r;

	store_key(&key, tx->a->id);
	store_key_u8(&key, 'm');
	store_key_u64(&key, e->msgid);
	hm_buf_printf(&value, "mailbox \"%.*s\" uid %u size %u",
	    HM_FMT(b->m.name), e->uid, e->size);
	r = store_put(tx, tx->st->t.damaged, &key, &value);
	if (r < 0 || !cm)
		return r;
	store_key(&cold, tx->a->id);
	store_key_u64(&cold, cm->m.cold);
	r = tx->st->kv->ops->get(tx->kv, tx->st->t.cold, store_key_str(&cold),
	    0, &record);
	if (r < 0)
		return r == -HM_ENOENT ? 0 : r;
	key.b[4] = 'c';
	hm_buf_str(&value, record);
	return store_put(tx, tx->st->t.damaged, &key, &value);
}

static const struct check_entry *
find_bad(const struct check *ck, uint64_t box, uint32_t uid)
{
	size_t i;

	/* Few are bad. */
	for (i = 0; i < ck->nbad; i++) {
		const struct check_entry *ce = &ck->entry.at[ck->bad[i]];

		if (ce->box == box && ce->e.uid == uid)
			return ce;
	}
	return NULL;
}

static void
list_bad(struct check *ck)
{
	size_t i;

	ck->nbad = 0;
	for (i = 0; i < ck->entry.n; i++)
		ck->nbad += ck->entry.at[i].state != ENTRY_GOOD;
	ck->bad = hm_alloc_array(ck->arena, ck->nbad, sizeof(*ck->bad));
	ck->nbad = 0;
	for (i = 0; i < ck->entry.n; i++)
		if (ck->entry.at[i].state != ENTRY_GOOD)
			ck->bad[ck->nbad++] = i;
}

struct dropped {
	struct hm_uidset_builder uids;
	uint64_t *ids, *lost;        /* of all, and of those with nothing left */
	size_t n, nlost;
};

/* One entry of a group; whether it stays. */
static int
fix_entry(struct store_tx *tx, struct check *ck, struct check_box *cb,
    struct store_group *g, struct hm_entry *e, struct dropped *out)
{
	const struct check_entry *ce = find_bad(ck, cb->m.id, e->uid);

	if (!ce)
		return 1;
	g->dirty = true;
	if (ce->state == ENTRY_RESIZE) {
		e->size = ce->size;
		return 1;
	}
	out->ids[out->n++] = e->msgid;
	hm_uidset_add(&out->uids, e->uid, e->uid);
	if (ce->state == ENTRY_TWICE)
		return 0;
	out->lost[out->nlost++] = e->msgid;
	return note_damaged(tx, ck, cb, e);
}

/* Names of keywords may be lost with the record of their mailbox. */
static void
drop_unnamed(const struct store_tx_box *b, struct store_group *g,
    struct hm_entry *e)
{
	if (b->m.nkeywords >= 64 || !(e->keywords >> b->m.nkeywords))
		return;
	e->keywords &= (UINT64_C(1) << b->m.nkeywords) - 1;
	g->dirty = true;
}

static int
fix_groups(struct store_tx *tx, struct check *ck, struct check_box *cb,
    struct store_tx_box *b, uint64_t modseq, struct dropped *out)
{
	struct store_group *g;
	unsigned i, kept;
	int stays;

	for (g = b->groups; g; g = g->next) {
		for (i = kept = 0; i < g->n; i++) {
			stays = fix_entry(tx, ck, cb, g, &g->e[i], out);
			if (stays < 0)
				return stays;
			if (!stays)
				continue;
			drop_unnamed(b, g, &g->e[i]);
			store_count(&b->m, &g->e[i], 1);
			g->e[kept++] = g->e[i];
		}
		if (g->dirty)
			g->modseq = modseq;
		g->n = kept;
	}
	return 0;
}

static int
drop_bad(struct store_tx *tx, struct check *ck, struct check_box *cb,
    struct store_tx_box *b, uint64_t modseq)
{
	struct dropped out = {
		.ids = hm_alloc_array(tx->arena, ck->nbad, sizeof(uint64_t)),
		.lost = hm_alloc_array(tx->arena, ck->nbad, sizeof(uint64_t)),
	};
	struct hm_uidset set;
	int r = fix_groups(tx, ck, cb, b, modseq, &out);

	store_tx_set(tx, &out.uids, &set);
	if (r < 0 || out.n == 0)
		return r;
	b->batch = modseq;
	if ((r = store_tx_gone(tx, b->m.id, modseq, &set, out.ids, out.n)) < 0 ||
	    (r = store_tx_erase(tx, modseq, out.lost, out.nlost)) < 0)
		return r;
	return store_tx_log(tx, modseq, HM_LOGGED_REMOVED, b->m.id, &set);
}

/* Puts a message back, without its flags, which stood there alone. */
static int
put_back(struct store_tx *tx, const struct check_msg *cm,
    struct store_tx_box *b, uint64_t modseq, uint32_t *ret_uid)
{
	struct store_key key;
	struct hm_buf value = { 0 };
	struct msg_record m = cm->m;
	struct store_group *g;
	unsigned at = 0;
	int r;

	*ret_uid = cm->m.mailbox == b->m.id ? cm->m.uid : 0;
	if (*ret_uid) {
		if ((r = store_tx_group(tx, b, hm_group(*ret_uid), &g)) < 0)
			return r;
		while (at < g->n && g->e[at].uid < *ret_uid)
			at++;
		if (at < g->n && g->e[at].uid == *ret_uid)
			*ret_uid = 0;
	}
	if (!*ret_uid) {
		*ret_uid = b->m.uidnext;
		if ((r = store_tx_group(tx, b, hm_group(*ret_uid), &g)) < 0)
			return r;
		at = g->n;
	}
	if (*ret_uid >= b->m.uidnext)
		b->m.uidnext = *ret_uid + 1;
	memmove(&g->e[at + 1], &g->e[at], (g->n++ - at) * sizeof(g->e[0]));
	g->e[at] = (struct hm_entry){ .uid = *ret_uid, .size = cm->size,
		.modseq = modseq, .msgid = cm->id,
		.received = hm_wall_ms() / 1000,
		.saved = (uint32_t)(hm_wall_ms() / 1000) };
	g->dirty = true;
	g->modseq = modseq;
	store_count(&b->m, &g->e[at], 1);
	m.mailbox = (uint32_t)b->m.id;
	m.uid = *ret_uid;
	store_key(&key, tx->a->id);
	store_key_u64(&key, cm->id);
	store_put_msg(&value, &m);
	return store_put(tx, tx->st->t.msg, &key, &value);
}

/* With what is left of the mailbox counted. */
static int
put_all_back(struct store_tx *tx, struct check *ck, struct store_tx_box *b,
    uint64_t modseq)
{
	struct hm_uidset_builder uids = { 0 };
	struct hm_uidset set;
	uint32_t uid;
	size_t i, n = 0;
	int r = 0;

	for (i = 0; i < ck->msg.n && r >= 0; i++) {
		if (ck->msg.at[i].home != b->m.id || b->m.uidnext == UINT32_MAX)
			continue;
		r = put_back(tx, &ck->msg.at[i], b, modseq, &uid);
		hm_uidset_add(&uids, uid, uid);
		n++;
	}
	store_tx_set(tx, &uids, &set);
	if (r < 0 || n == 0)
		return r;
	return store_tx_log(tx, modseq, HM_LOGGED_ADDED, b->m.id, &set);
}

static int
fix_box(struct store_tx *tx, struct check *ck, struct check_box *cb)
{
	uint64_t modseq = store_tx_modseq(tx);
	struct store_tx_box *b;
	int r;

	if ((r = store_tx_box(tx, cb->m.id, &b)) < 0)
		return r;
	if (cb->last_uid >= b->m.uidnext && cb->last_uid < UINT32_MAX)
		b->m.uidnext = cb->last_uid + 1;
	if ((r = store_tx_load(tx, b, NULL)) < 0)
		return r;
	b->m.messages = b->m.deleted = b->m.unseen = 0;
	b->m.bytes = 0;
	b->m.modseq = modseq;
	b->dirty = true;
	if ((r = drop_bad(tx, ck, cb, b, modseq)) < 0 ||
	    (r = put_all_back(tx, ck, b, store_tx_modseq(tx))) < 0)
		return r;
	b->m.modseq = tx->state.modseq;
	tx->state.bytes += b->m.bytes;
	tx->state.messages += b->m.messages;
	if (b->m.uidvalidity >= tx->state.next_uidvalidity)
		tx->state.next_uidvalidity = b->m.uidvalidity + 1;
	if (b->m.id >= tx->state.next_mailbox)
		tx->state.next_mailbox = (uint32_t)b->m.id + 1;
	return 0;
}

/* What is left of messages without content is erased like expunged ones. */
static int
fix_orphans(struct store_tx *tx, struct check *ck)
{
	uint64_t *ids = hm_alloc_array(tx->arena, ck->msg.n, sizeof(*ids));
	uint64_t modseq = store_tx_modseq(tx);
	size_t i, n = 0;

	ck->erase_modseq = modseq;
	for (i = 0; i < ck->msg.n; i++)
		if (ck->msg.at[i].orphan && !ck->msg.at[i].home)
			ids[n++] = ck->msg.at[i].id;
	if (ck->msg.n > 0 && ck->msg.at[ck->msg.n - 1].id >= tx->state.next_msgid)
		tx->state.next_msgid = ck->msg.at[ck->msg.n - 1].id + 1;
	return store_tx_erase(tx, modseq, ids, n);
}

static int
add_row(struct store_tx *tx, uint8_t kind, uint64_t hash,
    const struct check_cold *cc)
{
	struct hm_buf row = { 0 };
	struct store_key key;

	if (hash == 0)
		return 0;
	store_index_key(&key, tx->a->id, kind, hash);
	store_key_u64(&key, cc->id);
	hm_buf_le64(&row, cc->subject_hash ? cc->subject_hash :
	    store_hash(HM_STR("")));
	hm_buf_varint(&row, 0);
	hm_buf_le64(&row, 0);
	return store_put(tx, tx->st->t.index, &key, &row);
}

static int
drop_row(struct store_tx *tx, uint8_t kind, uint64_t hash,
    const struct check_cold *cc)
{
	struct store_key key;
	int r;

	store_index_key(&key, tx->a->id, kind, hash);
	store_key_u64(&key, cc->id);
	r = tx->st->kv->ops->del(tx->kv, tx->st->t.index, store_key_str(&key));
	return r == -HM_ENOENT ? 0 : r;
}

static int
drop_content(struct store_tx *tx, const struct check_cold *cc)
{
	struct store_key key;
	int r;

	store_key(&key, tx->a->id);
	store_key_u64(&key, cc->id);
	r = tx->st->kv->ops->del(tx->kv, tx->st->t.cold, store_key_str(&key));
	if (r == 0)
		r = drop_row(tx, HAS_ID, cc->id_hash, cc);
	if (r == 0)
		r = drop_row(tx, HAS_SUBJECT, cc->subject_hash, cc);
	if (r == 0)
		r = hm_blob_link(tx->st->blob, tx->kv, cc->blob, -1);
	return r == -HM_ENOENT ? 0 : r;
}

static int
fix_contents(struct store_tx *tx, struct check *ck)
{
	struct check_cold *cc;
	int r = 0;

	for (cc = ck->cold.at; cc < ck->cold.at + ck->cold.n && r >= 0; cc++) {
		if (cc->users == 0) {
			r = drop_content(tx, cc);
			continue;
		}
		if (cc->id_hash && !(cc->rows & 1))
			r = add_row(tx, HAS_ID, cc->id_hash, cc);
		if (r >= 0 && cc->subject_hash && !(cc->rows & 2))
			r = add_row(tx, HAS_SUBJECT, cc->subject_hash, cc);
	}
	return r;
}

static int
fix_fn(struct store_tx *tx, void *arg)
{
	struct check *ck = arg;
	size_t i;
	int r;

	tx->dirty = true;
	list_bad(ck);
	if ((r = remove_records(tx->kv, ck)) < 0)
		return store_tx_fail(tx, r, "setting records aside");
	tx->state.bytes = tx->state.messages = 0;
	if (tx->state.modseq < ck->state.modseq)
		tx->state.modseq = ck->state.modseq;
	for (i = 0; i < ck->box.n; i++)
		if (ck->box.at[i].m.modseq > tx->state.modseq)
			tx->state.modseq = ck->box.at[i].m.modseq;
	for (i = 0; i < ck->box.n; i++)
		if ((r = fix_box(tx, ck, &ck->box.at[i])) < 0)
			return r;
	if ((r = fix_orphans(tx, ck)) < 0)
		return r;
	r = fix_contents(tx, ck);
	return r < 0 ? store_tx_fail(tx, r, "repairing") : 0;
}

/* With the account's lock held. */
int
check_fix(struct check *ck, struct hm_err *reterr)
{
	struct store_tx tx;
	int r;

	store_tx_init(&tx, ck->st, ck->a, fix_fn, ck, reterr);
	r = store_commit_locked(&tx);
	store_tx_release(&tx);
	return r;
}
