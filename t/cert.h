/* cert.h - certificates for tests, made on the spot. */
#ifndef HERMOD_T_CERT_H
#define HERMOD_T_CERT_H

#include <gnutls/x509.h>

#include <hermod/types.h>

struct mt_cert {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	struct hm_str der, spki;       /* heap */
};
struct mt_cert_spec {
	const char *name;              /* of the subject */
	const char *const *hosts;      /* names of servers, NULL-ended; or NULL */
	bool authority;
	int64_t from_s, until_s;       /* since 1970 */
	const struct mt_cert *issuer;  /* NULL: itself */
};
/* ECDSA P-256. 0, or a code of GnuTLS. */
int mt_cert_make(const struct mt_cert_spec *spec, struct mt_cert *ret);
void mt_cert_release(struct mt_cert *cert);

#endif
