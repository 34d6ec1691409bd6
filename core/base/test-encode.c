/* test-encode.c - base64, quoted-printable, hexadecimal, xtext. */
#include <hermod/buf.h>
#include <hermod/encode.h>
#include <hermod/err.h>
#include <hermod/rand.h>
#include <hermod/str.h>

#include "t/tap.h"

static void
test_base64_strict(void)
{
	/* RFC 4648, 10 */
	static const struct {
		const char *plain, *text;
	} good[] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfd", "//79" }, { "\xfb\xef\xbe", "++++" },
	};
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zg===", "Zm9v=", "=", "==", "====", "Z===",
		"Zg==Zg==", "Zm9v\n", " Zm9v", "Zm 9v", "Zm9-", "Zh==",
		"Zm9=", "Z=g=", "\xc3\xa4\xc3\xa4",
	};
	struct hm_buf out = { 0 };
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(good); i++) {
		hm_buf_clear(&out);
		hm_base64_encode(&out, hm_str(good[i].plain));
		is_slice(hm_buf_view(&out), good[i].text, "encode %zu", i);
		hm_buf_clear(&out);
		is_int(hm_base64_decode(&out, hm_str(good[i].text)), 0,
		    "decode %zu", i);
		is_slice(hm_buf_view(&out), good[i].plain, "result %zu", i);
	}
	for (i = 0; i < HM_ARRAY_LEN(bad); i++) {
		hm_buf_clear(&out);
		hm_buf_puts(&out, "kept");
		is_int(hm_base64_decode(&out, hm_str(bad[i])), -HM_ESYNTAX,
		    "refused: \"%s\"", bad[i]);
		is_str(out.p, "kept", "nothing added");
	}
	hm_buf_release(&out);
}

struct tolerant {
	const char *text, *plain;
	bool bad;
};

/* Decodes whole and byte by byte; both must agree. */
static void
check_decoder(const char *what, size_t i, const struct tolerant *t,
    void (*feed)(struct hm_decoder *, struct hm_buf *, struct hm_str),
    void (*finish)(struct hm_decoder *, struct hm_buf *))
{
	struct hm_decoder whole = { 0 }, bytes = { 0 };
	struct hm_buf a = { 0 }, b = { 0 };
	struct hm_str in = hm_str(t->text);
	size_t k;

	feed(&whole, &a, in);
	finish(&whole, &a);
	is_bytes(a.p ? a.p : "", a.len, t->plain, strlen(t->plain), "%s %zu",
	    what, i);
	ok(whole.bad == t->bad, "%s %zu is %s", what, i, t->bad ? "bad" : "good");
	for (k = 0; k < in.len; k++)
		feed(&bytes, &b, hm_str_take(hm_str_skip(in, k), 1));
	finish(&bytes, &b);
	ok(hm_str_eq(hm_buf_view(&a), hm_buf_view(&b)) &&
	    bytes.bad == whole.bad, "%s %zu byte by byte", what, i);
	hm_buf_release(&a);
	hm_buf_release(&b);
}

static void
test_base64_tolerant(void)
{
	static const struct tolerant t[] = {
		{ "Zm9v\r\nYmFy\r\n", "foobar", false },
		{ "Zg==", "f", false },
		{ "Zg==\r\n", "f", false },
		{ "Zg", "f", true },
		{ "Zg=", "f", true },
		{ "Zm8", "fo", true },
		{ "Z", "", true },
		{ "Zm!9v", "foo", true },
		{ "Zm\xff" "9v", "foo", true },
		{ "Zg==Zm9v", "ffoo", false },
		{ "Zg=Zm9v", "ffoo", true },
		{ "=Zm9v", "foo", true },
		{ "Z=m9v", "foo", true },
		{ "Zm9v====", "foo", true },
		{ " Z m 9\tv ", "foo", false },
		{ "", "", false },
	};
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(t); i++)
		check_decoder("base64", i, &t[i], hm_base64_feed,
		    hm_base64_finish);
}

