/* run.c - a run over one destination: claim, choose a way, try, tell.
 *
 * The connection that a transport keeps serves all messages of the run. When no
 * host could be reached, the rest of what was claimed shares that result: a
 * million messages to a dead host cost one time-out for each batch.
 */
#include <string.h>

#include "queue.h"

enum {
	BATCHES = 25,
	PIECE = 64 * 1024,
	LONG_MS = 10 * 60 * 1000,
};

struct run {
	struct queue_module *q;
	struct hm_str domain;
	const struct hm_transport *via;   /* of tr */
	const char *name;                 /* what it was begun for */
	struct hm_transport_run *tr;      /* NULL: none begun */
	const struct hm_attempt_rcpt *dead; /* why no host was reached */
	struct hm_arena *arena;           /* for that, and the name */
	int64_t until_ms;                 /* then it gives way to others */
	bool gave_way;
};

/* ---- the message, as the transport reads it ---- */

struct reading {
	struct hm_attempt attempt;        /* first, see read_message() */
	struct queue_module *q;
	const struct queue_work *work;
	struct hm_blob_reader *reader;    /* NULL: not opened */
	uint64_t offset;
	void *p;
	size_t len;
	ssize_t n;
};

static int
read_job(void *arg)
{
	struct reading *rd = arg;
	const struct hm_blob *blob = rd->q->blob;
	uint64_t size;
	int r = 0;

	if (rd->reader == NULL)
		r = blob->ops->open(blob->self, rd->work->msg.blob, &rd->reader,
		    &size, NULL);
	rd->n = r < 0 ? r :
	    blob->ops->read(rd->reader, rd->offset, rd->p, rd->len);
	return 0;
}

static ssize_t
read_message(struct hm_attempt *attempt, uint64_t offset, void *p, size_t len)
{
	struct reading *rd = (struct reading *)attempt;
	const struct queue_work *w = rd->work;
	struct hm_str piece;

	if (offset < w->msg.prefix.len)
		piece = hm_str_skip(w->msg.prefix, (size_t)offset);
	else if (w->body.p != NULL)
		piece = hm_str_skip(w->body,
		    (size_t)(offset - w->msg.prefix.len));
	else {
		rd->offset = offset - w->msg.prefix.len;
		rd->p = p;
		rd->len = len < PIECE ? len : PIECE;
		rd->n = -HM_ECANCELED;
		(void)hm_work(read_job, rd);
		return rd->n;
	}
	piece = hm_str_take(piece, len);
	if (piece.len > 0)
		memcpy(p, piece.p, piece.len);
	return (ssize_t)piece.len;
}

/* ---- one attempt ---- */

static void
fill_attempt(struct run *run, struct queue_batch *batch,
    const struct queue_work *w, struct reading *rd)
{
	struct hm_attempt *a = &rd->attempt;

	*a = (struct hm_attempt){
		.size = sizeof(*a), .arena = batch->arena, .id = w->msg.id,
		.account = w->msg.account, .domain = run->domain,
		.envid = w->msg.envid, .ret = w->msg.ret,
		.requiretls = w->msg.requiretls, .smtputf8 = w->msg.smtputf8,
		.eightbit = w->msg.eightbit, .binary = w->msg.binary,
		.report = w->msg.report, .kind = w->msg.kind,
		.bytes = w->msg.prefix.len + w->msg.body_bytes,
		.read = read_message,
		.last_ip = w->rcpts[0].last_ip,
		.last_ip_uses = w->rcpts[0].last_ip_uses,
	};
	if (w->msg.sender.len > 0)
		(void)hm_addr_parse(batch->arena, w->msg.sender, HM_ADDR_UTF8,
		    &a->sender, NULL);
	a->rcpts = hm_alloc_array(batch->arena, w->nrcpts, sizeof(*a->rcpts));
}

static void
add_rcpt(struct hm_attempt *a, const struct queue_rcpt *rcpt)
{
	struct hm_attempt_rcpt *to = &a->rcpts[a->nrcpts++];

	*to = (struct hm_attempt_rcpt){ .notify = rcpt->notify,
	    .orcpt = rcpt->orcpt, .number = rcpt->attempts };
	(void)hm_addr_parse(a->arena, rcpt->addr, HM_ADDR_UTF8, &to->addr, NULL);
}

static size_t
untried(const struct hm_attempt *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->nrcpts; i++)
		n += a->rcpts[i].outcome == HM_ATTEMPT_UNTRIED;
	return n;
}

static void
all_rcpts(struct hm_attempt *a, enum hm_attempt_outcome outcome, int code,
    const char *esc, const char *text)
{
	for (size_t i = 0; i < a->nrcpts; i++) {
		struct hm_attempt_rcpt *rcpt = &a->rcpts[i];

		if (rcpt->outcome != HM_ATTEMPT_UNTRIED)
			continue;
		rcpt->outcome = outcome;
		rcpt->code = code;
		rcpt->esc = hm_str(esc);
		rcpt->text = hm_str_dup(a->arena, hm_str(text));
	}
}

