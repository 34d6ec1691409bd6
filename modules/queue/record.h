/* record.h - the queue's records as they stand on disk.
 *
 * Each begins with its version. Numbers in keys are big-endian, so that they
 * sort. Times are milliseconds since 1970.
 */
#ifndef QUEUE_RECORD_H
#define QUEUE_RECORD_H

#include <hermod/buf.h>
#include <hermod/outbound.h>
#include <hermod/types.h>

struct queue_message {
	uint64_t id;
	struct hm_str account;        /* who submitted it; empty: this server */
	struct hm_str sender;         /* reverse path, empty for reports */
	struct hm_str envid;          /* xtext, or empty */
	struct hm_str message_id;     /* for people who look for it */
	struct hm_str prefix;         /* trace fields above the body */
	uint64_t blob;
	uint64_t body_bytes;
	int64_t queued_ms;
	uint8_t ret;                  /* enum hm_dsn_ret */
	uint8_t requiretls;           /* enum hm_requiretls */
	uint8_t kind;                 /* enum hm_mail_kind */
	bool smtputf8, eightbit, binary, report;
	uint32_t nrcpts;              /* that are left */
};

enum { QUEUE_RESULTS = 16, QUEUE_TEXT_MAX = 1024 };

/* How one attempt ended. */
struct queue_result {
	int64_t at_ms;
	uint32_t took_ms;
	uint8_t outcome;              /* enum hm_attempt_outcome */
	uint16_t code;
	struct hm_str esc, text, remote;
};

/* What the sender is to hear (RFC 3461, 5.2 and 6). Stands on disk. */
enum queue_report {
	QUEUE_REPORT_NONE = 0,
	QUEUE_REPORT_FAILED = 1,
	QUEUE_REPORT_DELAYED = 2,
	QUEUE_REPORT_DELIVERED = 3,
	QUEUE_REPORT_RELAYED = 4,
};

struct queue_rcpt {
	uint64_t id;
	uint32_t number;
	struct hm_str addr;           /* local@domain */
	struct hm_str domain;         /* where it goes: A-labels or a literal */
	struct hm_str orcpt;          /* xtext, or empty */
	struct hm_str transport;      /* forced; empty: by routes */
	struct hm_str last_ip;
	uint32_t last_ip_uses;
	uint8_t notify;               /* enum hm_dsn_notify */
	bool held;
	/* The report that is missing. Until it is made nothing else is done: but
	 * for a delay, the recipient is settled. */
	enum queue_report owes;
	uint32_t attempts;
	int64_t next_ms, last_ms;
	uint32_t nresults;            /* the newest QUEUE_RESULTS of them */
	struct queue_result results[QUEUE_RESULTS];
	/* Not stored: what the present attempt has to say. */
	enum hm_attempt_outcome outcome;
	struct hm_str suppressed;     /* why it is not even tried */
	bool local;                   /* it went into an account here */
	bool report;                  /* the report at hand is about it */
	bool told;                    /* what it owed was made */
	bool left;                    /* the queue */
	struct hm_str again;          /* its place, if it is due in another way
	                               * than when it was claimed */
};

/* An address that an account's mail is not sent to any more. */
struct queue_suppression {
	int64_t since_ms;
	struct hm_str addr, reason;
};

/* Every field that is not empty must match; none: everything does. */
struct queue_rule {
	struct hm_str account, sender_domain, rcpt_domain;
};

void queue_message_pack(struct hm_buf *out, const struct queue_message *msg);
/* Strings are borrowed from the record. */
int queue_message_unpack(struct hm_str in, uint64_t id,
    struct queue_message *ret);
void queue_rcpt_pack(struct hm_buf *out, const struct queue_rcpt *rcpt);
int queue_rcpt_unpack(struct hm_str in, uint64_t id, uint32_t number,
    struct queue_rcpt *ret);
void queue_suppression_pack(struct hm_buf *out, const struct queue_suppression *s);
int queue_suppression_unpack(struct hm_str in, struct queue_suppression *ret);
void queue_damage_pack(struct hm_buf *out, int64_t since_ms);
int queue_damage_unpack(struct hm_str in, int64_t *ret_since_ms);
void queue_rule_pack(struct hm_buf *out, const struct queue_rule *rule);
int queue_rule_unpack(struct hm_str in, struct queue_rule *ret);

/* Appends a result; the oldest makes room. */
void queue_rcpt_add_result(struct queue_rcpt *rcpt,
    const struct queue_result *result);
/* The destination among whose mail it waits. Reports that are owed have one of
 * their own, without a name: they wait for no server. */
static inline struct hm_str
queue_rcpt_place(const struct queue_rcpt *rcpt)
{
	return rcpt->owes != QUEUE_REPORT_NONE ? HM_STR("") : rcpt->domain;
}
static inline const struct queue_result *
queue_rcpt_last(const struct queue_rcpt *rcpt)
{
	return rcpt->nresults > 0 ? &rcpt->results[rcpt->nresults - 1] : NULL;
}

/* Keys. */
void queue_key_id(struct hm_buf *key, uint64_t id);
void queue_key_rcpt(struct hm_buf *key, uint64_t id, uint32_t number);
void queue_key_due(struct hm_buf *key, struct hm_str domain, int64_t next_ms,
    uint64_t id, uint32_t number);
int queue_key_due_read(struct hm_str key, struct hm_str *ret_domain,
    int64_t *ret_next_ms, uint64_t *ret_id, uint32_t *ret_number);

#endif
