/* test-damage.c - flipped bits, cut files, a torn log, a full disk: found,
 * contained, survived. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hermod/str.h>

#include "modules/kv-bdb/bdb.h"
#include "modules/kv-bdb/file.h"

#include "t/scratch.h"
#include "t/tap.h"

#define RECORDS 20000

static struct bdb_env *env;
static struct hm_kv_table *left, *right;
static char said[512];

static void
report(enum hm_loglevel level, const char *text, void *arg)
{
	(void)arg;
	snprintf(said, sizeof(said), "%s", text);
	if (level == HM_LOG_ERROR && getenv("VERBOSE"))
		diag("%s", text);
}

static int
open_env(const char *dir, uint64_t reserve, struct hm_err *reterr)
{
	struct bdb_conf conf = { .dir = dir, .cache_bytes = 1 << 20,
		.page_bytes = 4096, .checkpoint_bytes = 1 << 20,
		.lock_wait_ms = 2000, .reserve_bytes = reserve, .journal = true,
		.report = report };
	int r = bdb_open(&conf, &env, reterr);

	if (r)
		return r;
	if ((r = bdb_table(env, "left", &left, reterr)) ||
	    (r = bdb_table(env, "right", &right, reterr)))
		bdb_close(env);
	return r;
}

static struct hm_str
key_of(char buf[16], unsigned n)
{
	return (struct hm_str){ buf, (size_t)snprintf(buf, 16, "%08u", n) };
}

struct span {
	struct hm_kv_table *table;
	unsigned from, to;
	unsigned found;
};

static int
put_span(struct hm_kv_txn *txn, void *arg)
{
	struct span *span = arg;
	char key[16], value[100];
	unsigned i;
	int r;

	memset(value, 'v', sizeof(value));
	for (i = span->from; i < span->to; i++) {
		r = bdb_put(txn, span->table, key_of(key, i),
		    (struct hm_str){ value, sizeof(value) });
		if (r)
			return r;
	}
	return 0;
}

static int
get_span(struct hm_kv_txn *txn, void *arg)
{
	struct span *span = arg;
	struct hm_str got;
	char key[16];
	unsigned i;
	int r;

	for (span->found = 0, i = span->from; i < span->to; i++) {
		r = bdb_get(txn, span->table, key_of(key, i), 0, &got);
		if (r)
			return r;
		span->found++;
	}
	return 0;
}

static int
fill(struct hm_kv_table *table, unsigned n)
{
	struct span span = { .table = table };
	int r = 0;

	for (; span.from < n && r == 0; span.from = span.to) {
		span.to = span.from + 1000 < n ? span.from + 1000 : n;
		r = bdb_run(env, HM_KV_DURABLE, put_span, &span, NULL);
	}
	return r;
}

static bool
patch(const char *file, off_t at, unsigned char flip)
{
	int fd = open(file, O_RDWR);
	unsigned char c = 0;
	bool good = fd >= 0 && pread(fd, &c, 1, at) == 1;

	c ^= flip;
	good = good && pwrite(fd, &c, 1, at) == 1;
	if (fd >= 0)
		close(fd);
	return good;
}

/* How many of all records can be read one by one. */
static unsigned
readable(struct hm_kv_table *table, unsigned *ret_corrupt, int *ret_other)
{
	struct span span = { .table = table };
	unsigned good = 0;
	int r;

	*ret_corrupt = 0;
	*ret_other = 0;
	for (span.from = 0; span.from < RECORDS; span.from++) {
		span.to = span.from + 1;
		r = bdb_run(env, HM_KV_READ, get_span, &span, NULL);
		if (r == 0)
			good++;
		else if (r == -HM_ECORRUPT)
			++*ret_corrupt;
		else
			*ret_other = r;
	}
	return good;
}

static void
remember(const char *text, void *arg)
{
	(void)arg;
	snprintf(said, sizeof(said), "%s", text);
}

