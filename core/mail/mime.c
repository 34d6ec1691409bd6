/* mime.c - the structure of a message in one pass (RFC 2045, RFC 2046).
 *
 * The parser walks over lines. Open multiparts lie on a stack of boundaries; a
 * boundary line ends every part that is open inside its multipart, so damage in
 * an inner part never hides an outer one.
 */
#include <hermod/mime.h>

#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/header.h>
#include <hermod/str.h>

#include "lex.h"
#include "param.h"

enum {
	DEPTH_MAX = 100,
	PARTS_MAX = 10000,
	HEADER_MAX = 1024 * 1024,
	LANGUAGES_MAX = 50,
};

struct frame {
	int part;               /* a multipart that was not closed yet */
	struct hm_str boundary;
	int last_child;
};

struct parser {
	struct hm_arena *arena;
	const char *base, *p, *end;
	unsigned depth_max, parts_max;
	size_t header_max;
	struct hm_buf parts;    /* of struct hm_mime_part */
	int n;
	int current;            /* the innermost open part */
	struct frame *frames;
	unsigned nframes;
	uint32_t lines;         /* line ends before p */
	bool truncated, utf8_header;
};

/* What stands before p when a boundary line or a part starts there. */
struct mark {
	uint64_t offset;        /* without the line end in front */
	uint32_t lines;
};

static struct hm_mime_part *
part_at(struct parser *ps, int i)
{
	return (struct hm_mime_part *)(void *)ps->parts.p + i;
}

static uint64_t
offset(const struct parser *ps, const char *p)
{
	return (uint64_t)(p - ps->base);
}

static const char *
next_line(const struct parser *ps)
{
	const char *lf = memchr(ps->p, '\n', (size_t)(ps->end - ps->p));
	return lf ? lf + 1 : ps->end;
}

static void
step(struct parser *ps, const char *to)
{
	ps->lines += to > ps->p && to[-1] == '\n';
	ps->p = to;
}

/* ---- boundaries ------------------------------------------------------ */

static bool
rest_is_space(const char *p, const char *end)
{
	while (p < end && lex_is(*p, LEX_SPACE))
		p++;
	return p == end;
}

/* Which open multipart the line at p is a boundary of, innermost first, or -1.
 * The boundary must be followed by white space or the line end: some software
 * uses one boundary as the prefix of another. */
static int
match_boundary(const struct parser *ps, const char *line_end, bool *ret_close)
{
	const char *p = ps->p;
	size_t len = (size_t)(line_end - p);

	if (len < 3 || p[0] != '-' || p[1] != '-')
		return -1;
	p += 2;
	len -= 2;
	for (unsigned i = ps->nframes; i-- > 0;) {
		struct hm_str b = ps->frames[i].boundary;
		if (len < b.len || memcmp(p, b.p, b.len) != 0)
			continue;
		const char *rest = p + b.len;
		*ret_close = line_end - rest >= 2 && rest[0] == '-' &&
		    rest[1] == '-' && rest_is_space(rest + 2, line_end);
		if (*ret_close || rest_is_space(rest, line_end))
			return (int)i;
	}
	return -1;
}

/* ---- fields of a part ------------------------------------------------ */

/* Types that need no copy in lower case. */
static struct hm_str
known(struct hm_arena *arena, struct hm_str s)
{
	static const struct hm_str words[] = {
		{ "text", 4 }, { "plain", 5 }, { "html", 4 },
		{ "multipart", 9 }, { "mixed", 5 }, { "alternative", 11 },
		{ "7bit", 4 }, { "8bit", 4 }, { "base64", 6 },
		{ "quoted-printable", 16 }, { "attachment", 10 },
		{ "inline", 6 },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(words); i++)
		if (hm_str_caseeq(s, words[i]))
			return words[i];
	return hm_str_lower(arena, s);
}

