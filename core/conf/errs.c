/* errs.c - mistakes with their places and the source lines they are on. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "errs.h"
#include "node.h"

enum {
	MAX_MISTAKES = 200,
	SHOWN_BEFORE = 60,   /* bytes of a long line shown before the token */
	SHOWN = 150,
};

struct mistake {
	struct hm_err err;
	enum hm_errs_kind kind;
	unsigned rank;         /* files in the order in which they were read */
	const char *excerpt;
};

struct hm_errs {
	struct hm_arena *arena;
	struct mistake *at[MAX_MISTAKES + 1];
	size_t n, errors;
	unsigned ranks;
};

struct hm_errs *
hm_errs_new(struct hm_arena *arena)
{
	struct hm_errs *errs = hm_new(arena, struct hm_errs);

	errs->arena = arena;
	return errs;
}

size_t
hm_errs_count(const struct hm_errs *errs)
{
	return errs->errors;
}

size_t
hm_errs_warnings(const struct hm_errs *errs)
{
	return errs->n - errs->errors;
}

const struct hm_err *
hm_errs_at(const struct hm_errs *errs, size_t n, const char **ret_excerpt)
{
	for (size_t i = 0; i < errs->n; i++) {
		if (errs->at[i]->kind != HM_ERRS_ERROR || n-- > 0)
			continue;
		if (ret_excerpt != NULL)
			*ret_excerpt = errs->at[i]->excerpt;
		return &errs->at[i]->err;
	}
	return NULL;
}

/* One character of the source line, made harmless; its width in columns. */
static size_t
put_char(struct hm_buf *out, struct hm_str s, size_t *ret_len)
{
	uint32_t cp;
	size_t len = hm_utf8_next(s, &cp);

	*ret_len = len == 0 ? 1 : len;
	if (len == 0 || (cp < 0x20 && cp != '\t') || (cp >= 0x7f && cp < 0xa0) ||
	    cp == 0x2028 || cp == 0x2029 || cp == 0xfeff ||
	    (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069))
		hm_buf_putc(out, '?');
	else
		hm_buf_add(out, s.p, len);
	return 1;
}

static const struct hm_mask *
masked(const struct hm_doc *doc, size_t offset)
{
	const struct hm_mask *m = doc->masks;

	while (m != NULL && (offset < m->start || offset >= m->end))
		m = m->next;
	return m;
}

/* Writes the bytes from..to and, under those of the token, the marker. */
static void
put_line(struct hm_buf *line, struct hm_buf *marker, const struct hm_doc *doc,
    size_t from, size_t to, size_t start, size_t end)
{
	static const char hidden[] = "(secret)";
	const struct hm_mask *mask, *last = NULL;
	size_t i = from, len, width;

	while (i < to) {
		bool tab = doc->text.p[i] == '\t';
		bool token = i >= start && i < end;

		mask = masked(doc, i);
		len = 1;
		width = 0;
		if (mask == NULL) {
			width = put_char(line, hm_str_take(hm_str_skip(doc->text,
			    i), to - i), &len);
		} else if (mask != last) {
			hm_buf_puts(line, hidden);
			width = sizeof(hidden) - 1;
		}
		last = mask;
		for (; width > 0; width--) {
			if (token)
				hm_buf_putc(marker, i == start &&
				    strchr(marker->p, '^') == NULL ? '^' : '~');
			else if (i < start)
				hm_buf_putc(marker, tab ? '\t' : ' ');
		}
		i += len;
	}
	if (strchr(marker->p, '^') == NULL)
		hm_buf_putc(marker, '^');
}

static const char *
excerpt(struct hm_arena *arena, const struct hm_doc *doc, size_t start,
    size_t end)
{
	struct hm_buf line = { 0 }, marker = { 0 };
	size_t from, to, ls, le;
	const char *text;

	hm_doc_line(doc, start, &ls, &le);
	if (ls == le)
		return NULL;
	from = ls;
	to = le;
	if (le - ls > SHOWN) {
		if (start > ls + SHOWN_BEFORE)
			from = start - SHOWN_BEFORE;
		if (le - from > SHOWN)
			to = from + SHOWN;
		while (from > ls && (doc->text.p[from] & 0xc0) == 0x80)
			from--;
		while (to < le && (doc->text.p[to] & 0xc0) == 0x80)
			to++;
	}
	hm_buf_puts(&line, from > ls ? "    …" : "    ");
	hm_buf_puts(&marker, from > ls ? "     " : "    ");
	put_line(&line, &marker, doc, from, to, start, end);
	if (to < le)
		hm_buf_puts(&line, "…");
	text = hm_printf(arena, "%s\n%s", line.p, marker.p);
	hm_buf_release(&line);
	hm_buf_release(&marker);
	return text;
}

