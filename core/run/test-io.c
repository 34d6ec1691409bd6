/* Streams: lines, limits, buffers, waiting, throttling, ends. */
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/str.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/run/fiber-private.h"
#include "core/run/loop.h"
#include "t/tap.h"

/* Each test runs over a pair in memory and over a real socket pair. */
static bool over_socket;

static void
make_pair(struct hm_io **a, struct hm_io **b)
{
	int fd[2];

	if (!over_socket) {
		hm_io_pair(a, b);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		abort();
	*a = hm_io_from_fd(fd[0]);
	*b = hm_io_from_fd(fd[1]);
}

static const char *
kind(void)
{
	return over_socket ? "socket" : "memory";
}

struct ends {
	struct hm_io *a, *b;
	struct hm_cond cond;
	size_t total;
	int rc;
	bool flag;
};

static void
run(hm_fiber_fn *first, hm_fiber_fn *second)
{
	struct ends e = { 0 };

	make_pair(&e.a, &e.b);
	hm_fiber_start(NULL, "first", first, &e);
	if (second)
		hm_fiber_start(NULL, "second", second, &e);
	hm_loop_run_until_idle();
}

/* ---- lines ---- */

static const struct {
	const char *sent;
	size_t max;
	int rc;
	const char *line;
	bool crlf;
} line_cases[] = {
	{ "hello\r\n", 100, 0, "hello", true },
	{ "hello\n", 100, 0, "hello", false },
	{ "\r\n", 100, 0, "", true },
	{ "\n", 0, 0, "", false },
	{ "a\rb\r\n", 100, 0, "a\rb", true },
	{ "\r\r\n", 100, 0, "\r", true },
	{ "12345\r\n", 5, 0, "12345", true },
	{ "12345\n", 5, 0, "12345", false },
	{ "123456\r\n", 5, -HM_ELIMIT, NULL, false },
	{ "12345\r6\n", 5, -HM_ELIMIT, NULL, false },
	{ "123456", 5, -HM_ELIMIT, NULL, false },
	{ "1234567", 5, -HM_ELIMIT, NULL, false },
	{ "12345\r", 5, -HM_EEOF, NULL, false },
	{ "unfinished", 100, -HM_EEOF, NULL, false },
	{ "", 100, -HM_EEOF, NULL, false },
};

static unsigned line_case;

static void
line_writer(void *arg)
{
	struct ends *e = arg;

	hm_io_puts(e->a, line_cases[line_case].sent);
	hm_io_close(e->a);
}

static void
line_reader(void *arg)
{
	struct ends *e = arg;
	struct hm_str line = { 0 };
	bool crlf = false;
	int rc = hm_io_read_line(e->b, line_cases[line_case].max, &line, &crlf);

	is_int(rc, line_cases[line_case].rc, "line %u, %s: result", line_case,
	    kind());
	if (rc == 0) {
		is_slice(line, line_cases[line_case].line, "line %u: text",
		    line_case);
		ok(crlf == line_cases[line_case].crlf, "line %u: its end",
		    line_case);
	}
	hm_io_close(e->b);
}

static void
test_lines(void)
{
	for (line_case = 0; line_case < HM_ARRAY_LEN(line_cases); line_case++)
		run(line_reader, line_writer);
}

/* A line that comes byte by byte, two in one write, a very long one. */
static void
pieces_writer(void *arg)
{
	struct ends *e = arg;
	const char *s = "one by one\r\n";
	char block[1000];
	int i;

	for (; *s; s++) {
		hm_io_write(e->a, s, 1);
		hm_io_flush(e->a);
		hm_yield();
	}
	hm_io_puts(e->a, "two\r\nthree\r\n");
	memset(block, 'x', sizeof(block));
	for (i = 0; i < 100; i++)
		hm_io_write(e->a, block, sizeof(block));
	hm_io_puts(e->a, "\n");
	for (i = 0; i < 100; i++)
		hm_io_write(e->a, block, sizeof(block));
	hm_io_puts(e->a, "\nlast\n");
	hm_io_close(e->a);
}

static void
pieces_reader(void *arg)
{
	struct ends *e = arg;
	struct hm_str line;
	int rc;

	rc = hm_io_read_line(e->b, 100, &line, NULL);
	ok(rc == 0 && hm_str_is(line, "one by one"), "a line in pieces");
	rc = hm_io_read_line(e->b, 100, &line, NULL);
	ok(rc == 0 && hm_str_is(line, "two"), "the first of two");
	rc = hm_io_read_line(e->b, 100, &line, NULL);
	ok(rc == 0 && hm_str_is(line, "three"), "the second of two");
	rc = hm_io_read_line(e->b, 200000, &line, NULL);
	ok(rc == 0 && line.len == 100000, "a line of 100000 bytes");
	is_int(hm_io_read_line(e->b, 1000, &line, NULL), -HM_ELIMIT,
	    "another one is too long");
	is_int(hm_io_read_line(e->b, 1000, &line, NULL), -HM_ELIMIT,
	    "and stays so: nothing was consumed");
	is_int(hm_io_skip_line(e->b, 200000), 0, "it can be skipped");
	rc = hm_io_read_line(e->b, 1000, &line, NULL);
	ok(rc == 0 && hm_str_is(line, "last"), "the one behind it");
	is_int(hm_io_read_line(e->b, 1000, &line, NULL), -HM_EEOF, "the end");
	is_int(hm_io_skip_line(e->b, 100), -HM_EEOF, "still the end");
	hm_io_close(e->b);
}

static void
skip_writer(void *arg)
{
	struct ends *e = arg;

	hm_io_puts(e->a, "0123456789012345678901234567890123456789");
	hm_io_close(e->a);
}

static void
skip_reader(void *arg)
{
	struct ends *e = arg;

	is_int(hm_io_skip_line(e->b, 20), -HM_ELIMIT, "skipping has a limit");
	hm_io_close(e->b);
}

/* ---- blocks ---- */

static void
block_writer(void *arg)
{
	struct ends *e = arg;
	static char block[300000];
	size_t i;

	for (i = 0; i < sizeof(block); i++)
		block[i] = (char)(i * 7);
	hm_io_puts(e->a, "head");
	e->rc = hm_io_write(e->a, block, sizeof(block));
	hm_io_printf(e->a, "%0600d", 5);
	hm_io_close(e->a);
}

static void
block_reader(void *arg)
{
	struct ends *e = arg;
	static char block[300000];
	struct hm_str s;
	size_t i, wrong = 0, total = 0;
	int rc;

	rc = hm_io_peek(e->b, &s);
	ok(rc == 0 && s.len >= 1 && s.p[0] == 'h', "peek sees");
	ok(hm_io_buffered(e->b) == s.len && hm_io_ready(e->b), "and buffers");
	hm_io_consume(e->b, 1);
	rc = hm_io_read_full(e->b, block, 3);
	ok(rc == 0 && memcmp(block, "ead", 3) == 0, "a few bytes");
	is_int(hm_io_read_full(e->b, block, sizeof(block)), 0, "many bytes");
	for (i = 0; i < sizeof(block); i++)
		wrong += block[i] != (char)(i * 7);
	is_int(wrong, 0, "all of them right");
	while ((rc = hm_io_read_some(e->b, 100, &s)) == 0)
		total += s.len <= 100 ? s.len : 0;
	is_int(total, 600, "the rest in parts of at most 100");
	is_int(rc, -HM_EEOF, "then the end");
	is_int(hm_io_read_full(e->b, block, 1), -HM_EEOF, "for all readers");
	hm_io_close(e->b);
	is_int(e->rc, 0, "the writer wrote it in one go");
}

/* ---- autoflush, timeouts, errors ---- */

static void
polite(void *arg)
{
	struct ends *e = arg;
	struct hm_str line;

	hm_io_puts(e->a, "question\n");
	e->rc = hm_io_read_line(e->a, 100, &line, NULL);
	ok(e->rc == 0 && hm_str_is(line, "answer"),
	    "a read sends what was written before");
	hm_io_timeouts(e->a, 20, 20);
	is_int(hm_io_read_line(e->a, 100, &line, NULL), -HM_ETIMEDOUT,
	    "silence ends a read");
	is_int(hm_io_puts(e->a, "421 too slow\n"), 0,
	    "one can still say good-bye");
	hm_io_close(e->a);
}

static void
answers(void *arg)
{
	struct ends *e = arg;
	struct hm_str line;

	is_int(hm_io_read_line(e->b, 100, &line, NULL), 0, "a question");
	hm_io_puts(e->b, "answer\n");
	is_int(hm_io_read_line(e->b, 100, &line, NULL), 0, "a good-bye");
	is_slice(line, "421 too slow", "of that text");
	is_int(hm_io_read_line(e->b, 100, &line, NULL), -HM_EEOF, "and no more");
	hm_io_close(e->b);
}

static void
writes_too_much(void *arg)
{
	struct ends *e = arg;
	static char block[100000];
	int i, rc = 0;

	hm_io_timeouts(e->a, 20, 20);
	for (i = 0; i < 50 && rc == 0; i++)
		rc = hm_io_write(e->a, block, sizeof(block));
	is_int(rc, -HM_ETIMEDOUT, "a peer that takes nothing ends a write");
	is_int(hm_io_puts(e->a, "x"), -HM_ETIMEDOUT, "for good");
	hm_io_close(e->a);
	hm_io_abort(e->b);
}

static void
writes_to_nobody(void *arg)
{
	struct ends *e = arg;
	struct hm_str line;
	int rc;

	hm_io_abort(e->b);
	rc = hm_io_puts(e->a, "hello?\n");
	if (rc == 0)
		rc = hm_io_flush(e->a);
	is_int(rc, -HM_EIO, "nobody is there: %s", kind());
	rc = hm_io_read_line(e->a, 100, &line, NULL);
	ok(rc == -HM_EEOF || rc == -HM_EIO, "nor says anything");
	hm_io_close(e->a);
}

static void
is_cancelled(void *arg)
{
	struct ends *e = arg;
	struct hm_str line;

	hm_io_puts(e->a, "BYE\n");
	hm_fiber_cancel(hm_fiber_self());
	is_int(hm_io_read_line(e->a, 100, &line, NULL), -HM_ECANCELED,
	    "a cancelled fiber reads nothing");
	hm_io_close(e->a);
}

static void
hears_bye(void *arg)
{
	struct ends *e = arg;
	struct hm_str line = { 0 };

	is_int(hm_io_read_line(e->b, 100, &line, NULL), 0,
	    "its last words arrive");
	is_slice(line, "BYE", "in full");
	hm_io_close(e->b);
}

/* ---- waiting for the peer or a condition ---- */

static void
idler(void *arg)
{
	struct ends *e = arg;
	struct hm_str line;

	hm_io_puts(e->a, "+ idling\n");
	is_int(hm_io_wait(e->a, &e->cond, 10), -HM_ETIMEDOUT, "nothing happens");
	is_int(hm_io_wait(e->a, &e->cond, 5000), 0, "a signal comes");
	is_int(hm_io_wait(e->a, &e->cond, -1), 1, "the peer speaks");
	is_int(hm_io_wait(e->a, &e->cond, -1), 1, "which is still unread");
	is_int(hm_io_read_line(e->a, 100, &line, NULL), 0, "it is read");
	is_slice(line, "DONE", "it is right");
	is_int(hm_io_wait(e->a, NULL, -1), 1, "the peer leaves");
	is_int(hm_io_read_line(e->a, 100, &line, NULL), -HM_EEOF, "indeed");
	hm_io_close(e->a);
}

static void
idle_peer(void *arg)
{
	struct ends *e = arg;
	struct hm_str line;

	is_int(hm_io_read_line(e->b, 100, &line, NULL), 0,
	    "output was flushed first");
	hm_sleep(30);
	hm_wake(&e->cond);
	hm_sleep(5);
	hm_io_puts(e->b, "DONE\n");
	hm_io_flush(e->b);
	hm_sleep(5);
	hm_io_close(e->b);
}

static void
looks_only(void *arg)
{
	struct ends *e = arg;
	struct hm_str line;

	is_int(hm_io_wait(e->a, NULL, 0), -HM_ETIMEDOUT, "nothing there");
	ok(!hm_io_ready(e->a), "nor ready");
	hm_io_puts(e->b, "x\n");
	hm_io_flush(e->b);
	ok(hm_io_ready(e->a), "ready without a wait");
	is_int(hm_io_wait(e->a, NULL, 0), 1, "something is there");
	is_int(hm_io_read_line(e->a, 10, &line, NULL), 0, "a line");
	is_int(hm_io_wait(e->a, NULL, 0), -HM_ETIMEDOUT, "nothing again");
	hm_io_puts(e->b, "y\n");
	hm_io_flush(e->b);
	is_int(hm_io_wait(e->a, NULL, 0), 1, "something again: %s", kind());
	hm_io_close(e->b);
	hm_io_close(e->a);
}

/* ---- throttle ---- */

static void
tarpit(void *arg)
{
	struct ends *e = arg;
	int64_t start = hm_now_ms();

	hm_io_slow(e->a, 5, 1000);
	hm_io_puts(e->a, "0123456789\n");
	is_int(hm_io_flush(e->a), 0, "a slow flush");
	ok(hm_now_ms() - start >= 50, "takes its time");
	hm_io_slow(e->a, 50, 100);
	start = hm_now_ms();
	hm_io_printf(e->a, "%0300d\n", 1);
	is_int(hm_io_flush(e->a), 0, "a long one");
	ok(hm_now_ms() - start < 10000, "is hurried up");
	hm_io_slow(e->a, 0, 0);
	start = hm_now_ms();
	hm_io_printf(e->a, "%0300d\n", 1);
	is_int(hm_io_flush(e->a), 0, "not slow any more");
	hm_io_close(e->a);
}

static void
tarpitted(void *arg)
{
	struct ends *e = arg;
	struct hm_str s;
	int64_t first = 0;
	size_t total = 0;

	while (hm_io_read_some(e->b, 1000, &s) == 0) {
		if (!first)
			first = hm_now_ms();
		total += s.len;
	}
	is_int(total, 11 + 301 + 301, "all bytes came");
	hm_io_close(e->b);
}

/* ---- trace ---- */

static char traced[2][64];

static void
trace(bool sent, struct hm_str bytes, void *arg)
{
	size_t len = strlen(traced[sent]);

	(void)arg;
	snprintf(traced[sent] + len, sizeof(traced[0]) - len, "%.*s",
	    (int)bytes.len, bytes.p);
}

static void
traced_end(void *arg)
{
	struct ends *e = arg;
	struct hm_str line;

	memset(traced, 0, sizeof(traced));
	hm_io_trace(e->a, trace, NULL);
	hm_io_puts(e->a, "ping\n");
	hm_io_read_line(e->a, 100, &line, NULL);
	is_str(traced[true], "ping\n", "what was sent");
	is_str(traced[false], "pong\n", "what was received");
	hm_io_close(e->a);
}

static void
ponger(void *arg)
{
	struct ends *e = arg;
	struct hm_str line;

	hm_io_read_line(e->b, 100, &line, NULL);
	hm_io_puts(e->b, "pong\n");
	hm_io_close(e->b);
}

/* A writer faster than its reader is held back and resumed. */
static void
flooder(void *arg)
{
	struct ends *e = arg;
	static char block[5000];
	int i, rc = 0;

	memset(block, 'f', sizeof(block));
	for (i = 0; i < 200 && rc == 0; i++)
		rc = hm_io_write(e->a, block, sizeof(block));
	is_int(rc, 0, "a megabyte is written");
	hm_io_close(e->a);
}

static void
slow_reader(void *arg)
{
	struct ends *e = arg;
	struct hm_str s;
	size_t total = 0, n = 0;

	while (hm_io_read_some(e->b, 3000, &s) == 0) {
		total += s.len;
		if (++n % 50 == 0)
			hm_sleep(1);
	}
	is_int(total, 1000000, "and read: %s", kind());
	hm_io_close(e->b);
}

/* A pipe is a stream as well. */
static void
pipe_reader(void *arg)
{
	struct hm_io *io = arg;
	struct hm_str line = { 0 };

	is_int(hm_io_read_line(io, 100, &line, NULL), 0, "a line from a pipe");
	is_slice(line, "through a pipe", "in full");
	hm_io_close(io);
}

static void
pipe_writer(void *arg)
{
	hm_io_puts(arg, "through a pipe\n");
	hm_io_close(arg);
}

static void
test_pipe(void)
{
	int fd[2];

	if (pipe(fd) != 0)
		abort();
	hm_fiber_start(NULL, "reader", pipe_reader, hm_io_from_fd(fd[0]));
	hm_fiber_start(NULL, "writer", pipe_writer, hm_io_from_fd(fd[1]));
	hm_loop_run_until_idle();
}

int
main(void)
{
	int i;

	if (hm_loop_init(NULL) != 0)
		return 1;
	for (i = 0; i < 2; i++) {
		over_socket = i == 1;
		test_lines();
		run(pieces_writer, pieces_reader);
		run(skip_reader, skip_writer);
		run(block_writer, block_reader);
		run(polite, answers);
		run(writes_too_much, NULL);
		run(writes_to_nobody, NULL);
		run(is_cancelled, hears_bye);
		run(idler, idle_peer);
		run(looks_only, NULL);
		run(tarpit, tarpitted);
		run(traced_end, ponger);
		run(flooder, slow_reader);
	}
	test_pipe();
	hm_loop_free(1000);
	return done();
}
