/* carry.h - what a worker and the process of an isolated module say to each other.
 *
 * Packets over a socket pair. Each begins with its kind in one byte; numbers are
 * varints, strings have their length in front. Both ends are the same build, which
 * the first packet makes sure of, so plain structs may travel as they are - from
 * the worker. What comes from the process of a module is as trustworthy as any
 * stranger's bytes: it is read by the functions here and nothing else.
 */
#ifndef HERMOD_ISOLATE_CARRY_H
#define HERMOD_ISOLATE_CARRY_H

#include <hermod/buf.h>
#include <hermod/plugin.h>

#include "core/conf/errs.h"
#include "core/plug/session-facts.h"

enum {
	HM_CARRY_MAX = 65536,          /* bytes of a packet */
	HM_CARRY_PART = 32768,         /* of what may be split up */
	HM_CARRY_QUEUE_MAX = 8 << 20,  /* that the other side has not read */
};

#define HM_CARRY_BUILD "hermod-carry 1 " PACKAGE_VERSION

enum hm_carry {
	/* To the module; those up to CALL are answered, and begin with a number
	 * that the answer repeats. */
	HM_CARRY_HELLO = 1,            /* with a descriptor: its standard output */
	HM_CARRY_CONFIGURE = 2,
	HM_CARRY_TEXT = 3,
	HM_CARRY_OPEN = 4,
	HM_CARRY_CALL = 5,
	HM_CARRY_CANCEL = 6,           /* nobody waits for that answer any more */
	HM_CARRY_START = 7,
	HM_CARRY_RETIRE = 8,
	HM_CARRY_CLOSE = 9,            /* and then end */
	HM_CARRY_MESSAGE = 10,         /* with a descriptor: its bytes */
	HM_CARRY_RCPTS = 11,
	HM_CARRY_MESSAGE_END = 12,
	HM_CARRY_SESSION_END = 13,
	/* From the module. */
	HM_CARRY_ANSWER = 64,
	HM_CARRY_LOG = 65,
	HM_CARRY_COUNT = 66,           /* what its metrics changed by */
};

/* ---- the socket; loop thread ---- */

struct hm_carry_packet;
struct hm_fdwatch;

struct hm_carrier {
	int fd;                        /* -1: closed */
	struct hm_fdwatch *in, *out;
	struct hm_carry_packet *first, **end;
	size_t queued;                 /* bytes */
	bool strict;                   /* takes no descriptors */
	/* fd: came along, and belongs to the callee; or -1. */
	void (*packet)(struct hm_carrier *ch, struct hm_str packet, int fd);
	/* Closed by the other side, or because of it. */
	void (*ended)(struct hm_carrier *ch, const char *why);
	void *arg;                     /* for these */
	char *room;
};

void hm_carrier_open(struct hm_carrier *ch, int fd);
void hm_carrier_close(struct hm_carrier *ch);
/* fd: a copy goes along; or -1. Never waits: what the other side does not take is
 * kept, and too much of that ends the channel. */
void hm_carrier_send(struct hm_carrier *ch, struct hm_str packet, int fd);
/* Waits for packets without the loop: for tests on virtual time. Returns false
 * when nothing came within ms. */
bool hm_carrier_pump(struct hm_carrier *ch, int ms);

/* ---- writing ---- */

static inline void
hm_carry_put_int(struct hm_buf *out, int64_t n)
{
	hm_buf_varint(out, (uint64_t)n << 1 ^ (uint64_t)(n >> 63));
}

/* {NULL,0} stays apart from an empty string. */
void hm_carry_put_str(struct hm_buf *out, struct hm_str s);
void hm_carry_put_addr(struct hm_buf *out, const struct hm_addr *addr);
void hm_carry_put_facts(struct hm_buf *out, const struct hm_session_facts *facts);
void hm_carry_put_errs(struct hm_buf *out, const struct hm_errs *errs);
void hm_carry_put_err(struct hm_buf *out, const struct hm_err *err);
void hm_carry_put_def(struct hm_buf *out, const struct hm_module_def *def);
void hm_carry_put_verdict(struct hm_buf *out, const struct hm_verdict *v,
    struct hm_str journal);

/* ---- reading; 0 or -HM_ECORRUPT; strings are borrowed ---- */

int hm_carry_take_int(struct hm_str *in, int64_t *ret);
int hm_carry_take_str(struct hm_str *in, struct hm_str *ret);
int hm_carry_take_addr(struct hm_str *in, struct hm_addr *ret);
int hm_carry_take_facts(struct hm_str *in, struct hm_session_facts *ret);
int hm_carry_take_errs(struct hm_str *in, struct hm_errs *errs);
int hm_carry_take_err(struct hm_str *in, struct hm_err *ret);

/* carry-outbound.c: arguments of hooks. What is read lies in the arena. */
enum { HM_CARRY_WANTS_MAX = 100 };
struct hm_dns_wants;
void hm_carry_put_tls_policy(struct hm_buf *out, const struct hm_tls_policy *p);
int hm_carry_take_tls_policy(struct hm_arena *arena, struct hm_str *in,
    struct hm_tls_policy *ret);
/* Those from that one on; all that are there are added. */
void hm_carry_put_wants(struct hm_buf *out, const struct hm_dns_wants *wants,
    size_t from);
int hm_carry_take_wants(struct hm_str *in, struct hm_dns_wants *wants);

/* What a module says of itself, as far as another process can use it. */
struct hm_carry_def {
	struct hm_module_def def;      /* hooks without functions */
	const char *refused;           /* what keeps it from being isolated, or
	                                * NULL */
};
int hm_carry_take_def(struct hm_arena *arena, struct hm_str in,
    struct hm_carry_def *ret);

struct hm_carry_verdict {
	struct hm_verdict v;           /* without esc and text */
	struct hm_str esc, text;
	struct hm_str journal;         /* of fields, see message-private.h */
};
int hm_carry_take_verdict(struct hm_str *in, struct hm_carry_verdict *ret);

/* A line that hm_log() made there, to be logged here: its event and fields, in
 * arena. A date in front is passed over. Keys are words; the number of fields is
 * limited. */
enum { HM_CARRY_FIELDS_MAX = 24 };
struct hm_carry_line {
	enum hm_loglevel level;
	const char *event;
	struct hm_field fields[HM_CARRY_FIELDS_MAX + 2]; /* ended by a NULL key */
	size_t n;
};
int hm_carry_take_line(struct hm_arena *arena, struct hm_str in,
    struct hm_carry_line *ret);

#endif
