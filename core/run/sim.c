/* sim.c - virtual time and faults. */
#include "sim.h"
#include "sim-private.h"

#include <string.h>

#include <hermod/clock.h>

#include "loop.h"

static struct {
	struct {
		unsigned seen;
		unsigned fail_at;      /* 0: none */
	} op[HM_SIM_OPS];
	bool (*silent)(const struct hm_sockaddr *addr, void *arg);
	void *silent_arg;
	uint16_t port;
	unsigned streams;
} sim;

void
hm_sim_run_until_idle(void)
{
	while (hm_loop_turn(false))
		;
}

/* To the next alarm or to end, whichever comes first. */
static void
step(int64_t end)
{
	int64_t next = hm_loop_next_alarm();

	if (next > end)
		next = end;
	if (next > hm_now_ms())
		hm_clock_advance(next - hm_now_ms());
	hm_sim_run_until_idle();
}

void
hm_sim_advance(int64_t ms)
{
	int64_t end = hm_now_ms() + ms;

	hm_sim_run_until_idle();
	while (hm_now_ms() < end)
		step(end);
}

bool
hm_sim_run_until(bool (*done)(void *arg), void *arg, int64_t max_ms)
{
	int64_t end = hm_now_ms() + max_ms;

	hm_sim_run_until_idle();
	while (!done(arg)) {
		if (hm_now_ms() >= end)
			return false;
		step(end);
	}
	return true;
}

void
hm_sim_fail(enum hm_sim_op op, unsigned nth)
{
	sim.op[op].fail_at = nth ? sim.op[op].seen + nth : 0;
}

unsigned
hm_sim_count(enum hm_sim_op op)
{
	return sim.op[op].seen;
}

bool
hm_sim_fails(enum hm_sim_op op)
{
	return ++sim.op[op].seen == sim.op[op].fail_at;
}

void
hm_sim_silent(bool (*silent)(const struct hm_sockaddr *addr, void *arg),
    void *arg)
{
	sim.silent = silent;
	sim.silent_arg = arg;
}

bool
hm_sim_is_silent(const struct hm_sockaddr *addr)
{
	return sim.silent && sim.silent(addr, sim.silent_arg);
}

void
hm_sim_source(const struct hm_sockaddr *addr, const struct hm_sockaddr *local,
    struct hm_sockaddr *ret)
{
	if (local) {
		*ret = *local;
	} else {
		memset(ret, 0, sizeof(*ret));
		ret->family = addr->family;
		if (addr->family == 6)
			ret->ip[15] = 1;
		else
			memcpy(ret->ip, "\x7f\0\0\1", 4);
	}
	if (ret->port == 0)
		ret->port = (uint16_t)(32768 + sim.port++ % 16384);
}

void
hm_sim_stream(int n)
{
	sim.streams += (unsigned)n;
}

unsigned
hm_sim_streams(void)
{
	return sim.streams;
}

void
hm_sim_reset(void)
{
	unsigned streams = sim.streams;

	memset(&sim, 0, sizeof(sim));
	sim.streams = streams;
}
