/* conformance-blob.c - what every provider of the service "blob" must do. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/iface/blob_records.h>
#include <hermod/str.h>

#include "t/conformance-blob.h"
#include "t/direct-kv.h"
#include "t/scratch.h"
#include "t/tap.h"

#define HOUR (60 * 60 * 1000)

static const struct conformance_blob *provider;
static struct hm_kv kv;
static struct hm_kv_table *own;      /* our records about blobs */
static struct hm_blob blob;
static char where[256];

static void
shut(void)
{
	if (blob.ops)
		provider->close(&blob);
	if (kv.ops)
		direct_kv_close(&kv);
	blob.ops = NULL;
	kv.ops = NULL;
}

static bool
reopen(void)
{
	struct hm_err err = { 0 };
	char dir[300];

	shut();
	mkdir(where, 0700);
	snprintf(dir, sizeof(dir), "%s/kv", where);
	if (direct_kv_open(dir, &kv, &err) == 0 &&
	    hm_kv_table(&kv, "own", &own, &err) == 0) {
		snprintf(dir, sizeof(dir), "%s/blob", where);
		if (provider->open(dir, &kv, &blob, &err) == 0)
			return true;
	}
	diag("%s", err.text);
	printf("Bail out! cannot open the provider\n");
	exit(1);
}

/* A fresh pair of directories. */
static void
begin(const char *name)
{
	shut();
	snprintf(where, sizeof(where), "%s", scratch_path("%s", name));
	reopen();
}

/* Bytes that depend on the seed alone. */
static char *
body(unsigned seed, size_t len)
{
	char *bytes = hm_xalloc(len + 1);
	uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
	size_t i;

	for (i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		bytes[i] = (char)(x >> 32);
	}
	return bytes;
}

static int
put(unsigned seed, size_t len, unsigned flags, uint64_t *ret_id)
{
	char *bytes = body(seed, len);
	struct hm_str slice = { bytes, len };
	int r = hm_blob_put(&blob, &slice, 1, flags, ret_id, NULL);

	free(bytes);
	return r;
}

struct linking {
	uint64_t id;
	int delta, then;     /* then: what the transaction returns */
};

static int
do_link(struct hm_kv_txn *txn, void *arg)
{
	struct linking *linking = arg;
	int r = hm_blob_link(&blob, txn, linking->id, linking->delta);

	return r ? r : linking->then;
}

static int
link_by(uint64_t id, int delta)
{
	struct linking linking = { .id = id, .delta = delta };

	return hm_kv_run(&kv, HM_KV_DURABLE, do_link, &linking, NULL);
}

/* For many: not durable by itself. */
static int
link_lazily(uint64_t id, int delta)
{
	struct linking linking = { .id = id, .delta = delta };

	return hm_kv_run(&kv, HM_KV_LAZY, do_link, &linking, NULL);
}

static int
try_open(uint64_t id)
{
	struct hm_blob_reader *reader;
	uint64_t size;
	int r = blob.ops->open(blob.self, id, &reader, &size, NULL);

	if (r == 0)
		blob.ops->close(reader);
	return r;
}

static bool
reader_holds(struct hm_blob_reader *reader, unsigned seed, size_t len)
{
	char *want = body(seed, len), *got = hm_xalloc(len + 1);
	size_t at = 0;
	ssize_t n = 1;
	bool same;

	while (at < len && n > 0) {
		n = blob.ops->read(reader, at, got + at, len - at);
		at += n > 0 ? (size_t)n : 0;
	}
	same = at == len && memcmp(got, want, len) == 0 &&
	    blob.ops->read(reader, len, got, 1) == 0;
	free(want);
	free(got);
	return same;
}

static bool
holds(uint64_t id, unsigned seed, size_t len)
{
	struct hm_blob_reader *reader;
	struct hm_err err = { 0 };
	uint64_t size;
	bool same;

	if (blob.ops->open(blob.self, id, &reader, &size, &err) < 0) {
		diag("%s", err.text);
		return false;
	}
	same = size == len && reader_holds(reader, seed, len);
	blob.ops->close(reader);
	return same;
}

static void
complain(uint64_t id, const char *text, void *arg)
{
	(void)arg;
	diag("%016llx: %s", (unsigned long long)id, text);
}

static int
verify(bool fix)
{
	return blob.ops->verify(blob.self, fix, NULL, complain, NULL, NULL);
}

/* ---- one blob ---- */

