/* test-envelope.c - what a search finds in a ready-made envelope. */
#include <hermod/buf.h>
#include <hermod/mime.h>
#include <hermod/str.h>

#include "modules/imap/envelope.h"
#include "t/tap.h"

static const struct {
	const char *header;
	enum imap_envelope field;
	const char *want;            /* NULL: no such field */
} cases[] = {
	{ "Subject: hello\r\n", IMAP_ENVELOPE_SUBJECT, "hello" },
	{ "Subject:\r\n", IMAP_ENVELOPE_SUBJECT, "" },
	{ "From: a@b.example\r\n", IMAP_ENVELOPE_SUBJECT, NULL },
	{ "Subject: one\r\n two\r\n", IMAP_ENVELOPE_SUBJECT, "one two" },
	{ "Subject: say \"NIL\" \\ or (so)\r\n", IMAP_ENVELOPE_SUBJECT,
	    "say \"NIL\" \\ or (so)" },
	{ "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n", IMAP_ENVELOPE_SUBJECT,
	    "Gr\xc3\xbc\xc3\x9f" "e" },
	{ "Subject: raw \xc3\xbc\r\nTo: z@b.example\r\n", IMAP_ENVELOPE_SUBJECT,
	    "raw \xc3\xbc" },
	{ "Subject: raw \xc3\xbc\r\nTo: z@b.example\r\n", IMAP_ENVELOPE_TO,
	    "z@b.example" },
	{ "Date: Thu, 1 Oct 2026 08:00:00 +0000\r\n", IMAP_ENVELOPE_DATE,
	    "Thu, 1 Oct 2026 08:00:00 +0000" },
	{ "From: Anna Example <anna@b.example>\r\n", IMAP_ENVELOPE_FROM,
	    "Anna Example <anna@b.example>" },
	{ "From: \"Example, Anna\" <anna@b.example>\r\n", IMAP_ENVELOPE_FROM,
	    "Example, Anna <anna@b.example>" },
	{ "Cc: =?utf-8?Q?Gr=C3=BC=C3=9F?= <a@b.example>, c@d.example\r\n",
	    IMAP_ENVELOPE_CC, "Gr\xc3\xbc\xc3\x9f <a@b.example>, c@d.example" },
	{ "To: friends: a@b.example, c@d.example;, e@f.example\r\n",
	    IMAP_ENVELOPE_TO,
	    "friends: a@b.example, c@d.example;, e@f.example" },
	{ "To: undisclosed-recipients:;\r\n", IMAP_ENVELOPE_TO,
	    "undisclosed-recipients: ;" },
	{ "Bcc: x@y.example\r\nBcc: z@y.example\r\n", IMAP_ENVELOPE_BCC,
	    "x@y.example, z@y.example" },
	/* Without a sender it is who it is from. */
	{ "From: a@b.example\r\n", IMAP_ENVELOPE_SENDER, "a@b.example" },
};

static void
test_fields(void)
{
	struct hm_buf envelope = { 0 }, got = { 0 };
	bool there;
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(cases); i++) {
		const char *want = cases[i].want;

		hm_buf_clear(&envelope);
		hm_buf_clear(&got);
		hm_imap_envelope(&envelope, hm_str(cases[i].header));
		ok(imap_envelope_get(hm_buf_view(&envelope), cases[i].field,
		    &got, &there), "%.40s is read", cases[i].header);
		is_int(there, want != NULL, "whether the field is there");
		if (want)
			is_str(got.p ? got.p : "", want, "as text");
	}
	hm_buf_release(&envelope);
	hm_buf_release(&got);
}

/* Every part of an envelope, cut off or with one byte replaced, is taken or
 * refused, and nothing else. */
static void
test_broken(void)
{
	static const char header[] = "Date: now\r\nSubject: a\xff\\\"b\r\n"
	    "From: A <a@b.example>\r\nTo: g: c@d.example;\r\n";
	struct hm_buf envelope = { 0 }, got = { 0 };
	unsigned refused = 0;
	bool there;
	size_t i;

	hm_imap_envelope(&envelope, hm_str(header));
	for (i = 0; i < envelope.len; i++) {
		char kept = envelope.p[i];

		hm_buf_clear(&got);
		refused += !imap_envelope_get(hm_str_n(envelope.p, i),
		    IMAP_ENVELOPE_BCC, &got, &there);
		envelope.p[i] = '{';
		(void)imap_envelope_get(hm_buf_view(&envelope),
		    IMAP_ENVELOPE_BCC, &got, &there);
		envelope.p[i] = kept;
	}
	/* BCC ends before the last two fields do. */
	ok(refused > envelope.len / 2 && refused < envelope.len,
	    "%u of %zu beginnings are refused", refused, envelope.len);
	is_int(imap_envelope_get(HM_STR("(\"x\" {18446744073709551615}\r\nab"),
	    IMAP_ENVELOPE_SUBJECT, &got, &there), 0, "a literal beyond its end");
	hm_buf_release(&envelope);
	hm_buf_release(&got);
}

static void
test_names(void)
{
	is_int(imap_envelope_field(HM_STR("subJECT")), IMAP_ENVELOPE_SUBJECT,
	    "subJECT");
	is_int(imap_envelope_field(HM_STR("Bcc")), IMAP_ENVELOPE_BCC, "Bcc");
	is_int(imap_envelope_field(HM_STR("Message-ID")), 0, "Message-ID");
	is_int(imap_envelope_field(hm_str(NULL)), 0, "none");
}

int
main(void)
{
	test_fields();
	test_broken();
	test_names();
	return done();
}
