/* hash.h - a keyed hash that peers cannot aim at. */
#ifndef CORE_BASE_HASH_H
#define CORE_BASE_HASH_H

#include <hermod/types.h>

/* SipHash-2-4 (Aumasson and Bernstein). */
uint64_t hm_siphash(const uint64_t key[2], struct hm_str s);
/* With a key drawn once in the life of the process. */
uint64_t hm_hash(struct hm_str s);

#endif