static void
content_type(struct parser *ps, struct hm_mime_part *part, struct hm_str value)
{
	const char *p = value.p, *end = value.p + value.len;
	struct mime_params params;

	if (part->has_type || part->type.p)
		return;
	struct hm_str type = hm_param_token(ps->arena, &p, end);
	if (type.len > 0 && p < end && *p == '/') {
		p++;
		part->type = known(ps->arena, type);
		part->subtype = known(ps->arena,
		    hm_param_token(ps->arena, &p, end));
	}
	if (part->type.len == 0 || part->subtype.len == 0) {
		part->damaged = true;
		/* "text" alone is older than MIME (RFC 1049) */
		bool text = hm_str_caseis(type, "text");
		part->type = text ? HM_STR("text") : HM_STR("application");
		part->subtype = text ? HM_STR("plain") : HM_STR("octet-stream");
		return;
	}
	part->has_type = true;
	hm_params_parse(ps->arena, p, end, &params);
	part->damaged |= params.damaged;
	part->params = params.at;
	part->nparams = params.n;
}

static void
content_disposition(struct parser *ps, struct hm_mime_part *part,
    struct hm_str value)
{
	const char *p = value.p, *end = value.p + value.len;
	struct mime_params params;

	struct hm_str token = hm_param_token(ps->arena, &p, end);
	if (token.len == 0) {
		part->damaged = true;
		return;
	}
	part->disposition = known(ps->arena, token);
	hm_params_parse(ps->arena, p, end, &params);
	part->damaged |= params.damaged;
	part->dparams = params.at;
	part->ndparams = params.n;
}

static void
content_language(struct parser *ps, struct hm_mime_part *part,
    struct hm_str value)
{
	const char *p = value.p, *end = value.p + value.len;
	struct hm_str tags[LANGUAGES_MAX];
	size_t n = 0;

	while (p < end && n < LANGUAGES_MAX) {
		const char *from = p = hm_lex_cfws(p, end);
		while (p < end && lex_is(*p, LEX_TOKEN))
			p++;
		if (p > from)
			tags[n++] = lex_slice(from, p);
		p = hm_lex_cfws(p, end);
		if (p < end && *p != ',') {
			part->damaged = true;
			break;
		}
		p += p < end;
	}
	if (n == 0)
		return;
	struct hm_str *copy = hm_alloc_array(ps->arena, n, sizeof(*copy));
	memcpy(copy, tags, n * sizeof(*copy));
	part->languages = copy;
	part->nlanguages = n;
}

static void
set_once(struct parser *ps, struct hm_str *field, struct hm_str value)
{
	if (!field->p)
		*field = hm_header_unfold(ps->arena, value);
}

static void
take_field(struct parser *ps, struct hm_mime_part *part, struct hm_str raw)
{
	struct hm_hdrfield field;

	if (raw.len < 8 || !hm_str_caseeq(hm_str_take(raw, 8),
	    HM_STR("content-")) || !hm_header_next(&raw, &field) ||
	    !field.name.p)
		return;
	struct hm_str name = hm_str_skip(field.name, 8);
	if (hm_str_caseis(name, "type")) {
		content_type(ps, part, field.value);
	} else if (hm_str_caseis(name, "transfer-encoding")) {
		const char *p = field.value.p;
		if (!part->encoding.p)
			part->encoding = known(ps->arena, hm_param_token(
			    ps->arena, &p, p + field.value.len));
	} else if (hm_str_caseis(name, "disposition")) {
		if (!part->disposition.p)
			content_disposition(ps, part, field.value);
	} else if (hm_str_caseis(name, "language")) {
		if (!part->languages)
			content_language(ps, part, field.value);
	} else if (hm_str_caseis(name, "id")) {
		set_once(ps, &part->id, field.value);
	} else if (hm_str_caseis(name, "description")) {
		set_once(ps, &part->description, field.value);
	} else if (hm_str_caseis(name, "md5")) {
		set_once(ps, &part->md5, field.value);
	} else if (hm_str_caseis(name, "location")) {
		set_once(ps, &part->location, field.value);
	}
}

/* Reads the header of a part up to the empty line, a boundary of an open
 * multipart, or the limit. */
