/* smtp_transport.h - a transport over the service "smtp_client", nearly whole.
 *
 * The module says what its transports are called and what struct
 * hm_smtp_run_opts one has; the rest of struct hm_transport_ops is here. Thread:
 * a fiber.
 */
#ifndef HERMOD_IFACE_SMTP_TRANSPORT_H
#define HERMOD_IFACE_SMTP_TRANSPORT_H

#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/iface/smtp_client.h>
#include <hermod/iface/transport.h>
#include <hermod/net.h>
#include <hermod/plugin.h>
#include <hermod/str.h>

struct hm_transport_run {
	const struct hm_smtp_client *client;
	struct hm_smtp_run_opts opts;
	struct hm_smtp_run *run;
};

/* opts is copied; what it points to must live as long as the module. */
static inline struct hm_transport_run *
hm_smtp_transport_begin(const struct hm_smtp_client *client,
    const struct hm_smtp_run_opts *opts, struct hm_str domain)
{
	struct hm_transport_run *t = hm_xalloc(sizeof(*t));

	t->client = client;
	t->opts = *opts;
	t->run = client->ops->run_begin(client->self, &t->opts, domain);
	return t;
}

static inline HM_FIBER void
hm_smtp_transport_deliver(struct hm_transport_run *t, struct hm_attempt *attempt)
{
	t->client->ops->run_deliver(t->run, attempt);
}

static inline bool
hm_smtp_transport_usable(const struct hm_transport_run *t)
{
	return t->client->ops->run_usable(t->run);
}

static inline HM_FIBER void
hm_smtp_transport_end(struct hm_transport_run *t)
{
	t->client->ops->run_end(t->run);
	free(t);
}

/* The name of the nth of some configured blocks; NULL behind the last. */
static inline const char *
hm_smtp_transport_name(const struct hm_blocks *blocks, size_t n)
{
	return n < blocks->n ? blocks->names[n] : NULL;
}

/* ---- servers that take all mail and pass it on ----
 *
 * One block of settings for each transport, of struct hm_smtp_relay; the options
 * that all such modules have alike are here, "port", "tls", "user" and "password"
 * are the module's to word.
 */
struct hm_smtp_relay {
	const char *host;
	int64_t port;            /* 0: 465 with TLS from the first byte, else 587 */
	int tls;                 /* index into the modes given to open */
	bool verify;
	const char *ca_file;
	const char *user, *password;   /* user "": no log-in */
	const struct hm_strlist *mechanisms;
	int64_t timeout_ms;
};

#define HM_SMTP_RELAY_OPTIONS \
	HM_OPT_STR(struct hm_smtp_relay, host, NULL, \
	    "The server's name or address.", .required = true), \
	HM_OPT_BOOL(struct hm_smtp_relay, verify, "yes", \
	    "Whether its certificate must be valid and name it."), \
	HM_OPT_FILE(struct hm_smtp_relay, ca_file, NULL, \
	    "Certificates of the authorities to verify with. Empty: the " \
	    "system's."), \
	HM_OPT_LIST(struct hm_smtp_relay, mechanisms, "", \
	    "Ways to log in that are allowed. Empty: SCRAM and CRAM-MD5, the " \
	    "strongest that the server has; PLAIN and LOGIN must be named."), \
	HM_OPT_TIME(struct hm_smtp_relay, timeout_ms, "5m", \
	    "How long to wait for a reply.", .min = "1s", .max = "1h")

/* The state of such a module, with which these functions of the service
 * "transport" work. */
struct hm_smtp_relays {
	const struct hm_smtp_client *client;
	const struct hm_blocks *blocks;  /* of struct hm_smtp_relay */
	struct hm_smtp_run_opts *opts;   /* one for each */
};

static inline const char *
hm_smtp_relays_name(struct hm_mod *self, size_t n)
{
	const struct hm_smtp_relays *relays = hm_mod_state(self);

	return hm_smtp_transport_name(relays->blocks, n);
}

static inline struct hm_transport_run *
hm_smtp_relays_begin(struct hm_mod *self, const char *transport,
    struct hm_str domain)
{
	const struct hm_smtp_relays *relays = hm_mod_state(self);
	size_t n = 0;

	while (!hm_str_is(hm_str(relays->blocks->names[n]), transport))
		n++;
	return hm_smtp_transport_begin(relays->client, &relays->opts[n], domain);
}

static inline void
hm_smtp_relays_drop_tls(void *tls)
{
	hm_tls_unref(tls);
}

static inline int
hm_smtp_relay_opts(struct hm_mod *m, const struct hm_smtp_relay *relay,
    enum hm_smtp_tls mode, struct hm_smtp_run_opts *ret, struct hm_err *reterr)
{
	struct hm_tls *tls;
	int r = hm_tls_client(relay->ca_file, false, &tls, reterr);

	if (r < 0)
		return r;
	hm_on_free(hm_mod_arena(m), hm_smtp_relays_drop_tls, tls);
	*ret = (struct hm_smtp_run_opts){
		.size = sizeof(*ret), .caller = m,
		.ehlo = hm_server(m)->hostname, .host = relay->host,
		.port = relay->port != 0 ? (uint16_t)relay->port :
		    mode == HM_SMTP_TLS_FIRST ? 465 : 587, .tls = mode,
		.any_certificate = !relay->verify, .settings = tls,
		.user = relay->user[0] != '\0' ? relay->user : NULL,
		.password = relay->password, .mechanisms = relay->mechanisms,
		.timeout_ms = relay->timeout_ms,
	};
	return 0;
}

/* For the module's open(). modes: what the words of its option "tls" mean. */
static inline int
hm_smtp_relays_open(struct hm_mod *m, const struct hm_smtp_client *client,
    const struct hm_blocks *blocks, const enum hm_smtp_tls *modes,
    struct hm_err *reterr)
{
	struct hm_smtp_relays *relays = hm_new(hm_mod_arena(m),
	    struct hm_smtp_relays);
	const struct hm_smtp_relay *at = blocks->at;
	int r = 0;

	relays->client = client;
	relays->blocks = blocks;
	relays->opts = hm_alloc_array(hm_mod_arena(m), blocks->n + 1,
	    sizeof(*relays->opts));
	for (size_t i = 0; i < blocks->n && r == 0; i++)
		r = hm_smtp_relay_opts(m, &at[i], modes[at[i].tls],
		    &relays->opts[i], reterr);
	hm_mod_set(m, relays);
	return r;
}

#endif
