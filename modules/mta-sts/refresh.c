/* refresh.c - policies are fetched again before they expire, and those that nobody
 * needs are forgotten (RFC 8461, 3.3 and 10.2). */
#include <hermod/rand.h>

#include "sts.h"

enum {
	EVERY_MS = 3600 * 1000,
	DAY_MS = 24 * 3600 * 1000,
	SPREAD_MS = 30 * 60 * 1000,
	LOOKUP_MS = 30 * 1000,
};

/* Once a day, or at half of its life. */
int64_t
sts_due_ms(const struct sts_entry *e)
{
	int64_t half = (e->expires_ms - e->fetched_ms) / 2;

	return e->fetched_ms + (half < DAY_MS ? half : DAY_MS);
}

static bool
forgotten(const struct sts *s, const struct sts_entry *e, int64_t now)
{
	if (now - e->used_ms > s->conf->keep_unused_ms)
		return true;
	return e->text.len == 0 && now >= e->again_ms + DAY_MS;
}

/* A domain whose record is gone has withdrawn its policy, once that has expired or
 * says "none" itself. */
static bool
withdrawn(const struct sts_entry *e, int64_t now)
{
	return now >= e->expires_ms || e->mode == HM_STS_NONE;
}

static HM_FIBER int
refresh_one(struct sts *s, struct hm_arena *arena, const struct sts_entry *e)
{
	int64_t now = hm_wall_ms();
	struct hm_str id, reason;
	int r;

	if (forgotten(s, e, now))
		return sts_cache_drop(s, e->domain, NULL);
	if (now < sts_due_ms(e) || now < e->again_ms)
		return 0;
	r = sts_ask_id(s, arena, e->domain, LOOKUP_MS, &id, &reason);
	if (r == 0)
		return sts_renew(s, e->domain, id, s->conf->timeout_ms, false,
		    NULL);
	if (r != -HM_EBUSY && withdrawn(e, now))
		return sts_cache_drop(s, e->domain, NULL);
	return 0;
}

/* Calls fn for all, page by page; below 0 it ends. */
static HM_FIBER int
each(struct sts *s, int (*fn)(struct sts *s, struct hm_arena *arena,
    const struct sts_entry *e, size_t *due), size_t *due)
{
	struct hm_arena *arena = hm_arena_new(NULL, "mta-sts refresh");
	struct hm_buf last = { 0 };
	struct sts_entry *at;
	size_t n = STS_LIST_MAX;
	int r = 0;

	while (n == STS_LIST_MAX && r >= 0) {
		hm_arena_clear(arena);
		r = sts_cache_list(s, arena, hm_buf_view(&last), &at, &n, NULL);
		for (size_t i = 0; i < n && r >= 0; i++)
			r = fn(s, arena, &at[i], due);
		hm_buf_clear(&last);
		if (n > 0 && r >= 0)
			hm_buf_str(&last, at[n - 1].domain);
	}
	hm_buf_release(&last);
	hm_arena_free(arena);
	return r;
}

static int
count(struct sts *s, struct hm_arena *arena, const struct sts_entry *e,
    size_t *due)
{
	(void)s;
	(void)arena;
	*due += hm_wall_ms() >= sts_due_ms(e);
	return 0;
}

/* Spread, so that neither we nor a large host have it all at one moment. */
static HM_FIBER int
refresh(struct sts *s, struct hm_arena *arena, const struct sts_entry *e,
    size_t *due)
{
	uint64_t gap = *due > 1 ? SPREAD_MS / *due : 0;

	if (hm_wall_ms() >= sts_due_ms(e) && gap > 0)
		(void)hm_sleep((int64_t)hm_random_below(gap));
	if (!hm_fiber_cancelled())
		(void)refresh_one(s, arena, e);
	return hm_fiber_cancelled() ? -HM_ECANCELED : 0;
}

void
sts_refresh(void *arg)
{
	struct sts *s = arg;
	size_t due;

	while (hm_sleep(EVERY_MS) == 0) {
		due = 0;
		if (each(s, count, &due) < 0)
			continue;
		if (each(s, refresh, &due) == -HM_ECANCELED)
			break;
	}
	s->janitor = NULL;
}
