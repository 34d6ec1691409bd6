/* schedule.c - one fiber that starts runs as destinations become due. */
#include <stdlib.h>

#include "queue.h"

struct starting {
	struct queue_module *q;
	struct queue_domain *domain;
};

static void
run_fiber(void *arg)
{
	struct starting *s = arg;
	struct queue_module *q = s->q;
	struct queue_domain *domain = s->domain;

	free(s);
	queue_run(q, domain);
	queue_index_end_run(q->shared, domain);
}

static void
start_run(struct queue_module *q, struct queue_domain *domain)
{
	struct starting *s = hm_xalloc(sizeof(*s));

	s->q = q;
	s->domain = domain;
	queue_index_begin_run(q->shared, domain);
	hm_fiber_start(q->m, "queue run", run_fiber, s);
}

void
queue_schedule(void *arg)
{
	struct queue_module *q = arg;
	struct queue_shared *shared = q->shared;

	while (!q->retired && !hm_fiber_cancelled()) {
		struct queue_domain *domain = NULL;
		int64_t wait = -1;

		if (shared->running < (unsigned)q->conf->runs)
			domain = queue_index_due(shared, queue_now_ms(shared),
			    (unsigned)q->conf->runs_per_domain, &wait);
		if (domain != NULL)
			start_run(q, domain);
		else if (hm_wait(&shared->changed, wait) == -HM_ECANCELED)
			break;
	}
	q->scheduler = NULL;
}
