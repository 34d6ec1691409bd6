/* test-edit.c - edits change what they should and not one byte more. */
#include "t/tap.h"

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "errs.h"
#include "node.h"

static struct hm_arena *arena;

struct edit {
	const char *name, *text;
	const char *path;      /* names with '/' between them */
	const char *value;     /* NULL: remove */
	const char *want;      /* NULL: an error */
};

static const struct edit replaced[] = {
	{ "a value", "a: 1\nb: 2\n", "a", "3", "a: 3\nb: 2\n" },
	{ "comment behind it", "a: 1 # one\nb: 2\n", "a", "x y",
	    "a: x y # one\nb: 2\n" },
	{ "odd spacing", "a:   1   # one\n", "a", "2", "a:   2   # one\n" },
	{ "tab before it", "a:\t1\n", "a", "2", "a:\t2\n" },
	{ "quoted", "a: \"x # y\" # z\n", "a", "'q'", "a: 'q' # z\n" },
	{ "quoted name", "\"a\" : 1\n'b': 2\n", "b", "3", "\"a\" : 1\n'b': 3\n" },
	{ "unicode around", "# ä\nä: ö # ü\nß: 1\n", "ä", "€",
	    "# ä\nä: € # ü\nß: 1\n" },
	{ "CR LF", "a: 1\r\nb: 2\r\n", "a", "3", "a: 3\r\nb: 2\r\n" },
	{ "byte order mark", "\xef\xbb\xbf" "a: 1\nb: ä\n", "a", "3",
	    "\xef\xbb\xbf" "a: 3\nb: ä\n" },
	{ "no newline at the end", "a: 1", "a", "2", "a: 2" },
	{ "nothing", "a:\nb: 2\n", "a", "3", "a: 3\nb: 2\n" },
	{ "nothing with comment", "a: # empty\nb: 2\n", "a", "3",
	    "a: 3 # empty\nb: 2\n" },
	{ "null", "a: ~ # none\n", "a", "3", "a: 3 # none\n" },
	{ "to nothing", "a: 1 # x\nb: 2\n", "a", "", "a:  # x\nb: 2\n" },
	{ "deep", "a:\n  # c\n  b:\n    c: 1\n    d: 2\n", "a/b/d", "3",
	    "a:\n  # c\n  b:\n    c: 1\n    d: 3\n" },
	{ "value on the next line", "a:\n  1 # x\nb: 2\n", "a", "3",
	    "a:\n  3 # x\nb: 2\n" },
	{ "folded plain text", "a: x\n  y\n  z # w\nb: 2\n", "a", "1",
	    "a: 1 # w\nb: 2\n" },
	{ "list by list in braces", "a: [1, 2] # x\nb: 2\n", "a", "[3]",
	    "a: [3] # x\nb: 2\n" },
	{ "block list by flow list", "a:\n- 1 # one\n- 2\nb: 2\n", "a", "[3]",
	    "a: [3]\nb: 2\n" },
	{ "block list by block list", "a:\n  - 1\n  - 2 # two\nb: 2\n", "a",
	    "- 3\n- 4", "a:\n  - 3\n  - 4 # two\nb: 2\n" },
	{ "list at its name's column by map", "a:\n- 1\n- 2\nb: 2\n", "a",
	    "x: 1\ny: 2\n", "a:\n  x: 1\n  y: 2\nb: 2\n" },
	{ "map by value", "a:\n  b: 1\n  c: 2\nd: 3\n", "a", "4",
	    "a: 4\nd: 3\n" },
	{ "map by value, comment on its name", "a: # x\n  b: 1\n  c: 2\nd: 3\n",
	    "a", "4", "a: 4 # x\nd: 3\n" },
	{ "value by map", "a: 1 # x\nd: 3\n", "a", "b: 1\nc:\n  - 2",
	    "a: # x\n  b: 1\n  c:\n    - 2\nd: 3\n" },
	{ "value by map, indent of the file", "z:\n    y: 1\na: 1\nd: 3\n", "a",
	    "b: 1\nc: 2", "z:\n    y: 1\na:\n    b: 1\n    c: 2\nd: 3\n" },
	{ "map by map", "a:\n   b: 1\n   c: 2\nd: 3\n", "a", "e: 5",
	    "a:\n   e: 5\nd: 3\n" },
	{ "map by map, CR LF", "a:\r\n  b: 1\r\nd: 3\r\n", "a", "e: 5\nf: 6\n",
	    "a:\r\n  e: 5\r\n  f: 6\r\nd: 3\r\n" },
	{ "block scalar by value", "a: |\n  x\n\n  y\n\nb: 2\n", "a", "1",
	    "a: 1\n\nb: 2\n" },
	{ "value by block scalar", "a:\n  b: 1 # x\n  c: 2\n", "a/b",
	    "|\n x\n y\n", "a:\n  b: | # x\n   x\n   y\n  c: 2\n" },
	{ "block scalar by block scalar", "a: |\n  x\nb: 2\n", "a", "|-\n y\n z\n",
	    "a: |-\n y\n z\nb: 2\n" },
	{ "map by block scalar", "a:\n  b: 1\nc: 2\n", "a", ">\n x\n",
	    "a: >\n x\nc: 2\n" },
	{ "in braces", "a: {b: 1, c: 2} # x\n", "a/b", "3",
	    "a: {b: 3, c: 2} # x\n" },
	{ "in braces by a block map", "a: {b: 1, c: 2}\n", "a/b", "x: 1\ny: [2]\n",
	    "a: {b: {x: 1, y: [2]}, c: 2}\n" },
	{ "in braces, nothing", "{a: , b}\n", "a", "1", "{a: 1 , b}\n" },
	{ "in braces, lone name", "{a, b}\n", "b", "1", "{a, b: 1}\n" },
	{ "JSON", "{\"a\":1,\"b\":2}\n", "b", "3", "{\"a\":1,\"b\":3}\n" },
	{ "with its document mark", "---\na: 1\n...\n", "a", "2",
	    "---\na: 2\n...\n" },
	{ "quoted lines become one", "a: 1\n", "a", "\"x\n  y\"",
	    "a: x y\n" },
	{ "the comment of the value is left out", "a: 1\n", "a", "2 # two",
	    "a: 2\n" },
};

