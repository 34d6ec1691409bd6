/* fuzz-encode.c - the decoders on any bytes, and what is encoded comes back. */
#include <stdlib.h>
#include <string.h>

#include <hermod/buf.h>
#include <hermod/encode.h>
#include <hermod/str.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef void feed_fn(struct hm_decoder *, struct hm_buf *, struct hm_str);
typedef void finish_fn(struct hm_decoder *, struct hm_buf *);

/* In one piece and in pieces of n bytes: the result must be the same. */
static void
decode(feed_fn *feed, finish_fn *finish, struct hm_str in, size_t n,
    size_t max)
{
	struct hm_decoder whole = { 0 }, parts = { 0 };
	struct hm_buf a = { 0 }, b = { 0 };

	feed(&whole, &a, in);
	finish(&whole, &a);
	for (; in.len; in = hm_str_skip(in, n))
		feed(&parts, &b, hm_str_take(in, n));
	finish(&parts, &b);
	if (!hm_str_eq(hm_buf_view(&a), hm_buf_view(&b)) || a.len > max)
		abort();
	hm_buf_release(&a);
	hm_buf_release(&b);
}

static void
round_trip(struct hm_str in)
{
	struct hm_buf text = { 0 }, back = { 0 };
	struct hm_decoder d = { 0 };

	hm_qp_encode(&text, in);
	hm_qp_feed(&d, &back, hm_buf_view(&text));
	hm_qp_finish(&d, &back);
	if (!hm_str_eq(in, hm_buf_view(&back)))
		abort();
	hm_buf_clear(&text);
	hm_buf_clear(&back);
	hm_base64_encode(&text, in);
	if (hm_base64_decode(&back, hm_buf_view(&text)) < 0 ||
	    !hm_str_eq(in, hm_buf_view(&back)))
		abort();
	hm_buf_clear(&text);
	hm_buf_clear(&back);
	hm_xtext_encode(&text, in);
	if (hm_xtext_decode(&back, hm_buf_view(&text)) < 0 ||
	    !hm_str_eq(in, hm_buf_view(&back)))
		abort();
	hm_buf_release(&text);
	hm_buf_release(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_str in = { (const char *)data, size };
	struct hm_buf out = { 0 };
	size_t n = size ? data[0] % 8 + 1u : 1;

	decode(hm_base64_feed, hm_base64_finish, in, n, size);
	decode(hm_qp_feed, hm_qp_finish, in, n, size + 3);
	if (hm_base64_decode(&out, in) == 0) {
		struct hm_buf again = { 0 };

		hm_base64_encode(&again, hm_buf_view(&out));
		if (!hm_str_eq(hm_buf_view(&again), in))
			abort();
		hm_buf_release(&again);
	}
	hm_buf_clear(&out);
	hm_hex_decode(&out, in);
	hm_buf_clear(&out);
	hm_xtext_decode(&out, in);
	hm_buf_release(&out);
	round_trip(in);
	return 0;
}
