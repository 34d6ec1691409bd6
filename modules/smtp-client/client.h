/* client.h - what the files of this module share. */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/iface/resolver.h>
#include <hermod/iface/smtp_client.h>
#include <hermod/io.h>
#include <hermod/net.h>
#include <hermod/plugin.h>

/* ---- reply.c: one reply (RFC 5321, 4.2), without a stream ---- */

enum {
	REPLY_LINE_MAX = 4096,   /* 512 by the RFC */
	REPLY_LINES_MAX = 200,
	REPLY_TEXT_MAX = 4096,   /* what of it is kept */
};

struct client_reply {
	int code;                /* 0: none yet */
	unsigned lines;
	bool whole;
	struct hm_buf text;      /* lines with their codes, joined by LF */
};
void client_reply_clear(struct client_reply *reply);
void client_reply_release(struct client_reply *reply);
/* Adds a line without its end. 0, -HM_ESYNTAX for what is no reply, -HM_ELIMIT. */
int client_reply_add(struct client_reply *reply, struct hm_str line);
/* The enhanced status code at the front of its text, if it has one of the class
 * of its code (RFC 2034, 4). */
struct hm_str client_reply_esc(const struct client_reply *reply);
/* What EHLO's reply offers (RFC 5321, 4.1.1.1). */
struct client_offer {
	unsigned extensions;     /* enum hm_smtp_extension */
	uint64_t max_size;       /* 0: not told */
	uint32_t max_rcpts;      /* LIMITS RCPTMAX (RFC 9422); 0: not told */
	struct hm_str auth;      /* mechanisms, in the reply's text */
};
void client_offer_read(const struct client_reply *ehlo,
    struct client_offer *ret);

/* ---- a connection ---- */

struct hm_smtp {
	struct hm_mod *m;
	struct hm_io *io;
	const struct hm_smtp_peer *peer;
	struct client_reply reply;       /* the last one */
	struct client_reply ehlo;
	struct client_offer offer;
	struct hm_buf line;              /* of a reply, as it comes */
	bool broken;                     /* no more than closing it */
	bool silent;                     /* it did not answer in time */
	bool open;                       /* a transaction was begun and not ended */
	bool used;                       /* a transaction is over */
	bool left;                       /* it ended between two of them */
};

/* session.c */
HM_FIBER int client_open(struct hm_mod *self, struct hm_io *io,
    const struct hm_smtp_peer *peer, struct hm_smtp **ret,
    struct hm_smtp_failure *ret_failure);
HM_FIBER void client_close(struct hm_smtp *c);
/* Reads the next reply into c->reply; below 0 the connection is broken. */
HM_FIBER int client_read(struct hm_smtp *c, int64_t timeout_ms);
/* Bytes with their line end, and the reply's code. */
HM_FIBER int client_send(struct hm_smtp *c, struct hm_str bytes);
/* A command, and its reply's code. */
HM_FIBER int client_command(struct hm_smtp *c, const char *fmt, ...)
    HM_PRINTF(2, 3);

/* run.c: what a transport does over one run. */
struct hm_smtp_run *client_run_begin(struct hm_mod *self,
    const struct hm_smtp_run_opts *opts, struct hm_str domain);
HM_FIBER void client_run_deliver(struct hm_smtp_run *run, struct hm_attempt *a);
bool client_run_usable(const struct hm_smtp_run *run);
HM_FIBER void client_run_end(struct hm_smtp_run *run);

