/* work.h - blocking or heavy jobs on worker threads.
 *
 * One job = one transaction: it begins, commits and retries inside fn. A
 * cancelled or late fiber still waits for its job, because the job borrows the
 * fiber's memory; jobs must therefore end by themselves.
 */
#ifndef HERMOD_WORK_H
#define HERMOD_WORK_H

#include <hermod/types.h>

/* Runs fn(arg) on a worker thread with a large stack and returns what it
 * returned. Called on a fiber; called on a worker thread or outside any loop
 * (command line, tests) it simply calls fn. In simulation it runs on the loop
 * thread itself, so that runs repeat exactly. */
HM_API HM_FIBER int hm_work(int (*fn)(void *arg), void *arg);

/* Starts a job that nobody waits for (housekeeping). done, if not NULL, runs on
 * the loop thread afterwards. */
HM_API void hm_work_detached(int (*fn)(void *arg),
    void (*done)(int result, void *arg), void *arg);

#endif
