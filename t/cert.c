/* cert.c - certificates for tests, made on the spot. */
#include <stdlib.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include <hermod/arena.h>

#include "t/cert.h"

static int
set_hosts(gnutls_x509_crt_t crt, const char *const *hosts)
{
	int rc = 0;

	for (size_t i = 0; hosts != NULL && hosts[i] != NULL && rc == 0; i++)
		rc = gnutls_x509_crt_set_subject_alt_name(crt,
		    GNUTLS_SAN_DNSNAME, hosts[i], (unsigned)strlen(hosts[i]),
		    GNUTLS_FSAN_APPEND);
	return rc;
}

static int
set_identity(gnutls_x509_crt_t crt, const struct mt_cert_spec *spec,
    gnutls_x509_privkey_t key)
{
	unsigned char serial[16], id[20];
	size_t id_len = sizeof(id);
	int rc = gnutls_x509_crt_set_version(crt, 3);

	(void)gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
	if (rc == 0)
		rc = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	if (rc == 0)
		rc = gnutls_x509_crt_set_dn_by_oid(crt,
		    GNUTLS_OID_X520_COMMON_NAME, 0, spec->name,
		    (unsigned)strlen(spec->name));
	if (rc == 0)
		rc = gnutls_x509_crt_set_key(crt, key);
	if (rc == 0)
		rc = gnutls_x509_crt_get_key_id(crt, 0, id, &id_len);
	if (rc == 0)
		rc = gnutls_x509_crt_set_subject_key_id(crt, id, id_len);
	return rc;
}

static int
fill(gnutls_x509_crt_t crt, const struct mt_cert_spec *spec,
    gnutls_x509_privkey_t key)
{
	int rc = set_identity(crt, spec, key);

	if (rc == 0)
		rc = gnutls_x509_crt_set_activation_time(crt,
		    (time_t)spec->from_s);
	if (rc == 0)
		rc = gnutls_x509_crt_set_expiration_time(crt,
		    (time_t)spec->until_s);
	if (rc == 0)
		rc = set_hosts(crt, spec->hosts);
	if (rc == 0)
		rc = gnutls_x509_crt_set_basic_constraints(crt, spec->authority,
		    -1);
	if (rc == 0)
		rc = gnutls_x509_crt_set_key_usage(crt, spec->authority ?
		    GNUTLS_KEY_KEY_CERT_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (rc == 0)
		rc = gnutls_x509_crt_sign2(crt, spec->issuer != NULL ?
		    spec->issuer->crt : crt, spec->issuer != NULL ?
		    spec->issuer->key : key, GNUTLS_DIG_SHA256, 0);
	return rc;
}

static struct hm_str
keep(gnutls_datum_t *d)
{
	char *copy = hm_xalloc(d->size + 1);
	struct hm_str s = { copy, d->size };

	memcpy(copy, d->data, d->size);
	gnutls_free(d->data);
	return s;
}

static int
export(struct mt_cert *cert)
{
	gnutls_datum_t d;
	gnutls_pubkey_t key;
	int rc = gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_DER, &d);

	if (rc < 0)
		return rc;
	cert->der = keep(&d);
	rc = gnutls_pubkey_init(&key);
	if (rc < 0)
		return rc;
	rc = gnutls_pubkey_import_x509(key, cert->crt, 0);
	if (rc == 0)
		rc = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &d);
	if (rc == 0)
		cert->spki = keep(&d);
	gnutls_pubkey_deinit(key);
	return rc;
}

int
mt_cert_make(const struct mt_cert_spec *spec, struct mt_cert *ret)
{
	int rc;

	*ret = (struct mt_cert){ 0 };
	rc = gnutls_x509_privkey_init(&ret->key);
	if (rc == 0)
		rc = gnutls_x509_crt_init(&ret->crt);
	if (rc == 0)
		rc = gnutls_x509_privkey_generate(ret->key, GNUTLS_PK_ECDSA,
		    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (rc == 0)
		rc = fill(ret->crt, spec, ret->key);
	if (rc == 0)
		rc = export(ret);
	if (rc < 0)
		mt_cert_release(ret);
	return rc;
}

void
mt_cert_release(struct mt_cert *cert)
{
	if (cert->crt != NULL)
		gnutls_x509_crt_deinit(cert->crt);
	if (cert->key != NULL)
		gnutls_x509_privkey_deinit(cert->key);
	free((char *)cert->der.p);
	free((char *)cert->spki.p);
	*cert = (struct mt_cert){ 0 };
}
