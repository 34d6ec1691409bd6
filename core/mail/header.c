/* header.c - fields of a header section (RFC 5322, 2.2). */
#include <hermod/header.h>

#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "lex.h"

enum { FOLD_COLUMNS = 78 }; /* RFC 5322, 2.1.1 */

/* The line at p with its end. */
static const char *
line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));
	return lf ? lf + 1 : end;
}

static bool
line_empty(const char *p, const char *end)
{
	return *p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n');
}

struct hm_str
hm_header_section(struct hm_str message)
{
	const char *p = message.p, *end = lex_end(message);

	while (p < end) {
		const char *next = line_end(p, end);
		if (line_empty(p, end))
			return lex_slice(message.p, next);
		p = next;
	}
	return message;
}

/* White space between name and colon is obsolete but legal to receive
 * (RFC 5322, 4.5.8). */
static void
split_field(struct hm_hdrfield *field)
{
	struct hm_str raw = field->raw;
	size_t n = 0;

	while (n < raw.len && lex_is(raw.p[n], LEX_FTEXT))
		n++;
	size_t colon = n;
	while (colon < raw.len && (raw.p[colon] == ' ' || raw.p[colon] == '\t'))
		colon++;
	if (n == 0 || colon == raw.len || raw.p[colon] != ':') {
		field->name = (struct hm_str){ NULL, 0 };
		field->value = raw;
		return;
	}
	field->name = hm_str_take(raw, n);
	field->value = hm_str_skip(raw, colon + 1);
}

bool
hm_header_next(struct hm_str *in, struct hm_hdrfield *ret)
{
	if (in->len == 0)
		return false;
	const char *end = in->p + in->len;
	if (line_empty(in->p, end))
		return false;

	const char *p = line_end(in->p, end);
	while (p < end && (*p == ' ' || *p == '\t'))
		p = line_end(p, end);
	ret->raw = lex_slice(in->p, p);
	split_field(ret);
	*in = lex_slice(p, end);
	return true;
}

bool
hm_header_find(struct hm_str header, const char *name, size_t n,
    struct hm_hdrfield *ret)
{
	struct hm_str in = header;
	struct hm_hdrfield field;

	while (hm_header_next(&in, &field)) {
		if (!field.name.p || !hm_str_caseis(field.name, name))
			continue;
		if (n-- == 0) {
			*ret = field;
			return true;
		}
	}
	return false;
}

struct hm_str
hm_header_unfold(struct hm_arena *arena, struct hm_str value)
{
	struct hm_str s = hm_str_trim(value);

	if (s.len == 0)
		return s;
	if (!memchr(s.p, '\n', s.len) && !memchr(s.p, '\r', s.len))
		return s;
	char *out = hm_alloc(arena, s.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != '\r' && s.p[i] != '\n')
			out[n++] = s.p[i];
	return (struct hm_str){ out, n };
}

static bool
name_ok(const char *name)
{
	if (!*name)
		return false;
	for (; *name; name++)
		if (!lex_is(*name, LEX_FTEXT))
			return false;
	return true;
}

static bool
breaks_header(struct hm_str value)
{
	return value.len > 0 && (memchr(value.p, '\r', value.len) ||
	    memchr(value.p, '\n', value.len) ||
	    memchr(value.p, '\0', value.len));
}

/* Where to end the line that starts at p and may use room columns: before the
 * last white space that fits, else before the first one behind it. Both sides
 * of the break must keep something visible (RFC 5322, 3.2.2). */
static size_t
fold_at(struct hm_str rest, size_t room)
{
	size_t best = 0, seen = 0;

	for (size_t i = 0; i < rest.len; i++) {
		if (rest.p[i] != ' ' && rest.p[i] != '\t') {
			seen = i + 1;
			if (i >= room && best > 0)
				return best;
		} else if (seen == i && seen > 0) {
			if (i > room)
				return best ? best : i;
			best = i;
		}
	}
	return rest.len;
}

int
hm_header_fold(struct hm_buf *out, const char *name, struct hm_str value)
{
	if (!name_ok(name) || breaks_header(value))
		return -HM_EINVAL;

	struct hm_str rest = hm_str_trim(value);
	size_t used = strlen(name) + 2;
	hm_buf_puts(out, name);
	hm_buf_puts(out, rest.len > 0 ? ": " : ":");
	while (rest.len > 0) {
		size_t room = used < FOLD_COLUMNS ? FOLD_COLUMNS - used : 0;
		size_t n = rest.len <= room ? rest.len : fold_at(rest, room);
		hm_buf_add(out, rest.p, n);
		rest = hm_str_skip(rest, n);
		if (rest.len > 0)
			hm_buf_puts(out, "\r\n");
		used = 0;
	}
	hm_buf_puts(out, "\r\n");
	return 0;
}
