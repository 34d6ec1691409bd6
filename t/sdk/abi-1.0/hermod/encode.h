/* encode.h - base64, hex and quoted-printable, over bounded slices. Thread: any.
 */
#ifndef HERMOD_ENCODE_H
#define HERMOD_ENCODE_H

#include <hermod/types.h>

/* Appends without line breaks (RFC 4648, 4). */
HM_API void hm_base64_encode(struct hm_buf *out, struct hm_str in);
/* Appends lines of at most 76 characters ended by CRLF (RFC 2045, 6.8). */
HM_API void hm_base64_encode_lines(struct hm_buf *out, struct hm_str in);
/* Strict: alphabet, padding and length must be right, no white space; else
 * -HM_ESYNTAX with out unchanged. For protocols. */
HM_API int hm_base64_decode(struct hm_buf *out, struct hm_str in);

/* Tolerant streaming decoders for message bodies: unknown bytes are skipped
 * (RFC 2045, 6.8), missing padding is accepted. Feed slices, then finish. */
struct hm_decoder {
	uint32_t bits;
	unsigned nbits;
	unsigned state;
	unsigned pending;      /* quoted-printable: white space held back */
	char hold[80];
	bool bad;              /* something had to be skipped or repaired */
};
HM_API void hm_base64_feed(struct hm_decoder *d, struct hm_buf *out,
    struct hm_str in);
HM_API void hm_base64_finish(struct hm_decoder *d, struct hm_buf *out);
HM_API void hm_qp_feed(struct hm_decoder *d, struct hm_buf *out,
    struct hm_str in);
HM_API void hm_qp_finish(struct hm_decoder *d, struct hm_buf *out);
/* Body text with CRLF line ends to quoted-printable lines (RFC 2045, 6.7). */
HM_API void hm_qp_encode(struct hm_buf *out, struct hm_str in);

HM_API void hm_hex_encode(struct hm_buf *out, struct hm_str in);
HM_API int hm_hex_decode(struct hm_buf *out, struct hm_str in);

/* xtext of RFC 3461, 4; decode fails with -HM_ESYNTAX. */
HM_API void hm_xtext_encode(struct hm_buf *out, struct hm_str in);
HM_API int hm_xtext_decode(struct hm_buf *out, struct hm_str in);

#endif
