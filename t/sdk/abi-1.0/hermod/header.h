/* header.h - header fields over raw bytes: finding, unfolding, decoding.
 *
 * All work on slices of a message and never fail on damage: a malformed line is
 * handed out as a field without a name. Thread: any.
 */
#ifndef HERMOD_HEADER_H
#define HERMOD_HEADER_H

#include <hermod/types.h>

struct hm_hdrfield {
	struct hm_str name;    /* {NULL,0} for a line that is no field */
	struct hm_str value;   /* behind the colon, folds and line end included */
	struct hm_str raw;     /* the whole field with its line ends */
};

/* The header section at the front of a message: everything up to and including
 * the empty line, or all of it where there is none. */
HM_API struct hm_str hm_header_section(struct hm_str message);
/* The next field; advances *in. False at the empty line or the end. Line ends
 * may be CRLF or LF. */
HM_API bool hm_header_next(struct hm_str *in, struct hm_hdrfield *ret);
/* The nth field (from 0) of that name, case-insensitively. */
HM_API bool hm_header_find(struct hm_str header, const char *name, size_t n,
    struct hm_hdrfield *ret);
/* Unfolded and trimmed (RFC 5322, 2.2.3); the input itself if it needs no
 * change. */
HM_API struct hm_str hm_header_unfold(struct hm_arena *arena,
    struct hm_str value);
/* Appends name, colon, value folded at white space near 78 columns, CRLF.
 * -HM_EINVAL when name or value holds CR, LF or NUL, or name is no field name. */
HM_API int hm_header_fold(struct hm_buf *out, const char *name,
    struct hm_str value);

/* Encoded words (RFC 2047) to UTF-8, for display and search: unfolds, decodes,
 * joins adjacent words, replaces what cannot be decoded, removes control
 * characters. Raw 8-bit that is not UTF-8 is read as windows-1252. */
HM_API void hm_words_decode(struct hm_buf *out, struct hm_str value);
/* UTF-8 text as it may stand in a header: unchanged if ASCII, else encoded words
 * of at most 75 characters. */
HM_API void hm_words_encode(struct hm_buf *out, struct hm_str utf8);

/* Dates (RFC 5322, 3.3 with obsolete forms, tolerant). -HM_ESYNTAX; fields out
 * of range are clamped to a representable moment. */
HM_API int hm_date_parse(struct hm_str value, int64_t *ret_unix_s,
    int *ret_zone_min);

/* The first message id between angle brackets, without them, white space and
 * unneeded quotes removed; {NULL,0} if there is none. Case is kept. */
HM_API struct hm_str hm_msgid_first(struct hm_arena *arena,
    struct hm_str value);
/* All of them, at most 1,000, top first. */
HM_API size_t hm_msgid_all(struct hm_arena *arena, struct hm_str value,
    const struct hm_str **ret);
/* The base subject (RFC 5256, 2.1), decoded, upper-cased as SORT needs it;
 * *ret_reply tells whether it was a reply or forward. */
HM_API struct hm_str hm_subject_base(struct hm_arena *arena,
    struct hm_str value, bool *ret_reply);

#endif
