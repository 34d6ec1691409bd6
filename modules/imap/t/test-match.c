/* test-match.c - mailbox patterns, also against a plain definition of them. */
#include <time.h>

#include <hermod/str.h>

#include "modules/imap/match.h"
#include "t/tap.h"

static const struct {
	const char *pattern, *name;
	bool match;
} cases[] = {
	{ "", "", true },
	{ "", "a", false },
	{ "INBOX", "INBOX", true },
	{ "INBOX", "INBOX/a", false },
	{ "*", "", true },
	{ "*", "a/b/c", true },
	{ "%", "a", true },
	{ "%", "a/b", false },
	{ "%/%", "a/b", true },
	{ "%/%", "a/b/c", false },
	{ "a/%", "a/", true },
	{ "a/%", "a/b", true },
	{ "a/%", "a/b/c", false },
	{ "a/*", "a/b/c", true },
	{ "*b", "a/b", true },
	{ "*b", "a/bb", true },
	{ "*b", "a/bc", false },
	{ "%b*", "ab/c", true },
	{ "%b*", "a/b/c", false },
	{ "*%b", "x/y/zb", true },
	{ "%*", "x/y", true },
	{ "*a%c*", "a/c/abc", true },
	{ "*a%c", "a/bac/aac", true },
	{ "%t*4", "test3/test4", true },
	{ "%3/%4", "test3/test4", true },
	{ "a", "A", false },
};

/* One row of the textbook table after the other. */
static bool
naive(struct hm_str pattern, struct hm_str name)
{
	bool row[64] = { true }, next[64];
	size_t i, j;

	for (i = 0; i < pattern.len; i++) {
		char c = pattern.p[i];
		bool wild = c == '*' || c == '%';

		next[0] = wild && row[0];
		for (j = 0; j < name.len; j++) {
			if (wild)
				next[j + 1] = row[j + 1] || (next[j] &&
				    (c == '*' || name.p[j] != '/'));
			else
				next[j + 1] = row[j] && c == name.p[j];
		}
		memcpy(row, next, sizeof(row));
	}
	return row[name.len];
}

static uint32_t
chance(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 16;
}

static void
test_against_naive(void)
{
	uint32_t state = 7;
	char a[12], b[16];
	int i, wrong = 0, matched = 0;
	size_t j;

	for (i = 0; i < 200000; i++) {
		struct hm_str pattern = { a, chance(&state) % sizeof(a) };
		struct hm_str name = { b, chance(&state) % sizeof(b) };

		for (j = 0; j < pattern.len; j++)
			a[j] = "ab/*%%"[chance(&state) % 6];
		for (j = 0; j < name.len; j++)
			b[j] = "aab/"[chance(&state) % 4];
		matched += naive(pattern, name);
		if (imap_match(pattern, name) != naive(pattern, name) &&
		    wrong++ < 5)
			diag("pattern %.*s name %.*s", HM_FMT(pattern),
			    HM_FMT(name));
	}
	is_int(wrong, 0, "random patterns agree with the plain definition");
	ok(matched > 10000, "and many of them match (%d)", matched);
}

static void
test_bomb(void)
{
	static char pattern[2000], name[2000];
	struct timespec from, to;
	size_t i;
	int r = 0;

	for (i = 0; i < sizeof(pattern); i++)
		pattern[i] = "%a*a"[i % 4];
	pattern[sizeof(pattern) - 1] = 'b';
	memset(name, 'a', sizeof(name));
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < 10; i++)
		r += imap_match(hm_str_n(pattern, sizeof(pattern)),
		    hm_str_n(name, sizeof(name)));
	clock_gettime(CLOCK_MONOTONIC, &to);
	is_int(r, 0, "a bomb of wildcards does not match");
	ok(to.tv_sec - from.tv_sec < 5, "and ends soon");
}

int
main(void)
{
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(cases); i++)
		ok(imap_match(hm_str(cases[i].pattern), hm_str(cases[i].name)) ==
		    cases[i].match, "\"%s\" %s \"%s\"", cases[i].pattern,
		    cases[i].match ? "matches" : "does not match",
		    cases[i].name);
	test_against_naive();
	test_bomb();
	return done();
}
