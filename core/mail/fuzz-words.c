/* fuzz-words.c - encoded words; text comes back as it was. */
#include <stdlib.h>
#include <string.h>

#include <hermod/buf.h>
#include <hermod/header.h>
#include <hermod/str.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
has_controls(struct hm_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < ' ' || c == 0x7f || (c == 0xc2 && i + 1 < s.len &&
		    (unsigned char)s.p[i + 1] < 0xa0))
			return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_str in = hm_str_n((const char *)data, size), text;
	struct hm_buf out = { 0 }, coded = { 0 }, back = { 0 };

	hm_words_decode(&out, in);
	text = hm_str_trim(hm_buf_view(&out));
	if (!hm_utf8_valid(text) || has_controls(text))
		abort();
	hm_words_encode(&coded, text);
	if (!hm_str_ascii(hm_buf_view(&coded)))
		abort();
	hm_words_decode(&back, hm_buf_view(&coded));
	if (!hm_str_eq(hm_buf_view(&back), text))
		abort();
	hm_buf_release(&out);
	hm_buf_release(&coded);
	hm_buf_release(&back);
	return 0;
}
