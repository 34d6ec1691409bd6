/* parse.h - the tokens of IMAP commands (RFC 9051, 9; RFC 3501, 9).
 *
 * Works over the whole command in memory: lines and literals as they came,
 * "{5}" CRLF and five bytes included. Every function takes what it names from
 * the front and returns true; on false the place and what was missed are noted
 * and nothing that follows matters. Slices are borrowed from the command, or
 * lie in the arena where quoting had to be undone. No function recurses.
 */
#ifndef IMAP_PARSE_H
#define IMAP_PARSE_H

#include <hermod/types.h>

struct imap_parse {
	const char *start, *p, *end;
	struct hm_arena *arena;
	bool utf8;             /* 8-bit bytes are allowed in quoted strings */
	const char *missed;    /* what was expected at p; NULL while all is well */
	bool need_literal;     /* failed at a literal that has not been read yet */
};

void imap_parse_init(struct imap_parse *p, struct hm_arena *arena,
    struct hm_str text);
/* Notes a failure (the first one counts) and returns false. */
bool imap_p_fail(struct imap_parse *p, const char *missed);
/* The next byte, or -1 at the end. */
int imap_p_peek(const struct imap_parse *p);
bool imap_p_char(struct imap_parse *p, char c);
/* Takes c if it is there; never a failure. */
bool imap_p_maybe(struct imap_parse *p, char c);
bool imap_p_sp(struct imap_parse *p);
bool imap_p_end(struct imap_parse *p);

bool imap_p_tag(struct imap_parse *p, struct hm_str *ret);
/* Letters, digits, "." and "-", as in command and item names. */
bool imap_p_name(struct imap_parse *p, struct hm_str *ret);
/* Takes the word if it is next (case-insensitively) and no longer name begins
 * with it; never a failure. */
bool imap_p_word(struct imap_parse *p, const char *word);
bool imap_p_atom(struct imap_parse *p, struct hm_str *ret);
bool imap_p_string(struct imap_parse *p, struct hm_str *ret);
bool imap_p_nstring(struct imap_parse *p, struct hm_str *ret); /* NIL: {NULL,0} */
bool imap_p_astring(struct imap_parse *p, struct hm_str *ret);
bool imap_p_pattern(struct imap_parse *p, struct hm_str *ret); /* list-mailbox */
/* A literal's announcement, without its bytes. */
struct imap_literal {
	uint64_t size;
	bool sync;             /* the client waits for a continuation */
	bool binary;           /* literal8: NUL is allowed */
};
bool imap_p_literal(struct imap_parse *p, struct imap_literal *ret);
/* Whether the text ends in such an announcement (without CRLF). */
bool imap_literal_at_end(struct hm_str text, struct imap_literal *ret);

bool imap_p_number(struct imap_parse *p, uint32_t *ret);
bool imap_p_nznumber(struct imap_parse *p, uint32_t *ret);
bool imap_p_number63(struct imap_parse *p, uint64_t *ret);

/* One flag: a system flag (in *flags) or a keyword ({NULL,0} if it is none).
 * $Forwarded and its kin come as bits, too. */
bool imap_p_flag(struct imap_parse *p, unsigned *flags, struct hm_str *keyword);
struct imap_flags {
	unsigned flags;
	size_t nkeywords;
	struct hm_str *keywords;   /* lower case, each once */
};
/* "(" flags ")", or, bare, flags without parentheses up to the end. */
bool imap_p_flags(struct imap_parse *p, bool bare, struct imap_flags *ret);
bool imap_p_keyword(struct imap_parse *p, struct hm_str atom,
    struct hm_str *ret);

/* "17-Jul-1996", quotes optional; days since 1970-01-01. */
bool imap_p_date(struct imap_parse *p, int64_t *ret_day);
/* "17-Jul-1996 02:44:25 -0700" in quotes; seconds since 1970. */
bool imap_p_datetime(struct imap_parse *p, int64_t *ret_unix_s);

#endif
