/* queue.h - service "queue": mail that has to leave, until it has.
 *
 * What put() took is on disk, and stays until each recipient got it, was given
 * up with a report to the sender, or was removed by the admin. Thread: a fiber.
 */
#ifndef HERMOD_IFACE_QUEUE_H
#define HERMOD_IFACE_QUEUE_H

#include <hermod/outbound.h>
#include <hermod/service.h>

struct hm_spool;

struct hm_queue_rcpt {
	struct hm_addr addr;
	unsigned notify;             /* enum hm_dsn_notify */
	struct hm_str orcpt;         /* as given, xtext; or empty */
};

/* Everything is borrowed for the call. */
struct hm_queue_item {
	struct hm_str account;       /* who sends; empty: this server itself */
	struct hm_addr sender;       /* reverse path; null for reports */
	size_t nrcpts;
	const struct hm_queue_rcpt *rcpts;
	struct hm_spool *spool;      /* the message, CRLF line ends */
	struct hm_str prefix;        /* trace fields to stand above it */
	struct hm_str envid;         /* as given, xtext; or empty */
	enum hm_dsn_ret ret;
	enum hm_requiretls requiretls;
	bool smtputf8;               /* needed to hand it on, not merely offered */
	bool eightbit, binary;
	bool report;                 /* fewer attempts, no notice of delay */
	int64_t not_before_ms;       /* wall; FUTURERELEASE; 0: at once */
	const char *transport;       /* NULL: by routes */
	uint64_t ret_id;
	enum hm_mail_kind kind;      /* a report of one has fewer attempts, too */
};

struct hm_queue_ops {
	uint32_t size;
	/* Durable on return. -HM_ELIMIT: a limit of the account, the text names
	 * it and is fit for a reply; -HM_EACCES: a recipient is on the account's
	 * suppression list; -HM_ENOSPC, -HM_EIO: nothing was taken. */
	HM_FIBER int (*put)(struct hm_mod *self, struct hm_queue_item *item,
	    struct hm_err *reterr);
	/* The longest delay that FUTURERELEASE may ask for, in seconds; 0: the
	 * extension is not offered. */
	int64_t (*max_hold_s)(struct hm_mod *self);
};
HM_IFACE(queue, 1);

static inline int
hm_queue_put(const struct hm_queue *queue, struct hm_queue_item *item,
    struct hm_err *reterr)
{
	return queue->ops->put(queue->self, item, reterr);
}

#endif
