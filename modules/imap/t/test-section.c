/* test-section.c - body sections: reading, finding, cutting. */
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/mime.h>
#include <hermod/str.h>

#include "modules/imap/section.h"
#include "t/tap.h"

static struct hm_arena *arena;

static const struct {
	const char *text;
	bool binary;
	bool good;
	enum imap_section_kind kind;
	size_t nparts, nfields;
	const char *echo;
	uint32_t length;
} cases[] = {
	{ "]", false, true, IMAP_SECTION_ALL, 0, 0, "", 0 },
	{ "]<0.10>", false, true, IMAP_SECTION_ALL, 0, 0, "", 10 },
	{ "]<4294967290.4294967295>", false, true, IMAP_SECTION_ALL, 0, 0, "",
	  4294967295 },
	{ "1]", false, true, IMAP_SECTION_ALL, 1, 0, "1", 0 },
	{ "1.2.3]", false, true, IMAP_SECTION_ALL, 3, 0, "1.2.3", 0 },
	{ "HEADER]", false, true, IMAP_SECTION_HEADER, 0, 0, "HEADER", 0 },
	{ "header]", false, true, IMAP_SECTION_HEADER, 0, 0, "header", 0 },
	{ "TEXT]", false, true, IMAP_SECTION_TEXT, 0, 0, "TEXT", 0 },
	{ "1.MIME]", false, true, IMAP_SECTION_MIME, 1, 0, "1.MIME", 0 },
	{ "1.2.TEXT]", false, true, IMAP_SECTION_TEXT, 2, 0, "1.2.TEXT", 0 },
	{ "HEADER.FIELDS (From)]", false, true, IMAP_SECTION_FIELDS_ONLY, 0, 1,
	  "HEADER.FIELDS (From)", 0 },
	{ "2.HEADER.FIELDS.NOT (From \"To\")]", false, true,
	  IMAP_SECTION_FIELDS_NOT, 1, 2, "2.HEADER.FIELDS.NOT (From \"To\")", 0 },
	{ "1]", true, true, IMAP_SECTION_ALL, 1, 0, "1", 0 },
	{ "]", true, true, IMAP_SECTION_ALL, 0, 0, "", 0 },
	{ "MIME]", false, false, 0, 0, 0, NULL, 0 },
	{ "1.TEXT]", true, false, 0, 0, 0, NULL, 0 },
	{ "TEXT]", true, false, 0, 0, 0, NULL, 0 },
	{ "HEADER.FIELDS ()]", false, false, 0, 0, 0, NULL, 0 },
	{ "HEADER.FIELDS]", false, false, 0, 0, 0, NULL, 0 },
	{ "HEADER.FOO]", false, false, 0, 0, 0, NULL, 0 },
	{ "1.]", false, false, 0, 0, 0, NULL, 0 },
	{ "0]", false, false, 0, 0, 0, NULL, 0 },
	{ "1.0]", false, false, 0, 0, 0, NULL, 0 },
	{ ".1]", false, false, 0, 0, 0, NULL, 0 },
	{ "1", false, false, 0, 0, 0, NULL, 0 },
	{ "", false, false, 0, 0, 0, NULL, 0 },
	{ "]<0.0>", false, false, 0, 0, 0, NULL, 0 },
	{ "]<0>", false, false, 0, 0, 0, NULL, 0 },
	{ "]<0.4294967296>", false, false, 0, 0, 0, NULL, 0 },
	{ "]<-1.5>", false, false, 0, 0, 0, NULL, 0 },
};

static void
test_parse(void)
{
	struct imap_section s;
	struct imap_parse p;
	bool good;
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(cases); i++) {
		imap_parse_init(&p, arena, hm_str(cases[i].text));
		good = imap_p_section(&p, cases[i].binary, &s) && imap_p_end(&p);
		ok(good == cases[i].good, "[%s", cases[i].text);
		if (!good || !cases[i].good)
			continue;
		ok(s.kind == cases[i].kind && s.nparts == cases[i].nparts &&
		    s.nfields == cases[i].nfields && s.length == cases[i].length,
		    "and what it says");
		is_slice(s.text, cases[i].echo, "and how it is echoed");
	}
}

static const char message[] =
	"Subject: outer\r\n"
	"Content-Type: multipart/mixed; boundary=b\r\n"
	"\r\n"
	"preamble\r\n"
	"--b\r\n"
	"Content-Type: text/plain\r\n"
	"\r\n"
	"first\r\n"
	"--b\r\n"
	"Content-Type: message/rfc822\r\n"
	"\r\n"
	"Subject: inner\r\n"
	"From: a@b\r\n"
	"\r\n"
	"inner text\r\n"
	"--b--\r\n";

