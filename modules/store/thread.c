/* thread.c - which messages belong together.
 *
 * A message joins the thread of a message with the same id, else of the nearest
 * message it refers to whose base subject is the same, else, if it says that it
 * is a reply but not to what, of the newest one in the mailbox with its subject.
 */
#include "store.h"

enum {
	REFS_MAX = 100, SAME_MAX = 200,
	WEEKS_BEFORE_S = 4 * 7 * 86400, DAY_AFTER_S = 86400,
};

/* Looks through the index rows of one hash, newest first. */
struct search {
	uint64_t subject;            /* hash the message must have; 0: any */
	uint64_t mailbox;            /* where it came in; 0: anywhere */
	int64_t from, to;            /* when */
	uint64_t found;
	unsigned seen;
};

static int
search_row(struct hm_str key, struct hm_str value, void *arg)
{
	struct search *s = arg;
	uint64_t id, subject, mailbox, received;

	if (++s->seen > SAME_MAX)
		return 1;
	key = hm_str_skip(key, 4 + 1 + 8);
	if (store_key_take_u64(&key, &id) < 0 ||
	    hm_take_le64(&value, &subject) < 0 ||
	    hm_take_varint(&value, &mailbox) < 0 ||
	    hm_take_le64(&value, &received) < 0)
		return 0;
	if ((s->subject && subject != s->subject) ||
	    (s->mailbox && mailbox != s->mailbox) ||
	    (int64_t)received < s->from || (int64_t)received > s->to)
		return 0;
	s->found = id;
	return 1;
}

static int
search(struct store_tx *tx, uint8_t kind, uint64_t hash, struct search *s)
{
	struct store_key from, to;
	int r;

	s->found = s->seen = 0;
	store_index_key(&from, tx->a->id, kind, hash);
	store_key_after(&from, &to);
	r = tx->st->kv->ops->scan(tx->kv, tx->st->t.index,
	    store_key_str(&from), store_key_str(&to), HM_KV_REVERSE,
	    search_row, s);
	return r < 0 ? store_tx_fail(tx, r, "finding the thread") : 0;
}

static int
search_any(struct store_tx *tx, uint8_t kind, uint64_t hash,
    uint64_t subject, uint64_t *ret)
{
	struct search s = { .subject = subject, .from = INT64_MIN,
		.to = INT64_MAX };
	int r = search(tx, kind, hash, &s);

	*ret = s.found;
	return r;
}

/* The nearest message that is referred to. */
static int
find_referred(struct store_tx *tx, const struct store_content *c,
    uint64_t subject, uint64_t *ret, bool *ret_missing)
{
	size_t i, least = c->nrefs > REFS_MAX ? c->nrefs - REFS_MAX : 0;
	int r;

	*ret = 0;
	for (i = c->nrefs; i > least; i--) {
		r = search_any(tx, HAS_ID, store_hash_fold(c->refs[i - 1]),
		    subject, ret);
		if (r < 0 || *ret)
			return r;
		*ret_missing = true;
	}
	return 0;
}

static int
find_parent(struct store_tx *tx, const struct store_content *c,
    struct cold_record *cold, bool dsn, uint64_t mailbox, int64_t received,
    uint64_t *ret)
{
	uint64_t subject = store_hash(cold->subject_base);
	bool missing = false;
	int r;

	*ret = 0;
	if (cold->message_id.len > 0) {
		r = search_any(tx, HAS_ID, store_hash_fold(cold->message_id), 0,
		    ret);
		if (r < 0 || *ret) {
			cold->flags |= COLD_LINK_MISSING;
			return r;
		}
	}
	if (c->nrefs > 0) {
		r = find_referred(tx, c, dsn ? 0 : subject, ret, &missing);
		if (*ret && missing)
			cold->flags |= COLD_LINK_MISSING;
		return r;
	}
	if (c->reply && cold->subject_base.len > 0) {
		struct search s = { .mailbox = mailbox,
			.from = received - WEEKS_BEFORE_S,
			.to = received + DAY_AFTER_S };

		r = search(tx, HAS_SUBJECT, subject, &s);
		cold->flags |= s.found ? COLD_LINK_MISSING : 0;
		*ret = s.found;
		return r;
	}
	return 0;
}

/* Takes thread and line of parents from the parent. */
static int
adopt(struct store_tx *tx, uint64_t parent, struct cold_record *cold)
{
	struct cold_record p;
	struct store_key key;
	struct hm_str value;
	int r;

	store_key(&key, tx->a->id);
	store_key_u64(&key, parent);
	r = tx->st->kv->ops->get(tx->kv, tx->st->t.cold, store_key_str(&key), 0,
	    &value);
	if (r == -HM_ENOENT || (r == 0 && store_get_cold(value, &p) < 0))
		return 0;            /* an index row too many: checker's work */
	if (r < 0)
		return store_tx_fail(tx, r, "finding the thread");
	cold->thread = p.thread;
	cold->parents[0] = parent;
	cold->nparents = p.nparents < COLD_PARENTS_MAX - 1 ? p.nparents + 1 :
	    COLD_PARENTS_MAX;
	memcpy(cold->parents + 1, p.parents,
	    (cold->nparents - 1) * sizeof(p.parents[0]));
	return 0;
}

static int
enter(struct store_tx *tx, uint8_t kind, uint64_t hash, uint64_t id,
    struct hm_str row)
{
	struct store_key key;
	int r;

	store_index_key(&key, tx->a->id, kind, hash);
	store_key_u64(&key, id);
	r = tx->st->kv->ops->put(tx->kv, tx->st->t.index, store_key_str(&key),
	    row);
	return r < 0 ? store_tx_fail(tx, r, "writing the index") : 0;
}

int
store_thread(struct store_tx *tx, const struct store_content *c, bool dsn,
    uint64_t id, uint64_t mailbox, int64_t received, struct cold_record *cold)
{
	uint64_t subject = store_hash(cold->subject_base), parent;
	struct hm_buf row = { 0 };
	int r;

	cold->thread = id;
	r = find_parent(tx, c, cold, dsn, mailbox, received, &parent);
	if (r == 0 && parent)
		r = adopt(tx, parent, cold);
	hm_buf_le64(&row, subject);
	hm_buf_varint(&row, mailbox);
	hm_buf_le64(&row, (uint64_t)received);
	if (r == 0 && cold->message_id.len > 0)
		r = enter(tx, HAS_ID, store_hash_fold(cold->message_id), id,
		    hm_buf_view(&row));
	if (r == 0 && cold->subject_base.len > 0)
		r = enter(tx, HAS_SUBJECT, subject, id, hm_buf_view(&row));
	hm_buf_release(&row);
	return r;
}

static int
leave(struct hm_kv_txn *kv, struct store *st, uint32_t acct, uint8_t kind,
    uint64_t hash, uint64_t id)
{
	struct store_key key;
	int r;

	store_index_key(&key, acct, kind, hash);
	store_key_u64(&key, id);
	r = st->kv->ops->del(kv, st->t.index, store_key_str(&key));
	return r == -HM_ENOENT ? 0 : r;
}

int
store_index_del(struct hm_kv_txn *kv, struct store *st, uint32_t acct,
    uint64_t id, const struct cold_record *cold)
{
	int r = 0;

	if (cold->message_id.len > 0)
		r = leave(kv, st, acct, HAS_ID,
		    store_hash_fold(cold->message_id), id);
	if (r == 0 && cold->subject_base.len > 0)
		r = leave(kv, st, acct, HAS_SUBJECT,
		    store_hash(cold->subject_base), id);
	return r;
}
