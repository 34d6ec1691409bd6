/* subject.c - the base subject, for sorting and threading (RFC 5256, 2.1). */
#include <hermod/header.h>

#include <stdlib.h>
#include <string.h>
#include <unicase.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "lex.h"

enum { SUBJECT_MAX = 2000 };

/* White space to single spaces; cut at a character. */
static struct hm_str
collapse(struct hm_arena *arena, struct hm_str text)
{
	char *out = hm_alloc(arena, text.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.len && n < SUBJECT_MAX; i++) {
		bool space = lex_is(text.p[i], LEX_SPACE);
		if (space && (n == 0 || out[n - 1] == ' '))
			continue;
		out[n++] = space ? ' ' : text.p[i];
	}
	if (n == SUBJECT_MAX) {
		while (n > 0 && ((unsigned char)out[n - 1] & 0xc0) == 0x80)
			n--;
		if (n > 0 && (unsigned char)out[n - 1] >= 0xc0)
			n--;
	}
	return hm_str_trim((struct hm_str){ out, n });
}

static size_t
spaces(struct hm_str s, size_t at)
{
	size_t n = at;

	while (n < s.len && s.p[n] == ' ')
		n++;
	return n;
}

/* subj-blob at the given place: where it ends, or the place itself. */
static size_t
blob(struct hm_str s, size_t at)
{
	if (at >= s.len || s.p[at] != '[')
		return at;
	for (size_t i = at + 1; i < s.len && s.p[i] != '['; i++)
		if (s.p[i] == ']')
			return spaces(s, i + 1);
	return at;
}

/* subj-leader: blobs, "re", "fw" or "fwd", an optional blob, a colon. Returns
 * its length or 0. */
static size_t
leader(struct hm_str s)
{
	size_t at = 0, next;

	while ((next = blob(s, at)) > at)
		at = next;
	struct hm_str rest = hm_str_skip(s, at);
	if (hm_str_casestarts(rest, HM_STR("fwd")))
		at += 3;
	else if (hm_str_casestarts(rest, HM_STR("re")) ||
	    hm_str_casestarts(rest, HM_STR("fw")))
		at += 2;
	else
		return 0;
	at = blob(s, spaces(s, at));
	if (at >= s.len || s.p[at] != ':')
		return 0;
	return spaces(s, at + 1);
}

/* Steps 2 to 5; true if something says "reply" or "forward". */
static bool
strip(struct hm_str *s)
{
	bool reply = false;

	for (;;) {
		*s = hm_str_trim(*s);
		if (s->len < 5 || !hm_str_caseeq(hm_str_skip(*s, s->len - 5),
		    HM_STR("(fwd)")))
			break;
		s->len -= 5;
		reply = true;
	}
	for (;;) {
		size_t n = leader(*s);
		if (n > 0) {
			reply = true;
		} else {
			n = blob(*s, 0);
			if (n == 0 || n >= s->len)
				return reply;
		}
		*s = hm_str_skip(*s, n);
	}
}

static struct hm_str
upper(struct hm_arena *arena, struct hm_str s)
{
	size_t len = 0;

	if (hm_str_ascii(s)) {
		char *out = hm_alloc(arena, s.len + 1);
		for (size_t i = 0; i < s.len; i++)
			out[i] = s.p[i] >= 'a' && s.p[i] <= 'z'
			    ? (char)(s.p[i] & ~0x20) : s.p[i];
		return (struct hm_str){ out, s.len };
	}
	uint8_t *up = u8_toupper((const uint8_t *)s.p, s.len, NULL, NULL, NULL,
	    &len);
	if (!up)
		return hm_str_dup(arena, s);
	struct hm_str copy = hm_str_dup(arena, hm_str_n((char *)up, len));
	free(up);
	return copy;
}

struct hm_str
hm_subject_base(struct hm_arena *arena, struct hm_str value, bool *ret_reply)
{
	struct hm_buf decoded = { 0 };
	bool reply = false;

	hm_words_decode(&decoded, value);
	struct hm_str s = collapse(arena, hm_buf_view(&decoded));
	hm_buf_release(&decoded);
	for (;;) {
		reply |= strip(&s);
		/* step 6: "[fwd: …]" */
		if (s.len < 6 || s.p[s.len - 1] != ']' ||
		    !hm_str_casestarts(s, HM_STR("[fwd:")))
			break;
		s = (struct hm_str){ s.p + 5, s.len - 6 };
		reply = true;
	}
	if (ret_reply)
		*ret_reply = reply;
	return upper(arena, s);
}
