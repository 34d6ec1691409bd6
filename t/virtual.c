/* virtual.c - fibers in virtual time. */
#include <hermod/clock.h>

#include "core/run/loop.h"
#include "virtual.h"

bool
virtual_begin(int64_t wall_ms)
{
	hm_clock_virtual(wall_ms);
	return hm_loop_init(NULL) == 0;
}

void
virtual_run(void)
{
	hm_loop_run_until_idle();
}

void
virtual_end(void)
{
	hm_loop_free(1000);
}
