/* record.c - integers and strings of stored records, written to a buffer and
 * taken from the front of a slice. */
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

/* LEB128: seven bits a byte, so 64 bits take at most ten. */
#define VARINT_MAX 10

static void
put_le(struct hm_buf *buf, uint64_t v, size_t bytes)
{
	char out[8];
	size_t i;

	for (i = 0; i < bytes; i++)
		out[i] = (char)(v >> (8 * i));
	hm_buf_add(buf, out, bytes);
}

static void
put_be(struct hm_buf *buf, uint64_t v, size_t bytes)
{
	char out[8];
	size_t i;

	for (i = 0; i < bytes; i++)
		out[i] = (char)(v >> (8 * (bytes - 1 - i)));
	hm_buf_add(buf, out, bytes);
}

void
hm_buf_le16(struct hm_buf *buf, uint16_t v)
{
	put_le(buf, v, 2);
}

void
hm_buf_le32(struct hm_buf *buf, uint32_t v)
{
	put_le(buf, v, 4);
}

void
hm_buf_le64(struct hm_buf *buf, uint64_t v)
{
	put_le(buf, v, 8);
}

void
hm_buf_be32(struct hm_buf *buf, uint32_t v)
{
	put_be(buf, v, 4);
}

void
hm_buf_be64(struct hm_buf *buf, uint64_t v)
{
	put_be(buf, v, 8);
}

void
hm_buf_varint(struct hm_buf *buf, uint64_t v)
{
	char out[VARINT_MAX];
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (char)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (char)v;
	hm_buf_add(buf, out, n);
}

void
hm_buf_lstr(struct hm_buf *buf, struct hm_str s)
{
	hm_buf_varint(buf, s.len);
	hm_buf_str(buf, s);
}

static int
take_le(struct hm_str *in, size_t bytes, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	if (in->len < bytes)
		return -HM_ECORRUPT;
	for (i = bytes; i-- > 0;)
		v = v << 8 | (unsigned char)in->p[i];
	*in = hm_str_skip(*in, bytes);
	*ret = v;
	return 0;
}

static int
take_be(struct hm_str *in, size_t bytes, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	if (in->len < bytes)
		return -HM_ECORRUPT;
	for (i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)in->p[i];
	*in = hm_str_skip(*in, bytes);
	*ret = v;
	return 0;
}

int
hm_take_u8(struct hm_str *in, uint8_t *ret)
{
	uint64_t v;
	int r = take_le(in, 1, &v);

	if (r == 0)
		*ret = (uint8_t)v;
	return r;
}

int
hm_take_le16(struct hm_str *in, uint16_t *ret)
{
	uint64_t v;
	int r = take_le(in, 2, &v);

	if (r == 0)
		*ret = (uint16_t)v;
	return r;
}

int
hm_take_le32(struct hm_str *in, uint32_t *ret)
{
	uint64_t v;
	int r = take_le(in, 4, &v);

	if (r == 0)
		*ret = (uint32_t)v;
	return r;
}

int
hm_take_le64(struct hm_str *in, uint64_t *ret)
{
	return take_le(in, 8, ret);
}

int
hm_take_be32(struct hm_str *in, uint32_t *ret)
{
	uint64_t v;
	int r = take_be(in, 4, &v);

	if (r == 0)
		*ret = (uint32_t)v;
	return r;
}

int
hm_take_be64(struct hm_str *in, uint64_t *ret)
{
	return take_be(in, 8, ret);
}

int
hm_take_varint(struct hm_str *in, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < in->len && i < VARINT_MAX; i++) {
		unsigned char c = (unsigned char)in->p[i];

		if (i == VARINT_MAX - 1 && c > 1) /* above 64 bits */
			return -HM_ECORRUPT;
		v |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c < 0x80) {
			*in = hm_str_skip(*in, i + 1);
			*ret = v;
			return 0;
		}
	}
	return -HM_ECORRUPT;
}

int
hm_take_lstr(struct hm_str *in, struct hm_str *ret)
{
	struct hm_str rest = *in;
	uint64_t len;
	int r = hm_take_varint(&rest, &len);

	if (r < 0)
		return r;
	if (len > rest.len)
		return -HM_ECORRUPT;
	*ret = hm_str_take(rest, (size_t)len);
	*in = hm_str_skip(rest, (size_t)len);
	return 0;
}
