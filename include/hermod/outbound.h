/* outbound.h - the nouns of mail on its way out: routes, TLS policies, attempts.
 *
 * Arguments of the hooks route and tls_policy, the events that the queue and the
 * transports tell, and the attempt that the queue hands to a transport. Thread:
 * a fiber. Strings are borrowed for the call unless said otherwise.
 */
#ifndef HERMOD_OUTBOUND_H
#define HERMOD_OUTBOUND_H

#include <hermod/address.h>
#include <hermod/types.h>

/* What the sender asked of TLS (RFC 8689). */
enum hm_requiretls {
	HM_REQUIRETLS_UNSET = 0,
	HM_REQUIRETLS_YES = 1,     /* MAIL FROM had REQUIRETLS */
	HM_REQUIRETLS_NO = 2,      /* the message has "TLS-Required: No" */
};

/* What kind of mail it is: it decides what may happen on the way. Since 1.1. */
enum hm_mail_kind {
	HM_MAIL_ORDINARY = 0,
	/* A DMARC report tells of others' mail: where TLS is offered it does not
	 * go in clear, should that fail. */
	HM_MAIL_DMARC_REPORT = 1,
	/* A report about TLS arrives for all that is wrong with TLS there: it has
	 * "TLS-Required: No" and HM_REQUIRETLS_NO, and nothing is reported of
	 * its own way (RFC 8460). */
	HM_MAIL_TLS_REPORT = 2,
};

/* The hook "route": which transport takes this recipient, this time. The
 * first hook that sets one and answers accept decides; pass leaves it to the
 * routes of account, domain and server, and these to "direct". reject makes the
 * delivery fail for good, defer puts it off. */
struct hm_route {
	uint32_t size;
	struct hm_str account;       /* who submitted it; empty for reports */
	const struct hm_addr *sender;
	const struct hm_addr *rcpt;
	unsigned attempt;            /* counted from 1 */
	const char *transport;       /* the answer: a name, in hm_call_arena() or
	                              * static; NULL: no opinion */
};

/* How a handshake went, or why a policy could not be met: what TLSRPT counts
 * (RFC 8460, 4.3). */
enum hm_tls_outcome {
	HM_TLS_SUCCESS = 0,
	HM_TLS_STARTTLS_NOT_SUPPORTED = 1,
	HM_TLS_CERTIFICATE_HOST_MISMATCH = 2,
	HM_TLS_CERTIFICATE_EXPIRED = 3,
	HM_TLS_CERTIFICATE_NOT_TRUSTED = 4,
	HM_TLS_VALIDATION_FAILURE = 5,
	HM_TLS_TLSA_INVALID = 6,
	HM_TLS_DNSSEC_INVALID = 7,
	HM_TLS_DANE_REQUIRED = 8,
	HM_TLS_STS_POLICY_FETCH_ERROR = 9,
	HM_TLS_STS_POLICY_INVALID = 10,
	HM_TLS_STS_WEBPKI_INVALID = 11,
};

/* The hook "tls_policy": what must be proved of one host before mail goes to
 * it. Those who know add their facts and answer pass; defer makes the host
 * unusable for now, reject for this message. */
enum hm_sts_mode { HM_STS_NONE = 0, HM_STS_TESTING = 1, HM_STS_ENFORCE = 2 };
struct hm_tlsa {
	uint8_t usage, selector, matching;  /* RFC 6698, 2.1 */
	struct hm_str data;
};
struct hm_tls_policy {
	uint32_t size;
	struct hm_arena *arena;      /* for the facts; lives as long as the attempt */
	/* The question. */
	struct hm_str domain;        /* of the recipient, before any CNAME */
	struct hm_str domain_final;  /* behind its CNAMEs */
	struct hm_str host;          /* from the MX record, or the domain itself */
	struct hm_str host_final;    /* behind its CNAMEs */
	uint16_t port;
	bool domain_secure;          /* DNSSEC: the domain's chain and its MX */
	bool host_secure;            /* and the host's addresses */
	enum hm_requiretls requiretls;
	/* MTA-STS (RFC 8461). */
	enum hm_sts_mode sts_mode;
	bool sts_host_allowed;       /* the host is listed in the policy */
	struct hm_str sts_text;      /* the policy's lines, for reports */
	/* DANE (RFC 7672). */
	bool dane;                   /* TLSA records exist: STARTTLS is a must */
	struct hm_str tlsa_base;     /* whose they are; also the SNI to send */
	size_t ntlsa;                /* usable ones; 0 with dane: any certificate */
	const struct hm_tlsa *tlsa;
	struct hm_str dane_text;     /* all records, a line each, for reports */
	/* HM_TLS_TLSA_INVALID: none can be used; HM_TLS_DNSSEC_INVALID: there is
	 * no answer that could be trusted. For reports. */
	enum hm_tls_outcome dane_fault;
};

