/* decode.c - bodies with their transfer encoding and charset undone. */
#include <hermod/mime.h>

#include <string.h>

#include <hermod/buf.h>
#include <hermod/charset.h>
#include <hermod/encode.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "unicode.h"

enum { CHUNK = 48 * 1024 };

typedef void feed_fn(struct hm_decoder *d, struct hm_buf *out, struct hm_str in);
typedef void finish_fn(struct hm_decoder *d, struct hm_buf *out);

/* The bytes of the body, within the message whatever the record says. */
static struct hm_str
body_of(struct hm_str message, const struct hm_mime_part *part)
{
	struct hm_str s = { NULL, 0 };

	if (part->body <= part->end && part->end <= message.len) {
		s.p = message.p + part->body;
		s.len = (size_t)(part->end - part->body);
	}
	return s;
}

/* In pieces, so that the output never grows much beyond max. */
static int
decode_with(struct hm_buf *out, struct hm_str in, size_t max, feed_fn *feed,
    finish_fn *finish)
{
	struct hm_decoder d = { 0 };
	size_t start = out->len;

	while (in.len > 0 && out->len - start <= max) {
		feed(&d, out, hm_str_take(in, CHUNK));
		in = hm_str_skip(in, CHUNK);
	}
	finish(&d, out);
	if (out->len - start <= max)
		return 0;
	out->len = start + max;
	out->p[out->len] = '\0';
	return -HM_ELIMIT;
}

/* 7bit, 8bit and binary, and what is meant by "7-bit", "8 bits" and the like. */
static bool
identity(struct hm_str encoding)
{
	return encoding.len == 0 || hm_str_is(encoding, "binary") ||
	    (encoding.p[0] >= '6' && encoding.p[0] <= '8');
}

int
hm_mime_decode(struct hm_buf *out, struct hm_str message,
    const struct hm_mime_part *part, size_t max)
{
	struct hm_str in = body_of(message, part), e = part->encoding;

	if (hm_str_is(e, "base64"))
		return decode_with(out, in, max, hm_base64_feed,
		    hm_base64_finish);
	if (hm_str_is(e, "quoted-printable"))
		return decode_with(out, in, max, hm_qp_feed, hm_qp_finish);
	if (!identity(e))
		return -HM_EUNSUPPORTED;
	hm_buf_str(out, hm_str_take(in, max));
	return in.len > max ? -HM_ELIMIT : 0;
}

int
hm_mime_text(struct hm_buf *out, struct hm_str message,
    const struct hm_mime_part *part, size_t max)
{
	struct hm_str charset = hm_mime_param(part, "charset");
	struct hm_buf raw = { 0 };

	int rc = hm_mime_decode(&raw, message, part, max);
	if (rc == -HM_EUNSUPPORTED) {
		hm_buf_release(&raw);
		return rc;
	}
	struct hm_str bytes = hm_buf_view(&raw);
	/* 8-bit text that calls itself ASCII is taken for what it looks like. */
	bool ascii = charset.len == 0 || hm_str_caseis(charset, "us-ascii");
	int converted = ascii ? -HM_EUNSUPPORTED
	    : hm_charset_decode(out, charset, bytes, max);
	if (converted == -HM_EUNSUPPORTED) {
		struct hm_str utf8 = HM_STR("utf-8"), latin = HM_STR(
		    "windows-1252");
		converted = hm_charset_decode(out, hm_utf8_valid(bytes)
		    ? utf8 : latin, bytes, max);
	}
	hm_buf_release(&raw);
	return rc < 0 ? rc : converted;
}
