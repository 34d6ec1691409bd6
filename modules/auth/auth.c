/* auth.c - passwords and SASL. */
#include <stdlib.h>
#include <string.h>

#include <hermod/rand.h>
#include <hermod/work.h>

#include "auth.h"

static const struct hm_opt auth_options[] = {
	HM_OPT_LIST(struct auth_conf, mechanisms,
	    "[SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN]",
	    "SASL mechanisms to offer. PLAIN and LOGIN need TLS. "
	    "SCRAM-SHA-256-PLUS and SCRAM-SHA-1-PLUS, which bind the log-in to "
	    "its TLS connection, can be added; some mail programs (mutt 2.2) "
	    "try nothing else then and fail over TLS 1.3."),
	HM_OPT_INT(struct auth_conf, scram_iterations, "4096",
	    "Work for a client to log in with SCRAM; for passwords set from now "
	    "on.", .min = "4096", .max = "1000000"),
	HM_OPT_INT(struct auth_conf, min_password, "8",
	    "Fewest bytes of a new password.", .min = "1", .max = "100"),
	HM_OPT_INT(struct auth_conf, failures_per_minute, "10",
	    "Failed log-ins in a minute from one IPv4 address or IPv6 /64 before "
	    "it is refused; five times as many in a day. Trusted networks are "
	    "exempt.", .min = "1", .max = "100000"),
	HM_OPT_TIME(struct auth_conf, failure_delay_ms, "1s",
	    "Wait after a failed log-in; five times as long for an account that "
	    "is being guessed at.", .min = "0s", .max = "30s"),
	HM_OPT_END
};

static const struct hm_need auth_needs[] = {
	HM_NEED(kv), HM_NEED(directory), HM_NEED_END
};

static const struct hm_auth_ops auth_ops = {
	.size = sizeof(auth_ops),
	.mechanisms = auth_mechanisms,
	.start = auth_start,
	.step = auth_step,
	.end = auth_end,
	.password = auth_password,
	.set_password = auth_set_password,
};

static const struct hm_provide auth_provides[] = {
	HM_PROVIDE(auth, &auth_ops), HM_PROVIDE_END
};

/* A key of the installation: the salts made up for unknown users must survive a
 * restart, or they would give themselves away. NUL keeps it apart from accounts. */
static const struct hm_str fake_key_name = { "\0fake", 5 };

static int
fake_key_txn(struct hm_kv_txn *txn, void *arg)
{
	struct auth_module *auth = arg;
	struct auth_shared *shared = auth->shared;
	struct hm_str value;
	int r = auth->kv->ops->get(txn, shared->table, fake_key_name,
	    HM_KV_FOR_UPDATE, &value);

	if (r == 0 && value.len == sizeof(shared->fake_key)) {
		memcpy(shared->fake_key, value.p, value.len);
		return 0;
	}
	if (r < 0 && r != -HM_ENOENT)
		return r;
	hm_random(shared->fake_key, sizeof(shared->fake_key));
	return auth->kv->ops->put(txn, shared->table, fake_key_name,
	    hm_str_n(shared->fake_key, sizeof(shared->fake_key)));
}

static int
fake_key_read(struct hm_kv_txn *txn, void *arg)
{
	struct auth_module *auth = arg;
	struct auth_shared *shared = auth->shared;
	struct hm_str value;
	int r = auth->kv->ops->get(txn, shared->table, fake_key_name, 0, &value);

	if (r == 0 && value.len != sizeof(shared->fake_key))
		return -HM_ENOENT;
	if (r == 0)
		memcpy(shared->fake_key, value.p, value.len);
	return r;
}

struct opening {
	struct auth_module *auth;
	struct hm_err *err;
};

static int
open_job(void *arg)
{
	struct opening *o = arg;
	struct auth_module *auth = o->auth;
	int r = hm_kv_table(auth->kv, "credentials", &auth->shared->table,
	    o->err);

	if (r == 0) {
		r = hm_kv_run(auth->kv, HM_KV_READ, fake_key_read, auth, NULL);
		if (r == -HM_ENOENT)
			r = hm_kv_run(auth->kv, HM_KV_DURABLE, fake_key_txn,
			    auth, o->err);
	}
	return r;
}

static void
free_shared(void *resource)
{
	struct auth_shared *shared = resource;

	auth_cache_free(shared->cache);
	auth_limits_free(shared->limits);
	hm_wipe(shared->fake_key, sizeof(shared->fake_key));
	free(shared);
}

static int
make_shared(struct hm_mod *m, void *arg, void **ret, struct hm_err *reterr)
{
	struct auth_module *auth = arg;
	struct opening o = { .auth = auth, .err = reterr };
	struct auth_shared *shared = hm_xalloc(sizeof(*shared));
	int r;

	(void)m;
	shared->cache = auth_cache_new();
	shared->limits = auth_limits_new(
	    (unsigned)auth->conf->failures_per_minute);
	shared->hashing.free = 2;
	/* Matches no password, and costs as much to try as any other: yescrypt
	 * at crypt_gensalt's default. */
	shared->fake_hash = "$y$j9T$Uq6sDW0NsaPKl7Oe4oxqU.$"
	    "0000000000000000000000000000000000000000000";
	auth->shared = shared;
	r = hm_work(open_job, &o);
	if (r < 0) {
		free_shared(shared);
		return r;
	}
	*ret = shared;
	return 0;
}

static void
free_gsasl(void *arg)
{
	gsasl_done(arg);
}

static int
auth_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct auth_module *auth = hm_new(hm_mod_arena(m), struct auth_module);
	void *shared;
	int r;

	auth->conf = hm_mod_conf(m);
	auth->kv = HM_GET(m, kv);
	auth->directory = HM_GET(m, directory);
	hm_mod_set(m, auth);
	if (gsasl_init(&auth->gsasl) != GSASL_OK)
		return hm_err_set(reterr, -HM_EINTERNAL,
		    "cannot start GNU SASL");
	hm_on_free(hm_mod_arena(m), free_gsasl, auth->gsasl);
	gsasl_callback_set(auth->gsasl, auth_gsasl_callback);
	r = hm_keep(m, "shared", make_shared, auth, free_shared, &shared, reterr);
	if (r == 0)
		auth->shared = shared;
	return r;
}

HM_MODULE(auth, "1.0", "Passwords and SASL",
	.conf_size = sizeof(struct auth_conf), .options = auth_options,
	.needs = auth_needs, .provides = auth_provides,
	.commands = auth_commands, .open = auth_open);
