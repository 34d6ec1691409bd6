/* write.c - nodes and texts written as YAML again. */
#include <string.h>

#include <hermod/buf.h>
#include <hermod/str.h>

#include "node.h"

/* Characters that stand in any plain scalar at any place. The others are not
 * all forbidden, but quotes are never wrong. */
static bool
plain_char(uint32_t cp)
{
	if (cp < 0x80)
		return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') ||
		    (cp >= '0' && cp <= '9') || (cp != 0 &&
		    strchr("-_./@+=%$^()~;", (int)cp) != NULL);
	return cp >= 0xa1 && cp != 0xfeff && cp != 0x2028 && cp != 0x2029;
}

static bool
plain_start(uint32_t cp)
{
	return plain_char(cp) && (cp >= 0x80 ||
	    strchr("-@%=~", (int)cp) == NULL);
}

static bool
fits_plain(struct hm_str s)
{
	size_t len;
	uint32_t cp;

	if (s.len == 0 || hm_str_is(s, "null") || hm_str_is(s, "Null") ||
	    hm_str_is(s, "NULL") || s.p[s.len - 1] == ' ' ||
	    hm_str_starts(s, HM_STR("...")))
		return false;
	for (size_t i = 0; i < s.len; i += len) {
		len = hm_utf8_next(hm_str_skip(s, i), &cp);
		if (len == 0)
			return false;
		if (i == 0 ? !plain_start(cp) && !(cp == '-' && s.len > 1 &&
		    s.p[1] >= '0' && s.p[1] <= '9') :
		    !plain_char(cp) && cp != ' ' &&
		    !(cp == ':' && i + 1 < s.len && s.p[i + 1] >= '0' &&
		    s.p[i + 1] <= '9'))
			return false;
	}
	return true;
}

static void
put_quoted_char(struct hm_buf *out, uint32_t cp, struct hm_str bytes)
{
	if (cp == '"' || cp == '\\')
		hm_buf_printf(out, "\\%c", (int)cp);
	else if (cp == '\n')
		hm_buf_puts(out, "\\n");
	else if (cp == '\t')
		hm_buf_puts(out, "\\t");
	else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
		hm_buf_printf(out, "\\x%02x", (unsigned)cp);
	else if (cp == 0xfeff || cp == 0x2028 || cp == 0x2029 || cp == 0xfffe ||
	    cp == 0xffff)
		hm_buf_printf(out, "\\u%04x", (unsigned)cp);
	else
		hm_buf_str(out, bytes);
}

void
hm_node_quote(struct hm_buf *out, struct hm_str s)
{
	size_t len;
	uint32_t cp;

	if (fits_plain(s)) {
		hm_buf_str(out, s);
		return;
	}
	hm_buf_putc(out, '"');
	for (size_t i = 0; i < s.len; i += len) {
		struct hm_str rest = hm_str_skip(s, i);

		len = hm_utf8_next(rest, &cp);
		if (len == 0) {
			len = 1;
			hm_buf_puts(out, "\xef\xbf\xbd");
		} else {
			put_quoted_char(out, cp, hm_str_take(rest, len));
		}
	}
	hm_buf_putc(out, '"');
}

/* Closes the collections that are complete at node i. */
static unsigned
close_done(struct hm_buf *out, const struct hm_node *const *open, unsigned depth,
    const struct hm_node *at)
{
	while (depth > 0 && at == open[depth - 1] + open[depth - 1]->skip) {
		depth--;
		hm_buf_putc(out, open[depth]->kind == HM_NODE_MAP ? '}' : ']');
	}
	return depth;
}

void
hm_node_put_flow(struct hm_buf *out, const struct hm_node *node)
{
	const struct hm_node *open[HM_NODE_MAX_DEPTH + 1];
	bool key[HM_NODE_MAX_DEPTH + 1];  /* the next one is a key */
	unsigned depth = 0;

	for (size_t i = 0; i < node->skip; i++) {
		const struct hm_node *at = &node[i];
		bool pair = depth > 0 && open[depth - 1]->kind == HM_NODE_MAP;

		if (depth > 0 && at > open[depth - 1] + 1 &&
		    (!pair || key[depth - 1]))
			hm_buf_puts(out, ", ");
		if (at->kind != HM_NODE_SCALAR && at->n > 0) {
			hm_buf_putc(out, at->kind == HM_NODE_MAP ? '{' : '[');
			if (pair)
				key[depth - 1] = !key[depth - 1];
			key[depth] = true;
			open[depth++] = at;
			continue;
		}
		if (at->null)
			hm_buf_puts(out, "null");
		else if (at->kind == HM_NODE_SCALAR)
			hm_node_quote(out, at->text);
		else
			hm_buf_puts(out, at->kind == HM_NODE_MAP ? "{}" : "[]");
		if (pair && key[depth - 1])
			hm_buf_puts(out, ": ");
		if (pair)
			key[depth - 1] = !key[depth - 1];
		depth = close_done(out, open, depth, at + 1);
	}
}

static bool
is_nothing(const struct hm_node *node)
{
	return node->null || (node->kind == HM_NODE_MAP && node->n == 0);
}

bool
hm_node_same(const struct hm_node *a, const struct hm_node *b)
{
	if (a->skip != b->skip)
		return false;
	for (size_t i = 0; i < a->skip; i++) {
		const struct hm_node *x = &a[i], *y = &b[i];

		if (is_nothing(x) && is_nothing(y))
			continue;
		if (x->kind != y->kind || x->n != y->n || x->null != y->null ||
		    x->skip != y->skip || !hm_str_eq(x->text, y->text))
			return false;
	}
	return true;
}
