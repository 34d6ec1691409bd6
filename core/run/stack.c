/* stack.c - stacks for fibers: mapped, guarded, kept for reuse.
 *
 * A stack costs address space, not memory: one page is touched at first. Making
 * one costs about 7 us (mmap, guard, page fault), hence the free list, whose
 * links live in the free stacks themselves.
 */
#include "stack.h"
#include "switch.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if HM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef VALGRIND_STACK_REGISTER
#define VALGRIND_STACK_REGISTER(low, high) (0)
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#define RUNNING_ON_VALGRIND 0
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum {
	STACK_BYTES = (HM_ASAN ? 256 : 128) * 1024,
	GUARD_BYTES = 4096,        /* a page; rounded up to larger pages */
	KEEP_WARM = 32,            /* free stacks that keep their pages */
	KEEP_MAPPED = 1024,        /* free stacks that keep their mapping */
};

struct free_stack {
	struct free_stack *next;
	struct hm_stack stack;
};

static struct free_stack *free_list;
static unsigned free_count;
static bool guard_by_mprotect;

static size_t
guard_size(void)
{
	static size_t size;

	if (size == 0) {
		long page = sysconf(_SC_PAGESIZE);

		size = page > GUARD_BYTES ? (size_t)page : GUARD_BYTES;
	}
	return size;
}

/* A guard by mprotect costs a mapping of its own, of which the kernel allows
 * 65530: some 32,000 fibers. The newer call costs none. */
static bool
guard(char *p)
{
	if (!guard_by_mprotect) {
		if (madvise(p, guard_size(), MADV_GUARD_INSTALL) == 0)
			return true;
		guard_by_mprotect = true;
	}
	return mprotect(p, guard_size(), PROT_NONE) == 0;
}

static bool
map_stack(struct hm_stack *ret)
{
	char *p = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (p == MAP_FAILED)
		return false;
	/* A huge page would make an idle session cost 2 MiB. */
	(void)madvise(p, STACK_BYTES, MADV_NOHUGEPAGE);
	if (!guard(p)) {
		munmap(p, STACK_BYTES);
		return false;
	}
	ret->bottom = p + guard_size();
	ret->top = p + STACK_BYTES;
	ret->valgrind_id = (unsigned)VALGRIND_STACK_REGISTER(ret->bottom,
	    ret->top - 1);
#if HM_ASAN
	__lsan_register_root_region(ret->bottom,
	    (size_t)(ret->top - ret->bottom));
#endif
	return true;
}

static void
unmap_stack(const struct hm_stack *stack)
{
	VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
#if HM_ASAN
	__lsan_unregister_root_region(stack->bottom,
	    (size_t)(stack->top - stack->bottom));
#endif
	munmap(stack->top - STACK_BYTES, STACK_BYTES);
}

static struct free_stack *
link_of(const struct hm_stack *stack)
{
	return (struct free_stack *)(void *)(stack->top -
	    sizeof(struct free_stack));
}

bool
hm_stack_get(struct hm_stack *ret)
{
	if (!free_list)
		return map_stack(ret);
	*ret = free_list->stack;
	free_list = free_list->next;
	free_count--;
	return true;
}

void
hm_stack_put(const struct hm_stack *stack)
{
	struct hm_stack s = *stack;
	struct free_stack *link;

#if HM_ASAN
	__asan_unpoison_memory_region(s.bottom, (size_t)(s.top - s.bottom));
#endif
	if (free_count >= KEEP_MAPPED) {
		unmap_stack(&s);
		return;
	}
	if (free_count >= KEEP_WARM)
		hm_stack_trim(&s, link_of(&s));
	link = link_of(&s);
	link->stack = s;
	link->next = free_list;
	free_list = link;
	free_count++;
}

bool
hm_stack_reserve(void)
{
	struct hm_stack s;

	if (free_list)
		return true;
	if (!map_stack(&s))
		return false;
	hm_stack_put(&s);
	return true;
}

void
hm_stack_trim(const struct hm_stack *stack, const void *keep_from)
{
	uintptr_t page = guard_size();
	uintptr_t low = (uintptr_t)stack->bottom;
	uintptr_t high = (uintptr_t)keep_from & ~(page - 1);

	if (high > low)
		(void)madvise(stack->bottom, high - low, MADV_DONTNEED);
}

bool
hm_under_valgrind(void)
{
	return RUNNING_ON_VALGRIND;
}

void
hm_stacks_release(void)
{
	while (free_list) {
		struct hm_stack s = free_list->stack;

		free_list = free_list->next;
		unmap_stack(&s);
	}
	free_count = 0;
}
