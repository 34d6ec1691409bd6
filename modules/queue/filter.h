/* filter.h - which of the queue's recipients a command is about. */
#ifndef QUEUE_FILTER_H
#define QUEUE_FILTER_H

#include "queue.h"

/* What is not given (empty, 0) does not matter; all that is must fit. */
struct queue_filter {
	uint64_t id;
	struct hm_str account, from, to, domain, transport;
	int64_t submitted_ms, next_ms;      /* since or until then; 0: not given */
	bool submitted_before, next_before; /* "<1h", in the sense of "less than" */
	int hold;                           /* 1 yes, -1 no, 0 either */
	bool any;                           /* something was given */
	bool damaged;                       /* what cannot be read, and nothing else */
};

/* The flags that choose; tables of commands that take more begin with them. */
#define QUEUE_FILTER_FLAGS \
	{ "id", "ID", "only this message" }, \
	{ "account", "NAME", "only what this account sent" }, \
	{ "from", "TEXT", "only senders with this text in their address" }, \
	{ "to", "TEXT", "only recipients with this text in their address" }, \
	{ "domain", "DOMAIN", "only recipients at this domain" }, \
	{ "submitted", "TIME", "<1h: less than an hour ago, >1d: more than a " \
	    "day ago" }, \
	{ "next", "TIME", "<10m: tried again within ten minutes, >1h: later " \
	    "than in an hour" }, \
	{ "hold", "yes|no", "only those that are, or are not, on hold" }, \
	{ "transport", "NAME", "only those forced to this transport" }
extern const struct hm_cmd_flag queue_filter_flags[];
/* 0, or 2 after an error was told. */
HM_FIBER int queue_filter_read(struct hm_cmd *cmd, struct queue_filter *ret);

bool queue_filter_fits(const struct queue_filter *f,
    const struct queue_message *msg, const struct queue_rcpt *rcpt);

/* What cannot be read of a recipient. */
enum queue_damage {
	QUEUE_SOUND = 0, QUEUE_DAMAGED_RCPT, QUEUE_DAMAGED_MESSAGE,
	QUEUE_NO_MESSAGE,
};

/* One recipient that fits, with its message; in memory until the next page. */
struct queue_found {
	struct queue_message msg;
	struct queue_rcpt rcpt;
	enum queue_damage damage;           /* only its id and number are set */
	int64_t aside_ms;                   /* since when; 0: it is not */
};
/* Calls fn, on the fiber, for all that fit, page by page: what changes
 * meanwhile may or may not be seen. fn returns non-zero to stop. To
 * *ret_damaged it adds how many could not be read; NULL accepted. */
HM_FIBER int queue_find(struct queue_module *q, const struct queue_filter *f,
    HM_FIBER int (*fn)(const struct queue_found *found, void *arg), void *arg,
    uint64_t *ret_damaged, struct hm_err *reterr);

#endif
