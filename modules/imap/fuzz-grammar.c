/* fuzz-grammar.c - the parts of IMAP commands by themselves: sets, searches,
 * items, sections, names, patterns, dates. The first byte chooses one. */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/charset.h>
#include <hermod/mime.h>
#include <hermod/str.h>

#include "fetch.h"
#include "match.h"
#include "search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- sequence sets ---- */

/* Whether number n of largest is in the set as the RFC reads it. */
static bool
named(const struct imap_seqset *set, uint32_t n, uint32_t largest)
{
	for (size_t i = 0; i < set->n; i++) {
		uint32_t a = set->at[i].first, b = set->at[i].last, swap;

		a = a ? a : largest;
		b = b ? b : largest;
		if (a > b) {
			swap = a;
			a = b;
			b = swap;
		}
		if (a <= n && n <= b)
			return true;
	}
	return false;
}

static void
fuzz_seqset(struct imap_parse *p)
{
	struct imap_seqset set = { 0 };
	struct hm_uidset out = { 0 };

	if (!imap_p_seqset(p, &set) || set.saved)
		return;
	imap_seqset_resolve(&set, 9, p->arena, &out);
	for (size_t i = 0; i < out.n; i++)
		if (out.at[i].first > out.at[i].last || out.at[i].first == 0 ||
		    (i > 0 && out.at[i].first <= out.at[i - 1].last))
			abort();
	for (uint32_t n = 1; n <= 20; n++)
		if (named(&set, n, 9) != hm_uidset_has(&out, n))
			abort();
}

/* ---- searches ---- */

static int
yes(void *self, const struct imap_node *leaf)
{
	(void)self;
	return leaf->text.len % 2;
}

static int
no_day(void *self, const struct imap_node *leaf, int64_t *ret_day)
{
	(void)self;
	(void)leaf;
	*ret_day = 20000;
	return 1;
}

static void
fuzz_search(struct imap_parse *p)
{
	static const struct imap_text_ops ops = { yes, no_day, yes };
	static const struct hm_str keywords[] = { { "x", 1 }, { "$junk", 5 } };
	struct imap_search search = { .arena = p->arena };
	struct imap_search_bind bind = { .messages = 10, .last_uid = 100,
	    .nkeywords = 2, .keywords = keywords, .now_s = 1795176000 };
	struct hm_entry e = { .uid = 50, .size = 500, .modseq = 7, .flags = 1,
	    .keywords = 2, .received = 1795000000, .saved = 1795000000 };
	int r;

	if (!imap_p_search(p, &search))
		return;
	imap_search_bind(&search, &bind);
	r = imap_search_eval(&search, &e, 5, NULL, NULL);
	if (r < -1 || r > 1)
		abort();
	/* What the entry alone can tell, texts do not change. */
	if (r >= 0 && imap_search_eval(&search, &e, 5, &ops, NULL) != r)
		abort();
	r = imap_search_eval(&search, &e, 5, &ops, NULL);
	if (r != 0 && r != 1)
		abort();
}

/* ---- items and sections ---- */

static void
fuzz_fetch(struct imap_parse *p)
{
	struct imap_fetch f = { 0 };

	if (imap_p_fetch(p, &f) && (f.n == 0 || f.n > IMAP_FETCH_ITEMS))
		abort();
}

static void
fuzz_section(struct imap_parse *p)
{
	static const char message[] =
	    "Subject: a\r\nX: b\r\n c\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	    "--b\r\nContent-Type: message/rfc822\r\n\r\nTo: x\r\n\r\ntext\r\n"
	    "--b\r\n\r\ny\r\n--b--\r\n";
	struct imap_section s = { 0 };
	struct hm_buf fields = { 0 };
	const struct hm_mime *mime;
	struct hm_mime_limits limits = { .depth = 20, .parts = 20 };
	uint64_t from, to, first, count;
	int part;

	if (!imap_p_section(p, false, &s))
		return;
	hm_mime_parse(p->arena, hm_str(message), &limits, &mime);
	if (imap_section_find(&s, mime, &part, &from, &to) &&
	    (from > to || to > sizeof(message) - 1))
		abort();
	imap_section_fields(&s, HM_STR("Subject: a\r\nX: b\r\n c\r\n\r\n"),
	    &fields);
	imap_section_cut(&s, fields.len, &first, &count);
	if (first > fields.len || count > fields.len - first)
		abort();
	hm_buf_release(&fields);
}

