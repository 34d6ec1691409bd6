/* tls.c - TLS on a stream. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "io-private.h"
#include "tls-private.h"

enum {
	HANDSHAKE_MS = 60000,
	IDLE_RECORDS = 64,     /* records without data that one read puts up with */
};

struct hm_tls_stream {
	gnutls_session_t session;
	struct hm_tls *tls;
	struct hm_io_buf raw;      /* received, not decrypted yet */
	size_t pending;            /* a send that GnuTLS has begun */
	bool base_failed;
	char *sni;
	char cipher[64];
};

/* ---- GnuTLS's way to the base ---- */

/* GnuTLS asks for a record's head and then for its body; reading ahead makes
 * that one system call. */
static ssize_t
pull(gnutls_transport_ptr_t ptr, void *p, size_t len)
{
	struct hm_io *io = ptr;
	struct hm_io_buf *raw = &io->tls->raw;
	ssize_t n;

	if (raw->len == 0) {
		hm_io_buf_room(raw);
		n = io->base->recv(io, raw->p, raw->cap);
		if (n <= 0) {
			hm_io_buf_release(raw);
			if (n == 0)
				return 0;
			if (n != IO_WAIT_READ)
				io->tls->base_failed = true;
			gnutls_transport_set_errno(io->tls->session,
			    n == IO_WAIT_READ ? EAGAIN : EIO);
			return -1;
		}
		raw->off = 0;
		raw->len = (size_t)n;
	}
	if (len > raw->len)
		len = raw->len;
	memcpy(p, raw->p + raw->off, len);
	raw->off += len;
	raw->len -= len;
	return (ssize_t)len;
}

static ssize_t
push(gnutls_transport_ptr_t ptr, const void *p, size_t len)
{
	struct hm_io *io = ptr;
	ssize_t n = io->base->send(io, p, len);

	if (n > 0)
		return n;
	if (n != IO_WAIT_WRITE)
		io->tls->base_failed = true;
	gnutls_transport_set_errno(io->tls->session,
	    n == IO_WAIT_WRITE ? EAGAIN : EIO);
	return -1;
}

static int
pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
	struct hm_io *io = ptr;

	(void)ms;
	return io->tls->raw.len > 0 || io->base->readable(io);
}

static ssize_t
to_wait(gnutls_session_t session)
{
	return gnutls_record_get_direction(session) ? IO_WAIT_WRITE :
	    IO_WAIT_READ;
}

/* ---- data ---- */

ssize_t
hm_tls_recv(struct hm_io *io, void *p, size_t len)
{
	struct hm_tls_stream *t = io->tls;
	int i;

	for (i = 0; i < IDLE_RECORDS; i++) {
		ssize_t n = gnutls_record_recv(t->session, p, len);

		switch (n) {
		case GNUTLS_E_AGAIN:
			/* It took in a session ticket, and what was read ahead
			 * behind that will not make the socket readable. */
			if (t->raw.len > 0 &&
			    !gnutls_record_get_direction(t->session))
				continue;
			return to_wait(t->session);
		case GNUTLS_E_INTERRUPTED:
		case GNUTLS_E_WARNING_ALERT_RECEIVED:
			continue;
		case GNUTLS_E_REHANDSHAKE:
			/* Renegotiation is never granted. */
			(void)gnutls_alert_send(t->session, GNUTLS_AL_WARNING,
			    GNUTLS_A_NO_RENEGOTIATION);
			return -HM_ETLS;
		default:
			if (n >= 0)
				return n;
			/* A premature end lands here, too: not -HM_EEOF. */
			return t->base_failed ? -HM_EIO : -HM_ETLS;
		}
	}
	return -HM_ETLS;
}

