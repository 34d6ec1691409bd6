/* test-mime.c - structure, sections, decoding, stored form, IMAP's view. */
#include <time.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/header.h>
#include <hermod/mime.h>
#include <hermod/str.h>

#include "t/tap.h"

static struct hm_arena *arena;

/* Tests write "\n"; messages have CRLF. */
static struct hm_str
crlf(const char *text)
{
	struct hm_buf out = { 0 };

	for (; *text; text++) {
		if (*text == '\n')
			hm_buf_putc(&out, '\r');
		hm_buf_putc(&out, *text);
	}
	struct hm_str s = hm_str_dup(arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return s.p ? s : HM_STR("");
}

static const struct hm_mime *
parse(struct hm_str message)
{
	const struct hm_mime *mime = NULL;

	hm_mime_parse(arena, message, NULL, &mime);
	return mime;
}

/* BODYSTRUCTURE must be the same from the stored record. */
static const char *
structure(struct hm_str message, bool extended)
{
	struct hm_buf out = { 0 }, record = { 0 }, again = { 0 };
	const struct hm_mime *mime = parse(message), *stored = NULL;

	hm_imap_bodystructure(&out, message, mime, extended);
	hm_mime_pack(&record, mime);
	int rc = hm_mime_unpack(arena, hm_buf_view(&record), &stored);
	if (rc == 0)
		hm_imap_bodystructure(&again, message, stored, extended);
	if (rc < 0 || strcmp(out.p, again.p) != 0)
		ok(false, "the stored structure is the same");
	const char *text = hm_strdup(arena, out.p);
	hm_buf_release(&out);
	hm_buf_release(&record);
	hm_buf_release(&again);
	return text;
}

#define PLAIN "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "

static const struct {
	const char *name, *message, *body, *extended;
} structures[] = {
	{ "empty message", "", PLAIN "0 0)", PLAIN "0 0 NIL NIL NIL NIL)" },
	{ "header only", "From: a@b\n", PLAIN "0 0)", NULL },
	{ "plain", "From: a@b\n\nhello\n", PLAIN "7 1)", NULL },
	{ "no line end", "\nhello", PLAIN "5 0)", NULL },
	{ "type and parameters",
	    "Content-Type: TEXT/Html; Charset=\"utf-8\"; x=y\n"
	    "Content-Transfer-Encoding: BASE64\nContent-ID: <a@b>\n"
	    "Content-Description: =?utf-8?q?a?=\n\nYQ==\n",
	    "(\"text\" \"html\" (\"charset\" \"utf-8\" \"x\" \"y\") \"<a@b>\" "
	    "\"=?utf-8?q?a?=\" \"base64\" 6 1)", NULL },
	{ "extension data",
	    "Content-Type: image/gif; name=\"a\\\"b\"\nContent-MD5: x==\n"
	    "Content-Disposition: attachment; filename=a.gif\n"
	    "Content-Language: de, en\nContent-Location: http://x/\n\nGIF",
	    "(\"image\" \"gif\" (\"name\" \"a\\\"b\") NIL NIL \"7bit\" 3)",
	    "(\"image\" \"gif\" (\"name\" \"a\\\"b\") NIL NIL \"7bit\" 3 "
	    "\"x==\" (\"attachment\" (\"filename\" \"a.gif\")) (\"de\" \"en\")"
	    " \"http://x/\")" },
	{ "RFC 2231 comes out as one parameter",
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Disposition: inline; filename*0*=iso-8859-1'de'%e4;\n"
	    " filename*1=\"b.txt\"\n\n",
	    "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 0 0)",
	    "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 0 0 "
	    "NIL (\"inline\" (\"filename*\" \"utf-8''%C3%A4b.txt\")) NIL NIL)" },
	{ "multipart",
	    "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\n"
	    "one\n--b\nContent-Type: text/html\n\ntwo\n\n--b--\nepilogue\n",
	    "(" PLAIN "3 0)(\"text\" \"html\" (\"charset\" \"us-ascii\") NIL NIL"
	    " \"7bit\" 5 1) \"mixed\")",
	    "(" PLAIN "3 0 NIL NIL NIL NIL)(\"text\" \"html\" (\"charset\" "
	    "\"us-ascii\") NIL NIL \"7bit\" 5 1 NIL NIL NIL NIL) \"mixed\" "
	    "(\"boundary\" \"b\") NIL NIL NIL)" },
	{ "boundary that is the prefix of another",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	    "Content-Type: multipart/alternative; boundary=b2\n\n--b2\n\none\n"
	    "--b2--\n--b  \n\ntwo\n--b--x\n--b--\n",
	    "((" PLAIN "3 0) \"alternative\")" PLAIN "11 1) \"mixed\")", NULL },
	{ "boundary with spaces, folded",
	    "Content-Type: multipart/mixed; boundary=\"foo\n bar\"\n\n"
	    "--foo bar\n\nx\n--foo bar--\n", "(" PLAIN "1 0) \"mixed\")", NULL },
	{ "no closing boundary",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n",
	    "(" PLAIN "5 1) \"mixed\")", NULL },
	{ "outer boundary ends inner parts",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	    "Content-Type: multipart/mixed; boundary=c\n\n--c\n\none\n"
	    "--b\n\ntwo\n--b--\n",
	    "((" PLAIN "3 0) \"mixed\")" PLAIN "3 0) \"mixed\")", NULL },
	{ "boundary inside a header",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	    "Content-Type: text/html\n--b\n--b--\n",
	    "((\"text\" \"html\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
	    "0 0)" PLAIN "0 0) \"mixed\")", NULL },
	{ "multipart without parts",
	    "Content-Type: multipart/mixed; boundary=b\n\nnothing\n",
	    "(" PLAIN "0 0) \"mixed\")", NULL },
	{ "multipart without boundary",
	    "Content-Type: multipart/mixed\n\n--b\n\nx\n",
	    "(" PLAIN "0 0) \"mixed\")", NULL },
	{ "digest",
	    "Content-Type: multipart/digest; boundary=b\n\n--b\n\n"
	    "Subject: s\n\nhi\n--b--\n",
	    "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 16 (NIL \"s\" NIL "
	    "NIL NIL NIL NIL NIL NIL NIL) " PLAIN "2 0) 2) \"digest\")", NULL },
	{ "message",
	    "Content-Type: message/rfc822\n\nFrom: A <a@b>\nSubject: s\n\nhi\n",
	    "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 33 (NIL \"s\" ((\"A\""
	    " NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" "
	    "\"b\")) NIL NIL NIL NIL NIL) " PLAIN "4 1) 4)", NULL },
	{ "encoded message is not looked into",
	    "Content-Type: message/rfc822\n"
	    "Content-Transfer-Encoding: base64\n\nRnJvbTogYUBiCg==\n",
	    "(\"message\" \"rfc822\" NIL NIL NIL \"base64\" 18 (NIL NIL NIL NIL"
	    " NIL NIL NIL NIL NIL NIL) " PLAIN "0 0) 1)", NULL },
	{ "malformed types",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	    "Content-Type: text\n\n--b\nContent-Type: nonsense\n\n--b\n"
	    "Content-Type: a/b;;; =x; c\n\n--b--\n",
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
	    "0 0)(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 0)"
	    "(\"a\" \"b\" NIL NIL NIL \"7bit\" 0) \"mixed\")", NULL },
	{ "the first of two fields counts",
	    "Content-Type: text/html\nContent-Type: text/plain\n\n",
	    "(\"text\" \"html\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)",
	    NULL },
};

static void
test_structures(void)
{
	is_int(parse((struct hm_str){ NULL, 0 })->n, 1, "an absent message");
	for (size_t i = 0; i < HM_ARRAY_LEN(structures); i++) {
		struct hm_str msg = crlf(structures[i].message);
		is_str(structure(msg, false), structures[i].body, "BODY: %s",
		    structures[i].name);
		if (structures[i].extended)
			is_str(structure(msg, true), structures[i].extended,
			    "BODYSTRUCTURE: %s", structures[i].name);
	}
}

static void
test_envelopes(void)
{
	static const struct {
		const char *header, *envelope;
	} cases[] = {
		{ "", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)" },
		{ "Date: d\nSubject:  a\n b \nFrom: \"A, B\" <a@b>\n"
		    "Sender:\nReply-To: <r@s>\nTo: g: x@y;\nCc: u\n"
		    "In-Reply-To: <1@x>\nMessage-ID: <2@x>\n\n",
		    "(\"d\" \"a b\" ((\"A, B\" NIL \"a\" \"b\")) ((\"A, B\" NIL "
		    "\"a\" \"b\")) ((NIL NIL \"r\" \"s\")) ((NIL NIL \"g\" NIL)"
		    "(NIL NIL \"x\" \"y\")(NIL NIL NIL NIL)) ((NIL NIL \"u\" "
		    "\"\")) NIL \"<1@x>\" \"<2@x>\")" },
		{ "To: a@b\nTo: c@d\nSubject: one\nSubject: two\nCc: x y\n\n",
		    "(NIL \"one\" NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL "
		    "\"c\" \"d\")) ((\"x y\" NIL \"\" \"\")) NIL NIL NIL)" },
		{ "Subject: a\"b\\c\n\n", "(NIL \"a\\\"b\\\\c\" NIL NIL NIL NIL "
		    "NIL NIL NIL NIL)" },
		{ "Subject: \xc3\xa4\nSubject:\n\n", "(NIL {2}\r\n\xc3\xa4 NIL "
		    "NIL NIL NIL NIL NIL NIL NIL)" },
		{ "Subject:\n\n", "(NIL \"\" NIL NIL NIL NIL NIL NIL NIL NIL)" },
		{ "To: <@r,@s:\"a b\"@c>\n\n", "(NIL NIL NIL NIL NIL ((NIL "
		    "\"@r,@s\" \"a b\" \"c\")) NIL NIL NIL NIL)" },
	};
	struct hm_buf out = { 0 };

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		hm_buf_clear(&out);
		hm_imap_envelope(&out, crlf(cases[i].header));
		is_str(out.p, cases[i].envelope, "ENVELOPE %zu", i);
	}
	hm_buf_clear(&out);
	hm_imap_string(&out, (struct hm_str){ NULL, 0 });
	hm_imap_string(&out, HM_STR(""));
	hm_imap_string(&out, HM_STR("a\0b\n"));
	hm_imap_string(&out, HM_STR("a\tb"));
	hm_imap_string(&out, HM_STR("\004"));
	is_str(out.p, "NIL\"\"{3}\r\nab\n\"a\tb\"{1}\r\n\004", "strings: NUL can "
	    "stand nowhere, and controls in no quotes");
	hm_buf_release(&out);
}

