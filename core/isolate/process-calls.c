/* process-calls.c - the process of an isolated module: hooks are called here.
 *
 * Sessions and messages of the worker have a mirror each, which lives as long as
 * they do and keeps what the module keeps with them.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/dns.h>
#include <hermod/fiber.h>
#include <hermod/log.h>
#include <hermod/message.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include "core/mail/message-private.h"
#include "core/mail/spool-private.h"
#include "core/plug/verdict.h"

#include "process.h"

/* ---- mirrors ---- */

struct mirror {
	uint64_t id;
	struct hm_session *session;    /* one of the two */
	struct hm_message *message;
	unsigned uses;                 /* by calls, and by the original */
};

static struct hm_str
key_of(const uint64_t *id)
{
	return hm_str_n((const char *)id, sizeof(*id));
}

static struct mirror *
mirror_find(struct hm_process *p, uint64_t id)
{
	return hm_map_get(&p->mirrors, key_of(&id));
}

static struct mirror *
mirror_new(struct hm_process *p, uint64_t id)
{
	struct mirror *m = hm_xalloc(sizeof(*m));

	m->id = id;
	m->uses = 1;
	hm_map_put(&p->mirrors, key_of(&m->id), m);
	return m;
}

static void
mirror_drop(struct mirror *m)
{
	if (m == NULL || --m->uses > 0)
		return;
	hm_session_free(m->session);
	hm_message_free(m->message);
	free(m);
}

void
hm_process_forget(struct hm_process *p, struct hm_str in)
{
	uint64_t id;

	if (hm_take_varint(&in, &id) == 0)
		mirror_drop(hm_map_remove(&p->mirrors, key_of(&id)));
}

void
hm_process_message(struct hm_process *p, struct hm_str in, int fd)
{
	struct hm_spool *spool;
	struct hm_err err = { 0 };
	struct mirror *m;
	uint64_t id, size;

	if (hm_take_varint(&in, &id) < 0 || hm_take_varint(&in, &size) < 0 ||
	    (spool = hm_spool_shared(fd, size, &err)) == NULL) {
		hm_log(HM_LOG_ERROR, "a message cannot be read",
		    hm_f("why", err.text));
		return;
	}
	m = mirror_find(p, id);
	if (m == NULL) {
		m = mirror_new(p, id);
		m->message = hm_message_new(NULL, spool);
	} else {
		hm_message_set_spool(m->message, spool);
	}
}

void
hm_process_rcpts(struct hm_process *p, struct hm_str in)
{
	struct hm_addr addr;
	struct mirror *m;
	uint64_t id;

	if (hm_take_varint(&in, &id) < 0 || (m = mirror_find(p, id)) == NULL ||
	    m->message == NULL)
		return;
	while (in.len > 0 && hm_carry_take_addr(&in, &addr) == 0)
		hm_message_add_rcpt(m->message, &addr);
}

/* ---- calls ---- */

struct running {
	struct hm_process *p;
	uint64_t id;
	struct hm_fiber *fiber;
	struct hm_buf packet;          /* strings lie in it */
	struct hm_str arg;
	const struct hm_hook *hook;    /* of the module's table */
	int64_t until_ms;
	struct mirror *session, *message;
	struct hm_session_facts facts;
	struct hm_addr sender;
	struct hm_str prefix, removed;
	struct hm_arena *arena;        /* of the call; NULL: not yet */
	struct hm_call call;
};

/* How an argument is read, and what is told about it afterwards. */
struct taker {
	void *(*take)(struct running *run, struct hm_str *in);
	void (*put)(struct hm_buf *out, const void *arg);
};

static void *
take_session(struct running *run, struct hm_str *in)
{
	(void)in;
	return run->call.session;
}

static void *
take_message(struct running *run, struct hm_str *in)
{
	(void)in;
	return run->call.message;
}

