/* fuzz-sasl.c - SASL exchanges (RFC 4422) with a client that says anything, or
 * with an honest one whose messages are tampered with.
 *
 * Input: the mechanism, flags, then either messages with 0xfe between, or
 * changes to an honest client's: which message, where, how.
 */
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/log.h>
#include <hermod/session.h>

#include "auth.h"
#include "t/virtual.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LOGIN "anna@example.org"
#define PASSWORD "correct horse"

enum { TLS = 1, HONEST = 2, CLEAR = 4, INITIAL = 8, TRUSTED = 16 };
enum { STEPS_MAX = 8 };

/* ---- what the module needs of the rest, in memory ------------------------ */

struct hm_session {
	struct hm_arena *arena;
	struct hm_sockaddr peer;
	bool tls, trusted;
};

struct hm_mod {
	struct auth_module auth;
};

static struct hm_buf record;

void *
hm_mod_state(const struct hm_mod *m)
{
	return (void *)(uintptr_t)&m->auth;
}

struct hm_arena *
hm_session_arena(struct hm_session *s)
{
	return s->arena;
}

const struct hm_sockaddr *
hm_session_peer(const struct hm_session *s)
{
	return &s->peer;
}

const char *
hm_session_protocol(const struct hm_session *s)
{
	(void)s;
	return "fuzz";
}

bool
hm_session_trusted(const struct hm_session *s)
{
	return s->trusted;
}

bool
hm_session_tls(const struct hm_session *s)
{
	return s->tls;
}

/* The data that a binding needs, as any of its bytes may be. */
struct hm_io *
hm_session_io(struct hm_session *s)
{
	static struct hm_io *ours, *theirs;

	(void)s;
	if (ours == NULL)
		hm_io_pair(&ours, &theirs);
	return ours;
}

static int
kv_run(struct hm_mod *self, unsigned flags,
    int (*fn)(struct hm_kv_txn *txn, void *arg), void *arg,
    struct hm_err *reterr)
{
	(void)self, (void)flags, (void)reterr;
	return fn(NULL, arg);
}

static int
kv_get(struct hm_kv_txn *txn, struct hm_kv_table *table, struct hm_str key,
    unsigned flags, struct hm_str *ret)
{
	(void)txn, (void)table, (void)flags;
	if (!hm_str_is(key, "anna") && !hm_str_is(key, "carl"))
		return -HM_ENOENT;
	*ret = hm_buf_view(&record);
	return 0;
}

/* anna; bert, who has no password; carl, who is locked out. */
static int
dir_login(struct hm_mod *self, struct hm_str name, struct hm_arena *arena,
    struct hm_account_info *ret, struct hm_err *reterr)
{
	(void)self, (void)arena, (void)reterr;
	*ret = (struct hm_account_info){ 0 };
	if (hm_str_caseis(name, LOGIN) || hm_str_is(name, "anna"))
		ret->name = HM_STR("anna");
	else if (hm_str_is(name, "bert"))
		ret->name = HM_STR("bert");
	else if (hm_str_is(name, "carl"))
		ret->name = HM_STR("carl");
	else
		return -HM_ENOENT;
	ret->login_disabled = hm_str_is(ret->name, "carl");
	ret->login_disabled_text = HM_STR("locked");
	return 0;
}

static struct hm_mod mod;

static void
no_log(enum hm_loglevel level, struct hm_str line, void *arg)
{
	(void)level, (void)line, (void)arg;
}

