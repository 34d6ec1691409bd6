/* test-parse.c - tokens of commands. */
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/iface/store_types.h>
#include <hermod/str.h>

#include "modules/imap/parse.h"
#include "t/tap.h"

static struct hm_arena *arena;

static struct imap_parse
parse(const char *text, size_t len)
{
	struct imap_parse p;

	imap_parse_init(&p, arena, hm_str_n(text, len));
	return p;
}

#define PARSE(text) parse(text, sizeof(text) - 1)

static bool
take_keyword(struct imap_parse *p, struct hm_str *ret)
{
	unsigned flags = 0;

	return imap_p_flag(p, &flags, ret);
}

#define CASE(fn, text, want, rest) { #fn, fn, text, sizeof(text) - 1, want, rest }
static const struct {
	const char *what;
	bool (*fn)(struct imap_parse *, struct hm_str *);
	const char *text;
	size_t len;
	const char *want;      /* NULL: refused */
	const char *rest;
} strings[] = {
	CASE(imap_p_tag, "a1 NOOP", "a1", " NOOP"),
	CASE(imap_p_tag, "a+1", "a", "+1"),
	CASE(imap_p_tag, "+", NULL, ""),
	CASE(imap_p_tag, "", NULL, ""),
	CASE(imap_p_tag, "a]b", "a]b", ""),
	CASE(imap_p_atom, "abc)", "abc", ")"),
	CASE(imap_p_atom, "a]", "a", "]"),
	CASE(imap_p_atom, "(", NULL, ""),
	CASE(imap_p_atom, "\x80", NULL, ""),
	CASE(imap_p_atom, "a\0b", "a", "\0b"),
	CASE(imap_p_astring, "abc]", "abc]", ""),
	CASE(imap_p_astring, "~foo", "~foo", ""),
	CASE(imap_p_astring, "}", "}", ""),
	CASE(imap_p_astring, "!#$&'+,-./09:;<=>?@^_`|[}~", "!#$&'+,-./09:;<=>?@^_`|[}~", ""),
	CASE(imap_p_astring, "\"\" x", "", " x"),
	CASE(imap_p_astring, "\"a b\"", "a b", ""),
	CASE(imap_p_astring, "\"a\\\"b\\\\\"", "a\"b\\", ""),
	CASE(imap_p_astring, "\"a\\b\"", NULL, ""),
	CASE(imap_p_astring, "\"a", NULL, ""),
	CASE(imap_p_astring, "\"a\\", NULL, ""),
	CASE(imap_p_astring, "\"a\rb\"", NULL, ""),
	CASE(imap_p_astring, "\"a\0b\"", NULL, ""),
	CASE(imap_p_astring, "\"\xc3\xa4\"", NULL, ""),
	CASE(imap_p_astring, "{3}\r\nabc d", "abc", " d"),
	CASE(imap_p_astring, "{3+}\r\nabc", "abc", ""),
	CASE(imap_p_astring, "{0}\r\n", "", ""),
	CASE(imap_p_astring, "{4}\r\nabc", NULL, ""),
	CASE(imap_p_astring, "{3}abc", NULL, ""),
	CASE(imap_p_astring, "{-3}\r\nabc", NULL, ""),
	CASE(imap_p_astring, "{99999999999999999999}\r\nabc", NULL, ""),
	CASE(imap_p_astring, "{3}\r\na\0c", NULL, ""),
	CASE(imap_p_astring, "", NULL, ""),
	CASE(imap_p_string, "abc", NULL, ""),
	CASE(imap_p_nstring, "nil)", NULL, ")"), /* absent, not refused */
	CASE(imap_p_nstring, "\"nil\"", "nil", ""),
	CASE(imap_p_pattern, "a%*b c", "a%*b", " c"),
	CASE(imap_p_pattern, "\"%\"", "%", ""),
	CASE(imap_p_name, "HEADER.FIELDS (", "HEADER.FIELDS", " ("),
	CASE(take_keyword, "$Label1 x", "$label1", " x"),
	CASE(take_keyword, "a(b", "a", "(b"),
	CASE(take_keyword, "\\Recent", NULL, ""),
	CASE(take_keyword, "\\Nonsense", NULL, ""),
	CASE(take_keyword, "\\", NULL, ""),
};

