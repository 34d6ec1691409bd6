/* tls-conf.c - TLS settings: certificates, versions, trust. */
#include "tls-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "privsep.h"

enum { PEM_BYTES_MAX = 1 << 20 };

static int
failed(struct hm_err *reterr, const char *what, int gnutls_rc)
{
	return hm_err_set(reterr, -HM_ETLS, "%s: %s", what,
	    gnutls_strerror(gnutls_rc));
}

/* Certificates must look valid at virtual times, too. */
static time_t
tls_time(time_t *t)
{
	time_t now = (time_t)(hm_wall_ms() / 1000);

	if (t)
		*t = now;
	return now;
}

static int
read_pem(const char *path, struct hm_buf *buf, struct hm_err *reterr)
{
	int fd = hm_priv_open(path, reterr);
	char block[2048];
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, block, sizeof(block))) > 0 &&
	    buf->len < PEM_BYTES_MAX)
		hm_buf_add(buf, block, (size_t)n);
	hm_wipe(block, sizeof(block));
	if (n < 0)
		hm_err_errno(reterr, errno, "%s", path);
	else if (n > 0)
		hm_err_set(reterr, -HM_ELIMIT, "%s: too large", path);
	close(fd);
	return n == 0 ? 0 : n < 0 ? -HM_EIO : -HM_ELIMIT;
}

static void
wipe(struct hm_buf *buf)
{
	if (buf->p)
		hm_wipe(buf->p, buf->len);
	hm_buf_release(buf);
}

/* ---- one certificate with its key ---- */

static void
pair_release(struct hm_tls_pair *pair)
{
	unsigned i;

	for (i = 0; i < pair->chain_len; i++)
		gnutls_pcert_deinit(&pair->chain[i]);
	if (pair->leaf)
		gnutls_x509_crt_deinit(pair->leaf);
	if (pair->key)
		gnutls_privkey_deinit(pair->key);
}

static int
load_chain(struct hm_tls_pair *pair, const char *path, struct hm_err *reterr)
{
	struct hm_buf pem = { 0 };
	unsigned n = HM_TLS_CHAIN_MAX;
	gnutls_datum_t datum;
	int rc = read_pem(path, &pem, reterr);

	if (rc == 0) {
		datum.data = (unsigned char *)pem.p;
		datum.size = (unsigned)pem.len;
		/* Sorted: leaf first, whatever the file's order. */
		rc = gnutls_pcert_list_import_x509_raw(pair->chain, &n, &datum,
		    GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT);
		if (rc == 0)
			pair->chain_len = n;
		if (rc == 0 && n == 0)
			rc = GNUTLS_E_NO_CERTIFICATE_FOUND;
		if (rc == 0)
			rc = gnutls_pcert_export_x509(&pair->chain[0],
			    &pair->leaf);
		if (rc != 0)
			rc = failed(reterr, path, rc);
	}
	hm_buf_release(&pem);
	return rc;
}

static int
load_key(struct hm_tls_pair *pair, const char *path, struct hm_err *reterr)
{
	struct hm_buf pem = { 0 };
	gnutls_datum_t datum;
	int rc = read_pem(path, &pem, reterr);

	if (rc == 0) {
		datum.data = (unsigned char *)pem.p;
		datum.size = (unsigned)pem.len;
		rc = gnutls_privkey_init(&pair->key);
		if (rc == 0)
			rc = gnutls_privkey_import_x509_raw(pair->key, &datum,
			    GNUTLS_X509_FMT_PEM, NULL, 0);
		if (rc != 0)
			rc = failed(reterr, path, rc);
		else
			pair->pk = gnutls_privkey_get_pk_algorithm(pair->key,
			    NULL);
	}
	wipe(&pem);
	return rc;
}

static bool
belong_together(const struct hm_tls_pair *pair)
{
	unsigned char a[64], b[64];
	size_t a_len = sizeof(a), b_len = sizeof(b);
	gnutls_pubkey_t pub;
	bool same;

	if (gnutls_pubkey_init(&pub) != 0)
		return false;
	same = gnutls_pubkey_import_privkey(pub, pair->key, 0, 0) == 0 &&
	    gnutls_pubkey_get_key_id(pub, 0, a, &a_len) == 0 &&
	    gnutls_pubkey_get_key_id(pair->chain[0].pubkey, 0, b, &b_len) == 0 &&
	    a_len == b_len && memcmp(a, b, a_len) == 0;
	gnutls_pubkey_deinit(pub);
	return same;
}

static int
load_pair(struct hm_tls_pair *pair, const struct hm_tls_cert *files,
    struct hm_err *reterr)
{
	int rc = load_chain(pair, files->cert_file, reterr);

	if (rc == 0)
		rc = load_key(pair, files->key_file, reterr);
	if (rc == 0 && !belong_together(pair))
		rc = hm_err_set(reterr, -HM_ETLS, "%s: not the key of %s",
		    files->key_file, files->cert_file);
	return rc;
}

/* ---- choosing ---- */

