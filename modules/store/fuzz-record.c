/* fuzz-record.c - records as a damaged disk may give them back. */
#include "modules/store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	struct hm_str in = hm_str_n((const char *)data, size), ids = in;
	struct hm_entry e[HM_GROUP_MAX];
	struct hm_uidset_builder b = { 0 };
	struct acct_state state;
	struct hm_mailbox box;
	struct msg_record msg;
	struct cold_record *cold = hm_new(arena, struct cold_record);
	struct hm_facts facts;
	struct log_record rec;
	uint64_t modseq, id = 0;
	unsigned n;

	store_get_state(in, &state);
	store_get_box(in, 1, arena, &box);
	store_get_group(in, 0, &modseq, e, &n);
	store_get_msg(in, &msg);
	store_get_cold(in, cold);
	store_get_facts(in, arena, &facts);
	if (store_get_log(in, &rec) == 0)
		store_take_ranges(&rec.ranges, &b);
	while (store_take_id(&ids, &id) > 0)
		;
	hm_uidset_release(&b);
	hm_arena_free(arena);
	return 0;
}