static const struct edit added[] = {
	{ "to an empty file", "", "a", "1", "a: 1\n" },
	{ "to comments", "# one\n# two", "a", "1", "# one\n# two\na: 1\n" },
	{ "to an empty document", "---\n", "a", "1", "---\na: 1\n" },
	{ "before the end mark", "---\n# c\n...\n", "a", "1",
	    "---\n# c\na: 1\n...\n" },
	{ "nested to an empty file", "", "a/b/c", "1", "a:\n  b:\n    c: 1\n" },
	{ "at the end", "a: 1\n", "b", "2", "a: 1\nb: 2\n" },
	{ "without newline", "a: 1", "b", "2", "a: 1\nb: 2\n" },
	{ "CR LF", "a: 1\r\n", "b/c", "2", "a: 1\r\nb:\r\n  c: 2\r\n" },
	{ "behind a comment", "a: 1 # x\n# end\n", "b", "2",
	    "a: 1 # x\nb: 2\n# end\n" },
	{ "deep", "a:\n    b: 1 # x\n\n# next\nc: 2\n", "a/d", "3",
	    "a:\n    b: 1 # x\n    d: 3\n\n# next\nc: 2\n" },
	{ "behind a nested map", "a:\n  b:\n    c: 1\nd: 2\n", "a/e", "f: [1]",
	    "a:\n  b:\n    c: 1\n  e:\n    f: [1]\nd: 2\n" },
	{ "behind a block scalar", "a: |\n  x\n\nb:\n  c: |\n    y\n\nd: 1\n",
	    "b/e", "1", "a: |\n  x\n\nb:\n  c: |\n    y\n  e: 1\n\nd: 1\n" },
	{ "behind kept blank lines", "b:\n  c: |+\n    y\n\n\nd: 1\n",
	    "b/e", "1", "b:\n  c: |+\n    y\n\n\n  e: 1\nd: 1\n" },
	{ "behind nothing", "a:\n  b:\nc: 1\n", "a/d", "1",
	    "a:\n  b:\n  d: 1\nc: 1\n" },
	{ "into nothing", "a: # empty\n# x\nc: 1\n", "a/b", "1",
	    "a: # empty\n  b: 1\n# x\nc: 1\n" },
	{ "into null", "a: null\n", "a/b/c", "1", "a:\n  b:\n    c: 1\n" },
	{ "into empty braces", "a: {} # none\nb: 1\n", "a/c", "1",
	    "a: # none\n  c: 1\nb: 1\n" },
	{ "into the root's braces", "# x\n{}\n", "a/b", "1", "# x\na:\n  b: 1\n" },
	{ "into braces", "a: {b: 1} # x\n", "a/c", "2",
	    "a: {b: 1, c: 2} # x\n" },
	{ "into braces, nested", "a: {b: 1}\n", "a/c/d", "- 2\n- 3",
	    "a: {b: 1, c: {d: [2, 3]}}\n" },
	{ "into empty braces in braces", "{a: {}, b: 1}\n", "a/c", "1",
	    "{a: {c: 1}, b: 1}\n" },
	{ "into nothing in braces", "{a: , b: 1}\n", "a/c", "1",
	    "{a: {c: 1} , b: 1}\n" },
	{ "behind a comma", "a: {b: 1, }\n", "a/c", "2", "a: {b: 1, c: 2, }\n" },
	{ "a line in braces", "{\n  \"a\": 1,  # x\n  \"b\": 2   # y\n}\n", "c",
	    "3", "{\n  \"a\": 1,  # x\n  \"b\": 2,   # y\n  c: 3\n}\n" },
	{ "a line behind a comma", "{\n\ta: 1, # x\n}\n", "c", "3",
	    "{\n\ta: 1, # x\n\tc: 3,\n}\n" },
	{ "name that needs quotes", "a: 1\n", "x: y/null", "2",
	    "a: 1\n\"x: y\":\n  \"null\": 2\n" },
	{ "address as name", "accounts:\n", "accounts/anna@ä.example", "{}",
	    "accounts:\n  anna@ä.example: {}\n" },
	{ "block list", "a: 1\n", "b", "- x\n- y: 1\n  z: 2\n",
	    "a: 1\nb:\n  - x\n  - y: 1\n    z: 2\n" },
	{ "indented value", "a: 1\n", "b", "  x: 1\n  y: 2\n",
	    "a: 1\nb:\n    x: 1\n    y: 2\n" },
	{ "block scalar", "a:\n  b: 1\n", "a/c", "|\n  x\n\n  y\n",
	    "a:\n  b: 1\n  c: |\n    x\n\n    y\n" },
	{ "to an indented map", "  a: 1\n  b: 2\n", "c", "3",
	    "  a: 1\n  b: 2\n  c: 3\n" },
	{ "behind a list at the name's column", "a:\n- 1\n- 2\n", "b", "3",
	    "a:\n- 1\n- 2\nb: 3\n" },
	{ "with a byte order mark", "\xef\xbb\xbf", "a", "1",
	    "\xef\xbb\xbf" "a: 1\n" },
};

