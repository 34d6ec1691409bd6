/* conformance-kv.c - what every provider of the service "kv" must do. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/str.h>

#include "t/conformance-kv.h"
#include "t/scratch.h"
#include "t/tap.h"

static const struct conformance_kv *provider;
static struct hm_kv kv;
static struct hm_kv_table *table;
static const char *dir;

static bool
reopen(void)
{
	struct hm_err err = { 0 };

	if (kv.ops)
		provider->close(&kv);
	kv.ops = NULL;
	if (provider->open(dir, &kv, &err) < 0 ||
	    hm_kv_table(&kv, "one", &table, &err) < 0) {
		diag("%s", err.text);
		printf("Bail out! cannot open the provider\n");
		exit(1);
	}
	return true;
}

/* ---- one call in one transaction ---- */

struct op {
	enum { PUT, GET, DEL, COUNT } kind;
	struct hm_str key, value;
	struct hm_str got;       /* GET: a copy, freed by the caller */
	size_t count;
};

static int
count_one(struct hm_str key, struct hm_str value, void *arg)
{
	(void)key;
	(void)value;
	++*(size_t *)arg;
	return 0;
}

static int
do_op(struct hm_kv_txn *txn, void *arg)
{
	struct op *op = arg;
	struct hm_str got;
	char *copy;
	int r;

	switch (op->kind) {
	case PUT:
		return kv.ops->put(txn, table, op->key, op->value);
	case DEL:
		return kv.ops->del(txn, table, op->key);
	case COUNT:
		op->count = 0;
		return kv.ops->scan(txn, table, op->key, op->value, 0,
		    count_one, &op->count);
	case GET:
		break;
	}
	r = kv.ops->get(txn, table, op->key, 0, &got);
	if (r)
		return r;
	copy = hm_xalloc(got.len + 1);
	if (got.len)
		memcpy(copy, got.p, got.len);
	free((void *)(uintptr_t)op->got.p);
	op->got = (struct hm_str){ copy, got.len };
	return 0;
}

static int
put(struct hm_str key, struct hm_str value, unsigned flags)
{
	struct op op = { .kind = PUT, .key = key, .value = value };

	return hm_kv_run(&kv, flags, do_op, &op, NULL);
}

static int
del(struct hm_str key)
{
	struct op op = { .kind = DEL, .key = key };

	return hm_kv_run(&kv, HM_KV_DURABLE, do_op, &op, NULL);
}

static size_t
count(struct hm_str from, struct hm_str to)
{
	struct op op = { .kind = COUNT, .key = from, .value = to };

	return hm_kv_run(&kv, HM_KV_READ, do_op, &op, NULL) < 0 ?
	    SIZE_MAX : op.count;
}

static bool
holds(struct hm_str key, struct hm_str value)
{
	struct op op = { .kind = GET, .key = key };
	bool same = hm_kv_run(&kv, HM_KV_READ, do_op, &op, NULL) == 0 &&
	    hm_str_eq(op.got, value);

	free((void *)(uintptr_t)op.got.p);
	return same;
}

static int
missing(struct hm_str key)
{
	struct op op = { .kind = GET, .key = key };
	int r = hm_kv_run(&kv, HM_KV_READ, do_op, &op, NULL);

	free((void *)(uintptr_t)op.got.p);
	return r;
}

static struct hm_str
numbered(char buf[32], const char *prefix, unsigned n)
{
	int len = snprintf(buf, 32, "%s%08u", prefix, n);

	return (struct hm_str){ buf, (size_t)len };
}

static void
test_records(void)
{
	static const char binary[] = { 0, (char)0xff, 0, 'x' };
	struct hm_str key = { binary, sizeof(binary) }, big;
	char *bytes = hm_xalloc(1 << 20);

	memset(bytes, 'b', 1 << 20);
	big = (struct hm_str){ bytes, 1 << 20 };
	is_int(missing(HM_STR("a")), -HM_ENOENT, "nothing there at first");
	is_int(put(HM_STR("a"), HM_STR("1"), 0), 0, "put");
	ok(holds(HM_STR("a"), HM_STR("1")), "get");
	is_int(put(HM_STR("a"), HM_STR("22"), 0), 0, "overwrite");
	ok(holds(HM_STR("a"), HM_STR("22")), "the new value is there");
	is_int(put(HM_STR("e"), HM_STR(""), 0), 0, "an empty value");
	ok(holds(HM_STR("e"), HM_STR("")), "comes back empty");
	is_int(put(key, key, 0), 0, "binary key and value");
	ok(holds(key, key), "come back");
	is_int(put(HM_STR("big"), big, 0), 0, "a value of 1 MiB");
	ok(holds(HM_STR("big"), big), "comes back");
	is_int(del(HM_STR("a")), 0, "del");
	is_int(del(HM_STR("a")), -HM_ENOENT, "del of what is gone");
	is_int(missing(HM_STR("a")), -HM_ENOENT, "it is gone");
	is_int((intmax_t)count(HM_STR(""), HM_STR("")), 3, "three are left");
	ok(reopen() && holds(HM_STR("big"), big) && holds(key, key),
	    "all of it survives a restart");
	is_int(del(HM_STR("big")) | del(HM_STR("e")) | del(key), 0,
	    "and can be removed");
	free(bytes);
}

