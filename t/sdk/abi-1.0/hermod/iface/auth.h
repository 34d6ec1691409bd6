/* auth.h - service "auth": who is it? SASL and passwords.
 *
 * Failures count against the peer's address and slow it down; an unknown user
 * cannot be told from a wrong password by answer or time. Thread: a fiber.
 */
#ifndef HERMOD_IFACE_AUTH_H
#define HERMOD_IFACE_AUTH_H

#include <hermod/service.h>
#include <hermod/types.h>

struct hm_sasl;

enum hm_sasl_result {
	HM_SASL_CONTINUE = 0,   /* send the challenge, give the answer */
	HM_SASL_DONE = 1,       /* logged in */
	HM_SASL_DONE_DATA = 2,  /* logged in, and *out must still reach the client
	                         * (success data; SMTP sends it as a challenge) */
};

struct hm_login_result {
	struct hm_str account;  /* in the session's arena */
	struct hm_str login;    /* the name that was used */
};

struct hm_auth_ops {
	uint32_t size;
	/* Mechanisms to offer on this session, strongest first, one blank
	 * between, in the session's arena. Plain-text ones only when the stream
	 * is protected or allow_plain says that clear is allowed. */
	struct hm_str (*mechanisms)(struct hm_mod *self, struct hm_session *s,
	    bool allow_plain);
	/* Begins an exchange; -HM_EUNSUPPORTED for a mechanism not offered,
	 * -HM_ELIMIT when the peer failed too often (say so and close). */
	HM_FIBER int (*start)(struct hm_mod *self, struct hm_session *s,
	    struct hm_str mechanism, bool allow_plain, struct hm_sasl **ret,
	    struct hm_err *reterr);
	/* One step. in: decoded bytes, {NULL,0} for "no initial response".
	 * Returns an hm_sasl_result, or -HM_EAUTH (wrong credentials),
	 * -HM_EACCES (right, but the account may not log in; the text says
	 * why), -HM_ESYNTAX. A failure has been counted and delayed already. */
	HM_FIBER int (*step)(struct hm_sasl *sasl, struct hm_str in,
	    struct hm_buf *out, struct hm_login_result *ret,
	    struct hm_err *reterr);
	void (*end)(struct hm_sasl *sasl); /* always; also after success */
	/* The same for a name and a password given in the protocol (LOGIN). */
	HM_FIBER int (*password)(struct hm_mod *self, struct hm_session *s,
	    struct hm_str login, struct hm_str password,
	    struct hm_login_result *ret, struct hm_err *reterr);
	/* Sets or removes ({NULL,0}) an account's password. At least 8 bytes. */
	HM_FIBER int (*set_password)(struct hm_mod *self, struct hm_str account,
	    struct hm_str password, struct hm_err *reterr);
};
HM_IFACE(auth, 1);

#endif