static void
test_sizes(void)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 9, 4096, 65536, 262144,
		262145, 3000000 };
	uint64_t ids[HM_ARRAY_LEN(sizes)];
	unsigned i, good = 0;

	begin("sizes");
	for (i = 0; i < HM_ARRAY_LEN(sizes); i++)
		ok(put(i, sizes[i], 0, &ids[i]) == 0 &&
		    link_by(ids[i], 1) == 0 && holds(ids[i], i, sizes[i]),
		    "%zu bytes come back", sizes[i]);
	reopen();
	for (i = 0; i < HM_ARRAY_LEN(sizes); i++)
		good += holds(ids[i], i, sizes[i]);
	is_int(good, HM_ARRAY_LEN(sizes), "and after a restart");
	is_int(verify(false), 0, "verify finds nothing wrong");
}

static void
test_slices(void)
{
	char *bytes = body(9, 4000), part[100];
	struct hm_blob_reader *reader = NULL;
	struct hm_str slices[40];
	uint64_t id = 0, size = 0;
	size_t i;

	for (i = 0; i < 40; i++)
		slices[i] = (struct hm_str){ bytes + i * 100, 100 };
	slices[7].len = 0;
	memmove(bytes + 700, bytes + 800, 3200);
	for (i = 8; i < 40; i++)
		slices[i].p -= 100;
	is_int(hm_blob_put(&blob, slices, 40, 0, &id, NULL), 0, "40 slices");
	is_int(link_by(id, 1), 0, "linked");
	is_int(blob.ops->open(blob.self, id, &reader, &size, NULL), 0, "opened");
	is_int((intmax_t)size, 3900, "are one blob");
	is_int(blob.ops->read(reader, 3850, part, 100), 50, "read to the end");
	is_bytes(part, 50, bytes + 3850, 50, "the end");
	is_int(blob.ops->read(reader, 3900, part, 100), 0, "at the end");
	is_int(blob.ops->read(reader, UINT64_MAX, part, 100), 0, "far behind it");
	blob.ops->close(reader);
	is_int(hm_blob_put(&blob, NULL, 0, 0, &id, NULL), 0, "no slice at all");
	ok(link_by(id, 1) == 0 && holds(id, 0, 0), "is an empty blob");
	free(bytes);
}

static void
test_links(void)
{
	struct linking aborted = { .delta = 1, .then = -HM_EQUOTA };
	struct hm_blob_reader *reader = NULL;
	uint64_t id = 0, size;

	begin("links");
	is_int(put(1, 5000, 0, &id), 0, "put");
	is_int(try_open(id), -HM_ENOENT, "a blob without links is not there");
	aborted.id = id;
	is_int(hm_kv_run(&kv, 0, do_link, &aborted, NULL), -HM_EQUOTA,
	    "linked by a transaction that gives up");
	is_int(try_open(id), -HM_ENOENT, "it is still without links");
	is_int(link_by(id, 1), 0, "linked");
	is_int(link_by(id, 2), 0, "and twice more");
	is_int(link_by(id, -1) | link_by(id, -1), 0, "unlinked twice");
	ok(holds(id, 1, 5000), "one link is left");
	is_int(link_by(id, -2), -HM_EINVAL, "no fewer than no links");
	aborted.delta = -1;
	is_int(hm_kv_run(&kv, 0, do_link, &aborted, NULL), -HM_EQUOTA,
	    "unlinked by a transaction that gives up");
	ok(holds(id, 1, 5000), "it is still there");
	is_int(blob.ops->open(blob.self, id, &reader, &size, NULL), 0,
	    "a reader is open");
	is_int(link_by(id, -1), 0, "when the last link goes");
	is_int(try_open(id), -HM_ENOENT, "nobody else can open it");
	is_int(link_by(id, -1), -HM_ENOENT, "nor unlink it");
	provider->age(&blob, 3 * HOUR);
	is_int(provider->sweep(&blob, NULL), 0, "even when its space is taken");
	ok(reader_holds(reader, 1, 5000), "the reader still reads it");
	blob.ops->close(reader);
	is_int(link_by(id + 12345, 1), -HM_ENOENT, "what never was");
	is_int(try_open(id + 12345), -HM_ENOENT, "cannot be used");
}

static void
test_forgotten(void)
{
	uint64_t fresh = 0, old = 0;

	is_int(put(2, 4096, 0, &old), 0, "put, never linked");
	provider->age(&blob, HOUR / 2);
	is_int(provider->sweep(&blob, NULL), 0, "sweep half an hour later");
	is_int(link_by(old, 1) | link_by(old, -1), 0, "it can still be linked");
	is_int(put(3, 4096, 0, &old), 0, "put, never linked");
	provider->age(&blob, 3 * HOUR);
	is_int(put(4, 4096, 0, &fresh), 0, "another three hours later");
	is_int(provider->sweep(&blob, NULL), 0, "sweep");
	ok(link_by(fresh, 1) == 0 && holds(fresh, 4, 4096),
	    "the fresh one can be linked");
	is_int(put(5, 4096, 0, &old), 0, "put before a restart");
	reopen();
	is_int(link_by(old, 1), -HM_ENOENT, "is not linked after it");
}