static void
test_names(void)
{
	static const char *const bad[] = { "", "A", "a_b", "../x", "-a", "a.b",
		"a/b", ("0123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789") };
	struct hm_kv_table *a = NULL, *b = NULL;
	struct hm_err err = { 0 };
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(bad); i++)
		is_int(hm_kv_table(&kv, bad[i], &a, &err), -HM_EINVAL,
		    "table name \"%.20s\" is refused", bad[i]);
	is_int(hm_kv_table(&kv, "two-2", &a, &err), 0, "a second table");
	is_int(hm_kv_table(&kv, "two-2", &b, &err), 0, "again");
	ok(a && a == b, "is the same table");
}

/* ---- what a transaction is ---- */

static int
put_and_fail(struct hm_kv_txn *txn, void *arg)
{
	int r = kv.ops->put(txn, table, HM_STR("x"), HM_STR("1"));

	return r ? r : *(int *)arg;
}

static int
write_in_read(struct hm_kv_txn *txn, void *arg)
{
	(void)arg;
	return kv.ops->put(txn, table, HM_STR("x"), HM_STR("1"));
}

static int
run_in_run(struct hm_kv_txn *txn, void *arg)
{
	(void)txn;
	return hm_kv_run(&kv, HM_KV_READ, do_op, arg, NULL);
}

static int
own_writes(struct hm_kv_txn *txn, void *arg)
{
	struct hm_str got;
	size_t n = 0;
	int r;

	(void)arg;
	if ((r = kv.ops->put(txn, table, HM_STR("w1"), HM_STR("1"))) ||
	    (r = kv.ops->put(txn, table, HM_STR("w2"), HM_STR("2"))) ||
	    (r = kv.ops->del(txn, table, HM_STR("w1"))) ||
	    (r = kv.ops->get(txn, table, HM_STR("w2"), HM_KV_FOR_UPDATE, &got)) ||
	    (r = kv.ops->scan(txn, table, HM_STR("w"), HM_STR("x"), 0,
	    count_one, &n)))
		return r;
	return n == 1 && hm_str_is(got, "2") ? -HM_EEXIST : -HM_EINTERNAL;
}

static void
test_atomic(void)
{
	struct hm_err err = { 0 };
	struct op op = { .kind = COUNT };
	int code = -HM_EQUOTA;

	is_int(hm_kv_run(&kv, 0, put_and_fail, &code, &err), -HM_EQUOTA,
	    "the closure's error is returned");
	is_int(err.code, -HM_EQUOTA, "and stands in the error object");
	is_int(missing(HM_STR("x")), -HM_ENOENT, "nothing was stored");
	err = (struct hm_err){ 0 };
	is_int(hm_kv_run(&kv, HM_KV_READ, write_in_read, NULL, &err),
	    -HM_EINVAL, "no writing in a read transaction");
	ok(err.text[0], "with a text: %s", err.text);
	is_int(hm_kv_run(&kv, HM_KV_BROWSE, write_in_read, NULL, NULL),
	    -HM_EINVAL, "nor while browsing");
	is_int(hm_kv_run(&kv, 0, run_in_run, &op, NULL), -HM_EINVAL,
	    "no transaction inside a transaction");
	is_int(hm_kv_run(&kv, 0, own_writes, NULL, NULL), -HM_EEXIST,
	    "a transaction sees its own changes");
	is_int((intmax_t)count(HM_STR("w"), HM_STR("x")), 0,
	    "nobody else ever does when it gives up");
}

/* ---- ranges ---- */

