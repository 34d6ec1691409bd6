/* hdraddr.c - address lists of header fields (RFC 5322, 3.4 and 4.4).
 *
 * A list is cut into elements first, then each element is read: as a name and
 * an address in angle brackets where it has brackets, else as a bare address.
 * Every byte is looked at a fixed number of times; what cannot be paired (a
 * quote, a parenthesis) is taken as an ordinary character and remembered, so
 * that it is searched for only once.
 */
#include <hermod/address.h>

#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "lex.h"

enum {
	ELEMENTS_MAX = 10000,
	ENCODED_WORD_MAX = 200,  /* longer than legal, but bounded */
};

enum token_kind { CHAR, SPACE, COMMENT, QUOTED, ENCODED };

/* Walks over tokens. A quote or parenthesis that nothing closes is an ordinary
 * character, and so are all of its kind behind it. */
struct scan {
	const char *p, *end;        /* p: behind the last token */
	bool word;                  /* p lies inside a word */
	bool no_quote, no_comment;
};

struct parser {
	struct hm_arena *arena;
	struct scan in;
	struct hm_buf list;         /* of struct hm_hdraddr */
	size_t n;
	bool in_group;
	bool damaged, truncated;
};

/* An encoded word is opaque here, whatever it holds: it is decoded only after
 * the addresses have been told apart. */
static const char *
encoded_word(const char *p, const char *end)
{
	const char *q = p + 2;

	if (end - p > ENCODED_WORD_MAX)
		end = p + ENCODED_WORD_MAX;
	if (end - p < 8 || p[0] != '=' || p[1] != '?')
		return NULL;
	while (q < end && lex_is(*q, LEX_TOKEN))
		q++;
	if (end - q < 4 || q[0] != '?' || q[2] != '?' ||
	    !memchr("bBqQ", q[1], 4))
		return NULL;
	for (q += 3; q + 1 < end && !lex_is(*q, LEX_SPACE); q++)
		if (q[0] == '?' && q[1] == '=')
			return q + 2;
	return NULL;
}

static struct scan
scan_of(struct hm_str s)
{
	return (struct scan){ .p = s.p, .end = lex_end(s) };
}

/* The token at s->p; there must be one. */
static enum token_kind
next_token(struct scan *s, struct hm_str *ret)
{
	const char *from = s->p, *behind = NULL;
	enum token_kind kind = CHAR;

	if (lex_is(*from, LEX_SPACE)) {
		kind = SPACE;
		behind = from + 1;
	} else if (*from == '"' && !s->no_quote) {
		kind = QUOTED;
		behind = hm_lex_quoted(from, s->end);
		s->no_quote = !behind;
	} else if (*from == '(' && !s->no_comment) {
		kind = COMMENT;
		behind = hm_lex_comment(from, s->end);
		s->no_comment = !behind;
	} else if (*from == '=' && !s->word) {
		kind = ENCODED;
		behind = encoded_word(from, s->end);
	}
	if (!behind) {
		kind = CHAR;
		behind = from + 1;
	}
	s->word = kind == QUOTED || kind == ENCODED || (kind == CHAR &&
	    (lex_is(*from, LEX_ATEXT) || *from == '.'));
	s->p = behind;
	*ret = lex_slice(from, behind);
	return kind;
}

static struct hm_str
inside(struct hm_str token)
{
	return (struct hm_str){ token.p + 1, token.len - 2 };
}

/* The text of a phrase or of one side of an address: quotes, comments and line
 * ends are dropped; white space becomes one space, or nothing. */
static struct hm_str
render(struct parser *ps, struct hm_str s, bool keep_space)
{
	struct scan in = scan_of(s);
	char *out = hm_alloc(ps->arena, s.len + 1);
	size_t n = 0;
	bool space = false;

	while (in.p < in.end) {
		struct hm_str token;
		enum token_kind kind = next_token(&in, &token);
		if (kind == SPACE || kind == COMMENT) {
			space = true;
			continue;
		}
		if (space && keep_space && n > 0)
			out[n++] = ' ';
		space = false;
		if (kind == QUOTED)
			token = hm_lex_unquote(ps->arena, inside(token));
		else if (*token.p == '\\' && in.p < in.end) /* obsolete */
			next_token(&in, &token);
		if (token.len > 0)
			memcpy(out + n, token.p, token.len);
		n += token.len;
	}
	return (struct hm_str){ out, n };
}

