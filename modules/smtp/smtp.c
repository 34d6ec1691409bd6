/* smtp.c - mail in: the MX service and submission by users. */
#include <hermod/work.h>

#include "smtp.h"

static const struct hm_opt smtp_options[] = {
	HM_OPT_ADDRS(struct smtp_conf, mx, "25",
	    "Where mail from other servers comes in, without log-in."),
	HM_OPT_ADDRS(struct smtp_conf, submission, "587",
	    "Where users send, with STARTTLS and log-in (RFC 6409)."),
	HM_OPT_ADDRS(struct smtp_conf, submissions, "465",
	    "Where users send, with TLS from the first byte (RFC 8314)."),
	HM_OPT_ADDRS(struct smtp_conf, local, "",
	    "Unix sockets where programs of this machine hand in mail, without "
	    "log-in: hermod-sendmail looks for unix:/run/hermod/submit."),
	HM_OPT_MAP(struct smtp_conf, local_users, NULL,
	    "Which account a user of this machine sends as, at local: the "
	    "user's name or number, and the account. The user \"*\" is every "
	    "other one; the account \"*\" is the one with the user's name."),
	HM_OPT_SIZE(struct smtp_conf, max_message_bytes, "100M",
	    "Largest message taken, told to clients as SIZE.",
	    .min = "64K", .max = "2G"),
	HM_OPT_INT(struct smtp_conf, max_recipients, "1000",
	    "Most recipients of one message.", .min = "1", .max = "100000"),
	HM_OPT_TIME(struct smtp_conf, timeout_ms, "5m",
	    "Longest silence of a client before it is sent away.",
	    .min = "1s", .max = "1h"),
	HM_OPT_TIME(struct smtp_conf, data_timeout_ms, "30m",
	    "Longest time that one message may take to arrive.",
	    .min = "10s", .max = "1d"),
	HM_OPT_INT(struct smtp_conf, max_connections, "5000",
	    "Most connections of one listener at once.", .min = "1"),
	HM_OPT_INT(struct smtp_conf, connections_per_address, "30",
	    "Most connections at once from one IPv4 address or IPv6 /64; three "
	    "times as many from the networks around it. Trusted networks are "
	    "exempt.", .min = "1", .max = "100000"),
	HM_OPT_INT(struct smtp_conf, connection_rate, "300",
	    "Most new connections in a minute from one IPv4 address or IPv6 /64.",
	    .min = "1", .max = "1000000"),
	HM_OPT_INT(struct smtp_conf, connections_per_user, "100",
	    "Most connections of one user of this machine at once, at local.",
	    .min = "1", .max = "100000"),
	HM_OPT_BOOL(struct smtp_conf, insecure_login, "no",
	    "Let users log in without TLS. For tests only: passwords cross the "
	    "network in clear."),
	HM_OPT_END
};

static const struct hm_need smtp_needs[] = {
	HM_NEED(store), HM_NEED(directory), HM_WANT(auth), HM_WANT(queue),
	HM_NEED_END
};

static void
free_limits(void *arg)
{
	struct smtp_module *mod = arg;

	hm_ratelimit_free(mod->rate);
	hm_ratelimit_free(mod->held);
}

static void
class_limits(int64_t base, unsigned ret[3])
{
	ret[0] = (unsigned)base;
	ret[1] = (unsigned)base * 3;
	ret[2] = (unsigned)base * 9;
}

static int
listen_all(struct hm_mod *m, const struct hm_addrlist *addrs,
    enum smtp_service service, struct hm_err *reterr)
{
	const struct smtp_module *mod = hm_mod_state(m);
	const struct hm_listen_opts opts = {
		.max_connections = (unsigned)mod->conf->max_connections,
	};

	for (size_t i = 0; i < addrs->n; i++) {
		int r = hm_listen(m, &addrs->at[i], &opts, smtp_accept,
		    (void *)(uintptr_t)service, reterr);

		if (r < 0)
			return r;
	}
	return 0;
}

static int
listen_local(struct hm_mod *m, struct hm_err *reterr)
{
	struct smtp_module *mod = hm_mod_state(m);
	int r = listen_all(m, mod->conf->local, SMTP_LOCAL, reterr);

	mod->uids = hm_alloc_array(hm_mod_arena(m), mod->conf->local_users->n + 1,
	    sizeof(*mod->uids));
	return r < 0 || mod->conf->local->n == 0 ? r :
	    hm_work(smtp_local_users, mod);
}

/* What tells one user from another is the kernel, on such sockets alone. */
static int
smtp_check(const void *arg, struct hm_err *reterr)
{
	const struct smtp_conf *conf = arg;
	char text[112];

	for (size_t i = 0; i < conf->local->n; i++)
		if (conf->local->at[i].family != 1)
			return hm_err_set(reterr, -HM_EINVAL, "\"local\" must "
			    "be Unix sockets (unix:/run/hermod/submit), not %s",
			    hm_sockaddr_text(text, &conf->local->at[i]));
	return 0;
}

static int
smtp_open(struct hm_mod *m, struct hm_err *reterr)
{
	const struct smtp_conf *conf = hm_mod_conf(m);
	struct smtp_module *mod = hm_new(hm_mod_arena(m), struct smtp_module);
	unsigned limits[3];
	void *refusals;
	int r;

	r = hm_keep(m, "refusals", smtp_refusals_make, NULL, smtp_refusals_free,
	    &refusals, reterr);
	if (r < 0)
		return r;
	mod->refusals = refusals;
	mod->conf = conf;
	mod->store = HM_GET(m, store);
	mod->directory = HM_GET(m, directory);
	mod->auth = HM_GET(m, auth);
	mod->queue = HM_GET(m, queue);
	class_limits(conf->connection_rate, limits);
	mod->rate = hm_ratelimit_new(60 * 1000, limits);
	class_limits(conf->connections_per_address, limits);
	mod->held = hm_ratelimit_new(0, limits);
	hm_on_free(hm_mod_arena(m), free_limits, mod);
	hm_mod_set(m, mod);

	r = listen_all(m, conf->mx, SMTP_MX, reterr);
	if (r == 0 && mod->auth != NULL)
		r = listen_all(m, conf->submission, SMTP_SUBMISSION, reterr);
	if (r == 0 && mod->auth != NULL && hm_server(m)->tls != NULL)
		r = listen_all(m, conf->submissions, SMTP_SUBMISSIONS, reterr);
	if (r == 0)
		r = listen_local(m, reterr);
	return r;
}

HM_MODULE(smtp, "1.0", "SMTP server: mail from other servers and from users",
	.conf_size = sizeof(struct smtp_conf), .options = smtp_options,
	.needs = smtp_needs, .check = smtp_check, .open = smtp_open);
