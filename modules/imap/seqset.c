/* seqset.c - sequence sets. */
#include <hermod/arena.h>

#include "seqset.h"

static bool
take_number(struct imap_parse *p, bool plain, struct imap_seqset *set,
    uint32_t *ret)
{
	if (!plain && imap_p_maybe(p, '*')) {
		set->star = true;
		*ret = 0;
		return true;
	}
	if (!imap_p_nznumber(p, ret))
		return false;
	if (*ret > set->max)
		set->max = *ret;
	return true;
}

/* One more than the commas that are next among the characters of a set. */
static size_t
count_ranges(const struct imap_parse *p)
{
	const char *q;
	size_t n = 1;

	for (q = p->p; q < p->end; q++) {
		if (*q == ',')
			n++;
		else if ((*q < '0' || *q > '9') && *q != ':' && *q != '*')
			break;
	}
	return n;
}

static bool
take_set(struct imap_parse *p, bool plain, struct imap_seqset *ret)
{
	struct imap_seqset set = { 0 };
	size_t cap = count_ranges(p);
	struct hm_uidrange *r;

	set.at = hm_alloc_array(p->arena, cap, sizeof(*set.at));
	do {
		r = &set.at[set.n++];
		if (!take_number(p, plain, &set, &r->first))
			return false;
		r->last = r->first;
		if (imap_p_maybe(p, ':') &&
		    !take_number(p, plain, &set, &r->last))
			return false;
	} while (set.n < cap && imap_p_maybe(p, ','));
	*ret = set;
	return true;
}

bool
imap_p_seqset(struct imap_parse *p, struct imap_seqset *ret)
{
	if (imap_p_maybe(p, '$')) {
		*ret = (struct imap_seqset){ .saved = true };
		return true;
	}
	return take_set(p, false, ret);
}

bool
imap_p_plainset(struct imap_parse *p, struct imap_seqset *ret)
{
	return take_set(p, true, ret);
}

void
imap_seqset_resolve(const struct imap_seqset *set, uint32_t largest,
    struct hm_arena *arena, struct hm_uidset *ret)
{
	struct hm_uidset_builder b = { 0 };
	uint32_t first, last;
	size_t i;

	for (i = 0; i < set->n; i++) {
		first = set->at[i].first ? set->at[i].first : largest;
		last = set->at[i].last ? set->at[i].last : largest;
		if (!first || !last)
			continue;
		/* "5:2" is "2:5" (RFC 9051, 9, seq-range). */
		hm_uidset_add(&b, first < last ? first : last,
		    first < last ? last : first);
	}
	hm_uidset_take(&b, arena, ret);
}
