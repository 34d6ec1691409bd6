/* Fibers: order, waiting, cancelling, deadlines, conditions, workers, timers. */
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/log.h>
#include <hermod/work.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/run/fiber-private.h"
#include "core/run/loop.h"
#include "t/tap.h"

/* ---- ping-pong ---- */

struct pong {
	struct hm_cond a, b;
	int turn, rounds;
	int64_t sum;
};

static void
ping_main(void *arg)
{
	struct pong *p = arg;
	int i;

	for (i = 0; i < p->rounds; i++) {
		while (p->turn != 0)
			if (hm_wait(&p->a, 1000) != 0)
				return;
		p->sum += i;
		p->turn = 1;
		hm_wake(&p->b);
	}
}

static void
pong_main(void *arg)
{
	struct pong *p = arg;
	int i;

	for (i = 0; i < p->rounds; i++) {
		while (p->turn != 1)
			if (hm_wait(&p->b, 1000) != 0)
				return;
		p->sum += i;
		p->turn = 0;
		hm_wake(&p->a);
	}
}

static void
test_ping_pong(void)
{
	struct pong p = { .rounds = 10000 };

	hm_fiber_start(NULL, "ping", ping_main, &p);
	hm_fiber_start(NULL, "pong", pong_main, &p);
	hm_loop_run_until_idle();
	is_int(p.sum, 2 * (9999LL * 10000 / 2), "ping and pong took turns");
	is_int(hm_fiber_count(), 0, "both have ended");
}

/* ---- cancelling and deadlines ---- */

struct result {
	int rc[8];
	int64_t took_ms;
	struct hm_cond cond;
	struct hm_fiber *other;
	bool flag;
};

static void
waits_for_ever(void *arg)
{
	struct result *r = arg;

	r->rc[0] = hm_wait(&r->cond, -1);
	r->rc[1] = hm_sleep(10);
	r->rc[2] = hm_yield();
	r->flag = hm_fiber_cancelled();
}

static void
canceller(void *arg)
{
	struct result *r = arg;

	hm_sleep(5);
	hm_fiber_cancel(r->other);
}

static void
test_cancel(void)
{
	struct result r = { 0 };

	r.other = hm_fiber_start(NULL, "waits", waits_for_ever, &r);
	hm_fiber_start(NULL, "cancels", canceller, &r);
	hm_loop_run_until_idle();
	is_int(r.rc[0], -HM_ECANCELED, "the current wait ends");
	is_int(r.rc[1], -HM_ECANCELED, "a later sleep does not begin");
	is_int(r.rc[2], -HM_ECANCELED, "nor a yield");
	ok(r.flag, "the fiber can ask");
	ok(r.cond.waiters == NULL, "and has left the condition");
}

static void
has_deadline(void *arg)
{
	struct result *r = arg;
	int64_t start = hm_now_ms();

	is_int(hm_fiber_deadline(start + 20), 0, "there was no deadline");
	r->rc[0] = hm_wait(&r->cond, 10000);
	r->took_ms = hm_now_ms() - start;
	r->rc[1] = hm_sleep(1);
	r->flag = hm_fiber_deadline(0) == start + 20;
	r->rc[2] = hm_sleep(1);
	r->rc[3] = hm_wait(&r->cond, 5);
	r->rc[4] = hm_wait(&r->cond, 0);
}

static void
test_deadline(void)
{
	struct result r = { 0 };

	hm_fiber_start(NULL, "deadline", has_deadline, &r);
	hm_loop_run_until_idle();
	is_int(r.rc[0], -HM_ETIMEDOUT, "a wait ends at the fiber's deadline");
	ok(r.took_ms >= 20 && r.took_ms < 2000, "at that time");
	is_int(r.rc[1], -HM_ETIMEDOUT, "no wait begins behind it");
	ok(r.flag, "the deadline is handed back when it is lifted");
	is_int(r.rc[2], 0, "then sleeping works");
	is_int(r.rc[3], -HM_ETIMEDOUT, "a wait's own limit");
	is_int(r.rc[4], -HM_ETIMEDOUT, "a limit of nothing");
}

/* ---- conditions ---- */

struct crowd {
	struct hm_cond cond;
	struct hm_sem sem;
	int woken[8], n_woken;
	int inside, most, done, late;
};

struct member {
	struct crowd *crowd;
	int id;
};

static void
member_main(void *arg)
{
	struct member *m = arg;

	if (hm_wait(&m->crowd->cond, 1000) == 0)
		m->crowd->woken[m->crowd->n_woken++] = m->id;
}

static void
waker_main(void *arg)
{
	struct crowd *c = arg;

	hm_yield();
	hm_wake_one(&c->cond);
	hm_yield();
	is_int(c->n_woken, 1, "wake_one wakes one");
	hm_wake(&c->cond);
	hm_yield();
	is_int(c->n_woken, 5, "wake wakes all");
}

