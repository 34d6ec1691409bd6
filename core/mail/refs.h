/* refs.h - counted references to what never changes once it is shared. */
#ifndef CORE_MAIL_REFS_H
#define CORE_MAIL_REFS_H

#include <stdatomic.h>
#include <stdbool.h>

static inline void
refs_take(atomic_uint *refs)
{
	atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

/* True for the last one, who sees all that the others did before. */
static inline bool
refs_drop(atomic_uint *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

#endif
