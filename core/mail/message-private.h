/* message-private.h - a message that another process decides about: what it must
 * know, and what it did. Thread: as <hermod/message.h>. */
#ifndef HERMOD_MAIL_MESSAGE_PRIVATE_H
#define HERMOD_MAIL_MESSAGE_PRIVATE_H

#include <hermod/message.h>

/* The names of fields that were removed, each ended by NUL. */
struct hm_str hm_message_removed(const struct hm_message *msg);

/* There: takes over what the first process says of the message now. */
void hm_message_set_spool(struct hm_message *msg, struct hm_spool *spool);
void hm_message_set_fields(struct hm_message *msg, struct hm_str prefix,
    struct hm_str removed);

/* From now on each change of fields is written down, as hm_message_replay() reads
 * it; NULL ends that. */
void hm_message_set_journal(struct hm_message *msg, struct hm_buf *journal);
/* Does what is written there, with all limits and checks; the other process is not
 * trusted. */
HM_FIBER int hm_message_replay(struct hm_message *msg, struct hm_str journal);

#endif