struct range {
	unsigned first, n, step;     /* expected numbers */
	unsigned stop_after;
	bool reverse, wrong;
	unsigned seen;
	int answer;
};

static int
see(struct hm_str key, struct hm_str value, void *arg)
{
	struct range *range = arg;
	char buf[32];
	unsigned want = range->reverse ? range->first - range->seen :
	    range->first + range->seen;

	if (!hm_str_eq(key, numbered(buf, "r", want)) ||
	    value.len != (want % 97 == 0 ? 9000 : want % 50) ||
	    (value.len && value.p[value.len - 1] != (char)want))
		range->wrong = true;
	range->seen++;
	return range->seen == range->stop_after ? range->answer : 0;
}

struct scan_args {
	struct hm_str from, to;
	unsigned flags;
	struct range *range;
};

static int
do_scan(struct hm_kv_txn *txn, void *arg)
{
	struct scan_args *args = arg;

	args->range->seen = 0;
	args->range->wrong = false;
	return kv.ops->scan(txn, table, args->from, args->to, args->flags, see,
	    args->range);
}

/* Records r00000000 … with values of every size, some larger than a page. */
static int
fill(struct hm_kv_txn *txn, void *arg)
{
	unsigned i, n = *(unsigned *)arg;
	char buf[32], *value = hm_xalloc(9000);
	int r = 0;

	for (i = 0; i < n && r == 0; i++) {
		memset(value, (char)i, 9000);
		r = kv.ops->put(txn, table, numbered(buf, "r", i),
		    (struct hm_str){ value, i % 97 == 0 ? 9000 : i % 50 });
	}
	free(value);
	return r;
}

static void
check_range(unsigned from, unsigned to, bool reverse, unsigned n)
{
	char a[32], b[32];
	struct range range = { .first = reverse ? (to < n ? to : n) - 1 : from,
	    .reverse = reverse };
	struct scan_args args = { .from = numbered(a, "r", from),
	    .to = numbered(b, "r", to),
	    .flags = reverse ? HM_KV_REVERSE : 0, .range = &range };
	unsigned want = (to < n ? to : n) - from;

	ok(hm_kv_run(&kv, HM_KV_READ, do_scan, &args, NULL) == 0 &&
	    range.seen == want && !range.wrong,
	    "%s %u to %u: %u records, each right", reverse ? "back" : "scan",
	    from, to, want);
}

static void
test_ranges(void)
{
	unsigned n = 5000, i;
	static const unsigned spans[] = { 0, 1, 15, 16, 17, 33, 2000, 9999 };
	struct range range = { .stop_after = 40, .answer = 1 };
	struct scan_args args = { .from = HM_STR("r"), .range = &range };

	is_int(hm_kv_run(&kv, HM_KV_LAZY, fill, &n, NULL), 0, "5,000 records");
	for (i = 0; i < HM_ARRAY_LEN(spans); i++) {
		check_range(7, 7 + spans[i], false, n);
		check_range(7, 7 + spans[i], true, n);
	}
	is_int(hm_kv_run(&kv, HM_KV_READ, do_scan, &args, NULL), 0,
	    "fn stops a scan");
	is_int(range.seen, 40, "where it wanted");
	range.answer = -HM_ELIMIT;
	is_int(hm_kv_run(&kv, HM_KV_READ, do_scan, &args, NULL), -HM_ELIMIT,
	    "or ends it with an error");
	range = (struct range){ .first = n - 1, .reverse = true };
	args.flags = HM_KV_REVERSE;
	ok(hm_kv_run(&kv, HM_KV_BROWSE, do_scan, &args, NULL) == 0 &&
	    range.seen == n && !range.wrong, "all, backwards, browsing");
	is_int((intmax_t)count(HM_STR("s"), HM_STR("")), 0, "behind the end");
	is_int((intmax_t)count(HM_STR(""), HM_STR("r")), 0, "before the start");
}

static void
test_order(void)
{
	static const struct hm_str keys[] = { HM_STR("o"), HM_STR("o\0"),
		HM_STR("o\x01"), HM_STR("o0"), HM_STR("o00"), HM_STR("o1"),
		HM_STR("o\x7f"), HM_STR("o\x80"), HM_STR("o\xff"),
		HM_STR("o\xff\xff") };
	size_t i, n = HM_ARRAY_LEN(keys);
	bool good = true;

	for (i = n; i-- > 0; )
		good &= put(keys[i], HM_STR("v"), HM_KV_LAZY) == 0;
	for (i = 0; i < n; i++)
		good &= count(keys[i], HM_STR("p")) == n - i &&
		    count(HM_STR("o"), keys[i]) == i;
	ok(good, "keys sort as byte strings");
}

