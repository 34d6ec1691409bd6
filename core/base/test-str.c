/* test-str.c - slices. */
#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "t/tap.h"

static void
test_compare(void)
{
	static const struct {
		const char *a, *b;
		int cmp, casecmp;
	} t[] = {
		{ "", "", 0, 0 },
		{ NULL, "", 0, 0 },
		{ "a", "b", -1, -1 },
		{ "b", "a", 1, 1 },
		{ "a", "A", 1, 0 },
		{ "ab", "a", 1, 1 },
		{ "A", "ab", -1, -1 },
		{ "\xff", "a", 1, 1 },
		{ "[", "a", -1, -1 },
		{ "\xc3\x84", "\xc3\xa4", -1, -1 },
	};
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(t); i++) {
		struct hm_str a = hm_str(t[i].a), b = hm_str(t[i].b);

		is_int(hm_str_cmp(a, b), t[i].cmp, "cmp %zu", i);
		is_int(hm_str_cmp(b, a), -t[i].cmp, "cmp %zu reversed", i);
		is_int(hm_str_casecmp(a, b), t[i].casecmp, "casecmp %zu", i);
		ok(hm_str_eq(a, b) == !t[i].cmp, "eq %zu", i);
		ok(hm_str_caseeq(a, b) == !t[i].casecmp, "caseeq %zu", i);
	}
	ok(hm_str_is(HM_STR("To"), "To"), "is");
	ok(!hm_str_is(HM_STR("To"), "to"), "is heeds case");
	ok(hm_str_caseis(HM_STR("To"), "tO"), "caseis does not");
	ok(!hm_str_is(hm_str_n("a\0b", 3), "a"), "a NUL does not end a slice");
}

static void
test_find(void)
{
	static const struct {
		const char *s, *needle;
		int find, casefind;
	} t[] = {
		{ "hello", "l", 2, 2 },
		{ "hello", "LL", -1, 2 },
		{ "hello", "", 0, 0 },
		{ "", "", 0, 0 },
		{ NULL, "x", -1, -1 },
		{ "aab", "ab", 1, 1 },
		{ "a", "aa", -1, -1 },
		{ "xyZ", "z", -1, 2 },
	};
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(t); i++) {
		struct hm_str s = hm_str(t[i].s), n = hm_str(t[i].needle);

		is_int(hm_str_find(s, n), t[i].find, "find %zu", i);
		is_int(hm_str_casefind(s, n), t[i].casefind, "casefind %zu", i);
	}
	is_int(hm_str_chr(HM_STR("a.b.c"), '.'), 1, "chr");
	is_int(hm_str_rchr(HM_STR("a.b.c"), '.'), 3, "rchr");
	is_int(hm_str_chr(HM_STR("abc"), '.'), -1, "chr without a hit");
	is_int(hm_str_rchr(hm_str(NULL), '.'), -1, "rchr of nothing");
	ok(hm_str_starts(HM_STR("RCPT TO:"), HM_STR("RCPT")), "starts");
	ok(!hm_str_starts(HM_STR("RC"), HM_STR("RCPT")), "too short");
	ok(hm_str_casestarts(HM_STR("rcpt to:"), HM_STR("RCPT")), "casestarts");
	ok(hm_str_ends(HM_STR("a.com"), HM_STR(".com")), "ends");
	ok(!hm_str_ends(HM_STR("com"), HM_STR(".com")), "does not end");
}

static void
test_parts(void)
{
	static const struct {
		const char *s, *parts[5];
	} t[] = {
		{ "a,b", { "a", "b", NULL } },
		{ "a", { "a", NULL } },
		{ "", { "", NULL } },
		{ ",", { "", "", NULL } },
		{ "a,,b,", { "a", "", "b", "", NULL } },
		{ NULL, { NULL } },
	};
	size_t i, k;

	for (i = 0; i < HM_ARRAY_LEN(t); i++) {
		struct hm_str rest = hm_str(t[i].s);

		for (k = 0; t[i].parts[k]; k++)
			is_slice(hm_str_split(&rest, ','), t[i].parts[k],
			    "split %zu, part %zu", i, k);
		is_slice(rest, NULL, "split %zu ends", i);
		is_slice(hm_str_split(&rest, ','), NULL, "and stays so");
	}
	is_slice(hm_str_trim(HM_STR(" \t\r\n x y \r\n")), "x y", "trim");
	is_slice(hm_str_trim(HM_STR(" \t ")), "", "trim of blanks");
	is_slice(hm_str_skip(HM_STR("abc"), 2), "c", "skip");
	is_slice(hm_str_skip(HM_STR("abc"), 9), "", "skip beyond the end");
	is_slice(hm_str_take(HM_STR("abc"), 2), "ab", "take");
	is_slice(hm_str_take(HM_STR("abc"), 9), "abc", "take all");
}

