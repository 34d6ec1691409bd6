/* section.c - body sections (RFC 9051, 6.4.5). */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/header.h>
#include <hermod/mime.h>
#include <hermod/str.h>

#include "section.h"

/* "1.2.3", leaving the "." before a word; numbers beyond the depth are read
 * and make the section one that no message has. */
static bool
take_parts(struct imap_parse *p, struct imap_section *s)
{
	uint32_t number;

	if (imap_p_peek(p) < '0' || imap_p_peek(p) > '9')
		return true;
	s->parts = hm_alloc_array(p->arena, IMAP_SECTION_DEPTH,
	    sizeof(*s->parts));
	for (;;) {
		if (!imap_p_nznumber(p, &number))
			return false;
		if (s->nparts < IMAP_SECTION_DEPTH)
			s->parts[s->nparts++] = number;
		else
			s->absent = true;
		if (p->end - p->p < 2 || p->p[0] != '.' || p->p[1] < '0' ||
		    p->p[1] > '9')
			return true;
		p->p++;
	}
}

static bool
take_fields(struct imap_parse *p, struct imap_section *s)
{
	struct hm_str fields[16], *more;
	size_t cap = HM_ARRAY_LEN(fields);

	if (!imap_p_sp(p) || !imap_p_char(p, '('))
		return false;
	s->fields = fields;
	do {
		if (s->nfields == IMAP_SECTION_FIELDS)
			return imap_p_fail(p, "fewer field names");
		if (s->nfields == cap) {
			more = hm_alloc_array(p->arena, cap * 2, sizeof(*more));
			memcpy(more, s->fields, cap * sizeof(*more));
			s->fields = more;
			cap *= 2;
		}
		if (!imap_p_astring(p, &s->fields[s->nfields]))
			return false;
		s->nfields++;
	} while (imap_p_maybe(p, ' '));
	if (s->fields == fields) {
		more = hm_alloc_array(p->arena, s->nfields, sizeof(*more));
		memcpy(more, fields, s->nfields * sizeof(*more));
		s->fields = more;
	}
	return imap_p_char(p, ')');
}

static bool
take_word(struct imap_parse *p, struct imap_section *s)
{
	if (imap_p_word(p, "HEADER.FIELDS.NOT"))
		s->kind = IMAP_SECTION_FIELDS_NOT;
	else if (imap_p_word(p, "HEADER.FIELDS"))
		s->kind = IMAP_SECTION_FIELDS_ONLY;
	else if (imap_p_word(p, "HEADER"))
		s->kind = IMAP_SECTION_HEADER;
	else if (imap_p_word(p, "TEXT"))
		s->kind = IMAP_SECTION_TEXT;
	else if (s->nparts && imap_p_word(p, "MIME"))
		s->kind = IMAP_SECTION_MIME;
	else
		return imap_p_fail(p, "a section");
	if (s->kind == IMAP_SECTION_FIELDS_ONLY ||
	    s->kind == IMAP_SECTION_FIELDS_NOT)
		return take_fields(p, s);
	return true;
}

static bool
take_partial(struct imap_parse *p, struct imap_section *s)
{
	s->partial = true;
	return imap_p_number(p, &s->offset) && imap_p_char(p, '.') &&
	    imap_p_nznumber(p, &s->length) && imap_p_char(p, '>');
}

bool
imap_p_section(struct imap_parse *p, bool binary, struct imap_section *ret)
{
	struct imap_section s = { 0 };
	const char *from = p->p;

	if (!take_parts(p, &s))
		return false;
	if (s.nparts == 0) {
		if (imap_p_peek(p) != ']' && (binary || !take_word(p, &s)))
			return imap_p_fail(p, "\"]\"");
	} else if (!binary && imap_p_maybe(p, '.') && !take_word(p, &s)) {
		return false;
	}
	s.text = hm_str_n(from, (size_t)(p->p - from));
	if (!imap_p_char(p, ']'))
		return false;
	if (imap_p_maybe(p, '<') && !take_partial(p, &s))
		return false;
	*ret = s;
	return true;
}

bool
imap_section_find(const struct imap_section *s, const struct hm_mime *mime,
    int *ret_part, uint64_t *ret_from, uint64_t *ret_to)
{
	const struct hm_mime_part *part;
	int i = 0;

	if (s->absent)
		return false;
	if (s->nparts)
		i = hm_mime_section(mime, s->parts, s->nparts);
	if (i < 0)
		return false;
	part = &mime->parts[i];
	if (s->nparts && s->kind != IMAP_SECTION_ALL &&
	    s->kind != IMAP_SECTION_MIME) {
		/* HEADER and TEXT of a part are those of the message it holds. */
		if (!part->message || part->first_child < 0)
			return false;
		i = part->first_child;
		part = &mime->parts[i];
	}
	*ret_part = i;
	switch (s->kind) {
	case IMAP_SECTION_ALL:
		/* Only the message itself has its header with it. */
		*ret_from = s->nparts ? part->body : part->header;
		*ret_to = part->end;
		break;
	case IMAP_SECTION_TEXT:
		*ret_from = part->body;
		*ret_to = part->end;
		break;
	default:
		*ret_from = part->header;
		*ret_to = part->body;
	}
	return *ret_from <= *ret_to;
}

static bool
field_asked_for(const struct imap_section *s, struct hm_str name)
{
	size_t i;

	for (i = 0; i < s->nfields; i++)
		if (hm_str_caseeq(name, s->fields[i]))
			return true;
	return false;
}

void
imap_section_fields(const struct imap_section *s, struct hm_str header,
    struct hm_buf *out)
{
	bool wanted = s->kind == IMAP_SECTION_FIELDS_ONLY;
	struct hm_hdrfield field;

	while (hm_header_next(&header, &field)) {
		if (field_asked_for(s, field.name) != wanted)
			continue;
		hm_buf_str(out, field.raw);
		if (!hm_str_ends(field.raw, HM_STR("\n")))
			hm_buf_puts(out, "\r\n");
	}
	hm_buf_puts(out, "\r\n");
}

void
imap_section_cut(const struct imap_section *s, uint64_t size,
    uint64_t *ret_first, uint64_t *ret_count)
{
	*ret_first = 0;
	*ret_count = size;
	if (!s->partial)
		return;
	*ret_first = s->offset < size ? s->offset : size;
	*ret_count = size - *ret_first;
	if (*ret_count > s->length)
		*ret_count = s->length;
}
