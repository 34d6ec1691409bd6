/* fuzz-date.c - dates: never out of what can be written. */
#include <stdlib.h>

#include <hermod/clock.h>
#include <hermod/header.h>
#include <hermod/str.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t unix_s, again;
	int zone;
	char text[40];

	if (hm_date_parse(hm_str_n((const char *)data, size), &unix_s, &zone) <
	    0)
		return 0;
	if (zone < -24 * 60 || zone > 24 * 60 ||
	    unix_s < -63000000000 || unix_s > 254000000000)
		abort();
	/* years before 100 are written with two digits fewer than read */
	hm_date_rfc5322(text, unix_s, zone);
	if (unix_s > 0 && unix_s < 200000000000 &&
	    (hm_date_parse(hm_str(text), &again, NULL) < 0 || again != unix_s))
		abort();
	return 0;
}
