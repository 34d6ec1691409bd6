/* queue-transport-socks.c - to the recipient's hosts, through a SOCKS5 proxy
 * (RFC 1928).
 */
#include <string.h>

#include <hermod/buf.h>
#include <hermod/iface/smtp_transport.h>
#include <hermod/io.h>
#include <hermod/net.h>
#include <hermod/plugin.h>

struct socks_proxy {
	const struct hm_addrlist *address;
	const char *user, *password;
	const char *ehlo;
	const struct hm_strlist *ips;
	bool remote_dns;
	int64_t port;
	const struct hm_netlist *refuse;
	const char *ca_file;
	int64_t timeout_ms;
};
struct socks_conf {
	const struct hm_blocks *transports;    /* of struct socks_proxy */
};

static const struct hm_opt proxy_options[] = {
	HM_OPT_ADDRS(struct socks_proxy, address, NULL,
	    "Address and port of the proxy.", .required = true),
	HM_OPT_STR(struct socks_proxy, user, "",
	    "Name to log in to the proxy with (RFC 1929). Empty: no log-in."),
	HM_OPT_SECRET(struct socks_proxy, password, "", "Its password."),
	HM_OPT_STR(struct socks_proxy, ehlo, "",
	    "What to call ourselves there: the name that belongs to the address "
	    "the proxy sends from. Empty: this host's name."),
	HM_OPT_LIST(struct socks_proxy, ips, "",
	    "Addresses that the proxy sends from, as others see them: they "
	    "belong into the SPF record."),
	HM_OPT_BOOL(struct socks_proxy, remote_dns, "no",
	    "Let the proxy look up the addresses of hosts; which hosts there "
	    "are, and what they must prove, is found out here in any case."),
	HM_OPT_INT(struct socks_proxy, port, "25",
	    "The port of the hosts. Another one than 25 is for tests.",
	    .min = "1", .max = "65535"),
	HM_OPT_NETS(struct socks_proxy, refuse,
	    "[0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, "
	    "172.16.0.0/12, 192.168.0.0/16, 224.0.0.0/3, ::/127, ::ffff:0:0/96, "
	    "fc00::/7, fe80::/10, ff00::/8]",
	    "Networks that no mail is sent to, whatever the DNS says."),
	HM_OPT_FILE(struct socks_proxy, ca_file, NULL,
	    "Certificates of the authorities that hosts are verified with. "
	    "Empty: the system's."),
	HM_OPT_TIME(struct socks_proxy, timeout_ms, "5m",
	    "How long to wait for a reply.", .min = "1s", .max = "1h"),
	HM_OPT_END
};
static const struct hm_opt socks_options[] = {
	HM_OPT_BLOCKS(struct socks_conf, transports, struct socks_proxy,
	    proxy_options, "Proxies, by the name of the transport."),
	HM_OPT_END
};

struct socks_module {
	const struct socks_conf *conf;
	const struct hm_smtp_client *client;
	struct hm_smtp_run_opts *opts;         /* one for each transport */
};

/* ---- the proxy's protocol ---- */

static HM_FIBER int
exchange(struct hm_io *io, struct hm_buf *say, uint8_t *hear, size_t len)
{
	int r = hm_io_str(io, hm_buf_view(say));

	hm_wipe(say->p, say->len);
	hm_buf_clear(say);
	if (r == 0)
		r = hm_io_flush(io);
	return r == 0 ? hm_io_read_full(io, hear, len) : r;
}

/* Methods, and name and password if the proxy wants them. */
static HM_FIBER int
greet(struct hm_io *io, const struct socks_proxy *proxy, struct hm_buf *say,
    struct hm_err *reterr)
{
	struct hm_str user = hm_str(proxy->user), password = hm_str(proxy->password);
	bool login = user.len > 0;
	uint8_t hear[2];
	int r;

	hm_buf_add(say, login ? "\5\2\0\2" : "\5\1\0", login ? 4 : 3);
	r = exchange(io, say, hear, 2);
	if (r < 0 || hear[0] != 5)
		return hm_err_set(reterr, r < 0 ? r : -HM_EIO,
		    "the proxy does not speak SOCKS5");
	if (hear[1] == 0)
		return 0;
	if (hear[1] != 2 || !login)
		return hm_err_set(reterr, -HM_EACCES,
		    "the proxy wants another way to log in");
	hm_buf_putc(say, 1);
	hm_buf_putc(say, (char)user.len);
	hm_buf_str(say, user);
	hm_buf_putc(say, (char)password.len);
	hm_buf_str(say, password);
	r = exchange(io, say, hear, 2);
	return r == 0 && hear[1] == 0 ? 0 : hm_err_set(reterr,
	    r < 0 ? r : -HM_EACCES, "the proxy refuses the log-in");
}

static const char *
reply_text(uint8_t code)
{
	static const char *const texts[] = { "", "general failure",
		"not allowed by its rules", "network unreachable",
		"host unreachable", "connection refused", "time ran out",
		"command not supported", "kind of address not supported" };

	return code < HM_ARRAY_LEN(texts) ? texts[code] : "unknown failure";
}

