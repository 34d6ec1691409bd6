/* secrets.c - what is stored instead of a password. */
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/address.h>
#include <hermod/rand.h>

#include "auth.h"

enum { RECORD_VERSION = 1, SALT_BYTES = 18, DIGEST_MAX = 32 };

int
auth_prepare(struct hm_arena *arena, struct hm_str password, struct hm_str *ret)
{
	if (password.len == 0 || password.len > 1024 ||
	    memchr(password.p, '\0', password.len) != NULL)
		return -HM_ESYNTAX;
	return hm_utf8_nfc(arena, password, ret);
}

const char *
auth_hash(struct hm_arena *arena, struct hm_str password)
{
	struct crypt_data *data = hm_xalloc(sizeof(*data));
	char setting[CRYPT_GENSALT_OUTPUT_SIZE], seed[32];
	char *text = hm_strndup(arena, password.p, password.len);
	const char *hash;

	hm_random(seed, sizeof(seed));
	if (crypt_gensalt_rn("$y$", 0, seed, sizeof(seed), setting,
	    sizeof(setting)) == NULL) {
		free(data);
		return NULL;
	}
	hash = crypt_rn(text, setting, data, sizeof(*data));
	if (hash != NULL)
		hash = hm_strdup(arena, hash);
	hm_wipe(text, password.len);
	hm_wipe(data, sizeof(*data));
	free(data);
	return hash;
}

bool
auth_hash_matches(const char *hash, struct hm_str password)
{
	struct crypt_data *data = hm_xalloc(sizeof(*data));
	char *text = hm_xalloc(password.len + 1);
	const char *got;
	bool same;

	memcpy(text, password.p, password.len);
	got = crypt_rn(text, hash, data, sizeof(*data));
	same = got != NULL && strlen(got) == strlen(hash) &&
	    hm_equal_consttime(got, hash, strlen(hash));
	hm_wipe(text, password.len);
	hm_wipe(data, sizeof(*data));
	free(text);
	free(data);
	return same;
}

static int
make_scram(struct hm_arena *arena, int which, struct hm_str password,
    uint32_t iterations, struct auth_scram *ret)
{
	Gsasl_hash hash = which == AUTH_SCRAM_SHA256 ? GSASL_HASH_SHA256 :
	    GSASL_HASH_SHA1;
	size_t len = gsasl_hash_length(hash);
	char salt[SALT_BYTES], salted[DIGEST_MAX], client[DIGEST_MAX];
	char server[DIGEST_MAX], stored[DIGEST_MAX];
	char *text = hm_strndup(arena, password.p, password.len);
	int r;

	hm_random(salt, sizeof(salt));
	r = gsasl_scram_secrets_from_password(hash, text, iterations, salt,
	    sizeof(salt), salted, client, server, stored);
	hm_wipe(text, password.len);
	hm_wipe(salted, sizeof(salted));
	hm_wipe(client, sizeof(client));
	if (r != GSASL_OK)
		return -HM_EINTERNAL;
	ret->iterations = iterations;
	ret->salt = hm_str_dup(arena, hm_str_n(salt, sizeof(salt)));
	ret->server_key = hm_str_dup(arena, hm_str_n(server, len));
	ret->stored_key = hm_str_dup(arena, hm_str_n(stored, len));
	return 0;
}

int
auth_secrets_make(struct hm_arena *arena, struct hm_str password,
    uint32_t iterations, struct auth_secrets *ret, struct hm_err *reterr)
{
	uint8_t inner[16], outer[16];
	const char *hash = auth_hash(arena, password);
	int r = hash == NULL ? -HM_EINTERNAL : 0;

	*ret = (struct auth_secrets){ .hash = hm_str(hash) };
	for (int i = 0; i < AUTH_SCRAMS && r == 0; i++)
		r = make_scram(arena, i, password, iterations, &ret->scram[i]);
	auth_cram_states(password, inner, outer);
	ret->cram_inner = hm_str_dup(arena, hm_str_n((char *)inner, 16));
	ret->cram_outer = hm_str_dup(arena, hm_str_n((char *)outer, 16));
	if (r < 0)
		return hm_err_set(reterr, r, "cannot hash the password");
	return 0;
}

void
auth_secrets_pack(struct hm_buf *out, const struct auth_secrets *s)
{
	hm_buf_putc(out, RECORD_VERSION);
	hm_buf_lstr(out, s->hash);
	for (int i = 0; i < AUTH_SCRAMS; i++) {
		hm_buf_le32(out, s->scram[i].iterations);
		hm_buf_lstr(out, s->scram[i].salt);
		hm_buf_lstr(out, s->scram[i].stored_key);
		hm_buf_lstr(out, s->scram[i].server_key);
	}
	hm_buf_lstr(out, s->cram_inner);
	hm_buf_lstr(out, s->cram_outer);
}

static int
take_copy(struct hm_arena *arena, struct hm_str *in, struct hm_str *ret)
{
	int r = hm_take_lstr(in, ret);

	if (r == 0)
		*ret = hm_str_dup(arena, *ret);
	return r;
}

int
auth_secrets_unpack(struct hm_arena *arena, struct hm_str record,
    struct auth_secrets *ret)
{
	uint8_t version;
	int r = hm_take_u8(&record, &version);

	if (r < 0 || version != RECORD_VERSION)
		return -HM_ECORRUPT;
	*ret = (struct auth_secrets){ 0 };
	r = take_copy(arena, &record, &ret->hash);
	for (int i = 0; i < AUTH_SCRAMS && r == 0; i++) {
		struct auth_scram *scram = &ret->scram[i];

		r = hm_take_le32(&record, &scram->iterations);
		if (r == 0)
			r = take_copy(arena, &record, &scram->salt);
		if (r == 0)
			r = take_copy(arena, &record, &scram->stored_key);
		if (r == 0)
			r = take_copy(arena, &record, &scram->server_key);
	}
	if (r == 0)
		r = take_copy(arena, &record, &ret->cram_inner);
	if (r == 0)
		r = take_copy(arena, &record, &ret->cram_outer);
	return r;
}
