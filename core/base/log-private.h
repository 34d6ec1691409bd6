/* log-private.h - the fields that lines of one fiber carry.
 *
 * Each context belongs to one fiber (or thread). Whoever switches fibers sets
 * the context of the one that runs next; a worker thread may borrow the context
 * of the fiber it works for.
 */
#ifndef CORE_BASE_LOG_PRIVATE_H
#define CORE_BASE_LOG_PRIVATE_H

struct hm_log_pair;

/* Zeroed memory is a valid, empty context. */
struct hm_log_ctx {
	struct hm_log_pair *pairs;
};

/* Makes ctx the current one of this thread; NULL means the thread's own.
 * Returns the former one (NULL likewise). */
struct hm_log_ctx *hm_log_ctx_swap(struct hm_log_ctx *ctx);
void hm_log_ctx_release(struct hm_log_ctx *ctx);

/* Called for each line at the level of errors, in the thread that logs it. */
void hm_log_on_error(void (*fn)(void));

#endif