static void
test_flip(const char *dir)
{
	const char *file = scratch_path("kv/left.db");
	unsigned good, corrupt;
	struct span span = { .from = RECORDS, .to = RECORDS + 10 };
	struct stat st;
	int other;

	stat(file, &st);
	ok(patch(file, st.st_size / 4096 / 2 * 4096 + 1234, 0x10) &&
	    patch(file, st.st_size / 4096 / 2 * 4096 + 2345, 0x21),
	    "three bits flipped in the middle of a table");
	is_int(open_env(dir, 0, NULL), 0, "the environment opens");
	good = readable(left, &corrupt, &other);
	diag("%u readable, %u damaged, other errors: %d", good, corrupt, other);
	ok(corrupt > 0 && corrupt < 100 && other == 0 &&
	    good + corrupt == RECORDS, "only the records of that page are lost");
	good = readable(right, &corrupt, &other);
	is_int(good, RECORDS, "another table does not notice");
	span.table = left;
	is_int(bdb_run(env, HM_KV_DURABLE, put_span, &span, NULL), 0,
	    "the table can still be written elsewhere");
	said[0] = '\0';
	ok(bdb_verify(env, remember, NULL, NULL) > 0 && strstr(said, "left"),
	    "verify finds it: %s", said);
	bdb_close(env);
	is_int(open_env(dir, 0, NULL), 0, "and the environment opens again");
	span.table = left;
	is_int(bdb_run(env, HM_KV_READ, get_span, &span, NULL), 0,
	    "with what was written");
	bdb_close(env);
	patch(file, st.st_size / 4096 / 2 * 4096 + 1234, 0x10);
	patch(file, st.st_size / 4096 / 2 * 4096 + 2345, 0x21);
	is_int(open_env(dir, 0, NULL), 0, "with the bits flipped back");
	is_int(bdb_verify(env, remember, NULL, NULL), 0, "nothing is wrong");
	bdb_close(env);
}

/* One bit of any page: mended, and never in silence. */
static void
test_flips(const char *dir)
{
	const char *file = scratch_path("kv/left.db");
	unsigned i, silent = 0, broken = 0, seed = 4711, corrupt;
	struct stat st;
	int other;
	off_t at;

	stat(file, &st);
	for (i = 0; i < 40; i++) {
		seed = seed * 1103515245u + 12345u;
		/* the metadata page's sum covers its first 512 bytes */
		at = i < 8 ? (off_t)(i * 61) :
		    4096 + (off_t)(seed % (unsigned)(st.st_size - 4096));
		patch(file, at, (unsigned char)(1 << (i & 7)));
		said[0] = '\0';
		if (open_env(dir, 0, NULL) < 0) {
			broken++;
			break;
		}
		bdb_verify(env, NULL, NULL, NULL);
		bdb_repair(env, remember, NULL, NULL);
		silent += !strstr(said, "flipped bit");
		broken += bdb_verify(env, remember, NULL, NULL) != 0;
		bdb_close(env);
	}
	is_int(silent, 0, "40 flipped bits, all found");
	is_int(broken, 0, "and mended");
	is_int(open_env(dir, 0, NULL), 0, "afterwards");
	is_int(bdb_verify(env, remember, NULL, NULL), 0, "nothing is wrong");
	is_int(readable(left, &corrupt, &other), RECORDS, "all is there");
	bdb_close(env);
}

static void
spoil(const char *file, off_t at, size_t len)
{
	int fd = open(file, O_WRONLY);
	char junk[1024];

	memset(junk, 0xa5, sizeof(junk));
	if (fd < 0 || pwrite(fd, junk, len, at) != (ssize_t)len)
		diag("cannot write to %s", file);
	close(fd);
}

static void
ask_for_repair(void)
{
	close(open(scratch_path("kv/repair"), O_WRONLY | O_CREAT, 0600));
}

/* What cannot be mended is made anew from the rest, when it is asked for. */
static void
test_repair(const char *dir)
{
	const char *file = scratch_path("kv/left.db");
	struct hm_err err = { 0 };
	unsigned good, corrupt;
	int other;

	spoil(file, 4096, 300);         /* the root */
	spoil(file, 5 * 4096 + 100, 700);
	is_int(open_env(dir, 0, NULL), 0, "opens with a damaged root");
	is_int(readable(right, &corrupt, &other), RECORDS, "others are served");
	ok(bdb_repair(env, remember, NULL, NULL) > 0 &&
	    strstr(said, "opened next"), "a repair: %s", said);
	bdb_close(env);
	is_int(open_env(dir, 0, NULL), 0, "opens the next time");
	good = readable(left, &corrupt, &other);
	ok(good < RECORDS && good > RECORDS - 200 && corrupt == 0,
	    "%u records are there, those of one page are not", good);
	ok(bdb_lost(env, left) && !bdb_lost(env, right), "and it is known whose");
	is_int(bdb_verify(env, remember, NULL, NULL), 0, "nothing is wrong");
	is_int(fill(left, RECORDS), 0, "the table can be written");
	bdb_close(env);
	is_int(open_env(dir, 0, NULL), 0, "opens once more");
	ok(bdb_lost(env, left), "and that is still known");
	is_int(bdb_found(env, left, NULL), 0, "until the owner has looked");
	ok(!bdb_lost(env, left), "for them");
	is_int(bdb_found(env, left, NULL), 0, "as often as it likes");
	bdb_close(env);

	spoil(file, 10, 300);
	is_int(open_env(dir, 0, &err), -HM_ECORRUPT, "no first page: %s",
	    err.text);
	ok(strstr(err.text, "kv/repair"), "the way out is told");
	ask_for_repair();
	is_int(open_env(dir, 0, NULL), 0, "and it is one");
	is_int(readable(left, &corrupt, &other), RECORDS, "nothing is lost");
	bdb_close(env);
}

