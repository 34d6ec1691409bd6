/* param.c - content parameters (RFC 2045, 5.1) with RFC 2231 put together.
 *
 * Of parameters with the same name the first counts, of several forms of one
 * parameter "name*" before "name*0" before "name".
 */
#include "param.h"

#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/charset.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "lex.h"
#include "unicode.h"

enum {
	RAW_MAX = 100,           /* parameters of one field, pieces counted */
	SECTION_MAX = 999,
	VALUE_MAX = 256 * 1024,
	NO_SECTION = -1,
};

/* One "name*section*=value". */
struct piece {
	struct hm_str name;
	int section;
	bool extended;           /* percent-encoded, with a charset in front */
	struct hm_str value;
};

struct hm_str
hm_param_token(struct hm_arena *arena, const char **p, const char *end)
{
	const char *from = hm_lex_cfws(*p, end), *to = from;
	bool upper = false;

	while (to < end && (lex_is(*to, LEX_TOKEN) ||
	    (unsigned char)*to >= 0x80)) {
		upper |= *to >= 'A' && *to <= 'Z';
		to++;
	}
	*p = hm_lex_cfws(to, end);
	struct hm_str token = lex_slice(from, to);
	return upper ? hm_str_lower(arena, token) : token;
}

/* Line ends and control characters have no place in a value. */
static struct hm_str
without_controls(struct hm_arena *arena, struct hm_str s)
{
	size_t i = 0;

	while (i < s.len && (unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f)
		i++;
	if (i == s.len)
		return s;
	char *out = hm_alloc(arena, s.len + 1);
	size_t n = 0;
	for (i = 0; i < s.len; i++)
		if (((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f) ||
		    s.p[i] == '\t')
			out[n++] = s.p[i];
	return (struct hm_str){ out, n };
}

/* Whether "name=" stands at p. */
static bool
begins_param(const char *p, const char *end)
{
	const char *from = p;

	while (p < end && lex_is(*p, LEX_TOKEN))
		p++;
	return p > from && p < end && *p == '=';
}

static bool
is_filename(struct hm_str name)
{
	return hm_str_is(name, "name") || hm_str_is(name, "filename");
}

/* An unquoted value may hold characters that needed quotes. It ends at white
 * space, except that a file's name goes on to the end of the line unless a
 * parameter follows, and that encoded words may be many. */
static const char *
bare_value(const char *p, const char *end, struct hm_str name)
{
	bool words = end - p > 2 && p[0] == '=' && p[1] == '?';
	bool line = is_filename(name);

	for (; p < end && *p != ';'; p++) {
		if (!lex_is(*p, LEX_SPACE) || words)
			continue;
		if (!line || *p == '\r' || *p == '\n')
			return p;
		if (p + 1 < end && (p[1] == '(' || begins_param(p + 1, end)))
			return p;
	}
	return p;
}

static const char *
next_semicolon(const char *p, const char *end)
{
	while (p < end && *p != ';') {
		const char *behind = *p == '"' ? hm_lex_quoted(p, end)
		    : *p == '(' ? hm_lex_comment(p, end) : p + 1;
		p = behind ? behind : end;
	}
	return p;
}

/* Splits "name*12*" into its parts; false if that is no name. */
static bool
split_name(struct piece *piece, struct hm_str name)
{
	piece->section = NO_SECTION;
	piece->extended = name.len > 0 && name.p[name.len - 1] == '*';
	if (piece->extended)
		name.len--;
	ssize_t star = hm_str_chr(name, '*');
	if (star >= 0) {
		struct hm_str digits = hm_str_skip(name, (size_t)star + 1);
		uint64_t n;
		if (hm_str_u64(digits, SECTION_MAX, &n) < 0 ||
		    (digits.len > 1 && digits.p[0] == '0'))
			return false;
		piece->section = (int)n;
		name.len = (size_t)star;
	}
	piece->name = name;
	return name.len > 0;
}

/* Whether "name=" follows on a line of its own: a forgotten semicolon, as in
 * the examples of RFC 2231 itself. */
static bool
starts_on_new_line(const char *p, const char *end)
{
	bool fold = false;

	for (; p < end && lex_is(*p, LEX_SPACE); p++)
		fold |= *p == '\n';
	return fold && begins_param(p, end);
}

/* The piece at *p; false if it is none. Advances *p to the next ";". */
static bool
next_piece(struct hm_arena *arena, const char **p, const char *end,
    struct piece *ret)
{
	struct hm_str name = hm_param_token(arena, p, end);

	*ret = (struct piece){ 0 };
	if (*p == end || **p != '=' || !split_name(ret, name)) {
		*p = next_semicolon(*p, end);
		return false;
	}
	const char *from = hm_lex_cfws(*p + 1, end);
	if (from < end && *from == '"') {
		const char *behind = hm_lex_quoted(from, end);
		ret->value = hm_lex_unquote(arena, behind
		    ? lex_slice(from + 1, behind - 1)
		    : lex_slice(from + 1, end));
		*p = behind ? behind : end;
	} else {
		*p = bare_value(from, end, ret->name);
		ret->value = hm_str_trim(lex_slice(from, *p));
	}
	ret->value = without_controls(arena, ret->value);
	if (!starts_on_new_line(*p, end))
		*p = next_semicolon(*p, end);
	return true;
}

static void
percent_decode(struct hm_buf *out, struct hm_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		int hi, lo;
		if (s.p[i] == '%' && i + 2 < s.len &&
		    (hi = lex_hex(s.p[i + 1])) >= 0 &&
		    (lo = lex_hex(s.p[i + 2])) >= 0) {
			hm_buf_putc(out, (char)(hi << 4 | lo));
			i += 2;
		} else {
			hm_buf_putc(out, s.p[i]);
		}
	}
}

/* Takes "charset'language'" off the front; the charset is all that is kept. */
static struct hm_str
take_charset(struct hm_str *value)
{
	ssize_t quote = hm_str_chr(*value, '\'');
	struct hm_str charset = { NULL, 0 };

	if (quote < 0)
		return charset;
	charset = hm_str_take(*value, (size_t)quote);
	*value = hm_str_skip(*value, (size_t)quote + 1);
	quote = hm_str_chr(*value, '\'');
	if (quote >= 0)
		*value = hm_str_skip(*value, (size_t)quote + 1);
	return charset;
}

static struct hm_str
to_utf8(struct hm_arena *arena, struct hm_str charset, struct hm_str bytes)
{
	struct hm_buf out = { 0 };

	if (hm_charset_decode(&out, charset, bytes, VALUE_MAX) ==
	    -HM_EUNSUPPORTED)
		hm_uni_guess(&out, bytes);
	struct hm_str text = without_controls(arena,
	    hm_str_dup(arena, hm_buf_view(&out)));
	hm_buf_release(&out);
	return text;
}

static struct piece *
find_piece(struct piece *pieces, size_t n, struct hm_str name, int section,
    int extended)
{
	for (size_t i = 0; i < n; i++) {
		struct piece *p = &pieces[i];
		if (p->section == section && hm_str_eq(p->name, name) &&
		    (extended < 0 || p->extended == extended))
			return p;
	}
	return NULL;
}

/* "name*0", "name*1", … until one is missing. */
static struct hm_str
join(struct hm_arena *arena, struct piece *pieces, size_t n, struct piece *p)
{
	struct hm_buf bytes = { 0 };
	struct hm_str charset = { NULL, 0 };
	bool extended = false;

	for (int i = 0; p && bytes.len < VALUE_MAX; i++) {
		struct hm_str value = p->value;
		if (i == 0 && p->extended)
			charset = take_charset(&value);
		extended |= p->extended;
		if (p->extended)
			percent_decode(&bytes, value);
		else
			hm_buf_str(&bytes, value);
		p = find_piece(pieces, n, p->name, i + 1, -1);
	}
	struct hm_str view = hm_buf_view(&bytes);
	struct hm_str text = extended ? to_utf8(arena, charset, view)
	    : hm_str_dup(arena, view);
	hm_buf_release(&bytes);
	return text;
}

static bool
combine(struct hm_arena *arena, struct piece *pieces, size_t n,
    struct hm_str name, struct hm_str *ret)
{
	struct piece *p = find_piece(pieces, n, name, NO_SECTION, 1);

	if (p) {
		struct hm_buf bytes = { 0 };
		struct hm_str value = p->value;
		struct hm_str charset = take_charset(&value);
		percent_decode(&bytes, value);
		*ret = to_utf8(arena, charset, hm_buf_view(&bytes));
		hm_buf_release(&bytes);
		return true;
	}
	p = find_piece(pieces, n, name, 0, -1);
	if (p) {
		*ret = join(arena, pieces, n, p);
		return true;
	}
	p = find_piece(pieces, n, name, NO_SECTION, 0);
	if (p)
		*ret = p->value;
	return p != NULL;
}

/* Most fields have a few plain parameters, which need no work. */
static bool
all_plain(const struct piece *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pieces[i].extended || pieces[i].section != NO_SECTION)
			return false;
	return true;
}

