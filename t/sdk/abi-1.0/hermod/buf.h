/* buf.h - a growing byte buffer, heap based, always NUL-terminated.
 *
 * init / release as everywhere: a zeroed struct is a valid empty buffer, and
 * hm_buf_release() makes it empty again. Thread: one at a time.
 */
#ifndef HERMOD_BUF_H
#define HERMOD_BUF_H

#include <hermod/types.h>

struct hm_buf {
	char *p;      /* NULL while nothing was ever added */
	size_t len;
	size_t cap;
};

HM_API void hm_buf_release(struct hm_buf *buf);
HM_API void hm_buf_clear(struct hm_buf *buf); /* keeps the memory */
HM_API void hm_buf_reserve(struct hm_buf *buf, size_t more);
HM_API void hm_buf_add(struct hm_buf *buf, const void *p, size_t len);
HM_API void hm_buf_str(struct hm_buf *buf, struct hm_str s);
HM_API void hm_buf_puts(struct hm_buf *buf, const char *s);
HM_API void hm_buf_putc(struct hm_buf *buf, char c);
HM_API void hm_buf_u64(struct hm_buf *buf, uint64_t n); /* decimal */
HM_API void hm_buf_printf(struct hm_buf *buf, const char *fmt, ...)
    HM_PRINTF(2, 3);
/* Removes the first n bytes. */
HM_API void hm_buf_drop(struct hm_buf *buf, size_t n);
/* The content as a slice, valid until the next change. */
HM_API struct hm_str hm_buf_view(const struct hm_buf *buf);

/* Little-endian integers and length-prefixed strings, for stored records. */
HM_API void hm_buf_le16(struct hm_buf *buf, uint16_t v);
HM_API void hm_buf_le32(struct hm_buf *buf, uint32_t v);
HM_API void hm_buf_le64(struct hm_buf *buf, uint64_t v);
HM_API void hm_buf_varint(struct hm_buf *buf, uint64_t v);      /* LEB128 */
HM_API void hm_buf_lstr(struct hm_buf *buf, struct hm_str s);   /* varint, bytes */
/* Big-endian, for keys that sort. */
HM_API void hm_buf_be32(struct hm_buf *buf, uint32_t v);
HM_API void hm_buf_be64(struct hm_buf *buf, uint64_t v);

/* The reading side: each takes from the front of *in, returns 0 or
 * -HM_ECORRUPT when the bytes do not suffice, leaving *in as it was. */
HM_API int hm_take_u8(struct hm_str *in, uint8_t *ret);
HM_API int hm_take_le16(struct hm_str *in, uint16_t *ret);
HM_API int hm_take_le32(struct hm_str *in, uint32_t *ret);
HM_API int hm_take_le64(struct hm_str *in, uint64_t *ret);
HM_API int hm_take_varint(struct hm_str *in, uint64_t *ret);
HM_API int hm_take_lstr(struct hm_str *in, struct hm_str *ret); /* borrowed */
HM_API int hm_take_be32(struct hm_str *in, uint32_t *ret);
HM_API int hm_take_be64(struct hm_str *in, uint64_t *ret);

#endif
