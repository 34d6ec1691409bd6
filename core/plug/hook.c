/* hook.c - chains of hook functions: their order, asking them, judging them. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "core/base/clock-private.h"
#include "core/conf/config.h"
#include "core/run/guard.h"
#include "core/run/loop.h"

#include "generation.h"
#include "slots.h"
#include "verdict.h"

/* ---- names ---- */

static const char *const hook_names[HM_HOOK_COUNT] = {
#define HM_DECIDE(name, arg) [HM_HOOK_##name] = #name,
#define HM_EVENT(name, type) [HM_HOOK_##name] = #name,
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT
};

static const bool hook_events[HM_HOOK_COUNT] = {
#define HM_DECIDE(name, arg)
#define HM_EVENT(name, type) [HM_HOOK_##name] = true,
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT
};

static const char *const order_names[] = {
	[HM_ORDER_FIRST] = "first", [HM_ORDER_AUTH] = "auth",
	[HM_ORDER_POLICY] = "policy", [HM_ORDER_CONTENT] = "content",
	[HM_ORDER_REWRITE] = "rewrite", [HM_ORDER_LAST] = "last",
};

const char *
hm_hook_name(enum hm_hook_id id)
{
	return hook_names[id];
}

enum hm_hook_id
hm_hook_from_name(struct hm_str name)
{
	for (int id = HM_HOOK_NONE + 1; id < HM_HOOK_COUNT; id++)
		if (hm_str_is(name, hook_names[id]))
			return id;
	return HM_HOOK_NONE;
}

bool
hm_hook_is_event(enum hm_hook_id id)
{
	return hook_events[id];
}

const char *
hm_order_name(enum hm_order order)
{
	return order_names[order];
}

/* ---- what a hook function learns ---- */

const void *
hm_conf(struct hm_call *call)
{
	return call->mod->conf;
}

struct hm_mod *
hm_call_mod(struct hm_call *call)
{
	return call->mod;
}

struct hm_session *
hm_call_session(struct hm_call *call)
{
	return call->session;
}

struct hm_message *
hm_call_message(struct hm_call *call)
{
	return call->message;
}

struct hm_arena *
hm_call_arena(struct hm_call *call)
{
	if (*call->arena == NULL)
		*call->arena = hm_arena_new(call->parent, "call");
	return *call->arena;
}

static struct hm_slots *
call_slots(const struct hm_call *call, enum hm_scope scope)
{
	/* Both begin with their slots, see slots.h. */
	if (scope == HM_SCOPE_MESSAGE)
		return (struct hm_slots *)call->message;
	return (struct hm_slots *)call->session;
}

void *
hm_slot(struct hm_call *call, enum hm_scope scope, size_t bytes,
    void (*destroy)(void *state))
{
	struct hm_slots *slots = call_slots(call, scope);

	if (slots == NULL)
		return NULL;
	return hm_slots_get(slots, call->mod, bytes, destroy);
}

/* ---- asking one ---- */

typedef struct hm_verdict hook_thunk(const union hm_hook_fn *fn,
    struct hm_call *call, const void *arg);

static struct hm_verdict
on_fail(const struct hm_link *link)
{
	switch ((enum hm_on_fail)link->on_fail) {
	case HM_ON_FAIL_PASS:
		return hm_pass();
	case HM_ON_FAIL_REJECT:
		return hm_reject("5.3.0", "a required check failed");
	case HM_ON_FAIL_DEFER:
		break;
	}
	return hm_defer("4.3.0", "a required check failed, try again later");
}

static void
failed(const struct hm_link *link, const char *why, bool late, int64_t took_ms)
{
	struct hm_code *code = link->mod->code;

	link->stats->late += late;
	if (code != NULL) {
		code->failed++;
		code->late += late;
	}
	hm_log(HM_LOG_ERROR, "hook failed", hm_f("module", link->mod->name),
	    hm_f("hook", hm_hook_name(link->hook->id)), hm_f("why", why),
	    hm_f("ms", took_ms));
}

enum { NS_MS = 1000000, SAMPLE = 16, COARSE_MS = 10, ROUNDED_MS = 2 };

/* Most calls take less than the coarse clock's step: of those one in SAMPLE is
 * measured, for all of them. */
static void
count(struct hm_hook_stats *stats, enum hm_verdict_kind kind, int64_t exact_ns,
    int64_t took_ns)
{
	if (exact_ns != 0 && took_ns == 0)
		hm_stats_add(stats, hm_now_ns() - exact_ns, SAMPLE);
	else if (took_ns > 0)
		hm_stats_add(stats, took_ns, 1);
	stats->calls++;
	stats->verdicts[kind]++;
}

/* A question on its way along the chain. */
struct question {
	struct hm_call *call;
	hook_thunk *thunk;
	const void *arg;
	struct hm_where *where;        /* of the fiber that asks */
	bool on_fiber;
	int64_t outer_ms;              /* its deadline, 0: none */
	int64_t now_ns, now_ms;        /* when the next one is asked */
};