static void
read_header(struct parser *ps, struct hm_mime_part *part)
{
	const char *start = ps->p, *field = ps->p;
	uint32_t lines = ps->lines;
	bool close;

	for (;;) {
		const char *next = next_line(ps), *p = ps->p;
		bool over = p == ps->end;
		bool empty = !over && (*p == '\n' ||
		    (*p == '\r' && next - p == 2));
		if ((size_t)(p - start) > ps->header_max)
			over = ps->truncated = part->damaged = true;
		over |= empty || match_boundary(ps, next, &close) >= 0;
		bool folded = !over && (*p == ' ' || *p == '\t');
		if (!folded && p > field) {
			take_field(ps, part, lex_slice(field, p));
			field = p;
		}
		if (empty)
			step(ps, next);
		if (over)
			break;
		step(ps, next);
	}
	ps->utf8_header |= !hm_str_ascii(lex_slice(start, ps->p));
	part->header_lines = ps->lines - lines;
}

/* ---- opening and closing --------------------------------------------- */

/* Before the line end that belongs to the boundary line at p. */
static struct mark
mark_before(const struct parser *ps, uint64_t from)
{
	struct mark mark = { offset(ps, ps->p), ps->lines };

	if (mark.offset > from && ps->p[-1] == '\n') {
		mark.offset--;
		mark.lines--;
		if (mark.offset > from && ps->p[-2] == '\r')
			mark.offset--;
	}
	return mark;
}

/* Ends the open parts from the innermost up to, but not including, `upto`. */
static void
close_parts(struct parser *ps, int upto, bool at_boundary)
{
	struct mark inner = { 0, 0 };

	while (ps->current != upto) {
		struct hm_mime_part *part = part_at(ps, ps->current);
		struct mark mark = { offset(ps, ps->p), ps->lines };
		if (at_boundary)
			mark = mark_before(ps, part->body);
		if (mark.offset < inner.offset)
			mark = inner; /* a header that the boundary ended */
		inner = mark;
		part->end = mark.offset;
		/* body_lines held the count at the start of the body */
		part->body_lines = mark.lines - part->body_lines;
		ps->current = part->parent;
	}
}

static void
set_type_flags(struct hm_mime_part *part)
{
	part->multipart = hm_str_is(part->type, "multipart");
	if (!hm_str_is(part->type, "message") ||
	    !(hm_str_is(part->subtype, "rfc822") ||
	    hm_str_is(part->subtype, "global")))
		return;
	/* Offsets into an encoded message would mean nothing. */
	part->message = !hm_str_is(part->encoding, "base64") &&
	    !hm_str_is(part->encoding, "quoted-printable");
}

static void
link_part(struct parser *ps, int index, int parent)
{
	if (parent == HM_MIME_NONE)
		return;
	struct hm_mime_part *up = part_at(ps, parent);
	struct frame *frame = ps->nframes > 0 ? &ps->frames[ps->nframes - 1]
	    : NULL;
	if (up->first_child == HM_MIME_NONE)
		up->first_child = index;
	else if (frame && frame->part == parent)
		part_at(ps, frame->last_child)->next = index;
	if (frame && frame->part == parent)
		frame->last_child = index;
}

/* A new part whose header starts at p; afterwards p is at its body. */
static int
open_part(struct parser *ps, int parent, bool in_digest)
{
	struct hm_mime_part part = {
		.parent = parent, .first_child = HM_MIME_NONE,
		.next = HM_MIME_NONE, .header = offset(ps, ps->p),
		.depth = 0,
	};

	if (parent != HM_MIME_NONE)
		part.depth = (uint16_t)(part_at(ps, parent)->depth + 1);
	read_header(ps, &part);
	if (!part.type.p) {
		part.type = in_digest ? HM_STR("message") : HM_STR("text");
		part.subtype = in_digest ? HM_STR("rfc822") : HM_STR("plain");
	}
	set_type_flags(&part);
	part.body = offset(ps, ps->p);
	part.body_lines = ps->lines;
	int index = ps->n++;
	hm_buf_add(&ps->parts, &part, sizeof(part));
	link_part(ps, index, parent);
	ps->current = index;
	return index;
}

/* Whether a child may be opened in the part. */
static bool
may_descend(struct parser *ps, const struct hm_mime_part *part)
{
	if (part->depth + 1u < ps->depth_max && (unsigned)ps->n < ps->parts_max)
		return true;
	ps->truncated = true;
	return false;
}

