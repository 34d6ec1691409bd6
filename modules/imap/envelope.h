/* envelope.h - one field of a ready-made ENVELOPE (RFC 9051, 7.5.2), as the
 * text that a search looks into.
 */
#ifndef IMAP_ENVELOPE_H
#define IMAP_ENVELOPE_H

#include <hermod/buf.h>
#include <hermod/types.h>

/* In the order in which they stand; none is 0. */
enum imap_envelope {
	IMAP_ENVELOPE_DATE = 1, IMAP_ENVELOPE_SUBJECT = 2,
	IMAP_ENVELOPE_FROM = 3, IMAP_ENVELOPE_SENDER = 4,
	IMAP_ENVELOPE_REPLY_TO = 5, IMAP_ENVELOPE_TO = 6, IMAP_ENVELOPE_CC = 7,
	IMAP_ENVELOPE_BCC = 8,
};

/* Which of them tells of a header field; 0: none of them. */
int imap_envelope_field(struct hm_str name);

/* Appends the field's text with encoded words decoded, addresses in the form
 * "Anna Example <anna@example.org>, friends: bob@example.org"; *ret_there is
 * false where the message has no such field. False for what is no envelope. */
bool imap_envelope_get(struct hm_str envelope, enum imap_envelope field,
    struct hm_buf *ret, bool *ret_there);

#endif
