/* test-grammar.c - commands, parameters and the end of data, as tables. */
#include "modules/smtp/smtp.h"
#include "t/tap.h"

static void
test_verbs(void)
{
	static const struct {
		const char *line;
		enum smtp_verb verb;
		const char *rest;
	} t[] = {
		{ "QUIT", SMTP_QUIT, "" },
		{ "quit", SMTP_QUIT, "" },
		{ "MAIL FROM:<a@b>", SMTP_MAIL, "FROM:<a@b>" },
		{ "ehlo  x", SMTP_EHLO, " x" },
		{ "QUITX", SMTP_UNKNOWN, "" },
		{ "QUI", SMTP_UNKNOWN, "" },
		{ "", SMTP_UNKNOWN, "" },
		{ " QUIT", SMTP_UNKNOWN, "QUIT" },
		{ "GET / HTTP/1.1", SMTP_UNKNOWN, "/ HTTP/1.1" },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		struct hm_str rest;

		is_int(smtp_parse_verb(hm_str(t[i].line), &rest), t[i].verb,
		    "verb of '%s'", t[i].line);
		ok(hm_str_is(rest, t[i].rest), "rest of '%s'", t[i].line);
	}
}

/* 2026-11-28T12:00:00Z */
enum { NOW_S = 1795867200 };

static void
test_queue_params(void)
{
	const struct smtp_offer offer = { .max_size = 1024, .max_hold_s = 86400,
	    .now_s = NOW_S, .offers = SMTP_OFFERS_DSN | SMTP_OFFERS_HOLD |
	    SMTP_OFFERS_REQUIRETLS };
	static const struct {
		const char *params;
		int code;
		int ret;
		const char *envid;
		int64_t hold_s;
		bool requiretls;
	} t[] = {
		{ " RET=FULL ENVID=QQ314159", 0, HM_RET_FULL, "QQ314159", 0, false },
		{ " ret=hdrs", 0, HM_RET_HDRS, "", 0, false },
		{ " RET=BODY", 501, 0, "", 0, false },
		{ " RET", 501, 0, "", 0, false },
		{ " ENVID=a+2Bb", 0, 0, "a+2Bb", 0, false },
		{ " ENVID=a+2", 501, 0, "", 0, false },
		{ " ENVID=", 501, 0, "", 0, false },
		{ " ENVID=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    501, 0, "", 0, false },
		{ " HOLDFOR=3600", 0, 0, "", 3600, false },
		{ " HOLDFOR=86401", 554, 0, "", 0, false },
		{ " HOLDFOR=0", 554, 0, "", 0, false },
		{ " HOLDFOR=1h", 501, 0, "", 0, false },
		{ " HOLDUNTIL=2026-11-28T13:00:00Z", 0, 0, "", 3600, false },
		{ " HOLDUNTIL=2026-11-28T13:00:00.5Z", 0, 0, "", 3600, false },
		{ " HOLDUNTIL=2026-11-28T15:30:00+02:30", 0, 0, "", 3600, false },
		{ " HOLDUNTIL=2026-11-28T11:00:00-02:00", 0, 0, "", 3600, false },
		{ " HOLDUNTIL=2026-11-28T11:00:00Z", 554, 0, "", 0, false },
		{ " HOLDUNTIL=2026-13-28T11:00:00Z", 501, 0, "", 0, false },
		{ " HOLDUNTIL=2026-11-28T13:00:00", 501, 0, "", 0, false },
		{ " HOLDUNTIL=tomorrow", 501, 0, "", 0, false },
		{ " HOLDFOR=5 HOLDUNTIL=2026-11-28T13:00:00Z", 501, 0, "", 0, false },
		{ " REQUIRETLS", 0, 0, "", 0, true },
		{ " REQUIRETLS=yes", 501, 0, "", 0, false },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		struct smtp_mail_params got;
		struct hm_err err = { 0 };
		const char *esc = "";
		int code = 0;
		int r = smtp_parse_mail_params(hm_str(t[i].params), &offer, &got,
		    &code, &esc, &err);

		is_int(r < 0 ? code : 0, t[i].code, "MAIL parameters '%s'",
		    t[i].params);
		if (r < 0)
			continue;
		is_int(got.ret, t[i].ret, "RET of '%s'", t[i].params);
		ok(hm_str_is(got.envid, t[i].envid), "ENVID of '%s'", t[i].params);
		is_int(got.hold_s, t[i].hold_s, "hold of '%s'", t[i].params);
		is_int(got.requiretls, t[i].requiretls, "REQUIRETLS of '%s'",
		    t[i].params);
	}
}

static void
test_rcpt_params(void)
{
	const struct smtp_offer dsn = { .offers = SMTP_OFFERS_DSN }, none = { 0 };
	static const struct {
		const char *params;
		int code;
		unsigned notify;
		const char *orcpt;
	} t[] = {
		{ "", 0, 0, "" },
		{ " NOTIFY=NEVER", 0, HM_NOTIFY_NEVER, "" },
		{ " NOTIFY=success,DELAY", 0, HM_NOTIFY_SUCCESS | HM_NOTIFY_DELAY,
		    "" },
		{ " NOTIFY=FAILURE ORCPT=rfc822;a+2Bb@c.example", 0,
		    HM_NOTIFY_FAILURE, "rfc822;a+2Bb@c.example" },
		{ " NOTIFY=NEVER,DELAY", 501, 0, "" },
		{ " NOTIFY=DELAY,DELAY", 501, 0, "" },
		{ " NOTIFY=", 501, 0, "" },
		{ " NOTIFY=OFTEN", 501, 0, "" },
		{ " NOTIFY=DELAY NOTIFY=FAILURE", 501, 0, "" },
		{ " ORCPT=a@b", 501, 0, "" },
		{ " ORCPT=rfc822;", 501, 0, "" },
		{ " ORCPT=rfc822;a+zz", 501, 0, "" },
		{ " ORCPT=;a", 501, 0, "" },
		{ " SIZE=5", 555, 0, "" },
	};
	struct smtp_rcpt_params got;
	const char *esc;
	int code;

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		int r = smtp_parse_rcpt_params(hm_str(t[i].params), &dsn, &got,
		    &code, &esc, NULL);

		is_int(r < 0 ? code : 0, t[i].code, "RCPT parameters '%s'",
		    t[i].params);
		if (r < 0)
			continue;
		is_int(got.notify, t[i].notify, "NOTIFY of '%s'", t[i].params);
		ok(hm_str_is(got.orcpt, t[i].orcpt), "ORCPT of '%s'", t[i].params);
	}
	is_int(smtp_parse_rcpt_params(hm_str(" NOTIFY=NEVER"), &none, &got, &code,
	    &esc, NULL) < 0 ? code : 0, 555, "no reports where none are offered");
}

