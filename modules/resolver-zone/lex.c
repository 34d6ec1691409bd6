/* lex.c - words of a zone file (RFC 1035, 5.1). */
#include "zone.h"

#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool
ends_word(char c)
{
	return is_blank(c) || c == '\n' || c == ';' || c == '(' || c == ')' ||
	    c == '"';
}

/* Passes over blanks, comments, parentheses, and line ends within them. */
static void
skip(struct zone_lex *lex)
{
	for (; lex->at < lex->text.len; lex->at++) {
		char c = lex->text.p[lex->at];

		if (c == ';') {
			while (lex->at + 1 < lex->text.len &&
			    lex->text.p[lex->at + 1] != '\n')
				lex->at++;
		} else if (c == '(') {
			lex->parens++;
		} else if (c == ')') {
			lex->parens -= lex->parens > 0;
		} else if (c == '\n' && lex->parens > 0) {
			lex->line++;
		} else if (!is_blank(c)) {
			return;
		}
	}
}

static enum zone_token
quoted(struct zone_lex *lex, struct hm_str *ret)
{
	size_t start = ++lex->at;

	for (; lex->at < lex->text.len; lex->at++) {
		char c = lex->text.p[lex->at];

		if (c == '\n')
			break;
		if (c == '"') {
			*ret = hm_str_n(lex->text.p + start, lex->at++ - start);
			return ZONE_QUOTED;
		}
		if (c == '\\')
			lex->at++;
	}
	lex->bad = true;
	if (lex->at > lex->text.len)
		lex->at = lex->text.len;
	*ret = hm_str_n(lex->text.p + start, lex->at - start);
	return ZONE_QUOTED;
}

enum zone_token
zone_next(struct zone_lex *lex, struct hm_str *ret)
{
	size_t start;

	*ret = (struct hm_str){ 0 };
	skip(lex);
	if (lex->at >= lex->text.len)
		return ZONE_END;
	if (lex->text.p[lex->at] == '\n') {
		lex->at++;
		lex->line++;
		return ZONE_END_OF_LINE;
	}
	if (lex->text.p[lex->at] == '"')
		return quoted(lex, ret);
	for (start = lex->at; lex->at < lex->text.len &&
	    !ends_word(lex->text.p[lex->at]); lex->at++)
		if (lex->text.p[lex->at] == '\\' && lex->at + 1 < lex->text.len)
			lex->at++;
	*ret = hm_str_n(lex->text.p + start, lex->at - start);
	return ZONE_WORD;
}

int
zone_unescape(struct hm_arena *arena, struct hm_str word, struct hm_str *ret)
{
	char *out = hm_alloc(arena, word.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < word.len; i++) {
		uint32_t value;

		if (word.p[i] != '\\') {
			out[n++] = word.p[i];
		} else if (i + 1 >= word.len) {
			return -HM_ESYNTAX;
		} else if (word.p[i + 1] >= '0' && word.p[i + 1] <= '9') {
			if (i + 3 >= word.len || hm_str_u32(hm_str_n(word.p + i +
			    1, 3), &value) < 0 || value > 255)
				return -HM_ESYNTAX;
			out[n++] = (char)value;
			i += 3;
		} else {
			out[n++] = word.p[++i];
		}
	}
	*ret = hm_str_n(out, n);
	return 0;
}
