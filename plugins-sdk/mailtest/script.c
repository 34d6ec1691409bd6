/* script.c - a file as a list of statements, each with its line and its block.
 *
 * A block is what follows a statement that ends in "<<WORD", up to a line that
 * holds WORD alone, or in "{", up to a line that holds "}" alone. Tabs that all
 * its lines begin with are removed. "{ a: 1, b: 2 }" is a block of two lines.
 * Variables are put into the blocks in braces only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/conf.h>

#include "mailtest.h"

enum { MAX_BYTES = 4 << 20 };

static const char *const mt_mentions[] = {
	[MT_PASSWORD] = "$password", [MT_PLAIN] = "$plain_",
	[MT_ANNA] = "anna", [MT_BERT] = "bert",
};

struct reader {
	struct hm_arena *arena;
	struct mt_script *script;
	const char *path;
	struct hm_str bytes, rest;
	unsigned line;
};

static void
die(const struct reader *r, const char *why)
{
	printf("Bail out! %s:%u: %s\n", r->path, r->line, why);
	exit(2);
}

static struct hm_str
next_line(struct reader *r)
{
	struct hm_str line = hm_str_split(&r->rest, '\n');

	r->line++;
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	return line;
}

static size_t
leading_tabs(struct hm_str line)
{
	size_t n = 0;

	while (n < line.len && line.p[n] == '\t')
		n++;
	return n;
}

/* The lines up to the one that says "end". */
static struct hm_str
read_block(struct reader *r, struct hm_str end)
{
	struct hm_str from = r->rest, line, copy;
	struct hm_buf out = { 0 };
	size_t tabs = SIZE_MAX;

	for (;;) {
		if (r->rest.p == NULL)
			die(r, "the end of the file came before the block's end");
		line = next_line(r);
		if (hm_str_eq(hm_str_trim(line), end))
			break;
		if (hm_str_trim(line).len > 0 && leading_tabs(line) < tabs)
			tabs = leading_tabs(line);
	}
	for (;;) {
		line = hm_str_split(&from, '\n');
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		if (hm_str_eq(hm_str_trim(line), end))
			break;
		hm_buf_str(&out, hm_str_skip(line, tabs < line.len ? tabs :
		    leading_tabs(line)));
		hm_buf_putc(&out, '\n');
	}
	copy = hm_str_dup(r->arena, hm_buf_view(&out));
	if (copy.p == NULL)
		copy = HM_STR("");
	hm_buf_release(&out);
	return copy;
}

/* "a: [1, 2], b: 3" as lines: split at commas that nothing encloses. */
static struct hm_str
split_settings(struct reader *r, struct hm_str s)
{
	struct hm_buf out = { 0 };
	struct hm_str copy;
	int depth = 0;
	char quote = '\0';

	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (quote != '\0')
			quote = c == quote ? '\0' : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '[' || c == '{')
			depth++;
		else if (c == ']' || c == '}')
			depth--;
		if (c == ',' && depth == 0 && quote == '\0') {
			hm_buf_putc(&out, '\n');
			while (i + 1 < s.len && s.p[i + 1] == ' ')
				i++;
		} else {
			hm_buf_putc(&out, c);
		}
	}
	hm_buf_putc(&out, '\n');
	copy = hm_str_dup(r->arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return copy;
}

/* Cuts the mark of a block off the text and reads the block. */
static struct hm_str
find_block(struct reader *r, struct hm_str *text, bool *ret_expands)
{
	struct hm_str none = { NULL, 0 }, word, block;
	ssize_t at = hm_str_find(*text, HM_STR("<<"));

	if (at > 0 && text->p[at - 1] == ' ') {
		word = hm_str_skip(*text, (size_t)at + 2);
		if (word.len > 0 && hm_str_chr(word, ' ') < 0) {
			*text = hm_str_trim(hm_str_take(*text, (size_t)at));
			return read_block(r, word);
		}
	}
	*ret_expands = true;
	if (text->len > 1 && hm_str_ends(*text, HM_STR(" {"))) {
		*text = hm_str_trim(hm_str_take(*text, text->len - 1));
		return read_block(r, HM_STR("}"));
	}
	at = hm_str_find(*text, HM_STR(" { "));
	if (at < 0 || !hm_str_ends(*text, HM_STR(" }")))
		return none;
	block = hm_str_n(text->p + at + 2, text->len - (size_t)at - 3);
	*text = hm_str_trim(hm_str_take(*text, (size_t)at));
	return split_settings(r, hm_str_trim(block));
}

