/* match.h - mailbox patterns of LIST and LSUB (RFC 9051, 6.3.9).
 */
#ifndef IMAP_MATCH_H
#define IMAP_MATCH_H

#include <hermod/types.h>

/* Whether name matches: "*" stands for any run of characters, "%" for one
 * without "/". No recursion, no exponential case: the time is bounded by the
 * product of the lengths. */
bool imap_match(struct hm_str pattern, struct hm_str name);

#endif