static void
test_cond(void)
{
	struct crowd c = { 0 };
	struct member m[5];
	int i;

	for (i = 0; i < 5; i++) {
		m[i] = (struct member){ &c, i };
		hm_fiber_start(NULL, "member", member_main, &m[i]);
	}
	hm_fiber_start(NULL, "waker", waker_main, &c);
	hm_loop_run_until_idle();
	for (i = 0; i < 5; i++)
		is_int(c.woken[i], i, "in the order of waiting: %d", i);
}

static void
sem_user(void *arg)
{
	struct crowd *c = arg;

	if (hm_sem_take(&c->sem, 1000) != 0)
		return;
	if (++c->inside > c->most)
		c->most = c->inside;
	hm_sleep(1);
	c->inside--;
	c->done++;
	hm_sem_give(&c->sem);
}

static void
sem_impatient(void *arg)
{
	struct crowd *c = arg;

	c->late = hm_sem_take(&c->sem, 0);
}

static void
test_sem(void)
{
	struct crowd c = { .sem = { .free = 3 } };
	int i;

	for (i = 0; i < 20; i++)
		hm_fiber_start(NULL, "user", sem_user, &c);
	hm_fiber_start(NULL, "impatient", sem_impatient, &c);
	hm_loop_run_until_idle();
	is_int(c.done, 20, "all came in");
	is_int(c.most, 3, "at most three at once");
	is_int(c.late, -HM_ETIMEDOUT, "one did not want to wait");
	is_int(c.sem.free, 3, "all places are free again");
}

/* ---- workers ---- */

struct jobs {
	atomic_int ran;
	int sum, detached, result;
	pthread_t loop_thread;
	bool elsewhere, no_fiber;
};

static int
job(void *arg)
{
	struct jobs *j = arg;

	atomic_fetch_add(&j->ran, 1);
	if (pthread_equal(pthread_self(), j->loop_thread))
		j->elsewhere = false;
	if (hm_fiber_self())
		j->no_fiber = false;
	return 7;
}

static void
job_user(void *arg)
{
	struct jobs *j = arg;
	int i;

	for (i = 0; i < 20; i++)
		j->sum += hm_work(job, j);
}

static void
job_done(int result, void *arg)
{
	struct jobs *j = arg;

	j->detached++;
	j->result = result;
	ok(hm_on_loop(), "done runs on the loop");
}

static void
test_work(void)
{
	struct jobs j = { .loop_thread = pthread_self(), .elsewhere = true,
	    .no_fiber = true };
	int i;

	is_int(hm_work(job, &j), 7, "outside fibers the job is just called");
	j.elsewhere = true;
	for (i = 0; i < 100; i++)
		hm_fiber_start(NULL, "job user", job_user, &j);
	hm_work_detached(job, job_done, &j);
	hm_loop_run_until_idle();
	is_int(j.sum, 100 * 20 * 7, "all jobs gave their results");
	is_int(atomic_load(&j.ran), 100 * 20 + 2, "each ran once");
	ok(j.elsewhere, "on other threads");
	ok(j.no_fiber, "where there is no fiber");
	is_int(j.detached, 1, "the detached one was reported");
	is_int(j.result, 7, "with its result");
}

static int
slow_job(void *arg)
{
	usleep(20000);
	*(bool *)arg = true;
	return 3;
}

static void
cancelled_job(void *arg)
{
	struct result *r = arg;

	r->rc[0] = hm_work(slow_job, &r->flag);
	r->rc[1] = hm_yield();
}

static void
test_work_cancel(void)
{
	struct result r = { 0 };

	r.other = hm_fiber_start(NULL, "job", cancelled_job, &r);
	hm_fiber_start(NULL, "cancels", canceller, &r);
	hm_loop_run_until_idle();
	ok(r.flag, "a cancelled fiber waits for its job");
	is_int(r.rc[0], 3, "and gets its result");
	is_int(r.rc[1], -HM_ECANCELED, "and learns of it afterwards");
}

/* ---- timers and posts ---- */

static int order[8], n_order;

static void
note(void *arg)
{
	order[n_order++] = *(int *)arg;
}

static void *
poster(void *arg)
{
	hm_post(note, arg);
	return NULL;
}

static void
test_timers(void)
{
	static int ids[] = { 0, 1, 2, 3, 4 };
	struct hm_timer *never;
	pthread_t thread;

	n_order = 0;
	hm_timer_start(30, note, &ids[3]);
	hm_timer_start(10, note, &ids[1]);
	never = hm_timer_start(15, note, &ids[4]);
	hm_timer_start(10, note, &ids[2]);
	hm_timer_stop(never);
	hm_timer_stop(NULL);
	pthread_create(&thread, NULL, poster, &ids[0]);
	pthread_join(thread, NULL);
	hm_loop_run_until_idle();
	is_int(n_order, 4, "three timers and a post ran");
	ok(order[0] == 0 && order[1] == 1 && order[2] == 2 && order[3] == 3,
	    "in order");
}

/* ---- many ---- */

static void
sleeper(void *arg)
{
	int *count = arg;

	if (hm_sleep(1 + *count % 20) == 0)
		(*count)++;
}