static void
test_qp_decode(void)
{
	static const struct tolerant t[] = {
		{ "plain", "plain", false },
		{ "a=3Db", "a=b", false },
		{ "=C3=A4", "\xc3\xa4", false },
		{ "=c3=a4", "\xc3\xa4", false },
		{ "soft=\r\nbreak", "softbreak", false },
		{ "soft=\nbreak", "softbreak", false },
		{ "soft= \t \r\nbreak", "softbreak", false },
		{ "soft=  \nbreak", "softbreak", false },
		{ "line\r\nline\r\n", "line\r\nline\r\n", false },
		{ "line\nline", "line\nline", false },
		{ "trail \t\r\nx", "trail\r\nx", false },
		{ "trail  \nx", "trail\nx", false },
		{ "trail  ", "trail", false },
		{ "a \t b", "a \t b", false },
		{ "keep=20\r\n", "keep \r\n", false },
		{ "end=", "end", false },
		{ "end=\r\n", "end", false },
		{ "end=4", "end=4", true },
		{ "a=ZZb", "a=ZZb", true },
		{ "a=4Zb", "a=4Zb", true },
		{ "a==41", "a=A", true },
		{ "a=4=41", "a=4A", true },
		{ "= x", "= x", true },
		{ "a\rb", "a\rb", true },
		{ "a \rb", "a \rb", true },
		{ "a\r", "a\r", true },
		{ "a\r\r\nb", "a\r\r\nb", true },
		{ "\xc3\xa4", "\xc3\xa4", true },
	};
	struct hm_decoder d = { 0 };
	struct hm_buf in = { 0 }, out = { 0 };
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(t); i++)
		check_decoder("qp", i, &t[i], hm_qp_feed, hm_qp_finish);

	hm_buf_putc(&in, '=');
	for (i = 0; i < 500; i++)
		hm_buf_putc(&in, ' ');
	hm_buf_putc(&in, 'x');
	hm_qp_feed(&d, &out, hm_buf_view(&in));
	hm_qp_finish(&d, &out);
	ok(hm_str_eq(hm_buf_view(&in), hm_buf_view(&out)),
	    "much white space costs no memory and loses nothing");
	hm_buf_release(&in);
	hm_buf_release(&out);
}

static void
test_qp_encode(void)
{
	static const struct {
		const char *plain, *text;
	} t[] = {
		{ "", "" },
		{ "a=b", "a=3Db" },
		{ "\xc3\xa4", "=C3=A4" },
		{ "a\r\nb", "a\r\nb" },
		{ "a\nb\rc", "a=0Ab=0Dc" },
		{ "end \r\nx", "end=20\r\nx" },
		{ "end\t", "end=09" },
		{ "a b\tc", "a b\tc" },
		{ ".", "=2E" },
		{ "a.\r\n.b", "a.\r\n=2Eb" },
		{ "From x\r\nFrom y", "=46rom x\r\n=46rom y" },
		{ "Fro m", "Fro m" },
	};
	struct hm_buf out = { 0 };
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(t); i++) {
		hm_buf_clear(&out);
		hm_qp_encode(&out, hm_str(t[i].plain));
		is_bytes(out.p ? out.p : "", out.len, t[i].text,
		    strlen(t[i].text), "qp encode %zu", i);
	}
	hm_buf_release(&out);
}

static size_t
longest_line(struct hm_str s)
{
	size_t longest = 0;

	while (s.p) {
		struct hm_str line = hm_str_split(&s, '\n');

		if (hm_str_ends(line, HM_STR("\r")))
			line.len--;
		if (line.len > longest)
			longest = line.len;
	}
	return longest;
}

