/* loop.h - the event loop under the fibers; the only place that knows libev.
 *
 * There is one loop today, on the thread that called hm_loop_init(); nothing
 * above this layer may assume it. Thread: that thread, unless said otherwise.
 */
#ifndef HERMOD_RUN_LOOP_H
#define HERMOD_RUN_LOOP_H

#include <hermod/types.h>

#include "alarm.h"

/* Makes the loop, raises the limit of open files to what is allowed. */
int hm_loop_init(struct hm_err *reterr);
/* Runs until hm_loop_stop(); under virtual time also until nothing can happen
 * any more. */
void hm_loop_run(void);
/* Runs until no fiber is alive and no job, post or timer is under way, or
 * hm_loop_stop() was called. Listeners do not count. */
void hm_loop_run_until_idle(void);
void hm_loop_stop(void);       /* may be called in a signal callback */
/* Cancels all fibers and runs them to their ends (at most grace_ms; then the
 * process complains and carries on), ends the workers, frees the loop. */
void hm_loop_free(int64_t grace_ms);
/* Whether the calling thread runs the loop; whether there is one. Any thread. */
bool hm_on_loop(void);
bool hm_loop_lives(void);

/* Calls fn(signum, arg) on the loop when the signal arrives. NULL fn ends it. */
void hm_loop_on_signal(int signum, void (*fn)(int signum, void *arg),
    void *arg);

/* Waiting for a descriptor; fn is called until hm_watch_stop(). */
struct hm_watch {
	void *ev[6];           /* struct ev_io, kept from the others' sight */
	void (*fn)(struct hm_watch *watch);
	int fd;
	bool write;
	bool active;
};
void hm_watch_init(struct hm_watch *watch, int fd,
    void (*fn)(struct hm_watch *watch));
void hm_watch_start(struct hm_watch *watch, bool write);
void hm_watch_stop(struct hm_watch *watch);

/* The loop's alarms. */
void hm_loop_alarm_set(struct hm_alarm *alarm, int64_t at_ms);
void hm_loop_alarm_clear(struct hm_alarm *alarm);
int64_t hm_loop_next_alarm(void);

/* A post without allocation: node is the caller's until fn runs. Any thread. */
struct hm_post_node {
	struct hm_post_node *next;
	void (*fn)(struct hm_post_node *node);
};
void hm_post_node(struct hm_post_node *node);

/* Work under way keeps hm_loop_run_until_idle() running. */
void hm_loop_hold(int n);

/* One turn: runs what is ready, then looks at descriptors and alarms; waits for
 * them if may_wait. Returns whether a fiber ran. */
bool hm_loop_turn(bool may_wait);

/* A pool of equal buffers for streams, last used first. */
enum { HM_CHUNK_BYTES = 16384 };
char *hm_chunk_get(void);
void hm_chunk_put(char *chunk);        /* NULL accepted */

/* Counts what ended, so that memory is given back to the system now and then. */
void hm_loop_note_end(void);

#endif