static void
test_strings(void)
{
	struct imap_parse p;
	struct hm_str got;
	bool good;
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(strings); i++) {
		p = parse(strings[i].text, strings[i].len);
		good = strings[i].fn(&p, &got);
		if (good)
			is_slice(got, strings[i].want, "%s takes %s",
			    strings[i].what, strings[i].text);
		else
			ok(!strings[i].want && p.missed, "%s refuses %s",
			    strings[i].what, strings[i].text);
		if (good)
			ok(strncmp(p.p, strings[i].rest,
			    strlen(strings[i].rest)) == 0, "and leaves the rest");
	}
}

static void
test_utf8(void)
{
	struct imap_parse p = PARSE("\"\xc3\xa4\"");
	struct hm_str got;

	p.utf8 = true;
	ok(imap_p_astring(&p, &got), "UTF-8 in quotes once it was enabled");
	is_slice(got, "\xc3\xa4", "as it was");
	p = PARSE("\"\xc3(\"");
	p.utf8 = true;
	ok(!imap_p_astring(&p, &got), "malformed UTF-8 is refused");
}

static const struct {
	const char *text;
	bool is;
	uint64_t size;
	bool sync, binary;
} announced[] = {
	{ "a LOGIN {5}", true, 5, true, false },
	{ "a LOGIN {5+}", true, 5, false, false },
	{ "a LOGIN {5-}", true, 5, false, false },
	{ "a APPEND x ~{5}", true, 5, true, true },
	{ "a APPEND x ~{5+}", true, 5, false, true },
	{ "{0}", true, 0, true, false },
	{ "a x{5}", true, 5, true, false },
	{ "{99999999999}", true, 99999999999, true, false },
	{ "{4294967296}", true, 4294967296, true, false },
	{ "{99999999999999999999}", true, UINT64_MAX, true, false },
	{ "{99999999999999999999+}", true, UINT64_MAX, false, false },
	{ "~{99999999999999999999+}", true, UINT64_MAX, false, true },
	{ "{5} ", false, 0, false, false },
	{ "{}", false, 0, false, false },
	{ "{+}", false, 0, false, false },
	{ "~{}", false, 0, false, false },
	{ "{-5}", false, 0, false, false },
	{ "{5++}", false, 0, false, false },
	{ "{5x}", false, 0, false, false },
	{ "{5}}", false, 0, false, false },
	{ "5}", false, 0, false, false },
	{ "}", false, 0, false, false },
	{ "", false, 0, false, false },
};

static void
test_literals(void)
{
	struct imap_literal lit;
	size_t i;
	bool is;

	for (i = 0; i < HM_ARRAY_LEN(announced); i++) {
		is = imap_literal_at_end(hm_str(announced[i].text), &lit);
		ok(is == announced[i].is, "%s %s a literal", announced[i].text,
		    announced[i].is ? "announces" : "does not announce");
		if (is && announced[i].is)
			ok(lit.size == announced[i].size &&
			    lit.sync == announced[i].sync &&
			    lit.binary == announced[i].binary,
			    "and how it comes");
	}
}

static void
test_need_literal(void)
{
	struct imap_parse p = PARSE("{5}");
	struct hm_str got;

	ok(!imap_p_astring(&p, &got) && p.need_literal,
	    "a literal that was not read yet is asked for");
	p = PARSE("{5}\r\nab");
	ok(!imap_p_astring(&p, &got) && !p.need_literal,
	    "one that is cut short is not");
}

static const struct {
	const char *text;
	bool good;
	int64_t value;
} dates[] = {
	{ "1-Jan-1970", true, 0 },
	{ "01-Jan-1970", true, 0 },
	{ "\"2-Jan-1970\"", true, 1 },
	{ "31-Dec-1969", true, -1 },
	{ "29-Feb-2000", true, 11016 },
	{ "29-feb-1900", false, 0 },
	{ "30-Feb-2000", false, 0 },
	{ "0-Jan-2000", false, 0 },
	{ "1-Foo-2000", false, 0 },
	{ "1-Jan-200", false, 0 },
	{ "1-Jan", false, 0 },
	{ "\"1-Jan-2000", false, 0 },
	{ "", false, 0 },
}, datetimes[] = {
	{ "\"17-Jul-1996 02:44:25 -0700\"", true, 837596665 },
	{ "\" 1-Jan-1970 00:00:00 +0000\"", true, 0 },
	{ "\"01-Jan-1970 01:00:00 +0100\"", true, 0 },
	{ "\"1-Jan-1970 01:00:00 +0100\"", false, 0 },
	{ "\"01-Jan-1970 24:00:00 +0100\"", false, 0 },
	{ "\"01-Jan-1970 00:60:00 +0100\"", false, 0 },
	{ "\"01-Jan-1970 00:00:00 0100\"", false, 0 },
	{ "\"01-Jan-1970 00:00:00 +2400\"", false, 0 },
	{ "\"31-Apr-1970 00:00:00 +0000\"", false, 0 },
	{ "01-Jan-1970 00:00:00 +0100", false, 0 },
	{ "\"\"", false, 0 },
};

