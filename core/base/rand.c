/* rand.c - random bytes from the kernel, or from a seed in tests. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include <hermod/rand.h>

#include "die.h"

/* xoshiro256** (Blackman and Vigna), filled by splitmix64. */
static struct {
	atomic_bool on;
	pthread_mutex_t lock;
	uint64_t s[4];
} seeded = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t
rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static uint64_t
seeded_next(void)
{
	uint64_t *s = seeded.s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

void
hm_random_seed(uint64_t seed)
{
	int i;

	pthread_mutex_lock(&seeded.lock);
	for (i = 0; i < 4; i++) {
		uint64_t z = (seed += 0x9e3779b97f4a7c15u);

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		seeded.s[i] = z ^ z >> 31;
	}
	pthread_mutex_unlock(&seeded.lock);
	atomic_store(&seeded.on, true);
}

static void
seeded_fill(char *p, size_t len)
{
	pthread_mutex_lock(&seeded.lock);
	while (len) {
		uint64_t v = seeded_next();
		size_t n = len < sizeof(v) ? len : sizeof(v);

		memcpy(p, &v, n);
		p += n;
		len -= n;
	}
	pthread_mutex_unlock(&seeded.lock);
}

void
hm_random(void *p, size_t len)
{
	char *at = p;

	if (atomic_load(&seeded.on)) {
		seeded_fill(at, len);
		return;
	}
	while (len) {
		ssize_t n = getrandom(at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			hm_die("no random numbers from the kernel");
		at += n;
		len -= (size_t)n;
	}
}

uint64_t
hm_random_below(uint64_t below)
{
	uint64_t v, uneven;

	if (below == 0)
		hm_die("hm_random_below(0)");
	/* The last, incomplete run of the range would favour small numbers. */
	uneven = -below % below;
	do
		hm_random(&v, sizeof(v));
	while (v < uneven);
	return v % below;
}

void
hm_random_id(char *out, size_t len)
{
	static const char alphabet[64] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t i;

	hm_random(out, len);
	for (i = 0; i < len; i++)
		out[i] = alphabet[(unsigned char)out[i] & 63];
	out[len] = '\0';
}
