/* verify.c - the checker: one account, or all of them with the services below. */
#include "check.h"

#include <hermod/work.h>

#include <stdio.h>

struct verify {
	struct store *st;
	struct hm_str account;       /* {NULL,0}: all */
	enum store_fix fix;
	void (*report)(const char *text, void *arg);
	void *arg;
	int reports;
	struct hm_err *err;
};

static void
tell(struct verify *v, const char *text)
{
	v->reports++;
	v->report(text, v->arg);
}

/* ---- one account ------------------------------------------------------------------ */

static int
find_fn(struct hm_kv_txn *kv, void *arg)
{
	struct check *ck = arg;

	return store_find_id(ck->st, kv, hm_str(ck->name), &ck->id);
}

static void
check_init(struct check *ck, struct verify *v, const char *name)
{
	*ck = (struct check){ .st = v->st, .name = name, .report = v->report,
		.arg = v->arg };
}

/* An account that does not load. */
static int
verify_unloadable(struct verify *v, const char *name)
{
	struct check ck;
	int r;

	check_init(&ck, v, name);
	r = hm_kv_run(v->st->kv, HM_KV_READ, find_fn, &ck, v->err);
	if (r >= 0)
		r = check_account(&ck, v->err);
	if (r >= 0 && ck.reports == 0)
		check_report(&ck, ck.state.modseq == 0 ?
		    "its state is missing" : "its INBOX is missing");
	if (r >= 0 && v->fix)
		r = check_fix_records(&ck, v->err);
	v->reports += ck.reports;
	check_release(&ck);
	return r < 0 ? r : 0;
}

static int
check_loaded(struct verify *v, struct hm_account *acc)
{
	struct check ck;
	int r;

	check_init(&ck, v, acc->a->name);
	ck.a = acc->a;
	ck.id = acc->a->id;
	if ((r = check_bodies(&ck, v->err)) < 0) {
		check_release(&ck);
		return r;
	}
	pthread_mutex_lock(&acc->a->lock);
	r = check_account(&ck, v->err);
	if (r >= 0 && v->fix && ck.reports > 0 &&
	    (v->fix == STORE_FORCE || !check_most_lost(&ck)))
		r = check_fix(&ck, v->err);
	pthread_mutex_unlock(&acc->a->lock);
	if (r >= 0)
		r = store_settle(v->st, acc->a, v->err);
	if (r >= 0 && ck.erase_modseq)
		store_erase_now(v->st, acc->a, ck.erase_modseq, false);
	v->reports += ck.reports;
	check_release(&ck);
	return r;
}

static int
verify_account(struct verify *v, struct hm_str name)
{
	struct hm_account *acc;
	struct hm_err err = { 0 };
	char text[300];
	int r;

	r = store_open_worker(v->st, name, false, &acc, &err);
	if (r == -HM_ECORRUPT) {
		snprintf(text, sizeof(text), "account %.*s cannot be opened",
		    HM_FMT(name));
		tell(v, text);
		snprintf(text, sizeof(text), "%.*s", HM_FMT(name));
		r = verify_unloadable(v, text);
		if (r < 0 || !v->fix)
			return r;
		r = store_open_worker(v->st, name, false, &acc, &err);
	}
	if (r < 0) {
		if (v->err)
			*v->err = err;
		return r;
	}
	r = check_loaded(v, acc);
	store_close(acc);
	return r;
}

/* ---- bodies --------------------------------------------------------------------------- */

struct bodies {
	struct verify *v;
	CHECK_LIST(uint64_t) blob;   /* one for each reference, sorted */
	CHECK_LIST(uint64_t) first;  /* reported in the first pass */
	unsigned pass;
};

static int
take_blob(struct hm_str key, struct hm_str value, void *arg)
{
	struct bodies *b = arg;
	struct cold_record c;

	(void)key;
	if (store_get_cold(value, &c) == 0)
		*CHECK_ADD(&b->blob) = c.blob;
	return 0;
}

/* What others than the store link counts as well. */
static int
take_hold(struct hm_str key, struct hm_str value, void *arg)
{
	struct bodies *b = arg;
	uint64_t id;

	(void)value;
	if (hm_take_be64(&key, &id) == 0)
		*CHECK_ADD(&b->blob) = id;
	return 0;
}

static int
read_blobs(struct hm_kv_txn *kv, void *arg)
{
	struct bodies *b = arg;
	struct store *st = b->v->st;
	int r;

	b->blob.n = 0;
	r = st->kv->ops->scan(kv, st->t.cold, HM_STR(""), HM_STR(""), 0,
	    take_blob, b);
	return r < 0 ? r : st->kv->ops->scan(kv, st->t.holds, HM_STR(""),
	    HM_STR(""), 0, take_hold, b);
}

static int
by_number(const void *va, const void *vb)
{
	const uint64_t *a = va, *b = vb;

	return *a < *b ? -1 : *a > *b;
}

static int64_t
links(uint64_t id, void *arg)
{
	struct bodies *b = arg;
	size_t low = 0, high = b->blob.n, n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (b->blob.at[mid] < id)
			low = mid + 1;
		else
			high = mid;
	}
	for (n = low; n < b->blob.n && b->blob.at[n] == id; n++)
		;
	return (int64_t)(n - low);
}

/* Mail that comes in meanwhile looks like a wrong count of links, once; what is
 * reported twice is wrong. */