ssize_t
hm_tls_send(struct hm_io *io, const void *p, size_t len)
{
	struct hm_tls_stream *t = io->tls;
	ssize_t n;
	size_t begun;

	/* Once begun, a record is finished with (NULL, 0): GnuTLS kept a copy,
	 * and the caller's data still begins with it. */
	n = t->pending ? gnutls_record_send(t->session, NULL, 0) :
	    gnutls_record_send(t->session, p, len);
	if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) {
		if (!t->pending) {
			size_t max = gnutls_record_get_max_size(t->session);

			t->pending = len < max ? len : max;
		}
		return to_wait(t->session);
	}
	begun = t->pending;
	t->pending = 0;
	if (n < 0)
		return t->base_failed ? -HM_EIO : -HM_ETLS;
	return begun ? (ssize_t)begun : n;
}

bool
hm_tls_pending(struct hm_io *io)
{
	return io->tls->raw.len > 0 ||
	    gnutls_record_check_pending(io->tls->session) > 0;
}

void
hm_tls_bye(struct hm_io *io, int64_t until_ms)
{
	while (gnutls_bye(io->tls->session, GNUTLS_SHUT_WR) == GNUTLS_E_AGAIN)
		if (hm_io_await(io, true, until_ms) != 0)
			break;
}

void
hm_tls_stream_free(struct hm_io *io)
{
	struct hm_tls_stream *t = io->tls;

	gnutls_deinit(t->session);
	hm_io_buf_release(&t->raw);
	hm_tls_unref(t->tls);
	free(t->sni);
	free(t);
	io->tls = NULL;
}

/* ---- beginning ---- */

static int
explain(struct hm_io *io, int rc, struct hm_err *reterr)
{
	gnutls_session_t session = io->tls->session;
	gnutls_datum_t text;

	if (rc == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR &&
	    gnutls_certificate_verification_status_print(
	    gnutls_session_get_verify_cert_status(session), GNUTLS_CRT_X509,
	    &text, 0) == 0) {
		hm_err_set(reterr, -HM_ETLS, "TLS: %.*s", (int)text.size,
		    (char *)text.data);
		gnutls_free(text.data);
		return -HM_ETLS;
	}
	if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED) {
		const char *alert = gnutls_alert_get_name(
		    gnutls_alert_get(session));

		return hm_err_set(reterr, -HM_ETLS, "TLS: the peer says: %s",
		    alert ? alert : "unknown alert");
	}
	/* OpenSSL's clients send that alert in clear, behind a ServerHello
	 * that made us expect ciphertext (RFC 8446, 6). */
	if (rc == GNUTLS_E_DECRYPTION_FAILED && io->tls->tls->server)
		return hm_err_set(reterr, -HM_ETLS, "TLS: the peer broke off; "
		    "it may not trust the certificate");
	return hm_err_set(reterr, -HM_ETLS, "TLS: %s", gnutls_strerror(rc));
}

static int
handshake(struct hm_io *io, struct hm_err *reterr)
{
	gnutls_session_t session = io->tls->session;
	int64_t until = hm_until(HANDSHAKE_MS);
	int rc, wait_rc;

	for (;;) {
		rc = gnutls_handshake(session);
		if (rc == 0)
			return 0;
		if (rc == GNUTLS_E_AGAIN) {
			wait_rc = hm_io_await(io,
			    to_wait(session) == IO_WAIT_WRITE, until);
			if (wait_rc != 0)
				return hm_err_set(reterr, wait_rc,
				    "TLS: handshake not finished in time");
		} else if (gnutls_error_is_fatal(rc)) {
			(void)gnutls_alert_send_appropriate(session, rc);
			return explain(io, rc, reterr);
		}
	}
}

static void
remember(struct hm_io *io)
{
	struct hm_tls_stream *t = io->tls;
	char name[256];
	size_t len = sizeof(name);
	unsigned type;
	const char *cipher = gnutls_ciphersuite_get(t->session);

	if (cipher)
		memcpy(t->cipher, cipher, strnlen(cipher, sizeof(t->cipher) - 1));
	if (!t->tls->server || gnutls_server_name_get(t->session, name, &len,
	    &type, 0) != 0 || type != GNUTLS_NAME_DNS || len == 0)
		return;
	t->sni = hm_xalloc(len + 1);
	memcpy(t->sni, name, strnlen(name, len));
}

