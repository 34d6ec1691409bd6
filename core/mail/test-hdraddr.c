/* test-hdraddr.c - address lists as they are and as they come. */
#include <time.h>

#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "t/tap.h"

static struct hm_arena *arena;

/* name|route|local|domain of each; "{name" begins a group, "}" ends it; "-" is
 * absent. */
static const struct {
	const char *in, *out;
	bool damaged;
} lists[] = {
	{ "", "", false },
	{ "a@b.example", "-|-|a|b.example", false },
	{ "A B <a@b.example>", "A B|-|a|b.example", false },
	{ "\"B, A\" <a@b.example>, c@d.example",
	    "B, A|-|a|b.example;-|-|c|d.example", false },
	{ "a@b.example (A B)", "A B|-|a|b.example", false },
	{ "A (x) B <a@b.example> (y)", "A B|-|a|b.example", false },
	{ "<a@b.example> (y)", "y|-|a|b.example", false },
	{ "\"A \\\"B\\\" C\" <a@b.example>", "A \"B\" C|-|a|b.example", false },
	{ "Joe Q. Public <j@x.example>", "Joe Q. Public|-|j|x.example", false },
	{ "=?utf-8?q?a,b?= <a@b.example>", "=?utf-8?q?a,b?=|-|a|b.example",
	    false },
	{ "g: a@b.example, C <c@d.example>;, e@f.example",
	    "{g;-|-|a|b.example;C|-|c|d.example;};-|-|e|f.example", false },
	{ "undisclosed-recipients:;", "{undisclosed-recipients;}", false },
	{ "A <@r.example,@s.example:a@b.example>",
	    "A|@r.example,@s.example|a|b.example", false },
	{ "a . b @ c . example", "-|-|a.b|c.example", false },
	{ "(c1)a(c2)@(c3)b(c4).(c5)example(c6)", "c6|-|a|b.example", false },
	{ "\"a b\"@c.example", "-|-|a b|c.example", false },
	{ "a@[192.0.2.1]", "-|-|a|[192.0.2.1]", false },
	{ "a@[IPv6:2001:db8::1], b@c.example",
	    "-|-|a|[IPv6:2001:db8::1];-|-|b|c.example", false },
	{ "A\r\n B\r\n <a@b.example>,\r\n c@d.example",
	    "A B|-|a|b.example;-|-|c|d.example", false },
	{ ",,a@b.example,,", "-|-|a|b.example", false },
	{ "a@b.example <c@d.example>", "a@b.example|-|c|d.example", false },
	/* damage */
	{ "root", "-|-|root|-", true },
	{ "Joe User", "Joe User|-|-|-", true },
	{ "a@b.example; c@d.example", "-|-|a|b.example;-|-|c|d.example", false },
	{ "a@b.example c@d.example", "-|-|a|b.example;-|-|c|d.example", true },
	{ "A a@b.example", "A|-|a|b.example", true },
	{ "\"A <a@b.example>", "\"A|-|a|b.example", true },
	{ "A <a@b.example", "A|-|a|b.example", true },
	{ "A <a@b.example, c@d.example", "A|-|a|b.example;-|-|c|d.example",
	    true },
	{ "A < <a@b.example>", "A|-|a|b.example", true },
	{ "<a@b.example> <c@d.example>", "-|-|a|b.example;-|-|c|d.example",
	    true },
	{ "A <a@b.example> junk, c@d.example",
	    "A|-|a|b.example;-|-|c|d.example", true },
	{ "g: a@b.example", "{g;-|-|a|b.example;}", true },
	{ "g: h: a@b.example;", "{g;};{h;-|-|a|b.example;}", true },
	{ "<>", "-|-||-", true },
	{ "a@b.example (unclosed", "-|-|a|b.example", true },
};

static void
show(struct hm_buf *out, struct hm_str s, char end)
{
	if (s.p)
		hm_buf_str(out, s);
	else
		hm_buf_putc(out, '-');
	if (end)
		hm_buf_putc(out, end);
}

