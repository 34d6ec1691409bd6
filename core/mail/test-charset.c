/* test-charset.c - charsets, folding, search, modified UTF-7. */
#include <time.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/charset.h>
#include <hermod/err.h>
#include <hermod/rand.h>
#include <hermod/str.h>

#include "t/tap.h"

static struct hm_arena *arena;

#define FFFD "\xef\xbf\xbd"

static void
test_decode(void)
{
	static const struct {
		const char *charset, *in, *out;
		int rc;
	} cases[] = {
		{ "us-ascii", "abc", "abc", 0 },
		{ "US-ASCII", "a\xe4", "a" FFFD, 0 },
		{ "utf-8", "a\xc3\xa4", "a\xc3\xa4", 0 },
		{ "UTF8", "\xc3", FFFD, 0 },
		{ "utf-8", "\xe2\x82x", FFFD "x", 0 },
		{ "utf-8", "\xc0\xaf", FFFD FFFD, 0 },          /* overlong */
		{ "utf-8", "\xed\xa0\x80", FFFD FFFD FFFD, 0 }, /* surrogate */
		{ "utf-8", "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD, 0 },
		{ "iso-8859-1", "\xe4", "\xc3\xa4", 0 },
		{ "latin1", "\x80", "\xe2\x82\xac", 0 },
		{ "windows-1252", "\x93x\x81", "\xe2\x80\x9cx" FFFD, 0 },
		{ "iso-8859-15", "\xa4", "\xe2\x82\xac", 0 },
		{ "\"iso-8859-2\"", "\xb1", "\xc4\x85", 0 },
		{ "koi8-r", "\xf0", "\xd0\x9f", 0 },
		{ "cp1251", "\xcf", "\xd0\x9f", 0 },
		{ "gb2312", "\xc4\xe3", "\xe4\xbd\xa0", 0 },
		{ "big5", "\xa7\x41", "\xe4\xbd\xa0", 0 },
		{ "shift_jis", "\x82\xa0", "\xe3\x81\x82", 0 },
		{ "iso-2022-jp", "\x1b$B$\"\x1b(B.", "\xe3\x81\x82.", 0 },
		{ "iso-2022-jp", "\x1bZx", "\x1bZx", 0 },
		{ "ks_c_5601-1987", "\xb0\xa1", "\xea\xb0\x80", 0 },
		{ "utf-7", "a+AOQ-", "a\xc3\xa4", 0 },
		{ "euc-kr", "\xb0", FFFD, 0 },                  /* cut off */
		{ "utf-9", "a", "", -HM_EUNSUPPORTED },
		{ "", "a", "", -HM_EUNSUPPORTED },
		{ "../../x", "a", "", -HM_EUNSUPPORTED },
		{ "UTF-8//TRANSLIT", "a", "", -HM_EUNSUPPORTED },
		{ "utf-8 utf8", "a", "", -HM_EUNSUPPORTED },
	};
	struct hm_buf out = { 0 };
	struct hm_str absent = { NULL, 0 };

	ok(hm_charset_decode(&out, HM_STR("utf-8"), absent, 9) == 0 &&
	    hm_charset_decode(&out, HM_STR("koi8-r"), absent, 9) == 0 &&
	    hm_charset_decode(&out, absent, absent, 9) < 0, "absent slices");
	hm_utf8_fold(&out, absent);
	hm_buf_puts(&out, "");
	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		hm_buf_clear(&out);
		is_int(hm_charset_decode(&out, hm_str(cases[i].charset),
		    hm_str(cases[i].in), 1000), cases[i].rc, "charset %s: %s",
		    cases[i].charset, cases[i].in);
		is_slice(hm_buf_view(&out), cases[i].out, "… is");
	}
	hm_buf_clear(&out);
	hm_charset_decode(&out, HM_STR("utf-16"), HM_STR("\0a\0b"), 1000);
	hm_charset_decode(&out, HM_STR("utf-16"), HM_STR("\xff\xfe" "c\0"), 1000);
	hm_charset_decode(&out, HM_STR("utf-16"), HM_STR("\xfe\xff\0d"), 1000);
	is_str(out.p, "abcd", "UTF-16 and byte order marks");

	static const char *const limited[] = { "utf-8", "iso-8859-15", "koi8-r" };
	for (size_t i = 0; i < HM_ARRAY_LEN(limited); i++) {
		struct hm_buf in = { 0 };
		while (in.len < 100000)
			hm_buf_puts(&in, "\xc3\xa4");
		hm_buf_clear(&out);
		is_int(hm_charset_decode(&out, hm_str(limited[i]),
		    hm_buf_view(&in), 999), -HM_ELIMIT, "limit, %s", limited[i]);
		ok(out.len <= 999 && out.len > 990 &&
		    hm_utf8_valid(hm_buf_view(&out)), "… at a character");
		hm_buf_release(&in);
	}
	hm_buf_release(&out);
}

