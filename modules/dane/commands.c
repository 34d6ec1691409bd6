/* commands.c - hermod dane: records looked up, made and tried. */
#include <string.h>

#include <gnutls/x509.h>

#include <hermod/str.h>

#include "dane.h"

enum { PEM_BYTES_MAX = 1 << 20 };

/* ---- a host, as a transport would ask about it ---- */

int
dane_take_host(struct hm_cmd *cmd, const char *text, struct hm_tls_policy *p)
{
	struct hm_str host = hm_str(text);
	struct hm_err err = { 0 };
	ssize_t colon = hm_str_rchr(host, ':');
	uint32_t port = 25;

	if (colon >= 0 && (hm_str_u32(hm_str_skip(host, (size_t)colon + 1),
	    &port) < 0 || port == 0 || port > 65535)) {
		hm_cmd_error(cmd, "%s: a port is a number up to 65535", text);
		return 2;
	}
	if (colon >= 0)
		host = hm_str_take(host, (size_t)colon);
	*p = (struct hm_tls_policy){ .size = sizeof(*p),
	    .arena = hm_cmd_arena(cmd), .port = (uint16_t)port };
	if (hm_domain_ascii(p->arena, host, &p->host, &err) < 0) {
		hm_cmd_fail(cmd, &err);
		return 2;
	}
	p->domain = p->domain_final = p->host_final = p->host;
	return 0;
}

bool
dane_find_addrs(const struct dane *d, struct hm_tls_policy *p,
    struct dane_addrs *ret, struct hm_str *ret_reason)
{
	static const enum hm_dns_type types[] = { HM_DNS_AAAA, HM_DNS_A };
	struct hm_dns_answer answer;
	bool secure = true;

	ret->n = 0;
	*ret_reason = HM_STR("it has no address");
	for (size_t i = 0; i < HM_ARRAY_LEN(types); i++) {
		if (hm_resolve(d->resolver, p->host, types[i], p->arena,
		    &answer) < 0 || hm_dns_temporary(answer.outcome)) {
			*ret_reason = answer.reason;
			continue;
		}
		secure = secure && answer.secure;
		p->host_final = answer.canonical;
		for (size_t k = 0; k < answer.n && ret->n < DANE_ADDRS_MAX; k++)
			ret->at[ret->n++] = answer.rr[k].addr;
	}
	p->host_secure = p->domain_secure && secure && ret->n > 0;
	return ret->n > 0;
}

/* ---- dane lookup ---- */

static bool
is_used(const struct hm_tls_policy *p, struct hm_str line)
{
	struct hm_buf text = { 0 };
	bool yes = false;

	for (size_t i = 0; i < p->ntlsa && !yes; i++) {
		const struct hm_tlsa *t = &p->tlsa[i];

		hm_buf_clear(&text);
		dane_record_text(&text, t->usage, t->selector, t->matching,
		    t->data);
		yes = hm_str_eq(hm_buf_view(&text), line);
	}
	hm_buf_release(&text);
	return yes;
}

static void
print_records(struct hm_cmd *cmd, const struct hm_tls_policy *p)
{
	static const char *const columns[] = { "name", "record", "used", NULL };
	struct hm_cmd_table *table = hm_cmd_table(cmd, columns);
	struct hm_str rest = p->dane_text, line;

	while (rest.len > 0) {
		line = hm_str_split(&rest, '\n');
		hm_cmd_row(table, (struct hm_str[]){ dane_name(p->arena, p->port,
		    p->tlsa_base), line, is_used(p, line) ? HM_STR("yes") :
		    HM_STR("no") });
	}
	hm_cmd_table_end(table);
}

static int
run_lookup(struct hm_cmd *cmd)
{
	const struct dane *d = hm_mod_state(hm_cmd_mod(cmd));
	struct hm_tls_policy p;
	struct dane_addrs *addrs = hm_new(hm_cmd_arena(cmd), struct dane_addrs);
	struct hm_str reason;
	struct hm_verdict v;
	int status = dane_take_host(cmd, hm_cmd_arg(cmd, 0), &p);

	if (status != 0)
		return status;
	p.domain_secure = true;        /* no MX was asked */
	if (!dane_find_addrs(d, &p, addrs, &reason))
		return hm_cmd_error(cmd, "%.*s: %.*s", HM_FMT(p.host),
		    HM_FMT(reason));
	v = dane_look(d, &p);
	if (v.kind != HM_PASS)
		return hm_cmd_error(cmd, "%s", v.text);
	print_records(cmd, &p);
	if (!p.dane)
		return hm_cmd_error(cmd, p.host_secure ?
		    "%.*s is signed, and has no TLSA records" :
		    "%.*s is not signed, or the resolver is not trusted to say "
		    "so: TLSA records would mean nothing", HM_FMT(p.host));
	if (p.ntlsa == 0)
		hm_cmd_printf(cmd, "None can be used: mail goes there over TLS, "
		    "whatever the certificate.\n");
	return 0;
}

