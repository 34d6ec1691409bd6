/* suggest.c - "did you mean": edit distance with neighbours swapped. */
#include <hermod/str.h>

#include "suggest.h"

enum { WORD_MAX = 64 };

static char
fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c == '_' ? '-' : c;
}

static uint8_t
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return (uint8_t)(m < c ? m : c);
}

/* Insertions, removals, changes and swaps that turn a into b. */
static size_t
distance(struct hm_str a, struct hm_str b)
{
	uint8_t rows[3][WORD_MAX + 1] = { { 0 } };
	uint8_t *before = rows[0], *last = rows[1], *row = rows[2], *spare;

	for (size_t j = 0; j <= b.len; j++)
		last[j] = (uint8_t)j;
	for (size_t i = 1; i <= a.len; i++) {
		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= b.len; j++) {
			char ca = fold(a.p[i - 1]), cb = fold(b.p[j - 1]);

			row[j] = min3(last[j] + 1u, row[j - 1] + 1u,
			    last[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == fold(b.p[j - 2]) &&
			    fold(a.p[i - 2]) == cb && before[j - 2] + 1 < row[j])
				row[j] = (uint8_t)(before[j - 2] + 1);
		}
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[b.len];
}

void
hm_suggest_offer_as(struct hm_suggest *s, const char *candidate,
    const char *proposal)
{
	struct hm_str c = hm_str(candidate);
	size_t longer = c.len > s->word.len ? c.len : s->word.len;
	size_t d;

	if (c.len > WORD_MAX || s->word.len > WORD_MAX || s->word.len == 0)
		return;
	d = distance(s->word, c);
	/* A third of the word may be wrong; of a short one, one letter. */
	if (d > (longer < 6 ? 1 : longer / 3) || d >= longer)
		return;
	if (s->best == NULL || d < s->distance) {
		s->best = proposal;
		s->distance = d;
	}
}

void
hm_suggest_offer(struct hm_suggest *s, const char *candidate)
{
	hm_suggest_offer_as(s, candidate, candidate);
}