static void
blob_report(uint64_t id, const char *text, void *arg)
{
	struct bodies *b = arg;
	char line[400];
	size_t i;

	if (b->pass == 1) {
		*CHECK_ADD(&b->first) = id;
		return;
	}
	for (i = 0; i < b->first.n && b->first.at[i] != id; i++)
		;
	if (i == b->first.n)
		return;
	snprintf(line, sizeof(line), "body %llu: %s", (unsigned long long)id,
	    text);
	tell(b->v, id ? line : text);
}

static int
blob_pass(struct bodies *b, bool fix)
{
	const struct hm_blob *blob = b->v->st->blob;
	int r = hm_kv_run(b->v->st->kv, HM_KV_READ, read_blobs, b, b->v->err);

	if (r < 0)
		return r;
	if (b->blob.n > 1)
		qsort(b->blob.at, b->blob.n, sizeof(*b->blob.at), by_number);
	b->pass++;
	return blob->ops->verify(blob->self, fix, links, blob_report, b,
	    b->v->err);
}

/* As with accounts: see check_most_lost(). */
static bool
most_wrong(struct bodies *b)
{
	char text[256];
	size_t i, wrong = 0;

	for (i = 0; i < b->first.n; i++)
		wrong += b->first.at[i] != 0;
	if (wrong < 2 || wrong <= b->blob.n / 2)
		return false;
	snprintf(text, sizeof(text), "%zu bodies are lost, cannot be opened or belong "
	    "to nobody, and %zu are in use, so none is repaired: is the right disk "
	    "there, and the right module? --force takes the loss as it is", wrong,
	    b->blob.n);
	tell(b->v, text);
	return true;
}

static int
verify_bodies(struct verify *v)
{
	struct bodies b = { .v = v };
	int r = blob_pass(&b, false);
	bool fix = v->fix && r >= 0 && b.first.n > 0 &&
	    (v->fix == STORE_FORCE || !most_wrong(&b));

	/* Counting again while others count would spoil the counts. */
	if (fix && !store_freeze(v->st->shared, true)) {
		tell(v, "bodies are repaired only while no account is in use");
		fix = false;
	}
	if (r >= 0 && b.first.n > 0)
		r = blob_pass(&b, fix);
	if (fix)
		store_freeze(v->st->shared, false);
	free(b.blob.at);
	free(b.first.at);
	return r < 0 ? r : 0;
}

/* ---- all -------------------------------------------------------------------------------- */

static void
kv_report(const char *text, void *arg)
{
	tell(arg, text);
}

struct naming {
	struct store *st;
	const struct store_named *at;
};

static int
name_again(struct hm_kv_txn *kv, void *arg)
{
	struct naming *naming = arg;

	return store_name_put(naming->st, kv, naming->at->name, naming->at->id);
}

/* What one table of names has lost stands in the other. */
static int
verify_names(struct verify *v)
{
	struct hm_arena *arena = hm_arena_new(NULL, "store names");
	struct naming naming = { .st = v->st };
	struct store_named *at = NULL;
	char text[200];
	size_t n = 0, i;
	int r = store_names(v->st, arena, &at, &n, v->err);

	for (i = 0; i < n && r >= 0; i++) {
		if (at[i].tables == 3)
			continue;
		snprintf(text, sizeof(text), "account %.*s stands in one of two "
		    "tables of names", HM_FMT(at[i].name));
		tell(v, text);
		naming.at = &at[i];
		if (v->fix)
			r = hm_kv_run(v->st->kv, HM_KV_DURABLE, name_again,
			    &naming, v->err);
	}
	hm_arena_free(arena);
	return r < 0 ? r : 0;
}

static int
verify_all(struct verify *v)
{
	struct hm_arena *arena = hm_arena_new(NULL, "store verify");
	const struct hm_kv *kv = v->st->kv;
	struct hm_str *names = NULL;
	struct hm_err err = { 0 };
	char text[700];
	size_t n = 0, i;
	int r;

	r = kv->ops->verify(kv->self, kv_report, v, v->err);
	if (r > 0 && v->fix && HM_HAS(kv, repair))
		r = kv->ops->repair(kv->self, kv_report, v, v->err);
	if (r >= 0)
		r = verify_bodies(v);
	if (r == -HM_ECORRUPT) {
		tell(v, "bodies were not checked: who uses them cannot be read");
		r = 0;
	}
	if (r >= 0)
		r = verify_names(v);
	if (r == -HM_ECORRUPT)
		r = 0;               /* told of by the tables */
	if (r >= 0)
		r = store_account_names(v->st, arena, &names, &n, v->err);
	for (i = 0; i < n && r >= 0; i++) {
		struct verify one = *v;

		/* What is wrong with one account must not hide the others. */
		one.err = &err;
		err.code = 0;
		r = verify_account(&one, names[i]);
		/* It may be removed just now. */
		if (r < 0 && r != -HM_ENOENT && r != -HM_EBUSY) {
			snprintf(text, sizeof(text), "account %.*s: %s",
			    HM_FMT(names[i]), err.text);
			tell(&one, text);
		}
		v->reports = one.reports;
		r = 0;
	}
	hm_arena_free(arena);
	return r < 0 ? r : 0;
}

static int
verify_job(void *arg)
{
	struct verify *v = arg;

	return v->account.p ? verify_account(v, v->account) : verify_all(v);
}

int
store_verify(struct store *st, struct hm_str account, enum store_fix fix,
    void (*report)(const char *text, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct verify v = { .st = st, .account = account, .fix = fix,
		.report = report, .arg = arg, .err = reterr };
	int r = hm_work(verify_job, &v);

	return r < 0 ? r : v.reports;
}