static void
test_sections(void)
{
	struct hm_str msg = crlf("Content-Type: multipart/mixed; boundary=b\n\n"
	    "--b\n\none\n--b\nContent-Type: message/rfc822\n\n"
	    "Content-Type: multipart/mixed; boundary=c\n\n--c\n\nin1\n"
	    "--c\n\nin2\n--c--\n--b\nContent-Type: message/rfc822\n\n"
	    "Subject: s\n\nsingle\n--b--\n");
	const struct hm_mime *mime = parse(msg);
	static const struct {
		uint32_t at[4];
		size_t n;
		const char *body;
	} cases[] = {
		{ { 1 }, 1, "one" }, { { 2, 1 }, 2, "in1" },
		{ { 2, 2 }, 2, "in2" }, { { 3, 1 }, 2, "single" },
		{ { 4 }, 1, NULL }, { { 1, 1 }, 2, NULL },
		{ { 2, 3 }, 2, NULL }, { { 3, 2 }, 2, NULL },
		{ { 3, 1, 1 }, 3, NULL }, { { 0 }, 1, NULL },
	};

	is_int(hm_mime_section(mime, NULL, 0), 0, "the whole");
	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		int part = hm_mime_section(mime, cases[i].at, cases[i].n);
		struct hm_str body = { NULL, 0 };
		if (part != HM_MIME_NONE)
			body = hm_str_n(msg.p + mime->parts[part].body,
			    (size_t)(mime->parts[part].end -
			    mime->parts[part].body));
		is_slice(body, cases[i].body, "section %u.%u", cases[i].at[0],
		    cases[i].at[1]);
	}
	uint32_t one = 1, eleven[] = { 1, 1 };
	mime = parse(crlf("\nbody"));
	is_int(hm_mime_section(mime, &one, 1), 0, "1 of a simple message");
	is_int(hm_mime_section(mime, eleven, 2), HM_MIME_NONE, "but not 1.1");
	mime = parse(crlf("Content-Type: message/rfc822\n\nSubject: s\n\nx"));
	is_int(hm_mime_section(mime, &one, 1), 0, "1 of a message in a message");
	is_int(hm_mime_section(mime, eleven, 2), 1, "1.1 is inside");
}