/* Hashes that cost little: here thousands are tried in a second. */
static void
begin(void)
{
	static const struct hm_kv_ops kv_ops = { .size = sizeof(kv_ops),
		.run = kv_run, .get = kv_get };
	static const struct hm_kv kv = { .ops = &kv_ops };
	static const struct hm_directory_ops dir_ops = { .size = sizeof(dir_ops),
		.login = dir_login };
	static const struct hm_directory dir = { .ops = &dir_ops };
	static const char *const names[] = { "SCRAM-SHA-256-PLUS",
		"SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5",
		"PLAIN", "LOGIN" };
	static const struct hm_strlist list = { HM_ARRAY_LEN(names), names };
	static const struct auth_conf conf = { .mechanisms = &list,
		.scram_iterations = 16, .min_password = 8,
		.failures_per_minute = 3, .failure_delay_ms = 1000 };
	static struct auth_shared shared;
	struct hm_arena *arena = hm_arena_new(NULL, "begin");
	struct auth_secrets secrets;

	hm_log_set_sink(no_log, NULL);
	virtual_begin(INT64_C(1795176000000));
	if (gsasl_init(&mod.auth.gsasl) != GSASL_OK ||
	    auth_secrets_make(arena, HM_STR(PASSWORD), 16, &secrets, NULL) < 0)
		abort();
	secrets.hash = hm_str(crypt(PASSWORD, "$5$rounds=1000$saltsalt"));
	auth_secrets_pack(&record, &secrets);
	gsasl_callback_set(mod.auth.gsasl, auth_gsasl_callback);
	shared.fake_hash = "$5$rounds=1000$saltsalt$"
	    "0000000000000000000000000000000000000000000";
	shared.hashing.free = 2;
	shared.cache = auth_cache_new();
	mod.auth.conf = &conf;
	mod.auth.kv = &kv;
	mod.auth.directory = &dir;
	mod.auth.shared = &shared;
	hm_arena_free(arena);
}

/* ---- the exchange -------------------------------------------------------- */

struct play {
	const char *mechanism;
	unsigned flags;
	struct hm_str script;
	struct hm_session session;
	Gsasl *client_ctx;
	Gsasl_session *client;  /* HONEST */
	struct hm_str last;     /* message that was said */
	bool changed;           /* what the honest client says, any time */
};

/* What an honest client answers; false if it gives up. */
static bool
honest_answer(struct play *p, struct hm_str challenge, struct hm_buf *out)
{
	char *text = NULL;
	size_t len = 0;
	int r = gsasl_step(p->client, challenge.p != NULL ? challenge.p : "",
	    challenge.len, &text, &len);

	if (r == GSASL_OK || r == GSASL_NEEDS_MORE)
		hm_buf_add(out, text != NULL ? text : "", len);
	gsasl_free(text);
	return r == GSASL_OK || r == GSASL_NEEDS_MORE;
}

/* The change meant for this message, if the script has one. */
static void
tamper(struct play *p, unsigned step, struct hm_buf *answer)
{
	struct hm_str s = p->script;
	struct hm_buf was = { 0 };

	hm_buf_str(&was, hm_buf_view(answer));
	for (; s.len >= 4; s = hm_str_skip(s, 4)) {
		unsigned char which = (unsigned char)s.p[0], at =
		    (unsigned char)s.p[1], how = (unsigned char)s.p[2];

		if (which % 4 != step || answer->len == 0)
			continue;
		at = (unsigned char)(at % answer->len);
		if (how % 3 == 0)
			answer->p[at] = s.p[3];
		else if (how % 3 == 1)
			answer->len = at;
		else
			hm_buf_putc(answer, s.p[3]);
	}
	p->changed |= !hm_str_eq(hm_buf_view(&was), hm_buf_view(answer));
	hm_buf_release(&was);
}

static bool
next_message(struct play *p, unsigned step, struct hm_str challenge,
    struct hm_buf *out)
{
	hm_buf_clear(out);
	if (p->client == NULL) {
		p->last = hm_str_split(&p->script, '\xfe');
		hm_buf_str(out, p->last);
		return true;
	}
	if (!honest_answer(p, challenge, out))
		return false;
	tamper(p, step, out);
	return true;
}

/* Who comes in knew the password; where it never crosses the line, only an
 * untouched exchange does. */
