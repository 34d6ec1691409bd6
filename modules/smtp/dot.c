/* dot.c - DATA's transparency, strict about where the message ends.
 *
 * Only CRLF "." CRLF ends a message (RFC 5321, 4.1.1.4). A CR or LF by itself is
 * remembered, because a peer that takes it for a line end would see another end
 * of data than we do; such messages are refused, as are those with NUL.
 */
#include <string.h>

#include "smtp.h"

enum { DOT_LINE = 0, DOT_TEXT = 1, DOT_CR = 2, DOT_DOT = 3, DOT_DOT_CR = 4 };

static size_t
text_run(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] != '\r' && p[i] != '\n')
		i++;
	return i;
}

/* What a byte means behind a CR: at the start of a line, or after the dot. */
static int
after_cr(struct smtp_dot *dot, char c, struct hm_buf *out)
{
	if (c == '\n') {
		hm_buf_add(out, "\r\n", 2);
		return DOT_LINE;
	}
	dot->stray = true;
	hm_buf_putc(out, '\r');
	if (c == '\r')
		return DOT_CR;
	hm_buf_putc(out, c);
	return DOT_TEXT;
}

static int
in_line(struct smtp_dot *dot, char c, struct hm_buf *out)
{
	if (c == '\r')
		return DOT_CR;
	if (c == '\n' || c == '\0')
		dot->stray = true;
	hm_buf_putc(out, c);
	return DOT_TEXT;
}

size_t
smtp_dot_feed(struct smtp_dot *dot, struct hm_str in, struct hm_buf *out,
    bool *ret_end)
{
	size_t i = 0;

	*ret_end = false;
	while (i < in.len) {
		char c = in.p[i];

		if (dot->state <= DOT_TEXT && c != '\r' && c != '\n' &&
		    !(dot->state == DOT_LINE && c == '.')) {
			size_t run = text_run(in.p + i, in.len - i);

			if (memchr(in.p + i, '\0', run) != NULL)
				dot->stray = true;
			hm_buf_add(out, in.p + i, run);
			i += run;
			dot->state = DOT_TEXT;
			continue;
		}
		i++;
		switch (dot->state) {
		case DOT_LINE:
			dot->state = c == '.' ? DOT_DOT : in_line(dot, c, out);
			break;
		case DOT_TEXT:
			dot->state = in_line(dot, c, out);
			break;
		case DOT_CR:
			dot->state = after_cr(dot, c, out);
			break;
		case DOT_DOT:
			dot->state = c == '\r' ? DOT_DOT_CR :
			    in_line(dot, c, out);
			break;
		case DOT_DOT_CR:
			if (c == '\n') {
				*ret_end = true;
				dot->state = DOT_LINE;
				return i;
			}
			dot->state = after_cr(dot, c, out);
			break;
		}
	}
	return i;
}