static int
begin(struct hm_io *io, const struct hm_tls *tls, const char *server_name)
{
	struct hm_tls_stream *t = io->tls;
	struct hm_sockaddr a;
	int rc;

	rc = hm_tls_apply(tls, t->session);
	gnutls_transport_set_ptr(t->session, io);
	gnutls_transport_set_pull_function(t->session, pull);
	gnutls_transport_set_push_function(t->session, push);
	gnutls_transport_set_pull_timeout_function(t->session, pull_timeout);
	gnutls_handshake_set_timeout(t->session, GNUTLS_INDEFINITE_TIMEOUT);
	if (rc != 0 || tls->server)
		return rc;
	/* RFC 6066, 3: no address literals in SNI. */
	if (server_name && hm_sockaddr_parse(hm_str(server_name), &a) != 0)
		rc = gnutls_server_name_set(t->session, GNUTLS_NAME_DNS,
		    server_name, strlen(server_name));
	if (rc == 0 && tls->verify)
		gnutls_session_set_verify_cert(t->session, server_name, 0);
	return rc;
}

static int
starttls(struct hm_io *io, const struct hm_tls *tls, const char *server_name,
    struct hm_err *reterr)
{
	struct hm_tls_stream *t;
	int rc;

	if (io->tls)
		return hm_err_set(reterr, -HM_EINVAL, "TLS is active already");
	rc = hm_io_flush(io);
	if (rc != 0)
		return hm_err_set(reterr, rc, "TLS: the connection failed");
	t = hm_xalloc(sizeof(*t));
	t->tls = hm_tls_ref((struct hm_tls *)tls);
	rc = gnutls_init(&t->session, GNUTLS_NONBLOCK |
	    (tls->server ? GNUTLS_SERVER : GNUTLS_CLIENT));
	if (rc != 0) {
		hm_tls_unref(t->tls);
		free(t);
		return hm_err_set(reterr, -HM_ETLS, "TLS: %s",
		    gnutls_strerror(rc));
	}
	io->tls = t;
	/* What came in clear before the handshake is handshake, or nothing. */
	t->raw = io->in;
	io->in = (struct hm_io_buf){ 0 };
	io->scanned = 0;
	rc = begin(io, tls, server_name);
	rc = rc == 0 ? handshake(io, reterr) : explain(io, rc, reterr);
	if (rc != 0)
		io->rd_err = io->wr_err = rc;
	else
		remember(io);
	return rc;
}

int
hm_io_starttls_server(struct hm_io *io, const struct hm_tls *tls,
    struct hm_err *reterr)
{
	if (!tls->server)
		return hm_err_set(reterr, -HM_EINVAL, "not settings of a server");
	return starttls(io, tls, NULL, reterr);
}

int
hm_io_starttls_client(struct hm_io *io, const struct hm_tls *tls,
    const char *server_name, struct hm_err *reterr)
{
	if (tls->server)
		return hm_err_set(reterr, -HM_EINVAL, "not settings of a client");
	return starttls(io, tls, server_name, reterr);
}

/* ---- facts ---- */

gnutls_session_t
hm_io_tls_session(const struct hm_io *io)
{
	return io->tls ? io->tls->session : NULL;
}

bool
hm_io_is_tls(const struct hm_io *io)
{
	return io->tls != NULL;
}

const char *
hm_io_tls_version(const struct hm_io *io)
{
	return io->tls ? gnutls_protocol_get_name(
	    gnutls_protocol_get_version(io->tls->session)) : NULL;
}

const char *
hm_io_tls_cipher(const struct hm_io *io)
{
	return io->tls ? io->tls->cipher : NULL;
}