static bool
takes(const struct hm_tls_pair *pair, const int *pk_algos, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (pk_algos[i] == pair->pk)
			return true;
	return !pk_algos;
}

const struct hm_tls_pair *
hm_tls_choose(const struct hm_tls *tls, const char *sni, const int *pk_algos,
    int n_algos)
{
	const struct hm_tls_pair *fallback = NULL;
	size_t i;

	for (i = 0; i < tls->n_pairs; i++) {
		const struct hm_tls_pair *pair = &tls->pairs[i];

		if (!takes(pair, pk_algos, n_algos))
			continue;
		if (!sni || gnutls_x509_crt_check_hostname(pair->leaf, sni))
			return pair;
		if (!fallback)
			fallback = pair;
	}
	/* An unknown name is no reason to fail: many mail clients and servers
	 * send none, or a name of their own. */
	return fallback ? fallback : &tls->pairs[0];
}

static int
retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
    gnutls_pcert_st **certs, unsigned *certs_length,
    gnutls_ocsp_data_st **ocsp, unsigned *ocsp_length,
    gnutls_privkey_t *key, unsigned *flags)
{
	const struct hm_tls *tls = gnutls_session_get_ptr(session);
	const struct hm_tls_pair *pair;
	char sni[256];
	size_t len = sizeof(sni);
	unsigned type;
	bool named = gnutls_server_name_get(session, sni, &len, &type, 0) == 0 &&
	    type == GNUTLS_NAME_DNS && len > 0;

	pair = hm_tls_choose(tls, named ? sni : NULL,
	    (const int *)(const void *)info->pk_algos, info->pk_algos_length);
	*certs = (gnutls_pcert_st *)pair->chain;
	*certs_length = pair->chain_len;
	*ocsp = NULL;
	*ocsp_length = 0;
	*key = pair->key;
	*flags = 0;
	return 0;
}

/* ---- settings ---- */

static void
tls_free(struct hm_tls *tls)
{
	size_t i;

	for (i = 0; i < tls->n_pairs; i++)
		pair_release(&tls->pairs[i]);
	free(tls->pairs);
	for (i = 0; i < tls->n_alpn; i++)
		free(tls->alpn[i].data);
	if (tls->cred)
		gnutls_certificate_free_credentials(tls->cred);
	if (tls->priority)
		gnutls_priority_deinit(tls->priority);
	if (tls->ticket_key.data) {
		hm_wipe(tls->ticket_key.data, tls->ticket_key.size);
		gnutls_free(tls->ticket_key.data);
	}
	free(tls);
}

struct hm_tls *
hm_tls_ref(struct hm_tls *tls)
{
	atomic_fetch_add(&tls->refs, 1);
	return tls;
}

void
hm_tls_unref(struct hm_tls *tls)
{
	if (tls && atomic_fetch_sub(&tls->refs, 1) == 1)
		tls_free(tls);
}

int64_t
hm_tls_expires(const struct hm_tls *tls)
{
	return tls->expires;
}

struct hm_str
hm_tls_leaf(const struct hm_tls *tls, size_t n, struct hm_arena *arena)
{
	const gnutls_datum_t *der;

	if (n >= tls->n_pairs)
		return (struct hm_str){ 0 };
	der = &tls->pairs[n].chain[0].cert;
	return hm_str_dup(arena, hm_str_n((char *)der->data, der->size));
}

static struct hm_tls *
tls_new(bool server)
{
	struct hm_tls *tls = hm_xalloc(sizeof(*tls));

	if (hm_clock_is_virtual())
		gnutls_global_set_time_function(tls_time);
	atomic_init(&tls->refs, 1);
	tls->server = server;
	tls->tickets = server;
	tls->expires = INT64_MAX;
	return tls;
}

/* "1.2", "TLS1.2", "TLSv1.2" and the like; NULL is 1.2. */
static int
set_versions(struct hm_tls *tls, const char *min, struct hm_err *reterr)
{
	static const struct {
		const char *name, *priority;
	} known[] = {
		{ "1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3" },
		{ "1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" },
		{ "1.1", "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
		    ":+VERS-TLS1.1" },
		{ "1.0", "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
		    ":+VERS-TLS1.1:+VERS-TLS1.0" },
	};
	struct hm_str name = hm_str(min ? min : "1.2");
	size_t i;
	int rc;

	if (hm_str_casestarts(name, HM_STR("TLS")))
		name = hm_str_skip(name, 3);
	if (hm_str_casestarts(name, HM_STR("v")))
		name = hm_str_skip(name, 1);
	for (i = 0; i < HM_ARRAY_LEN(known); i++) {
		if (!hm_str_is(name, known[i].name))
			continue;
		rc = gnutls_priority_init(&tls->priority, known[i].priority,
		    NULL);
		return rc == 0 ? 0 : failed(reterr, "TLS versions", rc);
	}
	return hm_err_set(reterr, -HM_EINVAL, "unknown TLS version \"%.40s\": "
	    "use TLS1.2 or TLS1.3", min);
}

