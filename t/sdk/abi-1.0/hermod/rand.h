/* rand.h - random bytes from the kernel, or from a seed in tests. Thread: any. */
#ifndef HERMOD_RAND_H
#define HERMOD_RAND_H

#include <hermod/types.h>

HM_API void hm_random(void *p, size_t len);
/* Uniform in [0, below); below > 0. */
HM_API uint64_t hm_random_below(uint64_t below);
/* len characters of the base64url alphabet and a NUL into out[len + 1]. */
HM_API void hm_random_id(char *out, size_t len);
/* Makes all of the above a repeatable sequence; tests only. */
HM_API void hm_random_seed(uint64_t seed);

#endif
