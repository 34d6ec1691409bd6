/* lex.c - character classes, comments and quoted strings. */
#include "lex.h"

#include <string.h>

#include <hermod/arena.h>

#define SP LEX_SPACE
#define FT LEX_FTEXT
#define HI LEX_ATEXT
#define DG (LEX_ATEXT | LEX_TOKEN | LEX_FTEXT | LEX_ATTR | LEX_ALNUM | LEX_DIGIT)
#define AL (LEX_ATEXT | LEX_TOKEN | LEX_FTEXT | LEX_ATTR | LEX_ALNUM)
#define AT (LEX_ATEXT | LEX_TOKEN | LEX_FTEXT | LEX_ATTR)
#define AX (LEX_ATEXT | LEX_TOKEN | LEX_FTEXT)  /* not in attribute-char */
#define A1 (LEX_ATEXT | LEX_FTEXT)              /* neither in token */
#define TK (LEX_TOKEN | LEX_FTEXT | LEX_ATTR)   /* not atext: the dot */

const uint8_t hm_lex_class[256] = {
	['\t'] = SP, ['\n'] = SP, ['\r'] = SP, [' '] = SP,
	['!'] = AT, ['"'] = FT, ['#'] = AT, ['$'] = AT, ['%'] = AX, ['&'] = AT,
	['\''] = AX, ['('] = FT, [')'] = FT, ['*'] = AX, ['+'] = AT, [','] = FT,
	['-'] = AT, ['.'] = TK, ['/'] = A1, ['0' ... '9'] = DG, [';'] = FT,
	['<'] = FT, ['='] = A1, ['>'] = FT, ['?'] = A1, ['@'] = FT,
	['A' ... 'Z'] = AL, ['['] = FT, ['\\'] = FT, [']'] = FT, ['^'] = AT,
	['_'] = AT, ['`'] = AT, ['a' ... 'z'] = AL, ['{'] = AT, ['|'] = AT,
	['}'] = AT, ['~'] = AT, [0x80 ... 0xff] = HI,
};

const char *
hm_lex_comment(const char *p, const char *end)
{
	size_t depth = 0;

	for (; p < end; p++) {
		if (*p == '\\') {
			if (++p == end)
				return NULL;
		} else if (*p == '(') {
			depth++;
		} else if (*p == ')' && --depth == 0) {
			return p + 1;
		}
	}
	return NULL;
}

const char *
hm_lex_quoted(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '\\') {
			if (++p == end)
				return NULL;
		} else if (*p == '"') {
			return p + 1;
		}
	}
	return NULL;
}

const char *
hm_lex_cfws(const char *p, const char *end)
{
	for (;;) {
		while (p < end && lex_is(*p, LEX_SPACE))
			p++;
		if (p == end || *p != '(')
			return p;
		const char *behind = hm_lex_comment(p, end);
		if (!behind)
			return p;
		p = behind;
	}
}

struct hm_str
hm_lex_unquote(struct hm_arena *arena, struct hm_str s)
{
	if (s.len == 0 || (!memchr(s.p, '\\', s.len) &&
	    !memchr(s.p, '\n', s.len) && !memchr(s.p, '\r', s.len)))
		return s;

	char *out = hm_alloc(arena, s.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\\' && i + 1 < s.len)
			i++;
		else if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\\')
			continue;
		out[n++] = s.p[i];
	}
	return (struct hm_str){ out, n };
}