static void *
take_addr(struct running *run, struct hm_str *in)
{
	struct hm_addr *addr = hm_new(hm_call_arena(&run->call), struct hm_addr);

	return hm_carry_take_addr(in, addr) < 0 ? NULL : addr;
}

static void *
take_delivery(struct running *run, struct hm_str *in)
{
	struct hm_str account, mailbox, keyword;
	struct hm_delivery *d;
	struct hm_addr rcpt;
	uint64_t flags, n;

	if (run->call.message == NULL || hm_carry_take_str(in, &account) < 0 ||
	    hm_carry_take_addr(in, &rcpt) < 0 ||
	    hm_carry_take_str(in, &mailbox) < 0 ||
	    hm_take_varint(in, &flags) < 0 || hm_take_varint(in, &n) < 0)
		return NULL;
	d = hm_delivery_new(run->call.message, account, &rcpt);
	(void)hm_delivery_set_mailbox(d, mailbox);
	hm_delivery_set_flags(d, (unsigned)flags);
	while (n-- > 0 && hm_carry_take_str(in, &keyword) == 0)
		(void)hm_delivery_add_keyword(d, keyword);
	return d;
}

static void
put_delivery(struct hm_buf *out, const void *arg)
{
	const struct hm_delivery *d = arg;

	hm_carry_put_str(out, hm_delivery_mailbox(d));
	hm_buf_varint(out, hm_delivery_flags(d));
	hm_buf_varint(out, hm_delivery_keywords(d));
	for (size_t i = 0; i < hm_delivery_keywords(d); i++)
		hm_carry_put_str(out, hm_delivery_keyword(d, i));
}

static void *
take_imap_command(struct running *run, struct hm_str *in)
{
	struct hm_imap_command *c = hm_new(hm_call_arena(&run->call),
	    struct hm_imap_command);
	uint8_t read_only;

	if (hm_carry_take_str(in, &c->name) < 0 ||
	    hm_carry_take_str(in, &c->mailbox) < 0 ||
	    hm_take_u8(in, &read_only) < 0)
		return NULL;
	c->read_only = read_only != 0;
	return c;
}

static void *
take_route(struct running *run, struct hm_str *in)
{
	struct hm_arena *arena = hm_call_arena(&run->call);
	struct hm_route *route = hm_new(arena, struct hm_route);
	struct hm_addr *sender = hm_new(arena, struct hm_addr);
	struct hm_addr *rcpt = hm_new(arena, struct hm_addr);
	struct hm_str transport;
	uint64_t attempt;

	if (hm_carry_take_str(in, &route->account) < 0 ||
	    hm_carry_take_addr(in, sender) < 0 ||
	    hm_carry_take_addr(in, rcpt) < 0 ||
	    hm_take_varint(in, &attempt) < 0 ||
	    hm_carry_take_str(in, &transport) < 0)
		return NULL;
	route->size = sizeof(*route);
	route->sender = sender;
	route->rcpt = rcpt;
	route->attempt = (unsigned)attempt;
	if (transport.p != NULL)
		route->transport = hm_strndup(arena, transport.p, transport.len);
	return route;
}

static void
put_route(struct hm_buf *out, const void *arg)
{
	const struct hm_route *route = arg;

	hm_carry_put_str(out, hm_str(route->transport));
}

static void *
take_tls_policy(struct running *run, struct hm_str *in)
{
	struct hm_arena *arena = hm_call_arena(&run->call);
	struct hm_tls_policy *p = hm_new(arena, struct hm_tls_policy);

	return hm_carry_take_tls_policy(arena, in, p) < 0 ? NULL : p;
}

static void
put_tls_policy(struct hm_buf *out, const void *arg)
{
	hm_carry_put_tls_policy(out, arg);
}

/* Knows how many there were before. */
struct wants {
	struct hm_dns_wants wants;     /* first: the hook's argument */
	size_t had;
};

