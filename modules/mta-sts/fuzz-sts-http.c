/* fuzz-sts-http.c - any lines as the head of a reply and as sizes of chunks. */
#include <stdlib.h>

#include "sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_str in = hm_str_n((const char *)data, size), line;
	struct sts_reply reply = { 0 };
	struct hm_err err = { 0 };
	uint64_t n;
	int r;

	line = hm_str_split(&in, '\n');
	r = sts_reply_status(&reply, line);
	while (in.p != NULL && r == 0) {
		line = hm_str_split(&in, '\n');
		if (line.len == 0)
			break;
		r = sts_reply_field(&reply, line);
	}
	if (r == 0 && sts_reply_check(&reply, &err) == 0 &&
	    (reply.status != 200 || (reply.chunked && reply.has_length)))
		abort();
	while (in.p != NULL)
		if (sts_chunk_size(hm_str_split(&in, '\n'), &n) == 0 &&
		    n >= UINT64_C(1) << 60)
			abort();
	return 0;
}