/* ---- events; flat and copied, strings are cut to fit ---- */

struct hm_queue_event {
	uint64_t id;                 /* of the message in the queue */
	char account[128];
	char sender[330], rcpt[330];
	char domain[256];            /* of the recipient */
	char transport[64];
	char remote[256];            /* the host that spoke last, or empty */
	unsigned attempt;
	int code;                    /* SMTP reply, 0: none */
	char esc[16];                /* enhanced status code */
	char text[256];
	int64_t next_ms;             /* deferred: when it is tried again, wall */
	uint64_t bytes;
	enum hm_mail_kind kind;
};

/* One handshake, or one policy that could not be met. */
enum hm_tls_policy_type {
	HM_TLS_POLICY_NONE = 0,      /* "no-policy-found" */
	HM_TLS_POLICY_STS = 1,
	HM_TLS_POLICY_TLSA = 2,
};
struct hm_tls_result {
	char domain[256];            /* the policy's domain */
	enum hm_tls_policy_type type;
	enum hm_tls_outcome outcome;
	char mx_host[256];
	char remote_ip[64], local_ip[64];
	char helo[256];
	char reason[128];            /* failure-reason-code or detail, or empty */
	char policy[2048];           /* policy lines separated by LF */
	enum hm_mail_kind kind;      /* of the mail that was on its way */
};

/* A domain of ours came, went, or changed its settings. */
struct hm_domain_change {
	char domain[256];            /* A-labels */
	bool removed;
};

/* ---- what the queue gives to a transport ---- */

enum hm_attempt_outcome {
	HM_ATTEMPT_UNTRIED = 0,      /* not asked about yet: try in another transaction */
	HM_ATTEMPT_DELIVERED = 1,
	HM_ATTEMPT_RELAYED = 2,      /* delivered, to a host that knows no DSN */
	HM_ATTEMPT_TEMPORARY = 3,
	HM_ATTEMPT_PERMANENT = 4,
};

enum hm_dsn_notify {
	HM_NOTIFY_DEFAULT = 0,       /* not given: failure, and delay as we like */
	HM_NOTIFY_NEVER = 1,
	HM_NOTIFY_SUCCESS = 2,
	HM_NOTIFY_FAILURE = 4,
	HM_NOTIFY_DELAY = 8,
};
enum hm_dsn_ret { HM_RET_DEFAULT = 0, HM_RET_HDRS = 1, HM_RET_FULL = 2 };

struct hm_attempt_rcpt {
	struct hm_addr addr;
	unsigned notify;             /* enum hm_dsn_notify */
	struct hm_str orcpt;         /* "rfc822;x@y" as xtext, or empty */
	unsigned number;             /* this is attempt number …, from 1 */
	/* The transport's answer; strings in the attempt's arena. */
	enum hm_attempt_outcome outcome;
	int code;
	struct hm_str esc, text;     /* text: the whole reply, lines joined by LF */
	struct hm_str remote;        /* "mx.example.org [192.0.2.1]", or empty */
};

/* One message to recipients of one domain, tried once. */
struct hm_attempt {
	uint32_t size;
	struct hm_arena *arena;
	uint64_t id;                 /* of the message in the queue */
	struct hm_str account;
	struct hm_addr sender;       /* null for reports */
	struct hm_str domain;        /* of all recipients; A-labels, or a literal */
	size_t nrcpts;
	struct hm_attempt_rcpt *rcpts;
	struct hm_str envid;         /* xtext as given, or empty */
	enum hm_dsn_ret ret;
	enum hm_requiretls requiretls;
	bool smtputf8;               /* the message cannot go without SMTPUTF8 */
	bool eightbit, binary;       /* its body has such octets */
	bool report;                 /* a report about mail, DMARC or TLS */
	uint64_t bytes;
	/* The message: trace fields, header, body. The count, 0 at the end, or an
	 * error. Suspends. */
	HM_FIBER ssize_t (*read)(struct hm_attempt *a, uint64_t offset, void *p,
	    size_t len);
	/* What the last attempt to this domain dialled, and how often; changed by
	 * the transport, kept by the queue. Addresses choose better with it. */
	struct hm_str last_ip;
	unsigned last_ip_uses;
	enum hm_mail_kind kind;
};

#endif
