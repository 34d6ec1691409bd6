/* fake-core.c - sessions, hooks and the service "auth", in memory. */
#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/encode.h>
#include <hermod/hooks.h>
#include <hermod/plugin.h>
#include <hermod/session.h>

#include "fake.h"
#include "modules/imap/recent.h"

struct hm_session {
	struct hm_arena *arena;
	struct hm_io *io;
	struct hm_str helo, account, login;
	uint64_t in, out;
};

struct hm_sasl {
	bool plain, asked;
	unsigned step;
};

static const char *refused_command;
static unsigned failures;
static struct imap_recent *recent;

void
fake_refuse(const char *name)
{
	refused_command = name;
}

/* ---- sessions ---- */

struct hm_session *
hm_session_new(struct hm_mod *m, struct hm_io *io, const char *protocol)
{
	struct hm_session *s = hm_xalloc(sizeof(*s));

	(void)m, (void)protocol;
	s->arena = hm_arena_new(NULL, "fake session");
	s->io = io;
	return s;
}

void
hm_session_free(struct hm_session *s)
{
	hm_arena_free(s->arena);
	free(s);
}

const char *
hm_session_id(const struct hm_session *s)
{
	(void)s;
	return "fake";
}

struct hm_arena *
hm_session_arena(struct hm_session *s)
{
	return s->arena;
}

bool
hm_session_tls(const struct hm_session *s)
{
	(void)s;
	return false;
}

void
hm_session_set_helo(struct hm_session *s, struct hm_str name)
{
	s->helo = hm_str_dup(s->arena, name);
}

struct hm_str
hm_session_account(const struct hm_session *s)
{
	return s->account;
}

void
hm_session_set_login(struct hm_session *s, struct hm_str account,
    struct hm_str login)
{
	s->account = hm_str_dup(s->arena, account);
	s->login = hm_str_dup(s->arena, login);
}

void
hm_session_idle(struct hm_session *s, bool idle)
{
	(void)s;
	(void)idle;
}

void
hm_session_count(struct hm_session *s, uint64_t in, uint64_t out)
{
	s->in += in;
	s->out += out;
}

const struct hm_server *
hm_server(const struct hm_mod *m)
{
	static const struct hm_server server = {
		.hostname = "mail.example.org", .data_dir = "/tmp",
		.product = "Hermod test",
	};

	(void)m;
	return &server;
}

/* ---- hooks ---- */

struct hm_verdict
hm_decide_connection(struct hm_mod *caller, struct hm_session *session,
    struct hm_message *message, struct hm_session *arg)
{
	(void)caller, (void)session, (void)message, (void)arg;
	return hm_pass();
}

struct hm_verdict
hm_decide_auth(struct hm_mod *caller, struct hm_session *session,
    struct hm_message *message, struct hm_session *arg)
{
	(void)caller, (void)session, (void)message;
	if (hm_str_is(arg->login, "banned@example.org"))
		return hm_reject("5.7.1", "not today");
	return hm_pass();
}

struct hm_verdict
hm_decide_imap_command(struct hm_mod *caller, struct hm_session *session,
    struct hm_message *message, struct hm_imap_command *arg)
{
	(void)caller, (void)session, (void)message;
	if (refused_command && hm_str_is(arg->name, refused_command))
		return hm_reject("5.7.1", "not this one");
	return hm_pass();
}

/* ---- auth ---- */

static struct hm_str
fake_mechanisms(struct hm_mod *self, struct hm_session *s, bool allow_plain)
{
	(void)self, (void)s;
	return allow_plain ? HM_STR("TWO-STEP PLAIN") : HM_STR("TWO-STEP");
}

static int
fake_password(struct hm_mod *self, struct hm_session *s, struct hm_str login,
    struct hm_str password, struct hm_login_result *ret, struct hm_err *err)
{
	(void)self, (void)s;
	if (failures >= 3)
		return -HM_ELIMIT;
	if (!hm_str_is(password, "secret")) {
		failures++;
		return -HM_EAUTH;
	}
	if (hm_str_is(login, "locked@example.org"))
		return hm_err_set(err, -HM_EACCES, "account is locked");
	failures = 0;
	ret->account = HM_STR("u");
	ret->login = login;
	return 0;
}

static int
fake_start(struct hm_mod *self, struct hm_session *s, struct hm_str mechanism,
    bool allow_plain, struct hm_sasl **ret, struct hm_err *err)
{
	bool plain = allow_plain && hm_str_caseis(mechanism, "PLAIN");

	(void)self, (void)s, (void)err;
	if (!plain && !hm_str_caseis(mechanism, "TWO-STEP"))
		return -HM_EUNSUPPORTED;
	*ret = hm_xalloc(sizeof(**ret));
	(*ret)->plain = plain;
	return 0;
}

static int
fake_step(struct hm_sasl *sasl, struct hm_str in, struct hm_buf *out,
    struct hm_login_result *ret, struct hm_err *err)
{
	struct hm_str rest = in;

	if (!in.p)
		return HM_SASL_CONTINUE;
	if (sasl->plain) {
		hm_str_split(&rest, 0);
		return fake_password(NULL, NULL, hm_str_split(&rest, 0), rest,
		    ret, err) < 0 ? -HM_EAUTH : HM_SASL_DONE;
	}
	if (sasl->step++ == 0) {
		hm_buf_puts(out, "challenge");
		return HM_SASL_CONTINUE;
	}
	ret->account = HM_STR("u");
	ret->login = HM_STR("u@example.org");
	hm_buf_puts(out, "v=proof");
	return hm_str_is(in, "answer") ? HM_SASL_DONE_DATA : -HM_EAUTH;
}

static void
fake_end(struct hm_sasl *sasl)
{
	/* As strict as the interface: there must have been a start. */
	if (!sasl)
		abort();
	free(sasl);
}

const struct hm_auth_ops fake_auth_ops = {
	.size = sizeof(struct hm_auth_ops),
	.mechanisms = fake_mechanisms,
	.start = fake_start,
	.step = fake_step,
	.end = fake_end,
	.password = fake_password,
};

void
fake_forget(void)
{
	imap_recent_free(recent);
	recent = NULL;
}

struct imap_server *
fake_server(void)
{
	static const struct imap_conf conf = {
		.insecure_login = true, .login_timeout_ms = 30000,
		.idle_timeout_ms = 30 * 60000, .write_timeout_ms = 30000,
		.max_literal_bytes = 100 << 10, .append_limit_bytes = 1 << 20,
	};
	static const struct hm_store store = { .ops = &fake_store_ops };
	static const struct hm_auth auth = { .ops = &fake_auth_ops };
	static struct imap_server server = {
		.conf = &conf, .store = &store, .auth = &auth,
	};

	failures = 0;
	if (!recent)
		recent = imap_recent_new();
	server.recent = recent;
	return &server;
}