/* ---- names and patterns ---- */

/* As the RFC defines it, with no thought for time: a table of which beginnings
 * of the pattern match which beginnings of the name. */
static bool
matches_simply(struct hm_str pattern, struct hm_str name)
{
	bool *row = calloc(name.len + 1, 1), result, diagonal, was;
	size_t i, j;

	row[0] = true;
	for (i = 0; i < pattern.len; i++) {
		char c = pattern.p[i];

		diagonal = row[0];
		row[0] = row[0] && (c == '*' || c == '%');
		for (j = 0; j < name.len; j++) {
			was = row[j + 1];
			if (c == '*')
				row[j + 1] = was || row[j];
			else if (c == '%')
				row[j + 1] = was || (row[j] && name.p[j] != '/');
			else
				row[j + 1] = diagonal && c == name.p[j];
			diagonal = was;
		}
	}
	result = row[name.len];
	free(row);
	return result;
}

static void
fuzz_match(struct imap_parse *p)
{
	struct hm_str rest = hm_str_n(p->p, (size_t)(p->end - p->p));
	struct hm_str pattern = hm_str_split(&rest, '\n');

	if (rest.p != NULL && rest.len < 1000 && pattern.len < 1000 &&
	    imap_match(pattern, rest) != matches_simply(pattern, rest))
		abort();
}

static void
fuzz_name(struct imap_parse *p)
{
	struct hm_str in = hm_str_n(p->p, (size_t)(p->end - p->p)), name;
	struct hm_buf utf8 = { 0 }, again = { 0 };
	struct imap s = { .enabled = in.len % 2 ? IMAP_REV2 : 0 };
	const char *why = NULL;

	if (hm_mutf7_decode(&utf8, in) == 0) {
		if (!hm_utf8_valid(hm_buf_view(&utf8)))
			abort();
		hm_mutf7_encode(&again, hm_buf_view(&utf8));
		if (!hm_str_eq(hm_buf_view(&again), in))
			abort();
	}
	if (imap_mailbox_name(&s, p->arena, in, &name, &why)) {
		if (name.len == 0 || name.len > 2000 || !hm_utf8_valid(name) ||
		    name.p[0] == '/' || hm_str_ends(name, HM_STR("/")) ||
		    hm_str_find(name, HM_STR("//")) >= 0)
			abort();
	} else if (why == NULL) {
		abort();
	}
	hm_buf_release(&utf8);
	hm_buf_release(&again);
}

/* ---- the small ones ---- */

static void
fuzz_tokens(struct imap_parse *p)
{
	struct hm_str in = hm_str_n(p->p, (size_t)(p->end - p->p)), s;
	struct imap_parse q = *p;
	struct imap_literal literal;
	struct imap_flags flags = { 0 };
	struct imap_status status;
	int64_t when;

	imap_literal_at_end(in, &literal);
	if (imap_p_flags(&q, in.len % 2, &flags) && flags.nkeywords > in.len)
		abort();
	q = *p;
	if (imap_p_date(&q, &when) && (when < -800000 || when > 3000000))
		abort();
	q = *p;
	imap_p_datetime(&q, &when);
	q = *p;
	imap_p_status(&q, &status);
	q = *p;
	while (imap_p_astring(&q, &s) && imap_p_sp(&q))
		if (s.len > in.len)
			abort();
	q = *p;
	imap_p_pattern(&q, &s);
	q = *p;
	imap_p_nstring(&q, &s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parts[])(struct imap_parse *p) = {
		fuzz_seqset, fuzz_search, fuzz_fetch, fuzz_section, fuzz_match,
		fuzz_name, fuzz_tokens,
	};
	struct hm_arena *arena;
	struct imap_parse p;

	if (size < 1)
		return 0;
	arena = hm_arena_new(NULL, "fuzz");
	imap_parse_init(&p, arena, hm_str_n((const char *)data + 1, size - 1));
	p.utf8 = size % 2;
	parts[data[0] % HM_ARRAY_LEN(parts)](&p);
	hm_arena_free(arena);
	return 0;
}
