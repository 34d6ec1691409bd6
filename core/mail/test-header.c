/* test-header.c - fields, folding, encoded words, dates, ids, subjects. */
#include <time.h>

#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/compose.h>
#include <hermod/err.h>
#include <hermod/header.h>
#include <hermod/rand.h>
#include <hermod/str.h>

#include "t/tap.h"

static struct hm_arena *arena;

static void
test_fields(void)
{
	struct hm_str msg = HM_STR("From someone Mon Jan  1 00:00:00 2001\r\n"
	    "From: a@b.example\r\nSubject :one\r\n two\r\n\tthree\r\n"
	    "X-Empty:\r\nno field\nLF: only\nsubject: again\r\n\r\nbody: x\r\n");
	struct hm_str header = hm_header_section(msg), in = header;
	struct hm_hdrfield f;

	is_int(header.len, msg.len - 9, "the section ends with the empty line");
	ok(hm_header_next(&in, &f) && !f.name.p, "a line that is no field");
	ok(hm_header_next(&in, &f), "next");
	is_slice(f.name, "From", "name");
	is_slice(f.value, " a@b.example\r\n", "value");
	ok(hm_header_next(&in, &f), "next");
	is_slice(f.name, "Subject", "space before the colon is not the name's");
	is_slice(f.raw, "Subject :one\r\n two\r\n\tthree\r\n", "raw");
	is_slice(hm_header_unfold(arena, f.value), "one two\tthree", "unfolded");
	ok(hm_header_next(&in, &f), "next");
	is_slice(hm_header_unfold(arena, f.value), "", "empty");
	ok(hm_header_next(&in, &f) && !f.name.p, "no colon, no field");
	ok(hm_header_next(&in, &f), "next");
	is_slice(f.value, " only\n", "LF ends a line as well");
	ok(hm_header_next(&in, &f), "last");
	ok(!hm_header_next(&in, &f), "the empty line ends it");
	is_slice(in, "\r\n", "and stays");

	ok(hm_header_find(header, "SUBJECT", 1, &f), "second of a name");
	is_slice(f.value, " again\r\n", "is that one");
	ok(!hm_header_find(header, "subject", 2, &f), "there is no third");
	ok(!hm_header_find(header, "body", 0, &f), "the body is not searched");

	struct hm_str absent = { NULL, 0 };
	ok(hm_header_section(absent).len == 0 &&
	    hm_header_unfold(arena, absent).len == 0 &&
	    hm_date_parse(absent, &(int64_t){ 0 }, NULL) < 0 &&
	    !hm_header_find(absent, "a", 0, &f), "absent slices");
	is_slice(hm_header_section(HM_STR("A: b\r\n")), "A: b\r\n",
	    "no empty line: all is header");
	is_slice(hm_header_section(HM_STR("\r\nx")), "\r\n", "no header");
	is_slice(hm_header_section(HM_STR("A: b\n\nx")), "A: b\n\n", "LF LF");
	is_slice(hm_header_section(HM_STR("A: b\n \r\nx")), "A: b\n \r\nx",
	    "a line of white space is no empty line");
	in = HM_STR("");
	ok(!hm_header_next(&in, &f), "nothing in nothing");
}

static void
test_fold(void)
{
	static const struct {
		const char *name, *value, *out;
		int rc;
	} cases[] = {
		{ "A", "b", "A: b\r\n", 0 },
		{ "A", "", "A:\r\n", 0 },
		{ "A", "b\r\nC: d", NULL, -HM_EINVAL },
		{ "A", "b\n", NULL, -HM_EINVAL },
		{ "A:", "b", NULL, -HM_EINVAL },
		{ "A b", "b", NULL, -HM_EINVAL },
		{ "", "b", NULL, -HM_EINVAL },
		{ "A", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
		    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb c",
		    "A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n "
		    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb c"
		    "\r\n", 0 },
	};
	struct hm_buf out = { 0 };

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		hm_buf_clear(&out);
		int rc = hm_header_fold(&out, cases[i].name,
		    hm_str(cases[i].value));
		is_int(rc, cases[i].rc, "fold %zu", i);
		if (rc == 0)
			is_str(out.p, cases[i].out, "… to");
		else
			is_int(out.len, 0, "… writes nothing");
	}
	hm_buf_clear(&out);
	ok(hm_header_fold(&out, "A", hm_str_n("a\0b", 3)) == -HM_EINVAL,
	    "NUL is refused");

	/* whatever is folded unfolds to itself, and no line is white space */
	hm_random_seed(7);
	for (int round = 0; round < 300; round++) {
		char text[400];
		size_t n = hm_random_below(sizeof(text));
		for (size_t i = 0; i < n; i++)
			text[i] = hm_random_below(9) ? 'x' : ' ';
		struct hm_str want = hm_str_trim(hm_str_n(text, n));
		struct hm_hdrfield f = { 0 };
		hm_buf_clear(&out);
		hm_header_fold(&out, "Name", want);
		struct hm_str in = hm_buf_view(&out), line, got;
		bool good = hm_header_next(&in, &f) && in.len == 0;
		got = hm_header_unfold(arena, f.value);
		good = good && hm_str_eq(got, want);
		for (in = f.raw; good && in.len > 0;) {
			line = hm_str_take(in, (size_t)hm_str_chr(in, '\n') + 1);
			in = hm_str_skip(in, line.len);
			good = hm_str_trim(line).len > 0 && line.len <= 80 + 60;
		}
		if (!good) {
			ok(false, "round %d: %.*s", round, HM_FMT(want));
			break;
		}
	}
	ok(true, "folding can be undone");
	hm_buf_release(&out);
}