/* Plain text needs no copy. */
static struct hm_str
text_of(struct parser *ps, struct hm_str s, bool keep_space)
{
	s = hm_str_trim(s);
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		if (c == '"' || c == '(' || c == '\\' || (lex_is(c, LEX_SPACE) &&
		    (!keep_space || c != ' ' || s.p[i - 1] == ' ')))
			return render(ps, s, keep_space);
	}
	return s;
}

/* The last comment in the slice, without its parentheses. */
static struct hm_str
last_comment(struct parser *ps, struct hm_str s)
{
	struct scan in = scan_of(s);
	struct hm_str found = { NULL, 0 }, token;

	if (s.len == 0 || !memchr(s.p, '(', s.len))
		return found;
	while (in.p < in.end)
		if (next_token(&in, &token) == COMMENT)
			found = inside(token);
	if (found.p)
		found = hm_str_trim(hm_lex_unquote(ps->arena, found));
	return found;
}

/* Words with dots between them (RFC 5322, 3.4.1 and 4.4); a domain may be a
 * literal and has no quotes. */
static bool
side_ok(struct hm_str s, bool domain)
{
	struct scan in = scan_of(hm_str_trim(s));
	bool dot = true, gap = false; /* dot: a word may come next */
	struct hm_str token;

	if (domain && in.p < in.end && *in.p == '[')
		return in.end[-1] == ']';
	while (in.p < in.end) {
		enum token_kind kind = next_token(&in, &token);
		if (kind == SPACE || kind == COMMENT) {
			gap = true;
			continue;
		}
		if (kind == CHAR && *token.p == '.') {
			if (dot)
				return false;
			dot = true;
		} else {
			bool word = kind == QUOTED ? !domain && dot
			    : lex_is(*token.p, LEX_ATEXT);
			if (!word || (gap && !dot))
				return false;
			dot = false;
		}
		/* nothing but a dot may follow a quoted string */
		gap = kind == QUOTED;
	}
	return !dot;
}

static struct hm_str
side(struct parser *ps, struct hm_str s, bool domain)
{
	ps->damaged |= !side_ok(s, domain);
	return text_of(ps, s, false);
}

static void
add(struct parser *ps, const struct hm_hdraddr *addr)
{
	if (ps->n == ELEMENTS_MAX) {
		ps->truncated = true;
		return;
	}
	hm_buf_add(&ps->list, addr, sizeof(*addr));
	ps->n++;
}

static void
add_mailbox(struct parser *ps, struct hm_str name, struct hm_str route,
    struct hm_str local, struct hm_str domain)
{
	struct hm_hdraddr addr = { .kind = HM_HDRADDR_MAILBOX, .name = name,
		.route = route, .local = local, .domain = domain };

	if (name.len == 0)
		addr.name = (struct hm_str){ NULL, 0 };
	if (local.len == 0 || domain.len == 0)
		ps->damaged = true;
	add(ps, &addr);
}

static void
end_group(struct parser *ps)
{
	struct hm_hdraddr addr = { .kind = HM_HDRADDR_GROUP_END };

	if (ps->in_group)
		add(ps, &addr);
	ps->in_group = false;
}

static void
begin_group(struct parser *ps, struct hm_str name)
{
	struct hm_hdraddr addr = { .kind = HM_HDRADDR_GROUP };

	if (ps->in_group) { /* groups do not nest (RFC 5322, 3.4) */
		ps->damaged = true;
		end_group(ps);
	}
	addr.name = text_of(ps, name, true);
	add(ps, &addr);
	ps->in_group = true;
}

/* The last "@" outside quotes and comments, or NULL. */
static const char *
find_at(struct hm_str s)
{
	struct scan in = scan_of(s);
	const char *at = NULL;
	struct hm_str token;

	while (in.p < in.end)
		if (next_token(&in, &token) == CHAR && *token.p == '@')
			at = token.p;
	return at;
}

