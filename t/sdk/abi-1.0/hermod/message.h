/* message.h - the message under decision, and its delivery to one account.
 *
 * Made by the module that received it; hooks read it, add and remove fields,
 * and choose where it goes. Nothing is stored before the last hook agreed.
 * Thread: the session's fiber. Strings are borrowed, valid while the message
 * lives and no field is changed.
 */
#ifndef HERMOD_MESSAGE_H
#define HERMOD_MESSAGE_H

#include <hermod/types.h>

struct hm_spool;
struct hm_mime;
struct hm_delivery;

/* Takes over the spool (the bytes as received, CRLF line ends). */
HM_API struct hm_message *hm_message_new(struct hm_arena *parent,
    struct hm_spool *spool);
HM_API void hm_message_free(struct hm_message *msg); /* with the spool */
HM_API struct hm_arena *hm_message_arena(struct hm_message *msg);
HM_API struct hm_spool *hm_message_spool(struct hm_message *msg);

/* Envelope. The null reverse path is an address whose local part is empty. */
HM_API void hm_message_set_sender(struct hm_message *msg,
    const struct hm_addr *sender);
HM_API const struct hm_addr *hm_message_sender(const struct hm_message *msg);
HM_API void hm_message_add_rcpt(struct hm_message *msg,
    const struct hm_addr *rcpt);
HM_API size_t hm_message_rcpts(const struct hm_message *msg);
HM_API const struct hm_addr *hm_message_rcpt(const struct hm_message *msg,
    size_t i);

/* Bytes of the message as received, header and body, without added fields. */
HM_API uint64_t hm_message_size(const struct hm_message *msg);
/* Reads the message as received; returns the count, 0 at the end. */
HM_API HM_FIBER ssize_t hm_message_read(struct hm_message *msg, uint64_t offset,
    void *p, size_t len);

/* The nth field (from 0, top first) of that name as received, unfolded and
 * trimmed; {NULL,0} where there is none. Fields added by hooks are found too,
 * removed ones are not. */
HM_API HM_FIBER struct hm_str hm_message_field(struct hm_message *msg,
    const char *name, size_t n);
/* Puts "name: value" above everything added so far. The value is folded;
 * -HM_EINVAL if name or value could break the header apart (CR, LF, NUL). */
HM_API int hm_message_add_field(struct hm_message *msg, const char *name,
    const char *value);
/* Drops all fields of that name from what will be stored; returns how many. */
HM_API HM_FIBER int hm_message_remove_field(struct hm_message *msg,
    const char *name);
/* The fields added so far, as they will stand above the message. */
HM_API struct hm_str hm_message_prefix(const struct hm_message *msg);
/* The bytes to be stored below the prefix: the spool as received, or a new one
 * with removed fields left out. Owned by the message. */
HM_API HM_FIBER int hm_message_final(struct hm_message *msg,
    struct hm_spool **ret, struct hm_err *reterr);

/* The MIME structure of the message as received; parsed once, by a worker. */
HM_API HM_FIBER int hm_message_mime(struct hm_message *msg,
    const struct hm_mime **ret);

/* One recipient's delivery, as the deliver hook sees it. */
HM_API struct hm_delivery *hm_delivery_new(struct hm_message *msg,
    struct hm_str account, const struct hm_addr *rcpt);
HM_API struct hm_message *hm_delivery_message(const struct hm_delivery *d);
HM_API struct hm_str hm_delivery_account(const struct hm_delivery *d);
HM_API const struct hm_addr *hm_delivery_rcpt(const struct hm_delivery *d);
/* UTF-8 mailbox name with "/"; "INBOX" unless set. Created if it is missing. */
HM_API struct hm_str hm_delivery_mailbox(const struct hm_delivery *d);
HM_API int hm_delivery_set_mailbox(struct hm_delivery *d, struct hm_str name);
/* System flags (HM_FLAG_… of iface/store.h) and keywords to set at once. */
HM_API unsigned hm_delivery_flags(const struct hm_delivery *d);
HM_API void hm_delivery_set_flags(struct hm_delivery *d, unsigned flags);
HM_API int hm_delivery_add_keyword(struct hm_delivery *d, struct hm_str keyword);
HM_API size_t hm_delivery_keywords(const struct hm_delivery *d);
HM_API struct hm_str hm_delivery_keyword(const struct hm_delivery *d, size_t i);

#endif