static void
test_limits(void)
{
	struct hm_buf in = { 0 };
	const struct hm_mime *mime;
	struct hm_mime_limits limits = { .depth = 5, .parts = 7 };

	for (int i = 0; i < 10000; i++)
		hm_buf_printf(&in, "Content-Type: multipart/mixed; boundary=b%d"
		    "\r\n\r\n--b%d\r\n", i, i);
	mime = parse(hm_buf_view(&in));
	is_int(mime->n, 100, "10,000 levels: 100 are parsed");
	ok(mime->truncated, "… and the rest is said to be there");
	hm_mime_parse(arena, hm_buf_view(&in), &limits, &mime);
	is_int(mime->n, 5, "or fewer");
	hm_buf_clear(&in);
	for (int i = 0; i < 10000; i++)
		hm_buf_puts(&in, "Content-Type: message/rfc822\r\n\r\n");
	mime = parse(hm_buf_view(&in));
	ok(mime->n == 100 && mime->truncated, "messages likewise");
	ok(!mime->parts[99].message, "the last is opaque");
	structure(hm_buf_view(&in), true);

	hm_buf_clear(&in);
	hm_buf_puts(&in, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 100000; i++)
		hm_buf_puts(&in, "--b\r\n\r\nx\r\n");
	mime = parse(hm_buf_view(&in));
	ok(mime->n == 10000 && mime->truncated, "100,000 parts: 10,000");
	hm_mime_parse(arena, hm_buf_view(&in), &limits, &mime);
	is_int(mime->n, 7, "or fewer");

	hm_buf_clear(&in);
	while (in.len < 3 * 1024 * 1024)
		hm_buf_puts(&in, "X-Field: value\r\n");
	hm_buf_puts(&in, "\r\nbody");
	mime = parse(hm_buf_view(&in));
	ok(mime->truncated && mime->parts[0].body < 1100000 &&
	    mime->parts[0].end == in.len, "a header of 3 MiB ends at 1 MiB");

	hm_buf_clear(&in);
	hm_buf_puts(&in, "Content-Type: a/b");
	for (int i = 0; i < 100000; i++)
		hm_buf_printf(&in, ";(;x*%d=y", i);
	hm_buf_puts(&in, "\r\n\r\n");
	mime = parse(hm_buf_view(&in));
	ok(mime->parts[0].nparams <= 1, "100,000 continuations");
	hm_buf_release(&in);
}