/* ---- durability and syncs ---- */

static void
test_syncs(void)
{
	unsigned long before;
	char buf[32];
	unsigned i;

	reopen(); /* then no checkpoint is due */
	before = provider->syncs();
	for (i = 0; i < 20; i++)
		put(numbered(buf, "l", i), HM_STR("v"), HM_KV_LAZY);
	is_int((intmax_t)(provider->syncs() - before), 0,
	    "lazy transactions sync nothing");
	is_int(hm_kv_flush(&kv, NULL), 0, "flush");
	is_int((intmax_t)(provider->syncs() - before), 1, "syncs once for all");
	before = provider->syncs();
	for (i = 0; i < 20; i++)
		put(numbered(buf, "d", i), HM_STR("v"), HM_KV_DURABLE);
	is_int((intmax_t)(provider->syncs() - before), 20,
	    "durable ones sync once each");
	before = provider->syncs();
	for (i = 0; i < 20; i++)
		missing(numbered(buf, "d", i));
	is_int((intmax_t)(provider->syncs() - before), 0, "reading syncs nothing");
	ok(reopen() && count(HM_STR("l"), HM_STR("m")) == 20,
	    "what was lazy and flushed survives");
}

/* ---- many threads ---- */

#define THREADS 8
#define COUNTERS 4
#define ROUNDS 250

static atomic_uint attempts;

struct adder {
	unsigned seed, thread;
	bool failed;
};

static int
add_some(struct hm_kv_txn *txn, void *arg)
{
	struct adder *adder = arg;
	unsigned i, start = adder->seed % COUNTERS;
	struct hm_str key, got;
	uint64_t value;
	char buf[32];
	int r;

	atomic_fetch_add(&attempts, 1);
	/* in different orders, so that they get in each other's way */
	for (i = 0; i < COUNTERS; i++) {
		key = numbered(buf, "c", adder->seed & 8 ?
		    (start + i) % COUNTERS :
		    (start + COUNTERS - i) % COUNTERS);
		value = 0;
		r = kv.ops->get(txn, table, key, i % 2 ? HM_KV_FOR_UPDATE : 0,
		    &got);
		if (r && r != -HM_ENOENT)
			return r;
		if (!r)
			memcpy(&value, got.p, sizeof(value));
		value++;
		r = kv.ops->put(txn, table, key,
		    (struct hm_str){ (char *)&value, sizeof(value) });
		if (r)
			return r;
	}
	return 0;
}

static void *
adder_main(void *arg)
{
	struct adder *adder = arg;
	struct hm_err err = { 0 };
	unsigned i;

	for (i = 0; i < ROUNDS; i++) {
		adder->seed = adder->seed * 1103515245u + 12345u;
		if (hm_kv_run(&kv, HM_KV_LAZY, add_some, adder, &err) < 0)
			adder->failed = true;
	}
	return NULL;
}

static void
test_conflicts(void)
{
	struct adder adders[THREADS];
	pthread_t threads[THREADS];
	uint64_t want = THREADS * ROUNDS;
	char buf[32];
	unsigned i, failed = 0, good = 0;

	atomic_store(&attempts, 0);
	for (i = 0; i < THREADS; i++) {
		adders[i] = (struct adder){ .seed = i * 7919 + 1, .thread = i };
		pthread_create(&threads[i], NULL, adder_main, &adders[i]);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		failed += adders[i].failed;
	}
	for (i = 0; i < COUNTERS; i++)
		good += holds(numbered(buf, "c", i),
		    (struct hm_str){ (char *)&want, sizeof(want) });
	is_int(failed, 0, "every transaction got through");
	is_int(good, COUNTERS, "and no increment was lost");
	diag("%d transactions took %u attempts", THREADS * ROUNDS,
	    atomic_load(&attempts));
}

/* Amounts move between two keys far apart; their sum stays. */
static atomic_bool stop_moving;

static int
move(struct hm_kv_txn *txn, void *arg)
{
	unsigned n = *(unsigned *)arg;
	char a[16], b[16];
	int r, la = snprintf(a, 16, "%u", n), lb = snprintf(b, 16, "%u", 1000 - n);

	r = kv.ops->put(txn, table, HM_STR("m1"),
	    (struct hm_str){ a, (size_t)la });
	return r ? r : kv.ops->put(txn, table, HM_STR("zz2"),
	    (struct hm_str){ b, (size_t)lb });
}

