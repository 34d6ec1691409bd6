/* certificate.c - certificates that a script's servers show. */
#include <stdio.h>

#include <gnutls/crypto.h>

#include <hermod/conf.h>
#include <hermod/encode.h>

#include "mailtest.h"
#include "t/cert.h"

enum { HOSTS_MAX = 8, CHAIN_MAX = 8, DAY_S = 24 * 3600 };

struct mt_certificate {
	struct mt_certificate *next;
	const char *name;
	const struct mt_certificate *issuer;    /* NULL: itself */
	struct mt_cert cert;
};

static struct mt_certificate *
find(struct mt *t, struct hm_str name)
{
	struct mt_certificate *c = t->certificates;

	while (c != NULL && !hm_str_is(name, c->name))
		c = c->next;
	return c;
}

/* ---- files ---- */

static const char *
path(struct mt *t, const char *name, const char *suffix)
{
	return hm_printf(t->arena, "%s/%s.%s", t->dir, name, suffix);
}

static bool
write_pem(struct mt *t, const char *to, struct hm_str pem)
{
	struct hm_err err = { 0 };

	if (hm_file_replace(to, pem, 0600, &err) == 0)
		return true;
	mt_fail(t, "%s", err.text);
	return false;
}

/* Itself and, unless it stands alone, all above it. */
static bool
write_chain(struct mt *t, const struct mt_certificate *c, bool alone)
{
	const char *to = path(t, c->name, "crt");
	struct hm_buf pem = { 0 };
	bool good;

	for (const struct mt_certificate *at = c; at != NULL;
	    at = alone ? NULL : at->issuer) {
		gnutls_datum_t d;

		if (gnutls_x509_crt_export2(at->cert.crt, GNUTLS_X509_FMT_PEM,
		    &d) < 0)
			break;
		hm_buf_add(&pem, d.data, d.size);
		gnutls_free(d.data);
	}
	good = write_pem(t, to, hm_buf_view(&pem));
	hm_buf_release(&pem);
	return good;
}

static bool
write_key(struct mt *t, const struct mt_certificate *c)
{
	gnutls_datum_t d;
	bool good;

	if (gnutls_x509_privkey_export2(c->cert.key, GNUTLS_X509_FMT_PEM,
	    &d) < 0)
		return false;
	good = write_pem(t, path(t, c->name, "key"),
	    hm_str_n((char *)d.data, d.size));
	gnutls_free(d.data);
	return good;
}

/* ---- variables ---- */

/* $NAME_SM: what a TLSA record with that selector and matching type holds. */
static void
set_tlsa(struct mt *t, const struct mt_certificate *c)
{
	static const size_t sizes[] = { 0, 32, 64 };
	struct hm_buf hex = { 0 };
	unsigned char sum[64];

	for (unsigned i = 0; i < 6; i++) {
		struct hm_str data = i / 3 == 0 ? c->cert.der : c->cert.spki;

		if (i % 3 != 0) {
			gnutls_hash_fast(i % 3 == 1 ? GNUTLS_DIG_SHA256 :
			    GNUTLS_DIG_SHA512, data.p, data.len, sum);
			data = hm_str_n((char *)sum, sizes[i % 3]);
		}
		hm_buf_clear(&hex);
		hm_hex_encode(&hex, data);
		mt_set(t, hm_str(hm_printf(t->arena, "%s_%u%u", c->name, i / 3,
		    i % 3)), hm_buf_view(&hex));
	}
	hm_buf_release(&hex);
}

/* ---- statements ---- */

struct wish {
	bool authority, expired, alone;
	const char *hosts[HOSTS_MAX + 1];
};

static bool
read_wish(struct mt *t, struct hm_str rest, struct mt_certificate *c,
    struct wish *ret)
{
	struct hm_str word;
	size_t n = 0;

	while ((word = mt_word(t, &rest)).len > 0) {
		if (hm_str_is(word, "by"))
			c->issuer = find(t, mt_word(t, &rest));
		else if (hm_str_is(word, "authority"))
			ret->authority = true;
		else if (hm_str_is(word, "expired"))
			ret->expired = true;
		else if (hm_str_is(word, "alone"))
			ret->alone = true;
		else if (n < HOSTS_MAX)
			ret->hosts[n++] = hm_str_dup(t->arena, word).p;
		if (hm_str_is(word, "by") && c->issuer == NULL)
			return false;
	}
	return n > 0 || ret->authority;
}

/* certificate NAME [by ISSUER] [authority] [expired] [alone] [HOST …] */
void
mt_do_certificate(struct mt *t, struct hm_str rest)
{
	struct mt_certificate *c = hm_new(t->arena, struct mt_certificate);
	int64_t now = hm_wall_ms() / 1000;
	struct wish w = { 0 };
	struct mt_cert_spec spec;

	c->name = mt_word(t, &rest).p;
	if (c->name == NULL || !read_wish(t, rest, c, &w)) {
		mt_fail(t, "write: certificate NAME [by ISSUER] HOST …");
		return;
	}
	spec = (struct mt_cert_spec){ .name = c->name, .hosts = w.hosts,
	    .authority = w.authority, .from_s = now - 365 * DAY_S,
	    .until_s = now + (w.expired ? -1 : 5 * 365) * DAY_S,
	    .issuer = c->issuer != NULL ? &c->issuer->cert : NULL };
	if (mt_cert_make(&spec, &c->cert) < 0) {
		mt_fail(t, "the certificate cannot be made");
		return;
	}
	c->next = t->certificates;
	t->certificates = c;
	if (write_chain(t, c, w.alone) && write_key(t, c))
		set_tlsa(t, c);
}

/* server NAME certificate CERTIFICATE */
void
mt_peer_certificate(struct mt *t, struct mt_peer *peer, struct hm_str name)
{
	const struct mt_certificate *c = find(t, name);
	struct hm_err err = { 0 };
	struct hm_tls_cert files;
	struct hm_tls *tls;

	if (c == NULL) {
		mt_fail(t, "no certificate \"%.*s\" was made", HM_FMT(name));
		return;
	}
	files = (struct hm_tls_cert){ path(t, c->name, "crt"),
	    path(t, c->name, "key") };
	if (hm_tls_server(&files, 1, "1.2", NULL, &tls, &err) < 0) {
		mt_fail(t, "%s", err.text);
		return;
	}
	hm_tls_unref(peer->tls);
	peer->tls = tls;
}

void
mt_certificates_end(struct mt *t)
{
	for (struct mt_peer *peer = t->peers; peer != NULL; peer = peer->next)
		hm_tls_unref(peer->tls);
	for (struct mt_certificate *c = t->certificates; c != NULL; c = c->next)
		mt_cert_release(&c->cert);
}
