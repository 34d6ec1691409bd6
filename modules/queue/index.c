/* index.c - the destinations that mail waits for, and which is due first.
 *
 * A heap by time; only destinations are in it, never messages, so that memory
 * does not grow with the queue. A destination with runs stays in the heap.
 */
#include <stdlib.h>
#include <string.h>

#include "queue.h"

int64_t
queue_now_ms(const struct queue_shared *q)
{
	return hm_now_ms() + q->clock_ms;
}

/* ---- heap ---- */

static void
heap_put(struct queue_shared *q, size_t at, struct queue_domain *d)
{
	q->heap[at] = d;
	d->at = at;
}

static void
heap_up(struct queue_shared *q, struct queue_domain *d)
{
	size_t at = d->at;

	for (; at > 1 && q->heap[at / 2]->next_ms > d->next_ms; at /= 2)
		heap_put(q, at, q->heap[at / 2]);
	heap_put(q, at, d);
}

static void
heap_down(struct queue_shared *q, struct queue_domain *d)
{
	size_t at = d->at, child;

	while ((child = 2 * at) <= q->ndomains) {
		if (child < q->ndomains &&
		    q->heap[child + 1]->next_ms < q->heap[child]->next_ms)
			child++;
		if (q->heap[child]->next_ms >= d->next_ms)
			break;
		heap_put(q, at, q->heap[child]);
		at = child;
	}
	heap_put(q, at, d);
}

/* ---- names ---- */

static struct queue_domain **
bucket(const struct queue_shared *q, struct hm_str name)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.p[i]) * 1099511628211u;
	return &q->buckets[hash % q->nbuckets];
}

static void
grow(struct queue_shared *q)
{
	struct queue_domain **old = q->buckets;
	size_t n = q->nbuckets;

	q->nbuckets = n > 0 ? 2 * n : 64;
	q->buckets = hm_xalloc(q->nbuckets * sizeof(struct queue_domain *));
	q->heap = hm_xrealloc(q->heap,
	    (q->nbuckets + 1) * sizeof(struct queue_domain *));
	for (size_t i = 0; i < n; i++)
		while (old[i] != NULL) {
			struct queue_domain *d = old[i], **to;

			old[i] = d->next;
			to = bucket(q, hm_str_n(d->name, d->len));
			d->next = *to;
			*to = d;
		}
	free(old);
}

static struct queue_domain *
find(struct queue_shared *q, struct hm_str name)
{
	struct queue_domain *d;

	for (d = *bucket(q, name); d != NULL; d = d->next)
		if (hm_str_eq(hm_str_n(d->name, d->len), name))
			return d;
	return NULL;
}

static struct queue_domain *
add(struct queue_shared *q, struct hm_str name)
{
	struct queue_domain *d = hm_xalloc(sizeof(*d) + name.len + 1), **to;

	d->next_ms = INT64_MAX;
	d->len = name.len;
	if (name.len > 0)
		memcpy(d->name, name.p, name.len);
	to = bucket(q, name);
	d->next = *to;
	*to = d;
	d->at = ++q->ndomains;
	heap_up(q, d);
	return d;
}

static void
forget(struct queue_shared *q, struct queue_domain *d)
{
	struct queue_domain **from = bucket(q, hm_str_n(d->name, d->len));
	struct queue_domain *last = q->heap[q->ndomains--];

	while (*from != d)
		from = &(*from)->next;
	*from = d->next;
	if (last != d) {
		last->at = d->at;
		heap_up(q, last);
		heap_down(q, last);
	}
	free(d);
}

/* ---- for the scheduler ---- */

void
queue_index_note(struct queue_shared *q, struct hm_str domain, int64_t next_ms)
{
	struct queue_domain *d;

	if (q->ndomains >= q->nbuckets)
		grow(q);
	d = find(q, domain);
	if (d == NULL)
		d = add(q, domain);
	d->notes++;
	if (next_ms >= d->next_ms)
		return;
	d->next_ms = next_ms;
	heap_up(q, d);
	hm_wake(&q->changed);
}

static void
set_next(struct queue_shared *q, struct queue_domain *d, int64_t next_ms)
{
	d->next_ms = next_ms;
	heap_up(q, d);
	heap_down(q, d);
}

struct queue_domain *
queue_index_due(struct queue_shared *q, int64_t now_ms, unsigned per_domain,
    int64_t *ret_wait_ms)
{
	*ret_wait_ms = -1;
	while (q->ndomains > 0) {
		struct queue_domain *d = q->heap[1];

		if (d->next_ms == INT64_MAX)
			return NULL;
		if (d->next_ms > now_ms) {
			*ret_wait_ms = d->next_ms - now_ms;
			return NULL;
		}
		if (d->running < (d->dead ? 1 : per_domain))
			return d;
		d->waiting = true;
		set_next(q, d, INT64_MAX);
	}
	return NULL;
}

void
queue_index_claimed(struct queue_shared *q, struct queue_domain *d,
    unsigned notes, int64_t next_ms)
{
	if (d->notes != notes)
		return;
	set_next(q, d, next_ms);
	hm_wake(&q->changed);
}

void
queue_index_begin_run(struct queue_shared *q, struct queue_domain *d)
{
	d->running++;
	q->running++;
	set_next(q, d, INT64_MAX);
}

void
queue_index_end_run(struct queue_shared *q, struct queue_domain *d)
{
	d->running--;
	q->running--;
	if (d->waiting) {
		d->waiting = false;
		set_next(q, d, queue_now_ms(q));
	} else if (d->running == 0 && d->next_ms == INT64_MAX) {
		forget(q, d);
	}
	hm_wake(&q->changed);
}

void
queue_index_free(struct queue_shared *q)
{
	for (size_t i = 1; i <= q->ndomains; i++)
		free(q->heap[i]);
	free(q->heap);
	free(q->buckets);
}