static void
test_decode(void)
{
	static const struct {
		const char *message, *bytes, *text;
		int rc;
	} cases[] = {
		{ "\nabc", "abc", "abc", 0 },
		{ "Content-Transfer-Encoding: base64\n\nw6Q=\n", "\xc3\xa4",
		    "\xc3\xa4", 0 },
		{ "Content-Transfer-Encoding: base64 (x)\n"
		    "Content-Type: text/plain; charset=latin1\n\n5A\n", "\xe4",
		    "\xc3\xa4", 0 },
		{ "Content-Transfer-Encoding: Quoted-Printable\n"
		    "Content-Type: text/plain; charset=\"koi8-r\"\n\n=F0=\n=D2",
		    "\xf0\xd2", "\xd0\x9f\xd1\x80", 0 },
		{ "Content-Type: text/plain; charset=no-such\n\n\xe4", "\xe4",
		    "\xc3\xa4", 0 },
		{ "\n\xe4", "\xe4", "\xc3\xa4", 0 },
		{ "Content-Transfer-Encoding: 8 bits\n\n\xc3\xa4", "\xc3\xa4",
		    "\xc3\xa4", 0 },
		{ "Content-Transfer-Encoding: x-own\n\nabc", "", "",
		    -HM_EUNSUPPORTED },
	};
	struct hm_buf out = { 0 };

	hm_buf_puts(&out, "");
	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		struct hm_str msg = crlf(cases[i].message);
		const struct hm_mime *mime = parse(msg);
		hm_buf_clear(&out);
		is_int(hm_mime_decode(&out, msg, &mime->parts[0], 1000),
		    cases[i].rc, "decode %zu", i);
		is_slice(hm_buf_view(&out), cases[i].bytes, "… bytes");
		hm_buf_clear(&out);
		is_int(hm_mime_text(&out, msg, &mime->parts[0], 1000),
		    cases[i].rc, "… as text");
		is_slice(hm_buf_view(&out), cases[i].text, "… is");
	}
	struct hm_str msg = crlf("\n\xc3\xa4\xc3\xa4");
	const struct hm_mime *mime = parse(msg);
	hm_buf_clear(&out);
	is_int(hm_mime_decode(&out, msg, &mime->parts[0], 3), -HM_ELIMIT,
	    "bytes are cut");
	is_int(out.len, 3, "at the limit");
	hm_buf_release(&out);
}

