/* fuzz-smtp.c - any bytes as a command line, and as the bytes behind DATA. */
#include <string.h>

#include "smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* However the bytes are cut into packets, the message must come out the same,
 * and only CRLF "." CRLF ends it. */
static void
fuzz_dot(struct hm_str in, unsigned seed)
{
	struct smtp_dot whole = { 0 }, cut = { 0 };
	struct hm_buf a = { 0 }, b = { 0 };
	bool end_a, end_b = false;
	size_t used = smtp_dot_feed(&whole, in, &a, &end_a), at = 0;

	while (at < in.len && !end_b) {
		at += smtp_dot_feed(&cut, hm_str_take(hm_str_skip(in, at),
		    1 + (seed >> 8) % 5), &b, &end_b);
		seed = seed * 1103515245 + 12345;
	}
	if (end_a && (used < 3 || memcmp(in.p + used - 3, ".\r\n", 3) != 0 ||
	    (used > 3 && (used < 5 || memcmp(in.p + used - 5, "\r\n", 2) != 0))))
		__builtin_trap();
	if (!whole.stray && hm_str_chr(hm_buf_view(&a), '\0') >= 0)
		__builtin_trap();
	if (end_a != end_b || used != at || whole.stray != cut.stray ||
	    !hm_str_eq(hm_buf_view(&a), hm_buf_view(&b)))
		__builtin_trap();
	hm_buf_release(&a);
	hm_buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_str line = hm_str_n((const char *)data, size), rest;
	const struct smtp_offer offer = { .max_size = 1 << 20, .offers = 7,
	    .max_hold_s = 1 << 20, .now_s = 1 << 30 };
	struct smtp_mail_params params;
	struct smtp_rcpt_params rparams;
	const char *esc;
	uint64_t chunk;
	bool last;
	int code;

	smtp_parse_verb(line, &rest);
	smtp_parse_keyword(rest, "FROM:", false, &rest);
	smtp_parse_mail_params(rest, &offer, &params, &code, &esc, NULL);
	smtp_parse_rcpt_params(rest, &offer, &rparams, &code, &esc, NULL);
	smtp_parse_bdat(rest, &chunk, &last);
	smtp_helo_valid(rest, size & 1);
	for (unsigned seed = 0; seed < 4; seed++)
		fuzz_dot(line, seed);
	return 0;
}