static HM_FIBER void
end_transport(struct run *run)
{
	if (run->tr != NULL)
		run->via->ops->end(run->tr);
	run->tr = NULL;
}

/* A run of that transport: the one that is on, or a new one. */
static HM_FIBER bool
use_transport(struct run *run, const char *name)
{
	if (run->tr != NULL && strcmp(run->name, name) == 0 &&
	    run->via->ops->usable(run->tr))
		return true;
	end_transport(run);
	if (run->name == NULL || strcmp(run->name, name) != 0)
		run->dead = NULL;
	run->via = queue_transport(run->q->m, name);
	if (run->via == NULL)
		return false;
	run->name = hm_strdup(run->arena, name);
	run->tr = run->via->ops->begin(run->via->self, run->name, run->domain);
	return true;
}

/* No host spoke to us: what was tried first stands for the others. */
static void
note_dead(struct run *run, const struct hm_attempt *a)
{
	const struct hm_attempt_rcpt *first = &a->rcpts[0];
	struct hm_attempt_rcpt *dead;

	if (run->via->ops->usable(run->tr) || first->code != 0 ||
	    first->outcome != HM_ATTEMPT_TEMPORARY)
		return;
	dead = hm_new(run->arena, struct hm_attempt_rcpt);
	dead->text = hm_str_dup(run->arena, first->text);
	dead->esc = hm_str_dup(run->arena, first->esc);
	run->dead = dead;
}

static HM_FIBER void
try_transport(struct run *run, struct hm_attempt *a, const char *name)
{
	size_t left = a->nrcpts, before;

	if (run->dead != NULL && run->name != NULL &&
	    strcmp(run->name, name) == 0) {
		all_rcpts(a, HM_ATTEMPT_TEMPORARY, 0,
		    hm_strndup(a->arena, run->dead->esc.p, run->dead->esc.len),
		    hm_strndup(a->arena, run->dead->text.p, run->dead->text.len));
		return;
	}
	if (!use_transport(run, name)) {
		all_rcpts(a, HM_ATTEMPT_TEMPORARY, 0, "4.3.5",
		    hm_printf(a->arena, "there is no transport named %s", name));
		return;
	}
	do {
		before = left;
		run->via->ops->deliver(run->tr, a);
		left = untried(a);
	} while (left > 0 && left < before && !hm_fiber_cancelled() &&
	    use_transport(run, name));
	note_dead(run, a);
}

/* ---- one message ---- */

static void
take_result(struct queue_module *q, const struct hm_attempt *a,
    const struct hm_attempt_rcpt *from, int64_t began, struct queue_rcpt *rcpt)
{
	struct queue_result result = {
		.at_ms = began,
		.took_ms = (uint32_t)(queue_now_ms(q->shared) - began),
		.outcome = (uint8_t)from->outcome, .code = (uint16_t)from->code,
		.esc = from->esc, .remote = from->remote,
		.text = hm_str_take(from->text, QUEUE_TEXT_MAX),
	};

	rcpt->outcome = from->outcome;
	rcpt->last_ip = a->last_ip;
	rcpt->last_ip_uses = a->last_ip_uses;
	if (from->outcome != HM_ATTEMPT_UNTRIED)
		queue_rcpt_add_result(rcpt, &result);
}

/* The recipients that go the same way, in one attempt. */
static HM_FIBER void
try_group(struct run *run, struct queue_batch *batch, struct queue_work *w,
    const char *const *names, size_t first)
{
	struct queue_module *q = run->q;
	struct reading *rd = hm_new(batch->arena, struct reading);
	size_t *index = hm_alloc_array(batch->arena, w->nrcpts, sizeof(*index));
	int64_t began = queue_now_ms(q->shared);
	bool local = strcmp(names[first], QUEUE_LOCAL) == 0;

	fill_attempt(run, batch, w, rd);
	rd->q = q;
	rd->work = w;
	for (size_t i = first; i < w->nrcpts; i++)
		if (names[i] != NULL && strcmp(names[i], names[first]) == 0) {
			index[rd->attempt.nrcpts] = i;
			add_rcpt(&rd->attempt, &w->rcpts[i]);
			queue_tell(q, QUEUE_TALE_ATTEMPT, &w->msg, &w->rcpts[i]);
		}
	if (local)
		queue_local(q, &rd->attempt);
	else
		try_transport(run, &rd->attempt, names[first]);
	for (size_t i = 0; i < rd->attempt.nrcpts; i++)
		take_result(q, &rd->attempt, &rd->attempt.rcpts[i], began,
		    &w->rcpts[index[i]]);
	for (size_t i = 0; local && i < rd->attempt.nrcpts; i++)
		w->rcpts[index[i]].local = true;
	if (rd->reader != NULL)
		q->blob->ops->close(rd->reader);
}

