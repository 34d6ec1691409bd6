/* guard-private.h - what guard.c, blame.c and watchdog.c share. */
#ifndef HERMOD_RUN_GUARD_PRIVATE_H
#define HERMOD_RUN_GUARD_PRIVATE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "where.h"

enum { HM_LINE_MAX = 1000, HM_TRACE_MAX = 6 };

struct hm_finding {
	struct hm_who *who;            /* NULL: nobody can be named */
	const char *what;
	const char *fiber;
	bool sure;
	uintptr_t trace[HM_TRACE_MAX]; /* likely return addresses */
	unsigned n_trace;
};

/* ---- blame.c; in signal handlers as well ---- */

void hm_blame_registers(const ucontext_t *uc, uintptr_t *ret_pc,
    uintptr_t *ret_sp);
void hm_blame_find(struct hm_finding *f, uintptr_t pc, uintptr_t sp);
/* Whether the address is below the stack of the fiber that runs. */
bool hm_blame_near_guard(const void *addr);
/* Appends the trace to a line of HM_LINE_MAX bytes that has n; the new length. */
size_t hm_blame_trace(char *line, size_t n, const struct hm_finding *f);
/* A line on standard error, and the record. */
void hm_blame_tell(const struct hm_finding *f, const char *event,
    const char *why);
/* Where records go. */
void hm_blame_record(int fd);
/* Where the stack of this thread ends, when it runs no fiber. */
void hm_blame_stack_end(void *end);

/* ---- watchdog.c ---- */

/* Loop thread, which it watches. may_end: the process may be ended. */
void hm_watchdog_start(bool may_end);
void hm_watchdog_stop(void);
/* The handler of SIGURG: the watchdog asks what the loop's thread runs. */
void hm_watchdog_asks(int signum, siginfo_t *info, void *context);

#endif
