/* cram.c - CRAM-MD5 (RFC 2195) without keeping the password.
 *
 * HMAC hashes one block of key before any data, so the two hash states after
 * that block suffice to check a digest.
 */
#include <string.h>

#include <nettle/md5.h>

#include <hermod/encode.h>

#include "auth.h"

static void
keyed_state(const uint8_t key[MD5_BLOCK_SIZE], uint8_t pad, uint8_t ret[16])
{
	uint8_t block[MD5_BLOCK_SIZE];
	struct md5_ctx ctx;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ pad;
	md5_init(&ctx);
	md5_update(&ctx, sizeof(block), block);
	for (int i = 0; i < 4; i++)
		for (int b = 0; b < 4; b++)
			ret[4 * i + b] = (uint8_t)(ctx.state[i] >> (8 * b));
	hm_wipe(block, sizeof(block));
	hm_wipe(&ctx, sizeof(ctx));
}

static void
resume(struct md5_ctx *ctx, struct hm_str state)
{
	md5_init(ctx);
	for (int i = 0; i < 4; i++) {
		ctx->state[i] = 0;
		for (int b = 0; b < 4; b++)
			ctx->state[i] |= (uint32_t)(uint8_t)state.p[4 * i + b] <<
			    (8 * b);
	}
	ctx->count = 1;
}

void
auth_cram_states(struct hm_str password, uint8_t inner[16], uint8_t outer[16])
{
	uint8_t key[MD5_BLOCK_SIZE] = { 0 };
	struct md5_ctx ctx;

	if (password.len > sizeof(key)) {
		md5_init(&ctx);
		md5_update(&ctx, password.len, (const uint8_t *)password.p);
		md5_digest(&ctx, MD5_DIGEST_SIZE, key);
	} else {
		memcpy(key, password.p, password.len);
	}
	keyed_state(key, 0x36, inner);
	keyed_state(key, 0x5c, outer);
	hm_wipe(key, sizeof(key));
}

bool
auth_cram_matches(const struct auth_secrets *secrets, struct hm_str challenge,
    struct hm_str hex_digest)
{
	uint8_t digest[MD5_DIGEST_SIZE];
	struct hm_buf given = { 0 };
	struct md5_ctx ctx;
	bool same;

	if (secrets->cram_inner.len != 16 || secrets->cram_outer.len != 16)
		return false;
	resume(&ctx, secrets->cram_inner);
	md5_update(&ctx, challenge.len, (const uint8_t *)challenge.p);
	md5_digest(&ctx, sizeof(digest), digest);
	resume(&ctx, secrets->cram_outer);
	md5_update(&ctx, sizeof(digest), digest);
	md5_digest(&ctx, sizeof(digest), digest);

	same = hm_hex_decode(&given, hex_digest) == 0 &&
	    given.len == sizeof(digest) &&
	    hm_equal_consttime(given.p, digest, sizeof(digest));
	hm_buf_release(&given);
	return same;
}
