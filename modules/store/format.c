/* format.c - the tables and the version of what is in them. */
#include "store.h"

int
store_tables_open(struct store *st, struct hm_err *reterr)
{
	const struct { const char *name; struct hm_kv_table **ret; } tables[] = {
		{ "store-names", &st->t.names }, { "store-box", &st->t.box },
		{ "store-subs", &st->t.subs }, { "store-hot", &st->t.hot },
		{ "store-msg", &st->t.msg }, { "store-cold", &st->t.cold },
		{ "store-log", &st->t.log }, { "store-gone", &st->t.gone },
		{ "store-erase", &st->t.erase }, { "store-index", &st->t.index },
		{ "store-damaged", &st->t.damaged },
		{ "store-names-again", &st->t.names2 },
		{ HM_BLOB_HOLDS, &st->t.holds },
	};
	size_t i;
	int r;

	for (i = 0; i < HM_ARRAY_LEN(tables); i++) {
		r = hm_kv_table(st->kv, tables[i].name, tables[i].ret, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

struct format {
	struct store *st;
	uint64_t found;              /* 0: none, a new store */
};

static int
format_fn(struct hm_kv_txn *kv, void *arg)
{
	struct format *f = arg;

	return store_format(f->st, kv, &f->found);
}

int
store_format_check(struct store *st, struct hm_err *reterr)
{
	struct format f = { .st = st };
	int r = hm_kv_run(st->kv, HM_KV_DURABLE, format_fn, &f, reterr);

	if (r < 0)
		return r;
	if (f.found > STORE_FORMAT)
		return hm_err_set(reterr, -HM_EUNSUPPORTED, "the mail store was"
		    " written by a newer Hermod (format %llu, this one knows %d):"
		    " run that version", (unsigned long long)f.found,
		    STORE_FORMAT);
	if (f.found != 0 && f.found < STORE_FORMAT_READ)
		return hm_err_set(reterr, -HM_EUNSUPPORTED, "the mail store has"
		    " format %llu, this Hermod needs %d: restore a backup or run"
		    " the version that wrote it", (unsigned long long)f.found,
		    STORE_FORMAT);
	return 0;
}
