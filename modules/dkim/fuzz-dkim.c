/* fuzz-dkim.c - any bytes as body and header: however a body is cut, the same comes
 * out, and it ends with a line. */
#include "dkim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
collect(void *arg, const void *p, size_t len)
{
	hm_buf_add(arg, p, len);
}

static void
fuzz_body(struct hm_str in, bool relaxed)
{
	struct hm_buf a = { 0 }, b = { 0 };
	struct dkim_body whole = { .relaxed = relaxed, .out = collect, .arg = &a };
	struct dkim_body cut = { .relaxed = relaxed, .out = collect, .arg = &b };

	dkim_body_feed(&whole, in);
	dkim_body_end(&whole);
	for (size_t at = 0; at < in.len; at += 3)
		dkim_body_feed(&cut, hm_str_take(hm_str_skip(in, at), 3));
	dkim_body_end(&cut);
	if (!hm_str_eq(hm_buf_view(&a), hm_buf_view(&b)))
		__builtin_trap();
	if (a.len > 0 && !hm_str_ends(hm_buf_view(&a), HM_STR("\r\n")))
		__builtin_trap();
	if (hm_str_ends(hm_buf_view(&a), HM_STR("\r\n\r\n")))
		__builtin_trap();
	hm_buf_release(&a);
	hm_buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "From", "Subject", "X" };
	const struct hm_strlist list = { 3, names };
	struct hm_str in = hm_str_n((const char *)data, size);
	struct hm_buf h = { 0 }, canonical = { 0 };

	fuzz_body(in, true);
	fuzz_body(in, false);
	for (int relaxed = 0; relaxed < 2; relaxed++) {
		hm_buf_clear(&h);
		hm_buf_clear(&canonical);
		if (dkim_fields(&list, size & 1, relaxed, in, &h,
		    &canonical) == 0 && canonical.len > 0 &&
		    !hm_str_ends(hm_buf_view(&canonical), HM_STR("\r\n")))
			__builtin_trap();
	}
	hm_buf_release(&h);
	hm_buf_release(&canonical);
	return 0;
}