static void *
take_wants(struct running *run, struct hm_str *in)
{
	struct hm_arena *arena = hm_call_arena(&run->call);
	struct wants *w = hm_new(arena, struct wants);

	w->wants.arena = arena;
	if (hm_carry_take_str(in, &w->wants.domain) < 0 ||
	    hm_carry_take_wants(in, &w->wants) < 0)
		return NULL;
	w->had = w->wants.n;
	return w;
}

static void
put_wants(struct hm_buf *out, const void *arg)
{
	const struct wants *w = arg;

	hm_carry_put_wants(out, &w->wants, w->had);
}

static const struct taker session_taker = { .take = take_session };
static const struct taker message_taker = { .take = take_message };
static const struct taker addr_taker = { .take = take_addr };
static const struct taker delivery_taker = { take_delivery, put_delivery };
static const struct taker imap_taker = { .take = take_imap_command };
static const struct taker route_taker = { take_route, put_route };
static const struct taker tls_policy_taker = { take_tls_policy,
	put_tls_policy };
static const struct taker wants_taker = { take_wants, put_wants };

#define TAKER(arg) _Generic((arg)0, \
	struct hm_session *: &session_taker, \
	const struct hm_addr *: &addr_taker, \
	struct hm_message *: &message_taker, \
	struct hm_delivery *: &delivery_taker, \
	struct hm_imap_command *: &imap_taker, \
	struct hm_route *: &route_taker, \
	struct hm_tls_policy *: &tls_policy_taker, \
	struct hm_dns_wants *: &wants_taker)

/* The nth of the module's table; NULL: no such. */
static const struct hm_hook *
nth_hook(const struct hm_module_def *def, uint64_t n)
{
	const struct hm_hook *h = def->hooks;

	while (h != NULL && h->id != HM_HOOK_NONE && n > 0) {
		h++;
		n--;
	}
	return h != NULL && h->id != HM_HOOK_NONE ? h : NULL;
}

static void *
read_arg(struct running *run, const struct taker *taker)
{
	struct hm_str in = run->arg;

	return taker->take(run, &in);
}

/* Events are flat: the bytes are the struct. */
static void *
read_event(struct running *run, size_t bytes)
{
	void *event = hm_alloc(hm_call_arena(&run->call), bytes);

	if (run->arg.len != bytes)
		return NULL;
	memcpy(event, run->arg.p, bytes);
	return event;
}

static struct hm_verdict
run_hook(struct running *run, struct hm_buf *rest)
{
	const struct hm_hook *hook = run->hook;
	const struct taker *taker = NULL;
	struct hm_verdict v = hm_fail("the question cannot be read");
	void *arg = NULL;

	switch (hook->id) {
#define HM_DECIDE(name, arg_type) \
	case HM_HOOK_##name: \
		taker = TAKER(arg_type); \
		if ((arg = read_arg(run, taker)) != NULL) \
			v = hook->fn.name(&run->call, arg); \
		break;
#define HM_EVENT(name, type) \
	case HM_HOOK_##name: \
		if ((arg = read_event(run, sizeof(type))) != NULL) \
			hook->fn.name(&run->call, arg); \
		v = hm_pass(); \
		break;
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT
	default:
		break;
	}
	if (taker != NULL && taker->put != NULL && arg != NULL)
		taker->put(rest, arg);
	return v;
}

static void
answer(struct running *run)
{
	struct hm_message *msg = run->call.message;
	struct hm_buf journal = { 0 }, rest = { 0 }, out = { 0 };
	struct hm_where former;
	struct hm_verdict v;

	if (msg != NULL)
		hm_message_set_journal(msg, &journal);
	former = hm_where_enter(&run->p->code->who, hm_hook_name(run->hook->id));
	v = run_hook(run, &rest);
	hm_where_leave(former);
	if (msg != NULL)
		hm_message_set_journal(msg, NULL);
	if (journal.len > HM_CARRY_PART) {
		hm_buf_clear(&journal);
		v = hm_fail("more fields than fit through a socket");
	}
	v = hm_verdict_clean(v, false, &run->call);
	hm_carry_put_verdict(&out, &v, hm_buf_view(&journal));
	hm_buf_str(&out, hm_buf_view(&rest));
	hm_process_count(run->p);
	hm_process_answer(run->p, run->id, hm_buf_view(&out));
	hm_buf_release(&journal);
	hm_buf_release(&rest);
	hm_buf_release(&out);
}

