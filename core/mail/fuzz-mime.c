/* fuzz-mime.c - structure, its stored form, decoding, IMAP's view. */
#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/header.h>
#include <hermod/mime.h>
#include <hermod/str.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_offsets(const struct hm_mime *mime, size_t size)
{
	for (size_t i = 0; i < mime->n; i++) {
		const struct hm_mime_part *p = &mime->parts[i];
		if (p->header > p->body || p->body > p->end || p->end > size)
			abort();
		if (p->parent != HM_MIME_NONE &&
		    (p->header < mime->parts[p->parent].body ||
		    p->end > mime->parts[p->parent].end))
			abort();
	}
}

static void
check_record(struct hm_arena *arena, struct hm_str in,
    const struct hm_mime *mime)
{
	struct hm_buf record = { 0 }, first = { 0 }, second = { 0 };
	const struct hm_mime *stored;

	hm_mime_pack(&record, mime);
	if (hm_mime_unpack(arena, hm_buf_view(&record), &stored) < 0)
		abort();
	hm_imap_bodystructure(&first, in, mime, true);
	hm_imap_bodystructure(&second, in, stored, true);
	if (!hm_str_eq(hm_buf_view(&first), hm_buf_view(&second)))
		abort();
	hm_buf_release(&record);
	hm_buf_release(&first);
	hm_buf_release(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	struct hm_str in = hm_str_n((const char *)data, size);
	struct hm_mime_limits limits = { .depth = 20, .parts = 200 };
	const struct hm_mime *mime, *garbage;
	struct hm_buf out = { 0 };

	hm_mime_parse(arena, in, &limits, &mime);
	check_offsets(mime, size);
	check_record(arena, in, mime);
	hm_imap_envelope(&out, hm_header_section(in));
	for (size_t i = 0; i < mime->n; i++) {
		hm_buf_clear(&out);
		hm_mime_text(&out, in, &mime->parts[i], 100000);
		if (out.len > 100000)
			abort();
		hm_mime_filename(arena, &mime->parts[i]);
	}
	/* any bytes as a stored record */
	hm_buf_clear(&out);
	if (hm_mime_unpack(arena, in, &garbage) == 0)
		hm_imap_bodystructure(&out, HM_STR(""), garbage, true);
	hm_buf_release(&out);
	hm_arena_free(arena);
	return 0;
}
