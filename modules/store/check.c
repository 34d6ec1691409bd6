/* check.c - reads all of an account for the checker. */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>

void
check_grow(void **at, const size_t *n, size_t *cap, size_t size)
{
	if (*n < *cap)
		return;
	*cap = *cap ? *cap * 2 : 64;
	*at = hm_xrealloc(*at, *cap * size);
}

void
check_report(struct check *ck, const char *fmt, ...)
{
	char text[400];
	size_t n;
	va_list ap;

	n = (size_t)snprintf(text, sizeof(text), "account %s: ", ck->name);
	if (n < sizeof(text)) {
		va_start(ap, fmt);
		vsnprintf(text + n, sizeof(text) - n, fmt, ap);
		va_end(ap);
	}
	ck->reports++;
	ck->report(text, ck->arg);
}

struct check_box *
check_find_box(struct check *ck, uint64_t id)
{
	size_t low = 0, high = ck->box.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ck->box.at[mid].m.id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < ck->box.n && ck->box.at[low].m.id == id ?
	    &ck->box.at[low] : NULL;
}

struct check_msg *
check_find_msg(struct check *ck, uint64_t id)
{
	size_t low = 0, high = ck->msg.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ck->msg.at[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < ck->msg.n && ck->msg.at[low].id == id ?
	    &ck->msg.at[low] : NULL;
}

struct check_cold *
check_find_cold(struct check *ck, uint64_t id)
{
	size_t low = 0, high = ck->cold.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ck->cold.at[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < ck->cold.n && ck->cold.at[low].id == id ?
	    &ck->cold.at[low] : NULL;
}

/* ---- reading ------------------------------------------------------------------ */

static void
unreadable(struct check *ck, struct hm_kv_table *table, struct hm_str key,
    const char *what, uint64_t id)
{
	struct check_key *k = CHECK_ADD(&ck->remove);

	k->table = table;
	k->key = hm_str_dup(ck->arena, key);
	k->keep = true;
	check_report(ck, "%s %llu has a damaged record", what,
	    (unsigned long long)id);
}

static void
superfluous(struct check *ck, struct hm_kv_table *table, struct hm_str key,
    const char *what)
{
	struct check_key *k = CHECK_ADD(&ck->remove);

	k->table = table;
	k->key = hm_str_dup(ck->arena, key);
	k->keep = false;
	check_report(ck, "%s", what);
}

static int
read_box(struct hm_str key, struct hm_str value, void *arg)
{
	struct check *ck = arg;
	struct hm_str rest = hm_str_skip(key, 4);
	struct check_box *b;
	uint32_t id = 0;

	store_key_take_u32(&rest, &id);
	if (id == 0) {
		if (store_get_state(value, &ck->state) < 0)
			unreadable(ck, ck->st->t.box, key, "its state", 0);
		return 0;
	}
	b = CHECK_ADD(&ck->box);
	memset(b, 0, sizeof(*b));
	if (store_get_box(value, id, ck->arena, &b->m) < 0) {
		unreadable(ck, ck->st->t.box, key, "mailbox", id);
		ck->box.n--;
	}
	return 0;
}

static int
read_hot(struct hm_str key, struct hm_str value, void *arg)
{
	struct check *ck = arg;
	struct hm_str rest = hm_str_skip(key, 4);
	struct hm_entry e[HM_GROUP_MAX];
	uint32_t box = 0, number = 0;
	uint64_t modseq, top = 0;
	unsigned n, i;

	store_key_take_u32(&rest, &box);
	store_key_take_u32(&rest, &number);
	if (store_get_group(value, number, &modseq, e, &n) < 0) {
		unreadable(ck, ck->st->t.hot, key, "64 messages of mailbox", box);
		return 0;
	}
	if (!check_find_box(ck, box)) {
		superfluous(ck, ck->st->t.hot, key,
		    "messages in a mailbox that does not exist");
		ck->remove.at[ck->remove.n - 1].keep = true;
		return 0;
	}
	for (i = 0; i < n; i++) {
		struct check_entry *ce = CHECK_ADD(&ck->entry);

		ce->e = e[i];
		ce->box = box;
		ce->state = ENTRY_GOOD;
		top = e[i].modseq > top ? e[i].modseq : top;
	}
	if (top > modseq)
		check_report(ck, "mailbox %u: a group's modseq is too low", box);
	return 0;
}

static int
read_msg(struct hm_str key, struct hm_str value, void *arg)
{
	struct check *ck = arg;
	struct hm_str rest = hm_str_skip(key, 4);
	struct check_msg *cm = CHECK_ADD(&ck->msg);

	memset(cm, 0, sizeof(*cm));
	store_key_take_u64(&rest, &cm->id);
	if (store_get_msg(value, &cm->m) < 0) {
		unreadable(ck, ck->st->t.msg, key, "message", cm->id);
		ck->msg.n--;
	}
	return 0;
}

static int
read_cold(struct hm_str key, struct hm_str value, void *arg)
{
	struct check *ck = arg;
	struct hm_str rest = hm_str_skip(key, 4);
	struct check_cold *cc = CHECK_ADD(&ck->cold);
	struct cold_record c;
	unsigned i;

	memset(cc, 0, sizeof(*cc));
	store_key_take_u64(&rest, &cc->id);
	if (store_get_cold(value, &c) < 0) {
		unreadable(ck, ck->st->t.cold, key, "content of message", cc->id);
		ck->cold.n--;
		return 0;
	}
	cc->blob = c.blob;
	cc->blob_bytes = c.blob_bytes;
	cc->prefix_bytes = c.prefix.len;
	cc->bytes = c.blob_bytes + c.prefix.len;
	if (c.message_id.len > 0)
		cc->id_hash = store_hash_fold(c.message_id);
	if (c.subject_base.len > 0)
		cc->subject_hash = store_hash(c.subject_base);
	if (c.thread == 0 || c.thread > cc->id)
		check_report(ck, "message %llu: thread %llu is none",
		    (unsigned long long)cc->id, (unsigned long long)c.thread);
	for (i = 0; i < c.nparents; i++)
		if (c.parents[i] == 0 || c.parents[i] >= cc->id ||
		    (i > 0 && c.parents[i] >= c.parents[i - 1]))
			check_report(ck, "message %llu: parents out of order",
			    (unsigned long long)cc->id);
	return 0;
}

static int
read_erase(struct hm_str key, struct hm_str value, void *arg)
{
	struct check *ck = arg;
	uint64_t id = 0;
	int r;

	while ((r = store_take_id(&value, &id)) > 0)
		*CHECK_ADD(&ck->erase) = id;
	if (r < 0)
		unreadable(ck, ck->st->t.erase, key, "a list of expunged messages",
		    0);
	return 0;
}

static void
check_row(struct check *ck, struct hm_str key, uint8_t kind, uint64_t hash,
    uint64_t id)
{
	struct check_cold *cc;
	struct check_msg *cm;

	if (kind == COPY_OF) {
		cm = check_find_msg(ck, id);
		if (!cm || cm->m.cold != hash || cm->m.cold == id)
			superfluous(ck, ck->st->t.index, key,
			    "a copy is noted of a message that has none");
		return;
	}
	cc = check_find_cold(ck, id);
	if (cc && hash == (kind == HAS_ID ? cc->id_hash : cc->subject_hash))
		cc->rows |= kind == HAS_ID ? 1 : 2;
	else
		superfluous(ck, ck->st->t.index, key,
		    "an index row leads to no message");
}

static int
read_index(struct hm_str key, struct hm_str value, void *arg)
{
	struct check *ck = arg;
	struct hm_str rest = hm_str_skip(key, 4);
	uint64_t hash = 0, id = 0;
	uint8_t kind = 0;

	(void)value;
	if (hm_take_u8(&rest, &kind) < 0 ||
	    store_key_take_u64(&rest, &hash) < 0 ||
	    store_key_take_u64(&rest, &id) < 0)
		superfluous(ck, ck->st->t.index, key, "a damaged index row");
	else
		check_row(ck, key, kind, hash, id);
	return 0;
}

static int
read_log(struct hm_str key, struct hm_str value, void *arg)
{
	struct check *ck = arg;
	struct hm_str rest = hm_str_skip(key, 4);
	struct hm_uidset_builder b = { 0 };
	struct log_record rec;
	uint64_t modseq = 0;

	store_key_take_u64(&rest, &modseq);
	if (store_get_log(value, &rec) < 0 ||
	    store_take_ranges(&rec.ranges, &b) < 0)
		unreadable(ck, ck->st->t.log, key, "change", modseq);
	else if (modseq > ck->state.modseq || modseq <= ck->state.log_floor)
		superfluous(ck, ck->st->t.log, key,
		    "a change outside of the change log");
	hm_uidset_release(&b);
	return 0;
}

static int
read_gone(struct hm_str key, struct hm_str value, void *arg)
{
	struct check *ck = arg;
	struct hm_str rest = hm_str_skip(key, 4);
	struct hm_uidset_builder b = { 0 };
	uint32_t box = 0;

	store_key_take_u32(&rest, &box);
	if (store_take_ranges(&value, &b) < 0)
		unreadable(ck, ck->st->t.gone, key, "a list of uids of mailbox",
		    box);
	else if (!check_find_box(ck, box))
		superfluous(ck, ck->st->t.gone, key,
		    "expunged messages of no mailbox");
	hm_uidset_release(&b);
	return 0;
}

/* ---- bodies -------------------------------------------------------------------- */

static int
read_body(struct hm_str key, struct hm_str value, void *arg)
{
	struct check *ck = arg;
	struct hm_str rest = hm_str_skip(key, 4);
	struct check_body body = { 0 };
	struct cold_record c;

	store_key_take_u64(&rest, &body.cold);
	if (store_get_cold(value, &c) < 0)
		return 0;            /* told of when all is compared */
	body.blob = c.blob;
	body.bytes = c.blob_bytes;
	*CHECK_ADD(&ck->body) = body;
	return 0;
}

static int
read_bodies(struct hm_kv_txn *kv, void *arg)
{
	struct check *ck = arg;
	struct store_key from, to;

	ck->body.n = 0;
	store_key(&from, ck->id);
	store_key_after(&from, &to);
	return ck->st->kv->ops->scan(kv, ck->st->t.cold, store_key_str(&from),
	    store_key_str(&to), 0, read_body, ck);
}

int
check_body(struct check *ck, const struct check_body *body, char ret_text[300])
{
	const struct hm_blob *blob = ck->st->blob;
	struct hm_blob_reader *reader;
	struct hm_err err = { 0 };
	uint64_t size;
	int r = blob->ops->open(blob->self, body->blob, &reader, &size, &err);

	if (r < 0) {
		snprintf(ret_text, 300, "%.299s", err.text);
		return r == -HM_ENOENT || r == -HM_ECORRUPT ? 0 : r;
	}
	blob->ops->close(reader);
	if (size == body->bytes)
		return 1;
	snprintf(ret_text, 300, "has another size than recorded");
	return 0;
}

int
check_bodies(struct check *ck, struct hm_err *reterr)
{
	int r = hm_kv_run(ck->st->kv, HM_KV_READ, read_bodies, ck, reterr);
	char text[300];
	size_t i, n = 0;

	for (i = 0; i < ck->body.n && r >= 0; i++)
		if (check_body(ck, &ck->body.at[i], text) <= 0)
			ck->body.at[n++] = ck->body.at[i];
	ck->body.n = n;
	return r < 0 ? r : 0;
}

static int
by_number(const void *va, const void *vb)
{
	const uint64_t *a = va, *b = vb;

	return *a < *b ? -1 : *a > *b;
}

static int
read_all(struct hm_kv_txn *kv, void *arg)
{
	struct check *ck = arg;
	const struct store_tables *t = &ck->st->t;
	const struct {
		struct hm_kv_table *table;
		int (*fn)(struct hm_str key, struct hm_str value, void *arg);
	} steps[] = {
		{ t->box, read_box }, { t->hot, read_hot }, { t->msg, read_msg },
		{ t->cold, read_cold }, { t->erase, read_erase },
		{ t->index, read_index }, { t->log, read_log },
		{ t->gone, read_gone },
	};
	struct store_key from, to;
	size_t i;
	int r = 0;

	ck->box.n = ck->entry.n = ck->msg.n = ck->cold.n = 0;
	ck->erase.n = ck->remove.n = 0;
	store_key(&from, ck->id);
	store_key_after(&from, &to);
	for (i = 0; i < HM_ARRAY_LEN(steps) && r >= 0; i++)
		r = ck->st->kv->ops->scan(kv, steps[i].table,
		    store_key_str(&from), store_key_str(&to), 0, steps[i].fn, ck);
	return r < 0 ? r : 0;
}

int
check_account(struct check *ck, struct hm_err *reterr)
{
	int r;

	if (!ck->arena)
		ck->arena = hm_arena_new(NULL, "store check");
	r = hm_kv_run(ck->st->kv, HM_KV_READ, read_all, ck, reterr);
	if (r < 0)
		return r;
	if (ck->erase.n > 1)
		qsort(ck->erase.at, ck->erase.n, sizeof(*ck->erase.at),
		    by_number);
	check_compare(ck);
	return 0;
}

void
check_release(struct check *ck)
{
	hm_arena_free(ck->arena);
	free(ck->box.at);
	free(ck->entry.at);
	free(ck->msg.at);
	free(ck->cold.at);
	free(ck->erase.at);
	free(ck->body.at);
	free(ck->remove.at);
}
