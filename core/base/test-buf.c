/* test-buf.c - buffers and the records in them. */
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "t/tap.h"

static void
test_text(void)
{
	struct hm_buf b = { 0 };
	int i;

	is_slice(hm_buf_view(&b), NULL, "a zeroed buffer is empty");
	hm_buf_drop(&b, 3);
	hm_buf_clear(&b);
	hm_buf_puts(&b, "");
	is_slice(hm_buf_view(&b), "", "adding nothing");
	hm_buf_puts(&b, "ab");
	hm_buf_putc(&b, 'c');
	hm_buf_str(&b, HM_STR("de"));
	hm_buf_u64(&b, 0);
	hm_buf_u64(&b, UINT64_MAX);
	hm_buf_printf(&b, "%s%d", "x", -5);
	is_str(b.p, "abcde018446744073709551615x-5", "text");
	hm_buf_drop(&b, 26);
	is_str(b.p, "x-5", "drop");
	hm_buf_drop(&b, 99);
	is_int(b.len, 0, "drop all");
	for (i = 0; i < 1000; i++)
		hm_buf_putc(&b, 'x');
	ok(b.len == 1000 && b.p[1000] == '\0' && b.cap > 1000, "growth");
	hm_buf_release(&b);
	ok(!b.p && !b.len && !b.cap, "release");
}

static void
test_record(void)
{
	struct hm_buf b = { 0 };
	struct hm_str in, s;
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;
	uint8_t v8;

	hm_buf_le16(&b, 0x0102);
	hm_buf_le32(&b, 0x01020304);
	hm_buf_le64(&b, 0x0102030405060708);
	hm_buf_be32(&b, 0x01020304);
	hm_buf_be64(&b, 0xfffefdfcfbfaf9f8);
	hm_buf_lstr(&b, HM_STR("abc"));
	hm_buf_putc(&b, (char)200);
	is_bytes(b.p, b.len, "\x02\x01\x04\x03\x02\x01\x08\x07\x06\x05\x04\x03"
	    "\x02\x01\x01\x02\x03\x04\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8"
	    "\x03" "abc\xc8", (size_t)31, "layout");
	in = hm_buf_view(&b);
	ok(hm_take_le16(&in, &v16) == 0 && v16 == 0x0102, "le16");
	ok(hm_take_le32(&in, &v32) == 0 && v32 == 0x01020304, "le32");
	ok(hm_take_le64(&in, &v64) == 0 && v64 == 0x0102030405060708, "le64");
	ok(hm_take_be32(&in, &v32) == 0 && v32 == 0x01020304, "be32");
	ok(hm_take_be64(&in, &v64) == 0 && v64 == 0xfffefdfcfbfaf9f8, "be64");
	ok(hm_take_lstr(&in, &s) == 0, "lstr");
	is_slice(s, "abc", "string");
	ok(hm_take_u8(&in, &v8) == 0 && v8 == 200, "u8");
	is_int(hm_take_u8(&in, &v8), -HM_ECORRUPT, "nothing left");
	is_int(in.len, 0, "all taken");
	hm_buf_release(&b);
}

static void
test_varint(void)
{
	static const struct {
		uint64_t v;
		const char *bytes;
	} good[] = {
		{ 1, "\x01" },
		{ 127, "\x7f" },
		{ 128, "\x80\x01" },
		{ 300, "\xac\x02" },
		{ UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" },
	};
	static const char *const bad[] = {
		"", "\x80", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
		"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
	};
	static const struct hm_str cut[] = {
		HM_STR("\x04" "abc"), HM_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"),
		HM_STR("\x80"),
	};
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(good); i++) {
		struct hm_buf b = { 0 };
		struct hm_str in;
		uint64_t v = 0;

		hm_buf_varint(&b, good[i].v);
		is_slice(hm_buf_view(&b), good[i].bytes, "varint %zu", i);
		in = hm_buf_view(&b);
		is_int(hm_take_varint(&in, &v), 0, "take %zu", i);
		ok(v == good[i].v && in.len == 0, "value %zu", i);
		hm_buf_release(&b);
	}
	for (i = 0; i < HM_ARRAY_LEN(bad); i++) {
		struct hm_str in = hm_str(bad[i]), before = in;
		uint64_t v = 77;

		is_int(hm_take_varint(&in, &v), -HM_ECORRUPT, "bad %zu", i);
		ok(in.p == before.p && in.len == before.len && v == 77,
		    "nothing taken %zu", i);
	}
	for (i = 0; i < HM_ARRAY_LEN(cut); i++) {
		struct hm_str in = cut[i], s = { 0 };

		is_int(hm_take_lstr(&in, &s), -HM_ECORRUPT, "cut %zu", i);
		ok(in.p == cut[i].p && !s.p, "nothing taken %zu", i);
	}
}

static void
test_short(void)
{
	struct hm_str in = HM_STR("1234567");
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	is_int(hm_take_le64(&in, &v64), -HM_ECORRUPT, "short le64");
	is_int(hm_take_be64(&in, &v64), -HM_ECORRUPT, "short be64");
	in.len = 3;
	is_int(hm_take_le32(&in, &v32), -HM_ECORRUPT, "short le32");
	is_int(hm_take_be32(&in, &v32), -HM_ECORRUPT, "short be32");
	in.len = 1;
	is_int(hm_take_le16(&in, &v16), -HM_ECORRUPT, "short le16");
	is_int(in.len, 1, "left as it was");
}

int
main(void)
{
	test_text();
	test_record();
	test_varint();
	test_short();
	return done();
}