/* What the worker says of both now. */
static void
learn(struct running *run)
{
	char peer[112];

	if (run->session != NULL) {
		run->call.session = run->session->session;
		hm_session_learn(run->call.session, &run->facts);
		hm_log_field("session", hm_session_id(run->call.session));
		if (run->facts.peer.family != 0)
			hm_log_field("peer", hm_sockaddr_ip(peer,
			    &run->facts.peer));
	}
	if (run->message != NULL) {
		struct hm_message *msg = run->message->message;

		run->call.message = msg;
		if (!hm_str_eq(hm_message_sender(msg)->text, run->sender.text))
			hm_message_set_sender(msg, &run->sender);
		hm_message_set_fields(msg, run->prefix, run->removed);
	}
}

static void
end_call(struct running *run)
{
	hm_map_remove(&run->p->calls, key_of(&run->id));
	hm_arena_free(run->arena);
	mirror_drop(run->session);
	mirror_drop(run->message);
	hm_buf_release(&run->packet);
	free(run);
}

static void
call_fiber(void *arg)
{
	struct running *run = arg;

	hm_fiber_deadline(run->until_ms);
	run->call.mod = run->p->mod;
	run->call.arena = &run->arena;
	learn(run);
	answer(run);
	end_call(run);
}

static struct mirror *
use(struct mirror *m)
{
	if (m != NULL)
		m->uses++;
	return m;
}

static int
take_call(struct running *run)
{
	struct hm_str in = hm_buf_view(&run->packet);
	uint64_t hook, left_ms, session, message;

	if (hm_take_varint(&in, &run->id) < 0 || hm_take_varint(&in, &hook) < 0 ||
	    (run->hook = nth_hook(run->p->mod->def, hook)) == NULL ||
	    hm_take_varint(&in, &left_ms) < 0 ||
	    hm_take_varint(&in, &session) < 0 ||
	    (session != 0 && hm_carry_take_facts(&in, &run->facts) < 0) ||
	    hm_take_varint(&in, &message) < 0 ||
	    (message != 0 && (hm_carry_take_addr(&in, &run->sender) < 0 ||
	    hm_carry_take_str(&in, &run->prefix) < 0 ||
	    hm_carry_take_str(&in, &run->removed) < 0)))
		return -HM_ECORRUPT;
	run->arg = in;
	run->until_ms = hm_now_ms() + (int64_t)left_ms;
	if (session != 0 && (run->session = use(mirror_find(run->p,
	    session))) == NULL) {
		run->session = use(mirror_new(run->p, session));
		run->session->session = hm_session_mirror(run->p->mod);
	}
	if (message != 0)
		run->message = use(mirror_find(run->p, message));
	return 0;
}

void
hm_process_call(struct hm_process *p, struct hm_str in)
{
	struct running *run;

	if (p->mod == NULL)
		return;
	run = hm_xalloc(sizeof(*run));
	run->p = p;
	hm_buf_str(&run->packet, in);
	if (take_call(run) < 0) {
		hm_log(HM_LOG_ERROR, "a question cannot be read");
		end_call(run);
		return;
	}
	hm_map_put(&p->calls, key_of(&run->id), run);
	run->fiber = hm_fiber_start(p->mod, "call", call_fiber, run);
}

void
hm_process_cancel(struct hm_process *p, struct hm_str in)
{
	struct running *run;
	uint64_t id;

	if (hm_take_varint(&in, &id) < 0)
		return;
	run = hm_map_get(&p->calls, key_of(&id));
	if (run != NULL)
		hm_fiber_cancel(run->fiber);
}
