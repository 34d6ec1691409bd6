/* stack.h - stacks for fibers: mapped, guarded, kept for reuse. Loop thread. */
#ifndef HERMOD_RUN_STACK_H
#define HERMOD_RUN_STACK_H

#include <stdbool.h>
#include <stddef.h>

/* bottom is the lowest usable byte (the guard lies below it), top the first
 * byte behind. */
struct hm_stack {
	char *bottom;
	char *top;
	unsigned valgrind_id;
};

/* False when the kernel gives no more memory or mappings. */
bool hm_stack_get(struct hm_stack *ret);
void hm_stack_put(const struct hm_stack *stack);
/* Makes sure that the next hm_stack_get() succeeds. */
bool hm_stack_reserve(void);
/* Gives back the pages of a suspended fiber's stack below keep_from. */
void hm_stack_trim(const struct hm_stack *stack, const void *keep_from);
bool hm_under_valgrind(void);
/* Unmaps all stacks that are not in use. */
void hm_stacks_release(void);

#endif
