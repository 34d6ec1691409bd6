/* quota.c - how much an account may hold, and holds. */
#include "store.h"

/* What the directory says of the account comes before the setting; below zero
 * stands for no limit (0 there: nothing is said). */
void
store_quota_refresh(struct hm_account *acc)
{
	struct store *st = acc->st;
	uint64_t limit = st->conf->quota_bytes;
	struct hm_account_info info = { 0 };
	struct hm_arena *arena;

	/* The directory is asked on fibers only; others go by what was known. */
	if (acc->a->shared->loop && !hm_fiber_self())
		return;
	if (st->directory) {
		arena = hm_arena_new(NULL, "store quota");
		if (st->directory->ops->account(st->directory->self,
		    hm_str(acc->a->name), arena, &info, NULL) == 0 &&
		    info.quota_bytes != 0)
			limit = info.quota_bytes < 0 ? 0 :
			    (uint64_t)info.quota_bytes;
		hm_arena_free(arena);
	}
	atomic_store(&acc->a->quota, limit);
}

int
store_quota(struct hm_account *acc, uint64_t *ret_used, uint64_t *ret_limit)
{
	store_quota_refresh(acc);
	pthread_mutex_lock(&acc->a->snap);
	*ret_used = acc->a->bytes;
	pthread_mutex_unlock(&acc->a->snap);
	*ret_limit = atomic_load(&acc->a->quota);
	return 0;
}
