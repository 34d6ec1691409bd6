/* virtual.h - fibers in virtual time, for tests of a module's parts.
 */
#ifndef T_VIRTUAL_H
#define T_VIRTUAL_H

#include <hermod/types.h>

/* Virtual time from wall_ms on, and a loop; false if there can be none. */
bool virtual_begin(int64_t wall_ms);
/* Runs what was started with hm_fiber_start() until nothing can happen. */
void virtual_run(void);
void virtual_end(void);

#endif
