/* fuzz-dkim-signature.c - any bytes as the value of DKIM-Signature. */
#include <stdlib.h>

#include "verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	const struct dkim_rules rules = { .now_s = 1795000000 };
	struct hm_str in = hm_str_n((const char *)data, size);
	struct dkim_signature sig;

	if (dkim_signature_parse(arena, in, &sig) == NULL) {
		if (sig.domain.len == 0 || sig.selector.len == 0 ||
		    sig.signature.len == 0 || sig.nnames == 0 ||
		    sig.nnames > DKIM_NAMES_MAX || sig.algorithm == NULL)
			abort();
		/* It is cut out of the field. */
		if (sig.b.p < in.p || sig.b.p + sig.b.len > in.p + in.len)
			abort();
		if (dkim_signature_fault(&sig, &rules) == NULL &&
		    !dkim_signs_name(&sig, "From"))
			abort();
		(void)dkim_signature_policy(&sig, &rules);
	}
	hm_arena_free(arena);
	return 0;
}
