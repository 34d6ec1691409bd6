/* mime.h - MIME structure with offsets into the raw message.
 *
 * The parser sees all bytes once, keeps nothing but offsets and the fields that
 * IMAP and webmail need, and always gives something usable. No recursion:
 * parts lie in one array in depth-first order. Thread: any; large messages
 * belong on a worker.
 */
#ifndef HERMOD_MIME_H
#define HERMOD_MIME_H

#include <hermod/types.h>

/* A content parameter, RFC 2231 continuations joined and decoded to UTF-8. */
struct hm_param {
	struct hm_str name;    /* lower case */
	struct hm_str value;
};

enum { HM_MIME_NONE = -1 };

struct hm_mime_part {
	int parent, first_child, next;     /* indices, HM_MIME_NONE */
	uint64_t header, body, end;        /* offsets: header, body, behind body */
	uint32_t header_lines, body_lines;
	uint16_t depth;
	struct hm_str type, subtype;       /* lower case; "text"/"plain" absent */
	bool has_type;                     /* a well-formed Content-Type stood there */
	bool multipart, message;           /* message: rfc822 or global, parsed */
	bool damaged;                      /* no closing boundary, bad field, … */
	size_t nparams, ndparams, nlanguages;
	const struct hm_param *params;
	struct hm_str id, description, encoding; /* raw values; encoding lower case */
	struct hm_str md5, location;
	struct hm_str disposition;         /* lower case, {NULL,0} if absent */
	const struct hm_param *dparams;
	const struct hm_str *languages;
};

struct hm_mime {
	size_t n;                          /* at least 1; part 0 is the message */
	const struct hm_mime_part *parts;
	bool truncated;                    /* a limit below was met */
	bool utf8_header;                  /* some header has 8-bit bytes */
};

/* Beyond a limit the rest is treated as opaque body of the enclosing part. */
struct hm_mime_limits {
	unsigned depth;      /* 0: 100 */
	unsigned parts;      /* 0: 10,000 */
	size_t header_bytes; /* of one part; 0: 1 MiB */
};
HM_API void hm_mime_parse(struct hm_arena *arena, struct hm_str message,
    const struct hm_mime_limits *limits, const struct hm_mime **ret);

/* The part with the given IMAP section numbers (RFC 9051, 6.4.5): [1, 2] is
 * section "1.2". HM_MIME_NONE if there is none. n = 0 is the message. */
HM_API int hm_mime_section(const struct hm_mime *mime, const uint32_t *numbers,
    size_t n);
/* A parameter by name; {NULL,0} if absent. */
HM_API struct hm_str hm_mime_param(const struct hm_mime_part *part,
    const char *name);
/* The file name for people: from the disposition or the type, encoded words
 * tolerated, path separators and control characters replaced; {NULL,0}. */
HM_API struct hm_str hm_mime_filename(struct hm_arena *arena,
    const struct hm_mime_part *part);

/* Appends the part's body with its transfer encoding undone, at most max bytes.
 * 0, -HM_EUNSUPPORTED for an unknown encoding, -HM_ELIMIT when cut. */
HM_API int hm_mime_decode(struct hm_buf *out, struct hm_str message,
    const struct hm_mime_part *part, size_t max);
/* The same for a text part, converted to UTF-8. */
HM_API int hm_mime_text(struct hm_buf *out, struct hm_str message,
    const struct hm_mime_part *part, size_t max);

/* A record of the structure for storing, and back (borrowing from record). */
HM_API void hm_mime_pack(struct hm_buf *out, const struct hm_mime *mime);
HM_API int hm_mime_unpack(struct hm_arena *arena, struct hm_str record,
    const struct hm_mime **ret);

/* IMAP's view (RFC 9051, 7.5.2), ready to be sent: ENVELOPE of a header, BODY
 * (extended false) and BODYSTRUCTURE of a message. Strings are quoted or, where
 * they hold CR, LF, NUL or 8-bit bytes, literals. */
HM_API void hm_imap_envelope(struct hm_buf *out, struct hm_str header);
HM_API void hm_imap_bodystructure(struct hm_buf *out, struct hm_str message,
    const struct hm_mime *mime, bool extended);
HM_API void hm_imap_string(struct hm_buf *out, struct hm_str s); /* or NIL */

#endif
