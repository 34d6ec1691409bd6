/* canon.c - what is signed: body and fields in their canonical form (RFC 6376,
 * 3.4 and 5.4).
 */
#include <hermod/header.h>

#include "dkim.h"

/* ---- body ---- */

static void
put(struct dkim_body *b, const char *p, size_t len)
{
	for (; b->empty_lines > 0; b->empty_lines--)
		b->out(b->arg, "\r\n", 2);
	b->out(b->arg, p, len);
	b->any = true;
}

static void
end_line(struct dkim_body *b)
{
	if (b->line)
		b->out(b->arg, "\r\n", 2);
	else
		b->empty_lines++;
	b->line = b->cr = b->blank = false;
}

/* A byte that is not white space to be folded away. */
static void
content(struct dkim_body *b, char c)
{
	if (b->blank)
		put(b, " ", 1);
	put(b, &c, 1);
	b->blank = false;
	b->line = true;
}

static void
byte(struct dkim_body *b, char c)
{
	if (b->cr && c != '\n') {      /* no line end: a byte as any other */
		content(b, '\r');
		b->cr = false;
	}
	if (c == '\r')
		b->cr = true;
	else if (c == '\n' && b->cr)
		end_line(b);
	else if (b->relaxed && (c == ' ' || c == '\t'))
		b->blank = true;
	else
		content(b, c);
}

void
dkim_body_feed(struct dkim_body *b, struct hm_str in)
{
	size_t from = 0;

	for (size_t i = 0; i < in.len; i++) {
		char c = in.p[i];

		/* Runs of plain bytes go out at once. */
		if (!b->cr && !b->blank && c != '\r' && c != '\n' &&
		    !(b->relaxed && (c == ' ' || c == '\t'))) {
			b->line = true;
			continue;
		}
		if (i > from)
			put(b, in.p + from, i - from);
		from = i + 1;
		byte(b, c);
	}
	if (in.len > from)
		put(b, in.p + from, in.len - from);
}

void
dkim_body_end(struct dkim_body *b)
{
	if (b->cr)
		content(b, '\r');
	if (b->line)
		end_line(b);
	/* Empty lines at the end do not count; a simple body has one line end at
	 * least (RFC 6376, 3.4.3). */
	if (!b->relaxed && !b->any)
		b->out(b->arg, "\r\n", 2);
}

/* ---- fields ---- */

void
dkim_field(struct hm_buf *out, struct hm_str name, struct hm_str value)
{
	bool blank = false, begun = false;

	name = hm_str_trim(name);
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		hm_buf_putc(out, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
	}
	hm_buf_putc(out, ':');
	for (size_t i = 0; i < value.len; i++) {
		char c = value.p[i];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			blank = begun;
			continue;
		}
		if (blank)
			hm_buf_putc(out, ' ');
		hm_buf_putc(out, c);
		blank = false;
		begun = true;
	}
	hm_buf_puts(out, "\r\n");
}

/* As it stands there, its line end included (RFC 6376, 3.4.1). */
void
dkim_field_simple(struct hm_buf *out, struct hm_str raw)
{
	hm_buf_str(out, raw);
	if (!hm_str_ends(raw, HM_STR("\r\n")))
		hm_buf_puts(out, "\r\n");
}

/* The fields of that name, top first; -HM_ELIMIT if there are more than anybody
 * needs. */
static int
gather(struct hm_str header, const char *name, struct hm_hdrfield *ret)
{
	int n = 0;
	struct hm_hdrfield field;

	while (hm_header_next(&header, &field)) {
		if (!hm_str_caseis(hm_str_trim(field.name), name))
			continue;
		if (n == DKIM_SAME_MAX)
			return -HM_ELIMIT;
		ret[n++] = field;
	}
	return n;
}

/* Of several fields the last is taken first (RFC 6376, 5.4.2). A name more often
 * than there are fields keeps others from adding one. */
int
dkim_fields(const struct hm_strlist *names, bool oversign, bool relaxed,
    struct hm_str header, struct hm_buf *ret_list, struct hm_buf *ret_canonical)
{
	struct hm_hdrfield fields[DKIM_SAME_MAX];

	for (size_t i = 0; i < names->n; i++) {
		int n = gather(header, names->at[i], fields);

		if (n < 0)
			return n;
		for (int k = 0; k < n + (oversign ? 1 : 0); k++)
			hm_buf_printf(ret_list, "%s%s",
			    ret_list->len > 0 ? ":" : "", names->at[i]);
		while (n-- > 0) {
			if (relaxed)
				dkim_field(ret_canonical, fields[n].name,
				    fields[n].value);
			else
				dkim_field_simple(ret_canonical, fields[n].raw);
		}
	}
	return 0;
}
