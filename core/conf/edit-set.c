/* edit-set.c - which bytes change when a value is set. */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "edit.h"

/* What is put into the document: the missing names and the value. A one-line
 * text, a block scalar (head "|", then lines), or lines of block style. */
struct content {
	struct hm_str line;    /* follows "name: "; empty: nothing */
	struct hm_str lines;   /* block style, not indented, LF between them */
	bool scalar;           /* lines belong to the scalar begun in line */
	bool list;             /* lines are "- …", else "name: …" */
};

static struct hm_str
keep(struct hm_edit *e, struct hm_buf *buf)
{
	struct hm_str s = hm_str_dup(e->arena, hm_buf_view(buf));

	hm_buf_release(buf);
	return s;
}

static const char *
line_break(const struct hm_doc *doc)
{
	ssize_t lf = hm_str_chr(doc->text, '\n');

	return lf > 0 && doc->text.p[lf - 1] == '\r' ? "\r\n" : "\n";
}

static void
put_spaces(struct hm_buf *out, size_t n)
{
	while (n-- > 0)
		hm_buf_putc(out, ' ');
}

/* Lines one below the other, the first without a break before it. */
static void
put_lines(struct hm_buf *out, struct hm_str lines, size_t indent,
    const char *eol)
{
	bool first = true;

	while (lines.p != NULL) {
		struct hm_str line = hm_str_split(&lines, '\n');

		if (hm_str_ends(line, HM_STR("\r")))
			line.len--;
		if (!first)
			hm_buf_puts(out, eol);
		first = false;
		if (line.len > 0) {
			put_spaces(out, indent);
			hm_buf_str(out, line);
		}
	}
}

static size_t
line_end(const struct hm_doc *doc, size_t at)
{
	size_t start, end;

	hm_doc_line(doc, at, &start, &end);
	return end;
}

size_t
hm_edit_line_start(const struct hm_doc *doc, size_t at)
{
	size_t start, end;

	hm_doc_line(doc, at, &start, &end);
	return start;
}

size_t
hm_edit_next_line(const struct hm_doc *doc, size_t at)
{
	size_t end = line_end(doc, at);

	if (end < doc->text.len && doc->text.p[end] == '\r')
		end++;
	if (end < doc->text.len && doc->text.p[end] == '\n')
		end++;
	return end;
}

size_t
hm_edit_skip_space(const struct hm_doc *doc, size_t at)
{
	while (at < doc->text.len) {
		char c = doc->text.p[at];

		if (c == '#')
			at = hm_edit_next_line(doc, at);
		else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			at++;
		else
			break;
	}
	return at;
}

/* Behind the colon of a value, or 0 where a lone key stands in braces. */
static size_t
behind_colon(const struct hm_edit *e, const struct hm_node *value)
{
	size_t at = hm_edit_skip_space(e->doc, (value - 1)->end);

	return at < e->doc->text.len && e->doc->text.p[at] == ':' ? at + 1 : 0;
}

/* How deep the document indents a map in a map. */
static size_t
indent_step(const struct hm_edit *e)
{
	for (size_t i = 0; i < e->root->skip; i++) {
		const struct hm_node *map = &e->root[i];

		if (map->kind != HM_NODE_MAP || map->flow)
			continue;
		for (size_t k = 0; k < map->n; k++) {
			const struct hm_node *sub = map->items[k];

			if (sub->kind == HM_NODE_MAP && !sub->flow &&
			    sub->n > 0 && sub->col > map->col)
				return sub->col - map->col;
		}
	}
	return 2;
}

static struct content
value_content(struct hm_edit *e)
{
	const struct hm_node *v = e->value;
	struct hm_str text = v->doc->text, own;
	struct content c = { { NULL, 0 }, { NULL, 0 }, false, false };
	struct hm_buf buf = { 0 };
	ssize_t lf;

	own = hm_str_n(text.p + v->start, v->end - v->start);
	lf = hm_str_chr(own, '\n');
	if (v->null) {
		c.line = HM_STR("");
	} else if (v->kind != HM_NODE_SCALAR && !v->flow) {
		size_t from = hm_edit_line_start(v->doc, v->start);

		c.lines = hm_str_n(text.p + from, v->end - from);
		c.list = v->kind == HM_NODE_LIST;
	} else if (v->block && lf >= 0) {
		c.line = hm_str_trim(hm_str_take(own, (size_t)lf));
		c.lines = hm_str_skip(own, (size_t)lf + 1);
		c.scalar = true;
	} else if (lf < 0 && hm_str_chr(own, '\r') < 0) {
		c.line = own;
	} else {
		hm_node_put_flow(&buf, v);
		c.line = keep(e, &buf);
	}
	return c;
}