static const struct {
	const char *section;
	const char *want;      /* NULL: none */
} found[] = {
	{ "1]", "first" },
	{ "1.MIME]", "Content-Type: text/plain\r\n\r\n" },
	{ "2]", "Subject: inner\r\nFrom: a@b\r\n\r\ninner text" },
	{ "2.MIME]", "Content-Type: message/rfc822\r\n\r\n" },
	{ "2.HEADER]", "Subject: inner\r\nFrom: a@b\r\n\r\n" },
	{ "2.TEXT]", "inner text" },
	{ "2.1]", "inner text" },
	{ "HEADER]", "Subject: outer\r\n"
	  "Content-Type: multipart/mixed; boundary=b\r\n\r\n" },
	{ "1.HEADER]", NULL },
	{ "1.TEXT]", NULL },
	{ "3]", NULL },
	{ "1.1.1]", NULL },
	{ "]", message },
};

static void
test_find(void)
{
	struct hm_str text = hm_str(message);
	const struct hm_mime *mime;
	struct imap_section s;
	struct imap_parse p;
	uint64_t from, to;
	size_t i;
	int part;
	bool is;

	hm_mime_parse(arena, text, NULL, &mime);
	for (i = 0; i < HM_ARRAY_LEN(found); i++) {
		imap_parse_init(&p, arena, hm_str(found[i].section));
		imap_p_section(&p, false, &s);
		is = imap_section_find(&s, mime, &part, &from, &to);
		if (!is || !found[i].want)
			ok(is == !!found[i].want, "[%s is %s", found[i].section,
			    found[i].want ? "there" : "not there");
		else
			is_slice(hm_str_n(message + from, (size_t)(to - from)),
			    found[i].want, "[%s", found[i].section);
	}
}

static void
test_deep(void)
{
	struct hm_buf text = { 0 };
	const struct hm_mime *mime;
	struct imap_section s;
	struct imap_parse p;
	uint64_t from, to;
	int i, part;

	for (i = 0; i < 1000; i++)
		hm_buf_puts(&text, i ? ".1" : "1");
	hm_buf_puts(&text, "]<4294967290.4294967295>");
	imap_parse_init(&p, arena, hm_buf_view(&text));
	ok(imap_p_section(&p, false, &s), "a thousand part numbers are read");
	hm_mime_parse(arena, hm_str(message), NULL, &mime);
	ok(!imap_section_find(&s, mime, &part, &from, &to), "and name nothing");
	hm_buf_release(&text);
}

static void
test_fields(void)
{
	static const char header[] = "From: a\r\nSubject: b\r\n c\r\nfrom: d\r\n"
	    "X: y\r\n\r\n";
	struct hm_buf out = { 0 };
	struct imap_section s;
	struct imap_parse p;

	imap_parse_init(&p, arena, HM_STR("HEADER.FIELDS (FROM subject none)]"));
	imap_p_section(&p, false, &s);
	imap_section_fields(&s, hm_str(header), &out);
	is_str(out.p, "From: a\r\nSubject: b\r\n c\r\nfrom: d\r\n\r\n",
	    "the fields asked for, in the header's order");
	hm_buf_clear(&out);
	imap_parse_init(&p, arena, HM_STR("HEADER.FIELDS.NOT (FROM subject)]"));
	imap_p_section(&p, false, &s);
	imap_section_fields(&s, hm_str(header), &out);
	is_str(out.p, "X: y\r\n\r\n", "all but those");
	hm_buf_release(&out);
}

static void
test_cut(void)
{
	static const struct {
		uint32_t offset, length;
		uint64_t size, first, count;
	} cuts[] = {
		{ 0, 10, 100, 0, 10 },
		{ 95, 10, 100, 95, 5 },
		{ 100, 10, 100, 100, 0 },
		{ 4294967290, 4294967295, 100, 100, 0 },
		{ 10, 4294967295, 100, 10, 90 },
		{ 0, 1, 0, 0, 0 },
	};
	struct imap_section s = { 0 };
	uint64_t first, count;
	size_t i;

	imap_section_cut(&s, 77, &first, &count);
	ok(first == 0 && count == 77, "no partial takes all");
	for (i = 0; i < HM_ARRAY_LEN(cuts); i++) {
		s.partial = true;
		s.offset = cuts[i].offset;
		s.length = cuts[i].length;
		imap_section_cut(&s, cuts[i].size, &first, &count);
		ok(first == cuts[i].first && count == cuts[i].count,
		    "<%u.%u> of %u", s.offset, s.length, (unsigned)cuts[i].size);
	}
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	test_parse();
	test_find();
	test_deep();
	test_fields();
	test_cut();
	hm_arena_free(arena);
	return done();
}
