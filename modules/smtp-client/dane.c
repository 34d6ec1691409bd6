/* dane.c - the peer's certificates against TLSA records (RFC 6698, 7671, 7672). */
#include <stdio.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "client.h"

enum { CHAIN_MAX = 16 };
enum { USAGE_TA = 2, USAGE_EE = 3 };
enum { SELECTOR_CERT = 0, SELECTOR_SPKI = 1 };
enum { MATCHING_FULL = 0, MATCHING_SHA256 = 1, MATCHING_SHA512 = 2 };

struct chain {
	gnutls_x509_crt_t certs[CHAIN_MAX];
	unsigned n;
};

static void
chain_release(struct chain *chain)
{
	for (unsigned i = 0; i < chain->n; i++)
		gnutls_x509_crt_deinit(chain->certs[i]);
}

static bool
chain_add(struct chain *chain, struct hm_str der)
{
	gnutls_datum_t d = { (unsigned char *)der.p, (unsigned)der.len };
	gnutls_x509_crt_t cert;

	if (chain->n == CHAIN_MAX || gnutls_x509_crt_init(&cert) < 0)
		return false;
	if (gnutls_x509_crt_import(cert, &d, GNUTLS_X509_FMT_DER) < 0) {
		gnutls_x509_crt_deinit(cert);
		return false;
	}
	chain->certs[chain->n++] = cert;
	return true;
}

/* ---- one record, one certificate ---- */

static int
public_key(gnutls_x509_crt_t cert, gnutls_datum_t *ret)
{
	gnutls_pubkey_t key;
	int rc = gnutls_pubkey_init(&key);

	if (rc < 0)
		return rc;
	rc = gnutls_pubkey_import_x509(key, cert, 0);
	if (rc == 0)
		rc = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, ret);
	gnutls_pubkey_deinit(key);
	return rc;
}

static bool
same(const struct hm_tlsa *t, const gnutls_datum_t *what)
{
	unsigned char digest[64];
	struct hm_str seen = hm_str_n((char *)what->data, what->size);
	gnutls_digest_algorithm_t algorithm = t->matching == MATCHING_SHA256 ?
	    GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512;

	if (t->matching > MATCHING_SHA512)
		return false;
	if (t->matching != MATCHING_FULL) {
		if (gnutls_hash_fast(algorithm, what->data, what->size,
		    digest) < 0)
			return false;
		seen = hm_str_n((char *)digest,
		    gnutls_hash_get_len(algorithm));
	}
	return hm_str_eq(seen, t->data);
}

static bool
matches(const struct hm_tlsa *t, gnutls_x509_crt_t cert)
{
	gnutls_datum_t what;
	bool yes;
	int rc = t->selector == SELECTOR_CERT ?
	    gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_DER, &what) :
	    t->selector == SELECTOR_SPKI ? public_key(cert, &what) : -1;

	if (rc < 0)
		return false;
	yes = same(t, &what);
	gnutls_free(what.data);
	return yes;
}

/* ---- a trust anchor ---- */

static bool
named(gnutls_x509_crt_t leaf, const struct hm_str *names, size_t n)
{
	char name[256];

	for (size_t i = 0; i < n; i++)
		if (names[i].len > 0 && names[i].len < sizeof(name) &&
		    snprintf(name, sizeof(name), "%.*s", HM_FMT(names[i])) > 0 &&
		    gnutls_x509_crt_check_hostname(leaf, name))
			return true;
	return false;
}

/* The chain up to the anchor must be sound and in date (RFC 7671, 5.2); what
 * comes above it does not matter. */
static bool
leads_to(struct chain *chain, gnutls_x509_crt_t anchor)
{
	gnutls_x509_trust_list_t list;
	unsigned status = ~0u;
	int rc = gnutls_x509_trust_list_init(&list, 0);

	if (rc < 0)
		return false;
	rc = gnutls_x509_trust_list_add_cas(list, &anchor, 1, 0);
	if (rc == 1)
		rc = gnutls_x509_trust_list_verify_crt(list, chain->certs,
		    chain->n, 0, &status, NULL);
	gnutls_x509_trust_list_deinit(list, 0);
	return rc == 0 && status == 0;
}

static bool
anchored(struct chain *chain, const struct hm_tlsa *t,
    const struct hm_str *names, size_t nnames)
{
	struct chain extra = { .n = 0 };
	bool yes = false;

	if (!named(chain->certs[0], names, nnames))
		return false;
	for (unsigned i = 1; i < chain->n && !yes; i++)
		yes = matches(t, chain->certs[i]) &&
		    leads_to(chain, chain->certs[i]);
	/* The record may hold the anchor that the server left out. */
	if (!yes && t->selector == SELECTOR_CERT &&
	    t->matching == MATCHING_FULL && chain_add(&extra, t->data) &&
	    !gnutls_x509_crt_equals(extra.certs[0], chain->certs[0]))
		yes = leads_to(chain, extra.certs[0]);
	chain_release(&extra);
	return yes;
}

/* ---- the whole ---- */

bool
client_dane_match(const struct hm_str *certs, size_t ncerts,
    const struct hm_tlsa *tlsa, size_t n, const struct hm_str *names,
    size_t nnames)
{
	struct chain chain = { .n = 0 };
	bool yes = false;

	for (size_t i = 0; i < ncerts && chain_add(&chain, certs[i]); i++)
		;
	for (size_t i = 0; i < n && !yes && chain.n > 0; i++) {
		/* The record names the certificate itself: its names and dates
		 * do not matter (RFC 7672, 3.1.1). */
		if (tlsa[i].usage == USAGE_EE)
			yes = matches(&tlsa[i], chain.certs[0]);
		else if (tlsa[i].usage == USAGE_TA)
			yes = anchored(&chain, &tlsa[i], names, nnames);
	}
	chain_release(&chain);
	return yes;
}

int
client_dane_verify(struct hm_io *io, const struct hm_tlsa *tlsa, size_t n,
    const struct hm_str *names, size_t nnames, struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "chain");
	const struct hm_str *certs;
	size_t ncerts = hm_io_tls_peer_certs(io, arena, &certs);
	bool yes = client_dane_match(certs, ncerts, tlsa, n, names, nnames);

	hm_arena_free(arena);
	return yes ? 0 : hm_err_set(reterr, -HM_ETLS,
	    "the server's certificate matches none of its TLSA records");
}
