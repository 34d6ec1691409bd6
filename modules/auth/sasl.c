/* sasl.c - SASL exchanges: GNU SASL for most, our own CRAM-MD5. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/encode.h>
#include <hermod/rand.h>

#include "auth.h"

struct hm_sasl {
	struct auth_module *auth;
	struct hm_session *session;
	struct hm_arena *arena;
	const char *mechanism;
	Gsasl_session *gsasl;       /* NULL: CRAM-MD5 */
	struct hm_str challenge;    /* CRAM-MD5, once sent */
	unsigned prompts;           /* LOGIN, prompts sent */
	struct hm_str login;        /* once known */
	struct auth_user user;
	bool loaded;
	int result;                 /* what a callback found wrong, or 0 */
	struct hm_err err;
};

/* What there is; the admin's list says what is offered. */
static const struct {
	const char *name;
	bool plain;     /* the password itself crosses the stream */
	bool plus;      /* bound to the TLS channel (RFC 5802, 6) */
} mechanisms[] = {
	{ "SCRAM-SHA-256-PLUS", false, true },
	{ "SCRAM-SHA-256", false, false },
	{ "SCRAM-SHA-1-PLUS", false, true },
	{ "SCRAM-SHA-1", false, false },
	{ "CRAM-MD5", false, false },
	{ "PLAIN", true, false },
	{ "LOGIN", true, false },
};

static bool
offered(const struct auth_module *auth, struct hm_session *s, size_t i,
    bool allow_plain)
{
	if (!hm_strlist_has(auth->conf->mechanisms, hm_str(mechanisms[i].name)))
		return false;
	if (hm_session_tls(s))
		return true;
	return !mechanisms[i].plus && (!mechanisms[i].plain || allow_plain);
}

struct hm_str
auth_mechanisms(struct hm_mod *self, struct hm_session *s, bool allow_plain)
{
	const struct auth_module *auth = hm_mod_state(self);
	struct hm_buf list = { 0 };
	struct hm_str copy;

	for (size_t i = 0; i < HM_ARRAY_LEN(mechanisms); i++) {
		if (!offered(auth, s, i, allow_plain))
			continue;
		if (list.len > 0)
			hm_buf_putc(&list, ' ');
		hm_buf_puts(&list, mechanisms[i].name);
	}
	copy = hm_str_dup(hm_session_arena(s), hm_buf_view(&list));
	hm_buf_release(&list);
	return copy;
}

int
auth_start(struct hm_mod *self, struct hm_session *s, struct hm_str mechanism,
    bool allow_plain, struct hm_sasl **ret, struct hm_err *reterr)
{
	struct auth_module *auth = hm_mod_state(self);
	struct hm_sasl *sasl;
	struct hm_arena *arena;
	size_t i = 0;

	while (i < HM_ARRAY_LEN(mechanisms) &&
	    !hm_str_caseis(mechanism, mechanisms[i].name))
		i++;
	if (i == HM_ARRAY_LEN(mechanisms) || !offered(auth, s, i, allow_plain))
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "that mechanism is not offered");
	if (auth_limits_blocked(auth->shared->limits, s))
		return hm_err_set(reterr, -HM_ELIMIT,
		    "too many failed log-ins from your address");

	arena = hm_arena_new(NULL, "sasl");
	sasl = hm_new(arena, struct hm_sasl);
	sasl->arena = arena;
	sasl->auth = auth;
	sasl->session = s;
	sasl->mechanism = mechanisms[i].name;
	if (strcmp(sasl->mechanism, "CRAM-MD5") != 0) {
		if (gsasl_server_start(auth->gsasl, sasl->mechanism,
		    &sasl->gsasl) != GSASL_OK) {
			hm_arena_free(arena);
			return hm_err_set(reterr, -HM_EINTERNAL,
			    "cannot begin %s", mechanisms[i].name);
		}
		gsasl_session_hook_set(sasl->gsasl, sasl);
	}
	*ret = sasl;
	return 0;
}