/* What stands between angle brackets. */
static void
angle_addr(struct parser *ps, struct hm_str name, struct hm_str inner)
{
	struct hm_str route = { NULL, 0 }, domain = { NULL, 0 };

	inner = hm_str_trim(inner);
	if (inner.len > 0 && inner.p[0] == '@') {
		ssize_t colon = hm_str_chr(inner, ':');
		if (colon > 0) {
			route = text_of(ps, hm_str_take(inner, (size_t)colon),
			    false);
			inner = hm_str_skip(inner, (size_t)colon + 1);
		}
	}
	const char *at = find_at(inner);
	struct hm_str local = inner;
	if (at) {
		local = lex_slice(inner.p, at);
		domain = side(ps, lex_slice(at + 1, inner.p + inner.len), true);
	}
	add_mailbox(ps, name, route, side(ps, local, false), domain);
}

/* Reads up to ">", or to what ends a damaged address: a separator outside a
 * route, or the end. Another "<" starts the address anew. Leaves ps->in behind
 * ">" or at the separator. */
static struct hm_str
angle_inner(struct parser *ps)
{
	struct scan *in = &ps->in;
	const char *from = in->p;
	bool begun = false, route = false;

	while (in->p < in->end) {
		struct scan before = *in;
		struct hm_str token;
		enum token_kind kind = next_token(in, &token);
		if (kind == SPACE || kind == COMMENT)
			continue;
		char c = kind == CHAR ? *token.p : 'a';
		if (c == '>')
			return lex_slice(from, token.p);
		if (c == ',' && route) {
			const char *q = hm_lex_cfws(in->p, in->end);
			if (q < in->end && (*q == '@' || *q == ','))
				continue;
		}
		if (c == ',' || c == ';') {
			*in = before;
			break;
		}
		if (c == '<') {
			from = in->p;
			ps->damaged = true;
		}
		route = c == '@' && !begun ? true : route && c != ':';
		begun = c != '<';
	}
	ps->damaged = true;
	return lex_slice(from, in->p);
}

/* "name <address> (comment)"; "<" has just been read. Another "<" behind it
 * begins the next element. */
static void
name_addr(struct parser *ps, struct hm_str phrase)
{
	struct scan *in = &ps->in;
	struct hm_str inner = angle_inner(ps);
	const char *from = in->p;

	while (in->p < in->end && !memchr(",;<", *in->p, 3)) {
		struct hm_str token;
		enum token_kind kind = next_token(in, &token);
		ps->damaged |= kind != SPACE && kind != COMMENT;
	}
	ps->damaged |= in->p < in->end && *in->p == '<';
	struct hm_str name = text_of(ps, phrase, true);
	if (name.len == 0)
		name = last_comment(ps, lex_slice(from, in->p));
	if (name.len == 0)
		name = last_comment(ps, phrase);
	angle_addr(ps, name, inner);
}

/* A run of words glued by dots and "@", with the white space and comments
 * behind it. */
struct run {
	const char *from, *at, *to;  /* at: the last "@", or NULL */
	const char *end;             /* behind the white space and comments */
};

static bool
next_run(struct scan *in, struct run *run)
{
	struct hm_str token;
	bool gap = false, glue = true;

	*run = (struct run){ 0 };
	while (in->p < in->end) {
		struct scan before = *in;
		enum token_kind kind = next_token(in, &token);
		run->end = in->p;
		if (kind == SPACE || kind == COMMENT) {
			gap = true;
			continue;
		}
		bool joins = kind == CHAR && (*token.p == '.' || *token.p == '@');
		if (run->from && gap && !joins && !glue) {
			*in = before;
			run->end = before.p;
			return true;
		}
		if (!run->from)
			run->from = token.p;
		if (joins && *token.p == '@')
			run->at = token.p;
		run->to = in->p;
		glue = joins;
		gap = false;
	}
	return run->from != NULL;
}

/* Elements without angle brackets: "a@b", "a@b (name)", or words without "@".
 * Words in front of an address are taken for a name; two addresses in a row
 * for a forgotten comma. */
static void
bare(struct parser *ps, struct hm_str s)
{
	struct scan in = scan_of(s);
	struct hm_str none = { NULL, 0 };
	const char *first = NULL, *name_end = NULL;
	size_t words = 0, found = 0;
	struct run run;

	while (next_run(&in, &run)) {
		if (!run.at) {
			if (words++ == 0)
				first = run.from;
			name_end = run.to;
			continue;
		}
		struct hm_str name = words > 0
		    ? text_of(ps, lex_slice(first, name_end), true)
		    : last_comment(ps, lex_slice(found ? run.from : s.p,
		    run.end));
		ps->damaged |= words > 0 || found > 0;
		add_mailbox(ps, name, none,
		    side(ps, lex_slice(run.from, run.at), false),
		    side(ps, lex_slice(run.at + 1, run.to), true));
		words = 0;
		found++;
	}
	if (words == 0)
		return;
	ps->damaged = true;
	struct hm_str all = lex_slice(first, name_end);
	if (words == 1 && found == 0)
		add_mailbox(ps, last_comment(ps, s), none,
		    text_of(ps, all, false), none);
	else if (found == 0)
		add_mailbox(ps, text_of(ps, all, true), none, none, none);
}