/* "name: value" at no indentation, as lines. */
static struct hm_str
pair_lines(struct hm_edit *e, const char *name, const struct content *c)
{
	struct hm_buf out = { 0 };

	hm_node_quote(&out, hm_str(name));
	hm_buf_putc(&out, ':');
	if (c->line.len > 0) {
		hm_buf_putc(&out, ' ');
		hm_buf_str(&out, c->line);
	}
	if (c->lines.p != NULL) {
		hm_buf_putc(&out, '\n');
		put_lines(&out, c->lines, c->scalar ? 0 : indent_step(e), "\n");
	}
	return keep(e, &out);
}

/* The value with the names from path[from] on around it. */
static struct content
block_content(struct hm_edit *e, size_t from)
{
	struct content c = value_content(e);
	size_t i = from;

	while (e->path[i] != NULL)
		i++;
	while (i-- > from) {
		c.lines = pair_lines(e, e->path[i], &c);
		c.line = (struct hm_str){ NULL, 0 };
		c.scalar = c.list = false;
	}
	return c;
}

/* The same in braces and on one line. */
static struct hm_str
flow_content(struct hm_edit *e, size_t from)
{
	struct hm_buf out = { 0 };
	size_t i = from;

	for (; e->path[i] != NULL; i++) {
		if (i > from)
			hm_buf_putc(&out, '{');
		hm_node_quote(&out, hm_str(e->path[i]));
		hm_buf_puts(&out, ": ");
	}
	hm_node_put_flow(&out, e->value);
	for (; i > from + 1; i--)
		hm_buf_putc(&out, '}');
	return keep(e, &out);
}

static void
replace_in_flow(struct hm_edit *e)
{
	const struct hm_node *old = e->at;
	size_t colon = behind_colon(e, old);
	struct hm_str text = flow_content(e, e->depth);

	if (e->path[e->depth] != NULL)
		text = hm_str(hm_printf(e->arena, "{%.*s}", HM_FMT(text)));
	if (old->end > old->start)
		hm_edit_replace(e, old->start, old->end, text);
	else if (colon > 0)
		hm_edit_replace(e, colon, colon, hm_str(hm_printf(e->arena,
		    " %.*s", HM_FMT(text))));
	else
		hm_edit_replace(e, (old - 1)->end, (old - 1)->end,
		    hm_str(hm_printf(e->arena, ": %.*s", HM_FMT(text))));
}

/* A text of one line, or the head of a block scalar with its lines, takes the
 * place of any old value. Comments behind a one-line value stay there. */
static void
replace_by_line(struct hm_edit *e, const struct content *c, size_t indent)
{
	const struct hm_node *old = e->at;
	bool old_lines = old->kind != HM_NODE_SCALAR && !old->flow;
	size_t colon = behind_colon(e, old), end;
	struct hm_str line = c->line;
	struct hm_buf lines = { 0 };

	if (c->scalar) {
		hm_buf_puts(&lines, line_break(e->doc));
		put_lines(&lines, c->lines, indent, line_break(e->doc));
	}
	if (old_lines || old->end == old->start) {
		if (line.len > 0)
			line = hm_str(hm_printf(e->arena, " %.*s", HM_FMT(line)));
		hm_edit_replace(e, colon, colon, line);
		end = line_end(e->doc, colon);
	} else {
		hm_edit_replace(e, old->start, old->end, line);
		end = old->block ? old->end : line_end(e->doc, old->end);
	}
	if (c->scalar)
		hm_edit_replace(e, end, end, keep(e, &lines));
	if (old_lines)
		hm_edit_replace(e, hm_edit_line_start(e->doc, old->start),
		    hm_edit_next_line(e->doc, old->end), HM_STR(""));
}

/* Lines of block style take the place of any old value. */
static void
replace_by_lines(struct hm_edit *e, const struct content *c, size_t indent)
{
	const struct hm_node *old = e->at;
	bool old_lines = old->kind != HM_NODE_SCALAR && !old->flow;
	size_t colon = behind_colon(e, old), end;
	size_t start = hm_edit_line_start(e->doc, old->start);
	size_t deeper = indent + indent_step(e);
	struct hm_buf lines = { 0 };

	if (old_lines && (old->col - 1 > indent || c->list))
		deeper = old->col - 1;
	if (start > colon) {
		/* The old value has its own lines already. */
		put_lines(&lines, c->lines, deeper, line_break(e->doc));
		hm_edit_replace(e, start, old->end, keep(e, &lines));
		return;
	}
	hm_buf_puts(&lines, line_break(e->doc));
	put_lines(&lines, c->lines, deeper, line_break(e->doc));
	if (old->end > old->start)
		hm_edit_replace(e, colon, old->end, HM_STR(""));
	end = line_end(e->doc, old->end);
	hm_edit_replace(e, end, end, keep(e, &lines));
}

