/* smtp.h - what the files of this module share. */
#ifndef SMTP_H
#define SMTP_H

#include <hermod/address.h>
#include <hermod/buf.h>
#include <hermod/encode.h>
#include <hermod/fiber.h>
#include <hermod/header.h>
#include <hermod/rand.h>
#include <hermod/spool.h>
#include <hermod/clock.h>
#include <hermod/iface/auth.h>
#include <hermod/iface/directory.h>
#include <hermod/iface/queue.h>
#include <hermod/iface/store.h>
#include <hermod/io.h>
#include <hermod/net.h>
#include <hermod/plugin.h>

enum smtp_service {
	SMTP_MX = 0,          /* mail from other servers */
	SMTP_SUBMISSION = 1,  /* mail from users, STARTTLS */
	SMTP_SUBMISSIONS = 2, /* mail from users, TLS from the first byte */
	SMTP_LOCAL = 3,       /* mail from users of this machine */
	SMTP_SERVICES
};

struct smtp_conf {
	const struct hm_addrlist *mx;
	const struct hm_addrlist *submission;
	const struct hm_addrlist *submissions;
	const struct hm_addrlist *local;
	const struct hm_strmap *local_users;
	uint64_t max_message_bytes;
	int64_t max_recipients;
	int64_t timeout_ms;
	int64_t data_timeout_ms;
	int64_t max_connections;
	int64_t connections_per_address;
	int64_t connection_rate;
	int64_t connections_per_user;
	bool insecure_login;
};

/* One instance of the module. */
struct smtp_module {
	const struct smtp_conf *conf;
	const struct hm_store *store;
	const struct hm_directory *directory;
	const struct hm_auth *auth;      /* NULL: no submission */
	const struct hm_queue *queue;    /* NULL: nothing leaves this server */
	struct hm_ratelimit *rate;       /* new connections in a minute */
	struct hm_ratelimit *held;       /* connections at once */
	struct smtp_refusals *refusals;  /* kept across generations */
	uid_t *uids;                     /* of conf->local_users, one by one */
	struct smtp_local *locals;       /* users of this machine that are here */
};

#define SMTP_NO_UID ((uid_t)-1)

/* What a recipient's RCPT TO found out; parallel to the message's list. */
struct smtp_rcpt {
	struct hm_str account;           /* empty: it is not of this server */
	struct hm_str mailbox;
	unsigned notify;                 /* enum hm_dsn_notify */
	struct hm_str orcpt;
};

enum smtp_body { SMTP_BODY_7BIT = 0, SMTP_BODY_8BITMIME = 1, SMTP_BODY_BINARY = 2 };

/* The parameters of MAIL FROM. */
struct smtp_mail_params {
	uint64_t size;                   /* declared; 0: not */
	enum smtp_body body;
	bool smtputf8;
	bool requiretls;
	enum hm_dsn_ret ret;
	struct hm_str envid;             /* xtext */
	int64_t hold_s;                  /* FUTURERELEASE; 0: at once */
};

struct smtp_rcpt_params {
	unsigned notify;
	struct hm_str orcpt;
};

/* What this session was told that it may ask for. */
enum smtp_offers { SMTP_OFFERS_DSN = 1, SMTP_OFFERS_HOLD = 2,
	SMTP_OFFERS_REQUIRETLS = 4 };
struct smtp_offer {
	uint64_t max_size;
	unsigned offers;
	int64_t max_hold_s, now_s;
};

/* A mail transaction, from MAIL to its end (RFC 5321, 3.3). */
struct smtp_txn {
	struct hm_message *msg;          /* NULL: none is open */
	struct smtp_mail_params params;
	struct smtp_rcpt *rcpts;
	size_t nrcpts, caprcpts;
	bool bdat;                       /* chunks have been taken */
};

struct smtp_session {
	struct hm_mod *m;
	struct smtp_module *mod;
	const struct hm_server *server;
	struct hm_session *hs;
	struct hm_io *io;
	enum smtp_service service;
	bool helo, esmtp;                /* HELO or EHLO was given; it was EHLO */
	bool closing;
	unsigned commands;               /* since the last accepted message */
	unsigned errors;                 /* replies 5yz since then */
	unsigned auth_failures;
	struct smtp_local *local_user;   /* who is counted; NULL: nobody */
	struct hm_str local_sender;      /* whose mail a local user's is, mostly */
	struct smtp_txn txn;
};

static inline bool
smtp_is_submission(const struct smtp_session *s)
{
	return s->service != SMTP_MX;
}

/* session.c */
struct smtp_offer smtp_offer(const struct smtp_session *s);
void smtp_accept(struct hm_mod *m, struct hm_io *io, void *arg);
void smtp_txn_reset(struct smtp_session *s);

/* reply.c: one reply each; esc NULL leaves the enhanced code out. Errors of the
 * stream are noticed by the next read. */
HM_FIBER void smtp_reply(struct smtp_session *s, int code, const char *esc,
    const char *fmt, ...) HM_PRINTF(4, 5);
