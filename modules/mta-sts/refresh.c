/* refresh.c - policies are fetched again before they expire, and those that nobody
 * needs are forgotten (RFC 8461, 3.3 and 10.2). */
#include <hermod/rand.h>

#include "sts.h"

enum {
	EVERY_MS = 3600 * 1000,
	DAY_MS = 24 * 3600 * 1000,
	SPREAD_MS = 30 * 60 * 1000,
	AT_ONCE = 1000,
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
static HM_FIBER bool
withdrawn(const struct sts *s, struct hm_arena *arena,
    const struct sts_entry *e, int64_t now)
{
	struct sts_policy policy;
	struct sts_entry whole;

	if (now >= e->expires_ms)
		return true;
	return sts_cache_get(s, arena, e->domain, &whole, NULL) == 0 &&
	    sts_policy_parse(arena, whole.text, &policy, NULL) == 0 &&
	    policy.mode == HM_STS_NONE;
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
	if (r != -HM_EBUSY && withdrawn(s, arena, e, now))
		return sts_cache_drop(s, e->domain, NULL);
	return 0;
}

static size_t
count_due(const struct sts_entry *at, size_t n, int64_t now)
{
	size_t due = 0;

	for (size_t i = 0; i < n; i++)
		due += now >= sts_due_ms(&at[i]);
	return due;
}

/* Spread, so that neither we nor a large host have it all at one moment. */
static HM_FIBER int
refresh_all(struct sts *s)
{
	struct hm_arena *arena = hm_arena_new(NULL, "mta-sts refresh");
	struct sts_entry *at;
	size_t n = 0, due;
	int r = sts_cache_list(s, arena, false, AT_ONCE, &at, &n, NULL);

	due = r < 0 ? 0 : count_due(at, n, hm_wall_ms());
	for (size_t i = 0; i < n && r >= 0; i++) {
		if (hm_wall_ms() >= sts_due_ms(&at[i]) && due > 1)
			r = hm_sleep((int64_t)hm_random_below(
			    SPREAD_MS / (uint32_t)due));
		if (r >= 0)
			(void)refresh_one(s, arena, &at[i]);
		if (hm_fiber_cancelled())
			r = -HM_ECANCELED;
	}
	hm_arena_free(arena);
	return r;
}

void
sts_refresh(void *arg)
{
	struct sts *s = arg;

	while (hm_sleep(EVERY_MS) == 0 && refresh_all(s) != -HM_ECANCELED)
		continue;
	s->janitor = NULL;
}
