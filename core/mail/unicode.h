/* unicode.h - what the mail layer needs of Unicode beyond UTF-8. */
#ifndef HERMOD_MAIL_UNICODE_H
#define HERMOD_MAIL_UNICODE_H

#include <hermod/types.h>

enum { UNI_FOLD_MAX = 80 }; /* U+FDFA alone decomposes to 33 bytes */

/* One code point folded for comparison: compatibility decomposed and case
 * folded, as UTF-8. Returns the length, at most UNI_FOLD_MAX. */
size_t hm_uni_fold(uint32_t cp, char out[UNI_FOLD_MAX]);

/* Appends bytes that should be UTF-8; each maximal malformed run that cannot
 * begin or continue a character becomes one U+FFFD (Unicode 15, 3.9). */
void hm_uni_repair(struct hm_buf *out, struct hm_str in);
/* Appends bytes of windows-1252, which contains iso-8859-1 and us-ascii. */
void hm_uni_from_1252(struct hm_buf *out, struct hm_str in);
/* UTF-8 as it is, anything else as windows-1252: for text nobody labelled. */
void hm_uni_guess(struct hm_buf *out, struct hm_str in);

#endif
