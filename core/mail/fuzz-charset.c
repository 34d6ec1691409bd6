/* fuzz-charset.c - charsets, folding, search, mailbox names.
 *
 * The input is a charset's name, a line feed, and the bytes. */
#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/charset.h>
#include <hermod/str.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_mutf7(struct hm_str name)
{
	struct hm_buf utf8 = { 0 }, coded = { 0 };

	if (hm_mutf7_decode(&utf8, name) == 0) {
		if (!hm_utf8_valid(hm_buf_view(&utf8)))
			abort();
		hm_mutf7_encode(&coded, hm_buf_view(&utf8));
		if (!hm_str_eq(hm_buf_view(&coded), name))
			abort();
	}
	hm_buf_release(&utf8);
	hm_buf_release(&coded);
}

/* A text is found in itself, however it is cut. */
static void
check_search(struct hm_arena *arena, struct hm_str text)
{
	size_t from = text.len / 3, upto = text.len - text.len / 4;

	while (from < text.len && ((unsigned char)text.p[from] & 0xc0) == 0x80)
		from++;
	while (upto < text.len && ((unsigned char)text.p[upto] & 0xc0) == 0x80)
		upto++;
	if (upto < from)
		return;
	struct hm_search *s = hm_search_new(arena,
	    hm_str_n(text.p + from, upto - from));
	hm_search_feed(s, hm_str_take(text, from));
	if (!hm_search_feed(s, hm_str_skip(text, from)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	struct hm_str in = hm_str_n((const char *)data, size);
	struct hm_buf out = { 0 }, folded = { 0 };

	check_mutf7(in);
	struct hm_str charset = hm_str_split(&in, '\n');
	if (hm_charset_decode(&out, charset, in, 5000) != 0 && out.len > 5000)
		abort();
	struct hm_str text = hm_buf_view(&out);
	if (!hm_utf8_valid(text))
		abort();
	hm_utf8_fold(&folded, text);
	if (!hm_utf8_valid(hm_buf_view(&folded)))
		abort();
	hm_buf_clear(&folded);
	hm_utf8_fold(&folded, in);
	if (text.len > 0)
		check_search(arena, text);
	hm_buf_release(&out);
	hm_buf_release(&folded);
	hm_arena_free(arena);
	return 0;
}
