/* Virtual time and the simulated network. */
#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/net.h>
#include <hermod/rand.h>
#include <hermod/str.h>
#include <hermod/work.h>

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "core/run/fiber-private.h"
#include "core/run/listen.h"
#include "core/run/loop.h"
#include "core/run/sim.h"
#include "t/tap.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static struct hm_sockaddr
addr_of(const char *text)
{
	struct hm_sockaddr a;

	if (hm_sockaddr_parse(hm_str(text), &a) != 0)
		abort();
	return a;
}

/* ---- time ---- */

static void
retries(void *arg)
{
	int *n = arg, i;

	for (i = 0; i < 1000; i++) {
		if (hm_sleep(3600 * 1000) != 0)
			return;
		(*n)++;
	}
}

static void
test_weeks(void)
{
	int64_t wall = hm_wall_ms(), now = hm_now_ms();
	struct timespec a, b;
	int n = 0;

	clock_gettime(CLOCK_MONOTONIC, &a);
	hm_fiber_start(NULL, "retries", retries, &n);
	hm_sim_advance(14LL * DAY_MS);
	is_int(n, 14 * 24, "two weeks of hourly retries");
	is_int(hm_now_ms() - now, 14LL * DAY_MS, "have passed");
	is_int(hm_wall_ms() - wall, 14LL * DAY_MS, "on the wall as well");
	hm_loop_run();
	is_int(n, 1000, "running until nothing is left finishes the rest");
	clock_gettime(CLOCK_MONOTONIC, &b);
	ok(b.tv_sec - a.tv_sec < 10, "in little time");
}

static char trail[200];

static void
mark(void *arg)
{
	size_t len = strlen(trail);

	snprintf(trail + len, sizeof(trail) - len, "%s@%lld ",
	    (const char *)arg, (long long)(hm_now_ms() % 1000));
}

static void
marker(void *arg)
{
	hm_sleep(20);
	mark(arg);
	hm_yield();
	mark(arg);
}

static void
test_order(void)
{
	static char name[5][3] = { "t1", "f1", "f2", "t2", "t3" };

	hm_clock_advance(1000 - hm_now_ms() % 1000);
	hm_timer_start(20, mark, name[0]);
	hm_fiber_start(NULL, "marker", marker, name[1]);
	hm_fiber_start(NULL, "marker", marker, name[2]);
	hm_timer_start(10, mark, name[3]);
	hm_timer_start(20, mark, name[4]);
	hm_sim_run_until_idle();
	is_str(trail, "", "time stands still by itself");
	hm_sim_advance(15);
	is_str(trail, "t2@10 ", "what is due happens");
	hm_sim_advance(100);
	is_str(trail, "t2@10 t1@20 t3@20 f1@20 f2@20 f1@20 f2@20 ",
	    "everything at its moment and in order");
}

static bool
is_over(void *arg)
{
	return *(int *)arg >= 10;
}

static void
test_until(void)
{
	int n = 0;
	int64_t now = hm_now_ms();

	hm_fiber_start(NULL, "retries", retries, &n);
	ok(hm_sim_run_until(is_over, &n, 30LL * DAY_MS), "until something is so");
	is_int(hm_now_ms() - now, 10 * 3600 * 1000, "and no longer");
	n = -1000000;
	ok(!hm_sim_run_until(is_over, &n, DAY_MS), "at most so long");
	hm_fiber_cancel_all(NULL);
	hm_sim_run_until_idle();
	is_int(hm_fiber_count(), 0, "cancelled");
}

/* ---- jobs ---- */

struct job_info {
	pthread_t thread;
	uintptr_t stack;
	bool in_fiber;
	int nested;
};

static int
nested(void *arg)
{
	return *(int *)arg + 1;
}

static int
inspect(void *arg)
{
	struct job_info *info = arg;
	int two = 2;

	info->thread = pthread_self();
	info->stack = (uintptr_t)&two;
	info->in_fiber = hm_fiber_self() != NULL;
	info->nested = hm_work(nested, &two);
	return 42;
}