static void
test_mail_params(void)
{
	const struct smtp_offer offer = { .max_size = 1024 };
	static const struct {
		const char *params;
		int code;             /* 0: good */
		uint64_t size;
		int body;
		bool utf8;
	} t[] = {
		{ "", 0, 0, SMTP_BODY_7BIT, false },
		{ " SIZE=1000", 0, 1000, SMTP_BODY_7BIT, false },
		{ " size=1000 body=8bitmime smtputf8", 0, 1000,
		    SMTP_BODY_8BITMIME, true },
		{ " BODY=BINARYMIME", 0, 0, SMTP_BODY_BINARY, false },
		{ "  SIZE=5 ", 0, 5, SMTP_BODY_7BIT, false },
		{ " AUTH=<>", 0, 0, SMTP_BODY_7BIT, false },
		{ " AUTH=e+3Dmc2@example.com", 0, 0, SMTP_BODY_7BIT, false },
		{ " SIZE=-1", 501, 0, 0, false },
		{ " SIZE=", 501, 0, 0, false },
		{ " SIZE", 501, 0, 0, false },
		{ " SIZE=1025", 552, 0, 0, false },
		{ " SIZE=18446744073709551615", 552, 0, 0, false },
		{ " SIZE=99999999999999999999", 552, 0, 0, false },
		{ " SIZE=999999999999999999999999999", 501, 0, 0, false },
		{ " SIZE=1 SIZE=1", 501, 0, 0, false },
		{ " BODY=9BIT", 501, 0, 0, false },
		{ " SMTPUTF8=yes", 501, 0, 0, false },
		{ " AUTH=+zz", 501, 0, 0, false },
		{ " AUTH=", 501, 0, 0, false },
		{ " RET=FULL", 555, 0, 0, false },
		{ " =x", 555, 0, 0, false },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		struct smtp_mail_params got;
		struct hm_err err = { 0 };
		const char *esc = "";
		int code = 0;
		int r = smtp_parse_mail_params(hm_str(t[i].params), &offer, &got,
		    &code, &esc, &err);

		is_int(r < 0 ? code : 0, t[i].code, "MAIL parameters '%s'",
		    t[i].params);
		if (r < 0) {
			ok(esc[0] == '5' && err.text[0] != '\0',
			    "'%s' is explained", t[i].params);
			continue;
		}
		is_int((intmax_t)got.size, (intmax_t)t[i].size, "SIZE");
		is_int(got.body, t[i].body, "BODY");
		is_int(got.smtputf8, t[i].utf8, "SMTPUTF8");
	}
}

