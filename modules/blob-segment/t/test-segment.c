/* test-segment.c - what only segments can suffer: torn ends, a sync that fails,
 * many files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hermod/clock.h>

#include "modules/blob-segment/seg.h"

#include "t/direct-kv.h"
#include "t/scratch.h"
#include "t/tap.h"

static struct hm_kv kv;
static struct seg_kv bound;
static struct seg_store *store;
static atomic_uint fail_syncs;

static int
flaky_sync(int fd)
{
	if (atomic_load(&fail_syncs)) {
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

static char told[256];

static void
hear(enum hm_loglevel level, const char *text, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(told, sizeof(told), "%s", text);
}

static void
open_all(const char *name, uint64_t segment_bytes, unsigned max_files)
{
	struct seg_conf conf = { .segment_bytes = segment_bytes,
		.ahead_bytes = 64 << 10, .compact_percent = 50,
		.max_files = max_files, .report = hear };
	struct hm_err err = { 0 };

	mkdir(scratch_path("%s", name), 0700);
	conf.dir = scratch_path("%s/blob", name);
	if (direct_kv_open(scratch_path("%s/kv", name), &kv, &err) < 0 ||
	    seg_store_open(&conf, &store, &err) < 0 ||
	    seg_bind(store, &kv, &bound, &err) < 0) {
		diag("%s", err.text);
		printf("Bail out! cannot open\n");
		exit(1);
	}
	store->datasync = flaky_sync;
}

static void
close_all(void)
{
	seg_store_close(store);
	direct_kv_close(&kv);
}

static int
put_as(unsigned flags, unsigned seed, size_t len, uint64_t *ret_id,
    struct hm_err *reterr)
{
	char *bytes = malloc(len);
	struct hm_str slice = { bytes, len };
	int r;

	memset(bytes, (int)(seed % 251), len);
	r = seg_put(store, &bound, &slice, 1, flags, ret_id, reterr);
	free(bytes);
	return r;
}

static int
put(unsigned seed, size_t len, uint64_t *ret_id, struct hm_err *reterr)
{
	return put_as(0, seed, len, ret_id, reterr);
}

static int
do_link(struct hm_kv_txn *txn, void *arg)
{
	return seg_link(store, &bound, txn, *(uint64_t *)arg, 1);
}

static int
do_unlink(struct hm_kv_txn *txn, void *arg)
{
	return seg_link(store, &bound, txn, *(uint64_t *)arg, -1);
}

static int
put_and_link(unsigned seed, size_t len, uint64_t *ret_id)
{
	int r = put(seed, len, ret_id, NULL);

	return r ? r : hm_kv_run(&kv, HM_KV_DURABLE, do_link, ret_id, NULL);
}

static bool
holds(uint64_t id, unsigned seed, size_t len)
{
	struct hm_blob_reader *reader;
	uint64_t size, at;
	bool good;
	char c;

	if (seg_open(store, &bound, id, &reader, &size, NULL) < 0)
		return false;
	good = size == len;
	for (at = 0; at < len && good; at += 97)
		good = seg_read(reader, at, &c, 1) == 1 &&
		    (unsigned char)c == seed % 251;
	seg_close(reader);
	return good;
}

static unsigned
count_segments(void)
{
	struct seg_size *list;
	size_t n = 0;

	if (seg_list(store, &list, &n, NULL) == 0)
		free(list);
	return (unsigned)n;
}

/* ---- ends ---- */

static void
test_orderly_end(void)
{
	uint64_t ids[10];
	unsigned i, good = 0;

	for (i = 0; i < 10; i++) {
		open_all("orderly", 1 << 20, 8);
		put_and_link(i, 1000, &ids[i]);
		close_all();
	}
	open_all("orderly", 1 << 20, 8);
	is_int(count_segments(), 1, "ten starts go on in one segment");
	for (i = 0; i < 10; i++)
		good += holds(ids[i], i, 1000);
	is_int(good, 10, "which has all ten blobs");
	close_all();
}

