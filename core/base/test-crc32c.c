/* test-crc32c.c - known sums (RFC 3720, B.4), and sums in pieces. */
#include <hermod/crc32c.h>

#include "t/tap.h"

int
main(void)
{
	unsigned char bytes[32], long_run[1000];
	uint32_t whole, crc;
	size_t i, bad = 0;

	memset(bytes, 0, sizeof(bytes));
	is_int(hm_crc32c(0, bytes, 32), 0x8a9136aa, "32 zeroes");
	memset(bytes, 0xff, sizeof(bytes));
	is_int(hm_crc32c(0, bytes, 32), 0x62a8ab43, "32 ones");
	for (i = 0; i < 32; i++)
		bytes[i] = (unsigned char)i;
	is_int(hm_crc32c(0, bytes, 32), 0x46dd794e, "ascending");
	is_int(hm_crc32c(0, "123456789", 9), 0xe3069283, "digits");
	is_int(hm_crc32c(0, "", 0), 0, "nothing");
	for (i = 0; i < sizeof(long_run); i++)
		long_run[i] = (unsigned char)(i * i >> 3);
	whole = hm_crc32c(0, long_run, sizeof(long_run));
	for (i = 0; i <= sizeof(long_run); i++) {
		crc = hm_crc32c(0, long_run, i);
		crc = hm_crc32c(crc, long_run + i, sizeof(long_run) - i);
		bad += crc != whole;
	}
	is_int((intmax_t)bad, 0, "any two pieces give the sum of the whole");
	return done();
}
