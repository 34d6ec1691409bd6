/* fuzz-resolvconf.c - resolv.conf of any content. */
#include <hermod/str.h>

#include "resolvconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resolvconf rc;

	resolvconf_parse(hm_str_n((const char *)data, size), &rc);
	if (rc.n == 0 || rc.n > RESOLVCONF_SERVERS)
		__builtin_trap();
	for (size_t i = 0; i < rc.n; i++)
		if (rc.servers[i].port == 0 || rc.servers[i].family == 1)
			__builtin_trap();
	return 0;
}
