/* hooks.c - hook functions that ask the process of an isolated module.
 *
 * A question carries what the hook may know: facts of the session, envelope and
 * fields of the message, and its bytes as a descriptor. What the hook changed comes
 * back with the verdict, and is done here by the functions that every module calls.
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
#include <hermod/message.h>
#include <hermod/spool.h>
#include <hermod/str.h>
#include <hermod/work.h>

#include "core/conf/config.h"
#include "core/mail/message-private.h"
#include "core/mail/spool-private.h"
#include "core/plug/generation.h"
#include "core/plug/slots.h"

#include "isolate-private.h"

enum { KEYWORDS_MAX = 100 };

/* ---- what the process knows already ---- */

/* In a slot of the session or message. */
struct known {
	struct hm_remote *remote;
	unsigned epoch;                /* of the process that was told */
	uint64_t id;                   /* 0: nothing yet */
	bool message;
	bool bytes;
	uint64_t size;                 /* of the bytes it has */
	size_t rcpts;                  /* that it has */
};

static void
no_longer(void *state)
{
	struct known *k = state;
	struct hm_buf id = { 0 };

	if (k->id == 0 || k->epoch != k->remote->epoch)
		return;
	hm_buf_varint(&id, k->id);
	hm_remote_tell(k->remote, k->message ? HM_CARRY_MESSAGE_END :
	    HM_CARRY_SESSION_END, hm_buf_view(&id), -1);
	hm_buf_release(&id);
}

/* owner: a session or a message, which begin with their slots. */
static struct known *
known(struct hm_call *call, void *owner, bool message)
{
	struct hm_remote *r = call->mod->code->remote;
	struct known *k = hm_slots_get(owner, call->mod, sizeof(*k), no_longer);

	if (k->id == 0 || k->epoch != r->epoch)
		*k = (struct known){ .remote = r, .epoch = r->epoch,
		    .id = ++r->last_id, .message = message };
	return k;
}

/* ---- the message ---- */

struct share_job {
	struct hm_spool *spool;
	struct hm_err err;
};

static int
share_job(void *arg)
{
	struct share_job *job = arg;

	return hm_spool_share(job->spool, &job->err);
}

/* Its bytes as they are now. */
static int
send_bytes(struct known *k, struct hm_message *msg)
{
	struct share_job job = { .spool = hm_message_spool(msg) };
	uint64_t size = hm_spool_size(job.spool);
	struct hm_buf out = { 0 };
	int fd = hm_spool_on_file(job.spool) ? hm_work(share_job, &job) :
	    share_job(&job);

	if (fd < 0)
		return fd;
	hm_buf_varint(&out, k->id);
	hm_buf_varint(&out, size);
	hm_remote_tell(k->remote, HM_CARRY_MESSAGE, hm_buf_view(&out), fd);
	hm_buf_release(&out);
	close(fd);
	k->bytes = true;
	k->size = size;
	return 0;
}

static void
send_rcpts(struct known *k, const struct hm_message *msg)
{
	size_t n = hm_message_rcpts(msg);

	while (k->rcpts < n) {
		struct hm_buf out = { 0 };

		hm_buf_varint(&out, k->id);
		while (k->rcpts < n && out.len < HM_CARRY_PART)
			hm_carry_put_addr(&out, hm_message_rcpt(msg,
			    k->rcpts++));
		hm_remote_tell(k->remote, HM_CARRY_RCPTS, hm_buf_view(&out), -1);
		hm_buf_release(&out);
	}
}

/* Everything about it that is not part of the question itself. */
static int
send_message(struct hm_call *call, struct hm_message *msg)
{
	struct known *k = known(call, msg, true);
	int rc = 0;

	if (!k->bytes || k->size != hm_message_size(msg))
		rc = send_bytes(k, msg);
	if (rc == 0)
		send_rcpts(k, msg);
	return rc;
}

/* ---- arguments, by their types ---- */

/* How an argument goes there and what comes back of it. */
struct carrier {
	void (*put)(struct hm_buf *out, const void *arg);
	int (*take)(struct hm_call *call, struct hm_str *in, void *arg);
	struct hm_session *(*session)(void *arg);
	struct hm_message *(*message)(void *arg);
};

static struct hm_session *
itself_session(void *arg)
{
	return arg;
}

static struct hm_message *
itself_message(void *arg)
{
	return arg;
}

static struct hm_message *
message_of_delivery(void *arg)
{
	return hm_delivery_message(arg);
}

static void
put_addr(struct hm_buf *out, const void *arg)
{
	hm_carry_put_addr(out, arg);
}

static void
put_delivery(struct hm_buf *out, const void *arg)
{
	const struct hm_delivery *d = arg;

	hm_carry_put_str(out, hm_delivery_account(d));
	hm_carry_put_addr(out, hm_delivery_rcpt(d));
	hm_carry_put_str(out, hm_delivery_mailbox(d));
	hm_buf_varint(out, hm_delivery_flags(d));
	hm_buf_varint(out, hm_delivery_keywords(d));
	for (size_t i = 0; i < hm_delivery_keywords(d); i++)
		hm_carry_put_str(out, hm_delivery_keyword(d, i));
}

