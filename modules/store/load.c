/* load.c - the cold parts of messages, and their bytes. */
#include "store.h"

#include <hermod/work.h>

/* ---- parts ----------------------------------------------------------------------
 * What a damaged record should say is missing from the answer; it keeps nobody from
 * the other messages. hermod verify names it, and so does store_body_open(). */

struct wanted {
	uint64_t id;                 /* message, then cold record */
	size_t i;                    /* place in the caller's list */
};

struct load {
	struct hm_account *acc;
	const uint64_t *msgids;
	size_t n;
	unsigned parts;
	struct hm_arena *arena;
	struct hm_stored *ret;
	void (*each)(size_t i, const struct cold_record *c, void *arg);
	void *arg;                   /* of each, which is called instead */
	struct hm_err *err;
	struct hm_arena *scratch;
	struct wanted *wanted;
	struct wanted *cold;
	size_t ncold;
	uint64_t *ids;
};

static int
by_id(const void *va, const void *vb)
{
	const struct wanted *a = va, *b = vb;

	return a->id < b->id ? -1 : a->id > b->id;
}

static struct hm_str
copy(struct load *l, unsigned part, struct hm_str s)
{
	if (!(l->parts & part))
		return (struct hm_str){ NULL, 0 };
	return hm_str_dup(l->arena, s);
}

static int
take_msg(size_t k, struct hm_str value, void *arg)
{
	struct load *l = arg;
	struct hm_stored *s;
	struct msg_record m;

	s = l->each ? NULL : &l->ret[l->wanted[k].i];
	if (s)
		s->msgid = l->wanted[k].id;
	if (store_get_msg(value, &m) < 0)
		return 0;
	l->cold[l->ncold++] = (struct wanted){ m.cold, l->wanted[k].i };
	if (!s)
		return 0;
	s->createseq = m.createseq;
	s->original_mailbox = m.original;
	s->destined_mailbox = m.destined;
	s->trained = m.trained;
	return 0;
}

static int
take_cold(size_t k, struct hm_str value, void *arg)
{
	struct load *l = arg;
	struct hm_stored *s;
	struct cold_record c;

	if (store_get_cold(value, &c) < 0)
		return 0;
	if (l->each) {
		l->each(l->cold[k].i, &c, l->arg);
		return 0;
	}
	s = &l->ret[l->cold[k].i];
	s->thread = c.thread;
	s->envelope = copy(l, HM_STORED_ENVELOPE, c.envelope);
	s->body = copy(l, HM_STORED_STRUCTURE, c.body);
	s->bodystructure = copy(l, HM_STORED_STRUCTURE, c.bodystructure);
	s->mime = copy(l, HM_STORED_MIME, c.mime);
	s->message_id = copy(l, HM_STORED_THREAD, c.message_id);
	s->subject_base = copy(l, HM_STORED_THREAD, c.subject_base);
	s->prefix = copy(l, HM_STORED_PREFIX, c.prefix);
	if (l->parts & HM_STORED_FACTS &&
	    store_get_facts(c.facts, l->arena, &s->facts) < 0)
		memset(&s->facts, 0, sizeof(s->facts));
	return 0;
}

static int
load_fn(struct hm_kv_txn *kv, void *arg)
{
	struct load *l = arg;
	struct store *st = l->acc->st;
	uint32_t acct = l->acc->a->id;
	size_t i;
	int r;

	if (!l->each)
		memset(l->ret, 0, l->n * sizeof(*l->ret));
	l->ncold = 0;
	for (i = 0; i < l->n; i++)
		l->ids[i] = l->wanted[i].id;
	r = store_read_many(kv, st, acct, st->t.msg, l->ids, l->n, take_msg, l);
	if (r < 0 || (l->parts == 0 && !l->each))
		return r;
	qsort(l->cold, l->ncold, sizeof(*l->cold), by_id);
	for (i = 0; i < l->ncold; i++)
		l->ids[i] = l->cold[i].id;
	return store_read_many(kv, st, acct, st->t.cold, l->ids, l->ncold,
	    take_cold, l);
}

static int
load_job(void *arg)
{
	struct load *l = arg;
	size_t i;
	int r;

	l->scratch = hm_arena_new(NULL, "store load");
	l->wanted = hm_alloc_array(l->scratch, l->n, sizeof(*l->wanted));
	l->cold = hm_alloc_array(l->scratch, l->n, sizeof(*l->cold));
	l->ids = hm_alloc_array(l->scratch, l->n, sizeof(*l->ids));
	for (i = 0; i < l->n; i++)
		l->wanted[i] = (struct wanted){ l->msgids[i], i };
	qsort(l->wanted, l->n, sizeof(*l->wanted), by_id);
	r = hm_kv_run(l->acc->st->kv, HM_KV_READ, load_fn, l, l->err);
	hm_arena_free(l->scratch);
	return r < 0 ? r : 0;
}

int
store_load(struct hm_account *acc, const uint64_t *msgids, size_t n,
    unsigned parts, struct hm_arena *arena, struct hm_stored *ret,
    struct hm_err *reterr)
{
	struct load l = { .acc = acc, .msgids = msgids, .n = n, .parts = parts,
		.arena = arena, .ret = ret, .err = reterr };

	return n == 0 ? 0 : hm_work(load_job, &l);
}