static void *
mover_main(void *arg)
{
	unsigned n = 0;

	(void)arg;
	for (; !atomic_load(&stop_moving); n = (n + 1) % 1000)
		hm_kv_run(&kv, HM_KV_LAZY, move, &n, NULL);
	return NULL;
}

static int
sum_up(struct hm_kv_txn *txn, void *arg)
{
	uint64_t a, b;
	struct hm_str got;
	int r;

	if ((r = kv.ops->get(txn, table, HM_STR("m1"), 0, &got)) ||
	    (r = hm_str_u64(got, 1000, &a)) ||
	    (r = kv.ops->get(txn, table, HM_STR("zz2"), 0, &got)) ||
	    (r = hm_str_u64(got, 1000, &b)))
		return r;
	*(uint64_t *)arg = a + b;
	return 0;
}

static void
test_one_moment(void)
{
	unsigned i, wrong = 0, n = 0;
	pthread_t mover;
	uint64_t sum = 0;

	hm_kv_run(&kv, HM_KV_LAZY, move, &n, NULL);
	atomic_store(&stop_moving, false);
	pthread_create(&mover, NULL, mover_main, NULL);
	for (i = 0; i < 2000; i++)
		if (hm_kv_run(&kv, HM_KV_READ, sum_up, &sum, NULL) < 0 ||
		    sum != 1000)
			wrong++;
	atomic_store(&stop_moving, true);
	pthread_join(mover, NULL);
	is_int(wrong, 0, "a read transaction sees one moment");
}

/* ---- kill -9 ---- */

#define WRITERS 4

struct pair {
	struct hm_kv *kv;
	unsigned thread, n;
	int fd;
};

static int
put_pair(struct hm_kv_txn *txn, void *arg)
{
	struct pair *pair = arg;
	struct hm_str value = { (char *)&pair->n, sizeof(pair->n) };
	char a[32], b[32], c[32], prefix[8];
	int r;

	snprintf(prefix, sizeof(prefix), "ka%u", pair->thread);
	if ((r = kv.ops->put(txn, table, numbered(a, prefix, pair->n), value)))
		return r;
	snprintf(prefix, sizeof(prefix), "kb%u", pair->thread);
	if ((r = kv.ops->put(txn, table, numbered(b, prefix, pair->n), value)))
		return r;
	return kv.ops->put(txn, table, numbered(c, "kc", pair->thread), value);
}

static void *
writer_main(void *arg)
{
	struct pair *pair = arg;
	unsigned told[2];

	for (;; pair->n++) {
		if (hm_kv_run(&kv, HM_KV_DURABLE, put_pair, pair, NULL) < 0)
			_exit(3);
		told[0] = pair->thread;
		told[1] = pair->n;
		if (write(pair->fd, told, sizeof(told)) != sizeof(told))
			_exit(4);
	}
}

/* Writes until it is killed; starts behind what the last round left. */
static void
child_writes(int fd, const unsigned next[WRITERS])
{
	struct pair pairs[WRITERS];
	pthread_t thread;
	unsigned i;

	reopen();
	for (i = 0; i < WRITERS; i++) {
		pairs[i] = (struct pair){ .thread = i, .n = next[i], .fd = fd };
		pthread_create(&thread, NULL, writer_main, &pairs[i]);
	}
	for (;;)
		pause();
}

struct tally {
	unsigned n;
	bool gap;
};

static int
tally_one(struct hm_str key, struct hm_str value, void *arg)
{
	struct tally *tally = arg;
	unsigned n;

	(void)key;
	memcpy(&n, value.p, sizeof(n));
	if (n != tally->n)
		tally->gap = true;
	tally->n++;
	return 0;
}

static int
tally_all(struct hm_kv_txn *txn, void *arg)
{
	struct tally *tallies = arg;
	unsigned i;
	char a[8], b[8];
	int r = 0;

	for (i = 0; i < 2 * WRITERS && r == 0; i++) {
		snprintf(a, sizeof(a), "k%c%u", i < WRITERS ? 'a' : 'b',
		    i % WRITERS);
		snprintf(b, sizeof(b), "k%c%u", i < WRITERS ? 'a' : 'b',
		    i % WRITERS + 1);
		tallies[i] = (struct tally){ 0 };
		r = kv.ops->scan(txn, table, hm_str(a), hm_str(b), 0,
		    tally_one, &tallies[i]);
	}
	return r;
}

