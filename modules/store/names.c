/* names.c - which account has which id.
 *
 * Everything else of an account is found by its id, so this is kept in two
 * tables: what one of them has lost is read from the other, and no id is given
 * out that is used by any data. In each
 *   "a" name      id:4
 *   "format"      the version of all tables
 * and in the first one
 *   "next"        counter of ids
 *   "uidvalidity" the lowest for new accounts
 *   "d" id:4      name; the removal of its data is not finished
 */
#include "store.h"

static void
name_key(struct hm_buf *key, struct hm_str name)
{
	hm_buf_putc(key, 'a');
	hm_buf_str(key, name);
}

/* From the first table that has it. */
static int
get_either(struct store *st, struct hm_kv_txn *kv, struct hm_str key,
    struct hm_str *ret)
{
	int r = st->kv->ops->get(kv, st->t.names, key, 0, ret), second;

	if (r != -HM_ENOENT && r != -HM_ECORRUPT)
		return r;
	second = st->kv->ops->get(kv, st->t.names2, key, 0, ret);
	return second == -HM_ENOENT ? r : second;
}

static int
put_both(struct store *st, struct hm_kv_txn *kv, struct hm_str key,
    struct hm_str value)
{
	int r = st->kv->ops->put(kv, st->t.names, key, value);

	return r < 0 ? r : st->kv->ops->put(kv, st->t.names2, key, value);
}

int
store_find_id(struct store *st, struct hm_kv_txn *kv, struct hm_str name,
    uint32_t *ret)
{
	struct hm_buf key = { 0 };
	struct hm_str value;
	int r;

	name_key(&key, name);
	r = get_either(st, kv, hm_buf_view(&key), &value);
	hm_buf_release(&key);
	return r < 0 ? r : hm_take_be32(&value, ret);
}

int
store_name_put(struct store *st, struct hm_kv_txn *kv, struct hm_str name,
    uint32_t id)
{
	struct hm_buf key = { 0 }, value = { 0 };
	int r;

	name_key(&key, name);
	hm_buf_be32(&value, id);
	r = put_both(st, kv, hm_buf_view(&key), hm_buf_view(&value));
	hm_buf_release(&key);
	hm_buf_release(&value);
	return r;
}

int
store_name_drop(struct store *st, struct hm_kv_txn *kv, struct hm_str name)
{
	struct hm_buf key = { 0 };
	int r, second;

	name_key(&key, name);
	r = st->kv->ops->del(kv, st->t.names, hm_buf_view(&key));
	second = r < 0 && r != -HM_ENOENT ? r :
	    st->kv->ops->del(kv, st->t.names2, hm_buf_view(&key));
	hm_buf_release(&key);
	return second == -HM_ENOENT ? r : second;
}

/* ---- ids ---- */

static int
see_last(struct hm_str key, struct hm_str value, void *arg)
{
	(void)value;
	return store_key_take_u32(&key, arg) < 0 ? -HM_ECORRUPT : 1;
}

int
store_new_id(struct store *st, struct hm_kv_txn *kv, uint64_t *ret)
{
	const struct hm_kv_ops *ops = st->kv->ops;
	struct hm_buf buf = { 0 };
	struct hm_str value;
	uint32_t last = 0;
	uint64_t id = 1;
	int r;

	r = ops->get(kv, st->t.names, HM_STR("next"), HM_KV_FOR_UPDATE, &value);
	if (r == 0)
		r = hm_take_be64(&value, &id);
	if (r < 0 && r != -HM_ENOENT)
		return r;
	/* the counter may be lost, the data of an account not */
	r = ops->scan(kv, st->t.box, HM_STR(""), HM_STR(""), HM_KV_REVERSE,
	    see_last, &last);
	if (r < 0)
		return r;
	*ret = id > last ? id : (uint64_t)last + 1;
	hm_buf_be64(&buf, *ret + 1);
	r = ops->put(kv, st->t.names, HM_STR("next"), hm_buf_view(&buf));
	hm_buf_release(&buf);
	return r;
}

