/* cache.h - answers that are remembered for a while, as they came. */
#ifndef CACHE_H
#define CACHE_H

#include <hermod/dns.h>

struct cache;

struct cached {
	struct hm_str message;     /* as wire_parse() takes it; borrowed until the
	                            * next call */
	bool secure;
	uint32_t age_s;
};

struct cache *cache_new(uint64_t max_bytes);
void cache_free(struct cache *c);
/* Drops the least recently used beyond the limit. */
void cache_set_limit(struct cache *c, uint64_t max_bytes);
bool cache_get(struct cache *c, struct hm_str name, enum hm_dns_type type,
    struct cached *ret);
void cache_put(struct cache *c, struct hm_str name, enum hm_dns_type type,
    struct hm_str message, bool secure, int64_t keep_ms);
void cache_clear(struct cache *c);
size_t cache_count(const struct cache *c);

#endif