static void
test_numbers(void)
{
	static const struct {
		const char *s;
		uint64_t max;
		int r;
		uint64_t n;
	} t[] = {
		{ "0", 10, 0, 0 },
		{ "007", 10, 0, 7 },
		{ "10", 10, 0, 10 },
		{ "11", 10, -HM_ELIMIT, 0 },
		{ "", 10, -HM_ESYNTAX, 0 },
		{ "+1", 10, -HM_ESYNTAX, 0 },
		{ "-1", 10, -HM_ESYNTAX, 0 },
		{ " 1", 10, -HM_ESYNTAX, 0 },
		{ "1x", 10, -HM_ESYNTAX, 0 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -HM_ELIMIT, 0 },
		{ "99999999999999999999999999", UINT64_MAX, -HM_ELIMIT, 0 },
		{ "9999999999999999999999999x", UINT64_MAX, -HM_ESYNTAX, 0 },
	};
	uint32_t small = 0;
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(t); i++) {
		uint64_t n = 0;

		is_int(hm_str_u64(hm_str(t[i].s), t[i].max, &n), t[i].r,
		    "\"%s\"", t[i].s);
		ok(n == t[i].n, "value of \"%s\"", t[i].s);
	}
	is_int(hm_str_u32(HM_STR("4294967295"), &small), 0, "u32");
	ok(small == UINT32_MAX, "largest u32");
	is_int(hm_str_u32(HM_STR("4294967296"), &small), -HM_ELIMIT, "over");
}

static void
test_utf8(void)
{
	static const struct {
		const char *s;
		size_t len;
		uint32_t cp;
	} t[] = {
		{ "A", 1, 'A' },
		{ "\x7f", 1, 0x7f },
		{ "\xc2\x80", 2, 0x80 },
		{ "\xdf\xbf", 2, 0x7ff },
		{ "\xe0\xa0\x80", 3, 0x800 },
		{ "\xed\x9f\xbf", 3, 0xd7ff },
		{ "\xee\x80\x80", 3, 0xe000 },
		{ "\xef\xbf\xbf", 3, 0xffff },
		{ "\xf0\x90\x80\x80", 4, 0x10000 },
		{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
		{ "\x80", 0, 0 },             /* continuation alone */
		{ "\xc0\x80", 0, 0 },         /* overlong */
		{ "\xc1\xbf", 0, 0 },
		{ "\xe0\x9f\xbf", 0, 0 },
		{ "\xf0\x8f\xbf\xbf", 0, 0 },
		{ "\xed\xa0\x80", 0, 0 },     /* surrogate */
		{ "\xf4\x90\x80\x80", 0, 0 }, /* above U+10FFFF */
		{ "\xf5\x80\x80\x80", 0, 0 },
		{ "\xff", 0, 0 },
		{ "\xe2\x82", 0, 0 },         /* cut */
		{ "\xe2\x28\xa1", 0, 0 },
		{ "\xf0\x9f\x98", 0, 0 },
	};
	char out[4];
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(t); i++) {
		struct hm_str s = hm_str(t[i].s);
		uint32_t cp = 0;

		is_int(hm_utf8_next(s, &cp), t[i].len, "utf8 %zu", i);
		is_int(cp, t[i].cp, "code point %zu", i);
		ok(hm_utf8_valid(s) == (t[i].len > 0), "valid %zu", i);
		if (t[i].len) {
			size_t n = hm_utf8_put(out, cp);

			is_bytes(out, n, s.p, s.len, "put %zu", i);
		}
	}
	is_int(hm_utf8_put(out, 0xd800), 3, "a surrogate is replaced");
	is_bytes(out, (size_t)3, "\xef\xbf\xbd", (size_t)3, "by U+FFFD");
	ok(hm_utf8_valid(hm_str(NULL)), "nothing is valid");
	ok(hm_str_ascii(HM_STR("abc\x7f")), "ascii");
	ok(!hm_str_ascii(HM_STR("\x80")), "not ascii");
}

int
main(void)
{
	struct hm_arena *a = hm_arena_new(NULL, "test");
	struct hm_str s;

	test_compare();
	test_find();
	test_parts();
	test_numbers();
	test_utf8();
	s = hm_str_dup(a, hm_str_n("abc", 2));
	is_slice(s, "ab", "dup");
	is_int(s.p[2], 0, "dup is ended");
	is_slice(hm_str_lower(a, HM_STR("AbC\xc3\x84")), "abc\xc3\x84", "lower");
	ok(hm_str_dup(a, hm_str(NULL)).p != NULL, "dup of nothing is a string");
	ok(hm_equal_consttime("abc", "abc", 3), "equal");
	ok(!hm_equal_consttime("abc", "abd", 3), "not equal");
	hm_arena_free(a);
	return done();
}
