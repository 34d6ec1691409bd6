/* fuzz-envelope.c - envelopes as a damaged store may give them back, and all
 * that we make ourselves. */
#include <stdlib.h>

#include <hermod/mime.h>
#include <hermod/str.h>

#include "modules/imap/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_str in = hm_str_n((const char *)data, size);
	struct hm_buf own = { 0 }, got = { 0 };
	bool there;
	int field;

	hm_imap_envelope(&own, in);
	for (field = IMAP_ENVELOPE_DATE; field <= IMAP_ENVELOPE_BCC; field++) {
		(void)imap_envelope_get(in, (enum imap_envelope)field, &got,
		    &there);
		hm_buf_clear(&got);
		if (!imap_envelope_get(hm_buf_view(&own),
		    (enum imap_envelope)field, &got, &there))
			abort();
	}
	hm_buf_release(&own);
	hm_buf_release(&got);
	return 0;
}