static void
test_unique(void)
{
	uint64_t ids[60];
	unsigned i, k, same = 0, bad = 0;

	begin("unique");
	for (i = 0; i < 60; i++) {
		if (i % 3 == 0)
			reopen();
		if (put(i, 100, i % 2 ? HM_BLOB_NOSYNC : 0, &ids[i]) < 0)
			bad++;
		/* every other one is given up */
		if (i % 2 == 0 && link_by(ids[i], 1) < 0)
			bad++;
		for (k = 0; k < i; k++)
			same += ids[k] == ids[i];
	}
	is_int(bad, 0, "60 puts over 20 restarts");
	is_int(same, 0, "no id comes twice");
	for (i = 0; i < 60; i += 2)
		bad += !holds(ids[i], i, 100);
	is_int(bad, 0, "and all that was linked is there");
}

/* ---- many at once ---- */

enum { MANY = 300, MANY_MAX = 5000 };

struct many {
	unsigned seen[MANY], wrong, calls;
	int enough;          /* returned by the last of these calls */
};

/* Blob i was made of seed i; its length, too, follows from that. */
static size_t
many_len(unsigned i)
{
	return i % 50 == 7 ? MANY_MAX + i % 2 : i * 37 % 4000;
}

static int
take_one(size_t i, struct hm_str bytes, void *arg)
{
	struct many *m = arg;
	char *want = body((unsigned)i, many_len((unsigned)i));

	m->seen[i]++;
	m->wrong += bytes.len != many_len((unsigned)i) ||
	    memcmp(bytes.p, want, bytes.len) != 0;
	free(want);
	return ++m->calls == (unsigned)m->enough ? -HM_ECANCELED : 0;
}

static void
test_many(void)
{
	uint64_t ids[MANY], other;
	struct many m = { 0 };
	unsigned i, bad = 0;

	if (!HM_HAS(&blob, read_many)) {
		ok(true, "reading many at once is not offered");
		return;
	}
	begin("many");
	/* Out of order, and with others in between that are passed over. */
	for (i = 0; i < MANY; i++) {
		unsigned at = i * 7 % MANY, k;

		bad += put(at, many_len(at), HM_BLOB_NOSYNC, &ids[at]) < 0 ||
		    link_by(ids[at], 1) < 0;
		for (k = 0; i == MANY / 2 && k < 5000; k++)
			bad += put(k, 16, HM_BLOB_NOSYNC, &other) < 0 ||
			    link_lazily(other, 1) < 0;
	}
	is_int(link_by(ids[100], -1), 0, "one of them is removed");
	is_int(bad, 0, "%d blobs among others", MANY);
	is_int(blob.ops->read_many(blob.self, ids, MANY, MANY_MAX, take_one, &m,
	    NULL), 0, "read at once");
	is_int(m.wrong, 0, "each with its bytes");
	for (i = 0; i < MANY; i++)
		bad += m.seen[i] != (i != 100 && many_len(i) <= MANY_MAX);
	is_int(bad, 0, "each once, but not the one that is gone or too large");
	m = (struct many){ .enough = 3 };
	is_int(blob.ops->read_many(blob.self, ids, MANY, MANY_MAX, take_one, &m,
	    NULL), -HM_ECANCELED, "it ends when the caller has enough");
	is_int(m.calls, 3, "at once");
	is_int(blob.ops->read_many(blob.self, ids, 0, MANY_MAX, take_one, &m,
	    NULL), 0, "none at all");
}

/* ---- syncs ---- */

struct writer {
	unsigned first, n, failed;
	bool link, batch;    /* batch: put without a sync, then sync */
};

static void *
writer_main(void *arg)
{
	struct writer *writer = arg;
	unsigned i;
	uint64_t id;

	for (i = 0; i < writer->n; i++)
		if (put(writer->first + i, 4096,
		    writer->batch ? HM_BLOB_NOSYNC : 0, &id) < 0 ||
		    (writer->batch && hm_blob_sync(&blob, NULL) < 0) ||
		    (writer->link && link_by(id, 1) < 0))
			writer->failed++;
	return NULL;
}

