/* accounts.c - from a log-in name to an account and its secrets. */
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>

#include <hermod/address.h>
#include <hermod/work.h>

#include "auth.h"

enum { HASH_WAIT_MS = 30 * 1000 };

struct record_job {
	struct auth_module *auth;
	struct hm_arena *arena;
	struct hm_str account;
	const struct auth_secrets *write;  /* NULL: read; see remove */
	bool remove;
	struct auth_secrets *ret;
	struct hm_err *err;
};

static int
record_txn(struct hm_kv_txn *txn, void *arg)
{
	struct record_job *job = arg;
	const struct hm_kv_ops *ops = job->auth->kv->ops;
	struct hm_kv_table *table = job->auth->shared->table;
	struct hm_buf record = { 0 };
	struct hm_str value;
	int r;

	if (job->remove)
		return ops->del(txn, table, job->account);
	if (job->write != NULL) {
		auth_secrets_pack(&record, job->write);
		r = ops->put(txn, table, job->account, hm_buf_view(&record));
		hm_wipe(record.p, record.len);
		hm_buf_release(&record);
		return r;
	}
	r = ops->get(txn, table, job->account, 0, &value);
	return r < 0 ? r : auth_secrets_unpack(job->arena, value, job->ret);
}

static int
record_run(void *arg)
{
	struct record_job *job = arg;

	return hm_kv_run(job->auth->kv,
	    job->write != NULL || job->remove ? HM_KV_DURABLE : HM_KV_READ,
	    record_txn, job, job->err);
}

/* The same every time for the same name, so that asking twice tells nothing. */
static void
fake_bytes(struct auth_module *auth, struct hm_str login, char use, char *ret,
    size_t len)
{
	gnutls_hmac_hd_t hmac;
	uint8_t digest[32] = { 0 };

	if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, auth->shared->fake_key,
	    sizeof(auth->shared->fake_key)) == 0) {
		gnutls_hmac(hmac, &use, 1);
		gnutls_hmac(hmac, login.p, login.len);
		gnutls_hmac_deinit(hmac, digest);
	}
	memcpy(ret, digest, len);
}

static void
fake_secrets(struct auth_module *auth, struct hm_arena *arena,
    struct hm_str login, struct auth_secrets *ret)
{
	static const size_t key_len[AUTH_SCRAMS] = { 20, 32 };
	char bytes[32];

	*ret = (struct auth_secrets){ .hash = hm_str(auth->shared->fake_hash) };
	for (int i = 0; i < AUTH_SCRAMS; i++) {
		struct auth_scram *scram = &ret->scram[i];

		scram->iterations = (uint32_t)auth->conf->scram_iterations;
		fake_bytes(auth, login, (char)(4 * i), bytes, 18);
		scram->salt = hm_str_dup(arena, hm_str_n(bytes, 18));
		fake_bytes(auth, login, (char)(4 * i + 1), bytes, key_len[i]);
		scram->stored_key = hm_str_dup(arena, hm_str_n(bytes, key_len[i]));
		fake_bytes(auth, login, (char)(4 * i + 2), bytes, key_len[i]);
		scram->server_key = hm_str_dup(arena, hm_str_n(bytes, key_len[i]));
	}
	fake_bytes(auth, login, 'i', bytes, 16);
	ret->cram_inner = hm_str_dup(arena, hm_str_n(bytes, 16));
	fake_bytes(auth, login, 'o', bytes, 16);
	ret->cram_outer = hm_str_dup(arena, hm_str_n(bytes, 16));
}

int
auth_user_load(struct auth_module *auth, struct hm_arena *arena,
    struct hm_str login, struct auth_user *ret)
{
	const struct hm_directory *dir = auth->directory;
	struct record_job job = { .auth = auth, .arena = arena,
	    .ret = &ret->secrets };
	struct hm_str name;
	int r = -HM_ENOENT;