/* A session that ends is no fault of the module. */
static bool
ending(const struct question *q)
{
	return q->on_fiber && (hm_fiber_cancelled() ||
	    (q->outer_ms != 0 && hm_now_ms() >= q->outer_ms));
}

/* What a verdict that is more than "no opinion" comes to. */
static struct hm_verdict
weigh(const struct hm_link *link, const struct question *q, struct hm_verdict v,
    bool late, int64_t exact_ns, int64_t took_ns)
{
	if (v.kind == HM_FAIL && ending(q))
		return hm_defer("4.3.2", "the session is ending");
	v = hm_verdict_clean(v, late, q->call);
	count(link->stats, v.kind, exact_ns, took_ns);
	if (v.kind != HM_FAIL)
		return v;
	failed(link, late ? "too late" : v.text, late, took_ns / NS_MS);
	return on_fail(link);
}

/* The rest of ask_one() where there is an opinion, or the clock has gone on. */
static bool
look_closer(const struct hm_link *link, struct question *q, struct hm_verdict v,
    int64_t exact_ns, struct hm_verdict *ret)
{
	int64_t began = q->now_ns, took;
	bool late;

	q->now_ns = hm_coarse_ns();
	q->now_ms = q->now_ns / NS_MS;
	took = q->now_ns - began;
	if (took / NS_MS + COARSE_MS >= link->timeout_ms)
		took = hm_now_ns() - began;
	/* Who fails as its time runs out was late; clocks are rounded. */
	late = took / NS_MS + (v.kind == HM_FAIL ? ROUNDED_MS : 0) >=
	    link->timeout_ms;
	if (v.kind == HM_PASS && !late) {
		count(link->stats, HM_PASS, exact_ns, took);
		return false;
	}
	*ret = weigh(link, q, v, late, exact_ns, took);
	return true;
}

/* Whether it has an opinion, which is then *ret. The deadline of the call is the
 * earlier of its own and the fiber's. The clock is read once for each call: one ends
 * when the next begins. Most have no opinion, and need less time than the clock can
 * show: they are through quickly. */
static bool
ask_one(const struct hm_link *link, struct question *q, struct hm_verdict *ret)
{
	int64_t limit = q->now_ms + link->timeout_ms, exact = 0;
	struct hm_verdict v;

	q->where->who = link->who;
	if (q->on_fiber)
		hm_fiber_deadline(q->outer_ms != 0 && q->outer_ms < limit ?
		    q->outer_ms : limit);
	if (link->stats->calls % SAMPLE == 0)
		exact = hm_now_ns();
	v = q->thunk(&link->fn, q->call, q->arg);
	hm_guard_fork_check();
	if (v.kind != HM_PASS || exact != 0 || link->timeout_ms <= COARSE_MS ||
	    hm_coarse_ns() != q->now_ns)
		return look_closer(link, q, v, exact, ret);
	link->stats->calls++;
	link->stats->verdicts[HM_PASS]++;
	return false;
}

/* ---- asking all ---- */

enum { MAX_ASK_DEPTH = 4 };

/* Who keeps texts until the reply is written, that is until the next question
 * of the same session or message. */
static struct hm_slots *
asker(const struct hm_call *call)
{
	struct hm_slots *owner = call_slots(call, HM_SCOPE_SESSION);

	return owner != NULL ? owner : call_slots(call, HM_SCOPE_MESSAGE);
}

static int
add_score(int a, int b)
{
	int sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT_MIN : INT_MAX;
	return sum;
}

static struct hm_verdict
ask_all(const struct hm_chain *chain, struct question *q)
{
	struct hm_verdict all = hm_pass(), v;
	int worst = INT_MIN;

	for (size_t i = 0; i < chain->n; i++) {
		/* A command without the server opens only what it needs. */
		if (chain->at[i].idle)
			continue;
		q->call->mod = chain->at[i].mod;
		q->call->hook = chain->at[i].hook;
		if (!ask_one(&chain->at[i], q, &v))
			continue;
		if (hm_verdict_final(v)) {
			v.score = add_score(v.score, all.score);
			v.module = chain->at[i].mod->name;
			return v;
		}
		if (v.kind == HM_JUNK && v.score > worst) {
			worst = v.score;
			all.text = v.text;
			all.module = chain->at[i].mod->name;
		}
		if (v.kind == HM_JUNK) {
			all.kind = HM_JUNK;
			all.score = add_score(all.score, v.score);
		}
	}
	return all;
}

static struct hm_verdict
ask_chain(const struct hm_chain *chain, struct hm_call *call,
    hook_thunk *thunk, const void *arg)
{
	struct question q = { .call = call, .thunk = thunk, .arg = arg,
	    .where = hm_where(), .on_fiber = hm_fiber_self() != NULL,
	    .now_ns = hm_coarse_ns() };
	struct hm_where former = *q.where;
	struct hm_verdict v;

	q.now_ms = q.now_ns / NS_MS;
	q.outer_ms = hm_fiber_deadline(0);
	*q.where = (struct hm_where){ NULL,
	    hm_hook_name(chain->at[0].hook->id), true };
	v = ask_all(chain, &q);
	if (q.on_fiber)
		hm_fiber_deadline(q.outer_ms);
	hm_where_leave(former);
	return v;
}