void
auth_end(struct hm_sasl *sasl)
{
	if (sasl->gsasl != NULL)
		gsasl_finish(sasl->gsasl);
	hm_arena_free(sasl->arena);
}

/* Loads the user that the exchange is about; once. */
static HM_FIBER int
load_user(struct hm_sasl *sasl, const char *login)
{
	int r;

	if (sasl->loaded)
		return 0;
	sasl->login = hm_str_dup(sasl->arena, hm_str(login));
	r = auth_user_load(sasl->auth, sasl->arena, sasl->login, &sasl->user);
	sasl->loaded = r == 0;
	return r;
}

/* ---- GNU SASL asks ------------------------------------------------------- */

static int
give_base64(Gsasl_session *session, Gsasl_property property, struct hm_str bytes)
{
	struct hm_buf text = { 0 };
	int r;

	hm_base64_encode(&text, bytes);
	r = gsasl_property_set(session, property, text.p != NULL ? text.p : "");
	hm_buf_release(&text);
	return r;
}

static int
give_scram(struct hm_sasl *sasl, Gsasl_session *session, Gsasl_property property)
{
	bool sha256 = strncmp(sasl->mechanism, "SCRAM-SHA-256", 13) == 0;
	const char *login = gsasl_property_fast(session, GSASL_AUTHID);
	const struct auth_scram *scram;
	char number[16];

	if (login == NULL || (sasl->result = load_user(sasl, login)) < 0)
		return GSASL_AUTHENTICATION_ERROR;
	scram = &sasl->user.secrets.scram[sha256 ? AUTH_SCRAM_SHA256 :
	    AUTH_SCRAM_SHA1];
	switch (property) {
	case GSASL_SCRAM_ITER:
		snprintf(number, sizeof(number), "%u", scram->iterations);
		return gsasl_property_set(session, property, number);
	case GSASL_SCRAM_SALT:
		return give_base64(session, property, scram->salt);
	case GSASL_SCRAM_STOREDKEY:
		return give_base64(session, property, scram->stored_key);
	default:
		return give_base64(session, property, scram->server_key);
	}
}

/* Whether a client could have bound its log-in. If it could, one that says it
 * wanted to but saw no way was lied to by somebody in between, and GNU SASL
 * refuses it; if not, it is right (RFC 5802, 6, the flag "y"). */
static bool
binding_offered(const struct hm_sasl *sasl)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(mechanisms); i++)
		if (mechanisms[i].plus &&
		    offered(sasl->auth, sasl->session, i, false))
			return true;
	return false;
}

static int
give_binding(struct hm_sasl *sasl, Gsasl_session *session,
    Gsasl_property property, const char *type)
{
	struct hm_buf data = { 0 };
	int r = GSASL_NO_CALLBACK;

	if (binding_offered(sasl) && hm_io_channel_binding(
	    hm_session_io(sasl->session), type, &data) == 0)
		r = give_base64(session, property, hm_buf_view(&data));
	hm_buf_release(&data);
	return r;
}

static int
validate_simple(struct hm_sasl *sasl, Gsasl_session *session)
{
	const char *login = gsasl_property_fast(session, GSASL_AUTHID);
	const char *password = gsasl_property_fast(session, GSASL_PASSWORD);

	if (login == NULL || password == NULL)
		return GSASL_AUTHENTICATION_ERROR;
	sasl->result = load_user(sasl, login);
	if (sasl->result == 0)
		sasl->result = auth_user_password(sasl->auth, sasl->arena,
		    &sasl->user, hm_str(password), &sasl->err);
	return sasl->result == 0 ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
}

