/* queue.c - mail that has to leave, until it has. */
#include <stdlib.h>

#include "queue.h"

/* ---- options ---- */

static const struct hm_opt route_options[] = {
	HM_OPT_LIST(struct queue_route_conf, from, "",
	    "Domains of senders that this route is for; \".example.org\" is "
	    "example.org and all below it. Empty: all."),
	HM_OPT_LIST(struct queue_route_conf, to, "",
	    "Domains of recipients, written the same way. Empty: all."),
	HM_OPT_INT(struct queue_route_conf, attempt, "1",
	    "Only from this attempt on; the first one is 1.", .min = "1",
	    .max = "100"),
	HM_OPT_STR(struct queue_route_conf, transport, NULL,
	    "The transport to use.", .required = true),
	HM_OPT_END
};

static const struct hm_opt queue_options[] = {
	HM_OPT_TIME(struct queue_conf, retry_ms, "7m30s",
	    "The wait after the first attempt; it doubles after each one.",
	    .min = "1s", .max = "1d"),
	HM_OPT_INT(struct queue_conf, attempts, "8",
	    "After so many attempts the sender gets the mail back.",
	    .min = "1", .max = "50"),
	HM_OPT_INT(struct queue_conf, report_attempts, "5",
	    "The same for reports that modules write, about DMARC and TLS.",
	    .min = "1", .max = "50"),
	HM_OPT_INT(struct queue_conf, delay_notice_after, "5",
	    "After this attempt the sender is told that mail is late; 0: never.",
	    .min = "0", .max = "50"),
	HM_OPT_INT(struct queue_conf, runs, "50",
	    "Deliveries at the same time.", .min = "1", .max = "1000"),
	HM_OPT_INT(struct queue_conf, runs_per_domain, "5",
	    "Deliveries at the same time to one domain; one to a domain whose "
	    "hosts did not answer.", .min = "1", .max = "1000"),
	HM_OPT_TIME(struct queue_conf, max_hold_ms, "60d",
	    "The longest delay that a sender may ask for (FUTURERELEASE); 0: "
	    "it is not offered.", .max = "365d"),
	HM_OPT_TIME(struct queue_conf, keep_retired_ms, "7d",
	    "How long \"hermod queue retired\" knows what became of a message; "
	    "0: not at all.", .max = "3650d"),
	HM_OPT_INT(struct queue_conf, max_outgoing_per_day, "1000",
	    "Recipients that an account may send to in 24 hours; 0: no limit.",
	    .min = "0", .max = "100000000"),
	HM_OPT_INT(struct queue_conf, max_first_time_per_day, "200",
	    "Recipients it never wrote to before, in 24 hours; 0: no limit.",
	    .min = "0", .max = "100000000"),
	HM_OPT_BOOL(struct queue_conf, suppress, "yes",
	    "Whether an account's mail to an address that was refused for good, "
	    "or where three messages in a row failed, is given up at once from "
	    "then on."),
	HM_OPT_BLOCKS(struct queue_conf, routes, struct queue_route_conf,
	    route_options,
	    "Ways out, by name; the first one that fits is taken, and direct "
	    "delivery where none does."),
	HM_OPT_END
};

static const struct hm_metric queue_metrics[] = {
	HM_GAUGE(struct queue_metrics, set_aside,
	    "Recipients whose records cannot be read."),
	HM_METRIC_END
};

static const struct hm_need queue_needs[] = {
	HM_NEED(kv), HM_NEED(blob), HM_WANT(store), HM_WANT(directory),
	HM_NEED_ALL(transport), HM_NEED_END
};

/* ---- service ---- */

static int64_t
max_hold_s(struct hm_mod *self)
{
	const struct queue_module *q = hm_mod_state(self);

	return q->conf->max_hold_ms / 1000;
}

static const struct hm_queue_ops queue_ops = {
	.size = sizeof(queue_ops), .put = queue_put, .max_hold_s = max_hold_s,
};
static const struct hm_provide queue_provides[] = {
	HM_PROVIDE(queue, &queue_ops), HM_PROVIDE_END
};

/* ---- life ---- */

struct loading {
	struct queue_module *q;
	struct hm_err *err;
};

static void
note_domain(struct hm_str domain, int64_t next_ms, void *arg)
{
	queue_index_note(arg, domain, next_ms);
}

static int
load_job(void *arg)
{
	struct loading *l = arg;
	int r = queue_tables_open(l->q, l->err);

	if (r == 0)
		r = queue_damaged_retry(l->q, l->err);
	return r < 0 ? r :
	    queue_tables_domains(l->q, note_domain, l->q->shared, l->err);
}

static void
free_shared(void *resource)
{
	struct queue_shared *shared = resource;

	queue_index_free(shared);
	pthread_mutex_destroy(&shared->flying_mutex);
	free(shared);
}

static int
make_shared(struct hm_mod *m, void *arg, void **ret, struct hm_err *reterr)
{
	struct queue_shared *shared = hm_xalloc(sizeof(*shared));
	struct loading l = { .q = arg, .err = reterr };
	int r;

	(void)m;
	l.q->shared = shared;
	pthread_mutex_init(&shared->flying_mutex, NULL);
	shared->clock_ms = hm_wall_ms() - hm_now_ms();
	r = hm_work(load_job, &l);
	if (r < 0)
		free_shared(shared);
	else
		*ret = shared;
	return r;
}

static int
queue_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct queue_module *q = hm_new(hm_mod_arena(m), struct queue_module);
	void *shared;
	int r;

	q->m = m;
	q->conf = hm_mod_conf(m);
	q->server = hm_server(m);
	q->kv = HM_GET(m, kv);
	q->blob = HM_GET(m, blob);
	q->store = HM_GET(m, store);
	q->directory = HM_GET(m, directory);
	q->metrics = hm_mod_metrics(m);
	hm_mod_set(m, q);
	r = queue_routes_check(q, reterr);
	if (r == 0)
		r = hm_keep(m, "shared", make_shared, q, free_shared, &shared,
		    reterr);
	if (r == 0)
		q->shared = shared;
	return r;
}

static void
queue_start(struct hm_mod *m)
{
	struct queue_module *q = hm_mod_state(m);

	hm_gauge_set(q->metrics->set_aside, (int64_t)q->shared->ndamaged);
	q->scheduler = hm_fiber_start(m, "queue scheduler", queue_schedule, q);
	q->janitor = hm_fiber_start(m, "queue housekeeping", queue_housekeep, q);
}

static void
queue_retire(struct hm_mod *m)
{
	struct queue_module *q = hm_mod_state(m);

	q->retired = true;
	if (q->scheduler != NULL)
		hm_fiber_cancel(q->scheduler);
	if (q->janitor != NULL)
		hm_fiber_cancel(q->janitor);
}

HM_MODULE(queue, "1.0", "Mail on its way out",
	.conf_size = sizeof(struct queue_conf), .options = queue_options,
	.needs = queue_needs, .provides = queue_provides,
	.commands = queue_commands, .metrics = queue_metrics,
	.metrics_size = sizeof(struct queue_metrics), .open = queue_open, .start = queue_start,
	.retire = queue_retire);