/* A domain literal may hold what separates elements elsewhere. */
static void
skip_literal(struct scan *in)
{
	const char *p = in->p;

	while (p < in->end && (lex_is(*p, LEX_ALNUM) || memchr(":.-", *p, 3)))
		p++;
	if (p < in->end && *p == ']')
		in->p = p + 1;
}

/* One element; leaves ps->in at the separator behind it. */
static void
element(struct parser *ps)
{
	struct scan *in = &ps->in;
	const char *from = in->p;

	while (in->p < in->end && *in->p != ',' && *in->p != ';') {
		struct hm_str token;
		if (next_token(in, &token) != CHAR)
			continue;
		if (*token.p == ':') {
			begin_group(ps, lex_slice(from, token.p));
			return;
		}
		if (*token.p == '<') {
			name_addr(ps, lex_slice(from, token.p));
			return;
		}
		if (*token.p == '[')
			skip_literal(in);
		else if (*token.p == '\\' && in->p < in->end)
			in->p++;
	}
	bare(ps, lex_slice(from, in->p));
}

void
hm_hdraddrs_parse(struct hm_arena *arena, struct hm_str value,
    struct hm_hdraddrs *ret)
{
	struct parser ps = { .arena = arena, .in = scan_of(value) };
	struct scan *in = &ps.in;

	while (in->p < in->end && !ps.truncated) {
		if (*in->p == ';')
			end_group(&ps);
		if (*in->p == ';' || *in->p == ',' || lex_is(*in->p, LEX_SPACE)) {
			in->p++;
			in->word = false;
		} else {
			element(&ps);
		}
	}
	ps.damaged |= in->no_quote || in->no_comment || ps.in_group;
	end_group(&ps);
	ret->n = ps.n;
	ret->damaged = ps.damaged;
	ret->truncated = ps.truncated;
	struct hm_hdraddr *at = hm_alloc_array(arena, ps.n + 1, sizeof(*at));
	if (ps.n > 0)
		memcpy(at, ps.list.p, ps.n * sizeof(*at));
	ret->at = at;
	hm_buf_release(&ps.list);
}

/* A local part that holds more than dot-atom characters goes back into quotes
 * to be checked as an envelope address. */
static struct hm_str
requote(struct hm_arena *arena, struct hm_str local)
{
	char *out = hm_alloc(arena, 2 * local.len + 3);
	size_t n = 0;
	bool plain = local.len > 0;

	for (size_t i = 0; i < local.len; i++)
		plain &= lex_is(local.p[i], LEX_ATEXT) || local.p[i] == '.';
	if (plain)
		return local;
	out[n++] = '"';
	for (size_t i = 0; i < local.len; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			out[n++] = '\\';
		out[n++] = local.p[i];
	}
	out[n++] = '"';
	return (struct hm_str){ out, n };
}

int
hm_hdraddr_single(struct hm_arena *arena, struct hm_str value,
    struct hm_addr *ret, struct hm_err *reterr)
{
	struct hm_hdraddrs list;

	hm_hdraddrs_parse(arena, value, &list);
	if (list.damaged || list.truncated)
		return hm_err_set(reterr, -HM_ESYNTAX, "malformed address list");
	if (list.n != 1 || list.at[0].kind != HM_HDRADDR_MAILBOX)
		return hm_err_set(reterr, -HM_ESYNTAX,
		    "not exactly one address");
	struct hm_str local = requote(arena, list.at[0].local);
	struct hm_str domain = list.at[0].domain;
	struct hm_str text = hm_str(hm_printf(arena, "%.*s@%.*s", HM_FMT(local),
	    HM_FMT(domain)));
	return hm_addr_parse(arena, text, HM_ADDR_UTF8, ret, reterr);
}