static int
take_delivery(struct hm_call *call, struct hm_str *in, void *arg)
{
	struct hm_delivery *d = arg;
	struct hm_str mailbox, keyword;
	uint64_t flags, n;

	(void)call;
	if (hm_carry_take_str(in, &mailbox) < 0 ||
	    hm_take_varint(in, &flags) < 0 || flags > UINT32_MAX ||
	    hm_take_varint(in, &n) < 0 || n > KEYWORDS_MAX)
		return -HM_ECORRUPT;
	if (!hm_str_eq(mailbox, hm_delivery_mailbox(d)) &&
	    hm_delivery_set_mailbox(d, mailbox) < 0)
		return -HM_ECORRUPT;
	hm_delivery_set_flags(d, (unsigned)flags);
	while (n-- > 0)
		if (hm_carry_take_str(in, &keyword) < 0 ||
		    hm_delivery_add_keyword(d, keyword) < 0)
			return -HM_ECORRUPT;
	return 0;
}

static void
put_imap_command(struct hm_buf *out, const void *arg)
{
	const struct hm_imap_command *c = arg;

	hm_carry_put_str(out, c->name);
	hm_carry_put_str(out, c->mailbox);
	hm_buf_putc(out, c->read_only);
}

static void
put_route(struct hm_buf *out, const void *arg)
{
	const struct hm_route *route = arg;

	hm_carry_put_str(out, route->account);
	hm_carry_put_addr(out, route->sender);
	hm_carry_put_addr(out, route->rcpt);
	hm_buf_varint(out, route->attempt);
	hm_carry_put_str(out, hm_str(route->transport));
}

static int
take_route(struct hm_call *call, struct hm_str *in, void *arg)
{
	struct hm_route *route = arg;
	struct hm_str name;

	if (hm_carry_take_str(in, &name) < 0 || name.len > 64)
		return -HM_ECORRUPT;
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return -HM_ECORRUPT;
	route->transport = name.p == NULL ? NULL :
	    hm_strndup(hm_call_arena(call), name.p, name.len);
	return 0;
}

static void
put_tls_policy(struct hm_buf *out, const void *arg)
{
	hm_carry_put_tls_policy(out, arg);
}

/* The question is ours, the facts are what was found out. */
static int
take_tls_policy(struct hm_call *call, struct hm_str *in, void *arg)
{
	struct hm_tls_policy *p = arg, found;

	(void)call;
	if (hm_carry_take_tls_policy(p->arena, in, &found) < 0)
		return -HM_ECORRUPT;
	p->sts_mode = found.sts_mode;
	p->sts_host_allowed = found.sts_host_allowed;
	p->sts_text = found.sts_text;
	p->dane = found.dane;
	p->tlsa_base = found.tlsa_base;
	p->ntlsa = found.ntlsa;
	p->tlsa = found.tlsa;
	p->dane_text = found.dane_text;
	p->dane_fault = found.dane_fault;
	return 0;
}

static void
put_wants(struct hm_buf *out, const void *arg)
{
	const struct hm_dns_wants *wants = arg;

	hm_carry_put_str(out, wants->domain);
	hm_carry_put_wants(out, wants, 0);
}

static int
take_wants(struct hm_call *call, struct hm_str *in, void *arg)
{
	(void)call;
	return hm_carry_take_wants(in, arg);
}

static const struct carrier session_carrier = { .session = itself_session };
static const struct carrier message_carrier = { .message = itself_message };
static const struct carrier addr_carrier = { .put = put_addr };
static const struct carrier delivery_carrier = { .put = put_delivery,
	.take = take_delivery, .message = message_of_delivery };
static const struct carrier imap_carrier = { .put = put_imap_command };
static const struct carrier route_carrier = { .put = put_route,
	.take = take_route };
static const struct carrier tls_policy_carrier = { .put = put_tls_policy,
	.take = take_tls_policy };
static const struct carrier wants_carrier = { .put = put_wants,
	.take = take_wants };

#define CARRIER(arg) _Generic((arg)0, \
	struct hm_session *: &session_carrier, \
	const struct hm_addr *: &addr_carrier, \
	struct hm_message *: &message_carrier, \
	struct hm_delivery *: &delivery_carrier, \
	struct hm_imap_command *: &imap_carrier, \
	struct hm_route *: &route_carrier, \
	struct hm_tls_policy *: &tls_policy_carrier, \
	struct hm_dns_wants *: &wants_carrier)

/* ---- asking ---- */

/* Until the deadline of the call; an event has what a decision would have. */
static int64_t
time_left(const struct hm_call *call)
{
	int64_t at = 0, now = hm_now_ms();

	if (hm_fiber_self() != NULL) {
		at = hm_fiber_deadline(0);
		hm_fiber_deadline(at);
	}
	if (at == 0)
		return call->mod->config->deadline_ms;
	return at > now ? at - now : 1;
}