static void
test_words(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain", "plain" },
		{ " folded\r\n value\r\n", "folded value" },
		{ "=?utf-8?q?a=C3=A4_b?= c", "a\xc3\xa4 b c" },
		{ "=?utf-8?B?w6Q=?=\r\n =?utf-8?B?w7Y=?=", "\xc3\xa4\xc3\xb6" },
		{ "=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "\xc3\xa4" },
		{ "=?ISO-8859-1?Q?a?= b =?ISO-8859-1?Q?c?=", "a b c" },
		{ "=?ISO-8859-1*de?Q?=E4?=", "\xc3\xa4" },
		{ "=?koi8-r?B?0NLJ18XU?=", "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2"
		    "\xd0\xb5\xd1\x82" },
		{ "=?nonsense?q?=E4?=", "\xc3\xa4" },
		{ "=?../../x?q?a?=", "=?../../x?q?a?=" },
		{ "raw \xc3\xa4", "raw \xc3\xa4" },
		{ "raw \xe4", "raw \xc3\xa4" },
		{ "=?utf-8?q?a=0D=0AX:_y=00z?=", "aX: yz" },
		{ "=?utf-8?q?unfinished", "=?utf-8?q?unfinished" },
		{ "=?utf-8?x?a?=", "=?utf-8?x?a?=" },
		{ "", "" },
	};
	struct hm_buf out = { 0 };

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		hm_buf_clear(&out);
		hm_words_decode(&out, hm_str(cases[i].in));
		is_slice(out.len ? hm_buf_view(&out) : HM_STR(""), cases[i].out,
		    "decode %s", cases[i].in);
	}

	/* encoding and decoding is the identity, in words of legal length */
	static const char *const texts[] = {
		"ascii only", "Gr\xc3\xbc\xc3\x9f" "e", "=?utf-8?q?a?=",
		"\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\xf0\x9f\x92"
		"\xa9\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\xf0\x9f"
		"\x92\xa9\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9\xf0\x9f\x92\xa9",
		"long text with one letter only at its very end, which is not "
		"so rare in what people write into a subject: \xc3\xa9",
	};
	for (size_t i = 0; i < HM_ARRAY_LEN(texts); i++) {
		struct hm_buf back = { 0 };
		hm_buf_clear(&out);
		hm_words_encode(&out, hm_str(texts[i]));
		hm_words_decode(&back, hm_buf_view(&out));
		is_str(back.p, texts[i], "there and back %zu", i);
		struct hm_str rest = hm_buf_view(&out);
		bool legal = hm_str_ascii(rest);
		while (rest.p && i > 1)
			legal &= hm_str_split(&rest, ' ').len <= 75;
		ok(legal, "… words of at most 75 characters");
		hm_buf_release(&back);
	}

	/* a megabyte of beginnings */
	struct timespec from, to;
	struct hm_buf in = { 0 };
	while (in.len < 1024 * 1024)
		hm_buf_puts(&in, "=?a?q?x");
	hm_buf_clear(&out);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	hm_words_decode(&out, hm_buf_view(&in));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	is_int(out.len, in.len, "words without end stay");
	/* Looking for each end anew would take minutes. */
	ok(to.tv_sec - from.tv_sec <= 10, "and cost little");
	hm_buf_release(&in);
	hm_buf_release(&out);
}