/* A process dies in the middle; the end of its segment is cut or overwritten. */
static void
test_torn(const char *name, int change, bool junk)
{
	uint64_t ids[21], again[5], total, dead;
	unsigned i, k, good = 0, same = 0;
	int fds[2], status, fd;
	struct stat st;
	char bytes[512];
	pid_t pid;

	if (pipe(fds) < 0 || (pid = fork()) < 0) {
		ok(false, "pipe and fork");
		return;
	}
	if (pid == 0) {
		open_all(name, 1 << 20, 8);
		for (i = 0; i < 20; i++)
			put_and_link(i, 3000 + i, &ids[i]);
		put(20, 3000, &ids[20], NULL);
		_exit(write(fds[1], ids, sizeof(ids)) != sizeof(ids));
	}
	waitpid(pid, &status, 0);
	ok(read(fds[0], ids, sizeof(ids)) == sizeof(ids) && status == 0,
	    "%s: a process ends in the middle", name);
	close(fds[0]);
	close(fds[1]);
	fd = open(scratch_path("%s/blob/00000001.seg", name), O_RDWR);
	fstat(fd, &st);
	/* the last one was not linked: it may be lost */
	st.st_size = (off_t)((ids[20] & UINT32_MAX) * SEG_ALIGN) + change;
	memset(bytes, 0x5a, sizeof(bytes));
	ok(ftruncate(fd, st.st_size) == 0 && (!junk ||
	    pwrite(fd, bytes, sizeof(bytes), st.st_size) == sizeof(bytes)),
	    "%s: and its segment is torn", name);
	close(fd);
	open_all(name, 1 << 20, 8);
	for (i = 0; i < 20; i++)
		good += holds(ids[i], i, 3000 + i);
	is_int(good, 20, "%s: every acknowledged blob is there", name);
	for (k = 0; k < 5; k++) {
		put_and_link(k + 100, 500, &again[k]);
		for (i = 0; i < 21; i++)
			same += again[k] == ids[i];
	}
	is_int(same, 0, "%s: no id is used again", name);
	is_int(seg_verify(store, &bound, false, NULL, NULL, NULL, NULL), 0,
	    "%s: verify finds nothing wrong", name);
	is_int(seg_sweep(store, &bound, NULL), 0, "%s: sweep", name);
	seg_usage(store, &bound, &total, &dead);
	for (i = 0; i < 20; i++)
		good += holds(ids[i], i, 3000 + i);
	for (k = 0; k < 5; k++)
		good += holds(again[k], k + 100, 500);
	is_int(good, 45, "%s: everything is there afterwards", name);
	close_all();
}

/* ---- a disk that reports errors ---- */

static void
test_failing_sync(void)
{
	uint64_t before, lost = 0, after;
	struct hm_err err = { 0 };

	open_all("failing", 1 << 20, 8);
	is_int(put_and_link(1, 1000, &before), 0, "a blob");
	atomic_store(&fail_syncs, 1);
	is_int(put(2, 1000, &lost, &err), -HM_EIO, "then a sync fails");
	ok(lost == 0 && err.text[0], "nothing is acknowledged: %s", err.text);
	is_int(put(3, 1000, &lost, NULL), -HM_EIO, "and again");
	atomic_store(&fail_syncs, 0);
	is_int(put_and_link(4, 1000, &after), 0, "the next one is stored");
	ok(after >> 32 != before >> 32, "in another segment");
	ok(holds(before, 1, 1000) && holds(after, 4, 1000), "both can be read");
	close_all();
	open_all("failing", 1 << 20, 8);
	ok(holds(before, 1, 1000) && holds(after, 4, 1000),
	    "after a restart, too");
	close_all();
}

/* A segment is mostly dead, and what is alive in it partly damaged. */
static void
test_compact_damaged(void)
{
	uint64_t ids[8];
	unsigned i;
	int fd, r = 0;

	open_all("compact", 128 << 10, 8);
	for (i = 0; i < 8; i++)
		put_and_link(i, 20000, &ids[i]);
	is_int(count_segments(), 2, "two segments");
	for (i = 0; i < 5 && r == 0; i++)
		r = hm_kv_run(&kv, HM_KV_DURABLE, do_unlink, &ids[i], NULL);
	is_int(r, 0, "most of the first is given up");
	close_all();
	fd = open(scratch_path("compact/blob/00000001.seg"), O_RDWR);
	ok(pwrite(fd, "spoiled", 7, (off_t)(ids[5] & UINT32_MAX) * SEG_ALIGN +
	    1000) == 7, "and one of the others is damaged");
	close(fd);
	open_all("compact", 128 << 10, 8);
	is_int(seg_sweep(store, &bound, NULL), 0, "sweep");
	is_int(count_segments(), 2, "the segment stays");
	ok(strstr(told, "segment 1 stays: blob") && strstr(told, "checksum"),
	    "and why: %s", told);
	ok(holds(ids[6], 6, 20000) && holds(ids[7], 7, 20000),
	    "the others are there");
	is_int(seg_verify(store, &bound, false, NULL, NULL, NULL, NULL), 1,
	    "verify finds the one");
	close_all();
}

/* ---- many ---- */