static struct hm_verdict
decide_for(struct hm_slots *owner, const struct hm_chain *chain,
    struct hm_call *call, hook_thunk *thunk, const void *arg)
{
	struct hm_verdict v;

	if (owner->asking >= MAX_ASK_DEPTH) {
		hm_log(HM_LOG_ERROR, "hooks ask each other without end",
		    hm_f("hook", hm_hook_name(chain->at[0].hook->id)));
		return hm_defer("4.3.0", "a check could not be made");
	}
	if (owner->asking == 0 && owner->reply != NULL)
		hm_arena_clear(owner->reply);
	call->parent = owner->arena;
	call->arena = &owner->reply;
	owner->asking++;
	v = ask_chain(chain, call, thunk, arg);
	owner->asking--;
	return v;
}

static void
free_arena(void *arg)
{
	hm_arena_free(arg);
}

static struct hm_verdict
decide(struct hm_mod *caller, enum hm_hook_id id, struct hm_session *session,
    struct hm_message *message, hook_thunk *thunk, const void *arg)
{
	const struct hm_chain *chain = &caller->gen->chains[id];
	struct hm_arena *own = NULL;
	struct hm_call call = { .session = session, .message = message,
	    .arena = &own };
	struct hm_slots *owner = asker(&call);
	struct hm_verdict v;

	if (chain->n == 0)
		return hm_pass();
	if (owner != NULL)
		return decide_for(owner, chain, &call, thunk, arg);
	v = ask_chain(chain, &call, thunk, arg);
	v.esc = hm_said(caller, v.esc);
	v.text = hm_said(caller, v.text);
	/* What a hook put into its argument is the caller's until it waits. */
	if (own != NULL)
		hm_post(free_arena, own);
	return v;
}

#define HM_DECIDE(name, arg_type) \
	static struct hm_verdict \
	name##_thunk(const union hm_hook_fn *fn, struct hm_call *call, \
	    const void *arg) \
	{ \
		return fn->name(call, *(arg_type const *)arg); \
	} \
	struct hm_verdict \
	hm_decide_##name(struct hm_mod *caller, struct hm_session *session, \
	    struct hm_message *message, arg_type arg) \
	{ \
		return decide(caller, HM_HOOK_##name, session, message, \
		    name##_thunk, &arg); \
	}
#define HM_EVENT(name, type)
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT

/* ---- events ---- */

static const size_t event_bytes[HM_HOOK_COUNT] = {
#define HM_DECIDE(name, arg)
#define HM_EVENT(name, type) [HM_HOOK_##name] = sizeof(type),
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT
};

static void
tell_all(struct hm_mod *caller, enum hm_hook_id id, const void *event)
{
	/* An old generation's session tells those who listen now. */
	struct hm_generation *gen = caller->gen->core->current;
	const struct hm_chain *chain;

	if (gen == NULL)
		gen = caller->gen;
	chain = &gen->chains[id];
	for (size_t i = 0; i < chain->n; i++)
		hm_queue_put(chain->at[i].queue, event);
}

/* An event on its way from a worker thread. */
struct told {
	struct hm_mod *caller;
	enum hm_hook_id id;
	char event[] __attribute__((aligned(16)));
};

static void
tell_later(void *arg)
{
	struct told *told = arg;

	tell_all(told->caller, told->id, told->event);
	free(told);
}

/* What a job posts runs before its fiber goes on, and that holds the caller. */
static void
emit(struct hm_mod *caller, enum hm_hook_id id, const void *event)
{
	struct told *told;

	if (hm_on_loop() || !hm_loop_lives()) {
		tell_all(caller, id, event);
		return;
	}
	told = hm_xalloc(sizeof(*told) + event_bytes[id]);
	told->caller = caller;
	told->id = id;
	memcpy(told->event, event, event_bytes[id]);
	hm_post(tell_later, told);
}

#define HM_DECIDE(name, arg)
#define HM_EVENT(name, type) \
	static void \
	name##_call(const struct hm_link *link, struct hm_call *call, \
	    const void *event) \
	{ \
		link->hook->fn.name(call, event); \
	} \
	void \
	hm_emit_##name(struct hm_mod *caller, const type *event) \
	{ \
		emit(caller, HM_HOOK_##name, event); \
	}
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT

struct hm_queue *
hm_hook_queue(struct hm_link *link)
{
	switch (link->hook->id) {
#define HM_DECIDE(name, arg)
#define HM_EVENT(name, type) \
	case HM_HOOK_##name: \
		return hm_queue_new(link, sizeof(type), name##_call);
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT
	default:
		return NULL;
	}
}
