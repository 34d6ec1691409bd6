/* fuzz-header.c - fields, ids, subjects, and folding that can be undone. */
#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/header.h>
#include <hermod/str.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	struct hm_str in = hm_str_n((const char *)data, size);
	struct hm_str rest = hm_header_section(in);
	struct hm_buf out = { 0 };
	struct hm_hdrfield field;
	const struct hm_str *ids;
	size_t total = 0;
	bool reply;

	while (hm_header_next(&rest, &field)) {
		total += field.raw.len;
		struct hm_str value = hm_header_unfold(arena, field.value);
		hm_msgid_first(arena, field.value);
		hm_msgid_all(arena, field.value, &ids);
		hm_subject_base(arena, field.value, &reply);
		hm_buf_clear(&out);
		if (hm_header_fold(&out, "Name", value) < 0)
			continue;
		struct hm_str folded = hm_buf_view(&out);
		if (!hm_header_next(&folded, &field) || folded.len > 0 ||
		    !hm_str_eq(hm_header_unfold(arena, field.value), value))
			abort();
	}
	if (total + rest.len != hm_header_section(in).len)
		abort();
	hm_buf_release(&out);
	hm_arena_free(arena);
	return 0;
}
