/* test-canon.c - canonical forms; among them the examples of RFC 6376, 3.4.5. */
#include "modules/dkim/dkim.h"
#include "t/tap.h"

static void
collect(void *arg, const void *p, size_t len)
{
	hm_buf_add(arg, p, len);
}

static void
test_body(void)
{
	static const struct {
		const char *in, *relaxed, *simple;
	} t[] = {
		{ " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n",
		    " C \r\nD \t E\r\n" },
		{ "", "", "\r\n" },
		{ "\r\n\r\n", "", "\r\n" },
		{ " \t\r\n", "", " \t\r\n" },
		{ "a", "a\r\n", "a\r\n" },
		{ "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n" },
		{ "a\r\n \r\nb \r\n \r\n", "a\r\n\r\nb\r\n",
		    "a\r\n \r\nb \r\n \r\n" },
		{ "\r\na\r\n", "\r\na\r\n", "\r\na\r\n" },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++)
		for (size_t cut = 0; cut < 8; cut++) {
			struct hm_str in = hm_str(t[i].in);

			for (int relaxed = 0; relaxed < 2; relaxed++) {
				struct hm_buf out = { 0 };
				struct dkim_body b = { .relaxed = relaxed,
				    .out = collect, .arg = &out };

				dkim_body_feed(&b, hm_str_take(in, cut));
				dkim_body_feed(&b, hm_str_skip(in, cut));
				dkim_body_end(&b);
				is_str(out.p ? out.p : "", relaxed ?
				    t[i].relaxed : t[i].simple,
				    "body %zu %s, cut at %zu", i,
				    relaxed ? "relaxed" : "simple", cut);
				hm_buf_release(&out);
			}
		}
}

static void
test_fields(void)
{
	static const char *const names[] = { "From", "Received", "Cc" };
	const struct hm_strlist list = { 3, names };
	struct hm_str header = HM_STR("Received: one\r\nFROM : Y\t\r\n\tZ  \r\n"
	    "Received:two\r\nSubject: no\r\n\r\n");
	struct hm_buf h = { 0 }, canonical = { 0 };

	dkim_fields(&list, true, header, &h, &canonical);
	is_str(h.p, "From:From:Received:Received:Received:Cc",
	    "each once more than it is there");
	is_str(canonical.p, "from:Y Z\r\nreceived:two\r\nreceived:one\r\n",
	    "the last first, relaxed");
	hm_buf_release(&h);
	hm_buf_release(&canonical);
}

int
main(void)
{
	test_body();
	test_fields();
	return done();
}
