/* queue.h - what the files of this module share. */
#ifndef QUEUE_H
#define QUEUE_H

#include <pthread.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/iface/blob.h>
#include <hermod/iface/blob_holds.h>
#include <hermod/iface/directory.h>
#include <hermod/iface/kv.h>
#include <hermod/iface/queue.h>
#include <hermod/iface/store.h>
#include <hermod/iface/transport.h>
#include <hermod/metrics.h>
#include <hermod/plugin.h>
#include <hermod/work.h>

#include "record.h"

struct queue_conf {
	int64_t retry_ms;
	int64_t attempts;
	int64_t report_attempts;
	int64_t delay_notice_after;
	int64_t runs;
	int64_t runs_per_domain;
	int64_t max_hold_ms;
	int64_t keep_retired_ms;
	int64_t max_outgoing_per_day;
	int64_t max_first_time_per_day;
	bool suppress;
	const struct hm_blocks *routes;      /* of struct queue_route_conf */
};

struct queue_route_conf {
	const struct hm_strlist *from;
	const struct hm_strlist *to;
	int64_t attempt;
	const char *transport;
};

/* The tables; HACKING tells how their keys are made, record.h what they hold. */
struct queue_tables {
	struct hm_kv_table *message;   /* id */
	struct hm_kv_table *rcpt;      /* id, number */
	struct hm_kv_table *due;       /* place NUL next-ms id number; not held */
	struct hm_kv_table *holds;     /* see iface/blob_holds.h */
	struct hm_kv_table *meta;      /* next-id, clock */
	struct hm_kv_table *retired;   /* when-ms id number */
	struct hm_kv_table *sent;      /* what an account sent, see limit.c */
	struct hm_kv_table *suppressed; /* account NUL base-address */
	struct hm_kv_table *rule;      /* hold rules, by number */
	struct hm_kv_table *damaged;   /* id, number; see damaged.c */
};

/* A destination that mail waits for. All of them are in memory; the messages
 * are not. */
struct queue_domain {
	struct queue_domain *next;     /* in its bucket */
	int64_t next_ms;               /* of its earliest message, queue time */
	unsigned running;
	unsigned notes;                /* how often somebody noted it */
	bool dead;                     /* the last run reached no host, or had
	                                * to give way: one at a time */
	bool waiting;                  /* due, but it has all runs it may have */
	size_t at;                     /* place in the heap, from 1 */
	size_t len;
	char name[];
};

/* Kept across generations. */
struct queue_shared {
	struct queue_tables t;
	struct queue_domain **buckets;
	size_t nbuckets;
	struct queue_domain **heap;    /* by next_ms, from 1 */
	size_t ndomains, capdomains;
	unsigned running;
	struct hm_cond changed;        /* something may be due earlier */
	uint64_t next_id, id_limit;    /* reserved on disk */
	int64_t clock_ms;              /* wall minus monotonic when it was loaded */
	uint64_t ndamaged;             /* records that are set aside */
	pthread_mutex_t flying_mutex;
	struct queue_batch *flying;    /* being tried, see flight.c */
};

enum { QUEUE_TROUBLE_MS = 60 * 1000 };

/* Results on their way to the disk, see settle.c. */
struct queue_settling {
	struct queue_settled *first, **end;
	size_t n;
	bool on;                       /* a fiber is at it */
	struct hm_cond done;
};

struct queue_metrics {
	struct hm_gauge *set_aside;
};

struct queue_module {
	struct hm_mod *m;
	const struct queue_conf *conf;
	const struct hm_server *server;
	const struct hm_kv *kv;
	const struct hm_blob *blob;
	const struct hm_store *store;          /* NULL: reports go by the queue */
	const struct hm_directory *directory;  /* NULL: all mail is foreign */
	struct queue_shared *shared;
	struct hm_fiber *scheduler, *janitor; /* NULL when they have ended */
	bool retired;
	const struct queue_metrics *metrics;
	struct queue_settling settling;
};

/* Queue time: the wall clock when the program began (never before what the queue
 * has seen), and steady from there, so that a clock that is set neither hurries nor
 * stops the mail. */
int64_t queue_now_ms(const struct queue_shared *q);

/* index.c: the destinations, and which is due. Thread: the loop. */
void queue_index_note(struct queue_shared *q, struct hm_str domain,
    int64_t next_ms);
/* The destination that is due first and may have one more run; NULL: none by
 * now_ms, and *ret_wait_ms tells how long there will be none (-1: for ever). */