static void
job_user(void *arg)
{
	struct job_info *info = arg;
	char here;

	is_int(hm_work(inspect, info), 42, "a job gives its result");
	ok(pthread_equal(info->thread, pthread_self()), "on the same thread");
	ok(info->stack + 1000000 < (uintptr_t)&here ||
	    info->stack > (uintptr_t)&here + 1000000,
	    "but on the thread's own stack");
	ok(!info->in_fiber, "outside the fiber");
	is_int(info->nested, 3, "a job within a job");
}

static void
job_done(int result, void *arg)
{
	*(int *)arg = result;
}

static int
forty_three(void *arg)
{
	(void)arg;
	return 43;
}

static void
test_jobs(void)
{
	struct job_info info = { 0 };
	int result = 0;

	hm_fiber_start(NULL, "jobs", job_user, &info);
	hm_sim_run_until_idle();
	hm_work_detached(forty_three, job_done, &result);
	is_int(result, 0, "a detached one does not run at once");
	hm_sim_run_until_idle();
	is_int(result, 43, "but soon");
}

/* ---- network ---- */

struct server {
	char log[400];
	struct hm_tls *tls;
	int served;
};

static void
serve(struct hm_mod *m, struct hm_io *io, void *arg)
{
	struct server *s = arg;
	char peer[112], local[112];
	struct hm_str line;
	size_t len = strlen(s->log);

	(void)m;
	s->served++;
	snprintf(s->log + len, sizeof(s->log) - len, "%s>%s ",
	    hm_sockaddr_text(peer, hm_io_peer(io)),
	    hm_sockaddr_text(local, hm_io_local(io)));
	hm_io_puts(io, "220 hello\n");
	while (hm_io_read_line(io, 100, &line, NULL) == 0)
		if (hm_io_printf(io, "250 %.*s\n", (int)line.len, line.p) != 0)
			break;
	hm_io_close(io);
}

struct client {
	const char *to, *from;
	int dial_rc, rc, replies;
	int64_t took_ms, idle_ms;
	struct hm_err err;
};

static void
client_main(void *arg)
{
	struct client *c = arg;
	struct hm_sockaddr to = addr_of(c->to), from;
	int64_t start = hm_now_ms();
	struct hm_str line;
	struct hm_io *io;
	int i;

	if (c->from)
		from = addr_of(c->from);
	c->dial_rc = hm_dial(&to, c->from ? &from : NULL, 5000, &io, &c->err);
	c->took_ms = hm_now_ms() - start;
	if (c->dial_rc != 0)
		return;
	c->rc = hm_io_read_line(io, 100, &line, NULL);
	for (i = 0; i < 5 && c->rc == 0; i++) {
		if (c->idle_ms)
			hm_sleep(c->idle_ms);
		c->rc = hm_io_printf(io, "NOOP %d\n", i);
		if (c->rc == 0)
			c->rc = hm_io_read_line(io, 100, &line, NULL);
		c->replies += c->rc == 0;
	}
	hm_io_close(io);
}

static void
run_client(struct client *c)
{
	hm_fiber_start(NULL, "client", client_main, c);
	hm_sim_advance(60 * 1000);
}

static bool
silent(const struct hm_sockaddr *addr, void *arg)
{
	(void)arg;
	return addr->port == 9;
}

