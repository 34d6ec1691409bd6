/* hash.c - SipHash. */
#include <pthread.h>

#include <hermod/rand.h>

#include "hash.h"

static uint64_t
rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static void
mix(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[0] = rotl(v[0], 32);
		v[2] += v[3];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

static uint64_t
word(const char *p, size_t n)
{
	uint64_t w = 0;

	while (n-- > 0)
		w = w << 8 | (unsigned char)p[n];
	return w;
}

uint64_t
hm_siphash(const uint64_t key[2], struct hm_str s)
{
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
		key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u,
	};
	size_t i;
	uint64_t m;

	for (i = 0; s.len - i >= 8; i += 8) {
		m = word(s.p + i, 8);
		v[3] ^= m;
		mix(v, 2);
		v[0] ^= m;
	}
	m = word(s.len ? s.p + i : s.p, s.len - i) | (uint64_t)s.len << 56;
	v[3] ^= m;
	mix(v, 2);
	v[0] ^= m;
	v[2] ^= 0xff;
	mix(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t process_key[2];

static void
draw_key(void)
{
	hm_random(process_key, sizeof(process_key));
}

uint64_t
hm_hash(struct hm_str s)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, draw_key);
	return hm_siphash(process_key, s);
}
