/* test-client.c - replies and dots, as tables. */
#include "modules/smtp-client/client.h"
#include "t/tap.h"

static void
test_replies(void)
{
	static const struct {
		const char *lines;     /* separated by '|' */
		int result, code;
		const char *esc;
	} t[] = {
		{ "250 2.1.0 ok", 0, 250, "2.1.0" },
		{ "250-2.0.0 a|250 2.0.0 b", 0, 250, "2.0.0" },
		{ "250", 0, 250, "" },
		{ "550 5.1.1", 0, 550, "5.1.1" },
		{ "550 4.1.1 other class", 0, 550, "" },
		{ "550 5.1", 0, 550, "" },
		{ "550 5.1000.1 x", 0, 550, "" },
		{ "250-a|550 b", -HM_ESYNTAX, 0, "" },
		{ "250_a", -HM_ESYNTAX, 0, "" },
		{ "25 a", -HM_ESYNTAX, 0, "" },
		{ "999 a", -HM_ESYNTAX, 0, "" },
		{ "HTTP/1.1 400", -HM_ESYNTAX, 0, "" },
		{ "", -HM_ESYNTAX, 0, "" },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		struct client_reply reply = { 0 };
		struct hm_str rest = hm_str(t[i].lines);
		int r = 0;

		while (rest.p != NULL && r == 0)
			r = client_reply_add(&reply, hm_str_split(&rest, '|'));
		is_int(r, t[i].result, "'%s'", t[i].lines);
		if (r == 0) {
			is_int(reply.code, t[i].code, "its code");
			ok(hm_str_is(client_reply_esc(&reply), t[i].esc),
			    "its enhanced code");
			ok(reply.whole, "it is whole");
		}
		client_reply_release(&reply);
	}
}

static void
test_endless(void)
{
	struct client_reply reply = { 0 };
	int r = 0, n = 0;

	while (r == 0 && n < 100000) {
		r = client_reply_add(&reply, HM_STR("250-and so on and on and on"));
		n++;
	}
	is_int(r, -HM_ELIMIT, "a reply without end is ended");
	ok(reply.text.len <= REPLY_TEXT_MAX, "little of it is kept");
	client_reply_release(&reply);
}

static void
test_offer(void)
{
	struct client_reply reply = { 0 };
	struct client_offer offer;
	const char *const lines[] = { "250-DSN.example SIZE", "250-size 1000",
		"250-AUTH PLAIN  SCRAM-SHA-1", "250-LIMITS MAILMAX=5 RCPTMAX=20",
		"250-XSTARTTLS", "250 8BITMIME" };

	for (size_t i = 0; i < HM_ARRAY_LEN(lines); i++)
		(void)client_reply_add(&reply, hm_str(lines[i]));
	client_offer_read(&reply, &offer);
	is_int(offer.extensions, HM_SMTP_EXT_SIZE | HM_SMTP_EXT_AUTH |
	    HM_SMTP_EXT_LIMITS | HM_SMTP_EXT_8BITMIME, "what is offered");
	is_int((int64_t)offer.max_size, 1000, "SIZE");
	is_int(offer.max_rcpts, 20, "RCPTMAX");
	ok(hm_str_is(offer.auth, "PLAIN  SCRAM-SHA-1"), "mechanisms");
	client_reply_release(&reply);
}

static void
test_dots(void)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "", ".\r\n" },
		{ "a\r\n", "a\r\n.\r\n" },
		{ "a", "a\r\n.\r\n" },
		{ ".", "..\r\n.\r\n" },
		{ ".\r\n", "..\r\n.\r\n" },
		{ "..a\r\n.b", "...a\r\n..b\r\n.\r\n" },
		{ "a\n.\nb", "a\r\n..\r\nb\r\n.\r\n" },
		{ "a\r.\r\n", "a\r\n..\r\n.\r\n" },
		{ "a\r\r\nb", "a\r\n\r\nb\r\n.\r\n" },
		{ "a\r", "a\r\n.\r\n" },
		{ "a.b\r\n", "a.b\r\n.\r\n" },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		for (size_t cut = 0; cut < 4; cut++) {
			struct client_dot dot = { .line_start = true };
			struct hm_buf out = { 0 };
			struct hm_str in = hm_str(t[i].in);

			client_dot_feed(&dot, hm_str_take(in, cut), &out);
			client_dot_feed(&dot, hm_str_skip(in, cut), &out);
			client_dot_end(&dot, &out);
			is_str(out.p, t[i].out, "case %zu cut at %zu", i, cut);
			hm_buf_release(&out);
		}
	}
}

int
main(void)
{
	test_replies();
	test_endless();
	test_offer();
	test_dots();
	return done();
}