struct pieces {
	size_t n, room;
	struct piece *at, few[4];
	bool damaged;
};

static void
read_pieces(struct hm_arena *arena, const char *p, const char *end,
    struct pieces *ret)
{
	ret->at = ret->few;
	ret->room = HM_ARRAY_LEN(ret->few);
	for (unsigned tries = 0;; tries++) {
		while (p < end && (*p == ';' || lex_is(*p, LEX_SPACE)))
			p++;
		if (p == end)
			return;
		if (tries == RAW_MAX) {
			ret->damaged = true;
			return;
		}
		if (ret->n == ret->room) {
			struct piece *more = hm_alloc_array(arena, RAW_MAX,
			    sizeof(*more));
			memcpy(more, ret->few, sizeof(ret->few));
			ret->at = more;
			ret->room = RAW_MAX;
		}
		if (next_piece(arena, &p, end, &ret->at[ret->n]))
			ret->n++;
		else
			ret->damaged = true;
	}
}

static bool
has_param(const struct mime_params *params, const struct hm_param *at,
    struct hm_str name)
{
	for (size_t i = 0; i < params->n; i++)
		if (hm_str_eq(at[i].name, name))
			return true;
	return false;
}

void
hm_params_parse(struct hm_arena *arena, const char *p, const char *end,
    struct mime_params *ret)
{
	struct pieces in = { 0 };

	*ret = (struct mime_params){ 0 };
	read_pieces(arena, p, end, &in);
	ret->damaged = in.damaged;
	if (in.n == 0)
		return;
	struct hm_param *out = hm_alloc_array(arena, in.n, sizeof(*out));
	bool plain = all_plain(in.at, in.n);
	for (size_t i = 0; i < in.n; i++) {
		struct hm_str name = in.at[i].name, value = in.at[i].value;
		if (has_param(ret, out, name))
			continue;
		if (plain || combine(arena, in.at, in.n, name, &value))
			out[ret->n++] = (struct hm_param){ name, value };
	}
	ret->at = out;
}
