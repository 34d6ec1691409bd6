/* seqset.h - sequence sets: "1:3,5,7:*", and "$" (RFC 9051, 9; RFC 5182).
 */
#ifndef IMAP_SEQSET_H
#define IMAP_SEQSET_H

#include <hermod/iface/store_types.h>
#include <hermod/types.h>

#include "parse.h"

/* As written; 0 stands for "*". */
struct imap_seqset {
	bool saved;            /* "$": the saved search result, no ranges */
	bool star;             /* "*" occurs */
	uint32_t max;          /* the largest number that was written */
	size_t n;
	struct hm_uidrange *at;
};
bool imap_p_seqset(struct imap_parse *p, struct imap_seqset *ret);
/* The same without "*" and "$", as uid sets of some extensions are. */
bool imap_p_plainset(struct imap_parse *p, struct imap_seqset *ret);

/* Sorted and disjoint, with "*" replaced by largest; where that is 0 (an empty
 * mailbox) a range with "*" is left out. Not for "$". */
void imap_seqset_resolve(const struct imap_seqset *set, uint32_t largest,
    struct hm_arena *arena, struct hm_uidset *ret);

#endif
