/* tlsa.c - TLSA records: which can be used, how they are written and made. */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include <hermod/encode.h>
#include <hermod/str.h>

#include "dane.h"

static gnutls_datum_t
datum(struct hm_str s)
{
	return (gnutls_datum_t){ (unsigned char *)s.p, (unsigned)s.len };
}

static bool
is_certificate(struct hm_str der)
{
	gnutls_datum_t d = datum(der);
	gnutls_x509_crt_t cert;
	bool yes;

	if (gnutls_x509_crt_init(&cert) < 0)
		return false;
	yes = gnutls_x509_crt_import(cert, &d, GNUTLS_X509_FMT_DER) == 0;
	gnutls_x509_crt_deinit(cert);
	return yes;
}

static bool
is_public_key(struct hm_str der)
{
	gnutls_datum_t d = datum(der);
	gnutls_pubkey_t key;
	bool yes;

	if (gnutls_pubkey_init(&key) < 0)
		return false;
	yes = gnutls_pubkey_import(key, &d, GNUTLS_X509_FMT_DER) == 0;
	gnutls_pubkey_deinit(key);
	return yes;
}

/* PKIX-TA(0) and PKIX-EE(1) mean nothing where no list of authorities is agreed
 * on (RFC 7672, 3.1.3). */
static bool
usable(const struct hm_dns_tlsa *t)
{
	if (t->usage != DANE_TA && t->usage != DANE_EE)
		return false;
	if (t->selector != DANE_CERT && t->selector != DANE_SPKI)
		return false;
	switch (t->matching) {
	case DANE_FULL:
		return t->selector == DANE_CERT ? is_certificate(t->data) :
		    is_public_key(t->data);
	case DANE_SHA256:
		return t->data.len == 32;
	case DANE_SHA512:
		return t->data.len == 64;
	default:
		return false;
	}
}

/* Another record of the same kind has the better digest. */
static bool
outdone(const struct hm_tlsa *t, const struct hm_tlsa *all, size_t n)
{
	for (size_t i = 0; i < n && t->matching == DANE_SHA256; i++)
		if (all[i].usage == t->usage && all[i].selector == t->selector &&
		    all[i].matching == DANE_SHA512)
			return true;
	return false;
}

size_t
dane_usable(const struct hm_dns_answer *answer, struct hm_arena *arena,
    const struct hm_tlsa **ret)
{
	size_t most = answer->n < DANE_RECORDS_MAX ? answer->n :
	    DANE_RECORDS_MAX, n = 0, kept = 0;
	struct hm_tlsa *all = hm_alloc_array(arena, most + 1, sizeof(*all));
	struct hm_tlsa *best = hm_alloc_array(arena, most + 1, sizeof(*best));

	for (size_t i = 0; i < most; i++) {
		const struct hm_dns_tlsa *t = &answer->rr[i].tlsa;

		if (usable(t))
			all[n++] = (struct hm_tlsa){ t->usage, t->selector,
			    t->matching, t->data };
	}
	for (size_t i = 0; i < n; i++)
		if (!outdone(&all[i], all, n))
			best[kept++] = all[i];
	*ret = best;
	return kept;
}

void
dane_record_text(struct hm_buf *out, unsigned usage, unsigned selector,
    unsigned matching, struct hm_str data)
{
	hm_buf_printf(out, "%u %u %u ", usage, selector, matching);
	hm_hex_encode(out, data);
}

/* ---- making ---- */

static int
selected(gnutls_x509_crt_t cert, unsigned selector, gnutls_datum_t *ret)
{
	gnutls_pubkey_t key;
	int rc;

	if (selector == DANE_CERT)
		return gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_DER, ret);
	rc = gnutls_pubkey_init(&key);
	if (rc < 0)
		return rc;
	rc = gnutls_pubkey_import_x509(key, cert, 0);
	if (rc == 0)
		rc = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, ret);
	gnutls_pubkey_deinit(key);
	return rc;
}

static int
digest(const gnutls_datum_t *what, unsigned matching, struct hm_buf *data)
{
	gnutls_digest_algorithm_t algorithm = matching == DANE_SHA256 ?
	    GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512;
	unsigned char sum[64];
	int rc;

	if (matching == DANE_FULL) {
		hm_buf_add(data, what->data, what->size);
		return 0;
	}
	rc = gnutls_hash_fast(algorithm, what->data, what->size, sum);
	if (rc == 0)
		hm_buf_add(data, sum, gnutls_hash_get_len(algorithm));
	return rc;
}

int
dane_record_data(struct hm_str der, unsigned selector, unsigned matching,
    struct hm_buf *data)
{
	gnutls_datum_t d = datum(der), what = { 0 };
	gnutls_x509_crt_t cert;
	int rc = gnutls_x509_crt_init(&cert);

	if (rc < 0)
		return -HM_ESYNTAX;
	rc = gnutls_x509_crt_import(cert, &d, GNUTLS_X509_FMT_DER);
	if (rc == 0)
		rc = selected(cert, selector, &what);
	if (rc == 0)
		rc = digest(&what, matching, data);
	gnutls_free(what.data);
	gnutls_x509_crt_deinit(cert);
	return rc == 0 ? 0 : -HM_ESYNTAX;
}
