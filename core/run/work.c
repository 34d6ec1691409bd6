/* work.c - the pool of worker threads.
 *
 * Threads are made as jobs need them. Jobs that nobody waits for may take half
 * of the threads only, so that housekeeping never starves sessions.
 */
#include "work-private.h"
#include "fiber-private.h"
#include "guard.h"
#include "loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/log.h>

enum {
	THREADS = 16,
	THREADS_MAX = 256,
	STACK_BYTES = 2 << 20,
};

struct job {
	struct hm_post_node node;      /* first: the way back to the loop */
	struct job *next;
	int (*fn)(void *arg);
	void *arg;
	int result;
	struct hm_fiber *fiber;        /* waits; NULL for a detached job */
	struct hm_where where;         /* who wants it done */
	void (*done)(int result, void *arg);
};

struct queue {
	struct job *first, *last;
	unsigned n;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct queue waited, detached;
	pthread_t threads[THREADS_MAX];
	unsigned max, count, idle;
	unsigned detached_running;
	bool ending;
} pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.more = PTHREAD_COND_INITIALIZER,
	.max = THREADS,
};

static void
queue_add(struct queue *q, struct job *job)
{
	job->next = NULL;
	if (q->first)
		q->last->next = job;
	else
		q->first = job;
	q->last = job;
	q->n++;
}

static struct job *
queue_take(struct queue *q)
{
	struct job *job = q->first;

	if (job) {
		q->first = job->next;
		q->n--;
	}
	return job;
}

static bool
detached_may_run(void)
{
	return pool.detached_running < (pool.max + 1) / 2;
}

/* With the lock held. */
static struct job *
next_job(void)
{
	struct job *job = queue_take(&pool.waited);

	if (!job && pool.detached.first && detached_may_run()) {
		job = queue_take(&pool.detached);
		pool.detached_running++;
	}
	return job;
}

static void
job_back(struct hm_post_node *node)
{
	struct job *job = (struct job *)(void *)node;

	if (job->fiber) {
		hm_fiber_wake(job->fiber, job->result);
		return;
	}
	if (job->done)
		job->done(job->result, job->arg);
	free(job);
	hm_loop_hold(-1);
}

/* Under virtual time: the job itself, when the loop comes round. */
static void
job_inline(struct hm_post_node *node)
{
	struct job *job = (struct job *)(void *)node;

	job->result = job->fn(job->arg);
	job_back(node);
}

static void
run_job(struct job *job)
{
	/* The fiber is suspended, so its log fields may be borrowed. */
	struct hm_log_ctx none = { 0 };

	hm_log_ctx_swap(job->fiber ? &job->fiber->log : &none);
	*hm_where() = job->where;
	job->result = job->fn(job->arg);
	hm_guard_fork_check();
	*hm_where() = (struct hm_where){ 0 };
	hm_log_ctx_swap(NULL);
	hm_log_ctx_release(&none);
}

static void *
worker(void *arg)
{
	void *signal_stack = hm_guard_thread();

	pthread_mutex_lock(&pool.lock);
	for (;;) {
		struct job *job = next_job();
		bool detached;

		if (!job) {
			if (pool.ending)
				break;
			pool.idle++;
			pthread_cond_wait(&pool.more, &pool.lock);
			pool.idle--;
			continue;
		}
		detached = !job->fiber;
		pthread_mutex_unlock(&pool.lock);
		run_job(job);
		job->node.fn = job_back;
		hm_post_node(&job->node);      /* from here on it is not ours */
		pthread_mutex_lock(&pool.lock);
		if (detached)
			pool.detached_running--;
	}
	pthread_mutex_unlock(&pool.lock);
	hm_guard_thread_end(signal_stack);
	return arg;
}

/* With the lock held. Signals belong to the loop thread; SIGSYS tells a thread
 * what it was refused itself. */
static void
add_thread(void)
{
	pthread_attr_t attr;
	sigset_t all, old;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	if (pthread_create(&pool.threads[pool.count], &attr, worker, NULL) == 0)
		pool.count++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
}

static void
submit(struct queue *q, struct job *job)
{
	unsigned count;

	pthread_mutex_lock(&pool.lock);
	queue_add(q, job);
	/* Idle ones may have been signalled for another job already. */
	if (pool.waited.n + pool.detached.n > pool.idle && pool.count < pool.max)
		add_thread();
	count = pool.count;
	pthread_mutex_unlock(&pool.lock);
	/* Behind the unlock, or who wakes has to wait for it. */
	pthread_cond_signal(&pool.more);
	if (count == 0) {
		hm_log(HM_LOG_ERROR, "no worker thread could be started");
		abort();
	}
}

int
hm_work(int (*fn)(void *arg), void *arg)
{
	struct hm_fiber *self = hm_fiber_self();
	struct job job = { .fn = fn, .arg = arg, .fiber = self,
	    .where = *hm_where() };

	if (!self)
		return fn(arg);
	if (hm_clock_is_virtual())
		return hm_fiber_outside(fn, arg);
	submit(&pool.waited, &job);
	return hm_fiber_hold();
}

void
hm_work_detached(int (*fn)(void *arg), void (*done)(int result, void *arg),
    void *arg)
{
	struct job *job = hm_xalloc(sizeof(*job));

	job->fn = fn;
	job->done = done;
	job->arg = arg;
	job->where = *hm_where();
	hm_loop_hold(1);
	if (!hm_loop_lives()) {
		job_inline(&job->node);
		return;
	}
	if (hm_clock_is_virtual()) {
		job->node.fn = job_inline;
		hm_post_node(&job->node);
		return;
	}
	submit(&pool.detached, job);
}

void
hm_work_threads(unsigned n)
{
	if (n > 0 && n <= THREADS_MAX)
		pool.max = n;
}

void
hm_work_end(void)
{
	unsigned i;

	pthread_mutex_lock(&pool.lock);
	pool.ending = true;
	pthread_cond_broadcast(&pool.more);
	pthread_mutex_unlock(&pool.lock);
	for (i = 0; i < pool.count; i++)
		pthread_join(pool.threads[i], NULL);
	pool.count = 0;
	pool.ending = false;
}
