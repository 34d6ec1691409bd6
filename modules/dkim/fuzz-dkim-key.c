/* fuzz-dkim-key.c - any bytes as the record of a key. */
#include <stdlib.h>

#include "verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	const struct dkim_rules rules = { .rsa_bits_min = DKIM_RSA_BITS_MIN };
	struct hm_str in = hm_str_n((const char *)data, size);
	struct hm_dns_rr rr = { .txt.text = in };
	struct hm_dns_answer answer = { .n = 1, .rr = &rr };
	struct dkim_record rec;
	const char *why;

	if (dkim_record_find(arena, &answer, &rec, &why) == DKIM_PENDING) {
		if ((rec.public == NULL) != rec.revoked)
			abort();
		if (dkim_record_fault(&rec, &rules) == NULL &&
		    rec.kind == DKIM_RSA && rec.bits < DKIM_RSA_BITS_MIN)
			abort();
	} else if (why == NULL) {
		abort();
	}
	(void)dkim_record_parse(arena, in, &rec);
	hm_arena_free(arena);
	return 0;
}