static void
check_after_kill(unsigned round, unsigned acked[WRITERS],
    unsigned next[WRITERS])
{
	struct tally tallies[2 * WRITERS];
	unsigned i, lost = 0, torn = 0;

	reopen();
	is_int(hm_kv_run(&kv, HM_KV_READ, tally_all, tallies, NULL), 0,
	    "kill %u: everything can be read", round);
	for (i = 0; i < WRITERS; i++) {
		lost += tallies[i].n < acked[i];
		torn += tallies[i].n != tallies[WRITERS + i].n ||
		    tallies[i].gap || tallies[WRITERS + i].gap;
		next[i] = tallies[i].n;
	}
	is_int(lost, 0, "kill %u: nothing acknowledged is lost", round);
	is_int(torn, 0, "kill %u: no transaction is torn", round);
	provider->close(&kv);
	kv.ops = NULL;
}

static void
test_kill(void)
{
	unsigned round, told[2], acked[WRITERS] = { 0 }, next[WRITERS] = { 0 };
	unsigned seed = (unsigned)getpid();
	struct timespec nap;
	int fds[2], status;
	pid_t pid;

	provider->close(&kv);
	kv.ops = NULL;
	for (round = 1; round <= 5; round++) {
		if (pipe(fds) < 0 || (pid = fork()) < 0) {
			ok(false, "pipe and fork");
			return;
		}
		if (pid == 0) {
			close(fds[0]);
			child_writes(fds[1], next);
		}
		close(fds[1]);
		seed = seed * 1103515245u + 12345u;
		nap = (struct timespec){ .tv_nsec =
		    (long)(20 + (seed >> 8) % 120) * 1000000 };
		nanosleep(&nap, NULL);
		kill(pid, SIGKILL);
		while (read(fds[0], told, sizeof(told)) == sizeof(told))
			if (told[0] < WRITERS)
				acked[told[0]] = told[1] + 1;
		close(fds[0]);
		waitpid(pid, &status, 0);
		ok(WIFSIGNALED(status), "kill %u: the writer was killed", round);
		check_after_kill(round, acked, next);
	}
	diag("%u + %u + %u + %u transactions acknowledged", acked[0], acked[1],
	    acked[2], acked[3]);
	reopen();
}

static void
test_one_owner(void)
{
	struct hm_err err = { 0 };
	struct hm_kv other;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int r = provider->open(dir, &other, &err);

		diag("%s", err.text);
		_exit(r == -HM_EBUSY && err.text[0] ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ok(pid > 0 && status == 0, "a second process is refused");
}

static int
fill_small(struct hm_kv_txn *txn, void *arg)
{
	unsigned i, first = *(unsigned *)arg;
	char buf[32], value[100];
	int r = 0;

	memset(value, 'v', sizeof(value));
	for (i = first; i < first + 5000 && r == 0; i++)
		r = kv.ops->put(txn, table, numbered(buf, "t", i),
		    (struct hm_str){ value, sizeof(value) });
	return r;
}

static void
test_bulk(void)
{
	unsigned first;
	int64_t start;
	size_t n = 0;

	for (first = 0; first < 100000; first += 5000)
		hm_kv_run(&kv, HM_KV_LAZY, fill_small, &first, NULL);
	n = count(HM_STR("t"), HM_STR("u"));
	start = hm_now_ms();
	is_int((intmax_t)n, 100000, "100,000 records");
	for (first = 0; first < 10; first++)
		n += count(HM_STR("t"), HM_STR("u"));
	diag("a scan of 100,000 records takes %.1f ms",
	    (double)(hm_now_ms() - start) / 10);
}

static void
complain(const char *text, void *arg)
{
	(void)arg;
	diag("%s", text);
}

int
conformance_kv(const struct conformance_kv *p)
{
	provider = p;
	dir = scratch_path("kv");
	reopen();
	test_records();
	test_names();
	test_atomic();
	test_ranges();
	test_order();
	test_syncs();
	test_conflicts();
	test_one_moment();
	test_one_owner();
	test_kill();
	test_bulk();
	is_int(kv.ops->verify(kv.self, complain, NULL, NULL), 0,
	    "verify finds nothing wrong");
	provider->close(&kv);
	kv.ops = NULL;
	return done();
}