static unsigned
write_many(unsigned threads, unsigned n, bool batch)
{
	struct writer writers[64];
	pthread_t ids[64];
	unsigned i, failed = 0;

	for (i = 0; i < threads; i++) {
		writers[i] = (struct writer){ .first = i * n, .n = n,
		    .link = batch, .batch = batch };
		pthread_create(&ids[i], NULL, writer_main, &writers[i]);
	}
	for (i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		failed += writers[i].failed;
	}
	return failed;
}

static void
test_syncs(void)
{
	unsigned long before;
	double each;
	uint64_t id;
	unsigned i;

	begin("syncs");
	put(0, 10, 0, &id);
	before = provider->syncs(&blob);
	is_int(write_many(1, 40, false), 0, "one writer");
	each = (double)(provider->syncs(&blob) - before) / 40;
	ok(each <= provider->syncs_alone, "syncs %.2f times a put", each);
	before = provider->syncs(&blob);
	is_int(write_many(32, 20, false), 0, "32 writers");
	each = (double)(provider->syncs(&blob) - before) / (32 * 20);
	ok(each <= provider->syncs_together, "sync %.2f times a put", each);
	before = provider->syncs(&blob);
	is_int(write_many(32, 20, true), 0, "32 writers, sync by themselves");
	each = (double)(provider->syncs(&blob) - before) / (32 * 20);
	ok(each <= provider->syncs_together, "sync %.2f times a put", each);
	before = provider->syncs(&blob);
	for (i = 0; i < 50; i++)
		put(i, 4096, HM_BLOB_NOSYNC, &id);
	is_int((intmax_t)(provider->syncs(&blob) - before), 0,
	    "a batch does not sync");
	is_int(hm_blob_sync(&blob, NULL), 0, "until it is told to");
	each = (double)(provider->syncs(&blob) - before) / 50;
	ok(each <= provider->syncs_batch, "%.2f times a put", each);
	ok(link_by(id, 1) == 0 && holds(id, 49, 4096), "and it is usable");
}

/* ---- damage ---- */

static bool
flip_in_file(const char *path, const char *mark, size_t len)
{
	int fd = open(path, O_RDWR);
	struct stat st;
	bool done = false;
	char *all, *at;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	all = hm_xalloc((size_t)st.st_size);
	if (pread(fd, all, (size_t)st.st_size, 0) == st.st_size &&
	    (at = memmem(all, (size_t)st.st_size, mark, len))) {
		at[len - 1] ^= 1;
		done = pwrite(fd, at + len - 1, 1, at + len - 1 - all) == 1;
	}
	free(all);
	close(fd);
	return done;
}

/* Flips a bit behind these bytes wherever they lie below dir. */
static bool
flip_below(const char *dir, const char *mark, size_t len)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	bool done = false;
	char path[600];
	struct stat st;

	while (d && !done && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%.200s", dir, entry->d_name);
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			done = flip_below(path, mark, len);
		else
			done = flip_in_file(path, mark, len);
	}
	if (d)
		closedir(d);
	return done;
}

static int
count_one(size_t i, struct hm_str bytes, void *arg)
{
	(void)i;
	(void)bytes;
	++*(unsigned *)arg;
	return 0;
}

/* How many of ten are read at once. */
static unsigned
read_ten(const uint64_t ids[10])
{
	unsigned n = 0;

	if (!HM_HAS(&blob, read_many))
		return 9;
	blob.ops->read_many(blob.self, ids, 10, 1 << 20, count_one, &n, NULL);
	return n;
}

static void
test_damage(void)
{
	static const size_t sizes[] = { 4096, 400000 };
	uint64_t ids[10], id;
	unsigned i, k, good;
	char dir[300];
	char *bytes;

	begin("damage");
	snprintf(dir, sizeof(dir), "%s/blob", where);
	for (k = 0; k < HM_ARRAY_LEN(sizes); k++) {
		for (i = 0; i < 10; i++)
			if (put(i + k * 100, sizes[k], 0, &ids[i]) < 0 ||
			    link_by(ids[i], 1) < 0)
				ok(false, "put %u", i);
		reopen();
		id = ids[5];
		bytes = body(5 + (unsigned)k * 100, sizes[k]);
		ok(flip_below(dir, bytes, sizes[k] / 2),
		    "one bit in a body of %zu bytes is flipped", sizes[k]);
		free(bytes);
		is_int(try_open(id), -HM_ECORRUPT, "it is not given out");
		for (good = i = 0; i < 10; i++)
			good += i != 5 &&
			    holds(ids[i], i + (unsigned)k * 100, sizes[k]);
		is_int(good, 9, "the others are");
		is_int(read_ten(ids), 9, "nor when many are read at once");
		is_int(verify(false), 1, "verify tells");
		is_int(verify(true), 1, "tells and sets it aside");
		is_int(verify(false), 0, "then it is gone");
		is_int(try_open(id), -HM_ENOENT, "for good");
	}
}

