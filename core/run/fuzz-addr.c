/* Addresses and networks in text: what parses prints and parses again. */
#include <stdlib.h>
#include <string.h>

#include <hermod/net.h>
#include <hermod/str.h>

#include "core/run/addr-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_str text = { (const char *)data, size };
	struct hm_sockaddr a, b;
	struct hm_net net;
	char buf[112];

	if (hm_sockaddr_parse(text, &a) == 0) {
		hm_sockaddr_text(buf, &a);
		if (hm_sockaddr_parse(hm_str(buf), &b) != 0 ||
		    !hm_sockaddr_eq(&a, &b))
			abort();
	}
	if (hm_net_parse(text, &net) == 0 && !hm_net_has(&net, &net.addr))
		abort();
	return 0;
}