int
auth_gsasl_callback(Gsasl *ctx, Gsasl_session *session, Gsasl_property property)
{
	struct hm_sasl *sasl = gsasl_session_hook_get(session);

	(void)ctx;
	switch (property) {
	case GSASL_VALIDATE_SIMPLE:
		return validate_simple(sasl, session);
	case GSASL_SCRAM_ITER:
	case GSASL_SCRAM_SALT:
	case GSASL_SCRAM_STOREDKEY:
	case GSASL_SCRAM_SERVERKEY:
		return give_scram(sasl, session, property);
	case GSASL_CB_TLS_EXPORTER:
		return give_binding(sasl, session, property, "tls-exporter");
	case GSASL_CB_TLS_UNIQUE:
		return give_binding(sasl, session, property, "tls-unique");
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* ---- steps --------------------------------------------------------------- */

/* A user name may come with the command (curl, Outlook): GNU SASL first wants
 * to have asked for it. */
static void
login_skip_prompt(struct hm_sasl *sasl)
{
	char *prompt = NULL;
	size_t len;

	(void)gsasl_step(sasl->gsasl, "", 0, &prompt, &len);
	gsasl_free(prompt);
	sasl->prompts++;
}

/* Some clients read LOGIN's prompts, and expect these words. */
static void
login_prompt(struct hm_sasl *sasl, struct hm_buf *out)
{
	hm_buf_puts(out, sasl->prompts++ == 0 ? "Username:" : "Password:");
}

/* PLAIN has NUL between its three fields and nowhere else (RFC 4616, 2), the
 * others have none; GNU SASL would read up to it and take that for all. */
static bool
nuls_sound(const struct hm_sasl *sasl, struct hm_str in)
{
	size_t nuls = 0;

	for (size_t i = 0; i < in.len; i++)
		nuls += in.p[i] == '\0';
	return nuls == 0 || (nuls == 2 && strcmp(sasl->mechanism, "PLAIN") == 0);
}

/* A client that speaks of a binding means a mechanism with -PLUS; without it GNU
 * SASL would not look at what it is bound to (RFC 5802, 6). */
static bool
binds_unasked(const struct hm_sasl *sasl, struct hm_str in)
{
	return strncmp(sasl->mechanism, "SCRAM", 5) == 0 &&
	    strstr(sasl->mechanism, "-PLUS") == NULL &&
	    hm_str_starts(in, HM_STR("p="));
}

static HM_FIBER int
step_gsasl(struct hm_sasl *sasl, struct hm_str in, struct hm_buf *out)
{
	bool login = strcmp(sasl->mechanism, "LOGIN") == 0;
	char *answer = NULL;
	size_t len = 0;
	int r;

	/* Nothing is no message of any but LOGIN. */
	if (!nuls_sound(sasl, in) || binds_unasked(sasl, in) || (in.p != NULL && in.len == 0 && !login))
		return -HM_ESYNTAX;
	/* PLAIN and SCRAM begin with the client (RFC 4422, 3). */
	if (in.p == NULL && !login && sasl->prompts++ == 0)
		return HM_SASL_CONTINUE;
	if (login && in.len > 0 && sasl->prompts == 0)
		login_skip_prompt(sasl);
	r = gsasl_step(sasl->gsasl, in.p != NULL ? in.p : "", in.len, &answer,
	    &len);
	if (login && r == GSASL_NEEDS_MORE)
		login_prompt(sasl, out);
	else if (len > 0)
		hm_buf_add(out, answer, len);
	gsasl_free(answer);
	if (r == GSASL_NEEDS_MORE)
		return HM_SASL_CONTINUE;
	if (r == GSASL_OK)
		return out->len > 0 ? HM_SASL_DONE_DATA : HM_SASL_DONE;
	if (sasl->result < 0)
		return sasl->result;
	return r == GSASL_MECHANISM_PARSE_ERROR ? -HM_ESYNTAX : -HM_EAUTH;
}

static HM_FIBER int
step_cram(struct hm_sasl *sasl, struct hm_str in, struct hm_buf *out)
{
	char unique[23];
	ssize_t blank;
	int r;

	if (sasl->challenge.p == NULL) {
		if (in.len > 0)
			return -HM_ESYNTAX; /* the server begins */
		hm_random_id(unique, sizeof(unique) - 1);
		sasl->challenge = hm_str(hm_printf(sasl->arena, "<%s.%lld@hermod>",
		    unique, (long long)hm_wall_ms()));
		hm_buf_str(out, sasl->challenge);
		return HM_SASL_CONTINUE;
	}
	blank = hm_str_rchr(in, ' ');
	if (blank <= 0 || !nuls_sound(sasl, in))
		return -HM_ESYNTAX;
	r = load_user(sasl, hm_strndup(sasl->arena, in.p, (size_t)blank));
	if (r < 0)
		return r;
	return auth_cram_matches(&sasl->user.secrets, sasl->challenge,
	    hm_str_skip(in, (size_t)blank + 1)) ? HM_SASL_DONE : -HM_EAUTH;
}

/* We let nobody act for somebody else. */
static bool
authzid_sound(struct hm_sasl *sasl)
{
	const char *authzid = sasl->gsasl != NULL ?
	    gsasl_property_fast(sasl->gsasl, GSASL_AUTHZID) : NULL;

	return authzid == NULL || *authzid == '\0' ||
	    hm_str_is(sasl->login, authzid);
}

static HM_FIBER int
refuse(struct hm_sasl *sasl, int r, struct hm_err *reterr)
{
	if (r == -HM_EAUTH || r == -HM_EACCES)
		auth_limits_failed(sasl->auth, sasl->session, sasl->login);
	if (r == -HM_EACCES)
		return hm_err_set(reterr, r, "%s", sasl->err.text);
	if (r == -HM_EAUTH)
		return hm_err_set(reterr, r, "wrong credentials");
	if (r == -HM_ESYNTAX)
		return hm_err_set(reterr, r, "that is not %s", sasl->mechanism);
	return hm_err_set(reterr, r, "cannot check credentials now");
}

int
auth_step(struct hm_sasl *sasl, struct hm_str in, struct hm_buf *out,
    struct hm_login_result *ret, struct hm_err *reterr)
{
	struct hm_arena *arena = hm_session_arena(sasl->session);
	int r = sasl->gsasl != NULL ? step_gsasl(sasl, in, out) :
	    step_cram(sasl, in, out);

	if (r == HM_SASL_CONTINUE)
		return r;
	if (r >= 0 && !authzid_sound(sasl))
		r = -HM_EAUTH;
	if (r >= 0) {
		int admitted = auth_user_admit(&sasl->user, &sasl->err);

		if (admitted < 0)
			r = admitted;
	}
	if (r < 0)
		return refuse(sasl, r, reterr);
	auth_limits_succeeded(sasl->auth->shared->limits, sasl->session);
	ret->account = hm_str_dup(arena, sasl->user.info.name);
	ret->login = hm_str_dup(arena, sasl->login);
	return r;
}

int
auth_password(struct hm_mod *self, struct hm_session *s, struct hm_str login,
    struct hm_str password, struct hm_login_result *ret, struct hm_err *reterr)
{
	struct auth_module *auth = hm_mod_state(self);
	struct hm_sasl sasl = { .auth = auth, .session = s,
	    .mechanism = "a log-in" };
	int r;

	if (auth_limits_blocked(auth->shared->limits, s))
		return hm_err_set(reterr, -HM_ELIMIT,
		    "too many failed log-ins from your address");
	sasl.arena = hm_arena_new(NULL, "login");
	sasl.login = hm_str_dup(sasl.arena, login);
	r = auth_user_load(auth, sasl.arena, sasl.login, &sasl.user);
	if (r == 0)
		r = auth_user_password(auth, sasl.arena, &sasl.user, password,
		    &sasl.err);
	if (r < 0) {
		r = refuse(&sasl, r, reterr);
	} else {
		auth_limits_succeeded(auth->shared->limits, s);
		ret->account = hm_str_dup(hm_session_arena(s),
		    sasl.user.info.name);
		ret->login = hm_str_dup(hm_session_arena(s), sasl.login);
	}
	hm_arena_free(sasl.arena);
	return r;
}