/* All files of the log are gone. */
static void
test_no_log(const char *dir)
{
	char file[512];
	struct hm_err err = { 0 };
	unsigned n, corrupt;
	int other;

	for (n = 1; n < 99; n++) {
		snprintf(file, sizeof(file), "%s/log.%010u", dir, n);
		unlink(file);
	}
	is_int(open_env(dir, 0, &err), -HM_ECORRUPT, "without a log: %s",
	    err.text);
	ask_for_repair();
	is_int(open_env(dir, 0, NULL), 0, "tables are made anew");
	is_int(readable(left, &corrupt, &other), RECORDS, "nothing is lost");
	is_int(readable(right, &corrupt, &other), RECORDS, "here neither");
	is_int(bdb_verify(env, remember, NULL, NULL), 0, "nothing is wrong");
	bdb_close(env);
	is_int(open_env(dir, 0, NULL), 0, "opens again");
	bdb_close(env);
}

static int full_calls;

/* In place of the library's, which Berkeley DB uses when pwrite() has failed. */
HM_API ssize_t
write(int fd, const void *p, size_t len)
{
	if (full_calls > 0) {
		errno = ENOSPC;
		return -1;
	}
	return syscall(SYS_write, fd, p, len);
}

static ssize_t
pwrite_when_full(int fd, const void *p, size_t len, off_t offset)
{
	if (full_calls > 0 && --full_calls > 0) {
		errno = ENOSPC;
		return -1;
	}
	return pwrite(fd, p, len, offset);
}

/* What is committed is not refused. */
static void
test_full_log(const char *dir)
{
	static const struct bdb_disk full = { .pwrite = pwrite_when_full,
		.sync = fdatasync, .truncate = ftruncate };
	struct span span = { .from = 1, .to = 2 };
	int r;

	is_int(open_env(dir, 0, NULL), 0, "a log");
	span.table = left;
	bdb_file_disk(&full);
	full_calls = 4;
	r = bdb_run(env, HM_KV_DURABLE, put_span, &span, NULL);
	is_int(full_calls, 0, "that has no room for a moment");
	full_calls = 0;
	is_int(r, 0, "the commit waits for it");
	bdb_file_disk(NULL);
	bdb_close(env);
}

/* In a process of its own, which may not die. */
static void
test_cut_table(const char *dir)
{
	const char *file = scratch_path("kv/left.db");
	unsigned good, corrupt;
	int status = -1, other;
	struct stat st;
	pid_t pid;

	stat(file, &st);
	if (truncate(file, st.st_size / 4096 / 2 * 4096) < 0)
		diag("cannot truncate");
	pid = fork();
	if (pid == 0) {
		if (open_env(dir, 0, NULL) < 0)
			_exit(9);
		good = readable(left, &corrupt, &other);
		diag("%u readable, other error %d", good, other);
		if (good == 0 || good == RECORDS)
			_exit(1);
		if (readable(right, &corrupt, &other) != RECORDS)
			_exit(2);
		if (bdb_verify(env, remember, NULL, NULL) < 1)
			_exit(3);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "half a table: the rest is served, verify tells");
}

/* The process ends without a checkpoint; then the log's end is lost or was
 * half written. */
static void
test_torn_log(unsigned cut, bool junk)
{
	const char *dir = scratch_path("torn%u%d", cut, junk);
	unsigned corrupt;
	int status = -1, other, fd;
	char file[512], bytes[2048];
	pid_t pid = fork();
	struct stat st;
	off_t end;

	if (pid == 0) {
		if (open_env(dir, 0, NULL) == 0 && fill(left, RECORDS) == 0 &&
		    fill(right, 10) == 0)
			_exit(0);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "a process ends without closing");
	for (corrupt = 1; corrupt < 99; corrupt++) {
		snprintf(file, sizeof(file), "%s/log.%010u", dir, corrupt + 1);
		if (stat(file, &st) < 0)
			break;
	}
	snprintf(file, sizeof(file), "%s/log.%010u", dir, corrupt);
	fd = open(file, O_RDWR);
	fstat(fd, &st);
	end = st.st_size - (off_t)cut;
	memset(bytes, 0x5a, sizeof(bytes));
	ok(fd >= 0 && ftruncate(fd, end) == 0 && (!junk ||
	    pwrite(fd, bytes, sizeof(bytes), end) == (ssize_t)sizeof(bytes)),
	    "its log loses %u bytes%s", cut, junk ? " and ends in junk" : "");
	close(fd);
	is_int(open_env(dir, 0, NULL), 0, "the environment recovers");
	is_int(readable(left, &corrupt, &other), RECORDS,
	    "what was synced before is there");
	is_int(bdb_verify(env, remember, NULL, NULL), 0, "verify agrees");
	bdb_close(env);
}