/* Only these statements have blocks; elsewhere braces are the protocol's. */
static bool
may_have_block(struct hm_str text)
{
	static const char *const words[] = { "conf", "module", "command",
	    "dns" };
	struct hm_str first = hm_str_split(&text, ' ');
	struct hm_str second = hm_str_split(&text, ' ');

	for (size_t i = 0; i < HM_ARRAY_LEN(words); i++)
		if (hm_str_is(first, words[i]))
			return true;
	return hm_str_is(second, "data") || hm_str_is(second, "literal") ||
	    hm_str_is(second, "bdat");
}

static bool
opens_block(struct hm_str text)
{
	return hm_str_starts(text, HM_STR("repeat ")) ||
	    hm_str_starts(text, HM_STR("each ")) ||
	    hm_str_starts(text, HM_STR("define "));
}

static void
link_ends(struct reader *r)
{
	struct mt_script *s = r->script;
	size_t open[MT_DEPTH], depth = 0;

	for (size_t i = 0; i < s->n; i++) {
		r->path = s->at[i].path;
		r->line = s->at[i].line;
		if (opens_block(s->at[i].text)) {
			if (depth == HM_ARRAY_LEN(open))
				die(r, "too many loops in each other");
			open[depth++] = i;
		} else if (hm_str_is(s->at[i].text, "end")) {
			if (depth == 0)
				die(r, "\"end\" of nothing");
			s->at[open[--depth]].jump = i + 1;
		}
	}
	if (depth > 0)
		die(r, "\"end\" is missing");
}

static void
add_stmt(struct reader *r, struct hm_str text)
{
	struct mt_script *s = r->script;
	struct mt_stmt *stmt;

	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? 2 * s->cap : 64;
		s->at = hm_xrealloc(s->at, s->cap * sizeof(*s->at));
	}
	stmt = &s->at[s->n++];
	*stmt = (struct mt_stmt){ .path = r->path, .line = r->line };
	if (may_have_block(text))
		stmt->block = find_block(r, &text, &stmt->expands);
	stmt->text = text;
	for (size_t i = 0; i < HM_ARRAY_LEN(s->mentions); i++)
		s->mentions[i] |= hm_str_find(r->bytes,
		    hm_str(mt_mentions[i])) >= 0;
}

static void read_file(struct reader *r, const char *path, int depth);

/* include FILE: beside the one that says so. */
static void
include(struct reader *r, struct hm_str name, int depth)
{
	struct reader inner = { .arena = r->arena, .script = r->script };
	ssize_t slash = hm_str_rchr(hm_str(r->path), '/');

	inner.path = r->path;
	inner.line = r->line;
	if (depth == 0)
		die(r, "too many files include each other");
	read_file(&inner, hm_printf(r->arena, "%.*s%.*s",
	    (int)(slash + 1), r->path, HM_FMT(hm_str_trim(name))), depth - 1);
}

static void
read_file(struct reader *r, const char *path, int depth)
{
	struct hm_err err = { 0 };

	if (hm_file_read(r->arena, path, MAX_BYTES, &r->bytes, &err) < 0)
		die(r, err.text);
	r->path = path;
	r->line = 0;
	r->rest = r->bytes;
	while (r->rest.p != NULL) {
		struct hm_str text = hm_str_trim(next_line(r));

		if (hm_str_starts(text, HM_STR("include ")))
			include(r, hm_str_skip(text, 8), depth);
		else if (text.len > 0 && text.p[0] != '#')
			add_stmt(r, text);
	}
}

void
mt_script_read(struct hm_arena *arena, const char *path, struct mt_script *ret)
{
	struct reader r = { .arena = arena, .script = ret, .path = path };

	*ret = (struct mt_script){ .n = 0 };
	read_file(&r, path, 3);
	link_ends(&r);
}

bool
mt_script_mentions(const struct mt_script *script, enum mt_mention what)
{
	return script->mentions[what];
}

void
mt_script_free(struct mt_script *script)
{
	free(script->at);
}
