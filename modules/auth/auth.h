/* auth.h - what the files of this module share. */
#ifndef AUTH_H
#define AUTH_H

#include <gsasl.h>

#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/iface/auth.h>
#include <hermod/iface/directory.h>
#include <hermod/iface/kv.h>
#include <hermod/io.h>
#include <hermod/net.h>
#include <hermod/plugin.h>

struct auth_conf {
	const struct hm_strlist *mechanisms;
	int64_t scram_iterations;
	int64_t min_password;
	int64_t failures_per_minute;
	int64_t failure_delay_ms;
};

enum { AUTH_SCRAM_SHA1 = 0, AUTH_SCRAM_SHA256 = 1, AUTH_SCRAMS };

/* What is stored instead of a password. Nothing here gives it back. */
struct auth_scram {
	uint32_t iterations;
	struct hm_str salt, stored_key, server_key;
};
struct auth_secrets {
	struct hm_str hash;                   /* crypt(5), yescrypt */
	struct auth_scram scram[AUTH_SCRAMS];
	struct hm_str cram_inner, cram_outer; /* HMAC-MD5 states, RFC 2195 */
};

struct auth_cache;
struct auth_limits;

/* Kept across generations. */
struct auth_shared {
	struct hm_kv_table *table;
	char fake_key[32];               /* makes salts for unknown users */
	const char *fake_hash;           /* costs as much as a real one */
	struct auth_cache *cache;
	struct auth_limits *limits;
	struct hm_sem hashing;           /* password hashes at once */
};

struct auth_module {
	const struct auth_conf *conf;
	const struct hm_kv *kv;
	const struct hm_directory *directory;
	struct auth_shared *shared;
	Gsasl *gsasl;
};

/* secrets.c: deriving, storing, loading. Thread: worker. */
int auth_secrets_make(struct hm_arena *arena, struct hm_str password,
    uint32_t iterations, struct auth_secrets *ret, struct hm_err *reterr);
void auth_secrets_pack(struct hm_buf *out, const struct auth_secrets *s);
int auth_secrets_unpack(struct hm_arena *arena, struct hm_str record,
    struct auth_secrets *ret);
/* A crypt(5) hash, or whether a password matches one. */
const char *auth_hash(struct hm_arena *arena, struct hm_str password);
bool auth_hash_matches(const char *hash, struct hm_str password);
/* The password as it is hashed: NFC (RFC 8265, 4.2). */
int auth_prepare(struct hm_arena *arena, struct hm_str password,
    struct hm_str *ret);

/* accounts.c: from a log-in name to an account and its secrets. */
struct auth_user {
	bool exists;                     /* the account and its secrets do */
	struct hm_account_info info;
	struct auth_secrets secrets;     /* made up where there are none */
};
HM_FIBER int auth_user_load(struct auth_module *auth, struct hm_arena *arena,
    struct hm_str login, struct auth_user *ret);
/* 0, -HM_EAUTH, -HM_EACCES, or a failure of ours. */
HM_FIBER int auth_user_password(struct auth_module *auth,
    struct hm_arena *arena, const struct auth_user *user,
    struct hm_str password, struct hm_err *reterr);
HM_FIBER int auth_set_password(struct hm_mod *self, struct hm_str account,
    struct hm_str password, struct hm_err *reterr);
/* Whether a user who proved to be one may come in. */
int auth_user_admit(const struct auth_user *user, struct hm_err *reterr);

/* cache.c: passwords that were right, as keyed hashes, for a quarter hour. */
struct auth_cache *auth_cache_new(void);
void auth_cache_free(struct auth_cache *cache);
bool auth_cache_has(struct auth_cache *cache, struct hm_str hash,
    struct hm_str password);
void auth_cache_add(struct auth_cache *cache, struct hm_str hash,
    struct hm_str password);

/* limit.c: failures by address and by account. */
struct auth_limits *auth_limits_new(unsigned per_minute);
void auth_limits_free(struct auth_limits *limits);
bool auth_limits_blocked(struct auth_limits *limits, struct hm_session *s);
/* Counts a failure and waits, so that guessing is slow. */
HM_FIBER void auth_limits_failed(struct auth_module *auth, struct hm_session *s,
    struct hm_str login);
void auth_limits_succeeded(struct auth_limits *limits, struct hm_session *s);

/* cram.c: CRAM-MD5 (RFC 2195) from stored HMAC states. */
void auth_cram_states(struct hm_str password, uint8_t inner[16],
    uint8_t outer[16]);
bool auth_cram_matches(const struct auth_secrets *secrets,
    struct hm_str challenge, struct hm_str hex_digest);

/* sasl.c: exchanges. */
struct hm_str auth_mechanisms(struct hm_mod *self, struct hm_session *s,
    bool allow_plain);
HM_FIBER int auth_start(struct hm_mod *self, struct hm_session *s,
    struct hm_str mechanism, bool allow_plain, struct hm_sasl **ret,
    struct hm_err *reterr);
HM_FIBER int auth_step(struct hm_sasl *sasl, struct hm_str in,
    struct hm_buf *out, struct hm_login_result *ret, struct hm_err *reterr);
void auth_end(struct hm_sasl *sasl);
HM_FIBER int auth_password(struct hm_mod *self, struct hm_session *s,
    struct hm_str login, struct hm_str password, struct hm_login_result *ret,
    struct hm_err *reterr);
int auth_gsasl_callback(Gsasl *ctx, Gsasl_session *session,
    Gsasl_property property);

/* commands.c */
extern const struct hm_command auth_commands[];

#endif