/* One host that may take the mail, with the addresses it has. */
struct client_host {
	struct hm_str name;              /* from the MX record, or configured */
	struct hm_str final;             /* behind its aliases */
	bool secure;                     /* its addresses, by DNSSEC */
	size_t naddrs;
	struct hm_sockaddr *addrs;
	struct hm_tls_policy policy;
};
/* Why none can be used. Strings in the arena it was made with, or static. */
struct client_trouble {
	bool permanent;
	int code;                        /* what a host said; 0: our words */
	struct hm_str esc, text, remote;
};
struct hm_smtp_run {
	struct hm_mod *m;                /* of this module */
	const struct hm_smtp_run_opts *opts;
	const struct hm_resolver *resolver;
	struct hm_arena *arena;
	struct hm_str domain;            /* as in the recipients */
	struct hm_str final;             /* behind its aliases */
	bool secure;                     /* so far, by DNSSEC */
	bool found;                      /* hosts have been looked up */
	int64_t found_ms;                /* and when */
	struct client_host *hosts;       /* best first */
	size_t nhosts;
	struct client_trouble none;      /* why there are no hosts */
	/* The connection that is open. */
	struct hm_smtp *smtp;            /* NULL: none */
	struct hm_smtp_peer peer;
	struct client_host *host;        /* whom it is to */
	const struct hm_sockaddr *addr;  /* being dialled; NULL: none, or unknown */
	bool proved;                     /* TLS, and its policy is met */
	unsigned told;                   /* how TLS went: bits of policy types */
	enum hm_mail_kind kind;          /* whose way it is */
	bool waived;                     /* opened for who waives all of it */
	bool fell_back;                  /* in clear, since TLS had failed */
	bool spoken;                     /* some host spoke, this time */
	bool dead;                       /* none did */
};

/* mx.c: the hosts for a domain (RFC 5321, 5.1), best first. */
HM_FIBER void client_find_hosts(struct hm_smtp_run *run);
/* The addresses of a host, in the order to try them; 0 or below with *ret. */
HM_FIBER int client_find_addrs(struct hm_smtp_run *run, struct client_host *h,
    const struct hm_attempt *a, struct client_trouble *ret);

/* policy.c: what a host must prove, and whether it did. */
HM_FIBER bool client_ask_policy(struct hm_smtp_run *run, struct client_host *h,
    const struct hm_attempt *a, struct client_trouble *ret);
enum hm_smtp_tls client_tls_mode(const struct hm_smtp_run *run,
    const struct client_host *h, const struct hm_attempt *a);
/* Whether the connection that is on has TLS, or the message may go in clear there. */
bool client_clear_enough(const struct hm_smtp_run *run,
    const struct hm_attempt *a);
/* hm_smtp_peer.verify; arg is the run. */
int client_verify(struct hm_io *io, void *arg, struct hm_err *reterr);
void client_tell_tls(struct hm_smtp_run *run, const struct client_host *h,
    const struct hm_smtp *smtp, const struct hm_smtp_failure *failure);

/* dane.c: whether certificates in DER, leaf first, match one of the TLSA records
 * (RFC 7671, 7672); the leaf must have one of the names where it must have any. */
bool client_dane_match(const struct hm_str *certs, size_t ncerts,
    const struct hm_tlsa *tlsa, size_t n, const struct hm_str *names,
    size_t nnames);
int client_dane_verify(struct hm_io *io, const struct hm_tlsa *tlsa, size_t n,
    const struct hm_str *names, size_t nnames, struct hm_err *reterr);

/* dial.c: hermod smtp dial */
HM_FIBER int client_dial(struct hm_cmd *cmd);

/* transaction.c */
HM_FIBER void client_deliver(struct hm_smtp *c, struct hm_attempt *a);

/* dot.c: the message as DATA sends it (RFC 5321, 4.5.2). */
struct client_dot {
	bool line_start;                 /* true at the beginning */
	bool cr;                         /* a CR waits for its LF */
};
/* Appends bytes with dots doubled; line ends become CRLF, whatever they were. */
void client_dot_feed(struct client_dot *dot, struct hm_str in,
    struct hm_buf *out);
/* The end: CRLF if the last line lacks it, and the dot. */
void client_dot_end(struct client_dot *dot, struct hm_buf *out);

/* login.c: AUTH (RFC 4954). */
HM_FIBER int client_login(struct hm_smtp *c, struct hm_smtp_failure *failure);

#endif
