/* sim.h - virtual time and a network in memory, for tests. Loop thread.
 *
 * While hm_clock_is_virtual(), hm_listen() and hm_dial() meet in memory,
 * hm_work() runs on the loop thread, and the clock moves only here or in
 * hm_loop_run(), which advances it whenever every fiber waits.
 */
#ifndef HERMOD_RUN_SIM_H
#define HERMOD_RUN_SIM_H

#include <hermod/net.h>

/* Runs until no fiber is ready; time stands still. */
void hm_sim_run_until_idle(void);
/* Lets ms pass: everything due in between happens at its moment, in order. */
void hm_sim_advance(int64_t ms);
/* Lets time pass until done(arg), or at most max_ms. Returns whether done. */
bool hm_sim_run_until(bool (*done)(void *arg), void *arg, int64_t max_ms);

/* Faults. The nth operation from now (1: the next) on the simulated network
 * fails with -HM_EIO; 0 takes the order back. */
enum hm_sim_op {
	HM_SIM_READ = 0,
	HM_SIM_WRITE = 1,
	HM_SIM_CONNECT = 2,
	HM_SIM_OPS
};
void hm_sim_fail(enum hm_sim_op op, unsigned nth);
/* Operations seen so far, to know what can be made to fail. */
unsigned hm_sim_count(enum hm_sim_op op);
/* Counts one operation and says whether it is the one to fail. */
bool hm_sim_fails(enum hm_sim_op op);
/* Where nobody listens, connecting is refused; to such addresses it is never
 * answered, so the dialler's timeout decides. NULL ends it. */
void hm_sim_silent(bool (*silent)(const struct hm_sockaddr *addr, void *arg),
    void *arg);
/* Ends of simulated connections that were not closed. */
unsigned hm_sim_streams(void);
/* Forgets faults and counters. */
void hm_sim_reset(void);

#endif
