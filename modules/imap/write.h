/* write.h - the forms in which IMAP says things (RFC 9051, 7 and 9).
 *
 * All append to a buffer; none suspends.
 */
#ifndef IMAP_WRITE_H
#define IMAP_WRITE_H

#include <hermod/buf.h>
#include <hermod/iface/store_types.h>
#include <hermod/types.h>

/* Fast decimal. */
void imap_put_u32(struct hm_buf *out, uint32_t n);
/* Text of a status line: control and 8-bit bytes replaced. */
void imap_put_text(struct hm_buf *out, struct hm_str text);
/* An atom where that can be, else quoted, else a literal. */
void imap_put_astring(struct hm_buf *out, struct hm_str s, bool utf8);
/* Quoted or a literal. */
void imap_put_string(struct hm_buf *out, struct hm_str s, bool utf8);
/* A mailbox name (UTF-8), as modified UTF-7 unless utf8. */
void imap_put_mailbox(struct hm_buf *out, struct hm_str name, bool utf8);
/* "1:3,5"; nothing for an empty set. */
void imap_put_uidset(struct hm_buf *out, const struct hm_uidset *set);
/* "\Seen $Forwarded label", without parentheses. */
enum { IMAP_FLAG_RECENT = 1 << 16 }; /* besides enum hm_flag */
void imap_put_flags(struct hm_buf *out, unsigned flags, uint64_t bits,
    const struct hm_mailbox *box);
/* "17-Jul-1996 02:44:25 +0000" in quotes. */
void imap_put_datetime(struct hm_buf *out, int64_t unix_s);

/* The flag lists of many messages, most of them the same as the one before. */
struct imap_flag_memo {
	bool filled;
	unsigned flags;
	uint64_t bits;
	struct hm_buf text;    /* release it */
};
void imap_put_flags_memo(struct hm_buf *out, struct imap_flag_memo *memo,
    unsigned flags, uint64_t bits, const struct hm_mailbox *box);

#endif
