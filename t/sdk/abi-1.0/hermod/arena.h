/* arena.h - memory that is freed together, with clean-ups.
 *
 * Arenas form a tree: process, generation, session, message, call. Freeing one
 * frees its children first, then runs its clean-ups in reverse order, then
 * releases its memory. Allocation never returns NULL: out of memory ends the
 * process. Thread: one thread at a time; a child used on another thread than
 * its parent must be created with a NULL parent.
 */
#ifndef HERMOD_ARENA_H
#define HERMOD_ARENA_H

#include <hermod/types.h>

/* name: a static string for diagnostics. The first block is small (a few
 * hundred bytes), so that an idle session costs little. */
HM_API struct hm_arena *hm_arena_new(struct hm_arena *parent, const char *name);
/* NULL is accepted. */
HM_API void hm_arena_free(struct hm_arena *arena);
/* Children, clean-ups and memory go; the arena itself stays usable. */
HM_API void hm_arena_clear(struct hm_arena *arena);

/* Zeroed, aligned for any type. */
HM_API void *hm_alloc(struct hm_arena *arena, size_t bytes);
/* Zeroed n * size bytes; an overflow of the product ends the process. */
HM_API void *hm_alloc_array(struct hm_arena *arena, size_t n, size_t size);
#define hm_new(arena, type) ((type *)hm_alloc((arena), sizeof(type)))

/* NUL-terminated copies. */
HM_API char *hm_strdup(struct hm_arena *arena, const char *s);
HM_API char *hm_strndup(struct hm_arena *arena, const char *s, size_t len);
HM_API char *hm_printf(struct hm_arena *arena, const char *fmt, ...)
    HM_PRINTF(2, 3);

/* Runs fn(arg) when the arena is freed or cleared. */
HM_API void hm_on_free(struct hm_arena *arena, void (*fn)(void *arg), void *arg);

/* Soft limit in bytes over the arena and its children; 0 means none. Crossing
 * it does not fail the allocation: hm_arena_over() turns true and the owner
 * ends its work with a temporary error. */
HM_API void hm_arena_set_limit(struct hm_arena *arena, size_t bytes);
HM_API bool hm_arena_over(const struct hm_arena *arena);
HM_API size_t hm_arena_bytes(const struct hm_arena *arena);

/* Heap memory outside arenas, for objects with a life of their own. Zeroed,
 * never NULL. free() releases them. */
HM_API void *hm_xalloc(size_t bytes);
HM_API void *hm_xrealloc(void *p, size_t bytes); /* growth is not zeroed */

/* Overwrites secrets in a way the compiler keeps. */
HM_API void hm_wipe(void *p, size_t len);

#endif
