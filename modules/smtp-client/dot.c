/* dot.c - the message as DATA sends it: transparent, with sound line ends.
 *
 * A bare CR or LF would end a line for one server and not for the next; none
 * leaves here.
 */
#include "client.h"

static void
end_line(struct client_dot *dot, struct hm_buf *out)
{
	hm_buf_puts(out, "\r\n");
	dot->line_start = true;
	dot->cr = false;
}

void
client_dot_feed(struct client_dot *dot, struct hm_str in, struct hm_buf *out)
{
	size_t from = 0;

	for (size_t i = 0; i < in.len; i++) {
		char c = in.p[i];

		if (c != '\r' && c != '\n' && !dot->cr &&
		    !(dot->line_start && c == '.')) {
			dot->line_start = false;
			continue;
		}
		hm_buf_add(out, in.p + from, i - from);
		from = i + 1;
		if (c == '\n') {
			end_line(dot, out);
			continue;
		}
		if (dot->cr)
			end_line(dot, out);
		if (c == '\r') {
			dot->cr = true;
			continue;
		}
		if (dot->line_start && c == '.')
			hm_buf_putc(out, '.');
		hm_buf_putc(out, c);
		dot->line_start = false;
	}
	hm_buf_add(out, in.p + from, in.len - from);
}

void
client_dot_end(struct client_dot *dot, struct hm_buf *out)
{
	if (dot->cr || !dot->line_start)
		end_line(dot, out);
	hm_buf_puts(out, ".\r\n");
}
