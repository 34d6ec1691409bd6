/* fuzz-dkim-verify.c - a line that is the record of every key, and a message: each
 * signature has a result, and no two runs have another one.
 */
#include <stdlib.h>

#include "verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
query(struct hm_mod *self, struct hm_str name, enum hm_dns_type type,
    unsigned flags, int64_t timeout_ms, struct hm_arena *arena,
    struct hm_dns_answer *ret)
{
	struct hm_dns_rr *rr = hm_new(arena, struct hm_dns_rr);

	(void)flags;
	(void)timeout_ms;
	rr->txt.text = *(const struct hm_str *)(const void *)self;
	*ret = (struct hm_dns_answer){ .type = type, .name = name, .n = 1,
	    .rr = rr };
	return 0;
}

static int
verify(struct hm_arena *arena, struct hm_str record, struct hm_str message,
    struct dkim_verifying *ret)
{
	static const struct hm_resolver_ops ops = { .size = sizeof(ops),
	    .query = query };
	struct hm_resolver resolver = { .ops = &ops,
	    .self = (struct hm_mod *)(void *)&record };
	struct hm_err err = { 0 };
	int r;

	*ret = (struct dkim_verifying){ .arena = arena, .resolver = &resolver,
	    .spool = hm_spool_new("/tmp"), .rules = { .now_s = 1795000000,
	    .sha1 = true, .rsa_bits_min = 512 } };
	(void)hm_spool_append(ret->spool, message.p, message.len, NULL);
	r = dkim_verify(ret, &err);
	hm_spool_free(ret->spool);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	struct hm_str message = hm_str_n((const char *)data, size);
	struct hm_str record = hm_str_split(&message, '\n');
	struct dkim_verifying v, again;

	if (verify(arena, record, message, &v) == 0) {
		if (v.n > DKIM_CHECKS_MAX || (v.more > 0 &&
		    v.n < DKIM_CHECKS_MAX) ||
		    verify(arena, record, message, &again) < 0)
			abort();
		for (size_t i = 0; i < v.n; i++)
			if (v.at[i].result == DKIM_PENDING ||
			    v.at[i].result != again.at[i].result ||
			    (v.at[i].why == NULL) !=
			    (v.at[i].result == DKIM_PASS))
				abort();
	}
	hm_arena_free(arena);
	return 0;
}