static void
test_filenames(void)
{
	static const struct {
		const char *fields, *name;
	} cases[] = {
		{ "", NULL },
		{ "Content-Disposition: attachment; filename=a.txt\n", "a.txt" },
		{ "Content-Type: a/b; name=n\n", "n" },
		{ "Content-Type: a/b; name=n\n"
		    "Content-Disposition: attachment; filename=f\n", "f" },
		{ "Content-Disposition: x; filename=\"=?utf-8?q?=C3=A4?=\"\n",
		    "\xc3\xa4" },
		{ "Content-Disposition: x; filename=\"../../etc/passwd\"\n",
		    "_._.._etc_passwd" },
		{ "Content-Disposition: x; filename=\"C:\\\\x\"\n", "C__x" },
		{ "Content-Disposition: x; filename*=utf-8''a%E2%80%AEtxt.exe\n",
		    "a_txt.exe" },
		{ "Content-Disposition: x; filename=con.txt\n", "_con.txt" },
		{ "Content-Disposition: x; filename=LPT1\n", "_LPT1" },
		{ "Content-Disposition: x; filename=\"\xe4.txt\"\n",
		    "\xc3\xa4.txt" },
		{ "Content-Disposition: x; filename=\"a\n b\"\n", "a b" },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		struct hm_str msg = crlf(hm_printf(arena, "%s\n",
		    cases[i].fields));
		is_slice(hm_mime_filename(arena, &parse(msg)->parts[0]),
		    cases[i].name, "file name %zu", i);
	}
	struct hm_buf in = { 0 };
	hm_buf_puts(&in, "Content-Type: a/b; name=");
	for (int i = 0; i < 65536; i++)
		hm_buf_putc(&in, 'x');
	hm_buf_puts(&in, "\r\n\r\n");
	struct hm_str name = hm_mime_filename(arena,
	    &parse(hm_buf_view(&in))->parts[0]);
	ok(name.len > 200 && name.len <= 255, "64 KiB are too long");
	hm_buf_release(&in);
}