/* Until the disk is full, in a process of its own: it is refused, or ends when
 * what it has committed finds no room. Counts what was promised. */
static void
fill_until_refused(uint64_t reserve, volatile unsigned *promised)
{
	struct span span = { 0 };
	struct hm_err err = { 0 };
	int r = 0;

	if (open_env(scratch_path("disk/kv"), reserve, &err) < 0)
		_exit(1);
	span.table = left;
	for (; span.from < 1000000 && r == 0; span.from = span.to) {
		span.to = span.from + 100;
		r = bdb_run(env, HM_KV_DURABLE, put_span, &span, &err);
		if (r == 0)
			*promised = span.to;
		if (r == 0)
			bdb_look_at_disk(env);
	}
	/* what is there can be read */
	span.from = 0;
	span.to = *promised;
	if (r != -HM_ENOSPC ||
	    bdb_run(env, HM_KV_READ, get_span, &span, &err) < 0)
		_exit(2);
	_exit(0);
}

/* Exits with the number of the check that failed. */
static void
fill_disk(const char *dir, uint64_t reserve)
{
	const char *ballast = scratch_path("disk/ballast");
	unsigned *promised = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct hm_err err = { 0 };
	struct span span = { 0 };
	int fd, status = -1;
	pid_t pid;

	/* The ballast has the size of the log that may have to be applied. */
	if (!scratch_small_disk(dir, 36 << 10))
		_exit(77);
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, 18 << 20) != 0)
		_exit(77);
	pid = fork();
	if (pid == 0)
		fill_until_refused(reserve, promised);
	waitpid(pid, &status, 0);
	diag("%u records, status %d", *promised, status);
	fflush(stdout);
	if (status != 0 && (reserve > 0 || status != SIGABRT))
		_exit(2);
	/* Without room it may open or not, but nothing is lost by that. */
	if (open_env(scratch_path("disk/kv"), 0, &err) == 0)
		bdb_close(env);
	else if (err.code != -HM_ENOSPC) {
		diag("without room: %s", err.text);
		fflush(stdout);
		_exit(3);
	}
	close(fd);
	unlink(ballast);
	if (open_env(scratch_path("disk/kv"), 0, &err) < 0) {
		diag("with room again: %s", err.text);
		fflush(stdout);
		_exit(4);
	}
	span.table = left;
	span.to = *promised;
	if (bdb_run(env, HM_KV_READ, get_span, &span, &err) < 0 ||
	    bdb_verify(env, NULL, NULL, NULL) != 0)
		_exit(5);
	span = (struct span){ .table = left, .from = 2000000, .to = 2000100 };
	if (bdb_run(env, HM_KV_DURABLE, put_span, &span, &err) < 0) {
		diag("with room again: %s", err.text);
		fflush(stdout);
		_exit(6);
	}
	bdb_close(env);
	_exit(0);
}

static void
test_full_disk(uint64_t reserve, const char *name)
{
	const char *dir = scratch_path("disk");
	int status = -1;
	pid_t pid;

	mkdir(dir, 0700);
	pid = fork();
	if (pid == 0)
		fill_disk(dir, reserve);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip("%s: no small disk may be mounted", name);
	else
		is_int(status, 0, "%s: refused, nothing lost", name);
}

int
main(void)
{
	const char *dir = scratch_path("kv");

	is_int(open_env(dir, 0, NULL), 0, "two tables");
	is_int(fill(left, RECORDS) | fill(right, RECORDS), 0, "with records");
	bdb_close(env);
	test_flip(dir);
	test_flips(dir);
	test_repair(dir);
	test_no_log(dir);
	test_full_log(dir);
	test_cut_table(dir);
	test_torn_log(0, true);
	test_torn_log(13, false);
	test_torn_log(600, true);
	test_full_disk(4 << 20, "a reserve");
	test_full_disk(0, "a full disk");
	return done();
}
