/* dial.c - hermod smtp dial: what a server says, shown to a person. */
#include <string.h>

#include <gnutls/x509.h>

#include "client.h"

enum { ADDRS_MAX = 16, DIAL_MS = 15 * 1000, REPLY_MS = 30 * 1000 };

struct dialling {
	struct hm_cmd *cmd;
	struct hm_arena *arena;
	const struct hm_resolver *resolver;
	const char *host;
	uint16_t port;
	enum hm_smtp_tls tls;
	const char *ehlo;
	size_t naddrs;
	struct hm_sockaddr addrs[ADDRS_MAX];
	char connected[112];
	struct hm_buf talk;            /* lines that went to and fro */
	bool sent;                     /* whose the last one was */
	const char *version, *cipher;  /* NULL: no TLS */
	size_t ncerts;
	const struct hm_str *certs;    /* DER, leaf first */
	struct hm_err verified;        /* code 0: they are fine */
};

/* ---- where to ---- */

static int
usage(struct hm_cmd *cmd, const char *text, const char *what)
{
	hm_cmd_error(cmd, "%s: %s", text, what);
	return 2;
}

/* "[2001:db8::1]:25" and "192.0.2.1" are addresses, all else is a name. */
static int
take_host(struct dialling *d, const char *text)
{
	struct hm_str host = hm_str(text), ascii;
	struct hm_err err = { 0 };
	ssize_t colon = hm_str_rchr(host, ':');
	uint32_t port = 25;

	if (hm_sockaddr_parse(host, &d->addrs[0]) == 0 &&
	    d->addrs[0].family != 1) {
		char ip[112];

		d->port = d->addrs[0].port != 0 ? d->addrs[0].port : 25;
		d->host = hm_strdup(d->arena, hm_sockaddr_ip(ip, &d->addrs[0]));
		d->naddrs = 1;
		return 0;
	}
	if (colon >= 0 && (hm_str_u32(hm_str_skip(host, (size_t)colon + 1),
	    &port) < 0 || port == 0 || port > 65535))
		return usage(d->cmd, text, "a port is a number up to 65535");
	if (colon >= 0)
		host = hm_str_take(host, (size_t)colon);
	if (hm_domain_ascii(d->arena, host, &ascii, &err) < 0)
		return usage(d->cmd, text, err.text);
	d->host = ascii.p;
	d->port = (uint16_t)port;
	return 0;
}

static int
take_tls(struct dialling *d)
{
	static const char *const words[] = { "never", "may", "must", "first" };
	const char *word = hm_cmd_flag(d->cmd, "tls");

	d->tls = d->port == 465 ? HM_SMTP_TLS_FIRST : HM_SMTP_TLS_MAY;
	if (word == NULL)
		return 0;
	for (size_t i = 0; i < HM_ARRAY_LEN(words); i++) {
		if (strcmp(word, words[i]) != 0)
			continue;
		d->tls = (enum hm_smtp_tls)i;
		return 0;
	}
	return usage(d->cmd, word, "--tls is never, may, must or first");
}

static HM_FIBER int
find_addrs(struct dialling *d)
{
	static const enum hm_dns_type types[] = { HM_DNS_AAAA, HM_DNS_A };
	struct hm_str reason = HM_STR("it has no address");
	struct hm_dns_answer answer;

	if (d->naddrs > 0)
		return 0;
	if (d->resolver == NULL)
		return hm_cmd_error(d->cmd, "no module resolves names; give an "
		    "address, or enable one: hermod module enable "
		    "resolver-getdns");
	for (size_t i = 0; i < HM_ARRAY_LEN(types); i++) {
		if (hm_resolve(d->resolver, hm_str(d->host), types[i], d->arena,
		    &answer) < 0)
			continue;
		if (answer.outcome != HM_DNS_OK && d->naddrs == 0)
			reason = answer.reason;
		for (size_t k = 0; k < answer.n && d->naddrs < ADDRS_MAX; k++)
			d->addrs[d->naddrs++] = answer.rr[k].addr;
	}
	return d->naddrs > 0 ? 0 : hm_cmd_error(d->cmd, "%s: %.*s", d->host,
	    HM_FMT(reason));
}

/* ---- talking ---- */

static void
note(bool sent, struct hm_str bytes, void *arg)
{
	struct dialling *d = arg;

	for (size_t i = 0; i < bytes.len; i++) {
		char c = bytes.p[i];
		bool fresh = d->talk.len == 0 ||
		    d->talk.p[d->talk.len - 1] == '\n';

		if (!fresh && sent != d->sent)
			hm_buf_putc(&d->talk, '\n');
		if (fresh || sent != d->sent)
			hm_buf_puts(&d->talk, sent ? "> " : "< ");
		d->sent = sent;
		if (c == '\n' || (c >= ' ' && c <= '~'))
			hm_buf_putc(&d->talk, c);
		else if (c != '\r')
			hm_buf_putc(&d->talk, '?');
	}
}

/* Takes note of the certificates and is content with all. */
static int
look_at(struct hm_io *io, void *arg, struct hm_err *reterr)
{
	struct dialling *d = arg;
	enum hm_tls_fault fault;

	(void)reterr;
	d->version = hm_strdup(d->arena, hm_io_tls_version(io));
	d->cipher = hm_strdup(d->arena, hm_io_tls_cipher(io));
	d->ncerts = hm_io_tls_peer_certs(io, d->arena, &d->certs);
	(void)hm_io_tls_verify(io, d->host, &fault, &d->verified);
	return 0;
}

