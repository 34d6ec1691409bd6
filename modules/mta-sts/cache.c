/* cache.c - policies on disk, so that a restart forgets none (RFC 8461, 3.3). */
#include <hermod/str.h>

#include "sts.h"

enum { VERSION = 1, TOUCH_MS = 24 * 3600 * 1000 };

void
sts_entry_pack(struct hm_buf *out, const struct sts_entry *e)
{
	hm_buf_putc(out, VERSION);
	hm_buf_putc(out, (char)e->mode);
	hm_buf_le64(out, (uint64_t)e->fetched_ms);
	hm_buf_le64(out, (uint64_t)e->expires_ms);
	hm_buf_le64(out, (uint64_t)e->used_ms);
	hm_buf_le64(out, (uint64_t)e->again_ms);
	hm_buf_lstr(out, e->id);
	hm_buf_lstr(out, e->text);
}

int
sts_entry_unpack(struct hm_str in, struct sts_entry *ret)
{
	struct sts_entry e = { 0 };
	uint64_t times[4];
	uint8_t version, mode;

	if (hm_take_u8(&in, &version) < 0 || version != VERSION ||
	    hm_take_u8(&in, &mode) < 0 || mode > HM_STS_ENFORCE)
		return -HM_ECORRUPT;
	for (size_t i = 0; i < HM_ARRAY_LEN(times); i++)
		if (hm_take_le64(&in, &times[i]) < 0)
			return -HM_ECORRUPT;
	if (hm_take_lstr(&in, &e.id) < 0 || hm_take_lstr(&in, &e.text) < 0 ||
	    in.len != 0)
		return -HM_ECORRUPT;
	e.mode = (enum hm_sts_mode)mode;
	e.fetched_ms = (int64_t)times[0];
	e.expires_ms = (int64_t)times[1];
	e.used_ms = (int64_t)times[2];
	e.again_ms = (int64_t)times[3];
	*ret = e;
	return 0;
}

/* ---- one ---- */

struct one {
	const struct sts *s;
	struct hm_str domain;
	struct hm_buf value;
	int64_t used_ms;
};

static int
get_txn(struct hm_kv_txn *txn, void *arg)
{
	struct one *o = arg;
	struct hm_str value;
	int r = o->s->kv->ops->get(txn, o->s->table, o->domain, 0, &value);

	hm_buf_clear(&o->value);
	if (r == 0)
		hm_buf_str(&o->value, value);
	return r;
}

static int
put_txn(struct hm_kv_txn *txn, void *arg)
{
	struct one *o = arg;

	return o->s->kv->ops->put(txn, o->s->table, o->domain,
	    hm_buf_view(&o->value));
}

static int
drop_txn(struct hm_kv_txn *txn, void *arg)
{
	struct one *o = arg;

	return o->s->kv->ops->del(txn, o->s->table, o->domain);
}

static int
touch_txn(struct hm_kv_txn *txn, void *arg)
{
	struct one *o = arg;
	struct sts_entry e;
	struct hm_str value;
	int r = o->s->kv->ops->get(txn, o->s->table, o->domain,
	    HM_KV_FOR_UPDATE, &value);

	if (r == 0)
		r = sts_entry_unpack(value, &e);
	if (r < 0)
		return r;
	e.used_ms = o->used_ms;
	hm_buf_clear(&o->value);
	sts_entry_pack(&o->value, &e);
	return put_txn(txn, o);
}

int
sts_cache_get(const struct sts *s, struct hm_arena *arena, struct hm_str domain,
    struct sts_entry *ret, struct hm_err *reterr)
{
	struct one o = { .s = s, .domain = domain };
	int r = hm_kv_work(s->kv, HM_KV_READ, get_txn, &o, reterr);

	if (r == 0)
		r = sts_entry_unpack(hm_str_dup(arena, hm_buf_view(&o.value)),
		    ret);
	hm_buf_release(&o.value);
	if (r == 0)
		ret->domain = domain;
	/* What cannot be read is fetched anew. */
	return r == -HM_ECORRUPT ? -HM_ENOENT : r;
}

int
sts_cache_put(const struct sts *s, const struct sts_entry *e,
    struct hm_err *reterr)
{
	struct one o = { .s = s, .domain = e->domain };
	int r;

	sts_entry_pack(&o.value, e);
	r = hm_kv_work(s->kv, HM_KV_DURABLE, put_txn, &o, reterr);
	hm_buf_release(&o.value);
	return r;
}

int
sts_cache_drop(const struct sts *s, struct hm_str domain, struct hm_err *reterr)
{
	struct one o = { .s = s, .domain = domain };

	return hm_kv_work(s->kv, HM_KV_DURABLE, drop_txn, &o, reterr);
}

void
sts_cache_touch(const struct sts *s, const struct sts_entry *e)
{
	struct one o = { .s = s, .domain = e->domain, .used_ms = hm_wall_ms() };

	if (o.used_ms < e->used_ms + TOUCH_MS)
		return;
	(void)hm_kv_work(s->kv, HM_KV_LAZY, touch_txn, &o, NULL);
	hm_buf_release(&o.value);
}

/* ---- all ---- */

struct listing {
	const struct sts *s;
	struct hm_arena *arena;
	struct hm_buf from;
	size_t n;
	struct sts_entry *at;
};

static int
take(struct hm_str key, struct hm_str value, void *arg)
{
	struct listing *l = arg;
	struct sts_entry e;

	if (sts_entry_unpack(value, &e) < 0)
		return 0;
	e.domain = hm_str_dup(l->arena, key);
	e.id = hm_str_dup(l->arena, e.id);
	e.text = hm_str_dup(l->arena, hm_str_take(e.text, 1));
	l->at[l->n++] = e;
	return l->n == STS_LIST_MAX;
}

static int
list_txn(struct hm_kv_txn *txn, void *arg)
{
	struct listing *l = arg;

	l->n = 0;
	return l->s->kv->ops->scan(txn, l->s->table, hm_buf_view(&l->from),
	    HM_STR(""), 0, take, l);
}

int
sts_cache_list(const struct sts *s, struct hm_arena *arena,
    struct hm_str after, struct sts_entry **ret, size_t *ret_n,
    struct hm_err *reterr)
{
	struct listing l = { .s = s, .arena = arena,
	    .at = hm_alloc_array(arena, STS_LIST_MAX, sizeof(*l.at)) };
	int r;

	hm_buf_str(&l.from, after);
	hm_buf_putc(&l.from, '\0');
	r = hm_kv_work(s->kv, HM_KV_BROWSE, list_txn, &l, reterr);
	hm_buf_release(&l.from);

	*ret = l.at;
	*ret_n = l.n;
	return r < 0 ? r : 0;
}