static int
set_alpn(struct hm_tls *tls, const char *list, struct hm_err *reterr)
{
	struct hm_str rest = hm_str(list);

	while (rest.p) {
		struct hm_str one = hm_str_trim(hm_str_split(&rest, ','));
		gnutls_datum_t *d = &tls->alpn[tls->n_alpn];

		if (one.len == 0)
			continue;
		if (one.len > 255 || tls->n_alpn == HM_TLS_ALPN_MAX)
			return hm_err_set(reterr, -HM_ELIMIT,
			    "too many or too long ALPN names");
		d->data = hm_xalloc(one.len);
		memcpy(d->data, one.p, one.len);
		d->size = (unsigned)one.len;
		tls->n_alpn++;
	}
	return 0;
}

static int
load_pairs(struct hm_tls *tls, const struct hm_tls_cert *certs, size_t n,
    struct hm_err *reterr)
{
	size_t i;

	if (n == 0)
		return hm_err_set(reterr, -HM_EINVAL, "no certificate given");
	tls->pairs = hm_xalloc(n * sizeof(*tls->pairs));
	for (i = 0; i < n; i++) {
		struct hm_tls_pair *pair = &tls->pairs[tls->n_pairs++];
		int rc = load_pair(pair, &certs[i], reterr);
		int64_t expires;

		if (rc != 0)
			return rc;
		expires = gnutls_x509_crt_get_expiration_time(pair->leaf);
		if (expires < tls->expires)
			tls->expires = expires;
	}
	return 0;
}

int
hm_tls_server(const struct hm_tls_cert *certs, size_t n,
    const char *min_version, const char *alpn, struct hm_tls **ret,
    struct hm_err *reterr)
{
	struct hm_tls *tls = tls_new(true);
	int rc = load_pairs(tls, certs, n, reterr);

	if (rc == 0)
		rc = set_versions(tls, min_version, reterr);
	if (rc == 0)
		rc = set_alpn(tls, alpn, reterr);
	if (rc == 0 &&
	    (gnutls_certificate_allocate_credentials(&tls->cred) != 0 ||
	    gnutls_session_ticket_key_generate(&tls->ticket_key) != 0))
		rc = hm_err_set(reterr, -HM_ETLS, "TLS could not be set up");
	if (rc != 0) {
		tls_free(tls);
		return rc;
	}
	gnutls_certificate_set_retrieve_function3(tls->cred, retrieve);
	*ret = tls;
	return 0;
}

static int
set_trust(struct hm_tls *tls, const char *ca_file, struct hm_err *reterr)
{
	struct hm_buf pem = { 0 };
	gnutls_datum_t datum;
	int rc;

	if (!ca_file) {
		rc = gnutls_certificate_set_x509_system_trust(tls->cred);
		return rc >= 0 ? 0 : failed(reterr, "system certificates", rc);
	}
	rc = read_pem(ca_file, &pem, reterr);
	if (rc == 0) {
		datum.data = (unsigned char *)pem.p;
		datum.size = (unsigned)pem.len;
		rc = gnutls_certificate_set_x509_trust_mem(tls->cred, &datum,
		    GNUTLS_X509_FMT_PEM);
		rc = rc > 0 ? 0 : failed(reterr, ca_file,
		    rc < 0 ? rc : GNUTLS_E_NO_CERTIFICATE_FOUND);
	}
	hm_buf_release(&pem);
	return rc;
}

int
hm_tls_client(const char *ca_file, bool verify, struct hm_tls **ret,
    struct hm_err *reterr)
{
	struct hm_tls *tls = tls_new(false);
	int rc = 0;

	tls->verify = verify;
	if (gnutls_certificate_allocate_credentials(&tls->cred) != 0)
		rc = hm_err_set(reterr, -HM_ETLS, "TLS could not be set up");
	if (rc == 0)
		rc = set_versions(tls, NULL, reterr);
	/* A system without authorities can still be lenient. */
	if (rc == 0)
		rc = set_trust(tls, ca_file, verify || ca_file ? reterr : NULL);
	if (!verify && !ca_file)
		rc = 0;
	if (rc != 0) {
		tls_free(tls);
		return rc;
	}
	*ret = tls;
	return 0;
}

void
hm_tls_set_tickets(struct hm_tls *tls, bool on)
{
	tls->tickets = on && tls->server;
}

int
hm_tls_apply(const struct hm_tls *tls, gnutls_session_t session)
{
	int rc;

	gnutls_session_set_ptr(session, (void *)tls);
	rc = gnutls_priority_set(session, tls->priority);
	if (rc == 0)
		rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
		    tls->cred);
	if (rc == 0 && tls->tickets)
		rc = gnutls_session_ticket_enable_server(session,
		    &tls->ticket_key);
	if (rc == 0 && tls->n_alpn)
		rc = gnutls_alpn_set_protocols(session, tls->alpn, tls->n_alpn,
		    0);
	if (rc == 0 && tls->server)
		gnutls_certificate_server_set_request(session,
		    GNUTLS_CERT_IGNORE);
	return rc;
}
