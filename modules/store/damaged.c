/* damaged.c - what the checker has set aside, for a person to read. */
#include "store.h"

#include <hermod/work.h>

struct listing {
	struct store *st;
	struct hm_arena *arena;
	struct hm_str account;
	uint32_t id;
	struct store_aside *at;
	size_t n, cap;
	struct hm_err *err;
};

static struct store_aside *
add(struct listing *l, uint64_t msgid)
{
	struct store_aside *a;

	/* A message's two records follow in the order of their kinds. */
	for (a = l->at; msgid && a < l->at + l->n; a++)
		if (a->msgid == msgid && hm_str_eq(a->account, l->account))
			return a;
	if (l->n == l->cap) {
		struct store_aside *more;

		l->cap = l->cap ? l->cap * 2 : 16;
		more = hm_alloc_array(l->arena, l->cap, sizeof(*more));
		if (l->n > 0)
			memcpy(more, l->at, l->n * sizeof(*more));
		l->at = more;
	}
	a = &l->at[l->n++];
	*a = (struct store_aside){ .account = l->account, .msgid = msgid };
	return a;
}

static int
take(struct hm_str key, struct hm_str value, void *arg)
{
	struct listing *l = arg;
	struct hm_str rest = hm_str_skip(key, 4);
	struct cold_record c;
	uint64_t msgid = 0;
	uint8_t kind = 0;

	hm_take_u8(&rest, &kind);
	if (kind == 'r') {
		add(l, 0)->what = hm_str(hm_printf(l->arena,
		    "a record of %zu bytes", value.len));
		return 0;
	}
	store_key_take_u64(&rest, &msgid);
	if (kind == 'm')
		add(l, msgid)->what = hm_str_dup(l->arena, value);
	else if (store_get_cold(value, &c) == 0)
		add(l, msgid)->envelope = hm_str_dup(l->arena, c.envelope);
	return 0;
}

static int
list_fn(struct hm_kv_txn *kv, void *arg)
{
	struct listing *l = arg;
	struct store_key from, to;
	int r;

	r = store_find_id(l->st, kv, l->account, &l->id);
	if (r < 0)
		return r == -HM_ENOENT ? 0 : r;
	store_key(&from, l->id);
	store_key_after(&from, &to);
	return l->st->kv->ops->scan(kv, l->st->t.damaged, store_key_str(&from),
	    store_key_str(&to), 0, take, l);
}

static int
list_job(void *arg)
{
	struct listing *l = arg;
	struct hm_str *names = &l->account;
	size_t n = 1, i;
	int r = 0;

	if (!l->account.p)
		r = store_account_names(l->st, l->arena, &names, &n, l->err);
	for (i = 0; i < n && r >= 0; i++) {
		l->account = names[i];
		r = hm_kv_run(l->st->kv, HM_KV_READ, list_fn, l, l->err);
	}
	return r < 0 ? r : 0;
}

int
store_set_aside(struct store *st, struct hm_str account,
    struct hm_arena *arena, struct store_aside **ret, size_t *ret_n,
    struct hm_err *reterr)
{
	struct listing l = { .st = st, .arena = arena, .account = account,
		.err = reterr };
	int r = hm_work(list_job, &l);

	if (r < 0)
		return r;
	*ret = l.at;
	*ret_n = l.n;
	return 0;
}