static const struct edit removed[] = {
	{ "first", "a: 1\nb: 2\n", "a", NULL, "b: 2\n" },
	{ "last", "a: 1\nb: 2\n", "b", NULL, "a: 1\n" },
	{ "last without newline", "a: 1\nb: 2", "b", NULL, "a: 1\n" },
	{ "only", "# x\na: 1 # y\n# z\n", "a", NULL, "# x\n# z\n" },
	{ "map", "a: 1\nb:\n  c: 2\n  # x\n  d: 3\ne: 4\n", "b", NULL,
	    "a: 1\ne: 4\n" },
	{ "one of a map", "b:\n  c: 2\n  # x\n  d: 3 # y\ne: 4\n", "b/d", NULL,
	    "b:\n  c: 2\n  # x\ne: 4\n" },
	{ "all of a map", "b: # x\n  c: 2\ne: 4\n", "b/c", NULL,
	    "b: # x\ne: 4\n" },
	{ "list", "a:\n- 1\n- 2\nb: 1\n", "a", NULL, "b: 1\n" },
	{ "block scalar", "a: |\n  x\n\n  y\nb: 1\n", "a", NULL, "b: 1\n" },
	{ "nothing", "a:\nb: 1\n", "a", NULL, "b: 1\n" },
	{ "CR LF", "a: 1\r\nb: 2\r\nc: 3\r\n", "b", NULL, "a: 1\r\nc: 3\r\n" },
	{ "behind a byte order mark", "\xef\xbb\xbf" "a: 1\nb: 2\n", "a", NULL,
	    "\xef\xbb\xbf" "b: 2\n" },
	{ "first in braces", "a: {b: 1, c: 2} # x\n", "a/b", NULL,
	    "a: {c: 2} # x\n" },
	{ "middle in braces", "{a: 1, b: 2, c: 3}\n", "b", NULL,
	    "{a: 1, c: 3}\n" },
	{ "last in braces", "{a: 1, b: 2}\n", "b", NULL, "{a: 1}\n" },
	{ "only in braces", "x: {a: 1}\n", "x/a", NULL, "x: {}\n" },
	{ "line in braces", "{\n  a: 1, # x\n  b: 2, # y\n  c: 3 # z\n}\n", "b",
	    NULL, "{\n  a: 1, # x\n  c: 3 # z\n}\n" },
	{ "last line in braces", "{\n  a: 1, # x\n  c: 3 # z\n}\n", "c",
	    NULL, "{\n  a: 1, # x\n}\n" },
	{ "JSON", "{\"a\":1,\"b\":2}", "a", NULL, "{\"b\":2}" },
};