static void
judge(const struct play *p, const struct hm_login_result *who, struct hm_str all)
{
	if (!hm_str_is(who->account, "anna"))
		abort();
	if (p->client == NULL && hm_str_find(all, HM_STR(PASSWORD)) < 0)
		abort();
	/* Nothing stands behind it, where it does cross. */
	if (p->client == NULL && !hm_str_ends(p->last, HM_STR(PASSWORD)))
		abort();
	if (p->client != NULL && p->changed &&
	    strncmp(p->mechanism, "SCRAM", 5) == 0)
		abort();
}

static void
exchange(struct play *p)
{
	struct hm_str all = p->script, given = { NULL, 0 };
	struct hm_login_result who = { 0 };
	struct hm_buf in = { 0 }, out = { 0 };
	struct hm_sasl *sasl;
	struct hm_err err;
	unsigned said = 0;
	int r = auth_start(&mod, &p->session, hm_str(p->mechanism),
	    p->flags & CLEAR, &sasl, &err);

	if (r < 0)
		return;
	if (p->flags & INITIAL && next_message(p, said++, HM_STR(""), &in))
		given = hm_str_n(in.p != NULL ? in.p : "", in.len);
	for (unsigned step = 0; step < STEPS_MAX; step++) {
		hm_buf_clear(&out);
		r = auth_step(sasl, given, &out, &who, &err);
		if (r != HM_SASL_CONTINUE ||
		    !next_message(p, said++, hm_buf_view(&out), &in))
			break;
		given = hm_str_n(in.p != NULL ? in.p : "", in.len);
	}
	auth_end(sasl);
	if (r > 0)
		judge(p, &who, all);
	else if (p->client != NULL && !p->changed &&
	    strstr(p->mechanism, "PLUS") == NULL &&
	    strcmp(p->mechanism, "LOGIN") != 0)
		abort(); /* an honest client comes in */
	hm_buf_release(&in);
	hm_buf_release(&out);
}

static void
log_in(struct play *p)
{
	struct hm_str all = p->script, login = hm_str_split(&p->script, '\xfe');
	struct hm_login_result who = { 0 };

	p->last = p->script;
	if (auth_password(&mod, &p->session, login, p->script, &who, NULL) == 0)
		judge(p, &who, all);
}

static void
play_fiber(void *arg)
{
	struct play *p = arg;

	if (p->mechanism != NULL)
		exchange(p);
	else
		log_in(p);
}

static void
meet_honest(struct play *p)
{
	if (gsasl_init(&p->client_ctx) != GSASL_OK ||
	    gsasl_client_start(p->client_ctx, p->mechanism, &p->client) !=
	    GSASL_OK)
		abort();
	gsasl_property_set(p->client, GSASL_AUTHID, LOGIN);
	gsasl_property_set(p->client, GSASL_PASSWORD, PASSWORD);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const mechanisms[] = { "SCRAM-SHA-256-PLUS",
		"SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5",
		"PLAIN", "LOGIN", NULL };
	struct play p = { 0 };
	struct hm_arena *arena;
	struct auth_secrets secrets;

	if (mod.auth.conf == NULL)
		begin();
	if (size < 2)
		return 0;
	arena = hm_arena_new(NULL, "fuzz");
	p.mechanism = mechanisms[data[0] % HM_ARRAY_LEN(mechanisms)];
	p.flags = data[1];
	p.script = hm_str_n((const char *)data + 2, size - 2);
	p.session = (struct hm_session){ .arena = arena,
	    .tls = p.flags & TLS, .trusted = p.flags & TRUSTED };
	hm_sockaddr_parse(HM_STR("192.0.2.7"), &p.session.peer);
	if (p.flags & HONEST && p.mechanism != NULL)
		meet_honest(&p);
	mod.auth.shared->limits = auth_limits_new(3);
	hm_fiber_start(NULL, "client", play_fiber, &p);
	virtual_run();
	auth_limits_free(mod.auth.shared->limits);
	if (p.client != NULL)
		gsasl_finish(p.client);
	if (p.client_ctx != NULL)
		gsasl_done(p.client_ctx);
	/* Any bytes as a stored record. */
	auth_secrets_unpack(arena, p.script, &secrets);
	hm_arena_free(arena);
	return 0;
}