int
store_each_cold(struct hm_account *acc, const uint64_t *msgids, size_t n,
    void (*fn)(size_t i, const struct cold_record *c, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct load l = { .acc = acc, .msgids = msgids, .n = n, .each = fn,
		.arg = arg, .err = reterr };

	return n == 0 ? 0 : load_job(&l);
}

/* ---- bytes ---------------------------------------------------------------------------- */

struct hm_body {
	struct store *st;
	struct hm_blob_reader *reader;
	size_t prefix_len;
	uint64_t blob_bytes;
	char prefix[];
};

struct open {
	struct hm_account *acc;
	uint64_t msgid;
	uint64_t blob, bytes;
	struct hm_buf prefix;
	struct hm_body *body;
	struct hm_err *err;
};

static int
open_fn(struct hm_kv_txn *kv, void *arg)
{
	struct open *o = arg;
	struct store *st = o->acc->st;
	struct cold_record c;
	struct msg_record m;
	struct store_key key;
	struct hm_str value;
	int r;

	store_key(&key, o->acc->a->id);
	store_key_u64(&key, o->msgid);
	r = st->kv->ops->get(kv, st->t.msg, store_key_str(&key), 0, &value);
	if (r < 0 || (r = store_get_msg(value, &m)) < 0)
		return r;
	store_key(&key, o->acc->a->id);
	store_key_u64(&key, m.cold);
	r = st->kv->ops->get(kv, st->t.cold, store_key_str(&key), 0, &value);
	if (r < 0 || (r = store_get_cold(value, &c)) < 0)
		return r == -HM_ENOENT ? -HM_ECORRUPT : r;
	o->blob = c.blob;
	o->bytes = c.blob_bytes;
	hm_buf_clear(&o->prefix);
	hm_buf_str(&o->prefix, c.prefix);
	return 0;
}

static int
damaged(struct open *o, const char *what, const char *how)
{
	return hm_err_set(o->err, -HM_ECORRUPT, "account %s: %s message %llu %s,"
	    " see hermod verify", o->acc->a->name, what,
	    (unsigned long long)o->msgid, how);
}

static int
open_job(void *arg)
{
	struct open *o = arg;
	struct store *st = o->acc->st;
	struct hm_blob_reader *reader;
	uint64_t size;
	int r;

	r = hm_kv_run(st->kv, HM_KV_READ, open_fn, o, o->err);
	if (r == -HM_ENOENT)
		return hm_err_set(o->err, r, "the message is gone");
	if (r == -HM_ECORRUPT)
		return damaged(o, "the record of", "cannot be read");
	if (r < 0)
		return r;
	r = st->blob->ops->open(st->blob->self, o->blob, &reader, &size, o->err);
	/* Unless it was erased just now, which takes its record with it. */
	if (r == -HM_ENOENT && hm_kv_run(st->kv, HM_KV_READ, open_fn, o, NULL) >= 0)
		return damaged(o, "the body of", "is missing");
	if (r < 0)
		return r;
	if (size != o->bytes) {
		st->blob->ops->close(reader);
		return damaged(o, "the body of", "has another size");
	}
	o->body = hm_xalloc(sizeof(*o->body) + o->prefix.len);
	o->body->st = st;
	o->body->reader = reader;
	o->body->prefix_len = o->prefix.len;
	o->body->blob_bytes = size;
	if (o->prefix.len > 0)
		memcpy(o->body->prefix, o->prefix.p, o->prefix.len);
	return 0;
}

int
store_body_open(struct hm_account *acc, uint64_t msgid, struct hm_body **ret,
    uint64_t *ret_size, struct hm_err *reterr)
{
	struct open o = { .acc = acc, .msgid = msgid, .err = reterr };
	int r = hm_work(open_job, &o);

	hm_buf_release(&o.prefix);
	if (r < 0)
		return r;
	*ret = o.body;
	*ret_size = o.body->prefix_len + o.body->blob_bytes;
	return 0;
}

struct read {
	struct hm_body *body;
	uint64_t offset;
	char *p;
	size_t len;
	ssize_t got;
};

static int
read_job(void *arg)
{
	struct read *rd = arg;
	ssize_t got = 1;

	while (rd->len > 0 && got > 0) {
		got = rd->body->st->blob->ops->read(rd->body->reader,
		    rd->offset, rd->p, rd->len);
		if (got < 0)
			return (int)got;
		rd->p += got;
		rd->offset += (uint64_t)got;
		rd->len -= (size_t)got;
		rd->got += got;
	}
	return 0;
}

ssize_t
store_body_read(struct hm_body *body, uint64_t offset, void *p, size_t len)
{
	struct read rd = { .body = body, .p = p };
	size_t take = 0;
	int r = 0;

	if (offset < body->prefix_len) {
		take = body->prefix_len - offset < len ?
		    body->prefix_len - (size_t)offset : len;
		memcpy(p, body->prefix + offset, take);
		offset += take;
	}
	rd.offset = offset - body->prefix_len;
	rd.p += take;
	rd.len = len - take;
	if (rd.len > 0 && offset >= body->prefix_len &&
	    rd.offset < body->blob_bytes)
		r = hm_work(read_job, &rd);
	return r < 0 ? r : (ssize_t)take + rd.got;
}

void
store_body_close(struct hm_body *body)
{
	if (!body)
		return;
	body->st->blob->ops->close(body->reader);
	free(body);
}
