/* cache.c - passwords that were right a moment ago.
 *
 * Mail programs log in all the time, and a good hash is meant to be slow. Kept
 * is a keyed hash over the stored hash and the password, in memory only; a
 * changed password changes the stored hash and so misses.
 */
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>

#include <hermod/rand.h>

#include "auth.h"

enum { SLOTS = 1024, WAYS = 4, LIFE_MS = 15 * 60 * 1000, TAG = 32 };

struct auth_cache {
	uint8_t key[32];
	struct {
		uint8_t tag[TAG];
		int64_t until_ms;
	} slot[SLOTS];
};

struct auth_cache *
auth_cache_new(void)
{
	struct auth_cache *cache = hm_xalloc(sizeof(*cache));

	hm_random(cache->key, sizeof(cache->key));
	return cache;
}

void
auth_cache_free(struct auth_cache *cache)
{
	if (cache == NULL)
		return;
	hm_wipe(cache, sizeof(*cache));
	free(cache);
}

static bool
make_tag(const struct auth_cache *cache, struct hm_str hash,
    struct hm_str password, uint8_t tag[TAG])
{
	gnutls_hmac_hd_t hmac;

	if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, cache->key,
	    sizeof(cache->key)) < 0)
		return false;
	gnutls_hmac(hmac, hash.p, hash.len);
	gnutls_hmac(hmac, "", 1);
	gnutls_hmac(hmac, password.p, password.len);
	gnutls_hmac_deinit(hmac, tag);
	return true;
}

static size_t
first_way(const uint8_t tag[TAG])
{
	return ((size_t)tag[0] | (size_t)tag[1] << 8) % (SLOTS / WAYS) * WAYS;
}

bool
auth_cache_has(struct auth_cache *cache, struct hm_str hash,
    struct hm_str password)
{
	uint8_t tag[TAG];
	size_t at;

	if (!make_tag(cache, hash, password, tag))
		return false;
	at = first_way(tag);
	for (size_t i = at; i < at + WAYS; i++)
		if (cache->slot[i].until_ms > hm_now_ms() &&
		    hm_equal_consttime(cache->slot[i].tag, tag, TAG))
			return true;
	return false;
}

void
auth_cache_add(struct auth_cache *cache, struct hm_str hash,
    struct hm_str password)
{
	uint8_t tag[TAG];
	size_t at, oldest;

	if (!make_tag(cache, hash, password, tag))
		return;
	at = oldest = first_way(tag);
	for (size_t i = at; i < at + WAYS; i++)
		if (cache->slot[i].until_ms < cache->slot[oldest].until_ms)
			oldest = i;
	memcpy(cache->slot[oldest].tag, tag, TAG);
	cache->slot[oldest].until_ms = hm_now_ms() + LIFE_MS;
}
