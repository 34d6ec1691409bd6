/* where.h - whose code a thread runs right now, so that a crash, or a loop that
 * stands still, can be told by name. */
#ifndef HERMOD_RUN_WHERE_H
#define HERMOD_RUN_WHERE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One loaded code. */
struct hm_who {
	struct hm_who *next;
	const char *name;
	uintptr_t base, low, high;     /* its machine code; base is offset 0 */
	bool core;                     /* the library itself: never to blame */
	atomic_uint_fast64_t errors;   /* lines it logged at that level */
	atomic_uint_fast64_t hogs;     /* times it held up the loop */
};

struct hm_where {
	struct hm_who *who;            /* NULL: the core's own doing */
	const char *what;              /* "rcpt_to", "open", a fiber's name */
	bool called;                   /* by the core, which waits for it */
};

/* Of the running fiber, or outside fibers of the thread. Any thread; safe in a
 * signal handler. */
struct hm_where *hm_where(void);

/* Around each call of a module's function. Returns what to leave with. */
static inline struct hm_where
hm_where_enter(struct hm_who *who, const char *what)
{
	struct hm_where *at = hm_where(), former = *at;

	*at = (struct hm_where){ who, what, true };
	return former;
}

static inline void
hm_where_leave(struct hm_where former)
{
	*hm_where() = former;
}

#endif
