/* search.c - caseless search in a stream of UTF-8 text.
 *
 * The needle is folded once. Text is folded on the way and fed byte by byte to
 * the automaton of Knuth, Morris and Pratt, whose state carries over the
 * borders of pieces. Runs of ASCII, which is most of all mail, are scanned by
 * comparing first and last byte of the needle sixteen places at a time.
 */
#include <hermod/charset.h>

#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "lex.h"
#include "unicode.h"

enum {
	VEC = 16,
	CACHE = 256,          /* folded characters remembered */
	CACHE_BYTES = 8,
};

typedef uint8_t vec __attribute__((vector_size(VEC), aligned(1), may_alias));

struct cached {
	uint32_t cp;          /* 0: empty; U+0000 itself is ASCII */
	uint8_t len;
	char bytes[CACHE_BYTES];
};

struct hm_search {
	const char *needle;   /* folded */
	size_t len;
	uint32_t *fail;
	size_t state;         /* bytes of the needle matched so far */
	bool found;
	bool ascii;           /* the needle is */
	struct cached *cache;
};

struct hm_search *
hm_search_new(struct hm_arena *arena, struct hm_str needle)
{
	struct hm_search *s = hm_new(arena, struct hm_search);
	struct hm_buf folded = { 0 };

	hm_utf8_fold(&folded, needle);
	struct hm_str copy = hm_str_dup(arena, hm_buf_view(&folded));
	hm_buf_release(&folded);
	s->needle = copy.p;
	s->len = copy.len;
	s->ascii = hm_str_ascii(copy);
	s->cache = hm_alloc_array(arena, CACHE, sizeof(*s->cache));
	s->fail = hm_alloc_array(arena, s->len + 1, sizeof(*s->fail));
	size_t k = 0;
	for (size_t i = 1; i < s->len; i++) {
		while (k > 0 && s->needle[i] != s->needle[k])
			k = s->fail[k];
		k += s->needle[i] == s->needle[k];
		s->fail[i + 1] = (uint32_t)k;
	}
	hm_search_reset(s);
	return s;
}

void
hm_search_reset(struct hm_search *s)
{
	s->state = 0;
	s->found = s->len == 0;
}

static inline bool
feed_byte(struct hm_search *s, char c)
{
	while (s->state > 0 && s->needle[s->state] != c)
		s->state = s->fail[s->state];
	s->state += s->needle[s->state] == c;
	if (s->state < s->len)
		return false;
	return s->found = true;
}

static vec
splat(char c)
{
	uint8_t b = (uint8_t)c;
	return (vec){ b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b };
}

/* ASCII letters in lower case, in all places at once. */
static vec
fold_vec(vec v)
{
	vec upper = (vec)((v - (uint8_t)'A') < 26);
	return v | (upper & 0x20);
}

static bool
any(vec v)
{
	uint64_t half[2];
	memcpy(half, &v, sizeof(half));
	return (half[0] | half[1]) != 0;
}

static size_t
ascii_run(const char *p, const char *end)
{
	const char *from = p;

	for (; end - p >= VEC; p += VEC) {
		vec v;
		memcpy(&v, p, VEC);
		if (any(v & 0x80))
			break;
	}
	while (p < end && (unsigned char)*p < 0x80)
		p++;
	return (size_t)(p - from);
}

static bool
matches(const char *p, const char *folded, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (lex_lower(p[i]) != folded[i])
			return false;
	return true;
}

/* Finds the needle in an ASCII run, no match being under way. Sets *ret_done to
 * how many places were ruled out; gives up early where comparing costs more
 * than the automaton would. */
static bool
scan(const struct hm_search *s, const char *p, size_t len, size_t *ret_done)
{
	size_t places = len - s->len + 1, i = 0, work = 0;
	vec first = splat(s->needle[0]), last = splat(s->needle[s->len - 1]);

	for (; i + VEC <= places && work <= 4 * i + 4096; i += VEC) {
		vec a, b;
		memcpy(&a, p + i, VEC);
		memcpy(&b, p + i + s->len - 1, VEC);
		vec hit = (vec)(fold_vec(a) == first) &
		    (vec)(fold_vec(b) == last);
		if (!any(hit))
			continue;
		for (size_t k = 0; k < VEC; k++) {
			if (!hit[k])
				continue;
			if (matches(p + i + k, s->needle, s->len))
				return true;
			work += s->len;
		}
	}
	*ret_done = i;
	return false;
}

static bool
feed_ascii(struct hm_search *s, const char *p, size_t len)
{
	size_t i = 0;

	while (i < len) {
		if (s->state == 0 && s->ascii && len - i >= s->len + VEC) {
			size_t done = 0;
			if (scan(s, p + i, len - i, &done))
				return s->found = true;
			i += done;
			/* the rest of the run, by the automaton */
			for (; i < len; i++)
				if (feed_byte(s, lex_lower(p[i])))
					return true;
			return false;
		}
		if (s->state == 0 && !s->ascii && len - i > VEC &&
		    (unsigned char)s->needle[0] >= 0x80)
			return false; /* nothing begins in ASCII */
		if (feed_byte(s, lex_lower(p[i++])))
			return true;
	}
	return false;
}

static bool
feed_folded(struct hm_search *s, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (feed_byte(s, bytes[i]))
			return true;
	return false;
}

static bool
feed_char(struct hm_search *s, uint32_t cp)
{
	struct cached *c = &s->cache[cp % CACHE];
	char folded[UNI_FOLD_MAX];

	if (c->cp != cp) {
		size_t n = hm_uni_fold(cp, folded);
		if (n > CACHE_BYTES)
			return feed_folded(s, folded, n);
		c->cp = cp;
		c->len = (uint8_t)n;
		memcpy(c->bytes, folded, n);
	}
	return feed_folded(s, c->bytes, c->len);
}

bool
hm_search_feed(struct hm_search *s, struct hm_str text)
{
	while (!s->found && text.len > 0) {
		size_t n = ascii_run(text.p, text.p + text.len);
		if (n > 0) {
			feed_ascii(s, text.p, n);
			text = hm_str_skip(text, n);
			continue;
		}
		uint32_t cp = 0;
		n = hm_utf8_next(text, &cp);
		if (n == 0)
			feed_byte(s, text.p[0]);
		else
			feed_char(s, cp);
		text = hm_str_skip(text, n ? n : 1);
	}
	return s->found;
}
