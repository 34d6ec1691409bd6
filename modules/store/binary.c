/* binary.c - messages with NUL (BINARYMIME of RFC 3030, APPEND of RFC 3516).
 *
 * BODY[] is a literal, and no literal but that of BINARY[] may hold NUL (RFC
 * 9051, 9, CHAR8). What RFC 3516, 4.3 asks of FETCH is done here once: parts with
 * NUL become base64 before anything is worked out of the message, so that sizes,
 * structure and bytes agree for ever. Their content stays what it was.
 */
#include "store.h"

#include <hermod/encode.h>
#include <hermod/header.h>
#include <hermod/mime.h>

static bool
has_nul(struct hm_str s)
{
	return s.len > 0 && memchr(s.p, '\0', s.len);
}

/* RFC 2045, 6.4 and RFC 2046, 5.2.1: only leaves may be base64, and what has an
 * encoding keeps it. */
static bool
wants_encoding(const struct hm_mime_part *part, struct hm_str body)
{
	return !part->multipart && !part->message && has_nul(body) &&
	    (part->encoding.len == 0 || hm_str_caseis(part->encoding, "7bit") ||
	    hm_str_caseis(part->encoding, "8bit") ||
	    hm_str_caseis(part->encoding, "binary"));
}

/* The part's header, whose encoding is another now. */
static void
put_header(struct hm_buf *out, struct hm_str header, bool top)
{
	struct hm_str rest = header, from = header;
	struct hm_hdrfield f;

	while (hm_header_next(&rest, &f)) {
		if (hm_str_caseis(f.name, "MIME-Version"))
			top = false;
		if (!hm_str_caseis(f.name, "Content-Transfer-Encoding"))
			continue;
		hm_buf_add(out, from.p, (size_t)(f.raw.p - from.p));
		from = hm_str_skip(header,
		    (size_t)(f.raw.p + f.raw.len - header.p));
	}
	/* The empty line, or a damaged one, is what is left. */
	hm_buf_add(out, from.p, (size_t)(rest.p - from.p));
	hm_buf_puts(out, top ? "MIME-Version: 1.0\r\n" : "");
	hm_buf_puts(out, "Content-Transfer-Encoding: base64\r\n");
	hm_buf_str(out, rest);
	if (rest.len == 0)
		hm_buf_puts(out, "\r\n");
}

bool
store_binary(struct hm_str message, const struct hm_mime *mime,
    struct hm_buf *out)
{
	const struct hm_mime_part *part;
	uint64_t done = 0;
	size_t i;

	if (!has_nul(message))
		return false;
	for (i = 0; i < mime->n; i++) {
		struct hm_str body;

		part = &mime->parts[i];
		body = hm_str_n(message.p + part->body,
		    (size_t)(part->end - part->body));
		if (!wants_encoding(part, body))
			continue;
		hm_buf_add(out, message.p + done, (size_t)(part->header - done));
		put_header(out, hm_str_n(message.p + part->header,
		    (size_t)(part->body - part->header)), i == 0);
		hm_base64_encode_lines(out, body);
		done = part->end;
	}
	if (done > 0)
		hm_buf_add(out, message.p + done, message.len - (size_t)done);
	return done > 0;
}
