/* arena.c - memory that is freed together, with clean-ups. */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>

#include "arena-private.h"
#include "die.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#endif

/* Under ASan the room that is not given out is poisoned, with a gap between
 * allocations, so that a byte too far is found within arenas as well. */
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#define GAP 16
#define poison(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define unpoison(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define GAP 0
#define poison(p, n) ((void)(p), (void)(n))
#define unpoison(p, n) ((void)(p), (void)(n))
#endif

/* Blocks double from the first, which lies behind the arena itself. */
#define FIRST_BYTES 512
#define LARGEST_BLOCK (64u << 10)
#define ALIGN 16

struct block {
	struct block *next;
	size_t bytes;          /* whole allocation */
};

struct cleanup {
	struct cleanup *next;
	void (*fn)(void *arg);
	void *arg;
};

struct hm_arena {
	const char *name;
	struct hm_arena *parent, *children, *next, *prev;
	struct cleanup *cleanups;
	struct block *blocks;  /* newest first; the first block is not in it */
	char *at, *end;        /* free room in the current block */
	size_t limit;
	size_t bytes;          /* of this arena and all below it */
	size_t next_bytes;     /* size of the next block */
	bool tracked;          /* a root in the list of roots */
};

static struct {
	atomic_bool on;
	pthread_mutex_t lock;
	struct hm_arena *first;        /* linked like children */
} roots = { .lock = PTHREAD_MUTEX_INITIALIZER };