static void
test_fold(void)
{
	static const char *const same[][2] = {
		{ "STRASSE", "stra\xc3\x9f" "e" },
		{ "\xef\xbc\xa1\xef\xbc\xa2", "ab" },       /* full width */
		{ "\xc3\x84", "\xc3\xa4" },
		{ "\xc3\xa4", "a\xcc\x88" },                /* decomposed */
		{ "\xce\xa3", "\xcf\x82" },                 /* sigmas */
		{ "\xd0\x9f\xd0\xa0", "\xd0\xbf\xd1\x80" },
		{ "\xef\xac\x81", "FI" },                   /* ligature */
		{ "\xe2\x84\xaa", "k" },                    /* Kelvin */
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(same); i++) {
		struct hm_buf a = { 0 }, b = { 0 };
		hm_utf8_fold(&a, hm_str(same[i][0]));
		hm_utf8_fold(&b, hm_str(same[i][1]));
		is_str(a.p, b.p, "%s and %s meet", same[i][0], same[i][1]);
		hm_buf_release(&a);
		hm_buf_release(&b);
	}
	struct hm_buf out = { 0 };
	hm_utf8_fold(&out, HM_STR("A\xff\xc3"));
	is_str(out.p, "a\xff\xc3", "malformed bytes are kept");
	hm_buf_release(&out);
}

static bool
found(const char *needle, const char *text, size_t piece)
{
	struct hm_search *s = hm_search_new(arena, hm_str(needle));
	struct hm_str rest = hm_str(text);
	bool hit = hm_search_feed(s, HM_STR(""));

	while (rest.len > 0) {
		size_t n = piece;
		while (n < rest.len && ((unsigned char)rest.p[n] & 0xc0) == 0x80)
			n++;
		hit = hm_search_feed(s, hm_str_take(rest, n));
		rest = hm_str_skip(rest, n);
	}
	return hit;
}