struct queue_domain *queue_index_due(struct queue_shared *q, int64_t now_ms,
    unsigned per_domain, int64_t *ret_wait_ms);
/* A run claimed what was due, when notes was what it is told here, and the rest
 * is due at next_ms. Who noted it meanwhile may know more. */
void queue_index_claimed(struct queue_shared *q, struct queue_domain *d,
    unsigned notes, int64_t next_ms);
/* A run is on: nothing is due there until somebody notes it. */
void queue_index_begin_run(struct queue_shared *q, struct queue_domain *d);
void queue_index_end_run(struct queue_shared *q, struct queue_domain *d);
void queue_index_free(struct queue_shared *q);

/* table.c: transactions. Thread: worker, all of it inside jobs. */
int queue_tables_open(struct queue_module *q, struct hm_err *reterr);
/* Ids for messages: reserved in a job, then taken on the loop. */
int queue_reserve_ids(struct queue_module *q, uint64_t *ret_next,
    struct hm_err *reterr);
void queue_take_ids(struct queue_shared *q, uint64_t next);
int queue_keep_clock(struct queue_module *q, struct hm_kv_txn *txn);
/* Calls fn for every destination with the time of its earliest message. */
int queue_tables_domains(struct queue_module *q,
    void (*fn)(struct hm_str domain, int64_t next_ms, void *arg), void *arg,
    struct hm_err *reterr);
int queue_get_message(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, uint64_t id, struct queue_message *ret);
int queue_put_message(struct queue_module *q, struct hm_kv_txn *txn,
    const struct queue_message *msg);
int queue_get_rcpt(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, uint64_t id, uint32_t number,
    struct queue_rcpt *ret);
/* Writes a recipient and moves its place among the due: was tells where it
 * stood (NULL: nowhere yet). */
int queue_put_rcpt(struct queue_module *q, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, const struct queue_rcpt *now);
/* Takes a recipient out, and the message with its last one. retired: NULL, or
 * what to keep of it. */
int queue_del_rcpt(struct queue_module *q, struct hm_kv_txn *txn,
    const struct queue_rcpt *was, const struct queue_rcpt *retired);
/* When the first message of a destination is due; INT64_MAX: it has none. */
int queue_first_due(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_str domain, int64_t *ret_ms);
/* Links or unlinks a message's body. */
int queue_hold_body(struct queue_module *q, struct hm_kv_txn *txn,
    uint64_t blob, bool on);

/* put.c */
HM_FIBER int queue_put(struct hm_mod *self, struct hm_queue_item *item,
    struct hm_err *reterr);

/* claim.c: what a run takes on at once: recorded as tried before it is. */
struct queue_work {
	struct queue_message msg;
	struct queue_rcpt *rcpts;      /* due ones, all of one destination */
	size_t nrcpts;
	struct hm_str body;            /* if it is small, else {NULL,0} */
	bool landed;                   /* its results are on disk */
};
struct queue_batch {
	struct hm_arena *arena;
	struct queue_work *works;
	size_t n;
	int64_t next_ms;               /* when the destination is due again */
	unsigned refs;                 /* runs and results that use the arena */
	struct queue_batch *next;      /* in flight */
};
HM_FIBER int queue_claim(struct queue_module *q, struct hm_str domain,
    struct queue_batch **ret, struct hm_err *reterr);
void queue_batch_unref(struct queue_shared *q, struct queue_batch *batch);
/* When a recipient that was tried is due again. */
int64_t queue_retry_ms(const struct queue_conf *conf,
    const struct queue_rcpt *rcpt);

/* flight.c: what is being tried. Any thread. */
void queue_flight_add(struct queue_shared *q, struct queue_batch *batch);
void queue_flight_remove(struct queue_shared *q, struct queue_batch *batch);
/* The claim begins anew. */
void queue_flight_clear(struct queue_shared *q, struct queue_batch *batch);
/* Whether the recipient, as it stands on disk, is being tried. */
bool queue_flight_has(struct queue_shared *q, const struct queue_rcpt *rcpt);
/* It becomes a part of that work, which is of the batch or the next one of it. */
void queue_flight_take(struct queue_shared *q, struct queue_batch *batch,
    struct queue_work *work, const struct queue_rcpt *rcpt);
void queue_flight_land(struct queue_shared *q, struct queue_work *work);

/* schedule.c: one fiber that starts runs. */
void queue_schedule(void *arg);

/* housekeep.c: one fiber that forgets. */
void queue_housekeep(void *arg);

/* run.c: a run over one destination. */
void queue_run(struct queue_module *q, struct queue_domain *domain);

