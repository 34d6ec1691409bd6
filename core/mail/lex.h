/* lex.h - character classes and white space of RFC 5322 and RFC 2045. */
#ifndef HERMOD_MAIL_LEX_H
#define HERMOD_MAIL_LEX_H

#include <hermod/types.h>

enum {
	LEX_ATEXT = 1,   /* RFC 5322, 3.2.3; bytes above 0x7f with RFC 6532 */
	LEX_TOKEN = 2,   /* RFC 2045, 5.1 */
	LEX_SPACE = 4,   /* space, tab, CR, LF */
	LEX_FTEXT = 8,   /* RFC 5322, 3.6.8: characters of a field name */
	LEX_ATTR = 16,   /* RFC 2231, 7: attribute-char */
	LEX_ALNUM = 32,
	LEX_DIGIT = 64,
};

extern const uint8_t hm_lex_class[256];

static inline bool
lex_is(char c, unsigned class)
{
	return (hm_lex_class[(unsigned char)c] & class) != 0;
}

static inline char
lex_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The value of a hexadecimal digit, or -1. */
static inline int
lex_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lex_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline struct hm_str
lex_slice(const char *from, const char *to)
{
	return (struct hm_str){ from, (size_t)(to - from) };
}

/* Behind the last byte; also of the absent slice, which must not be added to. */
static inline const char *
lex_end(struct hm_str s)
{
	return s.len > 0 ? s.p + s.len : s.p;
}

/* The end of the comment that starts at *p == '(', or NULL where it is not
 * closed before end. Nesting is counted, not recursed. */
const char *hm_lex_comment(const char *p, const char *end);
/* The end of the quoted string that starts at *p == '"', or NULL. */
const char *hm_lex_quoted(const char *p, const char *end);
/* Behind white space and comments; an unclosed comment is left standing. */
const char *hm_lex_cfws(const char *p, const char *end);
/* Without quotes and backslashes, line ends dropped; the slice lies between the
 * quotes or parentheses. The input itself where nothing has to go. */
struct hm_str hm_lex_unquote(struct hm_arena *arena, struct hm_str s);

#endif
