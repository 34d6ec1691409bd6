/* test-node.c - YAML trees: what is read, what is refused, where. */
#include "t/tap.h"

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "errs.h"
#include "node.h"

static struct hm_arena *arena;

/* The tree of a text in braces, or its first mistake. */
static const char *
parse(struct hm_str text)
{
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_buf out = { 0 };
	struct hm_node *root;
	const char *ret;

	if (hm_node_parse(arena, "x.yaml", text, &root, errs) == 0)
		hm_node_put_flow(&out, root);
	else
		hm_buf_printf(&out, "%u:%u: %s", hm_errs_at(errs, 0, NULL)->line,
		    hm_errs_at(errs, 0, NULL)->col,
		    hm_errs_at(errs, 0, NULL)->text);
	ret = hm_strdup(arena, out.p);
	hm_buf_release(&out);
	return ret;
}

static const struct {
	const char *name, *text, *want;
} good[] = {
	{ "nothing", "", "null" },
	{ "only comments", "# a\n\n# b\n", "null" },
	{ "only a document mark", "---\n", "null" },
	{ "a scalar", "a", "a" },
	{ "a map", "a: 1\nb: 2\n", "{a: 1, b: 2}" },
	{ "no newline at the end", "a: 1", "{a: 1}" },
	{ "nested", "a:\n  b:\n    c: d\n  e: f\n",
	    "{a: {b: {c: d}, e: f}}" },
	{ "lists", "a:\n- 1\n- 2\nb: [3, [4], {}]\n",
	    "{a: [1, 2], b: [3, [4], {}]}" },
	{ "null", "a:\nb: ~\nc: null\nd: \"\"\ne: 'null'\n",
	    "{a: null, b: null, c: null, d: \"\", e: \"null\"}" },
	{ "quotes", "'a b': \"c\\td\"\n", "{a b: \"c\\td\"}" },
	{ "block scalars", "a: |\n  x\n  y\nb: >\n  x\n  y\n",
	    "{a: \"x\\ny\\n\", b: \"x y\\n\"}" },
	{ "byte order mark", "\xef\xbb\xbf" "a: 1\n", "{a: 1}" },
	{ "CR LF", "a: 1\r\nb:\r\n  c: 2\r\n", "{a: 1, b: {c: 2}}" },
	{ "unicode", "ä: ö\n", "{ä: ö}" },
	{ "explicit key", "? a\n: b\n", "{a: b}" },
	{ "braces", "{a: 1, b}", "{a: 1, b: null}" },
	{ "JSON", "{\"a\":1,\"b\":[true,null]}", "{a: 1, b: [true, null]}" },
	{ "document marks", "%YAML 1.1\n---\na: 1\n...\n", "{a: 1}" },
	{ "tab before a value", "a:\t1\n", "{a: 1}" },
	{ "address", "a: 127.0.0.1:25\nb: ::1\n",
	    "{a: 127.0.0.1:25, b: \"::1\"}" },
};

static const struct {
	const char *name, *text, *want;
} bad[] = {
	{ "same name twice", "a: 1\nb: 2\na: 3\n",
	    "3:1: \"a\" is given twice; the other one is at x.yaml:1:1" },
	{ "twice deeper", "x:\n  a: 1\n  a: 3\n",
	    "3:3: \"a\" is given twice; the other one is at x.yaml:2:3" },
	{ "alias", "a: &x 1\nb: *x\n",
	    "1:4: anchors (&name) are not understood; quote the text if the & "
	    "belongs to it" },
	{ "lone alias", "b: *x\n",
	    "1:4: aliases (*name) are not understood; quote the text if the * "
	    "belongs to it" },
	{ "tag", "a: !!int 1\n",
	    "1:4: tags (!name) are not understood; quote the text if the ! "
	    "belongs to it" },
	{ "two documents", "a: 1\n---\nb: 2\n",
	    "2:1: a second document in one file is not understood" },
	{ "list as name", "? [a]\n: b\n",
	    "1:3: a name before ':' must be a single word or text" },
	{ "no name", "{\"\": b}\n", "1:2: there is no name before ':'" },
	{ "tab", "a:\n\tb: c\n",
	    "2:1: this is not YAML: found character that cannot start any token "
	    "while scanning for the next token; indent with spaces, not with "
	    "tabs" },
	{ "at sign", "a: @b\n",
	    "1:4: this is not YAML: found character that cannot start any token "
	    "while scanning for the next token; put the value in quotes" },
	{ "bare IPv6 address", "listen: [::]:25\n",
	    "1:10: this is not YAML: did not find expected node content while "
	    "parsing a flow node; put an IPv6 address in quotes, as in "
	    "\"[::]:25\"" },
	{ "bare IPv6 address in a list", "nets: [127.0.0.0/8, ::1]\n",
	    "1:21: this is not YAML: did not find expected node content while "
	    "parsing a flow node; put an IPv6 address in quotes, as in "
	    "\"[::]:25\"" },
	{ "open bracket", "a: [1, 2\n",
	    "2:1: this is not YAML: did not find expected ',' or ']' while "
	    "parsing a flow sequence" },
	{ "not UTF-8", "a: b\nc: \xe4\n",
	    "2:4: byte 0xe4 is not UTF-8; save the file as UTF-8" },
	{ "UTF-16", "\xff\xfe" "a",
	    "1:1: the file is written in UTF-16; save it as UTF-8" },
	{ "control character", "a: b\x01\n",
	    "1:5: this is not YAML: control characters are not allowed" },
	{ "place behind unicode", "ä: ö\nä: ü\n",
	    "2:1: \"ä\" is given twice; the other one is at x.yaml:1:1" },
	{ "columns are bytes", "{ää: 1, ää: 2}",
	    "1:11: \"ää\" is given twice; the other one is at x.yaml:1:2" },
};