/* ---- dane record ---- */

static int
read_pem(struct hm_cmd *cmd, struct hm_buf *pem)
{
	int r = 0;

	while (r == 0 && pem->len < PEM_BYTES_MAX)
		r = hm_cmd_read(cmd, pem);
	return r == 0 ? -HM_ELIMIT : r == -HM_EEOF ? 0 : r;
}

/* The first certificate of a PEM text, in DER. */
static int
first_certificate(struct hm_arena *arena, const struct hm_buf *pem,
    struct hm_str *ret)
{
	gnutls_datum_t in = { (unsigned char *)pem->p, (unsigned)pem->len }, der;
	gnutls_x509_crt_t cert;
	int rc = pem->len == 0 ? -1 : gnutls_x509_crt_init(&cert);

	if (rc < 0)
		return -HM_ESYNTAX;
	rc = gnutls_x509_crt_import(cert, &in, GNUTLS_X509_FMT_PEM);
	if (rc == 0)
		rc = gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_DER, &der);
	gnutls_x509_crt_deinit(cert);
	if (rc < 0)
		return -HM_ESYNTAX;
	*ret = hm_str_dup(arena, hm_str_n((char *)der.data, der.size));
	gnutls_free(der.data);
	return 0;
}

static int
take_number(struct hm_cmd *cmd, size_t i, unsigned max, unsigned *ret)
{
	const char *text = hm_cmd_arg(cmd, i);
	uint32_t n;

	if (text == NULL)
		return 0;
	if (hm_str_u32(hm_str(text), &n) < 0 || n > max) {
		hm_cmd_error(cmd, "%s: a number up to %u is expected", text, max);
		return -1;
	}
	*ret = n;
	return 0;
}

static int
run_record(struct hm_cmd *cmd)
{
	unsigned usage = DANE_EE, selector = DANE_SPKI, matching = DANE_SHA256;
	struct hm_buf pem = { 0 }, data = { 0 }, text = { 0 };
	struct hm_str der;
	int r;

	if (take_number(cmd, 0, 3, &usage) < 0 ||
	    take_number(cmd, 1, 1, &selector) < 0 ||
	    take_number(cmd, 2, 2, &matching) < 0)
		return 2;
	r = read_pem(cmd, &pem);
	if (r == 0)
		r = first_certificate(hm_cmd_arena(cmd), &pem, &der);
	if (r == 0)
		r = dane_record_data(der, selector, matching, &data);
	if (r == 0) {
		dane_record_text(&text, usage, selector, matching,
		    hm_buf_view(&data));
		hm_cmd_printf(cmd, "%.*s\n", HM_FMT(hm_buf_view(&text)));
	}
	hm_buf_release(&pem);
	hm_buf_release(&data);
	hm_buf_release(&text);
	return r == 0 ? 0 : hm_cmd_error(cmd, "there is no certificate in PEM on "
	    "standard input: hermod dane record < cert.pem");
}

const struct hm_command dane_commands[] = {
	{ .words = "dane dial", .args = "HOST[:PORT]",
	  .summary = "connect to a mail server and verify it by DANE",
	  .help = "The exit status is 0 if its certificate matches one of its TLSA "
	      "records.",
	  .where = HM_CMD_EITHER, .run = dane_dial },
	{ .words = "dane dialmx", .args = "DOMAIN[:PORT]",
	  .summary = "do that with all hosts that take a domain's mail",
	  .help = "The exit status is 0 if mail could go to one of them over TLS.",
	  .where = HM_CMD_EITHER, .run = dane_dialmx },
	{ .words = "dane lookup", .args = "HOST[:PORT]",
	  .summary = "show the TLSA records of a mail server",
	  .help = "Shows those that count, and which of them can be used. The "
	      "exit status is 0 if there are any that are secure.",
	  .where = HM_CMD_EITHER, .run = run_lookup },
	{ .words = "dane record", .args = "[USAGE] [SELECTOR] [MATCHING]",
	  .summary = "make a TLSA record from a certificate",
	  .help = "Reads a certificate in PEM from standard input and prints the "
	      "record's data. Without arguments it is 3 1 1: the digest of the "
	      "public key, which stays the same when the certificate is renewed "
	      "with the same key. Give an authority's certificate with usage 2.",
	  .where = HM_CMD_EITHER, .run = run_record },
	HM_COMMAND_END
};
