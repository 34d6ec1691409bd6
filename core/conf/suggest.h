/* suggest.h - the nearest of some known words. */
#ifndef HM_CONF_SUGGEST_H
#define HM_CONF_SUGGEST_H

#include <hermod/types.h>

/* Start with { .word = … }, offer every candidate, read best (NULL: nothing is
 * near). Words of more than 64 bytes resemble nothing. */
struct hm_suggest {
	struct hm_str word;
	const char *best;
	size_t distance;
};

void hm_suggest_offer(struct hm_suggest *s, const char *candidate);
/* Offers a candidate, but proposes another word for it (a renamed option). */
void hm_suggest_offer_as(struct hm_suggest *s, const char *candidate,
    const char *proposal);

#endif
