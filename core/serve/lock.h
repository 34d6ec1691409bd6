/* lock.h - one process works on a data directory at a time. */
#ifndef HERMOD_SERVE_LOCK_H
#define HERMOD_SERVE_LOCK_H

#include <hermod/err.h>

/* Returns a descriptor whose closing (or the process's end) gives it back, or
 * -HM_EBUSY. */
int hm_lock_take(const char *data_dir, struct hm_err *reterr);
/* Waits until nobody has it. False: still held after timeout_ms. */
bool hm_lock_wait(const char *data_dir, int64_t timeout_ms);

/* Writes DATADIR/hermod.pid; removes it again. */
int hm_pid_write(const char *data_dir, long pid, struct hm_err *reterr);
void hm_pid_remove(const char *data_dir);

#endif
