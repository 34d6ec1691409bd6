/* json.c - strings as JSON (RFC 8259, 7). */
#include <hermod/buf.h>
#include <hermod/str.h>

#include "cmd.h"

static void
put_ascii(struct hm_buf *out, unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
		hm_buf_putc(out, '\\');
		hm_buf_putc(out, (char)c);
		break;
	case '\n':
		hm_buf_puts(out, "\\n");
		break;
	case '\t':
		hm_buf_puts(out, "\\t");
		break;
	default:
		if (c < 0x20 || c == 0x7f)
			hm_buf_printf(out, "\\u%04x", c);
		else
			hm_buf_putc(out, (char)c);
	}
}

void
hm_json_str(struct hm_buf *out, struct hm_str s)
{
	hm_buf_putc(out, '"');
	while (s.len > 0) {
		uint32_t cp;
		size_t n = hm_utf8_next(s, &cp);

		if (n == 0)
			hm_buf_puts(out, "\xef\xbf\xbd");
		else if (n == 1)
			put_ascii(out, (unsigned char)s.p[0]);
		else
			hm_buf_add(out, s.p, n);
		s = hm_str_skip(s, n ? n : 1);
	}
	hm_buf_putc(out, '"');
}
