/* uidset.c - sorted, disjoint ranges of uids. */
#include <hermod/arena.h>
#include <hermod/iface/store_types.h>

#include <stdlib.h>
#include <string.h>

bool
hm_uidset_has(const struct hm_uidset *set, uint32_t uid)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (set->at[mid].last < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < set->n && set->at[low].first <= uid;
}

uint64_t
hm_uidset_count(const struct hm_uidset *set)
{
	uint64_t count = 0;
	size_t i;

	for (i = 0; i < set->n; i++)
		count += (uint64_t)set->at[i].last - set->at[i].first + 1;
	return count;
}

/* Whether a range that begins at first, not before that of r, is one with r. */
static bool
joins(const struct hm_uidrange *r, uint32_t first)
{
	return r->last == UINT32_MAX || first <= r->last + 1;
}

void
hm_uidset_add(struct hm_uidset_builder *b, uint32_t first, uint32_t last)
{
	if (first > last) {
		uint32_t swap = first;

		first = last;
		last = swap;
	}
	if (b->n > 0) {
		struct hm_uidrange *r = &b->at[b->n - 1];

		if (first >= r->first && joins(r, first)) {
			if (last > r->last)
				r->last = last;
			return;
		}
		if (first < r->first)
			b->unsorted = true;
	}
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 8;
		b->at = hm_xrealloc(b->at, b->cap * sizeof(*b->at));
	}
	b->at[b->n++] = (struct hm_uidrange){ first, last };
}

static int
by_first(const void *va, const void *vb)
{
	const struct hm_uidrange *a = va, *b = vb;

	return a->first < b->first ? -1 : a->first > b->first;
}

static void
normalise(struct hm_uidset_builder *b)
{
	size_t i, n = 0;

	if (!b->unsorted)
		return;
	qsort(b->at, b->n, sizeof(*b->at), by_first);
	for (i = 1; i < b->n; i++) {
		struct hm_uidrange *r = &b->at[n];

		if (!joins(r, b->at[i].first))
			b->at[++n] = b->at[i];
		else if (b->at[i].last > r->last)
			r->last = b->at[i].last;
	}
	b->n = n + 1;
	b->unsorted = false;
}

void
hm_uidset_take(struct hm_uidset_builder *b, struct hm_arena *arena,
    struct hm_uidset *ret)
{
	struct hm_uidrange *at = NULL;

	normalise(b);
	if (b->n > 0) {
		at = hm_alloc_array(arena, b->n, sizeof(*at));
		memcpy(at, b->at, b->n * sizeof(*at));
	}
	*ret = (struct hm_uidset){ .n = b->n, .at = at };
	hm_uidset_release(b);
}

void
hm_uidset_release(struct hm_uidset_builder *b)
{
	free(b->at);
	memset(b, 0, sizeof(*b));
}
