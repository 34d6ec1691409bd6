/* queue-transport-direct.c - to the hosts that the recipient's domain names. */
#include <hermod/iface/smtp_transport.h>
#include <hermod/net.h>
#include <hermod/plugin.h>

struct direct_conf {
	int family;
	const struct hm_addrlist *local;
	const struct hm_netlist *refuse;
	const char *ca_file;
	int64_t port;
	int64_t timeout_ms;
};

static const char *const families[] = { "both", "ipv4", "ipv6", NULL };

static const struct hm_opt direct_options[] = {
	HM_OPT_ENUM(struct direct_conf, family, "both",
	    "Addresses to use: both, ipv4 or ipv6.", families),
	HM_OPT_ADDRS(struct direct_conf, local, "[]",
	    "Addresses of this host to send from, one of each kind. Empty: the "
	    "system chooses."),
	HM_OPT_NETS(struct direct_conf, refuse,
	    "[0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, "
	    "172.16.0.0/12, 192.168.0.0/16, 224.0.0.0/3, ::/127, ::ffff:0:0/96, "
	    "fc00::/7, fe80::/10, ff00::/8]",
	    "Networks that no mail is sent to, whatever the DNS says."),
	HM_OPT_FILE(struct direct_conf, ca_file, NULL,
	    "Certificates of the authorities that hosts are verified with. "
	    "Empty: the system's."),
	HM_OPT_INT(struct direct_conf, port, "25",
	    "The port of the hosts. Another one than 25 is for tests.",
	    .min = "1", .max = "65535"),
	HM_OPT_TIME(struct direct_conf, timeout_ms, "5m",
	    "How long to wait for a reply.", .min = "1s", .max = "1h"),
	HM_OPT_END
};

struct direct_module {
	const struct hm_smtp_client *client;
	struct hm_tls *tls;
	struct hm_smtp_run_opts opts;
};

static const char *
direct_name(struct hm_mod *self, size_t n)
{
	(void)self;
	return n == 0 ? "direct" : NULL;
}

static struct hm_transport_run *
direct_begin(struct hm_mod *self, const char *transport, struct hm_str domain)
{
	struct direct_module *d = hm_mod_state(self);

	(void)transport;
	return hm_smtp_transport_begin(d->client, &d->opts, domain);
}

static const struct hm_transport_ops direct_ops = {
	.size = sizeof(direct_ops), .name = direct_name, .begin = direct_begin,
	.deliver = hm_smtp_transport_deliver,
	.usable = hm_smtp_transport_usable, .end = hm_smtp_transport_end,
};
static const struct hm_provide direct_provides[] = {
	HM_PROVIDE(transport, &direct_ops), HM_PROVIDE_END
};
static const struct hm_need direct_needs[] = {
	HM_NEED(smtp_client), HM_NEED_END
};

static void
drop_tls(void *arg)
{
	hm_tls_unref(arg);
}

static int
direct_open(struct hm_mod *m, struct hm_err *reterr)
{
	const struct direct_conf *conf = hm_mod_conf(m);
	struct direct_module *d = hm_new(hm_mod_arena(m), struct direct_module);
	int r = hm_tls_client(conf->ca_file,
	    false, &d->tls, reterr);

	if (r < 0)
		return r;
	hm_on_free(hm_mod_arena(m), drop_tls, d->tls);
	d->client = HM_GET(m, smtp_client);
	d->opts = (struct hm_smtp_run_opts){
		.size = sizeof(d->opts), .caller = m,
		.ehlo = hm_server(m)->hostname, .port = (uint16_t)conf->port,
		.tls = HM_SMTP_TLS_MAY, .settings = d->tls,
		.family = conf->family == 0 ? 0 : conf->family == 1 ? 4 : 6,
		.local = conf->local, .refuse = conf->refuse,
		.timeout_ms = conf->timeout_ms,
	};
	hm_mod_set(m, d);
	return 0;
}

HM_MODULE_NAMED("queue-transport-direct", "1.0",
	"Mail straight to the recipient's hosts",
	.conf_size = sizeof(struct direct_conf), .options = direct_options,
	.needs = direct_needs, .provides = direct_provides,
	.open = direct_open);
