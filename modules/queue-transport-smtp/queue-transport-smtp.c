/* queue-transport-smtp.c - everything to another server, which passes it on. */
#include <string.h>

#include <hermod/iface/smtp_transport.h>
#include <hermod/net.h>
#include <hermod/plugin.h>

struct relay_host {
	const char *host;
	int64_t port;
	int tls;
	bool verify;
	const char *ca_file;
	const char *user, *password;
	const struct hm_strlist *mechanisms;
	int64_t timeout_ms;
};
struct relay_conf {
	const struct hm_blocks *transports;    /* of struct relay_host */
};

static const char *const tls_words[] = { "never", "if-offered", "required",
	NULL };

static const struct hm_opt host_options[] = {
	HM_OPT_STR(struct relay_host, host, NULL,
	    "The server's name or address.", .required = true),
	HM_OPT_INT(struct relay_host, port, "25", "Its port.", .min = "1",
	    .max = "65535"),
	HM_OPT_ENUM(struct relay_host, tls, "required",
	    "Whether STARTTLS is used: never, if-offered or required.",
	    tls_words),
	HM_OPT_BOOL(struct relay_host, verify, "yes",
	    "Whether its certificate must be valid and name it."),
	HM_OPT_FILE(struct relay_host, ca_file, NULL,
	    "Certificates of the authorities to verify with. Empty: the "
	    "system's."),
	HM_OPT_STR(struct relay_host, user, "",
	    "Name to log in with. Empty: no log-in."),
	HM_OPT_SECRET(struct relay_host, password, "", "Its password."),
	HM_OPT_LIST(struct relay_host, mechanisms, "",
	    "Ways to log in that are allowed. Empty: SCRAM and CRAM-MD5, the "
	    "strongest that the server has; PLAIN and LOGIN must be named."),
	HM_OPT_TIME(struct relay_host, timeout_ms, "5m",
	    "How long to wait for a reply.", .min = "1s", .max = "1h"),
	HM_OPT_END
};
static const struct hm_opt relay_options[] = {
	HM_OPT_BLOCKS(struct relay_conf, transports, struct relay_host,
	    host_options, "Servers that pass mail on, by the name of the "
	    "transport."),
	HM_OPT_END
};

struct relay_module {
	const struct relay_conf *conf;
	const struct hm_smtp_client *client;
	struct hm_smtp_run_opts *opts;         /* one for each transport */
};

static const char *
relay_name(struct hm_mod *self, size_t n)
{
	const struct relay_module *mod = hm_mod_state(self);

	return hm_smtp_transport_name(mod->conf->transports, n);
}

static struct hm_transport_run *
relay_begin(struct hm_mod *self, const char *transport, struct hm_str domain)
{
	struct relay_module *mod = hm_mod_state(self);
	size_t n = 0;

	while (strcmp(mod->conf->transports->names[n], transport) != 0)
		n++;
	return hm_smtp_transport_begin(mod->client, &mod->opts[n], domain);
}

static const struct hm_transport_ops relay_ops = {
	.size = sizeof(relay_ops), .name = relay_name, .begin = relay_begin,
	.deliver = hm_smtp_transport_deliver,
	.usable = hm_smtp_transport_usable, .end = hm_smtp_transport_end,
};
static const struct hm_provide relay_provides[] = {
	HM_PROVIDE(transport, &relay_ops), HM_PROVIDE_END
};
static const struct hm_need relay_needs[] = {
	HM_NEED(smtp_client), HM_NEED_END
};

static void
drop_tls(void *arg)
{
	hm_tls_unref(arg);
}

static int
open_host(struct hm_mod *m, const struct relay_host *host,
    struct hm_smtp_run_opts *opts, struct hm_err *reterr)
{
	static const enum hm_smtp_tls modes[] = { HM_SMTP_TLS_NEVER,
		HM_SMTP_TLS_MAY, HM_SMTP_TLS_MUST };
	struct hm_tls *tls;
	int r = hm_tls_client(host->ca_file,
	    false, &tls, reterr);

	if (r < 0)
		return r;
	hm_on_free(hm_mod_arena(m), drop_tls, tls);
	*opts = (struct hm_smtp_run_opts){
		.size = sizeof(*opts), .caller = m,
		.ehlo = hm_server(m)->hostname, .host = host->host,
		.port = (uint16_t)host->port, .tls = modes[host->tls],
		.any_certificate = !host->verify, .settings = tls,
		.user = host->user[0] != '\0' ? host->user : NULL,
		.password = host->password, .mechanisms = host->mechanisms,
		.timeout_ms = host->timeout_ms,
	};
	return 0;
}

static int
relay_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct relay_module *mod = hm_new(hm_mod_arena(m), struct relay_module);
	const struct relay_host *hosts;
	int r = 0;

	mod->conf = hm_mod_conf(m);
	mod->client = HM_GET(m, smtp_client);
	hosts = mod->conf->transports->at;
	mod->opts = hm_alloc_array(hm_mod_arena(m), mod->conf->transports->n + 1,
	    sizeof(*mod->opts));
	for (size_t i = 0; i < mod->conf->transports->n && r == 0; i++)
		r = open_host(m, &hosts[i], &mod->opts[i], reterr);
	hm_mod_set(m, mod);
	return r;
}

HM_MODULE_NAMED("queue-transport-smtp", "1.0",
	"Mail to a server that passes it on",
	.conf_size = sizeof(struct relay_conf), .options = relay_options,
	.needs = relay_needs, .provides = relay_provides, .open = relay_open);
