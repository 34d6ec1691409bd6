/* http.c - the reply to a GET (RFC 9112), no more than a policy needs of it. */
#include <hermod/err.h>
#include <hermod/str.h>

#include "sts.h"

/* "HTTP/1.1 200 OK" */
int
sts_reply_status(struct sts_reply *reply, struct hm_str line)
{
	uint32_t status;

	*reply = (struct sts_reply){ 0 };
	if (line.len < 12 || !hm_str_starts(line, HM_STR("HTTP/1.")) ||
	    (line.p[7] != '0' && line.p[7] != '1') || line.p[8] != ' ' ||
	    (line.len > 12 && line.p[12] != ' ') ||
	    hm_str_u32(hm_str_n(line.p + 9, 3), &status) < 0 || status < 100)
		return -HM_ESYNTAX;
	reply->status = (int)status;
	return 0;
}

static bool
is_token(struct hm_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c <= ' ' || c >= 127 ||
		    hm_str_chr(HM_STR("\"(),/:;<=>?@[\\]{}"), c) >= 0)
			return false;
	}
	return s.len > 0;
}

static int
read_length(struct sts_reply *reply, struct hm_str value)
{
	uint64_t n;

	if (hm_str_u64(value, INT64_MAX, &n) < 0 ||
	    (reply->has_length && reply->length != n))
		return -HM_ESYNTAX;
	reply->has_length = true;
	reply->length = n;
	return 0;
}

/* A space before the colon, or a line that goes on, would let two readers see
 * two messages (RFC 9112, 5). */
int
sts_reply_field(struct sts_reply *reply, struct hm_str line)
{
	ssize_t colon = hm_str_chr(line, ':');
	struct hm_str name, value;

	if (++reply->fields > STS_HTTP_FIELDS_MAX)
		return -HM_ELIMIT;
	if (colon < 0 || !is_token(hm_str_take(line, (size_t)colon)))
		return -HM_ESYNTAX;
	name = hm_str_take(line, (size_t)colon);
	value = hm_str_trim(hm_str_skip(line, (size_t)colon + 1));
	if (hm_str_caseis(name, "Content-Length"))
		return read_length(reply, value);
	if (hm_str_caseis(name, "Transfer-Encoding")) {
		if (reply->chunked || !hm_str_caseis(value, "chunked"))
			return -HM_EUNSUPPORTED;
		reply->chunked = true;
	} else if (hm_str_caseis(name, "Content-Encoding")) {
		if (!hm_str_caseis(value, "identity"))
			return -HM_EUNSUPPORTED;
	} else if (hm_str_caseis(name, "Content-Type")) {
		reply->plain = !reply->has_type && hm_str_caseis(hm_str_trim(
		    hm_str_split(&value, ';')), "text/plain");
		reply->has_type = true;
	}
	return 0;
}

int
sts_reply_check(const struct sts_reply *reply, struct hm_err *reterr)
{
	if (reply->chunked && reply->has_length)
		return hm_err_set(reterr, -HM_ESYNTAX,
		    "the reply has two lengths");
	if (reply->status >= 300 && reply->status < 400)
		return hm_err_set(reterr, -HM_EUNSUPPORTED, "the server answers "
		    "%d: a policy must not be redirected", reply->status);
	if (reply->status != 200)
		return hm_err_set(reterr, -HM_ENOENT, "the server answers %d",
		    reply->status);
	return 0;
}

/* "1a;extension" */
int
sts_chunk_size(struct hm_str line, uint64_t *ret)
{
	struct hm_str digits = hm_str_trim(hm_str_split(&line, ';'));
	uint64_t n = 0;

	if (digits.len == 0 || digits.len > 15)
		return -HM_ESYNTAX;
	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.p[i];
		unsigned value = c >= '0' && c <= '9' ? c - '0' :
		    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		    c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;

		if (value == 16)
			return -HM_ESYNTAX;
		n = n * 16 + value;
	}
	*ret = n;
	return 0;
}
