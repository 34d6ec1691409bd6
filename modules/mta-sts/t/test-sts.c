/* test-sts.c - records, policies and replies, as tables. */
#include "modules/mta-sts/sts.h"
#include "t/tap.h"

#define END "\nmax_age: 86400\n"
#define HEAD "version: STSv1\nmode: enforce\n"

static void
test_records(void)
{
	static const struct {
		const char *texts[3];
		int result;
		const char *id;
	} t[] = {
		{ { "v=STSv1; id=1" }, 0, "1" },
		{ { "v=STSv1; id=20160831085700Z;" }, 0, "20160831085700Z" },
		{ { "v=STSv1;id=a;" }, 0, "a" },
		{ { "v=STSv1 ; id=a ; more=x ;" }, 0, "a" },
		{ { "v=STSv1; more=x; id=a" }, 0, "a" },
		{ { "v=STSv1; id=a; id=b" }, 0, "a" },
		{ { "v=STSv1; id=12345678901234567890123456789012" }, 0,
		    "12345678901234567890123456789012" },
		{ { "v=spf1 -all", "v=STSv1; id=1" }, 0, "1" },
		{ { "v=STSv2; id=2", "v=STSv1; id=1" }, 0, "1" },
		{ { NULL }, -HM_ENOENT, "" },
		{ { "v=spf1 -all" }, -HM_ENOENT, "" },
		{ { "v=STSv1" }, -HM_ENOENT, "" },
		{ { " v=STSv12; id=1" }, -HM_ENOENT, "" },
		{ { "V=STSv1; id=1" }, -HM_ENOENT, "" },
		{ { "v=STSv1;" }, -HM_ESYNTAX, "" },
		{ { "v=STSv1; id=" }, -HM_ESYNTAX, "" },
		{ { "v=STSv1; id=a-b" }, -HM_ESYNTAX, "" },
		{ { "v=STSv1; id=123456789012345678901234567890123" },
		    -HM_ESYNTAX, "" },
		{ { "v=STSv1; id=1;; " }, -HM_ESYNTAX, "" },
		{ { "v=STSv1; id=1; x" }, -HM_ESYNTAX, "" },
		{ { "v=STSv1; id=1; x=a b" }, -HM_ESYNTAX, "" },
		{ { "v=STSv1; id=1; -x=a" }, -HM_ESYNTAX, "" },
		{ { "v=STSv1; id=1", "v=STSv1; id=1" }, -HM_ESYNTAX, "" },
		{ { "v=STSv1; id=1", "v=STSv1; bad" }, -HM_ESYNTAX, "" },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		struct hm_dns_rr rr[3] = { 0 };
		struct hm_dns_answer txt = { .rr = rr };
		struct hm_str id = { 0 };

		for (; txt.n < 3 && t[i].texts[txt.n] != NULL; txt.n++)
			rr[txt.n].txt.text = hm_str(t[i].texts[txt.n]);
		is_int(sts_record_id(&txt, &id), t[i].result, "record %zu: %s",
		    i, t[i].texts[0] != NULL ? t[i].texts[0] : "none");
		if (t[i].result == 0)
			ok(hm_str_is(id, t[i].id), "its id");
	}
}