struct believed {
	uint64_t id;
	int64_t links;
};

static int64_t
believe(uint64_t id, void *arg)
{
	struct believed *believed = arg;

	return id == believed->id ? believed->links : 1;
}

static int
verify_links(struct believed *believed, bool fix)
{
	return blob.ops->verify(blob.self, fix, believe, complain, believed,
	    NULL);
}

static void
test_wrong_links(void)
{
	struct believed believed = { .links = 1 };
	uint64_t ids[5];
	unsigned i, bad = 0;

	begin("wrong");
	for (i = 0; i < 5; i++)
		bad += put(i, 1000, 0, &ids[i]) < 0 || link_by(ids[i], 1) < 0;
	is_int(bad, 0, "five blobs");
	believed.id = ids[2];
	is_int(verify_links(&believed, false), 0, "all links are as believed");
	believed.links = 3;
	is_int(verify_links(&believed, false), 1, "one is not");
	is_int(verify_links(&believed, true), 1, "it is corrected");
	is_int(verify_links(&believed, false), 0, "and then agrees");
	is_int(link_by(ids[2], -3), 0, "three links it has");
	is_int(try_open(ids[2]), -HM_ENOENT, "had");
	believed.id = ids[3];
	believed.links = 0;
	is_int(verify_links(&believed, true), 1, "one that nobody uses");
	is_int(try_open(ids[3]), -HM_ENOENT, "goes");
}

/* ---- records that were lost ---- */

struct losing {
	struct hm_kv_table *table;
	const uint64_t *ids;
	size_t n;
};

static int
lose_in(struct hm_kv_txn *txn, void *arg)
{
	const struct losing *l = arg;
	char key[9];
	int r = 0;

	for (size_t i = 0; i < l->n && r == 0; i++)
		r = kv.ops->del(txn, l->table, hm_blob_key(key, 'b', l->ids[i]));
	return r;
}