static void
print_list(struct hm_buf *out, const struct hm_hdraddrs *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct hm_hdraddr *a = &list->at[i];
		if (i > 0)
			hm_buf_putc(out, ';');
		if (a->kind == HM_HDRADDR_GROUP) {
			hm_buf_putc(out, '{');
			show(out, a->name, 0);
		} else if (a->kind == HM_HDRADDR_GROUP_END) {
			hm_buf_putc(out, '}');
		} else {
			show(out, a->name, '|');
			show(out, a->route, '|');
			show(out, a->local, '|');
			show(out, a->domain, 0);
		}
	}
}

static void
test_lists(void)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(lists); i++) {
		struct hm_hdraddrs list;
		struct hm_buf out = { 0 };
		hm_hdraddrs_parse(arena, hm_str(lists[i].in), &list);
		print_list(&out, &list);
		is_str(out.p ? out.p : "", lists[i].out, "%s", lists[i].in);
		is_int(list.damaged, lists[i].damaged, "… damaged");
		hm_buf_release(&out);
	}
}

/* Inputs that make careless parsers quadratic: four times the input must not
 * take much more than four times as long. */
static double
cost(const char *unit, size_t bytes)
{
	struct hm_buf in = { 0 };
	struct hm_hdraddrs list;
	struct hm_arena *a = hm_arena_new(NULL, "cost");
	struct timespec from, to;

	while (in.len < bytes)
		hm_buf_puts(&in, unit);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	hm_hdraddrs_parse(a, hm_buf_view(&in), &list);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	hm_arena_free(a);
	hm_buf_release(&in);
	return (double)(to.tv_sec - from.tv_sec) +
	    (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static void
test_linear(void)
{
	static const char *const units[] = {
		"(", "\"", "<", "<a", "(\\", "\"\\\"", "a@b,", "=?a?q?x,",
		"=?a?q?(?=<", "=?x?q?\"?= <a@b>,", "a:", "g:;", ";", "@", ".",
		"[", "a ", "<@a,", "((a)", "a@b c@d ", "\\", "=?a?q?(?=,",
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(units); i++) {
		double seconds = cost(units[i], 1024 * 1024);
		ok(seconds < 1.0, "a megabyte of %s", units[i]);
		if (seconds >= 1.0)
			diag("%.3f s", seconds);
	}
	struct hm_buf many = { 0 };
	struct hm_hdraddrs list;
	for (int i = 0; i < 10001; i++)
		hm_buf_puts(&many, "a@b,");
	hm_hdraddrs_parse(arena, hm_buf_view(&many), &list);
	ok(list.n == 10000 && list.truncated, "10,000 are enough");
	hm_buf_release(&many);
}

static const struct {
	const char *in, *text;
} singles[] = {
	{ "A <a@b.example>", "a@b.example" },
	{ "a@B.Example (x)", "a@b.example" },
	{ "\"a b\"@c.example", "\"a b\"@c.example" },
	{ "\xc3\xb6@c.example", "\xc3\xb6@c.example" },
	{ "a@b.example, c@d.example", NULL },
	{ "g: a@b.example;", NULL },
	{ "A <a@b.example> <c@d.example>", NULL },
	{ "A <a@b.example", NULL },
	{ "a@b", "a@b" },
	{ "root", NULL },
	{ "", NULL },
	{ "a@-b.example", NULL },
	{ "a..b@b.example", NULL },
};

static void
test_singles(void)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(singles); i++) {
		struct hm_addr addr = { 0 };
		int rc = hm_hdraddr_single(arena, hm_str(singles[i].in), &addr,
		    NULL);
		is_int(rc == 0, singles[i].text != NULL, "single author: %s",
		    singles[i].in);
		if (rc == 0)
			is_slice(addr.text, singles[i].text, "… is");
	}
}

static void
test_absent(void)
{
	struct hm_str absent = { NULL, 0 };
	struct hm_hdraddrs list;
	struct hm_addr addr;

	hm_hdraddrs_parse(arena, absent, &list);
	ok(list.n == 0 && !list.damaged, "an absent value is an empty list");
	ok(hm_hdraddr_single(arena, absent, &addr, NULL) < 0 &&
	    hm_addr_path(arena, &absent, 0, &addr, NULL) < 0 &&
	    hm_addr_parse(arena, absent, 0, &addr, NULL) < 0 &&
	    hm_domain_ascii(arena, absent, &absent, NULL) < 0,
	    "and no address or domain");
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	test_absent();
	test_lists();
	test_linear();
	test_singles();
	hm_arena_free(arena);
	return done();
}