static void
decided(struct queue_module *q, struct queue_rcpt *rcpt,
    enum hm_attempt_outcome outcome, int code, struct hm_str esc,
    struct hm_str text)
{
	struct queue_result result = { .at_ms = queue_now_ms(q->shared),
	    .outcome = (uint8_t)outcome, .code = (uint16_t)code, .esc = esc,
	    .text = text };

	rcpt->outcome = outcome;
	queue_rcpt_add_result(rcpt, &result);
}

/* The way for one recipient; NULL when it is settled without one. */
static HM_FIBER const char *
choose(struct queue_module *q, struct hm_arena *arena,
    const struct queue_work *w, struct queue_rcpt *rcpt)
{
	struct hm_verdict v;
	const char *name;
	bool no;

	if (rcpt->owes != QUEUE_REPORT_NONE)
		return NULL;
	if (rcpt->suppressed.p != NULL) {
		decided(q, rcpt, HM_ATTEMPT_PERMANENT, 0, HM_STR("5.1.8"),
		    rcpt->suppressed);
		return NULL;
	}
	name = queue_route(q, &w->msg, rcpt, arena, &v);
	if (name != NULL)
		return name;
	no = v.kind == HM_REJECT;
	decided(q, rcpt, no ? HM_ATTEMPT_PERMANENT : HM_ATTEMPT_TEMPORARY, v.code,
	    hm_str_dup(arena, hm_str(v.esc ? v.esc : no ? "5.7.1" : "4.3.0")),
	    hm_str_dup(arena, hm_str(v.text ? v.text : "refused by a hook")));
	return NULL;
}

static HM_FIBER void
run_work(struct run *run, struct queue_batch *batch, struct queue_work *w)
{
	const char **names = hm_alloc_array(batch->arena, w->nrcpts,
	    sizeof(*names));

	queue_report(run->q, w);
	for (size_t i = 0; i < w->nrcpts; i++)
		names[i] = choose(run->q, batch->arena, w, &w->rcpts[i]);
	for (size_t i = 0; i < w->nrcpts; i++) {
		bool seen = names[i] == NULL;

		for (size_t k = 0; k < i && !seen; k++)
			seen = names[k] != NULL && strcmp(names[k], names[i]) == 0;
		if (!seen)
			try_group(run, batch, w, names, i);
	}
	queue_settle(run->q, batch, w);
}

/* Slow servers shall not hold all runs: after a while a run ends when others wait
 * for its place, and what it had claimed is due again, behind them. */
static bool
gives_way(struct run *run)
{
	const struct queue_module *q = run->q;

	if (run->domain.len > 0 && hm_now_ms() > run->until_ms &&
	    q->shared->running >= (unsigned)q->conf->runs)
		run->gave_way = true;
	return run->gave_way;
}

static HM_FIBER void
run_batch(struct run *run, struct queue_batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		if (i > 0 && gives_way(run))
			queue_settle(run->q, batch, &batch->works[i]);
		else
			run_work(run, batch, &batch->works[i]);
}

void
queue_run(struct queue_module *q, struct queue_domain *domain)
{
	struct run run = { .q = q, .domain = hm_str_n(domain->name, domain->len),
	    .arena = hm_arena_new(NULL, "run"),
	    .until_ms = hm_now_ms() + LONG_MS };
	int64_t next_ms = queue_now_ms(q->shared);
	struct hm_err err = { 0 };

	for (int i = 0; i < BATCHES && !q->retired && !hm_fiber_cancelled() &&
	    !gives_way(&run); i++) {
		struct queue_batch *batch;
		unsigned notes = domain->notes;
		size_t n;

		if (queue_claim(q, run.domain, &batch, &err) < 0) {
			hm_log(HM_LOG_ERROR, "cannot read the queue",
			    hm_f("domain", run.domain), hm_f("error", err.text));
			next_ms = queue_now_ms(q->shared) + QUEUE_TROUBLE_MS;
			break;
		}
		n = batch->n;
		next_ms = batch->next_ms;
		/* Others may help, if there is more. */
		queue_index_claimed(q->shared, domain, notes, next_ms);
		run_batch(&run, batch);
		queue_batch_unref(q->shared, batch);
		if (n == 0)
			break;
	}
	if (run.name != NULL)
		domain->dead = run.dead != NULL || run.gave_way;
	end_transport(&run);
	queue_settle_flush(q);
	if (next_ms != INT64_MAX)
		queue_index_note(q->shared, run.domain, next_ms);
	hm_arena_free(run.arena);
}
