/* guard.h - tells who crashed, who holds up the loop, and who forked.
 *
 * A crash is told by a signal handler, a loop that stands still by a thread that
 * watches it: as a line on standard error, and as a record that the next start
 * reads. A record is a line  TIME crash NAME WHY SURE WHAT  with the time in
 * seconds since 1970, NAME "-" when nobody can be named, and SURE "sure" unless
 * it is only the fiber that belonged to NAME.
 */
#ifndef HERMOD_RUN_GUARD_H
#define HERMOD_RUN_GUARD_H

#include <stddef.h>

#include "where.h"

/* Loop thread. record: a descriptor to append to, or -1; may_end: the process is
 * one that somebody starts again. Not with sanitizers, which tell crashes
 * better. */
void hm_guard_begin(int record, bool may_end);
/* The process ends as it should. */
void hm_guard_end(void);
/* 0: never. After end_ms without a turn of the loop the process is ended. */
void hm_guard_limits(int64_t warn_ms, int64_t end_ms);
/* Called in the watching thread when somebody (NULL: unknown) holds the loop. */
void hm_guard_on_hog(void (*fn)(struct hm_who *who, const char *what,
    void *arg), void *arg);

/* Codes that can be named. Loop thread. */
void hm_guard_add(struct hm_who *who);
void hm_guard_remove(struct hm_who *who);
/* Fills base, low and high for the object that holds addr. */
void hm_guard_range(struct hm_who *who, const void *addr);

/* A stack for signal handlers of this thread; at its end, give it back. */
void *hm_guard_thread(void);
void hm_guard_thread_end(void *stack);

/* The loop's pulse: it begins something that should not take long, or waits. */
void hm_guard_beat(bool busy);

/* A child that a module forked must never come back into the core: it would
 * speak for sessions that belong to its parent. */
extern bool hm_guard_forked;
_Noreturn void hm_guard_stray(void);
static inline void
hm_guard_fork_check(void)
{
	if (__builtin_expect(hm_guard_forked, 0))
		hm_guard_stray();
}

#endif
