/* buf.c - a growing byte buffer. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>

#include "die.h"

#define SMALLEST 64

void
hm_buf_release(struct hm_buf *buf)
{
	free(buf->p);
	*buf = (struct hm_buf){ NULL, 0, 0 };
}

void
hm_buf_clear(struct hm_buf *buf)
{
	buf->len = 0;
	if (buf->p)
		buf->p[0] = '\0';
}

void
hm_buf_reserve(struct hm_buf *buf, size_t more)
{
	size_t need, cap;

	if (more >= SIZE_MAX / 4 - buf->len)
		hm_die("buffer of %zu + %zu bytes", buf->len, more);
	need = buf->len + more + 1;
	if (need <= buf->cap)
		return;
	cap = buf->cap + buf->cap / 2;
	if (cap < SMALLEST)
		cap = SMALLEST;
	buf->cap = need > cap ? need : cap;
	buf->p = hm_xrealloc(buf->p, buf->cap);
	buf->p[buf->len] = '\0';
}

void
hm_buf_add(struct hm_buf *buf, const void *p, size_t len)
{
	hm_buf_reserve(buf, len);
	if (len)
		memcpy(buf->p + buf->len, p, len);
	buf->len += len;
	buf->p[buf->len] = '\0';
}

void
hm_buf_str(struct hm_buf *buf, struct hm_str s)
{
	hm_buf_add(buf, s.p, s.len);
}

void
hm_buf_puts(struct hm_buf *buf, const char *s)
{
	hm_buf_add(buf, s, strlen(s));
}

void
hm_buf_putc(struct hm_buf *buf, char c)
{
	if (buf->len + 1 >= buf->cap)
		hm_buf_reserve(buf, 1);
	buf->p[buf->len++] = c;
	buf->p[buf->len] = '\0';
}

void
hm_buf_u64(struct hm_buf *buf, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	hm_buf_add(buf, digits + at, sizeof(digits) - at);
}

void
hm_buf_printf(struct hm_buf *buf, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		hm_die("bad format \"%s\"", fmt);
	hm_buf_reserve(buf, (size_t)len);
	va_start(ap, fmt);
	vsnprintf(buf->p + buf->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	buf->len += (size_t)len;
}

void
hm_buf_drop(struct hm_buf *buf, size_t n)
{
	if (n >= buf->len) {
		hm_buf_clear(buf);
		return;
	}
	buf->len -= n;
	memmove(buf->p, buf->p + n, buf->len + 1);
}

struct hm_str
hm_buf_view(const struct hm_buf *buf)
{
	return (struct hm_str){ buf->p, buf->len };
}