static void
replace_value(struct hm_edit *e)
{
	struct content c;
	size_t indent;

	if (e->in_flow) {
		replace_in_flow(e);
		return;
	}
	indent = e->parent->col - 1;
	c = block_content(e, e->depth);
	if (c.lines.p != NULL && !c.scalar)
		replace_by_lines(e, &c, indent);
	else
		replace_by_line(e, &c, indent);
}

/* A new last pair of a map in braces. Where each pair has a line, so has it. */
static void
add_to_flow(struct hm_edit *e)
{
	const struct hm_doc *doc = e->doc;
	const struct hm_node *map = e->at, *last, *key;
	struct hm_str text = flow_content(e, e->depth);
	size_t end, comma, line, blank;
	bool trailing, own_line;

	if (map->n == 0) {
		hm_edit_replace(e, map->start + 1, map->start + 1, text);
		return;
	}
	last = map->items[map->n - 1];
	key = last - 1;
	end = last->end;
	comma = hm_edit_skip_space(doc, end);
	trailing = comma < doc->text.len && doc->text.p[comma] == ',';
	if (trailing)
		end = comma + 1;
	line = hm_edit_line_start(doc, key->start);
	blank = key->start - line;
	own_line = hm_str_trim(hm_str_n(doc->text.p + line, blank)).len == 0 &&
	    line_end(doc, end) < map->end;
	if (!trailing)
		hm_edit_replace(e, end, end, HM_STR(","));
	if (own_line) {
		end = line_end(doc, end);
		text = hm_str(hm_printf(e->arena, "%s%.*s%.*s%s",
		    line_break(doc), (int)blank, doc->text.p + line,
		    HM_FMT(text), trailing ? "," : ""));
	} else {
		text = hm_str(hm_printf(e->arena, " %.*s%s", HM_FMT(text),
		    trailing ? "," : ""));
	}
	hm_edit_replace(e, end, end, text);
}

/* New lines at a place where a line begins. */
static void
insert_lines(struct hm_edit *e, size_t at, size_t indent)
{
	struct content c = block_content(e, e->depth);
	const char *eol = line_break(e->doc);
	struct hm_buf out = { 0 };

	if (at > e->doc->bom && e->doc->text.p[at - 1] != '\n' &&
	    e->doc->text.p[at - 1] != '\r')
		hm_buf_puts(&out, eol);
	put_lines(&out, c.lines, indent, eol);
	hm_buf_puts(&out, eol);
	hm_edit_replace(e, at, at, keep(e, &out));
}

/* Behind all comments of a file without values, but before "...". */
static void
fill_empty(struct hm_edit *e)
{
	struct hm_str text = e->doc->text;
	size_t at = text.len;

	for (size_t i = 0; i < e->doc->nlines; i++) {
		size_t start = e->doc->lines[i];

		if (hm_str_starts(hm_str_skip(text, start), HM_STR("...")))
			at = start;
	}
	insert_lines(e, at, 0);
}

static void
fill_braces(struct hm_edit *e)
{
	struct content c = block_content(e, e->depth);
	struct hm_buf out = { 0 };

	put_lines(&out, c.lines, 0, line_break(e->doc));
	hm_edit_replace(e, e->at->start, e->at->end, keep(e, &out));
}

void
hm_edit_set(struct hm_edit *e)
{
	const struct hm_node *at = e->at;
	/* "name: {}" grows into lines, not into one ever longer line. */
	bool braces = at->flow && at->n == 0 && !e->in_flow &&
	    hm_edit_skip_space(e->doc, at->start + 1) + 1 == at->end;

	if (e->path[e->depth] == NULL)
		replace_value(e);
	else if (at == e->root && at->null)
		fill_empty(e);
	else if (braces && at == e->root && at->col == 1)
		fill_braces(e);
	else if (at->null || (braces && at != e->root))
		replace_value(e);
	else if (at->flow)
		add_to_flow(e);
	else
		insert_lines(e, hm_edit_next_line(e->doc, at->end), at->col - 1);
}
