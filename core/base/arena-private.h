/* arena-private.h - which arenas live, for tests. Thread: any. */
#ifndef HERMOD_BASE_ARENA_PRIVATE_H
#define HERMOD_BASE_ARENA_PRIVATE_H

#include <hermod/arena.h>

/* Lists the arenas that are made without a parent from now on. */
void hm_arena_track(bool on);
/* Calls fn for each of those that was not freed. */
void hm_arena_each_root(void (*fn)(const char *name, size_t bytes, void *arg),
    void *arg);

#endif
