/* die.h - the end of the process for what must not be survived: no memory, a
 * broken invariant. Input never gets here. */
#ifndef CORE_BASE_DIE_H
#define CORE_BASE_DIE_H

#include <hermod/types.h>

/* Writes "hermod: text" to standard error and aborts. */
_Noreturn void hm_die(const char *fmt, ...) HM_PRINTF(1, 2);

/* On the heap, like hm_xalloc(). */
char *hm_xstrdup(const char *s);

#endif
