/* clock-private.h - a finer clock, for measuring calls. */
#ifndef CORE_BASE_CLOCK_PRIVATE_H
#define CORE_BASE_CLOCK_PRIVATE_H

#include <stdint.h>

/* As hm_now_ms(), in nanoseconds. Thread: any. */
int64_t hm_now_ns(void);
/* The same, some milliseconds old: for a quarter of the price. */
int64_t hm_coarse_ns(void);

#endif