static void
test_search(void)
{
	static const struct {
		const char *needle, *text;
		bool hit;
	} cases[] = {
		{ "", "", true }, { "a", "", false }, { "", "x", true },
		{ "needle", "hay needle hay", true },
		{ "NEEDLE", "hay nEEdle", true },
		{ "needle", "hay needl", false },
		{ "aab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", true },
		{ "abab", "abaabaabaabaabaabaabaabaababaaaa", true },
		{ "x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaX", true },
		{ "[\\]^", "aaaaaaaaaaaaaaaaaaaaaaaaaaa{|}~aaaaaaaaaaaaaa", false },
		{ "strasse", "die Stra\xc3\x9f" "e", true },
		{ "stra\xc3\x9f" "e", "DIE STRASSE", true },
		{ "\xd0\xbf\xd1\x80\xd0\xb8", "\xd0\x9f\xd0\xa0\xd0\x98"
		    "\xd0\x92\xd0\x95\xd0\xa2", true },
		{ "a\xc3\xa4", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxA\xc3\x84",
		    true },
		{ "\xc3\xa4", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxA", false },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		bool good = true;
		for (size_t piece = 1; piece < 60; piece++)
			good &= found(cases[i].needle, cases[i].text, piece) ==
			    cases[i].hit;
		ok(good, "search \"%s\" in \"%s\", in pieces",
		    cases[i].needle, cases[i].text);
	}

	/* against the obvious way, on texts that repeat themselves */
	hm_random_seed(5);
	for (int round = 0; round < 3000; round++) {
		char text[200], needle[12];
		size_t n = hm_random_below(sizeof(text) - 1);
		size_t m = 1 + hm_random_below(sizeof(needle) - 2);
		for (size_t i = 0; i < n; i++)
			text[i] = "abAB"[hm_random_below(4)];
		for (size_t i = 0; i < m; i++)
			needle[i] = "abAB"[hm_random_below(4)];
		text[n] = needle[m] = '\0';
		bool want = hm_str_casefind(hm_str(text), hm_str(needle)) >= 0;
		if (found(needle, text, 1 + hm_random_below(90)) != want) {
			ok(false, "%s in %s", needle, text);
			break;
		}
	}
	ok(true, "random texts");
}

static void
speed(const char *needle, const char *unit, const char *name)
{
	struct hm_buf text = { 0 };
	struct timespec from, to;

	while (text.len < 8 * 1024 * 1024)
		hm_buf_puts(&text, unit);
	struct hm_search *s = hm_search_new(arena, hm_str(needle));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	ok(!hm_search_feed(s, hm_buf_view(&text)), "%s: nothing found", name);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	double seconds = (double)(to.tv_sec - from.tv_sec) +
	    (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	diag("%s: %.0f MB/s", name, (double)text.len / 1e6 / seconds);
	ok(seconds < 8, "… in linear time");
	hm_buf_release(&text);
}

static void
test_mutf7(void)
{
	static const struct {
		const char *coded, *utf8;
	} same[] = {
		{ "INBOX", "INBOX" }, { "", "" }, { "A&-B", "A&B" },
		{ "Entw&APw-rfe", "Entw\xc3\xbcrfe" },
		{ "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
		    "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c"
		    "\xac\xe8\xaa\x9e" },
		{ "&2D3cqQ-", "\xf0\x9f\x92\xa9" },
		{ "&AOQ-&-&AOQ-", "\xc3\xa4&\xc3\xa4" },
	};
	static const char *const bad[] = {
		"&", "&AOQ", "&AOQ-&AOQ-", "&AGE-", "a&=-", "&A-", "&AO-",
		"&2D0-", "&3ak-", "\xc3\xa4", "a\tb", "&AOR-", "&AAA-",
		"&AOQA-", "&2D0A5A-", "a\x7f",
	};
	struct hm_buf out = { 0 };

	hm_buf_puts(&out, "");
	for (size_t i = 0; i < HM_ARRAY_LEN(same); i++) {
		hm_buf_clear(&out);
		is_int(hm_mutf7_decode(&out, hm_str(same[i].coded)), 0,
		    "mUTF-7 %s", same[i].coded);
		is_str(out.p, same[i].utf8, "… is");
		hm_buf_clear(&out);
		hm_mutf7_encode(&out, hm_str(same[i].utf8));
		is_str(out.p, same[i].coded, "… and back");
	}
	for (size_t i = 0; i < HM_ARRAY_LEN(bad); i++) {
		hm_buf_clear(&out);
		hm_buf_puts(&out, "x");
		is_int(hm_mutf7_decode(&out, hm_str(bad[i])), -HM_ESYNTAX,
		    "bad mUTF-7 %s", bad[i]);
		is_str(out.p, "x", "… adds nothing");
	}
	hm_buf_release(&out);
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	test_decode();
	test_fold();
	test_search();
	speed("zebra crossing", "The quick brown fox jumps over the lazy dog. "
	    "Every line has some more words, and ends.\r\n", "English");
	speed("aaaaaaaaaaaaaaaaaaaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaaaaaa", "a's");
	speed("zebra", "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 ",
	    "Cyrillic");
	test_mutf7();
	hm_arena_free(arena);
	return done();
}