static void
test_limits(void)
{
	struct hm_buf text = { 0 };

	for (int i = 0; i < HM_NODE_MAX_DEPTH; i++)
		hm_buf_putc(&text, '[');
	for (int i = 0; i < HM_NODE_MAX_DEPTH; i++)
		hm_buf_putc(&text, ']');
	ok(strncmp(parse(hm_buf_view(&text)), "[[[", 3) == 0, "32 deep is fine");
	hm_buf_clear(&text);
	for (int i = 0; i < 100000; i++)
		hm_buf_putc(&text, '[');
	is_str(parse(hm_buf_view(&text)),
	    "1:33: values are nested more than 32 deep", "100,000 deep is not");
	hm_buf_clear(&text);
	for (int i = 0; i < 100000; i++)
		hm_buf_puts(&text, "- ");
	is_str(parse(hm_buf_view(&text)),
	    "1:65: values are nested more than 32 deep", "nor with dashes");
	hm_buf_clear(&text);
	for (int i = 0; i < HM_NODE_MAX_NODES - 1; i++)
		hm_buf_printf(&text, "k%d: v\n", i);
	ok(strncmp(parse(hm_buf_view(&text)), "{k0: v", 6) == 0,
	    "100,000 values are fine");
	hm_buf_puts(&text, "one: more\n");
	is_str(parse(hm_buf_view(&text)),
	    "100000:6: the file has more than 100,000 values",
	    "one more is not");
	hm_buf_clear(&text);
	hm_buf_puts(&text, "a: 1\n");
	while (text.len < HM_NODE_MAX_BYTES)
		hm_buf_puts(&text, "# 4567890123456789012345678901234567890\n");
	text.len = HM_NODE_MAX_BYTES;
	is_str(parse(hm_buf_view(&text)), "{a: 1}", "16 MiB are fine");
	hm_buf_putc(&text, '#');
	is_str(parse(hm_buf_view(&text)), "1:1: the file is larger than 16 MiB",
	    "one byte more is not");
	hm_buf_release(&text);
}

static void
test_get(void)
{
	static const char text[] = "b: 1\na:\n  - x\n  - y\nc: {d: e}\n";
	struct hm_node *root, *a;

	if (!ok(hm_node_parse(arena, "x", hm_str(text), &root,
	    hm_errs_new(arena)) == 0, "parses"))
		return;
	is_int(hm_node_kind(root), HM_NODE_MAP, "a map");
	is_int(hm_node_count(root), 3, "of three");
	is_slice(hm_node_key(root, 0), "b", "in the order of the file");
	is_slice(hm_node_key(root, 2), "c", "to the last");
	ok(hm_node_key(root, 3).p == NULL, "and no further");
	a = hm_node_get(root, "a");
	ok(a != NULL && hm_node_kind(a) == HM_NODE_LIST, "found by name");
	is_slice(hm_node_text(hm_node_at(a, 1)), "y", "the second element");
	ok(hm_node_at(a, 2) == NULL, "there is no third");
	ok(hm_node_get(root, "d") == NULL, "another map's name is not found");
	ok(hm_node_get(NULL, "d") == NULL, "nothing in NULL");
	is_slice(hm_node_text(hm_node_get(hm_node_get(root, "c"), "d")), "e",
	    "nested in braces");
}

static void
test_quote(void)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "plain", "plain" }, { "", "\"\"" }, { "null", "\"null\"" },
		{ "~", "\"~\"" }, { "a b", "a b" }, { "a ", "\"a \"" },
		{ " a", "\" a\"" }, { "a: b", "\"a: b\"" }, { "-", "\"-\"" },
		{ "-5", "-5" }, { "- a", "\"- a\"" }, { "a #b", "\"a #b\"" },
		{ "#", "\"#\"" }, { "[x", "\"[x\"" }, { "a,b", "\"a,b\"" },
		{ "*", "\"*\"" }, { "ü@x.example", "ü@x.example" },
		{ "a\nb\t\x01", "\"a\\nb\\t\\x01\"" }, { "\"\\", "\"\\\"\\\\\"" },
		{ "127.0.0.1:25", "127.0.0.1:25" }, { "a:", "\"a:\"" },
		{ "...", "\"...\"" }, { "---", "\"---\"" },
		{ "\xe2\x80\xa8", "\"\\u2028\"" }, { "%a", "\"%a\"" },
		{ "a\xff", "\"a\xef\xbf\xbd\"" },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		struct hm_buf out = { 0 };
		struct hm_node *root;

		hm_node_quote(&out, hm_str(cases[i].text));
		is_str(out.p, cases[i].want, "quote %zu", i);
		if (!hm_utf8_valid(hm_str(cases[i].text))) {
			hm_buf_release(&out);
			continue;
		}
		ok(hm_node_parse(arena, "x", hm_buf_view(&out), &root,
		    hm_errs_new(arena)) == 0 &&
		    hm_str_is(hm_node_text(root), cases[i].text),
		    "quote %zu reads back", i);
		hm_buf_release(&out);
	}
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	for (size_t i = 0; i < HM_ARRAY_LEN(good); i++)
		is_str(parse(hm_str(good[i].text)), good[i].want, "%s",
		    good[i].name);
	for (size_t i = 0; i < HM_ARRAY_LEN(bad); i++)
		is_str(parse(hm_str(bad[i].text)), bad[i].want, "refused: %s",
		    bad[i].name);
	test_limits();
	test_get();
	test_quote();
	hm_arena_free(arena);
	return done();
}
