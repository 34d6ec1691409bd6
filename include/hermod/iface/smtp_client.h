/* smtp_client.h - service "smtp_client": speaking SMTP to one host.
 *
 * A transport dials and says what the host must prove; this talks. Thread: a
 * fiber; one at a time for each connection.
 */
#ifndef HERMOD_IFACE_SMTP_CLIENT_H
#define HERMOD_IFACE_SMTP_CLIENT_H

#include <hermod/conf.h>
#include <hermod/outbound.h>
#include <hermod/service.h>

struct hm_tls;

enum hm_smtp_tls {
	HM_SMTP_TLS_NEVER = 0,   /* stay in clear */
	HM_SMTP_TLS_MAY = 1,     /* STARTTLS where it is offered */
	HM_SMTP_TLS_MUST = 2,    /* STARTTLS, or nothing */
	HM_SMTP_TLS_FIRST = 3,   /* TLS from the first byte (RFC 8314) */
	HM_SMTP_TLS_OFFERED = 4, /* as MAY, but nothing where it is offered and
	                          * fails */
};

/* Everything is borrowed, and must live as long as the connection. */
struct hm_smtp_peer {
	uint32_t size;
	const char *host;        /* its name, for logs and as SNI */
	const char *sni;         /* another name to ask for, or NULL */
	const char *ehlo;        /* what we call ourselves */
	enum hm_smtp_tls tls;
	const struct hm_tls *settings;  /* of a client; NULL with TLS_NEVER */
	/* After the handshake: whether this certificate will do. Below 0 breaks
	 * off. NULL: the settings have verified it, or nobody needs to. */
	int (*verify)(struct hm_io *io, void *arg, struct hm_err *reterr);
	void *arg;
	/* Credentials; no user: no log-in. Plain-text mechanisms are used only
	 * under TLS and only if mechanisms names them; NULL: the strongest that
	 * both sides know of the others. */
	const char *user, *password;
	const struct hm_strlist *mechanisms;
	int64_t timeout_ms;      /* for each reply; 0: 5 minutes */
};

/* What went wrong before there was a connection to deliver over. */
enum hm_smtp_stage {
	HM_SMTP_NO_GREETING = 0, /* nothing sensible came */
	HM_SMTP_GREETED = 1,     /* it spoke, and did not want us */
	HM_SMTP_NO_TLS = 2,      /* STARTTLS is not offered, or was refused */
	HM_SMTP_TLS_FAILED = 3,  /* the handshake or the certificate failed */
	HM_SMTP_AUTH_FAILED = 4, /* log-in is not possible or was refused */
};
struct hm_smtp_failure {
	enum hm_smtp_stage stage;
	bool permanent;          /* it said 5yz */
	int code;                /* of its reply; 0: none */
	char esc[12];
	char text[1024];         /* its reply, lines joined by LF, or our words */
};

enum hm_smtp_extension {
	HM_SMTP_EXT_PIPELINING = 1 << 0,
	HM_SMTP_EXT_8BITMIME = 1 << 1,
	HM_SMTP_EXT_SMTPUTF8 = 1 << 2,
	HM_SMTP_EXT_SIZE = 1 << 3,
	HM_SMTP_EXT_STARTTLS = 1 << 4,
	HM_SMTP_EXT_AUTH = 1 << 5,
	HM_SMTP_EXT_CHUNKING = 1 << 6,
	HM_SMTP_EXT_BINARYMIME = 1 << 7,
	HM_SMTP_EXT_DSN = 1 << 8,
	HM_SMTP_EXT_ESC = 1 << 9,
	HM_SMTP_EXT_REQUIRETLS = 1 << 10,
	HM_SMTP_EXT_LIMITS = 1 << 11,
};

struct hm_smtp;   /* a connection */

/* How a transport reaches hosts. Everything is borrowed, and must live as long
 * as the run. */
struct hm_smtp_run_opts {
	uint32_t size;
	struct hm_mod *caller;   /* asks hooks and tells events */
	const char *ehlo;
	/* One host for everything; NULL: the MX hosts of each domain, with their
	 * TLS policies, and tls is at least MAY whatever is said here. */
	const char *host;
	uint16_t port;           /* 0: 25 */
	enum hm_smtp_tls tls;
	bool any_certificate;    /* of that one host */
	const struct hm_tls *settings;  /* made by hm_tls_client(…, false, …) */
	const char *user, *password;
	const struct hm_strlist *mechanisms;
	int family;              /* 4 or 6: only these addresses; 0: both */
	const struct hm_addrlist *local; /* addresses to send from */
	const struct hm_netlist *refuse; /* addresses never dialled */
	int64_t timeout_ms;
	/* Another way to connect than hm_dial(), or NULL. addr is NULL with
	 * remote_dns: then the other side looks the name up. */
	HM_FIBER int (*dial)(void *arg, struct hm_str host, uint16_t port,
	    const struct hm_sockaddr *addr, int64_t timeout_ms,
	    struct hm_io **ret, struct hm_err *reterr);
	void *arg;
	bool remote_dns;
};
struct hm_smtp_run;

struct hm_smtp_client_ops {
	uint32_t size;
	/* Greeting, EHLO, TLS, log-in over a stream just dialled, which is taken
	 * over in any case. 0, or below with *ret_failure set. */
	HM_FIBER int (*open)(struct hm_mod *self, struct hm_io *io,
	    const struct hm_smtp_peer *peer, struct hm_smtp **ret,
	    struct hm_smtp_failure *ret_failure);
	/* enum hm_smtp_extension, as offered now. */
	unsigned (*extensions)(const struct hm_smtp *smtp);
	struct hm_io *(*io)(const struct hm_smtp *smtp);
	/* One transaction: asks about recipients that are UNTRIED and gives each
	 * it asked about its outcome. */
	HM_FIBER void (*deliver)(struct hm_smtp *smtp, struct hm_attempt *attempt);
	/* Whether there can be another one. */
	bool (*usable)(const struct hm_smtp *smtp);
	/* QUIT, if it still listens; frees. */
	HM_FIBER void (*close)(struct hm_smtp *smtp);

	/* A transport's run, whole: what it looks like is in the options. The
	 * functions are what struct hm_transport_ops asks for. */
	struct hm_smtp_run *(*run_begin)(struct hm_mod *self,
	    const struct hm_smtp_run_opts *opts, struct hm_str domain);
	HM_FIBER void (*run_deliver)(struct hm_smtp_run *run,
	    struct hm_attempt *attempt);
	bool (*run_usable)(const struct hm_smtp_run *run);
	HM_FIBER void (*run_end)(struct hm_smtp_run *run);
	/* What EHLO was answered, lines with their codes joined by LF; empty for
	 * a server that knows HELO only. Lives as long as the connection. Since
	 * 1.1. */
	struct hm_str (*ehlo)(const struct hm_smtp *smtp);

	/* Whether the certificates of a stream with TLS match one of the TLSA
	 * records; of usage 2, they must have one of the names (RFC 7672, 3).
	 * 0 or -HM_ETLS. */
	int (*verify_tlsa)(struct hm_io *io, const struct hm_tlsa *tlsa, size_t n,
	    const struct hm_str *names, size_t nnames, struct hm_err *reterr);
};
HM_IFACE(smtp_client, 1);

#endif
