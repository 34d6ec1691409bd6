/* str.h - operations on slices. None allocates unless it takes an arena.
 *
 * "case" functions fold ASCII letters only, independent of the locale.
 * Thread: any.
 */
#ifndef HERMOD_STR_H
#define HERMOD_STR_H

#include <hermod/types.h>

/* {NULL,0} for NULL. */
HM_API struct hm_str hm_str(const char *s);
HM_API struct hm_str hm_str_n(const char *p, size_t len);
HM_API bool hm_str_eq(struct hm_str a, struct hm_str b);
HM_API bool hm_str_caseeq(struct hm_str a, struct hm_str b);
HM_API bool hm_str_is(struct hm_str a, const char *literal);
HM_API bool hm_str_caseis(struct hm_str a, const char *literal);
HM_API int hm_str_cmp(struct hm_str a, struct hm_str b);
HM_API int hm_str_casecmp(struct hm_str a, struct hm_str b);
HM_API bool hm_str_starts(struct hm_str s, struct hm_str prefix);
HM_API bool hm_str_casestarts(struct hm_str s, struct hm_str prefix);
HM_API bool hm_str_ends(struct hm_str s, struct hm_str suffix);
/* Index of the first (last) occurrence, or -1. */
HM_API ssize_t hm_str_chr(struct hm_str s, char c);
HM_API ssize_t hm_str_rchr(struct hm_str s, char c);
HM_API ssize_t hm_str_find(struct hm_str s, struct hm_str needle);
HM_API ssize_t hm_str_casefind(struct hm_str s, struct hm_str needle);
/* Without the first n bytes (all of them when n > len). */
HM_API struct hm_str hm_str_skip(struct hm_str s, size_t n);
/* At most the first n bytes. */
HM_API struct hm_str hm_str_take(struct hm_str s, size_t n);
/* Without leading and trailing space, tab, CR and LF. */
HM_API struct hm_str hm_str_trim(struct hm_str s);
/* Splits *rest at the next sep: returns the part before it and advances *rest
 * behind it. At the end *rest becomes {NULL,0}; a NULL rest returns {NULL,0}. */
HM_API struct hm_str hm_str_split(struct hm_str *rest, char sep);

/* A decimal number that fills the whole slice: digits only, no sign, no
 * overflow past max. 0 or -HM_ESYNTAX / -HM_ELIMIT. */
HM_API int hm_str_u64(struct hm_str s, uint64_t max, uint64_t *ret);
HM_API int hm_str_u32(struct hm_str s, uint32_t *ret);

/* Copies into an arena; the copy is NUL-terminated behind its len bytes. */
HM_API struct hm_str hm_str_dup(struct hm_arena *arena, struct hm_str s);
HM_API struct hm_str hm_str_lower(struct hm_arena *arena, struct hm_str s);

/* Whether the bytes are well-formed UTF-8 (no overlongs, no surrogates). */
HM_API bool hm_utf8_valid(struct hm_str s);
/* Whether all bytes are below 0x80. */
HM_API bool hm_str_ascii(struct hm_str s);
/* Decodes one code point at the front of a non-empty slice; returns its length
 * in bytes, or 0 for a malformed sequence. */
HM_API size_t hm_utf8_next(struct hm_str s, uint32_t *ret_cp);
/* Writes one code point, returns 1 to 4. */
HM_API size_t hm_utf8_put(char out[4], uint32_t cp);

/* Whether two runs of len bytes are equal, in time that depends on len only. */
HM_API bool hm_equal_consttime(const void *a, const void *b, size_t len);

/* For printf: printf("%.*s", HM_FMT(s)). */
#define HM_FMT(s) ((int)(s).len), ((s).p ? (s).p : "")

#endif
