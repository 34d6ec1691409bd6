/* cond.c - conditions and semaphores.
 *
 * The waiters of a cond form a ring through the fibers themselves; the cond
 * points to the one that has waited longest.
 */
#include "fiber-private.h"

#include <hermod/err.h>

static void
ring_add(struct hm_cond *cond, struct hm_fiber *f)
{
	struct hm_fiber *first = cond->waiters;

	f->cond = cond;
	if (!first) {
		f->next = f->prev = f;
		cond->waiters = f;
		return;
	}
	f->next = first;
	f->prev = first->prev;
	f->prev->next = f;
	first->prev = f;
}

void
hm_cond_forget(struct hm_fiber *f)
{
	struct hm_cond *cond = f->cond;

	if (!cond)
		return;
	f->cond = NULL;
	if (f->next == f) {
		cond->waiters = NULL;
		return;
	}
	f->prev->next = f->next;
	f->next->prev = f->prev;
	if (cond->waiters == f)
		cond->waiters = f->next;
}

int
hm_cond_wait_until(struct hm_cond *cond, int64_t until_ms)
{
	struct hm_fiber *f = hm_fiber_self();
	int rc;

	ring_add(cond, f);
	rc = hm_fiber_wait(until_ms);
	hm_cond_forget(f);         /* still there if the wait did not begin */
	return rc;
}

int
hm_wait(struct hm_cond *cond, int64_t timeout_ms)
{
	return hm_cond_wait_until(cond, hm_until(timeout_ms));
}

void
hm_wake(struct hm_cond *cond)
{
	while (cond->waiters)
		hm_wake_one(cond);
}

void
hm_wake_one(struct hm_cond *cond)
{
	if (cond->waiters)
		hm_fiber_wake(cond->waiters, 0);
}

int
hm_sem_take(struct hm_sem *sem, int64_t timeout_ms)
{
	int rc = hm_fiber_check();

	if (rc != 0)
		return rc;
	if (sem->free > 0) {
		sem->free--;
		return 0;
	}
	/* Woken means: the place was handed over (see hm_sem_give()). */
	return hm_wait(&sem->cond, timeout_ms);
}

void
hm_sem_give(struct hm_sem *sem)
{
	if (sem->cond.waiters)
		hm_wake_one(&sem->cond);
	else
		sem->free++;
}
