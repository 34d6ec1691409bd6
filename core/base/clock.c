/* clock.c - the only source of time. */
#include <stdatomic.h>
#include <time.h>

#include <hermod/clock.h>

#include "clock-private.h"

static struct {
	atomic_bool on;
	atomic_int_fast64_t now_ms, wall_ms;
} virtual;

static int64_t
read_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
hm_now_ms(void)
{
	if (atomic_load_explicit(&virtual.on, memory_order_acquire))
		return atomic_load(&virtual.now_ms);
	return read_ms(CLOCK_MONOTONIC);
}

static int64_t
read_ns(clockid_t id)
{
	struct timespec ts;

	if (atomic_load_explicit(&virtual.on, memory_order_acquire))
		return atomic_load(&virtual.now_ms) * 1000000;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
hm_now_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t
hm_coarse_ns(void)
{
	return read_ns(CLOCK_MONOTONIC_COARSE);
}

int64_t
hm_wall_ms(void)
{
	if (atomic_load_explicit(&virtual.on, memory_order_acquire))
		return atomic_load(&virtual.wall_ms);
	return read_ms(CLOCK_REALTIME);
}

void
hm_clock_virtual(int64_t wall_ms)
{
	/* Not 0, which means "no deadline" in many places. */
	atomic_store(&virtual.now_ms, 1000000);
	atomic_store(&virtual.wall_ms, wall_ms);
	atomic_store_explicit(&virtual.on, true, memory_order_release);
}

bool
hm_clock_is_virtual(void)
{
	return atomic_load(&virtual.on);
}

void
hm_clock_advance(int64_t ms)
{
	atomic_fetch_add(&virtual.now_ms, ms);
	atomic_fetch_add(&virtual.wall_ms, ms);
}

void
hm_clock_jump(int64_t ms)
{
	atomic_fetch_add(&virtual.wall_ms, ms);
}

int
hm_local_zone_min(int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (hm_clock_is_virtual() || !localtime_r(&t, &tm))
		return 0;
	return (int)(tm.tm_gmtoff / 60);
}