static void
test_dates(void)
{
	struct imap_parse p;
	int64_t got = -99;
	size_t i;
	bool good;

	for (i = 0; i < HM_ARRAY_LEN(dates); i++) {
		p = parse(dates[i].text, strlen(dates[i].text));
		good = imap_p_date(&p, &got);
		ok(good == dates[i].good, "date %s", dates[i].text);
		if (good)
			is_int(got, dates[i].value, "is that day");
	}
	for (i = 0; i < HM_ARRAY_LEN(datetimes); i++) {
		p = parse(datetimes[i].text, strlen(datetimes[i].text));
		good = imap_p_datetime(&p, &got);
		ok(good == datetimes[i].good, "time %s", datetimes[i].text);
		if (good)
			is_int(got, datetimes[i].value, "is that second");
	}
}

static void
test_flags(void)
{
	struct imap_flags f;
	struct imap_parse p = PARSE("(\\seen \\FLAGGED Foo foo $forwarded bar)");

	ok(imap_p_flags(&p, false, &f) && imap_p_end(&p), "a list of flags");
	is_int(f.flags, HM_FLAG_SEEN | HM_FLAG_FLAGGED | HM_FLAG_FORWARDED,
	    "system flags and registered keywords are bits");
	ok(f.nkeywords == 2, "each keyword once");
	is_slice(f.keywords[0], "foo", "in lower case");
	p = PARSE("()");
	ok(imap_p_flags(&p, false, &f) && f.nkeywords == 0 && f.flags == 0,
	    "an empty list");
	p = PARSE("\\Seen x y z a b");
	ok(imap_p_flags(&p, true, &f) && f.nkeywords == 5, "without parentheses");
	p = PARSE("\\Seen");
	ok(!imap_p_flags(&p, false, &f), "but only where that is allowed");
	p = PARSE("(\\Seen ");
	ok(!imap_p_flags(&p, false, &f), "an open list");
	p = PARSE("(a  b)");
	ok(!imap_p_flags(&p, false, &f), "two spaces");
}

static void
test_numbers(void)
{
	struct imap_parse p = PARSE("4294967295");
	uint32_t n;
	uint64_t big;

	ok(imap_p_number(&p, &n) && n == UINT32_MAX, "the largest number");
	p = PARSE("4294967296");
	ok(!imap_p_number(&p, &n), "one more is too much");
	p = PARSE("0");
	ok(imap_p_number(&p, &n) && n == 0, "zero");
	p = PARSE("0");
	ok(!imap_p_nznumber(&p, &n), "zero where it must not be");
	p = PARSE("9223372036854775807");
	ok(imap_p_number63(&p, &big) && big == INT64_MAX, "63 bits");
	p = PARSE("9223372036854775808");
	ok(!imap_p_number63(&p, &big), "and no more");
	p = PARSE("+1");
	ok(!imap_p_number(&p, &n), "no sign");
}

static void
test_words(void)
{
	struct imap_parse p = PARSE("fetchx FETCH(");

	ok(!imap_p_word(&p, "FETCH"), "a longer word is another word");
	p = PARSE("fetch(");
	ok(imap_p_word(&p, "FETCH") && imap_p_peek(&p) == '(', "any case");
	p = PARSE("BODY[]");
	ok(imap_p_word(&p, "BODY[") && imap_p_peek(&p) == ']',
	    "a word that ends in a bracket");
	p = PARSE("BODY[TEXT]");
	ok(imap_p_word(&p, "BODY["), "and goes on at once");
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	test_strings();
	test_utf8();
	test_literals();
	test_need_literal();
	test_dates();
	test_flags();
	test_numbers();
	test_words();
	hm_arena_free(arena);
	return done();
}
