/* test-seqset.c - sequence sets: reading and resolving. */
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "modules/imap/seqset.h"
#include "t/tap.h"

static struct hm_arena *arena;

static void
print(struct hm_buf *out, const struct hm_uidset *set)
{
	size_t i;

	hm_buf_clear(out);
	for (i = 0; i < set->n; i++)
		hm_buf_printf(out, "%s%u:%u", i ? "," : "", set->at[i].first,
		    set->at[i].last);
}

static const struct {
	const char *text;
	uint32_t largest;
	const char *want;      /* NULL: refused */
	const char *rest;
} cases[] = {
	{ "1", 10, "1:1", "" },
	{ "1:3", 10, "1:3", "" },
	{ "3:1", 10, "1:3", "" },
	{ "1,2,3", 10, "1:3", "" },
	{ "3,1", 10, "1:1,3:3", "" },
	{ "*", 10, "10:10", "" },
	{ "5:*", 10, "5:10", "" },
	{ "*:5", 10, "5:10", "" },
	{ "*:*", 10, "10:10", "" },
	{ "20:*", 10, "10:20", "" },
	{ "*:4294967295", 10, "10:4294967295", "" },
	{ "1:*", 0, "", "" },
	{ "*", 0, "", "" },
	{ "1:5,*", 0, "1:5", "" },
	{ "1:*,1:*,1:*,2:4", 9, "1:9", "" },
	{ "4294967295", 9, "4294967295:4294967295", "" },
	{ "1 FLAGS", 9, "1:1", " FLAGS" },
	{ "2,4:7,9,12:*", 15, "2:2,4:7,9:9,12:15", "" },
	{ "0", 9, NULL, "" },
	{ "1:0", 9, NULL, "" },
	{ "0:*", 9, NULL, "" },
	{ "", 9, NULL, "" },
	{ ",1", 9, NULL, "" },
	{ "1,", 9, NULL, "" },
	{ "1:", 9, NULL, "" },
	{ "1:2:3", 9, "1:2", ":3" },
	{ "-1", 9, NULL, "" },
	{ "4294967296", 9, NULL, "" },
	{ "99999999999999999999999999", 9, NULL, "" },
	{ "a", 9, NULL, "" },
};

static void
test_case(size_t i)
{
	struct imap_seqset set;
	struct hm_uidset range;
	struct hm_buf out = { 0 };
	struct imap_parse p;
	bool good;

	imap_parse_init(&p, arena, hm_str(cases[i].text));
	good = imap_p_seqset(&p, &set);
	if (!cases[i].want) {
		ok(!good && p.missed, "\"%s\" is refused", cases[i].text);
		return;
	}
	if (!ok(good, "\"%s\" is taken", cases[i].text))
		return;
	is_slice(hm_str_n(p.p, (size_t)(p.end - p.p)), cases[i].rest,
	    "\"%s\": rest", cases[i].text);
	imap_seqset_resolve(&set, cases[i].largest, arena, &range);
	print(&out, &range);
	is_str(out.p ? out.p : "", cases[i].want, "\"%s\" of %u",
	    cases[i].text, cases[i].largest);
	hm_buf_release(&out);
}

static void
test_marks(void)
{
	struct imap_seqset set;
	struct imap_parse p;

	imap_parse_init(&p, arena, HM_STR("$"));
	ok(imap_p_seqset(&p, &set) && set.saved, "\"$\" is the saved result");
	imap_parse_init(&p, arena, HM_STR("1:7,3"));
	ok(imap_p_seqset(&p, &set) && !set.star && set.max == 7,
	    "the largest number is noted");
	imap_parse_init(&p, arena, HM_STR("1:*"));
	ok(imap_p_seqset(&p, &set) && set.star, "so is a star");
	imap_parse_init(&p, arena, HM_STR("1:*"));
	ok(!imap_p_plainset(&p, &set), "plain sets have no star");
}

/* A megabyte of ranges costs one sort. */
static void
test_large(void)
{
	struct imap_seqset set;
	struct hm_uidset range;
	struct hm_buf text = { 0 };
	struct imap_parse p;
	int i;

	for (i = 0; i < 250000; i++)
		hm_buf_puts(&text, i ? ",1:*" : "1:*");
	imap_parse_init(&p, arena, hm_buf_view(&text));
	ok(imap_p_seqset(&p, &set), "a megabyte of \"1:*\"");
	imap_seqset_resolve(&set, 1000, arena, &range);
	ok(range.n == 1 && range.at[0].last == 1000, "is one range");
	hm_buf_release(&text);
}

int
main(void)
{
	size_t i;

	arena = hm_arena_new(NULL, "test");
	for (i = 0; i < HM_ARRAY_LEN(cases); i++)
		test_case(i);
	test_marks();
	test_large();
	hm_arena_free(arena);
	return done();
}