static void
put_call(struct hm_buf *out, struct hm_call *call, int64_t left_ms)
{
	struct hm_session_facts facts;

	hm_buf_varint(out, (uint64_t)(call->hook - call->mod->def->hooks));
	hm_buf_varint(out, (uint64_t)left_ms);
	hm_buf_varint(out, call->session == NULL ? 0 :
	    known(call, call->session, false)->id);
	if (call->session != NULL) {
		hm_session_facts(call->session, &facts);
		hm_carry_put_facts(out, &facts);
	}
	hm_buf_varint(out, call->message == NULL ? 0 :
	    known(call, call->message, true)->id);
	if (call->message != NULL) {
		hm_carry_put_addr(out, hm_message_sender(call->message));
		hm_carry_put_str(out, hm_message_prefix(call->message));
		hm_carry_put_str(out, hm_message_removed(call->message));
	}
}

static const char *
text_of(struct hm_call *call, struct hm_str s)
{
	return s.p == NULL ? NULL : hm_strndup(hm_call_arena(call), s.p, s.len);
}

/* Does what the hook did there. */
static struct hm_verdict
obey(struct hm_call *call, const struct carrier *carrier, struct hm_str in,
    void *arg)
{
	struct hm_carry_verdict said;
	int rc = hm_carry_take_verdict(&in, &said);

	if (rc == 0 && said.journal.len > 0)
		rc = call->message == NULL ? -HM_ECORRUPT :
		    hm_message_replay(call->message, said.journal);
	if (rc == 0 && carrier->take != NULL)
		rc = carrier->take(call, &in, arg);
	if (rc == 0 && in.len > 0)
		rc = -HM_ECORRUPT;
	if (rc == -HM_ECORRUPT || rc == -HM_EINVAL)
		hm_remote_kill(call->mod->code->remote,
		    "its verdict makes no sense");
	if (rc < 0)
		return hm_fail("what its process answered cannot be done");
	said.v.esc = text_of(call, said.esc);
	said.v.text = text_of(call, said.text);
	return said.v;
}

static struct hm_verdict
ask(struct hm_call *call, const struct carrier *carrier, void *arg)
{
	struct hm_remote *r = call->mod->code->remote;
	struct hm_call about = *call;
	struct hm_buf out = { 0 }, answer = { 0 };
	int64_t left_ms = time_left(call);
	struct hm_verdict v;
	unsigned epoch = r->epoch;
	int rc = 0;

	if (r->life != HM_REMOTE_UP)
		return hm_fail("its process does not run");
	if (carrier->session != NULL && arg != NULL)
		about.session = carrier->session(arg);
	if (carrier->message != NULL && arg != NULL)
		about.message = carrier->message(arg);
	if (about.message != NULL)
		rc = send_message(&about, about.message);
	if (rc < 0 || r->epoch != epoch)
		return hm_fail("its process cannot be given the message");
	put_call(&out, &about, left_ms);
	if (carrier->put != NULL)
		carrier->put(&out, arg);
	rc = hm_remote_ask(r, HM_CARRY_CALL, hm_buf_view(&out), -1, left_ms,
	    &answer);
	if (rc == 0)
		v = obey(&about, carrier, hm_buf_view(&answer), arg);
	else
		v = hm_fail(rc == -HM_EIO ? "its process is gone" :
		    rc == -HM_ELIMIT ? "too much for its process" :
		    "its process did not answer");
	hm_buf_release(&out);
	hm_buf_release(&answer);
	return v;
}

/* ---- events ---- */

struct event {
	const void *p;
	size_t len;
};

static void
put_event(struct hm_buf *out, const void *arg)
{
	const struct event *event = arg;

	hm_buf_add(out, event->p, event->len);
}

static const struct carrier event_carrier = { .put = put_event };

static void
tell(struct hm_call *call, const void *p, size_t len)
{
	struct event event = { p, len };

	(void)ask(call, &event_carrier, &event);
}

/* ---- one function for each hook ---- */

#define HM_DECIDE(name, arg_type) \
	static struct hm_verdict \
	name##_there(struct hm_call *call, arg_type arg) \
	{ \
		return ask(call, CARRIER(arg_type), (void *)(uintptr_t)arg); \
	}
#define HM_EVENT(name, type) \
	static void \
	name##_there(struct hm_call *call, const type *event) \
	{ \
		tell(call, event, sizeof(*event)); \
	}
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT

static const union hm_hook_fn functions[HM_HOOK_COUNT] = {
#define HM_DECIDE(name, arg_type) [HM_HOOK_##name] = { .name = name##_there },
#define HM_EVENT(name, type) [HM_HOOK_##name] = { .name = name##_there },
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT
};

void
hm_remote_hooks(struct hm_module_def *def)
{
	struct hm_hook *h = (struct hm_hook *)def->hooks;

	for (; h->id != HM_HOOK_NONE; h++)
		h->fn = functions[h->id];
}
