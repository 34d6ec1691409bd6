/* recent.h - which messages are \Recent (RFC 3501, 2.3.2).
 *
 * IMAP4rev2 gave the flag up: a session that enabled it has no recent messages,
 * but what it was told of is recent nowhere else. The first session that selects
 * a mailbox and learns of a message has it as \Recent until it deselects. What
 * the server remembers for that is one number for each mailbox, in memory: every
 * uid below it has been told to some session.
 */
#ifndef IMAP_RECENT_H
#define IMAP_RECENT_H

#include <hermod/iface/store_types.h>
#include <hermod/types.h>

struct imap;
struct imap_selected;

/* Kept while generations change; loop 0. */
struct imap_recent;
struct imap_recent *imap_recent_new(void);
void imap_recent_free(struct imap_recent *r);

/* The view of the selected mailbox is a new one: what nobody was told of is
 * recent in this session, and in no other unless it only examines. */
void imap_recent_take(struct imap *s);
/* Messages that are recent in this session: ranges of uids. */
struct hm_uidset imap_recent_set(const struct imap_selected *sel);
uint32_t imap_recent_count(const struct imap_selected *sel);
/* Those that would be recent for who selects the mailbox now. */
HM_FIBER uint32_t imap_recent_status(struct imap *s,
    const struct hm_mailbox *box);

#endif
