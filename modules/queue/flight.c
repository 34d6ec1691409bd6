/* flight.c - who is being tried just now, so that nobody is tried twice at once.
 *
 * An attempt may last longer than the wait for the next one: a server may take
 * ten minutes for its last reply (RFC 5321, 4.5.3.2.6), and a batch waits for its
 * first message. Claims ask here, inside their transactions; results leave when
 * they are on disk, so that one of the two always knows.
 */
#include "queue.h"

void
queue_flight_add(struct queue_shared *q, struct queue_batch *batch)
{
	pthread_mutex_lock(&q->flying_mutex);
	batch->next = q->flying;
	q->flying = batch;
	pthread_mutex_unlock(&q->flying_mutex);
}

void
queue_flight_remove(struct queue_shared *q, struct queue_batch *batch)
{
	struct queue_batch **at = &q->flying;

	pthread_mutex_lock(&q->flying_mutex);
	while (*at != batch)
		at = &(*at)->next;
	*at = batch->next;
	pthread_mutex_unlock(&q->flying_mutex);
}

void
queue_flight_clear(struct queue_shared *q, struct queue_batch *batch)
{
	pthread_mutex_lock(&q->flying_mutex);
	batch->n = 0;
	pthread_mutex_unlock(&q->flying_mutex);
}

/* Results that are on disk say something else than the claim did. */
static bool
in_work(const struct queue_work *w, const struct queue_rcpt *rcpt)
{
	if (w->msg.id != rcpt->id || w->landed)
		return false;
	for (size_t i = 0; i < w->nrcpts; i++) {
		const struct queue_rcpt *f = &w->rcpts[i];

		if (f->number == rcpt->number &&
		    f->attempts == rcpt->attempts && f->owes == rcpt->owes)
			return true;
	}
	return false;
}

static bool
flies(const struct queue_shared *q, const struct queue_rcpt *rcpt)
{
	const struct queue_batch *b;

	for (b = q->flying; b != NULL; b = b->next)
		for (size_t i = 0; i < b->n; i++)
			if (in_work(&b->works[i], rcpt))
				return true;
	return false;
}

bool
queue_flight_has(struct queue_shared *q, const struct queue_rcpt *rcpt)
{
	bool has;

	pthread_mutex_lock(&q->flying_mutex);
	has = flies(q, rcpt);
	pthread_mutex_unlock(&q->flying_mutex);
	return has;
}

void
queue_flight_take(struct queue_shared *q, struct queue_batch *batch,
    struct queue_work *w, const struct queue_rcpt *rcpt)
{
	pthread_mutex_lock(&q->flying_mutex);
	if (w == &batch->works[batch->n])
		batch->n++;
	w->rcpts[w->nrcpts++] = *rcpt;
	pthread_mutex_unlock(&q->flying_mutex);
}

void
queue_flight_land(struct queue_shared *q, struct queue_work *w)
{
	pthread_mutex_lock(&q->flying_mutex);
	w->landed = true;
	pthread_mutex_unlock(&q->flying_mutex);
}
