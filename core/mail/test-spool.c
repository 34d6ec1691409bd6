/* test-spool.c - in memory, on file, over the border, and without room. */
#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <signal.h>

#include <hermod/err.h>
#include <hermod/spool.h>
#include <hermod/str.h>

#include "t/tap.h"

static char dir[] = "/tmp/hermod-spool-XXXXXX";

static int
entries(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n - 2;
}

static unsigned char
byte_at(uint64_t i)
{
	return (unsigned char)(i * 31 + i / 251);
}

static bool
view_ok(struct hm_spool *spool, uint64_t size)
{
	struct hm_str s = { NULL, 0 };

	if (hm_spool_view(spool, &s) < 0 || s.len != size)
		return false;
	for (uint64_t i = 0; i < size; i++)
		if ((unsigned char)s.p[i] != byte_at(i))
			return false;
	return true;
}

static bool
read_ok(struct hm_spool *spool, uint64_t size)
{
	static unsigned char buf[5000];
	uint64_t at = 0;

	for (;;) {
		ssize_t n = hm_spool_read(spool, at, buf, sizeof(buf));
		if (n <= 0)
			return n == 0 && at == size;
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != byte_at(at + (uint64_t)i))
				return false;
		at += (uint64_t)n;
	}
}

/* 0, or how it failed. */
static int
fill(struct hm_spool *spool, uint64_t upto, size_t piece)
{
	static unsigned char buf[300000];
	int r = 0;

	while (r == 0 && hm_spool_size(spool) < upto) {
		uint64_t at = hm_spool_size(spool);
		size_t n = piece < upto - at ? piece : (size_t)(upto - at);
		for (size_t i = 0; i < n; i++)
			buf[i] = byte_at(at + i);
		r = hm_spool_append(spool, buf, n, NULL);
	}
	return r;
}

static void
test_sizes(void)
{
	static const uint64_t sizes[] = {
		0, 1, 131071, 131072, 131073, 262144, 700001
	};
	static const size_t pieces[] = { 77, 4096, 131072, 299999 };

	for (size_t i = 0; i < HM_ARRAY_LEN(sizes); i++) {
		for (size_t k = 0; k < HM_ARRAY_LEN(pieces); k++) {
			struct hm_spool *spool = hm_spool_new(dir);
			ok(fill(spool, sizes[i], pieces[k]) == 0 &&
			    read_ok(spool, sizes[i]) &&
			    view_ok(spool, sizes[i]) &&
			    view_ok(spool, sizes[i]) &&
			    read_ok(spool, sizes[i]),
			    "%d bytes by %zu", (int)sizes[i], pieces[k]);
			hm_spool_free(spool);
		}
	}
	struct hm_spool *spool = hm_spool_new(dir);
	ok(fill(spool, 200000, 1000) == 0 && view_ok(spool, 200000) &&
	    fill(spool, 400000, 1000) == 0 && view_ok(spool, 400000),
	    "a view does not end the writing");
	is_int(entries(), 0, "the file has no name");
	hm_spool_free(spool);
	hm_spool_free(NULL);
}

static void
test_failure(void)
{
	struct rlimit limit = { 300000, 300000 };
	struct hm_err err = { 0 };
	char c = 'x';

	struct hm_spool *spool = hm_spool_new("/nonexistent/directory");
	is_int(fill(spool, 200000, 1000), -HM_EIO, "no directory");
	is_int(hm_spool_append(spool, &c, 1, &err), -HM_EIO,
	    "afterwards it is unusable");
	ok(err.text[0], "and says so");
	struct hm_str s;
	is_int(hm_spool_view(spool, &s), -HM_EIO, "in every way");
	is_int(hm_spool_read(spool, 0, &c, 1), -HM_EIO, "it can be used");
	hm_spool_free(spool);

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	spool = hm_spool_new(dir);
	is_int(fill(spool, 2000000, 100000), -HM_ENOSPC, "no room for more");
	hm_spool_free(spool);
}

int
main(void)
{
	if (!mkdtemp(dir))
		return 1;
	test_sizes();
	test_failure();
	ok(rmdir(dir) == 0, "nothing is left");
	return done();
}
