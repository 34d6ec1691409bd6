/* test-search.c - search programs: syntax, order of judging, results. */
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "modules/imap/search.h"
#include "t/tap.h"

static struct hm_arena *arena;

/* Ten messages whose properties can be told from their number n. */
static struct hm_entry
entry(uint32_t n)
{
	struct hm_entry e = {
		.uid = n * 10, .size = n * 100, .modseq = n * 1000,
		.msgid = n, .received = (int64_t)n * 86400 + 3600,
		.saved = (n + 1) * 86400,
	};

	if (n % 2 == 0)
		e.flags |= HM_FLAG_SEEN;
	if (n % 3 == 0)
		e.flags |= HM_FLAG_FLAGGED;
	if (n % 5 == 0)
		e.keywords |= 2;
	if (n == 7)
		e.flags |= HM_FLAG_JUNK;
	return e;
}

/* Texts: message n has "Subject: nX" where X is n; counts what is read. */
static int reads;

static int
fake_header(void *self, const struct imap_node *leaf)
{
	uint32_t n = *(uint32_t *)self;
	char text[16];

	reads++;
	if (!hm_str_caseis(leaf->field, "Subject"))
		return 0;
	snprintf(text, sizeof(text), "n%u", n);
	return hm_str_caseis(leaf->text, text);
}

static int
fake_sent(void *self, const struct imap_node *leaf, int64_t *ret_day)
{
	(void)leaf;
	reads++;
	*ret_day = *(uint32_t *)self;
	return 1;
}

static int
fake_body(void *self, const struct imap_node *leaf)
{
	uint32_t n = *(uint32_t *)self;

	reads += 100;
	return (n % 2 == 0) == hm_str_is(leaf->text, "even");
}

static const struct imap_text_ops ops = { fake_header, fake_sent, fake_body };

static const struct {
	const char *text;
	const char *want;      /* NULL: refused */
	int reads;             /* at most; -1: any number */
} cases[] = {
	{ "ALL", "1 2 3 4 5 6 7 8 9 10", 0 },
	{ "SEEN", "2 4 6 8 10", 0 },
	{ "unseen", "1 3 5 7 9", 0 },
	{ "SEEN FLAGGED", "6", 0 },
	{ "OR SEEN FLAGGED", "2 3 4 6 8 9 10", 0 },
	{ "NOT SEEN", "1 3 5 7 9", 0 },
	{ "NOT NOT SEEN", "2 4 6 8 10", 0 },
	{ "NOT OR SEEN FLAGGED", "1 5 7", 0 },
	{ "NOT (SEEN FLAGGED)", "1 2 3 4 5 7 8 9 10", 0 },
	{ "OR (SEEN FLAGGED) (UNSEEN UNFLAGGED)", "1 5 6 7", 0 },
	{ "OR OR 1 2 OR 3 4", "1 2 3 4", 0 },
	{ "((((5))))", "5", 0 },
	{ "1:3,5 NOT UID 30", "1 2 5", 0 },
	{ "UID 30:50", "3 4 5", 0 },
	{ "UID *", "10", 0 },
	{ "*", "10", 0 },
	{ "*:8", "8 9 10", 0 },
	{ "100", "", 0 },
	{ "UID 101:*", "10", 0 },
	{ "UID 1:4294967295", "1 2 3 4 5 6 7 8 9 10", 0 },
	{ "$", "2 4", 0 },
	{ "UID $", "2 4", 0 },
	{ "NOT $ 1:4", "1 3", 0 },
	{ "LARGER 800", "9 10", 0 },
	{ "SMALLER 300", "1 2", 0 },
	{ "BEFORE 4-Jan-1970", "1 2", 0 },
	{ "ON 4-Jan-1970", "3", 0 },
	{ "SINCE 4-Jan-1970 BEFORE 6-Jan-1970", "3 4", 0 },
	{ "SAVEDON 4-Jan-1970", "2", 0 },
	{ "OLDER 604800", "1 2 3", 0 },
	{ "YOUNGER 172800", "8 9 10", 0 },
	{ "MODSEQ 8000", "8 9 10", 0 },
	{ "MODSEQ \"/flags/\\\\draft\" all 8000", "8 9 10", 0 },
	{ "KEYWORD Second", "5 10", 0 },
	{ "UNKEYWORD second 4:6", "4 6", 0 },
	{ "KEYWORD unknown", "", 0 },
	{ "UNKEYWORD unknown 1", "1", 0 },
	{ "KEYWORD $Junk", "7", 0 },
	{ "UNKEYWORD $junk 6:8", "6 8", 0 },
	{ "RECENT", "7 8 10", 0 },
	{ "NEW", "7", 0 },
	{ "OLD 1:2", "1 2", 0 },
	{ "NOT RECENT 7:10", "9", 0 },
	{ "OR NEW OLD 6:10", "6 7 9", 0 },
	{ "SUBJECT n3", "3", 10 },
	{ "HEADER Subject {2}\r\nn4", "4", 10 },
	{ "FROM \"\"", "", 10 },
	{ "SENTON 4-Jan-1970", "3", 10 },
	{ "SENTBEFORE 3-Jan-1970", "1", 10 },
	{ "BODY even", "2 4 6 8 10", -1 },
	{ "TEXT odd", "1 3 5 7 9", -1 },
	/* Cheap keys are judged first, wherever they stand. */
	{ "BODY even 2", "2", 100 },
	{ "BODY even SUBJECT n4", "4", 110 },
	{ "OR BODY even SEEN", "2 4 6 8 10", 500 },
	{ "(BODY even) (OR FROM x (2:3)) 3", "", 100 },
	{ "NOT BODY even 1", "1", 100 },
	{ "", NULL, 0 },
	{ "()", NULL, 0 },
	{ "(SEEN", NULL, 0 },
	{ "SEEN)", NULL, 0 },
	{ "NOT", NULL, 0 },
	{ "NOT ", NULL, 0 },
	{ "OR SEEN", NULL, 0 },
	{ "OR SEEN ", NULL, 0 },
	{ "SEEN  FLAGGED", NULL, 0 },
	{ "SEEN ", NULL, 0 },
	{ "NONSENSE", NULL, 0 },
	{ "SUBJECT", NULL, 0 },
	{ "SUBJECT ", NULL, 0 },
	{ "HEADER x", NULL, 0 },
	{ "BEFORE tomorrow", NULL, 0 },
	{ "LARGER -1", NULL, 0 },
	{ "UID 0", NULL, 0 },
	{ "UID a", NULL, 0 },
	{ "KEYWORD \\Seenx", NULL, 0 },
	{ "SUBJECT {3}\r\n\xff\xfe\xfd", NULL, 0 },
	{ "MODSEQ \"x\" some 5", NULL, 0 },
};