	*ret = (struct auth_user){ 0 };
	if (login.len > 0 && login.len <= 320 && hm_utf8_nfc(arena, login,
	    &name) == 0)
		r = dir->ops->login(dir->self, name, arena, &ret->info, NULL);
	if (r != 0 && r != -HM_ENOENT)
		return r;
	/* The look-up is made for unknown names too: it takes time. */
	job.account = r == 0 ? ret->info.name : login;
	ret->exists = r == 0;
	r = hm_work(record_run, &job);
	if (r == -HM_ENOENT || (r == 0 && !ret->exists)) {
		ret->exists = false;
		fake_secrets(auth, arena, login, &ret->secrets);
		return 0;
	}
	return r;
}

int
auth_user_admit(const struct auth_user *user, struct hm_err *reterr)
{
	if (!user->exists)
		return hm_err_set(reterr, -HM_EAUTH, "wrong credentials");
	if (user->info.login_disabled)
		return hm_err_set(reterr, -HM_EACCES, "%.*s",
		    HM_FMT(user->info.login_disabled_text));
	return 0;
}

struct match_job {
	const char *hash;
	struct hm_str password;
	bool same;
};

static int
match_run(void *arg)
{
	struct match_job *job = arg;

	job->same = auth_hash_matches(job->hash, job->password);
	return 0;
}

static HM_FIBER int
match(struct auth_module *auth, struct hm_arena *arena, struct hm_str hash,
    struct hm_str password, bool *ret)
{
	struct match_job job = { .password = password };
	int r = hm_sem_take(&auth->shared->hashing, HASH_WAIT_MS);

	if (r < 0)
		return r;
	job.hash = hm_strndup(arena, hash.p, hash.len);
	r = hm_work(match_run, &job);
	hm_sem_give(&auth->shared->hashing);
	*ret = job.same;
	return r;
}

int
auth_user_password(struct auth_module *auth, struct hm_arena *arena,
    const struct auth_user *user, struct hm_str password, struct hm_err *reterr)
{
	struct auth_cache *cache = auth->shared->cache;
	struct hm_str hash = user->secrets.hash;
	struct hm_str prepared;
	bool same = false;
	int r;

	if (auth_prepare(arena, password, &prepared) < 0)
		prepared = HM_STR("?");
	if (user->exists && auth_cache_has(cache, hash, prepared)) {
		same = true;
	} else {
		r = match(auth, arena, hash, prepared, &same);
		if (r < 0)
			return hm_err_set(reterr, r, "cannot check the password");
	}
	if (!same || !user->exists)
		return hm_err_set(reterr, -HM_EAUTH, "wrong credentials");
	auth_cache_add(cache, hash, prepared);
	return auth_user_admit(user, reterr);
}

struct change_job {
	struct record_job record;
	struct hm_str password;
	struct auth_secrets secrets;
};

static int
change_run(void *arg)
{
	struct change_job *job = arg;
	struct record_job *rec = &job->record;
	int r = auth_secrets_make(rec->arena, job->password,
	    (uint32_t)rec->auth->conf->scram_iterations, &job->secrets, rec->err);

	rec->write = &job->secrets;
	return r < 0 ? r : record_run(rec);
}

int
auth_set_password(struct hm_mod *self, struct hm_str account,
    struct hm_str password, struct hm_err *reterr)
{
	struct auth_module *auth = hm_mod_state(self);
	struct hm_arena *arena = hm_arena_new(NULL, "password");
	struct change_job job = { .record = { .auth = auth, .arena = arena,
	    .account = account, .err = reterr } };
	int r;

	if (password.p == NULL) {
		job.record.remove = true;
		r = hm_work(record_run, &job.record);
		hm_arena_free(arena);
		return r == -HM_ENOENT ? 0 : r;
	}
	if (password.len < (size_t)auth->conf->min_password)
		r = hm_err_set(reterr, -HM_EINVAL,
		    "a password has at least %lld bytes",
		    (long long)auth->conf->min_password);
	else if (auth_prepare(arena, password, &job.password) < 0)
		r = hm_err_set(reterr, -HM_EINVAL,
		    "a password is UTF-8 text of at most 1024 bytes");
	else
		r = hm_work(change_run, &job);
	hm_arena_free(arena);
	return r;
}