static void
test_round_trips(void)
{
	struct hm_buf plain = { 0 }, text = { 0 }, back = { 0 };
	struct hm_decoder d;
	size_t i, k, bad_qp = 0, bad_b64 = 0, too_long = 0;

	hm_random_seed(7);
	for (i = 0; i < 2000; i++) {
		hm_buf_clear(&plain);
		for (k = hm_random_below(300); k > 0; k--) {
			static const char few[] = "ab =.F\tä";
			uint64_t n = hm_random_below(14);

			if (n == 0)
				hm_buf_puts(&plain, "\r\n");
			else if (n == 1)
				hm_buf_putc(&plain, (char)hm_random_below(256));
			else
				hm_buf_putc(&plain, few[n % (sizeof(few) - 1)]);
		}
		hm_buf_clear(&text);
		hm_buf_clear(&back);
		hm_qp_encode(&text, hm_buf_view(&plain));
		too_long += longest_line(hm_buf_view(&text)) > 76;
		memset(&d, 0, sizeof(d));
		hm_qp_feed(&d, &back, hm_buf_view(&text));
		hm_qp_finish(&d, &back);
		bad_qp += d.bad ||
		    !hm_str_eq(hm_buf_view(&plain), hm_buf_view(&back));

		hm_buf_clear(&text);
		hm_buf_clear(&back);
		hm_base64_encode_lines(&text, hm_buf_view(&plain));
		too_long += longest_line(hm_buf_view(&text)) > 76;
		memset(&d, 0, sizeof(d));
		hm_base64_feed(&d, &back, hm_buf_view(&text));
		hm_base64_finish(&d, &back);
		bad_b64 += d.bad ||
		    !hm_str_eq(hm_buf_view(&plain), hm_buf_view(&back));
	}
	is_int(bad_qp, 0, "quoted-printable round trips");
	is_int(bad_b64, 0, "base64 round trips");
	is_int(too_long, 0, "no line of more than 76 characters");
	hm_buf_release(&plain);
	hm_buf_release(&text);
	hm_buf_release(&back);
}

static void
test_hex_xtext(void)
{
	static const char *const bad_hex[] = { "0", "0g", "xx", " 00 " };
	static const char *const bad_xtext[] = {
		"a b", "a=b", "a+", "a+4", "a+4x", "\xc3\xa4", "a\r\n", "+ 1",
	};
	struct hm_buf out = { 0 };
	size_t i;

	hm_hex_encode(&out, HM_STR("\x00\x7f\xff"));
	is_str(out.p, "007fff", "hex");
	hm_buf_clear(&out);
	is_int(hm_hex_decode(&out, HM_STR("4aFf")), 0, "both cases");
	is_slice(hm_buf_view(&out), "J\xff", "bytes");
	for (i = 0; i < HM_ARRAY_LEN(bad_hex); i++) {
		is_int(hm_hex_decode(&out, hm_str(bad_hex[i])), -HM_ESYNTAX,
		    "bad hex %zu", i);
		is_int(out.len, 2, "nothing added");
	}
	hm_buf_clear(&out);
	hm_xtext_encode(&out, HM_STR("a+b=c d\xc3~!"));
	is_str(out.p, "a+2Bb+3Dc+20d+C3~!", "xtext");
	hm_buf_clear(&out);
	is_int(hm_xtext_decode(&out, HM_STR("a+2Bb+3Dc+20d+C3~!")), 0, "decode");
	is_str(out.p, "a+b=c d\xc3~!", "and back");
	hm_buf_clear(&out);
	for (i = 0; i < HM_ARRAY_LEN(bad_xtext); i++) {
		is_int(hm_xtext_decode(&out, hm_str(bad_xtext[i])), -HM_ESYNTAX,
		    "bad xtext %zu", i);
		is_int(out.len, 0, "nothing added");
	}
	hm_buf_release(&out);
}

int
main(void)
{
	test_base64_strict();
	test_base64_tolerant();
	test_qp_decode();
	test_qp_encode();
	test_round_trips();
	test_hex_xtext();
	return done();
}
