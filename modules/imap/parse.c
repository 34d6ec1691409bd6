/* parse.c - the tokens of IMAP commands. */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/str.h>

#include "parse.h"

void
imap_parse_init(struct imap_parse *p, struct hm_arena *arena, struct hm_str text)
{
	memset(p, 0, sizeof(*p));
	p->start = p->p = text.p ? text.p : "";
	p->end = p->start + text.len;
	p->arena = arena;
}

bool
imap_p_fail(struct imap_parse *p, const char *missed)
{
	if (!p->missed)
		p->missed = missed;
	return false;
}

int
imap_p_peek(const struct imap_parse *p)
{
	return p->p < p->end ? (unsigned char)*p->p : -1;
}

bool
imap_p_maybe(struct imap_parse *p, char c)
{
	if (p->p == p->end || *p->p != c)
		return false;
	p->p++;
	return true;
}

bool
imap_p_char(struct imap_parse *p, char c)
{
	static const char *const names[] = {
		['('] = "\"(\"", [')'] = "\")\"", ['['] = "\"[\"",
		[']'] = "\"]\"", ['"'] = "a quote", ['<'] = "\"<\"",
		['>'] = "\">\"", ['.'] = "\".\"", [' '] = "a space",
		['-'] = "\"-\"", [':'] = "\":\"",
	};
	unsigned char i = (unsigned char)c;

	if (imap_p_maybe(p, c))
		return true;
	return imap_p_fail(p, i < HM_ARRAY_LEN(names) && names[i] ? names[i] :
	    "another character");
}

bool
imap_p_sp(struct imap_parse *p)
{
	return imap_p_char(p, ' ');
}

bool
imap_p_end(struct imap_parse *p)
{
	return p->p == p->end || imap_p_fail(p, "the end of the line");
}

/* Classes of bytes: atom-char, astring-char adds "]", list-char wildcards. */
static bool
atom_char(unsigned char c)
{
	return c > 0x20 && c < 0x7f && !memchr("(){%*\"\\]", c, 8);
}

static bool
astring_char(unsigned char c)
{
	return atom_char(c) || c == ']';
}

static bool
pattern_char(unsigned char c)
{
	return astring_char(c) || c == '%' || c == '*';
}

static bool
tag_char(unsigned char c)
{
	return astring_char(c) && c != '+';
}

static bool
name_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') || c == '.' || c == '-';
}

static bool
take_class(struct imap_parse *p, bool (*is)(unsigned char), const char *missed,
    struct hm_str *ret)
{
	const char *from = p->p;

	while (p->p < p->end && is((unsigned char)*p->p))
		p->p++;
	if (p->p == from)
		return imap_p_fail(p, missed);
	*ret = hm_str_n(from, (size_t)(p->p - from));
	return true;
}

bool
imap_p_tag(struct imap_parse *p, struct hm_str *ret)
{
	return take_class(p, tag_char, "a tag", ret);
}

bool
imap_p_name(struct imap_parse *p, struct hm_str *ret)
{
	return take_class(p, name_char, "a name", ret);
}

bool
imap_p_atom(struct imap_parse *p, struct hm_str *ret)
{
	return take_class(p, atom_char, "an atom", ret);
}

bool
imap_p_word(struct imap_parse *p, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(p->end - p->p) < len ||
	    !hm_str_caseis(hm_str_n(p->p, len), word))
		return false;
	if (p->p + len < p->end && name_char((unsigned char)p->p[len]) &&
	    name_char((unsigned char)word[len - 1]))
		return false;
	p->p += len;
	return true;
}

static bool
take_digits(struct imap_parse *p, uint64_t max, uint64_t *ret)
{
	const char *from = p->p;

	while (p->p < p->end && *p->p >= '0' && *p->p <= '9')
		p->p++;
	if (p->p == from)
		return imap_p_fail(p, "a number");
	if (hm_str_u64(hm_str_n(from, (size_t)(p->p - from)), max, ret) < 0) {
		p->p = from;
		return imap_p_fail(p, "a smaller number");
	}
	return true;
}

bool
imap_p_number(struct imap_parse *p, uint32_t *ret)
{
	uint64_t n;

	if (!take_digits(p, UINT32_MAX, &n))
		return false;
	*ret = (uint32_t)n;
	return true;
}

bool
imap_p_nznumber(struct imap_parse *p, uint32_t *ret)
{
	const char *from = p->p;

	if (!imap_p_number(p, ret))
		return false;
	if (*ret)
		return true;
	p->p = from;
	return imap_p_fail(p, "a number above 0");
}

bool
imap_p_number63(struct imap_parse *p, uint64_t *ret)
{
	return take_digits(p, INT64_MAX, ret);
}

/* Who looks for the announcement from its end goes back no further than this, so
 * one that is longer is none here, either. */
enum { LITERAL_MAX = 64, LITERAL_DIGITS = 20 };