static size_t
aligned(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static void
account(struct hm_arena *arena, size_t bytes, bool add)
{
	for (; arena; arena = arena->parent)
		arena->bytes = add ? arena->bytes + bytes :
		    arena->bytes - bytes;
}

static void
to_start(struct hm_arena *arena)
{
	arena->at = (char *)arena + aligned(sizeof(*arena));
	arena->end = (char *)arena + FIRST_BYTES;
	arena->next_bytes = 2 * FIRST_BYTES;
	unpoison(arena->at, (size_t)(arena->end - arena->at));
	memset(arena->at, 0, (size_t)(arena->end - arena->at));
	poison(arena->at, (size_t)(arena->end - arena->at));
}

/* ---- roots ---- */

void
hm_arena_track(bool on)
{
	atomic_store(&roots.on, on);
}

void
hm_arena_each_root(void (*fn)(const char *name, size_t bytes, void *arg),
    void *arg)
{
	struct hm_arena *arena;

	pthread_mutex_lock(&roots.lock);
	for (arena = roots.first; arena; arena = arena->next)
		fn(arena->name, arena->bytes, arg);
	pthread_mutex_unlock(&roots.lock);
}

/* The name is a literal of code that may be unloaded before it is told. */
static void
track(struct hm_arena *arena)
{
	size_t len = strlen(arena->name);
	char *name = hm_xalloc(len + 1);

	memcpy(name, arena->name, len);
	arena->name = name;
	arena->tracked = true;
	pthread_mutex_lock(&roots.lock);
	arena->next = roots.first;
	if (arena->next)
		arena->next->prev = arena;
	roots.first = arena;
	pthread_mutex_unlock(&roots.lock);
}

static void
untrack(struct hm_arena *arena)
{
	pthread_mutex_lock(&roots.lock);
	if (arena->next)
		arena->next->prev = arena->prev;
	if (arena->prev)
		arena->prev->next = arena->next;
	else
		roots.first = arena->next;
	pthread_mutex_unlock(&roots.lock);
	free((char *)(uintptr_t)arena->name);
}

struct hm_arena *
hm_arena_new(struct hm_arena *parent, const char *name)
{
	struct hm_arena *arena = hm_xalloc(FIRST_BYTES);

	arena->name = name;
	arena->parent = parent;
	to_start(arena);
	if (parent) {
		arena->next = parent->children;
		if (arena->next)
			arena->next->prev = arena;
		parent->children = arena;
	} else if (atomic_load_explicit(&roots.on, memory_order_relaxed)) {
		track(arena);
	}
	account(arena, FIRST_BYTES, true);
	return arena;
}

/* The deepest first child below arena, or arena itself: children are freed
 * without recursion, so that depth costs no stack. */
static struct hm_arena *
deepest(struct hm_arena *arena)
{
	while (arena->children)
		arena = arena->children;
	return arena;
}

static void
run_cleanups(struct hm_arena *arena)
{
	struct cleanup *c;

	/* A clean-up may register another one. */
	while ((c = arena->cleanups) != NULL) {
		arena->cleanups = c->next;
		c->fn(c->arg);
	}
}

static void
free_blocks(struct hm_arena *arena)
{
	struct block *b, *next;

	for (b = arena->blocks; b; b = next) {
		next = b->next;
		account(arena, b->bytes, false);
		unpoison(b, b->bytes);
		free(b);
	}
	arena->blocks = NULL;
}

static void
unlink_arena(struct hm_arena *arena)
{
	if (!arena->parent) {
		if (arena->tracked)
			untrack(arena);
		return;
	}
	if (arena->next)
		arena->next->prev = arena->prev;
	if (arena->prev)
		arena->prev->next = arena->next;
	else
		arena->parent->children = arena->next;
}

static void
free_one(struct hm_arena *arena)
{
	run_cleanups(arena);
	if (arena->children) /* made by a clean-up */
		return;
	free_blocks(arena);
	account(arena, FIRST_BYTES, false);
	unlink_arena(arena);
	unpoison(arena, FIRST_BYTES);
	free(arena);
}

void
hm_arena_clear(struct hm_arena *arena)
{
	do {
		while (arena->children)
			free_one(deepest(arena));
		run_cleanups(arena);
	} while (arena->children);
	free_blocks(arena);
	to_start(arena);
}

void
hm_arena_free(struct hm_arena *arena)
{
	if (!arena)
		return;
	while (arena->children)
		free_one(deepest(arena));
	run_cleanups(arena);
	if (arena->children || arena->cleanups) {
		hm_arena_free(arena);
		return;
	}
	free_one(arena);
}

/* A request that is large beside the next block gets one of its own, so that
 * the room left in the current one is not lost. */
static void *
alloc_block(struct hm_arena *arena, size_t bytes)
{
	size_t head = aligned(sizeof(struct block));
	bool own = bytes > arena->next_bytes / 2;
	size_t total = own ? head + bytes : arena->next_bytes;
	struct block *b = hm_xalloc(total);
	char *p = (char *)b + head;

	b->bytes = total;
	b->next = arena->blocks;
	arena->blocks = b;
	account(arena, total, true);
	poison(p, total - head);
	if (!own) {
		arena->at = p + bytes;
		arena->end = (char *)b + total;
		if (arena->next_bytes < LARGEST_BLOCK)
			arena->next_bytes *= 2;
	}
	return p;
}

void *
hm_alloc(struct hm_arena *arena, size_t bytes)
{
	size_t room;
	void *p;

	if (bytes > SIZE_MAX / 4)
		hm_die("allocation of %zu bytes", bytes);
	room = aligned(bytes ? bytes : 1) + GAP;
	if (room > (size_t)(arena->end - arena->at)) {
		p = alloc_block(arena, room);
	} else {
		p = arena->at;
		arena->at += room;
	}
	unpoison(p, bytes);
	return p;
}

void *
hm_alloc_array(struct hm_arena *arena, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		hm_die("allocation of %zu times %zu bytes", n, size);
	return hm_alloc(arena, bytes);
}

char *
hm_strndup(struct hm_arena *arena, const char *s, size_t len)
{
	char *copy = hm_alloc(arena, len + 1);

	if (len)
		memcpy(copy, s, len);
	return copy;
}

char *
hm_strdup(struct hm_arena *arena, const char *s)
{
	return hm_strndup(arena, s, strlen(s));
}

char *
hm_printf(struct hm_arena *arena, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		hm_die("bad format \"%s\"", fmt);
	p = hm_alloc(arena, (size_t)len + 1);
	vsnprintf(p, (size_t)len + 1, fmt, again);
	va_end(again);
	return p;
}

void
hm_on_free(struct hm_arena *arena, void (*fn)(void *arg), void *arg)
{
	struct cleanup *c = hm_new(arena, struct cleanup);

	c->fn = fn;
	c->arg = arg;
	c->next = arena->cleanups;
	arena->cleanups = c;
}

void
hm_arena_set_limit(struct hm_arena *arena, size_t bytes)
{
	arena->limit = bytes;
}

bool
hm_arena_over(const struct hm_arena *arena)
{
	for (; arena; arena = arena->parent)
		if (arena->limit && arena->bytes > arena->limit)
			return true;
	return false;
}

size_t
hm_arena_bytes(const struct hm_arena *arena)
{
	return arena->bytes;
}