/* ---- the format ---- */

int
store_format(struct store *st, struct hm_kv_txn *kv, uint64_t *ret)
{
	struct hm_buf value = { 0 };
	struct hm_str in;
	int r;

	*ret = 0;
	r = get_either(st, kv, HM_STR("format"), &in);
	if (r == 0)
		r = hm_take_varint(&in, ret);
	if (r < 0 && r != -HM_ENOENT)
		return r;
	/* What is older and can be read is written anew as it changes. */
	if (*ret >= STORE_FORMAT || (*ret != 0 && *ret < STORE_FORMAT_READ))
		return 0;
	hm_buf_varint(&value, STORE_FORMAT);
	r = put_both(st, kv, HM_STR("format"), hm_buf_view(&value));
	hm_buf_release(&value);
	return r;
}

/* ---- all of them ---- */

struct names {
	struct store *st;
	struct hm_arena *arena;
	struct store_named *at;
	size_t n, cap;
	unsigned table;              /* 1, 2 */
};

static int
add_name(struct hm_str key, struct hm_str value, void *arg)
{
	struct names *names = arg;
	struct store_named *name;

	if (names->n == names->cap) {
		names->cap = names->cap ? names->cap * 2 : 64;
		names->at = hm_xrealloc(names->at,
		    names->cap * sizeof(*names->at));
	}
	name = &names->at[names->n++];
	name->name = hm_str_dup(names->arena, hm_str_skip(key, 1));
	name->tables = names->table;
	return hm_take_be32(&value, &name->id);
}

static int
scan_names(struct hm_kv_txn *kv, void *arg)
{
	struct names *names = arg;
	const struct hm_kv_ops *ops = names->st->kv->ops;
	int r, second;

	names->n = 0;
	names->table = 1;
	r = ops->scan(kv, names->st->t.names, hm_str("a"), hm_str("b"), 0,
	    add_name, names);
	names->table = 2;
	if (r < 0 && r != -HM_ECORRUPT)
		return r;
	second = ops->scan(kv, names->st->t.names2, hm_str("a"), hm_str("b"), 0,
	    add_name, names);
	/* one of them has all that can be known */
	return second == -HM_ECORRUPT ? r : second;
}

static int
by_name(const void *va, const void *vb)
{
	const struct store_named *a = va, *b = vb;
	int r = hm_str_cmp(a->name, b->name);

	return r ? r : (a->tables > b->tables) - (a->tables < b->tables);
}

int
store_names(struct store *st, struct hm_arena *arena, struct store_named **ret,
    size_t *ret_n, struct hm_err *reterr)
{
	struct names names = { .st = st, .arena = arena };
	int r = hm_kv_run(st->kv, HM_KV_READ, scan_names, &names, reterr);
	struct store_named *at;
	size_t i, n = 0;

	if (r >= 0) {
		at = hm_alloc_array(arena, names.n, sizeof(*at));
		if (names.n > 1)
			qsort(names.at, names.n, sizeof(*at), by_name);
		for (i = 0; i < names.n; i++)
			if (n > 0 && hm_str_eq(at[n - 1].name, names.at[i].name))
				at[n - 1].tables |= names.at[i].tables;
			else
				at[n++] = names.at[i];
		*ret = at;
		*ret_n = n;
	}
	free(names.at);
	return r < 0 ? r : 0;
}

int
store_account_names(struct store *st, struct hm_arena *arena,
    struct hm_str **ret, size_t *ret_n, struct hm_err *reterr)
{
	struct store_named *at;
	size_t n, i;
	int r = store_names(st, arena, &at, &n, reterr);

	if (r < 0)
		return r;
	*ret = hm_alloc_array(arena, n, sizeof(**ret));
	for (i = 0; i < n; i++)
		(*ret)[i] = at[i].name;
	*ret_n = n;
	return 0;
}