static void
push_frame(struct parser *ps, int index, struct hm_str boundary)
{
	ps->frames[ps->nframes++] = (struct frame){
		.part = index, .boundary = boundary,
		.last_child = HM_MIME_NONE,
	};
}

/* Opens the part and, for messages, what it contains. */
static void
open_parts(struct parser *ps, int parent, bool in_digest)
{
	for (;;) {
		int index = open_part(ps, parent, in_digest);
		struct hm_mime_part *part = part_at(ps, index);
		if (part->multipart) {
			struct hm_str b = hm_mime_param(part, "boundary");
			while (b.len > 0 && lex_is(b.p[b.len - 1], LEX_SPACE))
				b.len--;
			if (b.len == 0)
				part->damaged = true;
			else if (may_descend(ps, part))
				push_frame(ps, index, b);
			return;
		}
		if (!part->message)
			return;
		if (!may_descend(ps, part)) {
			part->message = false;
			return;
		}
		parent = index;
		in_digest = false;
	}
}

static void
boundary_line(struct parser *ps, int frame, bool close, const char *next)
{
	int index = ps->frames[frame].part;

	for (unsigned i = ps->nframes - 1; i > (unsigned)frame; i--)
		part_at(ps, ps->frames[i].part)->damaged = true;
	close_parts(ps, index, true);
	ps->nframes = (unsigned)frame + 1;
	step(ps, next);
	if (close) {
		ps->nframes--;
		return;
	}
	if (!may_descend(ps, part_at(ps, index))) {
		ps->nframes = 0;
		return;
	}
	open_parts(ps, index, hm_str_is(part_at(ps, index)->subtype, "digest"));
}

/* Without open multiparts only line ends remain to be counted. */
static void
count_rest(struct parser *ps)
{
	uint32_t lines = 0;

	for (const char *p = ps->p; p < ps->end; p++)
		lines += *p == '\n';
	ps->lines += lines;
	ps->p = ps->end;
}

static void
parse_body(struct parser *ps)
{
	while (ps->p < ps->end && ps->nframes > 0) {
		const char *next = next_line(ps);
		bool close;
		int frame = match_boundary(ps, next, &close);
		if (frame >= 0)
			boundary_line(ps, frame, close, next);
		else
			step(ps, next);
	}
	count_rest(ps);
	for (unsigned i = 0; i < ps->nframes; i++)
		part_at(ps, ps->frames[i].part)->damaged = true;
	close_parts(ps, HM_MIME_NONE, false);
}

void
hm_mime_parse(struct hm_arena *arena, struct hm_str message,
    const struct hm_mime_limits *limits, const struct hm_mime **ret)
{
	static const struct hm_mime_limits none;

	if (!message.p)
		message = HM_STR("");
	const struct hm_mime_limits *l = limits ? limits : &none;
	struct parser ps = {
		.arena = arena, .base = message.p, .p = message.p,
		.end = message.p + message.len, .current = HM_MIME_NONE,
		.depth_max = l->depth ? l->depth : DEPTH_MAX,
		.parts_max = l->parts ? l->parts : PARTS_MAX,
		.header_max = l->header_bytes ? l->header_bytes : HEADER_MAX,
	};

	if (ps.depth_max > UINT16_MAX)
		ps.depth_max = UINT16_MAX;
	ps.frames = hm_alloc_array(arena, ps.depth_max, sizeof(*ps.frames));
	open_parts(&ps, HM_MIME_NONE, false);
	parse_body(&ps);

	struct hm_mime *mime = hm_new(arena, struct hm_mime);
	mime->n = (size_t)ps.n;
	struct hm_mime_part *parts = hm_alloc_array(arena, mime->n,
	    sizeof(*parts));
	memcpy(parts, ps.parts.p, mime->n * sizeof(*parts));
	hm_buf_release(&ps.parts);
	mime->parts = parts;
	mime->truncated = ps.truncated;
	mime->utf8_header = ps.utf8_header;
	*ret = mime;
}