static bool
goes_before(const struct mistake *a, const struct mistake *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (a->err.line != b->err.line)
		return a->err.line < b->err.line;
	return a->err.col < b->err.col;
}

static unsigned
rank_of(struct hm_errs *errs, const char *file)
{
	for (size_t i = 0; i < errs->n; i++) {
		if (strcmp(errs->at[i]->err.file, file) == 0)
			return errs->at[i]->rank;
	}
	return errs->ranks++;
}

/* Puts a mistake in its place, behind those at the same place. */
static void
insert(struct hm_errs *errs, struct mistake *m)
{
	size_t i = errs->n;

	m->rank = rank_of(errs, m->err.file);
	while (i > 0 && goes_before(m, errs->at[i - 1])) {
		errs->at[i] = errs->at[i - 1];
		i--;
	}
	errs->at[i] = m;
	errs->n++;
	if (m->kind == HM_ERRS_ERROR)
		errs->errors++;
}

/* A new mistake, or NULL when there are more than anybody reads; the last one
 * kept says so. */
static struct mistake *
new_mistake(struct hm_errs *errs, enum hm_errs_kind kind)
{
	struct mistake *m;

	if (errs->n > MAX_MISTAKES)
		return NULL;
	m = hm_new(errs->arena, struct mistake);
	m->kind = kind;
	if (errs->n < MAX_MISTAKES)
		return m;
	m->kind = HM_ERRS_ERROR;
	hm_err_set(&m->err, -HM_ELIMIT, "there are more than %d mistakes; "
	    "the others are not shown", MAX_MISTAKES);
	insert(errs, m);
	return NULL;
}

/* A value quoted in a message may hold anything; the message is one line. */
static void
harmless(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
	}
}

void
hm_errs_put(struct hm_errs *errs, enum hm_errs_kind kind,
    const struct hm_doc *doc, size_t start, size_t end, const char *fmt, ...)
{
	struct mistake *m = new_mistake(errs, kind);
	char text[sizeof(m->err.text)];
	unsigned line, col;
	va_list ap;

	if (m == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	harmless(text);
	hm_doc_place(doc, start, &line, &col);
	hm_err_at(&m->err, -HM_ESYNTAX, doc->name, line, col, "%s", text);
	m->excerpt = excerpt(errs->arena, doc, start, end);
	insert(errs, m);
}

void
hm_errs_put_err(struct hm_errs *errs, const struct hm_err *err)
{
	struct mistake *m = new_mistake(errs, HM_ERRS_ERROR);

	if (m == NULL)
		return;
	m->err = *err;
	insert(errs, m);
}

const struct hm_err *
hm_errs_nth(const struct hm_errs *errs, size_t n, enum hm_errs_kind *ret_kind,
    const char **ret_excerpt)
{
	if (n >= errs->n)
		return NULL;
	*ret_kind = errs->at[n]->kind;
	*ret_excerpt = errs->at[n]->excerpt;
	return &errs->at[n]->err;
}

void
hm_errs_put_found(struct hm_errs *errs, enum hm_errs_kind kind,
    const struct hm_err *err, struct hm_str excerpt)
{
	struct mistake *m = new_mistake(errs, kind);
	char *copy = NULL;

	if (m == NULL)
		return;
	m->err = *err;
	harmless(m->err.text);
	if (excerpt.p != NULL)
		copy = hm_strndup(errs->arena, excerpt.p, excerpt.len);
	for (char *p = copy; p != NULL && *p != '\0'; p++)
		if (*p != '\n' && *p != '\t' &&
		    ((unsigned char)*p < 0x20 || *p == 0x7f))
			*p = '?';
	m->excerpt = copy;
	insert(errs, m);
}

void
hm_node_error(const struct hm_node *node, struct hm_errs *errs, const char *fmt,
    ...)
{
	char text[sizeof(((struct hm_err *)0)->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	hm_errs_put(errs, HM_ERRS_ERROR, node->doc, node->start, node->end, "%s",
	    text);
}

void
hm_errs_print(const struct hm_errs *errs, struct hm_buf *out)
{
	for (size_t i = 0; i < errs->n; i++) {
		const struct mistake *m = errs->at[i];
		const struct hm_err *e = &m->err;

		if (e->file[0] != '\0' && e->line > 0)
			hm_buf_printf(out, "%s:%u:%u: ", e->file, e->line, e->col);
		else if (e->file[0] != '\0')
			hm_buf_printf(out, "%s: ", e->file);
		hm_buf_puts(out, m->kind == HM_ERRS_ERROR ? "error: " :
		    "warning: ");
		hm_buf_puts(out, e->text);
		hm_buf_putc(out, '\n');
		if (m->excerpt != NULL) {
			hm_buf_puts(out, m->excerpt);
			hm_buf_putc(out, '\n');
		}
	}
}
