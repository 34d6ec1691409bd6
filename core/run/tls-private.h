/* tls-private.h - TLS settings as the streams use them. Loop thread. */
#ifndef HERMOD_RUN_TLS_PRIVATE_H
#define HERMOD_RUN_TLS_PRIVATE_H

#include <gnutls/gnutls.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdatomic.h>

#include <hermod/net.h>

enum {
	HM_TLS_CHAIN_MAX = 16,     /* certificates in one file */
	HM_TLS_ALPN_MAX = 8,
};

struct hm_tls_pair {
	gnutls_x509_crt_t leaf;    /* for its names */
	gnutls_pcert_st chain[HM_TLS_CHAIN_MAX];
	unsigned chain_len;
	gnutls_privkey_t key;
	int pk;                    /* gnutls_pk_algorithm_t */
};

struct hm_tls {
	atomic_uint refs;
	bool server, verify, tickets;
	gnutls_certificate_credentials_t cred;
	gnutls_priority_t priority;
	gnutls_datum_t ticket_key;
	struct hm_tls_pair *pairs;
	size_t n_pairs;
	gnutls_datum_t alpn[HM_TLS_ALPN_MAX];
	unsigned n_alpn;
	int64_t expires;
};

/* The certificate for a server name among those whose key type the peer takes;
 * sni may be NULL. pk_algos NULL: any. */
const struct hm_tls_pair *hm_tls_choose(const struct hm_tls *tls,
    const char *sni, const int *pk_algos, int n_algos);
/* GnuTLS's view of a stream; NULL without TLS. */
gnutls_session_t hm_io_tls_session(const struct hm_io *io);
/* Hooks the settings into a session; 0 or a GnuTLS error. */
int hm_tls_apply(const struct hm_tls *tls, gnutls_session_t session);

#endif