/* Any damage to a record is found or harmless. */
static void
test_pack(void)
{
	struct hm_buf record = { 0 }, text = { 0 };
	const struct hm_mime *mime = parse(crlf("Content-Type: multipart/mixed;"
	    " boundary=b\nContent-Language: de\n\n--b\n"
	    "Content-Type: message/rfc822\n\nSubject: s\n\nx\n--b\n\ny\n--b--\n"));

	hm_mime_pack(&record, mime);
	int bad = 0;
	for (size_t i = 0; i < record.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			const struct hm_mime *got = NULL;
			struct hm_arena *a = hm_arena_new(NULL, "pack");
			record.p[i] ^= (char)(1 << bit);
			if (hm_mime_unpack(a, hm_buf_view(&record), &got) < 0)
				bad++;
			else
				hm_imap_bodystructure(&text, HM_STR(""), got,
				    true);
			hm_buf_clear(&text);
			record.p[i] ^= (char)(1 << bit);
			hm_arena_free(a);
		}
	}
	ok(bad > 100, "flipped bits are found, or do no harm");
	const struct hm_mime *got;
	for (size_t i = 0; i < record.len; i++)
		if (hm_mime_unpack(arena, hm_str_n(record.p, i), &got) !=
		    -HM_ECORRUPT)
			ok(false, "cut at %zu", i);
	is_int(hm_mime_unpack(arena, hm_buf_view(&record), &got), 0, "whole");
	ok(got->n == mime->n && got->parts[1].message, "and the same");
	hm_buf_release(&record);
	hm_buf_release(&text);
}

/* Structure, envelope and both body forms of an ordinary message. */
static void
test_speed(void)
{
	struct hm_buf in = { 0 }, out = { 0 };
	struct timespec from, to;
	enum { ROUNDS = 2000 };

	hm_buf_puts(&in, "Received: from a (b [192.0.2.1]) by c with ESMTP;\r\n"
	    "\tFri, 20 Nov 2026 12:00:00 +0000\r\n"
	    "From: \"A, B\" <a@b.example>\r\nTo: C D <c@d.example>,\r\n"
	    " e@f.example\r\nSubject: =?utf-8?q?a?= subject\r\n"
	    "Date: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
	    "Message-ID: <1@a.example>\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/alternative; boundary=\"bound\"\r\n\r\n"
	    "--bound\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
	while (in.len < 2400)
		hm_buf_puts(&in, "A line of text such as people write it.\r\n");
	hm_buf_puts(&in, "--bound\r\nContent-Type: text/html; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	while (in.len < 4096)
		hm_buf_puts(&in, "<p>A line of text such as people write it.=\r\n");
	hm_buf_puts(&in, "--bound--\r\n");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (int i = 0; i < ROUNDS; i++) {
		struct hm_arena *a = hm_arena_new(NULL, "speed");
		const struct hm_mime *mime;
		hm_mime_parse(a, hm_buf_view(&in), NULL, &mime);
		hm_buf_clear(&out);
		hm_imap_envelope(&out, hm_buf_view(&in));
		hm_imap_bodystructure(&out, hm_buf_view(&in), mime, false);
		hm_imap_bodystructure(&out, hm_buf_view(&in), mime, true);
		hm_arena_free(a);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	double us = ((double)(to.tv_sec - from.tv_sec) * 1e6 +
	    (double)(to.tv_nsec - from.tv_nsec) / 1e3) / ROUNDS;
	diag("%.1f us for a message of 4 KiB", us);
	ok(us < 1000, "far from slow, even with sanitizers");
	hm_buf_release(&in);
	hm_buf_release(&out);
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	test_structures();
	test_envelopes();
	test_sections();
	test_limits();
	test_decode();
	test_filenames();
	test_pack();
	test_speed();
	hm_arena_free(arena);
	return done();
}