static void
run(struct imap_search *s, struct hm_buf *out)
{
	uint32_t n;

	reads = 0;
	for (n = 1; n <= 10; n++) {
		struct hm_entry e = entry(n);
		int r = imap_search_eval(s, &e, n, NULL, NULL);

		if (r < 0)
			r = imap_search_eval(s, &e, n, &ops, &n);
		if (r)
			hm_buf_printf(out, "%s%u", out->len ? " " : "", n);
	}
}

static void
test_case(size_t i)
{
	static const struct hm_str keywords[] = {
		{ "first", 5 }, { "second", 6 },
	};
	static const struct hm_uidrange seqs[] = { { 2, 2 }, { 4, 4 } };
	static const struct hm_uidrange uids[] = { { 20, 20 }, { 40, 40 } };
	static const struct hm_uidrange recent[] = { { 65, 80 }, { 99, 200 } };
	struct imap_search_bind bind = {
		.messages = 10, .last_uid = 100, .nkeywords = 2,
		.keywords = keywords, .saved_uids = { 2, uids },
		.saved_seqs = { 2, seqs }, .recent = { 2, recent }, .now_s = 10 * 86400 + 3600,
	};
	struct hm_buf out = { 0 };
	struct imap_search s;
	struct imap_parse p;

	imap_parse_init(&p, arena, hm_str(cases[i].text));
	if (!imap_p_search(&p, &s)) {
		ok(!cases[i].want && p.missed, "%s is refused", cases[i].text);
		return;
	}
	if (!ok(!!cases[i].want, "%s is taken", cases[i].text))
		return;
	imap_search_bind(&s, &bind);
	run(&s, &out);
	is_str(out.p ? out.p : "", cases[i].want, "%s", cases[i].text);
	if (cases[i].reads >= 0)
		ok(reads <= cases[i].reads, "%s reads no more than needed (%d)",
		    cases[i].text, reads);
	imap_search_bind(&s, &bind);
	hm_buf_clear(&out);
	run(&s, &out);
	is_str(out.p ? out.p : "", cases[i].want, "%s, bound again",
	    cases[i].text);
	hm_buf_release(&out);
}

static void
repeat(struct hm_buf *out, const char *what, int times)
{
	while (times-- > 0)
		hm_buf_puts(out, what);
}

static void
test_depth(void)
{
	static const char *const bombs[] = { "(", "NOT ", "OR ALL ", "OR (" };
	struct hm_buf text = { 0 };
	struct imap_search s;
	struct imap_parse p;
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(bombs); i++) {
		hm_buf_clear(&text);
		repeat(&text, bombs[i], 1000000 / (int)strlen(bombs[i]));
		imap_parse_init(&p, arena, hm_buf_view(&text));
		ok(!imap_p_search(&p, &s), "a million of \"%s\" is refused",
		    bombs[i]);
		is_str(p.missed, "less nesting", "for its depth");
	}
	hm_buf_clear(&text);
	repeat(&text, "(", 40);
	hm_buf_puts(&text, "SEEN");
	repeat(&text, ")", 40);
	imap_parse_init(&p, arena, hm_buf_view(&text));
	ok(imap_p_search(&p, &s), "forty parentheses are fine");
	hm_buf_clear(&text);
	repeat(&text, "ALL ", 100000);
	imap_parse_init(&p, arena, hm_buf_view(&text));
	ok(!imap_p_search(&p, &s), "a hundred thousand keys are not");
	is_str(p.missed, "fewer search keys", "for their number");
	hm_buf_release(&text);
}

int
main(void)
{
	size_t i;

	arena = hm_arena_new(NULL, "test");
	for (i = 0; i < HM_ARRAY_LEN(cases); i++)
		test_case(i);
	test_depth();
	hm_arena_free(arena);
	return done();
}
