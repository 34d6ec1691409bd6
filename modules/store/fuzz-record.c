/* fuzz-record.c - records as a damaged disk may give them back. What can be read
 * can be written, and reads the same then. */
#include <stdlib.h>

#include "store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads a record and writes it again; less than 0 if it cannot be read. */
typedef int rewrite_fn(struct hm_arena *arena, struct hm_str in, struct hm_buf *out);

static int
rewrite_state(struct hm_arena *arena, struct hm_str in, struct hm_buf *out)
{
	struct acct_state state;
	int r = store_get_state(in, &state);

	(void)arena;
	if (r == 0)
		store_put_state(out, &state);
	return r;
}

static int
rewrite_box(struct hm_arena *arena, struct hm_str in, struct hm_buf *out)
{
	struct hm_mailbox box;
	int r = store_get_box(in, 1, arena, &box);

	if (r == 0)
		store_put_box(out, &box);
	return r;
}

static int
rewrite_group(struct hm_arena *arena, struct hm_str in, struct hm_buf *out)
{
	struct hm_entry e[HM_GROUP_MAX];
	uint64_t modseq;
	unsigned n;
	int r = store_get_group(in, 0, &modseq, e, &n);

	(void)arena;
	if (r == 0)
		store_put_group(out, modseq, e, n);
	return r;
}

static int
rewrite_msg(struct hm_arena *arena, struct hm_str in, struct hm_buf *out)
{
	struct msg_record msg;
	int r = store_get_msg(in, &msg);

	(void)arena;
	if (r == 0)
		store_put_msg(out, &msg);
	return r;
}

static int
rewrite_cold(struct hm_arena *arena, struct hm_str in, struct hm_buf *out)
{
	struct cold_record *cold = hm_new(arena, struct cold_record);
	int r = store_get_cold(in, cold);

	if (r == 0)
		store_put_cold(out, cold);
	return r;
}

static int
rewrite_facts(struct hm_arena *arena, struct hm_str in, struct hm_buf *out)
{
	struct hm_facts facts;
	int r = store_get_facts(in, arena, &facts);

	if (r == 0)
		store_put_facts(out, &facts);
	return r;
}

static int
rewrite_log(struct hm_arena *arena, struct hm_str in, struct hm_buf *out)
{
	struct hm_uidset_builder b = { 0 };
	struct hm_uidset uids;
	struct log_record rec;
	int r = store_get_log(in, &rec);

	if (r == 0)
		r = store_take_ranges(&rec.ranges, &b);
	hm_uidset_take(&b, arena, &uids);
	hm_uidset_release(&b);
	if (r == 0)
		store_put_log(out, rec.kind, rec.mailbox, &uids);
	return r;
}

static void
check(rewrite_fn *rewrite, struct hm_arena *arena, struct hm_str in)
{
	struct hm_buf once = { 0 }, twice = { 0 };

	if (rewrite(arena, in, &once) == 0 &&
	    (rewrite(arena, hm_buf_view(&once), &twice) < 0 ||
	    !hm_str_eq(hm_buf_view(&once), hm_buf_view(&twice))))
		abort();
	hm_buf_release(&once);
	hm_buf_release(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static rewrite_fn *const kinds[] = { rewrite_state, rewrite_box,
		rewrite_group, rewrite_msg, rewrite_cold, rewrite_facts,
		rewrite_log };
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	struct hm_str in = hm_str_n((const char *)data, size), ids = in;
	uint64_t id = 0;

	for (size_t i = 0; i < HM_ARRAY_LEN(kinds); i++)
		check(kinds[i], arena, in);
	while (store_take_id(&ids, &id) > 0)
		;
	hm_arena_free(arena);
	return 0;
}