static void
test_many(void)
{
	int count = 0, i;

	for (i = 0; i < 5000; i++)
		hm_fiber_start(NULL, "sleeper", sleeper, &count);
	is_int(hm_fiber_count(), 5000, "5000 fibers");
	hm_loop_run_until_idle();
	is_int(count, 5000, "all slept and ended");
}

/* A fiber's log fields are its own, and its jobs' as well. */
static char lines[4][256];
static int n_lines;

static void
keep_line(enum hm_loglevel level, struct hm_str line, void *arg)
{
	(void)level;
	(void)arg;
	if (n_lines < 4)
		snprintf(lines[n_lines++], sizeof(lines[0]), "%.*s",
		    (int)line.len, line.p);
}

static int
log_job(void *arg)
{
	hm_log(HM_LOG_INFO, "from a job");
	(void)arg;
	return 0;
}

static void
logger(void *arg)
{
	hm_log_field("who", arg);
	hm_yield();
	if (strcmp(arg, "anna") == 0) {
		hm_log(HM_LOG_INFO, "from a fiber");
		hm_work(log_job, NULL);
	}
}

static void
test_log_fields(void)
{
	static char anna[] = "anna", otto[] = "otto";

	hm_log_set_sink(keep_line, NULL);
	hm_fiber_start(NULL, "anna", logger, anna);
	hm_fiber_start(NULL, "otto", logger, otto);
	hm_loop_run_until_idle();
	hm_log(HM_LOG_INFO, "from the loop");
	hm_log_set_sink(NULL, NULL);
	ok(strstr(lines[0], "who=anna"), "a fiber's own field: %s", lines[0]);
	ok(strstr(lines[1], "who=anna"), "in its job, too: %s", lines[1]);
	ok(!strstr(lines[2], "who="), "not elsewhere: %s", lines[2]);
}

static void
modules_started(struct hm_mod *m, const char *name)
{
	(*(int *)(void *)m)++;
	(void)name;
}

static void
modules_ended(struct hm_mod *m, const char *name)
{
	(*(int *)(void *)m) += 100;
	(void)name;
}

static void
knows_module(void *arg)
{
	*(struct hm_mod **)arg = hm_fiber_mod();
}

static void
test_module(void)
{
	int counter = 0;
	struct hm_mod *m = (void *)&counter, *seen = NULL;

	hm_fiber_on_change(modules_started, modules_ended, NULL);
	hm_fiber_start(m, "of a module", knows_module, &seen);
	is_int(counter, 1, "the generation is held from the start");
	hm_loop_run_until_idle();
	is_int(counter, 101, "until the end");
	ok(seen == m, "the fiber knows its module");
	hm_fiber_on_change(NULL, NULL, NULL);
}

struct watched {
	struct hm_fdwatch *watch;
	struct hm_cond cond;
	int fd[2];
	int reads, writes;
};

static void
fd_ready(unsigned what, void *arg)
{
	struct watched *w = arg;

	if (what == HM_FD_READ)
		w->reads++;
	else
		w->writes++;
	if (w->reads + w->writes < 3)
		return;
	hm_fdwatch_stop(w->watch);
	w->watch = NULL;
	hm_wake(&w->cond);
}

static void
watch_pair(void *arg)
{
	struct watched *w = arg;

	w->watch = hm_fdwatch_start(w->fd[0], HM_FD_READ | HM_FD_WRITE, fd_ready,
	    w);
	while (w->watch)
		(void)hm_wait(&w->cond, -1);
}

static void
test_fdwatch(void)
{
	struct watched w = { 0 };

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, w.fd) != 0)
		abort();
	hm_fiber_start(NULL, "watch", watch_pair, &w);
	hm_loop_run_until_idle();
	ok(w.writes == 3 && w.reads == 0,
	    "a descriptor is writable until its watch is stopped");
	if (write(w.fd[1], "x", 1) != 1)
		abort();
	w.writes = 0;
	hm_fiber_start(NULL, "watch", watch_pair, &w);
	hm_loop_run_until_idle();
	ok(w.writes > 0 && w.reads > 0 && w.writes + w.reads == 3,
	    "and both, if there is something to read");
	hm_fdwatch_stop(NULL);
	close(w.fd[0]);
	close(w.fd[1]);
}

static void
stubborn(void *arg)
{
	struct result *r = arg;

	r->rc[0] = hm_wait(&r->cond, -1);
}

int
main(void)
{
	struct result r = { 0 };

	is_int(hm_loop_init(NULL), 0, "a loop");
	ok(hm_on_loop() && !hm_fiber_self(), "which is no fiber");
	test_ping_pong();
	test_cancel();
	test_deadline();
	test_cond();
	test_sem();
	test_work();
	test_work_cancel();
	test_timers();
	test_many();
	test_log_fields();
	test_module();
	test_fdwatch();
	hm_fiber_start(NULL, "stubborn", stubborn, &r);
	hm_loop_free(1000);
	is_int(r.rc[0], -HM_ECANCELED, "freeing the loop ends all fibers");
	is_int(hm_fiber_count(), 0, "none is left");
	return done();
}