bool
imap_p_literal(struct imap_parse *p, struct imap_literal *ret)
{
	struct imap_literal lit = { .sync = true };
	const char *digits;

	lit.binary = imap_p_maybe(p, '~');
	if (!imap_p_maybe(p, '{'))
		return imap_p_fail(p, "a literal");
	digits = p->p;
	if (!take_digits(p, INT64_MAX, &lit.size))
		return false;
	if (p->p - digits > LITERAL_DIGITS) {
		p->p = digits;
		return imap_p_fail(p, "a shorter number");
	}
	if (imap_p_maybe(p, '+') || imap_p_maybe(p, '-'))
		lit.sync = false;
	if (!imap_p_maybe(p, '}'))
		return imap_p_fail(p, "\"}\"");
	*ret = lit;
	return true;
}

bool
imap_literal_at_end(struct hm_str text, struct imap_literal *ret)
{
	ssize_t brace;
	const char *digits;
	struct imap_parse p;

	if (text.len < 3 || text.p[text.len - 1] != '}')
		return false;
	brace = hm_str_rchr(text, '{');
	if (brace < 0 || text.len - (size_t)brace > LITERAL_MAX)
		return false;
	if (brace > 0 && text.p[brace - 1] == '~')
		brace--;
	imap_parse_init(&p, NULL, hm_str_skip(text, (size_t)brace));
	if (imap_p_literal(&p, ret) && p.p == p.end)
		return true;
	/* "{99999999999999999999}" is still an announcement: of too much. */
	digits = p.start + (text.p[brace] == '~' ? 2 : 1);
	for (p.p = digits; *p.p >= '0' && *p.p <= '9'; p.p++)
		;
	if (p.p == digits)
		return false;
	ret->size = UINT64_MAX;
	ret->binary = text.p[brace] == '~';
	ret->sync = *p.p == '}';
	if (*p.p == '+' || *p.p == '-')
		p.p++;
	return p.p + 1 == p.end;
}

static bool
take_literal(struct imap_parse *p, struct hm_str *ret)
{
	const char *from = p->p;
	struct imap_literal lit;

	if (!imap_p_literal(p, &lit))
		return false;
	if (p->end - p->p < 2) {
		/* Only the announcement has been read so far. */
		p->need_literal = p->p == p->end;
		p->p = from;
		return imap_p_fail(p, "the bytes of a literal");
	}
	if (p->p[0] != '\r' || p->p[1] != '\n' ||
	    lit.size > (uint64_t)(p->end - p->p - 2)) {
		p->p = from;
		return imap_p_fail(p, "the bytes of a literal");
	}
	p->p += 2;
	*ret = hm_str_n(p->p, (size_t)lit.size);
	if (!lit.binary && memchr(p->p, 0, ret->len))
		return imap_p_fail(p, "a literal without NUL");
	p->p += lit.size;
	return true;
}

/* The end of a quoted string whose opening quote was taken; NULL if it has none
 * or holds what it must not. */
static const char *
quoted_end(struct imap_parse *p, bool *ret_escapes)
{
	const char *q;

	*ret_escapes = false;
	for (q = p->p; q < p->end && *q != '"'; q++) {
		unsigned char c = (unsigned char)*q;

		if (c == 0 || c == '\r' || c == '\n' || (c >= 0x80 && !p->utf8))
			return NULL;
		if (c != '\\')
			continue;
		*ret_escapes = true;
		q++;
		if (q == p->end || (*q != '"' && *q != '\\'))
			return NULL;
	}
	return q < p->end ? q : NULL;
}

static bool
take_quoted(struct imap_parse *p, struct hm_str *ret)
{
	const char *q, *end;
	bool escapes;
	char *out;
	size_t n = 0;

	if (!imap_p_char(p, '"'))
		return false;
	end = quoted_end(p, &escapes);
	if (!end)
		return imap_p_fail(p, "a well-formed quoted string");
	*ret = hm_str_n(p->p, (size_t)(end - p->p));
	if (p->utf8 && !hm_utf8_valid(*ret))
		return imap_p_fail(p, "well-formed UTF-8");
	if (escapes) {
		out = hm_alloc(p->arena, ret->len + 1);
		for (q = p->p; q < end; q++) {
			if (*q == '\\')
				q++;
			out[n++] = *q;
		}
		*ret = hm_str_n(out, n);
	}
	p->p = end + 1;
	return true;
}

static bool
at_literal(const struct imap_parse *p)
{
	int c = imap_p_peek(p);

	return c == '{' || (c == '~' && p->end - p->p > 1 && p->p[1] == '{');
}

bool
imap_p_string(struct imap_parse *p, struct hm_str *ret)
{
	if (at_literal(p))
		return take_literal(p, ret);
	if (imap_p_peek(p) == '"')
		return take_quoted(p, ret);
	return imap_p_fail(p, "a string");
}

bool
imap_p_nstring(struct imap_parse *p, struct hm_str *ret)
{
	if (imap_p_word(p, "NIL")) {
		*ret = hm_str_n(NULL, 0);
		return true;
	}
	return imap_p_string(p, ret);
}

bool
imap_p_astring(struct imap_parse *p, struct hm_str *ret)
{
	if (at_literal(p) || imap_p_peek(p) == '"')
		return imap_p_string(p, ret);
	return take_class(p, astring_char, "a string or an atom", ret);
}

bool
imap_p_pattern(struct imap_parse *p, struct hm_str *ret)
{
	if (at_literal(p) || imap_p_peek(p) == '"')
		return imap_p_string(p, ret);
	return take_class(p, pattern_char, "a mailbox pattern", ret);
}
