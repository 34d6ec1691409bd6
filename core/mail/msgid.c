/* msgid.c - message ids of Message-ID, In-Reply-To and References. */
#include <hermod/header.h>

#include <string.h>

#include <hermod/arena.h>
#include <hermod/str.h>

#include "lex.h"

enum { MSGIDS_MAX = 1000 };

/* Whether the quotes of a local part protect nothing. */
static bool
quotes_unneeded(struct hm_str inner)
{
	bool dot = true;

	for (size_t i = 0; i < inner.len; i++) {
		char c = inner.p[i];
		if (c == '.' ? dot : !lex_is(c, LEX_ATEXT))
			return false;
		dot = c == '.';
	}
	return !dot;
}

/* The bytes between the brackets without white space and unneeded quotes. */
static struct hm_str
canonical(struct hm_arena *arena, struct hm_str id)
{
	char *out = hm_alloc(arena, id.len + 1);
	size_t n = 0;

	if (id.len > 0 && id.p[0] == '"') {
		const char *behind = hm_lex_quoted(id.p, id.p + id.len);
		struct hm_str inner = { NULL, 0 };
		if (behind)
			inner = hm_lex_unquote(arena,
			    lex_slice(id.p + 1, behind - 1));
		if (behind && quotes_unneeded(inner)) {
			memcpy(out, inner.p, inner.len);
			n = inner.len;
			id = lex_slice(behind, id.p + id.len);
		}
	}
	for (size_t i = 0; i < id.len; i++)
		if (!lex_is(id.p[i], LEX_SPACE))
			out[n++] = id.p[i];
	return (struct hm_str){ out, n };
}

/* The next id; advances *p behind it. An opening bracket inside an id means
 * that the former one was cut off. */
static bool
next_id(const char **p, const char *end, struct hm_str *ret)
{
	const char *open = memchr(*p, '<', (size_t)(end - *p));

	while (open) {
		for (const char *q = open + 1;; q++) {
			if (q == end)
				return false;
			if (*q == '<') {
				open = q;
				break;
			}
			if (*q == '>') {
				*ret = lex_slice(open + 1, q);
				*p = q + 1;
				if (hm_str_trim(*ret).len > 0)
					return true;
				open = memchr(*p, '<', (size_t)(end - *p));
				break;
			}
		}
	}
	return false;
}

struct hm_str
hm_msgid_first(struct hm_arena *arena, struct hm_str value)
{
	const char *p = value.p;
	struct hm_str id;

	if (value.len == 0 || !next_id(&p, value.p + value.len, &id))
		return (struct hm_str){ NULL, 0 };
	return canonical(arena, id);
}

size_t
hm_msgid_all(struct hm_arena *arena, struct hm_str value,
    const struct hm_str **ret)
{
	const char *p = value.p, *end = lex_end(value);
	size_t n = 0, room = 0;
	struct hm_str id;

	for (size_t i = 0; i < value.len && room < MSGIDS_MAX; i++)
		room += value.p[i] == '<';
	struct hm_str *ids = hm_alloc_array(arena, room + 1, sizeof(*ids));
	while (n < room && next_id(&p, end, &id))
		ids[n++] = canonical(arena, id);
	*ret = ids;
	return n;
}
