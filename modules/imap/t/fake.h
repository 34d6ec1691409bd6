/* fake.h - what IMAP sessions need of the rest, in memory, for tests.
 */
#ifndef IMAP_T_FAKE_H
#define IMAP_T_FAKE_H

#include "modules/imap/imap.h"

/* A server with the account "u@example.org", password "secret", whose mailboxes
 * are INBOX, Archive (special use), Sent and Trash. Sessions on it run like
 * real ones. fake_reset() begins anew. */
struct imap_server *fake_server(void);
void fake_reset(void);
/* What was recent. */
void fake_forget(void);
void fake_free(void);
/* Lets the imap_command hook refuse commands of this name; NULL: none. */
void fake_refuse(const char *name);
/* Messages' bytes are gone, as if another session had expunged and the store
 * had reclaimed them. */
void fake_lose_bodies(void);
/* Opening the body of a message (0: of any) fails with this error; its envelope
 * is lost, too. */
void fake_damage(int error, uint64_t msgid);
uint32_t fake_flags_calls(void);
/* How often a body was opened. */
uint32_t fake_body_opens(void);

extern const struct hm_store_ops fake_store_ops;
extern const struct hm_auth_ops fake_auth_ops;

#endif
