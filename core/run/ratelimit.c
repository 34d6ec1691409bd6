/* ratelimit.c - counting per address class in a fixed window.
 *
 * Each address counts in three classes; a request that would cross the limit of
 * any of them is refused and counts in none. When the window moves on, all
 * counts are dropped. The table is bounded: a windowed one starts over when it
 * is full, a held one refuses newcomers.
 */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/net.h>
#include <hermod/rand.h>

#include "core/base/hash.h"

enum {
	CLASSES = 3,
	SLOTS_FIRST = 64,
	SLOTS_MAX = 1 << 18,
};

struct slot {
	uint8_t key[18];       /* class + 1, family, masked address */
	unsigned count;        /* 0: free, or a tombstone if key[0] is set */
};

struct hm_ratelimit {
	int64_t window_ms;
	int64_t window;        /* index of the current one */
	unsigned limit[CLASSES];
	uint64_t seed[2];
	struct slot *slots;
	size_t cap;
	size_t used, live;     /* slots with a key; those with a count as well */
};

static const uint8_t bits4[CLASSES] = { 32, 26, 21 };
static const uint8_t bits6[CLASSES] = { 64, 48, 32 };

struct hm_ratelimit *
hm_ratelimit_new(int64_t window_ms, const unsigned limit[3])
{
	struct hm_ratelimit *rl = hm_xalloc(sizeof(*rl));

	rl->window_ms = window_ms;
	memcpy(rl->limit, limit, sizeof(rl->limit));
	hm_random(rl->seed, sizeof(rl->seed));
	return rl;
}

void
hm_ratelimit_free(struct hm_ratelimit *rl)
{
	if (!rl)
		return;
	free(rl->slots);
	free(rl);
}

static void
make_key(const struct hm_sockaddr *addr, int class, uint8_t key[18])
{
	unsigned bits = addr->family == 4 ? bits4[class] : bits6[class];
	size_t i;

	memset(key, 0, 18);
	key[0] = (uint8_t)(class + 1);
	key[1] = addr->family;
	for (i = 0; i * 8 < bits; i++) {
		unsigned keep = bits - (unsigned)i * 8;

		key[2 + i] = keep >= 8 ? addr->ip[i] :
		    addr->ip[i] & (uint8_t)(0xff00 >> keep);
	}
}

/* The key's slot, or the free one where it would go. */
static struct slot *
probe(struct hm_ratelimit *rl, const uint8_t key[18])
{
	struct hm_str s = { (const char *)key, 18 };
	size_t i = (size_t)hm_siphash(rl->seed, s) & (rl->cap - 1);

	while (rl->slots[i].key[0] && memcmp(rl->slots[i].key, key, 18) != 0)
		i = (i + 1) & (rl->cap - 1);
	return &rl->slots[i];
}

static void
drop_all(struct hm_ratelimit *rl)
{
	free(rl->slots);
	rl->slots = NULL;
	rl->cap = rl->used = rl->live = 0;
}

static void
rehash(struct hm_ratelimit *rl, size_t cap)
{
	struct slot *old = rl->slots;
	size_t n = rl->cap, i;

	rl->slots = hm_xalloc(cap * sizeof(*rl->slots));
	rl->cap = cap;
	rl->used = 0;
	for (i = 0; i < n; i++) {
		if (old[i].count == 0)
			continue;
		*probe(rl, old[i].key) = old[i];
		rl->used++;
	}
	free(old);
}

/* Makes sure that three more keys fit. */
static bool
make_room(struct hm_ratelimit *rl)
{
	bool crowded = rl->live * 2 >= rl->cap;

	if (rl->cap && (rl->used + CLASSES) * 4 <= rl->cap * 3)
		return true;
	if (crowded && rl->cap >= SLOTS_MAX) {
		if (rl->window_ms == 0)
			return false;
		drop_all(rl);
	}
	rehash(rl, rl->cap == 0 ? SLOTS_FIRST :
	    crowded ? rl->cap * 2 : rl->cap);
	return true;
}

static void
move_window(struct hm_ratelimit *rl)
{
	int64_t window;

	if (rl->window_ms == 0)
		return;
	window = hm_now_ms() / rl->window_ms;
	if (window != rl->window)
		drop_all(rl);
	rl->window = window;
}

static void
add_to(struct hm_ratelimit *rl, const uint8_t key[18], int64_t n)
{
	struct slot *slot = probe(rl, key);
	int64_t count = (int64_t)slot->count + n;

	if (count < 0)
		count = 0;
	if (!slot->key[0]) {
		if (count == 0)
			return;
		memcpy(slot->key, key, 18);
		rl->used++;
	}
	rl->live += (count > 0) - (slot->count > 0);
	slot->count = (unsigned)count;
}

bool
hm_ratelimit_add(struct hm_ratelimit *rl, const struct hm_sockaddr *addr, int n)
{
	uint8_t key[CLASSES][18];
	int i;

	if (addr->family != 4 && addr->family != 6)
		return true;
	move_window(rl);
	if (n > 0 ? !make_room(rl) : !rl->cap)
		return n <= 0;
	for (i = 0; i < CLASSES; i++) {
		make_key(addr, i, key[i]);
		if (n > 0 && rl->limit[i] &&
		    (uint64_t)probe(rl, key[i])->count + (unsigned)n >
		    rl->limit[i])
			return false;
	}
	for (i = 0; i < CLASSES; i++)
		add_to(rl, key[i], n);
	return true;
}

void
hm_ratelimit_reset(struct hm_ratelimit *rl, const struct hm_sockaddr *addr)
{
	uint8_t key[18];
	unsigned count;
	int i;

	if (addr->family != 4 && addr->family != 6)
		return;
	move_window(rl);
	if (!rl->cap)
		return;
	make_key(addr, 0, key);
	count = probe(rl, key)->count;
	for (i = 0; i < CLASSES && count; i++) {
		make_key(addr, i, key);
		add_to(rl, key, -(int64_t)count);
	}
}
