/* imap.c - IMAP4rev1 and IMAP4rev2: the module's face. */
#include <hermod/arena.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/net.h>
#include <hermod/plugin.h>

#include "imap.h"
#include "recent.h"

static const struct hm_opt imap_options[] = {
	HM_OPT_ADDRS(struct imap_conf, listen, "[143]",
	    "Addresses for connections that begin in clear."),
	HM_OPT_ADDRS(struct imap_conf, listen_tls, "[993]",
	    "Addresses for connections that begin with TLS."),
	HM_OPT_BOOL(struct imap_conf, insecure_login, "no",
	    "Whether a password may be sent without TLS. Only for tests."),
	HM_OPT_TIME(struct imap_conf, login_timeout_ms, "30s",
	    "Longest silence before login.", .min = "1s", .max = "1h"),
	HM_OPT_TIME(struct imap_conf, idle_timeout_ms, "30m",
	    "Longest silence after login, also in IDLE.",
	    .min = "1m", .max = "1d"),
	HM_OPT_TIME(struct imap_conf, write_timeout_ms, "5m",
	    "How long a client may take none of the bytes sent to it.",
	    .min = "1s", .max = "1h"),
	HM_OPT_SIZE(struct imap_conf, max_literal_bytes, "100K",
	    "Largest literal in a command, messages apart.",
	    .min = "1K", .max = "1M"),
	HM_OPT_SIZE(struct imap_conf, append_limit_bytes, "100M",
	    "Largest message that can be appended.", .min = "1K", .max = "2G"),
	HM_OPT_INT(struct imap_conf, connection_rate, "300",
	    "Connections from one address in a minute; networks around it get "
	    "three and nine times as many. 0: no limit.",
	    .min = "0", .max = "1000000"),
	HM_OPT_INT(struct imap_conf, connections_per_address, "30",
	    "Connections from one address at once; networks around it get three "
	    "and nine times as many. 0: no limit.",
	    .min = "0", .max = "1000000"),
	HM_OPT_INT(struct imap_conf, max_connections, "0",
	    "Connections to one listener at once. 0: no limit.",
	    .min = "0", .max = "1000000"),
	HM_OPT_END
};

static bool
is_trusted(struct hm_mod *m, const struct hm_sockaddr *peer)
{
	return hm_netlist_has(hm_server(m)->trusted_networks, peer);
}

/* Before a fiber is made: limits per address, lifted for trusted networks. */
static bool
imap_admit(struct hm_mod *m, const struct hm_sockaddr *peer,
    const char **ret_refusal)
{
	struct imap_server *srv = hm_mod_state(m);

	if (is_trusted(m, peer))
		return true;
	if (srv->rate && !hm_ratelimit_add(srv->rate, peer, 1)) {
		*ret_refusal = "* BYE [LIMIT] too many connections, wait a minute\r\n";
		return false;
	}
	if (srv->held && !hm_ratelimit_add(srv->held, peer, 1)) {
		*ret_refusal = "* BYE [LIMIT] too many connections at once\r\n";
		return false;
	}
	return true;
}

static void
imap_accept(struct hm_mod *m, struct hm_io *io, void *arg)
{
	struct imap_server *srv = hm_mod_state(m);
	struct hm_sockaddr peer = *hm_io_peer(io);
	bool counted = srv->held && !is_trusted(m, &peer);

	imap_session_run(srv, io, arg != NULL);
	if (counted)
		hm_ratelimit_add(srv->held, &peer, -1);
}

static int
make_limit(struct hm_mod *m, void *arg, void **ret, struct hm_err *err)
{
	const struct imap_conf *conf = hm_mod_conf(m);
	bool rate = arg != NULL;
	unsigned n = (unsigned)(rate ? conf->connection_rate :
	    conf->connections_per_address);
	unsigned limit[3] = { n, 3 * n, 9 * n };

	(void)err;
	*ret = hm_ratelimit_new(rate ? 60 * 1000 : 0, limit);
	return 0;
}

static void
free_limit(void *limit)
{
	hm_ratelimit_free(limit);
}

/* Counts go on over a reload; other numbers are another limit. */
static int
keep_limit(struct hm_mod *m, const char *what, int64_t n,
    struct hm_ratelimit **ret, struct hm_err *err)
{
	const char *key;
	void *kept = NULL;
	int r;

	if (n == 0)
		return 0;
	key = hm_printf(hm_mod_arena(m), "%s:%lld", what, (long long)n);
	r = hm_keep(m, key, make_limit, what[0] == 'r' ? m : NULL,
	    free_limit, &kept, err);
	if (r == 0)
		*ret = kept;
	return r;
}

static int
make_recent(struct hm_mod *m, void *arg, void **ret, struct hm_err *err)
{
	(void)m, (void)arg, (void)err;
	*ret = imap_recent_new();
	return 0;
}

static void
free_recent(void *recent)
{
	imap_recent_free(recent);
}

/* The number is of its layout: code of another one makes its own. */
static int
keep_recent(struct imap_server *srv, struct hm_err *err)
{
	void *kept = NULL;
	int r = hm_keep(srv->mod, "recent:1", make_recent, NULL, free_recent,
	    &kept, err);

	srv->recent = kept;
	return r;
}

static int
listen_on(struct imap_server *srv, const struct hm_addrlist *addrs, bool tls,
    struct hm_err *err)
{
	struct hm_listen_opts opts = {
		.max_connections = (unsigned)srv->conf->max_connections,
		.admit = imap_admit,
	};
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && addrs && i < addrs->n; i++)
		r = hm_listen(srv->mod, &addrs->at[i], &opts, imap_accept,
		    tls ? srv : NULL, err);
	return r;
}

static int
imap_open(struct hm_mod *m, struct hm_err *err)
{
	struct imap_server *srv = hm_new(hm_mod_arena(m), struct imap_server);
	const struct imap_conf *conf = hm_mod_conf(m);
	int r;

	srv->mod = m;
	srv->conf = conf;
	srv->auth = HM_GET(m, auth);
	srv->store = HM_GET(m, store);
	hm_mod_set(m, srv);
	r = keep_limit(m, "rate", conf->connection_rate, &srv->rate, err);
	if (r == 0)
		r = keep_limit(m, "held", conf->connections_per_address,
		    &srv->held, err);
	if (r == 0)
		r = keep_recent(srv, err);
	if (r == 0)
		r = listen_on(srv, conf->listen, false, err);
	/* Without a certificate there is nothing to begin TLS with. */
	if (r == 0 && hm_server(m)->tls)
		r = listen_on(srv, conf->listen_tls, true, err);
	return r;
}

static const struct hm_need imap_needs[] = {
	HM_NEED(auth), HM_NEED(store), HM_NEED_END
};

HM_MODULE(imap, "1.0", "IMAP4rev1 and IMAP4rev2 for mail clients",
	.conf_size = sizeof(struct imap_conf), .options = imap_options,
	.needs = imap_needs, .open = imap_open);