/* route.c: the name of the transport for one recipient; NULL: a hook decided
 * otherwise and *ret_verdict tells what. In the arena. */
HM_FIBER const char *queue_route(struct queue_module *q,
    const struct queue_message *msg, const struct queue_rcpt *rcpt,
    struct hm_arena *arena, struct hm_verdict *ret_verdict);
const struct hm_transport *queue_transport(struct hm_mod *m, const char *name);
int queue_routes_check(struct queue_module *q, struct hm_err *reterr);

/* local.c: recipients of this server. */
#define QUEUE_LOCAL "local"
HM_FIBER void queue_local(struct queue_module *q, struct hm_attempt *attempt);

/* settle.c: results become durable, many at once. */
/* Takes a reference to the batch until the results are on disk. */
HM_FIBER void queue_settle(struct queue_module *q, struct queue_batch *batch,
    struct queue_work *work);
/* Waits until everything handed in is on disk. */
HM_FIBER void queue_settle_flush(struct queue_module *q);

/* report.c: who hears of it, and how. */
/* Makes the reports that are owed and marks the recipients as told; what is told
 * is durable. */
HM_FIBER void queue_report(struct queue_module *q, struct queue_work *work);

/* dsn.c: the text of a report (RFC 3464); pure. */
struct queue_dsn {
	enum queue_report kind;
	const char *hostname;
	struct hm_str from, to;            /* postmaster here; the sender */
	const struct queue_message *msg;
	const struct queue_rcpt *rcpts;
	size_t nrcpts;
	struct hm_str original;            /* its header, or all of it */
	bool full;                         /* original is all of it */
	int64_t now_ms;
	int64_t give_up_ms;                /* delayed: when we will */
	bool utf8;                         /* RFC 6533 */
};
/* Sets utf8. */
void queue_dsn_write(struct hm_buf *out, struct queue_dsn *dsn);

/* limit.c: what an account may send, and to whom not. */
int queue_limit_txn(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, const struct hm_queue_item *item, uint64_t id,
    int64_t now_ms, struct hm_err *reterr);
/* The address as it stands in the list. */
struct hm_str queue_suppress_base(struct hm_arena *arena, struct hm_str addr);
void queue_suppress_key(struct hm_buf *key, struct hm_str account,
    struct hm_str base);
int queue_suppressed(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, struct hm_str account, struct hm_str addr,
    struct queue_suppression *ret);
/* Counts messages in a row that failed, for good or after all attempts; 1: this
 * was one too many, and counting begins anew. */
int queue_failures_count(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, struct hm_str account, struct hm_str addr,
    bool failed);
bool queue_suppress_reason(const struct queue_rcpt *rcpt);
int queue_suppress_put(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, struct hm_str account, struct hm_str addr,
    struct hm_str reason, int64_t now_ms);

/* damaged.c: records that cannot be read. Thread: worker. */
int queue_damaged_add(struct queue_module *q, struct hm_kv_txn *txn, uint64_t id,
    uint32_t number, int64_t now_ms);
int queue_damaged_count(struct queue_module *q, struct hm_kv_txn *txn,
    uint64_t *ret);
/* Since when it is set aside; 0: it is not. */
int queue_damaged_since(struct queue_module *q, struct hm_kv_txn *txn,
    uint64_t id, uint32_t number, int64_t *ret_ms);
/* What can be read by now is due again; sets shared->ndamaged. */
int queue_damaged_retry(struct queue_module *q, struct hm_err *reterr);
/* Takes a recipient out; -HM_ENOENT: there is none, or nothing is wrong. */
int queue_damaged_drop(struct queue_module *q, struct hm_kv_txn *txn,
    struct hm_arena *arena, uint64_t id, uint32_t number);

/* rule.c: messages that are held as they come. */
/* 1 or 0. */
int queue_rules_match(struct queue_module *q, struct hm_kv_txn *txn,
    const struct queue_message *msg, const struct queue_rcpt *rcpt);

/* tell.c: events and log lines of one recipient. */
enum queue_tale { QUEUE_TALE_QUEUED, QUEUE_TALE_ATTEMPT, QUEUE_TALE_DELIVERED,
	QUEUE_TALE_DEFERRED, QUEUE_TALE_BOUNCED };
void queue_tell(struct queue_module *q, enum queue_tale tale,
    const struct queue_message *msg, const struct queue_rcpt *rcpt);

/* commands.c, commands-rule.c */
extern const struct hm_command queue_commands[];

#endif