static void
test_policies(struct hm_arena *arena)
{
	static const struct {
		const char *text;
		int result;
		enum hm_sts_mode mode;
		uint32_t max_age;
		size_t nmx;
	} t[] = {
		{ HEAD "mx: a.example" END, 0, HM_STS_ENFORCE, 86400, 1 },
		{ "version: STSv1\r\nmode: testing\r\nmx: a.example\r\n"
		    "mx: *.b.example\r\nmax_age: 86400\r\n", 0, HM_STS_TESTING,
		    86400, 2 },
		{ "version:STSv1\nmode:none\nmax_age:400", 0, HM_STS_NONE, 400, 0 },
		{ "max_age: 400\nmx: a.example\nmode: enforce\nversion: STSv1", 0,
		    HM_STS_ENFORCE, 400, 1 },
		{ "\n" HEAD "\n \t\nmx: a.example  " END "\n", 0, HM_STS_ENFORCE,
		    86400, 1 },
		/* The first of a kind counts; what is unknown does not. */
		{ HEAD "mode: none\nmx: a.example\nnew: thing" END
		    "max_age: 1\nversion: STSv2\n", 0, HM_STS_ENFORCE, 86400, 1 },
		{ HEAD "mx: a.example\nmax_age: 0", 0, HM_STS_ENFORCE,
		    STS_MIN_AGE_S, 1 },
		{ HEAD "mx: a.example\nmax_age: 31557601", 0, HM_STS_ENFORCE,
		    STS_MAX_AGE_S, 1 },
		{ HEAD "mx: a.example\nmax_age: 99999999999999999999999", 0,
		    HM_STS_ENFORCE, STS_MAX_AGE_S, 1 },
		{ HEAD "mx: b\xc3\xbc" "cher.example" END, 0, HM_STS_ENFORCE, 86400,
		    1 },
		{ HEAD "mx: a.example." END, 0, HM_STS_ENFORCE, 86400, 1 },
		{ "", -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "max_age: 1", -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx: a.example", -HM_ESYNTAX, 0, 0, 0 },
		{ "mode: enforce\nmx: a.example" END, -HM_ESYNTAX, 0, 0, 0 },
		{ "version: STSv1\nmx: a.example" END, -HM_ESYNTAX, 0, 0, 0 },
		{ "version: STSv2\nmode: none" END, -HM_ESYNTAX, 0, 0, 0 },
		{ "version: STSv1\nmode: maybe" END, -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx: a.example\nmax_age: -1", -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx: a.example\nmax_age: 1 day", -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx: a.example\nmax_age:", -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx: *" END, -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx: a.*.example" END, -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx: *.*.example" END, -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx: a@b.example" END, -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx:" END, -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx a.example" END, -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx: a.example\n\t: x" END, -HM_ESYNTAX, 0, 0, 0 },
		{ "<html><body>not found</body></html>", -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx: \xff.example" END, -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx: a.example\nx: y\r\r" END, -HM_ESYNTAX, 0, 0, 0 },
		{ HEAD "mx: a.example\nx: \x1b[1m" END, -HM_ESYNTAX, 0, 0, 0 },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		struct sts_policy p = { 0 };
		struct hm_err err = { 0 };

		is_int(sts_policy_parse(arena, hm_str(t[i].text), &p, &err),
		    t[i].result, "policy %zu", i);
		if (t[i].result < 0) {
			ok(err.text[0] != '\0', "says why: %s", err.text);
			continue;
		}
		is_int(p.mode, t[i].mode, "its mode");
		is_int((long)p.max_age_s, (long)t[i].max_age, "its age");
		is_int((long)p.nmx, (long)t[i].nmx, "its hosts");
	}
}

static void
test_limits(struct hm_arena *arena)
{
	struct hm_buf text = { 0 };
	struct sts_policy p;

	hm_buf_puts(&text, HEAD "max_age: 1\n");
	for (int i = 0; i <= STS_MX_MAX; i++)
		hm_buf_printf(&text, "mx: h%d.example\n", i);
	is_int(sts_policy_parse(arena, hm_buf_view(&text), &p, NULL), -HM_ELIMIT,
	    "too many hosts");
	hm_buf_clear(&text);
	hm_buf_puts(&text, HEAD "mx: a.example" END "x: ");
	while (text.len <= STS_BYTES_MAX)
		hm_buf_puts(&text, "a");
	is_int(sts_policy_parse(arena, hm_buf_view(&text), &p, NULL), -HM_ELIMIT,
	    "too many bytes");
	is_int(sts_policy_parse(arena, hm_str_take(hm_buf_view(&text), 5000), &p,
	    NULL), -HM_ESYNTAX, "a line that is too long");
	hm_buf_release(&text);
}

static void
test_hosts(struct hm_arena *arena)
{
	static const struct {
		const char *mx, *host;
		bool yes;
	} t[] = {
		{ "mx.example.org", "mx.example.org", true },
		{ "MX.Example.org", "mx.example.ORG", true },
		{ "mx.example.org", "mx2.example.org", false },
		{ "mx.example.org", "a.mx.example.org", false },
		{ "*.example.org", "mx.example.org", true },
		{ "*.example.org", "a.b.example.org", false },
		{ "*.example.org", "example.org", false },
		{ "*.example.org", ".example.org", false },
		{ "*.example.org", "mxexample.org", false },
		{ "*.example.org", "mx.example.org.evil", false },
		{ "*.b\xc3\xbc" "cher.example", "mx.xn--bcher-kva.example", true },
		{ "*.xn--bcher-kva.example", "mx.xn--bcher-kva.example", true },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		const char *text = hm_printf(arena, HEAD "mx: %s" END, t[i].mx);
		struct sts_policy p = { 0 };

		ok(sts_policy_parse(arena, hm_str(text), &p, NULL) == 0 &&
		    sts_policy_allows(&p, hm_str(t[i].host)) == t[i].yes,
		    "%s: %s", t[i].mx, t[i].host);
	}
}

static void
test_replies(void)
{
	static const struct {
		const char *lines;     /* separated by '|' */
		int head, check;
		bool plain;
	} t[] = {
		{ "HTTP/1.1 200 OK|Content-Type: text/plain", 0, 0, true },
		{ "HTTP/1.1 200|content-type:TEXT/Plain ; charset=x", 0, 0, true },
		{ "HTTP/1.0 200 OK|Content-Length: 10", 0, 0, false },
		{ "HTTP/1.1 200 OK|Content-Type: text/html", 0, 0, false },
		{ "HTTP/1.1 200 OK|Content-Type: text/plainer", 0, 0, false },
		{ "HTTP/1.1 200 OK|Content-Type: text/plain|"
		    "Content-Type: text/html", 0, 0, false },
		{ "HTTP/1.1 200 OK|Transfer-Encoding: chunked", 0, 0, false },
		{ "HTTP/1.1 200 OK|Content-Length: 1|Content-Length: 1", 0, 0,
		    false },
		{ "HTTP/1.1 301 Moved|Location: /", 0, -HM_EUNSUPPORTED, false },
		{ "HTTP/1.1 304 Same", 0, -HM_EUNSUPPORTED, false },
		{ "HTTP/1.1 404 No", 0, -HM_ENOENT, false },
		{ "HTTP/1.1 204 Nothing", 0, -HM_ENOENT, false },
		{ "HTTP/1.1 503 No", 0, -HM_ENOENT, false },
		{ "HTTP/1.1 200 OK|Content-Length: 1|Transfer-Encoding: chunked",
		    0, -HM_ESYNTAX, false },
		{ "HTTP/1.1 200 OK|Content-Length: 1|Content-Length: 2",
		    -HM_ESYNTAX, 0, false },
		{ "HTTP/1.1 200 OK|Content-Length: -1", -HM_ESYNTAX, 0, false },
		{ "HTTP/1.1 200 OK|Content-Length: 99999999999999999999",
		    -HM_ESYNTAX, 0, false },
		{ "HTTP/1.1 200 OK|Transfer-Encoding: gzip, chunked",
		    -HM_EUNSUPPORTED, 0, false },
		{ "HTTP/1.1 200 OK|Content-Encoding: gzip", -HM_EUNSUPPORTED, 0,
		    false },
		{ "HTTP/1.1 200 OK|A: b| folded", -HM_ESYNTAX, 0, false },
		{ "HTTP/1.1 200 OK|A : b", -HM_ESYNTAX, 0, false },
		{ "HTTP/1.1 200 OK|no field", -HM_ESYNTAX, 0, false },
		{ "HTTP/1.1 200 OK|: x", -HM_ESYNTAX, 0, false },
		{ "HTTP/2 200", -HM_ESYNTAX, 0, false },
		{ "HTTP/1.1 20", -HM_ESYNTAX, 0, false },
		{ "HTTP/1.1 2000 OK", -HM_ESYNTAX, 0, false },
		{ "220 mx.example.org ESMTP", -HM_ESYNTAX, 0, false },
		{ "", -HM_ESYNTAX, 0, false },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		struct hm_str rest = hm_str(t[i].lines);
		struct sts_reply reply;
		int r = sts_reply_status(&reply, hm_str_split(&rest, '|'));

		while (rest.p != NULL && r == 0)
			r = sts_reply_field(&reply, hm_str_split(&rest, '|'));
		is_int(r, t[i].head, "%s", t[i].lines);
		if (r < 0)
			continue;
		is_int(sts_reply_check(&reply, NULL), t[i].check, "all of it");
		ok(reply.plain == t[i].plain, "its type");
	}
}

static void
test_chunks(void)
{
	static const struct {
		const char *line;
		int result;
		uint64_t size;
	} t[] = {
		{ "0", 0, 0 }, { "1a", 0, 26 }, { "FF;x=\"y;z\"", 0, 255 },
		{ "00000010", 0, 16 }, { "10 ", 0, 16 },
		{ "", -HM_ESYNTAX, 0 }, { ";x", -HM_ESYNTAX, 0 },
		{ "0x10", -HM_ESYNTAX, 0 }, { "-1", -HM_ESYNTAX, 0 },
		{ "g", -HM_ESYNTAX, 0 }, { "1 1", -HM_ESYNTAX, 0 },
		{ "fffffffffffffffff", -HM_ESYNTAX, 0 },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(t); i++) {
		uint64_t n = 0;

		is_int(sts_chunk_size(hm_str(t[i].line), &n), t[i].result,
		    "chunk '%s'", t[i].line);
		ok(n == t[i].size, "its size");
	}
}

static void
test_many_fields(void)
{
	struct sts_reply reply;
	int r = sts_reply_status(&reply, HM_STR("HTTP/1.1 200 OK")), n = 0;

	while (r == 0 && n++ < 100000)
		r = sts_reply_field(&reply, HM_STR("X: y"));
	is_int(r, -HM_ELIMIT, "fields without end are ended");
}

int
main(void)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");

	test_records();
	test_policies(arena);
	test_limits(arena);
	test_hosts(arena);
	test_replies();
	test_chunks();
	test_many_fields();
	hm_arena_free(arena);
	return done();
}
