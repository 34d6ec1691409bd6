/* fuzz-sts-policy.c - any bytes as a policy, and as its record. */
#include <stdlib.h>

#include "sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	struct hm_str in = hm_str_n((const char *)data, size), id;
	struct hm_dns_rr rr[2] = { { .txt.text = in }, { .txt.text = in } };
	struct hm_dns_answer txt = { .n = 1, .rr = rr };
	struct sts_policy policy, again;
	struct hm_err err = { 0 };

	if (sts_record_id(&txt, &id) == 0) {
		if (id.len == 0 || id.len > STS_ID_MAX)
			abort();
		txt.n = 2;
		if (sts_record_id(&txt, &id) == 0)
			abort();
	}
	if (sts_policy_parse(arena, in, &policy, &err) == 0) {
		(void)sts_policy_allows(&policy, HM_STR("mx.example.org"));
		/* What is kept of it says the same. */
		if (sts_policy_parse(arena, policy.text, &again, &err) < 0 ||
		    again.mode != policy.mode || again.nmx != policy.nmx ||
		    again.max_age_s != policy.max_age_s ||
		    !hm_str_eq(again.text, policy.text))
			abort();
	}
	hm_arena_free(arena);
	return 0;
}