static void
test_dates(void)
{
	static const struct {
		const char *in, *rfc3339;
		int zone;
	} cases[] = {
		{ "Fri, 20 Nov 2026 12:00:00 +0000", "2026-11-20T12:00:00Z", 0 },
		{ "20 Nov 2026 12:00 +0130", "2026-11-20T10:30:00Z", 90 },
		{ "Fri, 20 Nov 26 12:00:00 EST", "2026-11-20T17:00:00Z", -300 },
		{ "Fri, 20 Nov 126 12:00:00 Z", "2026-11-20T12:00:00Z", 0 },
		{ "Fri Nov 20 12:00:00 2026", "2026-11-20T12:00:00Z", 0 },
		{ "Fri Nov 20 12:00:00 CET 2026", "2026-11-20T11:00:00Z", 60 },
		{ "20-Nov-2026 12:00:00 +0000", "2026-11-20T12:00:00Z", 0 },
		{ "Fri,20 Nov 2026 12:00:00 +02:00", "2026-11-20T10:00:00Z",
		    120 },
		{ "Fri, 20 Nov 2026 12:00:00 GMT+0200", "2026-11-20T10:00:00Z",
		    120 },
		{ "Fr\xc3\xad, 20 Nov 2026 12:00:00 +0000",
		    "2026-11-20T12:00:00Z", 0 },
		{ "Fri,\r\n 20 (of) Nov\r\n 2026 12 : 00:00 (noon) +0000 (UTC)",
		    "2026-11-20T12:00:00Z", 0 },
		{ "Fri, 20 Nov 2026 12.30.01 +0000", "2026-11-20T12:30:01Z", 0 },
		/* out of range: clamped (no year 0, no zone of a day or more) */
		{ "1 Jan 0000 00:00:00 +0000", "0001-01-01T00:00:00Z", 0 },
		{ "1 Jan 9999999 00:00:00 +0000", "9999-01-01T00:00:00Z", 0 },
		{ "31 Feb 2026 00:00:00 +9999", "2026-02-28T00:00:00Z", 0 },
		{ "40 Jan 2026 99:99:99 +0000", "2026-02-01T00:00:00Z", 0 },
		{ "", NULL, 0 }, { "yesterday", NULL, 0 },
		{ "Fri, 20 Nov 2026", NULL, 0 }, { "Fri, 20", NULL, 0 },
		{ ", , ,", NULL, 0 }, { "20 Now 2026 12:00:00", NULL, 0 },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		int64_t unix_s = 0;
		int zone = 0;
		char text[24];
		int rc = hm_date_parse(hm_str(cases[i].in), &unix_s, &zone);
		is_int(rc, cases[i].rfc3339 ? 0 : -HM_ESYNTAX, "date %s",
		    cases[i].in);
		if (rc < 0 || !cases[i].rfc3339)
			continue;
		hm_date_rfc3339(text, unix_s);
		is_str(text, cases[i].rfc3339, "… is");
		is_int(zone, cases[i].zone, "… zone");
	}
}

static void
test_ids(void)
{
	static const struct {
		const char *in, *first;
		size_t n;
	} cases[] = {
		{ "<a@b>", "a@b", 1 }, { "<a@b> <c@d>", "a@b", 2 },
		{ " text <a @\r\n b> trailing", "a@b", 1 },
		{ "<\"a.b\"@c>", "a.b@c", 1 }, { "<\"a b\"@c>", "\"ab\"@c", 1 },
		{ "<A@B>", "A@B", 1 }, { "none", NULL, 0 }, { "", NULL, 0 },
		{ "<cut@off <a@b>", "a@b", 1 }, { "<cut@off", NULL, 0 },
		{ "<> <a@b>", "a@b", 1 }, { "<<a@b>>", "a@b", 1 },
	};
	const struct hm_str *ids;

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		is_slice(hm_msgid_first(arena, hm_str(cases[i].in)),
		    cases[i].first, "id %s", cases[i].in);
		is_int(hm_msgid_all(arena, hm_str(cases[i].in), &ids),
		    cases[i].n, "… how many");
	}
	struct hm_buf many = { 0 };
	for (int i = 0; i < 1500; i++)
		hm_buf_printf(&many, "<%d@x> ", i);
	is_int(hm_msgid_all(arena, hm_buf_view(&many), &ids), 1000,
	    "at most a thousand");
	is_slice(ids[999], "999@x", "from the top");
	hm_buf_release(&many);
}