const char *
hm_io_tls_sni(const struct hm_io *io)
{
	return io->tls ? io->tls->sni : NULL;
}

struct hm_str
hm_io_tls_alpn(const struct hm_io *io)
{
	gnutls_datum_t d;

	if (!io->tls ||
	    gnutls_alpn_get_selected_protocol(io->tls->session, &d) != 0)
		return (struct hm_str){ 0 };
	return (struct hm_str){ (const char *)d.data, d.size };
}

size_t
hm_io_tls_peer_certs(const struct hm_io *io, struct hm_arena *arena,
    const struct hm_str **ret)
{
	unsigned n = 0;
	const gnutls_datum_t *chain = io->tls == NULL ? NULL :
	    gnutls_certificate_get_peers(io->tls->session, &n);
	struct hm_str *certs = hm_alloc_array(arena, n + 1, sizeof(*certs));

	for (unsigned i = 0; i < n; i++)
		certs[i] = hm_str_dup(arena, hm_str_n((char *)chain[i].data,
		    chain[i].size));
	*ret = certs;
	return n;
}

static enum hm_tls_fault
fault_of(unsigned status)
{
	const unsigned times = GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED;
	const unsigned minor = GNUTLS_CERT_INVALID |
	    GNUTLS_CERT_UNEXPECTED_OWNER | times;

	if (status & ~minor)
		return HM_TLS_FAULT_UNTRUSTED;
	if (status & times)
		return HM_TLS_FAULT_EXPIRED;
	return status & GNUTLS_CERT_UNEXPECTED_OWNER ? HM_TLS_FAULT_NAME :
	    HM_TLS_FAULT_UNTRUSTED;
}

int
hm_io_tls_verify(const struct hm_io *io, const char *host,
    enum hm_tls_fault *ret_fault, struct hm_err *reterr)
{
	unsigned status = GNUTLS_CERT_INVALID;
	gnutls_datum_t text;

	*ret_fault = HM_TLS_FAULT_NONE;
	if (io->tls != NULL && gnutls_certificate_verify_peers3(
	    io->tls->session, host, &status) == 0 && status == 0)
		return 0;
	*ret_fault = fault_of(status);
	if (gnutls_certificate_verification_status_print(status,
	    GNUTLS_CRT_X509, &text, 0) < 0)
		return hm_err_set(reterr, -HM_ETLS, "TLS: no certificate");
	hm_err_set(reterr, -HM_ETLS, "TLS: %.*s", (int)text.size,
	    (char *)text.data);
	gnutls_free(text.data);
	return -HM_ETLS;
}

static bool
binding_type(gnutls_session_t session, const char *type,
    gnutls_channel_binding_t *ret)
{
	bool is13 = gnutls_protocol_get_version(session) == GNUTLS_TLS1_3;

	/* Without the extended master secret an attacker in the middle can make
	 * two connections agree on their bindings (RFC 7627, RFC 9266, 4.2). */
	if (!is13 && !gnutls_session_ext_master_secret_status(session))
		return false;
	if (hm_str_is(hm_str(type), "tls-exporter"))
		*ret = GNUTLS_CB_TLS_EXPORTER;
	else if (hm_str_is(hm_str(type), "tls-unique") && !is13)
		*ret = GNUTLS_CB_TLS_UNIQUE;
	else
		return false;
	return true;
}

int
hm_io_channel_binding(struct hm_io *io, const char *type, struct hm_buf *ret)
{
	gnutls_channel_binding_t kind;
	gnutls_datum_t data;

	if (!io->tls || !binding_type(io->tls->session, type, &kind) ||
	    gnutls_session_channel_binding(io->tls->session, kind, &data) != 0)
		return -HM_EUNSUPPORTED;
	hm_buf_add(ret, data.data, data.size);
	gnutls_memset(data.data, 0, data.size);
	gnutls_free(data.data);
	return 0;
}
