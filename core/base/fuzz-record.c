/* fuzz-record.c - stored records, numbers and UTF-8 of any bytes. */
#include <stdlib.h>

#include <hermod/buf.h>
#include <hermod/str.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each byte taken is an instruction what to take next. */
static void
take_all(struct hm_str in)
{
	struct hm_str s;
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;
	uint8_t op;
	int r = 0;

	while (r == 0 && hm_take_u8(&in, &op) == 0) {
		size_t before = in.len;

		switch (op % 7) {
		case 0:
			r = hm_take_le16(&in, &v16);
			break;
		case 1:
			r = hm_take_le32(&in, &v32);
			break;
		case 2:
			r = hm_take_le64(&in, &v64);
			break;
		case 3:
			r = hm_take_varint(&in, &v64);
			break;
		case 4:
			r = hm_take_lstr(&in, &s);
			break;
		case 5:
			r = hm_take_be32(&in, &v32);
			break;
		case 6:
			r = hm_take_be64(&in, &v64);
			break;
		}
		if ((r < 0) != (in.len == before))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_str in = { (const char *)data, size }, rest = in;
	char out[4];
	uint64_t n;
	uint32_t cp;
	size_t len;
	bool valid = true;

	take_all(in);
	hm_str_u64(in, UINT64_MAX, &n);
	while (rest.len) {
		len = hm_utf8_next(rest, &cp);
		if (len && (hm_utf8_put(out, cp) != len ||
		    !hm_str_eq(hm_str_n(out, len), hm_str_take(rest, len))))
			abort();
		valid = valid && len;
		rest = hm_str_skip(rest, len ? len : 1);
	}
	if (valid != hm_utf8_valid(in))
		abort();
	return 0;
}
