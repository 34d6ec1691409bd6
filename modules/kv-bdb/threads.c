/* threads.c - checkpoints, the deadlock detector, a look at the free space. */
#include <errno.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <time.h>

#include "bdb.h"

#define TICK_MS 1000
#define BUSY_TICK_MS 100

/* False once the environment is being closed. */
static bool
wait_ms(struct bdb_env *env, int64_t ms)
{
	struct timespec at;
	bool go_on;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_nsec += (ms % 1000) * 1000000;
	at.tv_sec += ms / 1000 + at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	pthread_mutex_lock(&env->mutex);
	while (!env->stopping &&
	    pthread_cond_timedwait(&env->wake, &env->mutex, &at) != ETIMEDOUT)
		;
	go_on = !env->stopping;
	pthread_mutex_unlock(&env->mutex);
	return go_on;
}

/* Writing is refused while the reserve lasts: Berkeley DB needs room to commit
 * and to write back what it has accepted. */
void
bdb_look_at_disk(struct bdb_env *env)
{
	struct statvfs fs;
	bool full;

	if (statvfs(env->dir, &fs) < 0)
		return;
	full = (uint64_t)fs.f_bavail * fs.f_frsize < env->conf.reserve_bytes;
	if (full == atomic_exchange(&env->full, full))
		return;
	if (full)
		bdb_report(env, HM_LOG_ERROR, "less than %llu MiB are free on "
		    "the disk of %s: nothing more is stored",
		    (unsigned long long)(env->conf.reserve_bytes >> 20),
		    env->dir);
	else
		bdb_report(env, HM_LOG_WARN,
		    "there is room again on the disk of %s", env->dir);
}

static void *
checkpoints(void *arg)
{
	struct bdb_env *env = arg;
	uint32_t kbytes = (uint32_t)(env->conf.checkpoint_bytes >> 10);
	bool failing = false;
	struct hm_err err;
	int ret;

	while (wait_ms(env, TICK_MS)) {
		bdb_look_at_disk(env);
		/* a minute after the last change, if the log stays short */
		ret = env->db->txn_checkpoint(env->db, kbytes, 1, 0);
		if (!ret)
			ret = bdb_settle_checkpoint(env);
		if (ret && !failing) {
			bdb_fail(&err, ret, "checkpoint");
			bdb_report(env, HM_LOG_ERROR, "%s", err.text);
		}
		if (ret == EIO)
			bdb_end(env, "pages could not be synced");
		failing = ret != 0;
	}
	return NULL;
}

/* Deadlocks are found when they arise; but lock time-outs, the last resort,
 * are looked at only by a run of the detector. */
static void *
detect(void *arg)
{
	struct bdb_env *env = arg;

	while (wait_ms(env, atomic_load(&env->running) ? BUSY_TICK_MS :
	    TICK_MS))
		if (atomic_load(&env->running))
			env->db->lock_detect(env->db, 0, DB_LOCK_EXPIRE, NULL);
	return NULL;
}

int
bdb_threads_start(struct bdb_env *env, struct hm_err *reterr)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&env->checkpointer, NULL, checkpoints, env);
	env->checkpoints = ret == 0;
	if (!ret) {
		pthread_setname_np(env->checkpointer, "kv-checkpoint");
		ret = pthread_create(&env->detector, NULL, detect, env);
		env->detects = ret == 0;
	}
	if (!ret)
		pthread_setname_np(env->detector, "kv-detector");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret)
		return hm_err_errno(reterr, ret, "cannot start a thread");
	return 0;
}

void
bdb_threads_stop(struct bdb_env *env)
{
	pthread_mutex_lock(&env->mutex);
	env->stopping = true;
	pthread_cond_broadcast(&env->wake);
	pthread_mutex_unlock(&env->mutex);
	if (env->checkpoints)
		pthread_join(env->checkpointer, NULL);
	if (env->detects)
		pthread_join(env->detector, NULL);
	env->checkpoints = env->detects = false;
}