static unsigned
count_fds(void)
{
	unsigned n = 0;
	int fd;

	for (fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
test_many(void)
{
	static uint64_t ids[120];
	unsigned i, good = 0, fds;
	int64_t start;

	open_all("many", 16 << 10, 8);
	fds = count_fds();
	for (i = 0; i < 120; i++)
		put_and_link(i, 20000, &ids[i]);
	is_int(count_segments(), 120, "120 segments");
	for (i = 0; i < 120; i++)
		good += holds(ids[i * 7 % 120], i * 7 % 120, 20000);
	is_int(good, 120, "all are read");
	ok(count_fds() <= fds + 12, "with few files open");
	close_all();
	start = hm_now_ms();
	open_all("many", 16 << 10, 8);
	diag("opened again in %d ms", (int)(hm_now_ms() - start));
	ok(holds(ids[0], 0, 20000) && holds(ids[119], 119, 20000),
	    "after a restart, too");
	close_all();
}

/* A lost table does not lead to ids that are in use elsewhere, nor do lost
 * segments. */
static void
test_lost_files(void)
{
	static const char strange[SEG_HEADER] = "is no segment";
	uint64_t id, next;
	unsigned i;
	int fd;

	open_all("lost", 16 << 10, 8);
	for (i = 0; i < 10; i++)
		put_and_link(i, 20000, &id);
	close_all();
	for (i = 6; i <= 10; i++)
		unlink(scratch_path("lost/blob/%08u.seg", i));
	open_all("lost", 16 << 10, 8);
	is_int(put_and_link(77, 100, &next), 0, "a blob after a loss");
	ok(next >> 32 > id >> 32, "does not take a lost one's place");
	ok(holds(next, 77, 100), "and can be read");
	is_int(seg_verify(store, &bound, false, NULL, NULL, NULL, NULL), 5,
	    "verify tells of the five that are lost");
	is_int(seg_verify(store, &bound, true, NULL, NULL, NULL, NULL), 5,
	    "and gives them up");
	is_int(seg_verify(store, &bound, false, NULL, NULL, NULL, NULL), 0,
	    "then all is well");
	fd = open(scratch_path("lost/blob/00000050.seg"), O_WRONLY | O_CREAT, 0600);
	is_int(seg_verify(store, &bound, false, NULL, NULL, NULL, NULL), 0,
	    "one that a crash left without a header is nothing wrong");
	is_int(write(fd, strange, sizeof(strange)), sizeof(strange), "another");
	close(fd);
	is_int(seg_verify(store, &bound, false, NULL, NULL, NULL, NULL), 1,
	    "is strange");
	close_all();

	for (i = 0; i <= 50; i++)
		unlink(scratch_path("lost/blob/%08u.seg", i));
	close(open(scratch_path("lost/blob/gone"), O_WRONLY | O_CREAT, 0600));
	open_all("lost", 16 << 10, 8);
	ok(seg_verify(store, &bound, true, NULL, NULL, NULL, NULL) > 0,
	    "all that is left is given up, too");
	close_all();
	open_all("lost", 16 << 10, 8);
	is_int(put_and_link(78, 100, &id), 0, "a blob after that");
	ok(id >> 32 > next >> 32, "takes nobody's place either");
	close_all();
}

/* ---- bodies that the log of the tables has as well ---- */

/* A process that ends without an end, and whose bodies never came to the disk. */
static void
lose_bodies(uint64_t ids[2])
{
	unsigned long syncs;
	static const char zeroes[5000];
	struct stat st;
	int fd;

	open_all("covered", 1 << 20, 8);
	put(1, 100, &ids[0], NULL);
	syncs = atomic_load(&store->syncs);
	if (put_as(HM_BLOB_LINKED, 2, 5000, &ids[0], NULL) < 0 ||
	    atomic_load(&store->syncs) != syncs)
		_exit(1);
	if (put_as(HM_BLOB_LINKED, 3, 100000, &ids[1], NULL) < 0 ||
	    atomic_load(&store->syncs) != syncs + 1)
		_exit(2);
	if (hm_kv_run(&kv, HM_KV_LAZY, do_link, &ids[0], NULL) < 0 ||
	    hm_kv_run(&kv, HM_KV_DURABLE, do_link, &ids[1], NULL) < 0)
		_exit(3);
	fd = open(scratch_path("covered/blob/00000001.seg"), O_RDWR);
	if (fd < 0 || fstat(fd, &st) < 0)
		_exit(4);
	if (pwrite(fd, zeroes, sizeof(zeroes),
	    (off_t)(ids[0] & UINT32_MAX) * SEG_ALIGN) != sizeof(zeroes))
		_exit(5);
	_exit(holds(ids[0], 2, 5000) ? 6 : 0);
}

static void
test_covered(void)
{
	uint64_t *ids = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t pid;

	scratch_dir();
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		lose_bodies(ids);
	waitpid(pid, &status, 0);
	is_int(status, 0, "a small body that is linked needs no sync of its own");
	open_all("covered", 1 << 20, 8);
	ok(holds(ids[0], 2, 5000), "after a crash the log brings it back");
	ok(holds(ids[1], 3, 100000), "a large one had its sync");
	close_all();
	open_all("covered", 1 << 20, 8);
	ok(holds(ids[0], 2, 5000), "and it stays");
	is_int(seg_verify(store, &bound, false, NULL, NULL, NULL, NULL), 0,
	    "verify agrees");
	close_all();
	munmap(ids, 4096);
}

int
main(void)
{
	test_covered();
	test_orderly_end();
	test_torn("cut before", 0, false);
	test_torn("cut within", 40, false);
	test_torn("cut in head", 12, true);
	test_torn("overwritten", 5, true);
	test_failing_sync();
	test_compact_damaged();
	test_many();
	test_lost_files();
	return done();
}
