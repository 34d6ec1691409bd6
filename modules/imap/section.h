/* section.h - body sections: "BODY[1.2.HEADER.FIELDS (SUBJECT)]<0.100>".
 */
#ifndef IMAP_SECTION_H
#define IMAP_SECTION_H

#include <hermod/types.h>

#include "parse.h"

struct hm_mime;

enum {
	IMAP_SECTION_DEPTH = 100,   /* part numbers; deeper ones do not exist */
	IMAP_SECTION_FIELDS = 1000, /* names in HEADER.FIELDS */
};

enum imap_section_kind {
	IMAP_SECTION_ALL = 0,      /* [] or [1.2] */
	IMAP_SECTION_HEADER = 1,
	IMAP_SECTION_TEXT = 2,
	IMAP_SECTION_MIME = 3,
	IMAP_SECTION_FIELDS_ONLY = 4,
	IMAP_SECTION_FIELDS_NOT = 5,
};

struct imap_section {
	enum imap_section_kind kind;
	bool absent;               /* deeper than any message: never there */
	size_t nparts;
	uint32_t *parts;
	size_t nfields;
	struct hm_str *fields;
	struct hm_str text;        /* as written, without the brackets */
	bool partial;
	uint32_t offset, length;   /* partial: length is not 0 */
};

/* Behind "BODY[", up to and with the "]" and "<...>". binary: only numbers. */
bool imap_p_section(struct imap_parse *p, bool binary, struct imap_section *ret);

/* The part a section names, and the bytes [from, to) of the message that it
 * stands for (the whole header for HEADER.FIELDS). False: there is none. */
bool imap_section_find(const struct imap_section *section,
    const struct hm_mime *mime, int *ret_part, uint64_t *ret_from,
    uint64_t *ret_to);

/* Appends the fields that HEADER.FIELDS or HEADER.FIELDS.NOT asks for, as they
 * stand in the header, and the empty line. */
void imap_section_fields(const struct imap_section *section,
    struct hm_str header, struct hm_buf *out);

/* What a partial leaves of size bytes: the first, and how many. */
void imap_section_cut(const struct imap_section *section, uint64_t size,
    uint64_t *ret_first, uint64_t *ret_count);

#endif