static void
test_subjects(void)
{
	static const struct {
		const char *in, *base;
		bool reply;
	} cases[] = {
		{ "hello", "HELLO", false }, { "Re: hello", "HELLO", true },
		{ "RE: Fwd: re: hello", "HELLO", true },
		{ "Fw:hello", "HELLO", true }, { "Re [x]: hello", "HELLO", true },
		{ "Re[2]: hello", "HELLO", true },
		{ "[list] hello", "HELLO", false },
		{ "[list] Re: [x] hello", "HELLO", true },
		{ "[only blob]", "[ONLY BLOB]", false },
		{ "hello (fwd)", "HELLO", true },
		{ "hello (FWD) (fwd)", "HELLO", true },
		{ "[Fwd: hello]", "HELLO", true },
		{ "[fwd: Re: [a] hello (fwd)]", "HELLO", true },
		{ "  a\t b\r\n  c ", "A B C", false },
		{ "=?utf-8?q?Re:_=C3=A4?=", "\xc3\x84", true },
		{ "Reply", "REPLY", false }, { "Re", "RE", false },
		{ "Re:", "", true }, { "", "", false },
		{ "[a [b] c", "[A [B] C", false },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		bool reply = !cases[i].reply;
		is_slice(hm_subject_base(arena, hm_str(cases[i].in), &reply),
		    cases[i].base, "subject %s", cases[i].in);
		is_int(reply, cases[i].reply, "… reply");
	}
}

static void
test_compose(void)
{
	struct hm_buf out = { 0 };
	struct hm_addr addr, utf8;

	hm_addr_parse(arena, HM_STR("a@b.example"), 0, &addr, NULL);
	hm_addr_parse(arena, HM_STR("\xc3\xa4@b.example"), HM_ADDR_UTF8, &utf8,
	    NULL);
	is_int(hm_compose_text(&out, "Subject", HM_STR("a\r\nBcc: x"), false),
	    -HM_EINVAL, "no injection");
	is_int(hm_compose_addr(&out, "From", HM_STR("a\nb"), &addr, false),
	    -HM_EINVAL, "nor in names");
	is_int(hm_compose_addr(&out, "From", HM_STR("x"), &utf8, false),
	    -HM_EINVAL, "no UTF-8 address without SMTPUTF8");
	is_int(hm_compose_msgid(&out, "a>b"), -HM_EINVAL, "host of an id");
	is_int(out.len, 0, "nothing was written");
	hm_compose_text(&out, "Subject", HM_STR("\xc3\xa4"), false);
	hm_compose_text(&out, "Subject", HM_STR("\xc3\xa4"), true);
	hm_compose_addr(&out, "From", HM_STR("A B"), &addr, false);
	hm_compose_addr(&out, "From", HM_STR("B, \"A\""), &addr, false);
	hm_compose_addr(&out, "From", HM_STR(""), &addr, false);
	hm_compose_addr(&out, "From", HM_STR("\xc3\xa4"), &utf8, true);
	is_str(out.p, "Subject: =?utf-8?b?w6Q=?=\r\nSubject: \xc3\xa4\r\n"
	    "From: A B <a@b.example>\r\n"
	    "From: \"B, \\\"A\\\"\" <a@b.example>\r\n"
	    "From: <a@b.example>\r\nFrom: \xc3\xa4 <\xc3\xa4@b.example>\r\n",
	    "fields");
	hm_buf_clear(&out);
	hm_compose_body(&out, HM_STR("a\nb\r\nc"));
	ok(strstr(out.p, "7bit\r\n\r\na\r\nb\r\nc\r\n") != NULL, "7bit, CRLF");
	hm_buf_clear(&out);
	hm_compose_body(&out, HM_STR("\xc3\xa4\n"));
	ok(strstr(out.p, "8bit\r\n\r\n\xc3\xa4\r\n") != NULL, "8bit");
	hm_buf_clear(&out);
	hm_compose_body(&out, HM_STR("a\001b\n"));
	ok(strstr(out.p, "printable\r\n\r\na=01b\r\n") != NULL, "controls");
	hm_buf_clear(&out);
	hm_compose_date(&out, 1795176000);
	int64_t t = 0;
	ok(hm_date_parse(hm_str(out.p + 5), &t, NULL) == 0 && t == 1795176000,
	    "Date");
	hm_buf_clear(&out);
	hm_compose_msgid(&out, "h.example");
	hm_compose_msgid(&out, "h.example");
	struct hm_str id = hm_msgid_first(arena, hm_buf_view(&out));
	ok(hm_str_ends(id, HM_STR("@h.example")) && id.len > 30, "Message-ID");
	hm_buf_release(&out);
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	test_fields();
	test_fold();
	test_words();
	test_dates();
	test_ids();
	test_subjects();
	test_compose();
	hm_arena_free(arena);
	return done();
}
