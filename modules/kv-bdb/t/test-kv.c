/* test-kv.c - the conformance suite of "kv" on Berkeley DB. */
#include "t/conformance-kv.h"
#include "t/direct-kv.h"

int
main(void)
{
	static const struct conformance_kv provider = {
		.open = direct_kv_open, .close = direct_kv_close,
		.syncs = direct_kv_syncs,
	};

	return conformance_kv(&provider);
}