static HM_FIBER int
dial(struct dialling *d, struct hm_io **ret)
{
	struct hm_err err = { 0 };
	int r = -HM_ENOENT;

	for (size_t i = 0; i < d->naddrs; i++) {
		d->addrs[i].port = d->port;
		r = hm_dial(&d->addrs[i], NULL, DIAL_MS, ret, &err);
		if (r == 0) {
			(void)hm_sockaddr_text(d->connected, &d->addrs[i]);
			hm_io_trace(*ret, note, d);
			return 0;
		}
		hm_cmd_error(d->cmd, "%s", err.text);
	}
	return r;
}

/* ---- showing ---- */

static struct hm_str
certificate_text(struct dialling *d, struct hm_str der)
{
	gnutls_datum_t in = { (unsigned char *)der.p, (unsigned)der.len }, out;
	struct hm_str text = HM_STR("a certificate that cannot be read");
	gnutls_x509_crt_t cert;

	if (gnutls_x509_crt_init(&cert) < 0)
		return text;
	if (gnutls_x509_crt_import(cert, &in, GNUTLS_X509_FMT_DER) == 0 &&
	    gnutls_x509_crt_print(cert, GNUTLS_CRT_PRINT_ONELINE, &out) == 0) {
		text = hm_str_dup(d->arena, hm_str_n((char *)out.data,
		    out.size));
		gnutls_free(out.data);
	}
	gnutls_x509_crt_deinit(cert);
	return text;
}

static struct hm_str
verdict(const struct dialling *d)
{
	return d->verified.code == 0 ? HM_STR("an authority vouches for it, "
	    "and for the name") : hm_str(d->verified.text);
}

static void
show_json(struct dialling *d, const struct hm_smtp_failure *f)
{
	static const char *const columns[] = { "what", "value", NULL };
	struct hm_cmd_table *table = hm_cmd_table(d->cmd, columns);
	struct hm_str rest = hm_buf_view(&d->talk), line;

	hm_cmd_row(table, (struct hm_str[]){ HM_STR("address"),
	    hm_str(d->connected) });
	while (rest.len > 0) {
		line = hm_str_split(&rest, '\n');
		hm_cmd_row(table, (struct hm_str[]){ line.p[0] == '>' ?
		    HM_STR("sent") : HM_STR("received"),
		    hm_str_skip(line, 2) });
	}
	if (d->version != NULL) {
		hm_cmd_row(table, (struct hm_str[]){ HM_STR("tls"),
		    hm_str(d->version) });
		hm_cmd_row(table, (struct hm_str[]){ HM_STR("cipher"),
		    hm_str(d->cipher) });
		for (size_t i = 0; i < d->ncerts; i++)
			hm_cmd_row(table, (struct hm_str[]){
			    HM_STR("certificate"),
			    certificate_text(d, d->certs[i]) });
		hm_cmd_row(table, (struct hm_str[]){ d->verified.code == 0 ?
		    HM_STR("verified") : HM_STR("unverified"), verdict(d) });
	}
	if (f != NULL)
		hm_cmd_row(table, (struct hm_str[]){ HM_STR("failure"),
		    hm_str(f->text) });
	hm_cmd_table_end(table);
}

static void
show(struct dialling *d)
{
	hm_cmd_printf(d->cmd, "connected to %s\n", d->connected);
	hm_cmd_write(d->cmd, hm_buf_view(&d->talk));
	if (d->version == NULL)
		return;
	hm_cmd_printf(d->cmd, "TLS: %s, %s\n", d->version, d->cipher);
	for (size_t i = 0; i < d->ncerts; i++)
		hm_cmd_printf(d->cmd, "certificate %zu: %.*s\n", i + 1,
		    HM_FMT(certificate_text(d, d->certs[i])));
	hm_cmd_printf(d->cmd, "%s: %.*s\n", d->verified.code == 0 ?
	    "verified" : "not verified", HM_FMT(verdict(d)));
}

static HM_FIBER int
talk(struct dialling *d)
{
	struct hm_smtp_failure f = { 0 };
	struct hm_err err = { 0 };
	struct hm_smtp_peer peer;
	struct hm_smtp *smtp;
	struct hm_tls *tls;
	struct hm_io *io;
	int r;

	if (hm_tls_client(NULL, false, &tls, &err) < 0)
		return hm_cmd_fail(d->cmd, &err);
	r = dial(d, &io);
	if (r == 0) {
		peer = (struct hm_smtp_peer){ .size = sizeof(peer),
		    .host = d->host, .ehlo = d->ehlo, .tls = d->tls,
		    .settings = tls, .verify = look_at, .arg = d,
		    .timeout_ms = REPLY_MS };
		r = client_open(hm_cmd_mod(d->cmd), io, &peer, &smtp, &f);
		if (r == 0)
			client_close(smtp);
		if (hm_cmd_json(d->cmd))
			show_json(d, r < 0 ? &f : NULL);
		else
			show(d);
		if (r < 0)
			hm_cmd_error(d->cmd, "%s", f.text);
	}
	hm_tls_unref(tls);
	return r < 0 ? 1 : 0;
}

int
client_dial(struct hm_cmd *cmd)
{
	struct hm_arena *arena = hm_cmd_arena(cmd);
	struct dialling *d = hm_new(arena, struct dialling);
	const char *ehlo = hm_cmd_flag(cmd, "ehlo");
	int status;

	d->cmd = cmd;
	d->arena = arena;
	d->resolver = HM_GET(hm_cmd_mod(cmd), resolver);
	d->ehlo = ehlo != NULL ? ehlo : hm_server(hm_cmd_mod(cmd))->hostname;
	status = take_host(d, hm_cmd_arg(cmd, 0));
	if (status == 0)
		status = take_tls(d);
	if (status == 0)
		status = find_addrs(d);
	if (status == 0)
		status = talk(d);
	hm_buf_release(&d->talk);
	return status;
}