static void
test_bdat(void)
{
	static const struct {
		const char *rest;
		int result;
		uint64_t size;
		bool last;
	} t[] = {
		{ "0", 0, 0, false },
		{ "0 LAST", 0, 0, true },
		{ "1000 last", 0, 1000, true },
		{ "9223372036854775807", 0, INT64_MAX, false },
		{ "9223372036854775808", -HM_ESYNTAX, 0, false },
		{ "-1", -HM_ESYNTAX, 0, false },
		{ "", -HM_ESYNTAX, 0, false },
		{ "1 FIRST", -HM_ESYNTAX, 0, false },
		{ "1 LAST LAST", -HM_ESYNTAX, 0, false },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		uint64_t size = 0;
		bool last = false;
		int r = smtp_parse_bdat(hm_str(t[i].rest), &size, &last);

		is_int(r, t[i].result, "BDAT %s", t[i].rest);
		if (r == 0)
			ok(size == t[i].size && last == t[i].last,
			    "BDAT %s means what it says", t[i].rest);
	}
}

static void
test_helo(void)
{
	static const struct {
		const char *name;
		bool valid;
	} t[] = {
		{ "mail.example.org", true }, { "localhost", true },
		{ "under_score.example", true }, { "[192.0.2.1]", true },
		{ "[IPv6:2001:db8::1]", true }, { "b\xc3\xbc" "cher.example", true },
		{ "", false }, { "a..b", false }, { ".a", false },
		{ "-a", false }, { "a b", false }, { "a@b", false },
		{ "[2001:db8::1]", false }, { "[IPv6:192.0.2.1]", false },
		{ "[192.0.2.1", false }, { "[192.0.2.1:25]", false },
		{ "[[192.0.2.1]]", false }, { "[]", false }, { "[", false },
		{ "b\xfc" "cher.example", false },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++)
		is_int(smtp_helo_valid(hm_str(t[i].name), false), t[i].valid,
		    "HELO argument '%s'", t[i].name);
}

/* in: the bytes behind DATA. rest: what must be left over; NULL: no end. */
static void
test_dot(void)
{
	static const struct {
		const char *in, *out, *rest;
		bool stray;
	} t[] = {
		{ ".\r\n", "", "", false },
		{ "a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n", false },
		{ "a\r\n..\r\n.\r\n", "a\r\n.\r\n", "", false },
		{ "..a\r\n.b\r\n.\r\n", ".a\r\nb\r\n", "", false },
		{ "\r\n\r\n.\r\n", "\r\n\r\n", "", false },
		{ "a\n.\n", "a\n.\n", NULL, true },
		{ "a\n.\r\n", "a\n.\r\n", NULL, true },
		{ "a\r\n.\n", "a\r\n\n", NULL, true },
		{ "a\r.\r", "a\r.", NULL, true },
		{ "a\r\n.\r\r\n", "a\r\n\r\r\n", NULL, true },
		{ "a\r\r\n.\r\nx", "a\r\r\n", "x", true },
		{ "a\n.\r\nb\r\n.\r\nx", "a\n.\r\nb\r\n", "x", true },
		{ "a.\r\n", "a.\r\n", NULL, false },
		{ "a\r\n\1.\r\n", "a\r\n\1.\r\n", NULL, false },
		{ "a", "a", NULL, false },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		for (size_t step = 1; step <= 16; step *= 2) {
			struct hm_str in = hm_str(t[i].in);
			struct smtp_dot dot = { 0 };
			struct hm_buf out = { 0 };
			bool end = false;

			while (in.len > 0 && !end)
				in = hm_str_skip(in, smtp_dot_feed(&dot,
				    hm_str_take(in, step), &out, &end));
			is_int(end, t[i].rest != NULL, "case %zu: end", i);
			is_int(dot.stray, t[i].stray, "case %zu: strays", i);
			is_bytes(out.p ? out.p : "", out.len, t[i].out,
			    strlen(t[i].out), "case %zu: message", i);
			if (end)
				ok(hm_str_is(in, t[i].rest), "case %zu: rest", i);
			hm_buf_release(&out);
		}
	}
}

int
main(void)
{
	test_verbs();
	test_mail_params();
	test_queue_params();
	test_rcpt_params();
	test_bdat();
	test_helo();
	test_dot();
	return done();
}