HM_FIBER void smtp_reply_lines(struct smtp_session *s, int code,
    const struct hm_str *lines, size_t n);
/* 451: our fault, the reason is in the log. */
HM_FIBER void smtp_local_error(struct smtp_session *s);
static inline bool
smtp_refuses(struct hm_verdict v)
{
	return hm_verdict_final(v) && v.kind != HM_ACCEPT;
}
/* Answers a final verdict that is not accept; true if it was one. */
HM_FIBER bool smtp_refused(struct smtp_session *s, struct hm_verdict v);

/* command.c: pure parsing, no session. */
enum smtp_verb {
	SMTP_UNKNOWN = 0, SMTP_HELO, SMTP_EHLO, SMTP_STARTTLS, SMTP_AUTH,
	SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BDAT, SMTP_RSET, SMTP_NOOP,
	SMTP_VRFY, SMTP_EXPN, SMTP_HELP, SMTP_QUIT, SMTP_VERBS
};
/* Splits a line into its verb and the rest behind the blank. */
enum smtp_verb smtp_parse_verb(struct hm_str line, struct hm_str *ret_rest);
/* "FROM:<path> PARAM…" or "TO:<path> PARAM…": the text behind the colon. */
int smtp_parse_keyword(struct hm_str rest, const char *keyword, bool pedantic,
    struct hm_str *ret);
int smtp_parse_bdat(struct hm_str rest, uint64_t *ret_size, bool *ret_last);
/* The argument of EHLO: a domain or an address literal (RFC 5321, 4.1.3). */
bool smtp_helo_valid(struct hm_str name, bool pedantic);

/* params.c: pure. A failure carries the reply: code in *ret_code, enhanced code in
 * *ret_esc. Strings are borrowed from the line. */
int smtp_parse_mail_params(struct hm_str params, const struct smtp_offer *offer,
    struct smtp_mail_params *ret, int *ret_code, const char **ret_esc,
    struct hm_err *reterr);
int smtp_parse_rcpt_params(struct hm_str params, const struct smtp_offer *offer,
    struct smtp_rcpt_params *ret, int *ret_code, const char **ret_esc,
    struct hm_err *reterr);

/* dot.c: DATA's transparency (RFC 5321, 4.5.2), strict about its end. */
struct smtp_dot {
	int state;
	bool stray;     /* CR or LF alone, or NUL: what smuggling is made of */
};
/* Feeds bytes; appends the message's to out. Returns how many were consumed;
 * *ret_end tells that CRLF "." CRLF was the last of them. */
size_t smtp_dot_feed(struct smtp_dot *dot, struct hm_str in, struct hm_buf *out,
    bool *ret_end);

/* data.c: the commands that carry the message. */
HM_FIBER void smtp_cmd_data(struct smtp_session *s);
HM_FIBER void smtp_cmd_bdat(struct smtp_session *s, struct hm_str rest);

/* envelope.c: MAIL and RCPT. */
HM_FIBER void smtp_cmd_mail(struct smtp_session *s, struct hm_str rest);
HM_FIBER void smtp_cmd_rcpt(struct smtp_session *s, struct hm_str rest);

/* login.c */
HM_FIBER void smtp_cmd_auth(struct smtp_session *s, struct hm_str rest);
HM_FIBER void smtp_cmd_starttls(struct smtp_session *s);

/* refusals.c: recipients that refused what others of the message took. */
int smtp_refusals_make(struct hm_mod *m, void *arg, void **ret,
    struct hm_err *reterr);
void smtp_refusals_free(void *refusals);
/* Whether this message would be known when it comes again. */
bool smtp_refusal_usable(const struct smtp_session *s);
void smtp_refusal_note(struct smtp_session *s, const struct hm_addr *rcpt,
    struct hm_verdict v);
/* Answers for a recipient that is known to refuse it; true if it was. */
HM_FIBER bool smtp_refusal_again(struct smtp_session *s,
    const struct hm_addr *rcpt);

/* local.c: users of this machine. */
/* Worker: finds the users that local-users names. */
int smtp_local_users(void *mod);
/* Logs a session in whose peer is known to the kernel; answers if it may not. */
HM_FIBER bool smtp_local_login(struct smtp_session *s);
void smtp_local_leave(struct smtp_session *s);

/* deliver.c: the whole message is in the spool; decides, stores, replies. */
HM_FIBER void smtp_deliver(struct smtp_session *s);

/* outgoing.c: hands a submitted message for these recipients to the queue. */
HM_FIBER int smtp_enqueue(struct smtp_session *s, struct hm_spool *body,
    const bool *which, struct hm_err *reterr);

/* trace.c: the fields this hop adds (RFC 5321, 4.4). */
void smtp_received(struct smtp_session *s, struct hm_buf *out);
void smtp_delivery_fields(const struct smtp_session *s,
    const struct hm_addr *rcpt, struct hm_buf *out);

#endif