/* As the administrator says who knows it. */
static void
say(const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/blob/%s", where, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

static unsigned
sweep_all(void)
{
	unsigned bad = 0;

	for (int i = 0; i < 3; i++) {
		provider->age(&blob, 3 * HOUR);
		bad += provider->sweep(&blob, NULL) < 0;
	}
	return bad;
}

static void
test_lost_records(void)
{
	struct believed believed = { .links = 0 };
	struct losing losing = { .n = 6 };
	uint64_t ids[12], other;
	unsigned i, bad = 0, good = 0;

	begin("lost");
	for (i = 0; i < 12; i++)
		bad += put(i, i * 90000, 0, &ids[i]) < 0 || link_by(ids[i], 1) < 0;
	losing.ids = ids;
	bad += hm_kv_table(&kv, provider->table, &losing.table, NULL) < 0 ||
	    hm_kv_run(&kv, HM_KV_DURABLE, lose_in, &losing, NULL) < 0;
	say("adopt");
	reopen();
	is_int(bad, 0, "twelve blobs, of which six lose their records");
	is_int(try_open(ids[1]), -HM_EIO, "such a one is not gone");
	is_int(sweep_all(), 0, "and nobody sweeps");
	bad = put(99, 5000, 0, &other) < 0 || link_by(other, 1) < 0;
	is_int(bad, 0, "what is put, is put");
	believed.id = ids[0];
	is_int(verify_links(&believed, false), 6, "verify finds five, and tells why");
	is_int(try_open(ids[1]), -HM_EIO, "looking changes nothing");
	is_int(verify_links(&believed, true), 6, "it makes their records anew");
	for (i = 1; i < 12; i++)
		good += holds(ids[i], i, i * 90000);
	is_int(good, 11, "all can be read again");
	is_int(try_open(ids[0]), -HM_ENOENT, "but one that nobody uses");
	is_int(verify_links(&believed, false), 0, "all is well");
	reopen();
	is_int(sweep_all(), 0, "they are swept again");
	for (i = 1; i < 12; i++)
		good += holds(ids[i], i, i * 90000);
	is_int(good + holds(other, 99, 5000), 23, "and have their links");
	is_int(link_by(ids[3], -1), 0, "just one");
	is_int(try_open(ids[3]), -HM_ENOENT, "each");
}

/* ---- space ---- */

static void
test_space(void)
{
	uint64_t *ids = hm_xalloc(1000 * sizeof(*ids)), total, dead, before;
	unsigned i, bad = 0, good = 0;

	begin("space");
	for (i = 0; i < 1000; i++)
		bad += put(i, 4096, HM_BLOB_NOSYNC, &ids[i]) < 0;
	hm_blob_sync(&blob, NULL);
	for (i = 0; i < 1000; i++)
		bad += link_lazily(ids[i], 1) < 0;
	is_int(bad, 0, "1,000 blobs");
	blob.ops->usage(blob.self, &before, &dead);
	ok(before >= 4096000 && before < 9000000 && dead < before / 2,
	    "take %llu bytes, %llu of them dead", (unsigned long long)before,
	    (unsigned long long)dead);
	for (i = 0; i < 1000; i++)
		if (i % 10 != 3)
			bad += link_lazily(ids[i], -1) < 0;
	is_int(bad, 0, "nine of ten go");
	blob.ops->usage(blob.self, &total, &dead);
	ok(dead >= 3500000, "%llu bytes are dead", (unsigned long long)dead);
	provider->age(&blob, 3 * HOUR);
	put(0, 1, 0, &ids[0]);
	is_int(provider->sweep(&blob, NULL), 0, "sweep");
	blob.ops->usage(blob.self, &total, &dead);
	ok(total < before / 2, "now they take %llu bytes",
	    (unsigned long long)total);
	for (i = 3; i < 1000; i += 10)
		good += holds(ids[i], i, 4096);
	is_int(good, 100, "the tenth is all there");
	reopen();
	for (i = 3; i < 1000; i += 10)
		good += holds(ids[i], i, 4096);
	is_int(good, 200, "after a restart, too");
	is_int(verify(false), 0, "verify finds nothing wrong");
	free(ids);
}

/* Everything at once: a model of what must be there, checked all the time. */
#define SLOTS 64
#define RACERS 6

struct slot {
	pthread_mutex_t mutex;
	uint64_t id;
	unsigned links, seed;
};

static struct slot slots[SLOTS];
static atomic_bool stop_racing;
static atomic_uint wrong, rounds[RACERS];

static void
race_once(struct slot *slot, unsigned x)
{
	if (slot->links == 0) {
		slot->seed = x;
		if (put(x, 100 + x % 5000, 0, &slot->id) < 0 ||
		    link_by(slot->id, 1) < 0)
			atomic_fetch_add(&wrong, 1);
		slot->links = 1;
	} else if (x % 4 == 0) {
		if (link_by(slot->id, 1) < 0)
			atomic_fetch_add(&wrong, 1);
		slot->links++;
	} else if (x % 4 == 1) {
		if (!holds(slot->id, slot->seed, 100 + slot->seed % 5000))
			atomic_fetch_add(&wrong, 1);
	} else {
		if (link_by(slot->id, -1) < 0)
			atomic_fetch_add(&wrong, 1);
		slot->links--;
		if (slot->links == 0 && try_open(slot->id) != -HM_ENOENT)
			atomic_fetch_add(&wrong, 1);
	}
}

static void *
racer_main(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg, x = me * 7919 + 1;
	struct slot *slot;

	while (!atomic_load(&stop_racing)) {
		x = x * 1103515245u + 12345u;
		slot = &slots[(x >> 16) % SLOTS];
		pthread_mutex_lock(&slot->mutex);
		race_once(slot, x >> 4);
		pthread_mutex_unlock(&slot->mutex);
		atomic_fetch_add(&rounds[me], 1);
	}
	return NULL;
}

/* Lets each racer take a step, so that an hour never passes within one. */
static unsigned
wait_for_racers(void)
{
	struct timespec nap = { .tv_nsec = 20000000 };
	unsigned seen[RACERS], i, sum = 0;

	for (i = 0; i < RACERS; i++)
		seen[i] = atomic_load(&rounds[i]);
	nanosleep(&nap, NULL);
	for (i = 0; i < RACERS; i++) {
		while (atomic_load(&rounds[i]) == seen[i])
			nanosleep(&nap, NULL);
		sum += seen[i];
	}
	return sum;
}

static void *
sweeper_main(void *arg)
{
	struct timespec nap = { .tv_nsec = 10000000 };
	struct hm_err err = { 0 };
	unsigned *sweeps = arg;

	while (!atomic_load(&stop_racing)) {
		if (provider->sweep(&blob, &err) < 0) {
			diag("%s", err.text);
			atomic_fetch_add(&wrong, 1);
		}
		++*sweeps;
		nanosleep(&nap, NULL);
	}
	return NULL;
}

static void
test_races(void)
{
	pthread_t racers[RACERS], sweeper;
	unsigned i, sweeps = 0, good = 0, steps = 0;
	uint64_t total, dead;

	begin("races");
	for (i = 0; i < SLOTS; i++)
		pthread_mutex_init(&slots[i].mutex, NULL);
	atomic_store(&stop_racing, false);
	for (i = 0; i < RACERS; i++)
		pthread_create(&racers[i], NULL, racer_main,
		    (void *)(uintptr_t)i);
	pthread_create(&sweeper, NULL, sweeper_main, &sweeps);
	for (i = 0; i < 30; i++) {
		steps = wait_for_racers();
		provider->age(&blob, HOUR / 4);
	}
	atomic_store(&stop_racing, true);
	for (i = 0; i < RACERS; i++)
		pthread_join(racers[i], NULL);
	pthread_join(sweeper, NULL);
	is_int(atomic_load(&wrong), 0, "%u steps of %d threads and %u sweeps",
	    steps, RACERS, sweeps);
	reopen();
	for (i = 0; i < SLOTS; i++)
		good += slots[i].links == 0 ? try_open(slots[i].id) != 0 :
		    holds(slots[i].id, slots[i].seed,
		    100 + slots[i].seed % 5000);
	is_int(good, SLOTS, "each blob is as the last step left it");
	is_int(verify(false), 0, "verify finds nothing wrong");
	blob.ops->usage(blob.self, &total, &dead);
	diag("%llu bytes, %llu of them dead", (unsigned long long)total,
	    (unsigned long long)dead);
}

/* ---- kill -9 ---- */

#define KILLED_WRITERS 4

struct told {
	uint64_t id;
	unsigned seed;
	unsigned gone;       /* its last link was removed again */
};

struct storing {
	struct told told;
	int delta;
};

static int
store_one(struct hm_kv_txn *txn, void *arg)
{
	struct storing *s = arg;
	struct hm_str key = { (char *)&s->told.id, sizeof(s->told.id) };
	int r = hm_blob_link(&blob, txn, s->told.id, s->delta);

	if (r)
		return r;
	if (s->delta < 0)
		return kv.ops->del(txn, own, key);
	return kv.ops->put(txn, own, key,
	    (struct hm_str){ (char *)&s->told, sizeof(s->told) });
}

struct killed {
	unsigned seed;
	int fd;
};

static void *
killed_main(void *arg)
{
	struct killed *killed = arg;
	struct storing s;
	unsigned n;

	for (n = 0;; n++) {
		s = (struct storing){ .delta = 1 };
		s.told.seed = killed->seed++;
		if (put(s.told.seed, 100 + s.told.seed % 9000, 0, &s.told.id) < 0 ||
		    hm_kv_run(&kv, HM_KV_DURABLE, store_one, &s, NULL) < 0)
			_exit(3);
		if (write(killed->fd, &s.told, sizeof(s.told)) != sizeof(s.told))
			_exit(4);
		if (n % 4 != 3)
			continue;
		/* told before, because it may happen and not be told */
		s.told.gone = 1;
		s.delta = -1;
		if (write(killed->fd, &s.told, sizeof(s.told)) != sizeof(s.told) ||
		    hm_kv_run(&kv, HM_KV_DURABLE, store_one, &s, NULL) < 0)
			_exit(5);
	}
}

static void *
killed_sweeper(void *arg)
{
	for (;;) {
		provider->sweep(&blob, NULL);
		usleep(5000);
	}
	return arg;
}

static void
killed_child(int fd, unsigned round)
{
	struct killed killed[KILLED_WRITERS];
	pthread_t thread;
	unsigned i;

	reopen();
	pthread_create(&thread, NULL, killed_sweeper, NULL);
	for (i = 0; i < KILLED_WRITERS; i++) {
		killed[i] = (struct killed){ .fd = fd,
		    .seed = (round * KILLED_WRITERS + i) * 1000000 };
		pthread_create(&thread, NULL, killed_main, &killed[i]);
	}
	for (;;)
		pause();
}

static int
is_known(struct hm_kv_txn *txn, void *arg)
{
	struct told *told = arg;
	struct hm_str got;

	return kv.ops->get(txn, own, (struct hm_str){ (char *)&told->id,
	    sizeof(told->id) }, 0, &got);
}

static int64_t
known_links(uint64_t id, void *arg)
{
	struct told told = { .id = id };

	(void)arg;
	return hm_kv_run(&kv, HM_KV_READ, is_known, &told, NULL) == 0;
}

static void
check_told(unsigned round, const struct told *told, size_t n)
{
	unsigned lost = 0, kept = 0;
	struct told key;
	size_t i, k;

	reopen();
	for (i = 0; i < n; i++) {
		if (told[i].gone)
			continue;
		for (k = i + 1; k < n; k++)
			if (told[k].gone && told[k].id == told[i].id)
				break;
		key = told[i];
		if (k < n && hm_kv_run(&kv, HM_KV_READ, is_known, &key, NULL) < 0)
			continue;
		kept++;
		lost += !holds(told[i].id, told[i].seed,
		    100 + told[i].seed % 9000);
	}
	is_int(lost, 0, "kill %u: all %u acknowledged blobs are there", round,
	    kept);
	is_int(blob.ops->verify(blob.self, false, known_links, complain, NULL,
	    NULL), 0, "kill %u: verify finds nothing wrong", round);
	shut();
}

static void
test_kill(void)
{
	size_t cap = 200000, n = 0;
	struct told *told = hm_xalloc(cap * sizeof(*told));
	unsigned round, seed = (unsigned)getpid();
	struct timespec nap;
	int fds[2], status;
	pid_t pid;

	begin("kill");
	shut();
	for (round = 1; round <= 4; round++) {
		if (pipe(fds) < 0 || (pid = fork()) < 0) {
			ok(false, "pipe and fork");
			break;
		}
		if (pid == 0) {
			close(fds[0]);
			killed_child(fds[1], round);
		}
		close(fds[1]);
		seed = seed * 1103515245u + 12345u;
		nap = (struct timespec){ .tv_nsec =
		    (long)(30 + (seed >> 8) % 120) * 1000000 };
		nanosleep(&nap, NULL);
		kill(pid, SIGKILL);
		while (n < cap &&
		    read(fds[0], &told[n], sizeof(*told)) == sizeof(*told))
			n++;
		close(fds[0]);
		waitpid(pid, &status, 0);
		ok(WIFSIGNALED(status), "kill %u: the writer was killed", round);
		check_told(round, told, n);
	}
	free(told);
}

/* ---- a full disk ---- */

static void
fill_disk(const char *disk)
{
	static uint64_t ids[10000];
	struct statvfs fs;
	uint64_t id;
	char ballast[300];
	unsigned i, n;
	int r = 0, fd;

	if (!scratch_small_disk(disk, 48 << 10))
		_exit(77);
	snprintf(where, sizeof(where), "%s/x", disk);
	snprintf(ballast, sizeof(ballast), "%s/ballast", disk);
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, 12 << 20) != 0)
		_exit(77);
	reopen();
	for (n = 0; n < 10000 && r == 0; n++) {
		r = put(n, 20000, 0, &ids[n]);
		if (r == 0)
			r = link_by(ids[n], 1);
	}
	n--;
	diag("%u blobs fit; then %s", n, hm_err_name(r));
	fflush(stdout);
	if (r != -HM_ENOSPC || n < 100)
		_exit(2);
	/* Most of the reserve is left to the tables, however fast it went. */
	if (statvfs(disk, &fs) < 0 || fs.f_bavail * fs.f_frsize < 1 << 20)
		_exit(7);
	for (i = 0; i < n; i++)
		if (!holds(ids[i], i, 20000))
			_exit(3);
	close(fd);
	unlink(ballast);
	/* that there is room is noticed within a second or so */
	for (i = 0, r = -1; i < 100 && r < 0; i++) {
		usleep(100000);
		r = put(0, 20000, 0, &id);
		if (r == 0)
			r = link_by(id, 1);
	}
	for (i = 0; i < 10; i++)
		if (put(i, 20000, 0, &id) < 0 || link_by(id, 1) < 0)
			_exit(4);
	reopen();
	for (i = 0; i < n; i++)
		if (!holds(ids[i], i, 20000))
			_exit(5);
	_exit(verify(false) == 0 && holds(id, 9, 20000) ? 0 : 6);
}

static void
test_full_disk(void)
{
	const char *disk = scratch_path("small");
	int status = -1;
	pid_t pid;

	shut();
	mkdir(disk, 0700);
	pid = fork();
	if (pid == 0)
		fill_disk(disk);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip("a full disk: no small one may be mounted");
	else
		is_int(status, 0,
		    "a full disk: refused, nothing lost, goes on with room");
}

int
conformance_blob(const struct conformance_blob *p)
{
	provider = p;
	test_sizes();
	test_slices();
	test_links();
	test_forgotten();
	test_unique();
	test_many();
	test_syncs();
	test_damage();
	test_wrong_links();
	test_lost_records();
	test_space();
	test_races();
	test_kill();
	test_full_disk();
	shut();
	return done();
}