static void
test_network(void)
{
	struct hm_sockaddr any = addr_of("0.0.0.0:25");
	struct hm_sockaddr one = addr_of("[2001:db8::25]:25");
	struct server s = { 0 };
	struct client c;

	is_int(hm_listen(NULL, &any, NULL, serve, &s, NULL), 0, "a listener");
	is_int(hm_listen(NULL, &one, NULL, serve, &s, NULL), 0, "another");
	c = (struct client){ .to = "192.0.2.25:25", .from = "198.51.100.7:999" };
	run_client(&c);
	is_int(c.replies, 5, "a conversation");
	is_str(s.log, "198.51.100.7:999>192.0.2.25:25 ",
	    "with the addresses that were meant");
	c = (struct client){ .to = "[2001:db8::25]:25" };
	run_client(&c);
	is_int(c.replies, 5, "by IPv6");
	c = (struct client){ .to = "[2001:db8::26]:25" };
	run_client(&c);
	is_int(c.dial_rc, -HM_EIO, "refused: %s", c.err.text);
	hm_sim_silent(silent, NULL);
	c = (struct client){ .to = "192.0.2.25:9" };
	run_client(&c);
	is_int(c.dial_rc, -HM_ETIMEDOUT, "silence: %s", c.err.text);
	is_int(c.took_ms, 5000, "for as long as one waits");
	c = (struct client){ .to = "192.0.2.25:25", .idle_ms = 29999 };
	run_client(&c);
	hm_sim_advance(3600 * 1000);
	is_int(c.replies, 5, "a slow client is served");
	c = (struct client){ .to = "192.0.2.25:25", .idle_ms = 30001 };
	run_client(&c);
	is_int(c.replies, 0, "a slower one is not");
	is_int(hm_fiber_count(), 0, "all have ended");
	hm_sim_reset();
}

/* Every operation of a conversation fails once; nothing hangs or leaks. */
static void
test_faults(void)
{
	struct hm_sockaddr any = addr_of("0.0.0.0:26");
	unsigned ops[HM_SIM_OPS], n, op, wrong = 0, runs = 0;
	struct server s = { 0 };
	struct client c = { .to = "192.0.2.25:26" };

	hm_listen(NULL, &any, NULL, serve, &s, NULL);
	hm_sim_reset();
	run_client(&c);
	for (op = 0; op < HM_SIM_OPS; op++)
		ops[op] = hm_sim_count((enum hm_sim_op)op);
	ok(ops[HM_SIM_READ] >= 11 && ops[HM_SIM_WRITE] >= 11 &&
	    ops[HM_SIM_CONNECT] == 1, "operations are counted");
	for (op = 0; op < HM_SIM_OPS; op++) {
		for (n = 1; n <= ops[op]; n++) {
			c = (struct client){ .to = "192.0.2.25:26" };
			hm_sim_reset();
			hm_sim_fail((enum hm_sim_op)op, n);
			s.log[0] = '\0';
			run_client(&c);
			runs++;
			wrong += hm_fiber_count() != 0;
			wrong += c.replies == 5 && c.rc == 0 && c.dial_rc == 0;
		}
	}
	ok(runs >= 23, "%u faults tried", runs);
	is_int(wrong, 0, "each was noticed and everybody went home");
	hm_sim_reset();
	hm_listeners_retire(NULL);
}

/* ---- the same seed, the same run ---- */

static uint64_t digest;

static void
random_walker(void *arg)
{
	uint64_t id = (uint64_t)(uintptr_t)arg;
	int i;

	for (i = 0; i < 20; i++) {
		hm_sleep((int64_t)hm_random_below(50));
		digest = digest * 1099511628211u ^ (id + 1) ^
		    (uint64_t)(hm_now_ms() % 100000) << 8;
	}
}

static uint64_t
walk(uint64_t seed)
{
	int64_t now = hm_now_ms();
	uintptr_t i;

	hm_clock_advance(100000 - now % 100000);
	hm_random_seed(seed);
	digest = 14695981039346656037u;
	for (i = 0; i < 50; i++)
		hm_fiber_start(NULL, "walker", random_walker, (void *)i);
	hm_sim_advance(5000);
	return digest;
}

int
main(void)
{
	hm_clock_virtual(1700000000000);
	if (hm_loop_init(NULL) != 0)
		return 1;
	test_weeks();
	test_order();
	test_until();
	test_jobs();
	test_network();
	test_faults();
	ok(walk(1) == walk(1), "the same seed gives the same run");
	ok(walk(1) != walk(2), "another seed another one");
	hm_loop_free(1000);
	return done();
}