static const struct edit refused[] = {
	{ "removing what is not there", "a: 1\n", "b", NULL, NULL },
	{ "removing below what is not there", "a: 1\n", "b/c", NULL, NULL },
	{ "below a value", "a: 1\n", "a/b", "2", NULL },
	{ "below a list", "a: [1]\n", "a/b", "2", NULL },
	{ "a root that is no map", "- a\n", "a", "1", NULL },
	{ "a broken text", "a: [\n", "a", "1", NULL },
	{ "a broken value", "a: 1\n", "a", "[", NULL },
	{ "a value of two documents", "a: 1\n", "a", "--- 1\n--- 2\n", NULL },
	{ "an alias", "a: &x 1\nb: *x\n", "a", "1", NULL },
	{ "an explicit name", "? a\n: b\n", "a", NULL, NULL },
};

static int
edit(const struct edit *e, struct hm_str *ret, struct hm_err *err)
{
	const char *path[8] = { NULL };
	struct hm_str rest = hm_str(e->path);

	for (size_t i = 0; rest.p != NULL && i < 7; i++) {
		struct hm_str name = hm_str_split(&rest, '/');

		path[i] = hm_strndup(arena, name.p, name.len);
	}
	return hm_node_edit(arena, hm_str(e->text), path, e->value, ret, err);
}

static void
run(const char *what, const struct edit *edits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct hm_str got = { NULL, 0 };
		struct hm_err err = { 0 };
		int r = edit(&edits[i], &got, &err);

		if (edits[i].want == NULL) {
			ok(r < 0 && err.code == r && err.text[0] != '\0',
			    "%s: %s: %s", what, edits[i].name, err.text);
			ok(got.p == NULL, "nothing is returned");
			continue;
		}
		is_slice(got, edits[i].want, "%s: %s", what, edits[i].name);
		if (r < 0)
			diag("%s", err.text);
	}
}

/* Many additions and removals end where they began. */
static void
test_round_trip(void)
{
	static const char *const texts[] = {
		"# head\n\na:\n  # inner\n  b: 1 # one\n\n# tail\nz: 9\n",
		"a: {b: 1}\nz: 9\n",
		"\"a\":\r\n    b: 1\r\n\r\nz: 9\r\n",
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(texts); i++) {
		struct hm_str text = hm_str(texts[i]);
		int r = 0;

		for (int k = 0; k < 50 && r == 0; k++) {
			const char *path[] = { "a",
			    hm_printf(arena, "user%d@x.example", k), "x", NULL };

			r = hm_node_edit(arena, text, path, "[1, 2]", &text, NULL);
		}
		is_int(r, 0, "fifty additions to text %zu", i);
		for (int k = 0; k < 50 && r == 0; k++) {
			const char *path[] = { "a", hm_printf(arena,
			    "user%d@x.example", (k * 7) % 50), NULL };

			r = hm_node_edit(arena, text, path, NULL, &text, NULL);
		}
		is_int(r, 0, "fifty removals");
		is_slice(text, texts[i], "leave the text as it was");
	}
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	run("replaced", replaced, HM_ARRAY_LEN(replaced));
	run("added", added, HM_ARRAY_LEN(added));
	run("removed", removed, HM_ARRAY_LEN(removed));
	run("refused", refused, HM_ARRAY_LEN(refused));
	test_round_trip();
	hm_arena_free(arena);
	return done();
}
