/* event.c - events reach each subscriber through a queue of its own.
 *
 * A fiber runs while the queue is not empty, so that a subscriber that is slow
 * delays nobody and one that listens in vain costs nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/fiber.h>
#include <hermod/log.h>

#include "core/base/clock-private.h"

#include "generation.h"

enum { MAX_QUEUED = 1024 };

struct queued {
	struct queued *next;
	char event[] __attribute__((aligned(16)));
};

struct hm_queue {
	struct hm_link *link;
	size_t event_bytes;
	void (*call)(const struct hm_link *link, struct hm_call *call,
	    const void *event);
	struct queued *first, **end;
	unsigned n;
	bool running;
};

struct hm_queue *
hm_queue_new(struct hm_link *link, size_t event_bytes,
    void (*call)(const struct hm_link *link, struct hm_call *call,
    const void *event))
{
	struct hm_queue *queue = hm_new(link->mod->arena, struct hm_queue);

	queue->link = link;
	queue->event_bytes = event_bytes;
	queue->call = call;
	queue->end = &queue->first;
	return queue;
}

static struct queued *
take(struct hm_queue *queue)
{
	struct queued *q = queue->first;

	if (q == NULL)
		return NULL;
	queue->first = q->next;
	if (queue->first == NULL)
		queue->end = &queue->first;
	queue->n--;
	return q;
}

void
hm_queue_free(struct hm_queue *queue)
{
	struct queued *q;

	while (queue != NULL && (q = take(queue)) != NULL)
		free(q);
}

static void
tell(struct hm_queue *queue, const void *event)
{
	struct hm_link *link = queue->link;
	struct hm_arena *arena = NULL;
	struct hm_call call = { .mod = link->mod, .hook = link->hook,
	    .arena = &arena };
	int64_t began = hm_now_ns();
	struct hm_where former = hm_where_enter(link->mod->who,
	    hm_hook_name(link->hook->id));

	queue->call(link, &call, event);
	hm_where_leave(former);
	link->stats->calls++;
	hm_stats_add(link->stats, hm_now_ns() - began, 1);
	hm_arena_free(arena);
}

static void
queue_fiber(void *arg)
{
	struct hm_queue *queue = arg;
	struct queued *q;

	while ((q = take(queue)) != NULL) {
		/* At shutdown hints are let go; the change log has them. */
		if (!hm_fiber_cancelled())
			tell(queue, q->event);
		free(q);
	}
	queue->running = false;
}

void
hm_queue_put(struct hm_queue *queue, const void *event)
{
	struct hm_link *link = queue->link;
	struct queued *q;

	if (queue->n >= MAX_QUEUED) {
		free(take(queue));
		if (link->stats->dropped++ % MAX_QUEUED == 0)
			hm_log(HM_LOG_WARN, "events dropped",
			    hm_f("module", link->mod->name),
			    hm_f("hook", hm_hook_name(link->hook->id)),
			    hm_f("dropped", link->stats->dropped));
	}
	q = hm_xalloc(sizeof(*q) + queue->event_bytes);
	memcpy(q->event, event, queue->event_bytes);
	*queue->end = q;
	queue->end = &q->next;
	queue->n++;
	if (!queue->running) {
		queue->running = true;
		hm_fiber_start(link->mod, "event", queue_fiber, queue);
	}
}
