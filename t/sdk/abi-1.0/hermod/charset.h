/* charset.h - text of any charset to UTF-8, and caseless search in it.
 *
 * Thread: any.
 */
#ifndef HERMOD_CHARSET_H
#define HERMOD_CHARSET_H

#include <hermod/types.h>

/* Appends the text as UTF-8. Malformed sequences become U+FFFD; an unknown or
 * suspicious charset name (looked up in a table of IANA names and the aliases
 * seen in mail, never passed on unchecked) is -HM_EUNSUPPORTED with nothing
 * added. The output is at most max bytes, cut at a character (-HM_ELIMIT). */
HM_API int hm_charset_decode(struct hm_buf *out, struct hm_str charset,
    struct hm_str in, size_t max);

/* Folds for caseless comparison: NFKC-casefolded enough that "STRASSE", "straße"
 * and full-width forms meet; malformed bytes are kept. */
HM_API void hm_utf8_fold(struct hm_buf *out, struct hm_str in);

/* A folded needle; text is fed in pieces (each whole characters, UTF-8, not
 * folded) and matched across their borders. Linear time. */
struct hm_search;
HM_API struct hm_search *hm_search_new(struct hm_arena *arena,
    struct hm_str needle);
HM_API bool hm_search_feed(struct hm_search *s, struct hm_str text);
HM_API void hm_search_reset(struct hm_search *s);

/* Modified UTF-7 of IMAP mailbox names (RFC 3501, 5.1.3). -HM_ESYNTAX. */
HM_API int hm_mutf7_decode(struct hm_buf *out, struct hm_str in);
HM_API void hm_mutf7_encode(struct hm_buf *out, struct hm_str utf8);

#endif