static HM_FIBER int
connect_through(struct hm_io *io, struct hm_str host, uint16_t port,
    const struct hm_sockaddr *addr, struct hm_buf *say, struct hm_err *reterr)
{
	uint8_t hear[4], skip[258], len = 0;
	int r;

	hm_buf_add(say, "\5\1\0", 3);
	if (addr == NULL) {
		hm_buf_putc(say, 3);
		hm_buf_putc(say, (char)host.len);
		hm_buf_str(say, host);
	} else {
		hm_buf_putc(say, addr->family == 4 ? 1 : 4);
		hm_buf_add(say, addr->ip, addr->family == 4 ? 4 : 16);
	}
	hm_buf_putc(say, (char)(port >> 8));
	hm_buf_putc(say, (char)port);
	r = exchange(io, say, hear, 4);
	if (r < 0 || hear[0] != 5)
		return hm_err_set(reterr, r < 0 ? r : -HM_EIO,
		    "the proxy broke off");
	if (hear[1] != 0)
		return hm_err_set(reterr, -HM_EIO, "the proxy: %s",
		    reply_text(hear[1]));
	/* The address it sends from is of no use here. */
	if (hear[3] == 3)
		r = hm_io_read_full(io, &len, 1);
	else
		len = hear[3] == 1 ? 4 : 16;
	if (r == 0)
		r = hm_io_read_full(io, skip, (size_t)len + 2);
	return r < 0 ? hm_err_set(reterr, r, "the proxy broke off") : 0;
}

static HM_FIBER int
socks_dial(void *arg, struct hm_str host, uint16_t port,
    const struct hm_sockaddr *addr, int64_t timeout_ms, struct hm_io **ret,
    struct hm_err *reterr)
{
	const struct socks_proxy *proxy = arg;
	struct hm_buf say = { 0 };
	struct hm_io *io;
	int r = hm_dial(&proxy->address->at[0], NULL, timeout_ms, &io, reterr);

	if (r < 0) {
		hm_err_prefix(reterr, "proxy");
		return r;
	}
	hm_io_timeouts(io, timeout_ms, timeout_ms);
	r = greet(io, proxy, &say, reterr);
	if (r == 0)
		r = connect_through(io, host, port, addr, &say, reterr);
	hm_buf_release(&say);
	if (r < 0)
		hm_io_abort(io);
	else
		*ret = io;
	return r;
}

/* ---- the transport ---- */

static const char *
socks_name(struct hm_mod *self, size_t n)
{
	const struct socks_module *mod = hm_mod_state(self);

	return hm_smtp_transport_name(mod->conf->transports, n);
}

static struct hm_transport_run *
socks_begin(struct hm_mod *self, const char *transport, struct hm_str domain)
{
	struct socks_module *mod = hm_mod_state(self);
	size_t n = 0;

	while (strcmp(mod->conf->transports->names[n], transport) != 0)
		n++;
	return hm_smtp_transport_begin(mod->client, &mod->opts[n], domain);
}

static const struct hm_transport_ops socks_ops = {
	.size = sizeof(socks_ops), .name = socks_name, .begin = socks_begin,
	.deliver = hm_smtp_transport_deliver,
	.usable = hm_smtp_transport_usable, .end = hm_smtp_transport_end,
};
static const struct hm_provide socks_provides[] = {
	HM_PROVIDE(transport, &socks_ops), HM_PROVIDE_END
};
static const struct hm_need socks_needs[] = {
	HM_NEED(smtp_client), HM_NEED_END
};

static void
drop_tls(void *arg)
{
	hm_tls_unref(arg);
}

static int
open_proxy(struct hm_mod *m, const struct socks_proxy *proxy,
    struct hm_smtp_run_opts *opts, struct hm_err *reterr)
{
	struct hm_tls *tls;
	int r;

	if (proxy->address->n != 1 || strlen(proxy->user) > 255 ||
	    strlen(proxy->password) > 255)
		return hm_err_set(reterr, -HM_EINVAL, "a proxy has one address, "
		    "and a name and password of at most 255 bytes");
	r = hm_tls_client(proxy->ca_file,
	    false, &tls, reterr);
	if (r < 0)
		return r;
	hm_on_free(hm_mod_arena(m), drop_tls, tls);
	*opts = (struct hm_smtp_run_opts){
		.size = sizeof(*opts), .caller = m,
		.ehlo = proxy->ehlo[0] != '\0' ? proxy->ehlo :
		    hm_server(m)->hostname,
		.port = (uint16_t)proxy->port, .tls = HM_SMTP_TLS_MAY,
		.settings = tls, .refuse = proxy->refuse,
		.timeout_ms = proxy->timeout_ms, .dial = socks_dial,
		.arg = (void *)proxy, .remote_dns = proxy->remote_dns,
	};
	return 0;
}

static int
socks_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct socks_module *mod = hm_new(hm_mod_arena(m), struct socks_module);
	const struct socks_proxy *proxies;
	int r = 0;

	mod->conf = hm_mod_conf(m);
	mod->client = HM_GET(m, smtp_client);
	proxies = mod->conf->transports->at;
	mod->opts = hm_alloc_array(hm_mod_arena(m), mod->conf->transports->n + 1,
	    sizeof(*mod->opts));
	for (size_t i = 0; i < mod->conf->transports->n && r == 0; i++)
		r = open_proxy(m, &proxies[i], &mod->opts[i], reterr);
	hm_mod_set(m, mod);
	return r;
}

HM_MODULE_NAMED("queue-transport-socks", "1.0",
	"Mail to the recipient's hosts through a SOCKS5 proxy",
	.conf_size = sizeof(struct socks_conf), .options = socks_options,
	.needs = socks_needs, .provides = socks_provides, .open = socks_open);
