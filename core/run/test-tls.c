/* TLS: versions, names, trust, STARTTLS, bindings, ends. */
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/run/fiber-private.h"
#include "core/run/io-private.h"
#include "core/run/loop.h"
#include "core/run/tls-private.h"
#include "t/tap.h"

static char dir[] = "/tmp/hermod-tls-XXXXXX";
static char path[3][2][64];            /* certificate i: file, key */
static struct hm_tls *server, *server13, *client, *trusting;
static struct hm_tls *client12, *client12_plain;
static bool over_socket;

static void
make_certs(void)
{
	static const char *const names[3][3] = {
		{ "mail.example", NULL },
		{ "*.other.example", "imap.example", NULL },
		{ "127.0.0.1", "localhost", NULL },
	};
	struct hm_err err;
	struct stat st;
	int i;

	if (!mkdtemp(dir))
		abort();
	for (i = 0; i < 3; i++) {
		snprintf(path[i][0], sizeof(path[0][0]), "%s/%d.pem", dir, i);
		snprintf(path[i][1], sizeof(path[0][0]), "%s/%d.key", dir, i);
		is_int(hm_tls_self_signed(names[i], 30 + i, path[i][0],
		    path[i][1], &err), 0, "certificate %d", i);
	}
	ok(stat(path[0][0], &st) == 0 && (st.st_mode & 0777) == 0640,
	    "a certificate's mode");
	ok(stat(path[0][1], &st) == 0 && (st.st_mode & 0777) == 0600,
	    "a key's mode");
}

static void
remove_certs(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		unlink(path[i][0]);
		unlink(path[i][1]);
	}
	rmdir(dir);
}

/* A peer as it may come, not as we would make it. */
static struct hm_tls *
old_client(const char *priority)
{
	struct hm_tls *tls;

	if (hm_tls_client(NULL, false, &tls, NULL) != 0)
		abort();
	gnutls_priority_deinit(tls->priority);
	if (gnutls_priority_init(&tls->priority, priority, NULL) != 0)
		abort();
	return tls;
}

static void
test_settings(void)
{
	struct hm_tls_cert certs[2] = {
		{ path[0][0], path[0][1] }, { path[1][0], path[1][1] },
	};
	struct hm_tls_cert wrong = { path[0][0], path[1][1] };
	struct hm_tls_cert missing = { "/nonexistent/x.pem", path[1][1] };
	struct hm_tls_cert swapped = { path[0][1], path[0][0] };
	int64_t days;
	struct hm_err err = { 0 };
	struct hm_tls *none = NULL;

	is_int(hm_tls_server(certs, 2, NULL, "imap, smtp", &server, &err), 0,
	    "a server with two certificates");
	is_int(hm_tls_server(certs, 1, "TLSv1.3", NULL, &server13, &err), 0,
	    "one of TLS 1.3 only");
	days = (hm_tls_expires(server) - hm_wall_ms() / 1000 + 60) / 86400;
	is_int(days, 30, "the first to expire counts");
	is_int(hm_tls_server(&wrong, 1, NULL, NULL, &none, &err), -HM_ETLS,
	    "the key of another certificate: %s", err.text);
	is_int(hm_tls_server(&missing, 1, NULL, NULL, &none, &err), -HM_ENOENT,
	    "a missing file: %s", err.text);
	is_int(hm_tls_server(&swapped, 1, NULL, NULL, &none, &err), -HM_ETLS,
	    "a key for a certificate: %s", err.text);
	is_int(hm_tls_server(certs, 1, "1.4", NULL, &none, &err), -HM_EINVAL,
	    "an unknown version: %s", err.text);
	is_int(hm_tls_server(certs, 0, NULL, NULL, &none, &err), -HM_EINVAL,
	    "no certificate: %s", err.text);
	ok(none == NULL, "nothing came of these");
	is_int(hm_tls_client(NULL, false, &client, &err), 0,
	    "a client that trusts anybody");
	is_int(hm_tls_client(path[1][0], true, &trusting, &err), 0,
	    "one that trusts one certificate");
	client12 = old_client("NORMAL:-VERS-ALL:+VERS-TLS1.2");
	client12_plain = old_client("NORMAL:-VERS-ALL:+VERS-TLS1.2:"
	    "%NO_SESSION_HASH");
}

/* ---- sessions ---- */

struct talk {
	struct hm_io *a, *b;           /* server, client */
	struct hm_tls *server, *client;
	const char *name;              /* asked for; NULL: no SNI */
	int server_rc, client_rc;
	struct hm_err err;
	char version[16], cipher[64], sni[64], alpn[16];
	bool got_default;              /* the server's first certificate */
	struct hm_buf bind_a, bind_b;
	int bind_rc[2];
	const char *bind_type;
};

static void
make_pair(struct hm_io **a, struct hm_io **b)
{
	int fd[2];

	if (!over_socket) {
		hm_io_pair(a, b);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		abort();
	*a = hm_io_from_fd(fd[0]);
	*b = hm_io_from_fd(fd[1]);
}

static void
serve(void *arg)
{
	struct talk *t = arg;
	struct hm_str line;

	t->server_rc = hm_io_starttls_server(t->a, t->server, &t->err);
	if (t->server_rc == 0) {
		snprintf(t->version, sizeof(t->version), "%s",
		    hm_io_tls_version(t->a));
		snprintf(t->cipher, sizeof(t->cipher), "%s",
		    hm_io_tls_cipher(t->a));
		snprintf(t->sni, sizeof(t->sni), "%s",
		    hm_io_tls_sni(t->a) ? hm_io_tls_sni(t->a) : "(none)");
		snprintf(t->alpn, sizeof(t->alpn), "%.*s",
		    (int)hm_io_tls_alpn(t->a).len, hm_io_tls_alpn(t->a).p);
		if (t->bind_type)
			t->bind_rc[0] = hm_io_channel_binding(t->a,
			    t->bind_type, &t->bind_a);
		while (hm_io_read_line(t->a, 1000, &line, NULL) == 0)
			if (hm_io_printf(t->a, "%.*s!\n", (int)line.len,
			    line.p) != 0)
				break;
	}
	hm_io_close(t->a);
}

static bool
cert_has_name(struct hm_io *io, const char *name)
{
	const gnutls_datum_t *list;
	gnutls_x509_crt_t crt;
	unsigned n = 0;
	bool has;

	list = gnutls_certificate_get_peers(hm_io_tls_session(io), &n);
	if (n == 0 || gnutls_x509_crt_init(&crt) != 0)
		return false;
	has = gnutls_x509_crt_import(crt, list, GNUTLS_X509_FMT_DER) == 0 &&
	    gnutls_x509_crt_check_hostname(crt, name);
	gnutls_x509_crt_deinit(crt);
	return has;
}

static void
ask(void *arg)
{
	struct talk *t = arg;
	struct hm_str line;
	struct hm_err err = { 0 };

	t->client_rc = hm_io_starttls_client(t->b, t->client, t->name, &err);
	if (t->client_rc == 0) {
		t->got_default = cert_has_name(t->b, "mail.example");
		if (t->bind_type)
			t->bind_rc[1] = hm_io_channel_binding(t->b,
			    t->bind_type, &t->bind_b);
		hm_io_puts(t->b, "hello\n");
		if (hm_io_read_line(t->b, 100, &line, NULL) != 0 ||
		    !hm_str_is(line, "hello!"))
			t->client_rc = -HM_EIO;
	} else {
		t->err = err;
	}
	hm_io_close(t->b);
}

static void
serve_to_the_end(void *arg)
{
	struct talk *t = arg;
	struct hm_str line;
	int rc = hm_io_starttls_server(t->a, t->server, &t->err);

	while (rc == 0)
		rc = hm_io_read_line(t->a, 100, &line, NULL);
	t->server_rc = rc;
	hm_io_abort(t->a);
}

static void
talk(struct talk *t)
{
	make_pair(&t->a, &t->b);
	hm_fiber_start(NULL, "server", serve, t);
	hm_fiber_start(NULL, "client", ask, t);
	hm_loop_run_until_idle();
}

static void
test_versions(void)
{
	struct talk t = { .server = server, .client = client,
	    .name = "mail.example" };

	talk(&t);
	ok(t.server_rc == 0 && t.client_rc == 0, "a conversation: %s",
	    t.err.text);
	is_str(t.version, "TLS1.3", "TLS 1.3 by default");
	ok(strncmp(t.cipher, "TLS_", 4) == 0, "its cipher: %s", t.cipher);
	is_str(t.sni, "mail.example", "the name asked for");
	t = (struct talk){ .server = server13, .client = client };
	talk(&t);
	is_str(t.version, "TLS1.3", "a server that insists on it");
	is_str(t.sni, "(none)", "no name was asked for");
	is_str(t.alpn, "", "no protocol either");
	t = (struct talk){ .server = server, .client = client12 };
	talk(&t);
	ok(t.server_rc == 0 && t.client_rc == 0, "an older client: %s",
	    t.err.text);
	is_str(t.version, "TLS1.2", "with TLS 1.2");
	t = (struct talk){ .server = server13, .client = client12 };
	talk(&t);
	is_int(t.client_rc, -HM_ETLS, "which others refuse: %s", t.err.text);
	is_int(t.server_rc, -HM_ETLS, "at both ends");
}

static void
test_alpn(void)
{
	static unsigned char smtp[] = "smtp";
	struct talk t = { .server = server, .client = old_client("NORMAL") };

	t.client->alpn[0] = (gnutls_datum_t){ smtp, 4 };
	t.client->n_alpn = 1;
	talk(&t);
	is_str(t.alpn, "smtp", "a protocol is agreed on");
	t.client->n_alpn = 0;
	hm_tls_unref(t.client);
}

/* A client that renegotiates is sent away. */
static void
renegotiates(void *arg)
{
	struct talk *t = arg;
	int i, rc = hm_io_starttls_client(t->b, t->client, NULL, NULL);

	for (i = 0; i < 50 && rc == 0; i++) {
		rc = gnutls_handshake(hm_io_tls_session(t->b));
		if (rc == 0 || gnutls_error_is_fatal(rc))
			break;
		rc = hm_sleep(2);
	}
	t->client_rc = rc;
	hm_io_abort(t->b);
}

static void
test_renegotiation(void)
{
	struct talk t = { .server = server, .client = client12 };

	make_pair(&t.a, &t.b);
	hm_fiber_start(NULL, "server", serve_to_the_end, &t);
	hm_fiber_start(NULL, "client", renegotiates, &t);
	hm_loop_run_until_idle();
	ok(t.client_rc != 0, "renegotiation is not granted");
	is_int(t.server_rc, -HM_ETLS, "and ends the stream");
}

/* Which certificate answers: a client that trusts only certificate i gets
 * through if and only if the server chose it. */
static void
test_sni(void)
{
	static const struct {
		const char *name;
		int cert;
		bool works;
	} cases[] = {
		{ "mail.example", 0, true },
		{ "imap.example", 1, true },
		{ "IMAP.Example", 1, true },
		{ "a.other.example", 1, true },
		{ "a.b.other.example", 1, false },
		{ "mail.example", 1, false },
		{ "unknown.example", 1, false },
	};
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(cases); i++) {
		struct talk t = { .server = server, .name = cases[i].name };

		if (hm_tls_client(path[cases[i].cert][0], true, &t.client,
		    NULL) != 0)
			abort();
		talk(&t);
		is_int(t.client_rc, cases[i].works ? 0 : -HM_ETLS,
		    "%s with certificate %d: %s", cases[i].name, cases[i].cert,
		    t.err.text);
		hm_tls_unref(t.client);
	}
	for (i = 0; i < HM_ARRAY_LEN(cases); i++) {
		struct talk t = { .server = server, .client = client,
		    .name = cases[i].name };
		bool known = strncmp(cases[i].name, "mail", 4) != 0 && i != 4 &&
		    i != 6;

		talk(&t);
		ok(t.got_default == !known, "%s gets %s", cases[i].name,
		    known ? "its own" : "the first");
	}
}

static void
test_trust(void)
{
	struct talk t = { .server = server, .client = trusting,
	    .name = "imap.example" };

	talk(&t);
	is_int(t.client_rc, 0, "the trusted certificate");
	t = (struct talk){ .server = server13, .client = trusting,
	    .name = "imap.example" };
	talk(&t);
	is_int(t.client_rc, -HM_ETLS, "another one is refused: %s", t.err.text);
	ok(t.server_rc != 0 || t.version[0], "the server survives it");
	t = (struct talk){ .server = server13, .client = client };
	talk(&t);
	is_int(t.client_rc, 0, "unless nothing is verified");
}

/* ---- channel bindings ---- */

static void
bind_old(const char *type, struct hm_tls *peer, int rc)
{
	struct talk t = { .server = server, .client = peer,
	    .bind_type = type };

	talk(&t);
	is_int(t.client_rc, 0, "TLS 1.2 with%s extended master secret",
	    peer == client12 ? "" : "out");
	is_int(t.bind_rc[0], rc, "its %s", type);
	is_int(t.bind_rc[1], rc, "at the client, too");
	if (rc == 0)
		ok(t.bind_a.len >= 12, "of some length");
	is_bytes(t.bind_a.p, t.bind_a.len, t.bind_b.p, t.bind_b.len,
	    "the same at both ends");
	hm_buf_release(&t.bind_a);
	hm_buf_release(&t.bind_b);
}

static void
test_bindings(void)
{
	struct talk t = { .server = server, .client = client,
	    .bind_type = "tls-exporter" };

	talk(&t);
	is_int(t.bind_rc[0], 0, "tls-exporter at the server");
	is_int(t.bind_rc[1], 0, "tls-exporter at the client");
	is_int(t.bind_a.len, 32, "of 32 bytes");
	is_bytes(t.bind_a.p, t.bind_a.len, t.bind_b.p, t.bind_b.len,
	    "the same at both ends");
	hm_buf_release(&t.bind_a);
	hm_buf_release(&t.bind_b);
	bind_old("tls-unique", client12, 0);
	bind_old("tls-exporter", client12, 0);
	bind_old("tls-unique", client12_plain, -HM_EUNSUPPORTED);
	bind_old("tls-exporter", client12_plain, -HM_EUNSUPPORTED);
	t = (struct talk){ .server = server, .client = client,
	    .bind_type = "tls-unique" };
	talk(&t);
	is_int(t.bind_rc[0], -HM_EUNSUPPORTED, "no tls-unique in TLS 1.3");
	t = (struct talk){ .server = server, .client = client,
	    .bind_type = "tls-something" };
	talk(&t);
	is_int(t.bind_rc[0], -HM_EUNSUPPORTED, "nor anything unknown");
}

/* ---- STARTTLS ---- */

static void
starttls_server(void *arg)
{
	struct talk *t = arg;
	struct hm_str line;

	is_int(hm_io_read_line(t->a, 100, &line, NULL), 0, "STARTTLS asked for");
	is_slice(line, "STARTTLS", "in clear");
	hm_io_puts(t->a, "220 go\n");
	hm_io_flush(t->a);
	hm_sleep(10);
	serve(t);
}

static void
starttls_client(void *arg)
{
	struct talk *t = arg;
	struct hm_str line;

	hm_io_puts(t->b, "STARTTLS\n");
	is_int(hm_io_read_line(t->b, 100, &line, NULL), 0, "the reply");
	ok(!hm_io_is_tls(t->b) && !hm_io_tls_version(t->b) &&
	    !hm_io_tls_cipher(t->b), "nothing is protected yet");
	ask(t);
}

/* The client's first handshake bytes come together with the command, so that
 * they lie in the server's buffer when TLS begins. */
static void
eager_client(void *arg)
{
	struct talk *t = arg;
	struct hm_str line;

	hm_io_puts(t->b, "STARTTLS\n");
	hm_io_read_line(t->b, 100, &line, NULL);
	ask(t);
}

static void
eager_server(void *arg)
{
	struct talk *t = arg;
	struct hm_str line;

	hm_io_read_line(t->a, 100, &line, NULL);
	hm_io_puts(t->a, "220 go\n");
	hm_io_flush(t->a);
	is_int(hm_io_peek(t->a, &line), 0, "the handshake's first bytes");
	ok(line.len > 50 && line.p[0] == 22, "are buffered in clear");
	serve(t);
}

static void
injecting_client(void *arg)
{
	struct talk *t = arg;
	struct hm_str line;

	hm_io_puts(t->b, "STARTTLS\nMAIL FROM:<evil@example>\n");
	hm_io_read_line(t->b, 100, &line, NULL);
	ask(t);
}

static void
test_starttls(void)
{
	struct talk t = { .server = server, .client = client };

	make_pair(&t.a, &t.b);
	hm_fiber_start(NULL, "server", starttls_server, &t);
	hm_fiber_start(NULL, "client", starttls_client, &t);
	hm_loop_run_until_idle();
	ok(t.server_rc == 0 && t.client_rc == 0, "STARTTLS: %s", t.err.text);

	t = (struct talk){ .server = server, .client = client };
	make_pair(&t.a, &t.b);
	hm_fiber_start(NULL, "server", eager_server, &t);
	hm_fiber_start(NULL, "client", eager_client, &t);
	hm_loop_run_until_idle();
	ok(t.server_rc == 0 && t.client_rc == 0, "with bytes read before: %s",
	    t.err.text);

	t = (struct talk){ .server = server, .client = client };
	make_pair(&t.a, &t.b);
	hm_fiber_start(NULL, "server", starttls_server, &t);
	hm_fiber_start(NULL, "client", injecting_client, &t);
	hm_loop_run_until_idle();
	is_int(t.server_rc, -HM_ETLS, "text in clear is no handshake: %s",
	    t.err.text);
}

/* ---- ends and volume ---- */

static void
reads_to_the_end(void *arg)
{
	struct talk *t = arg;
	struct hm_str s;
	int rc = hm_io_starttls_server(t->a, t->server, &t->err);

	while (rc == 0)
		rc = hm_io_read_some(t->a, 10, &s);
	t->server_rc = rc;
	hm_io_abort(t->a);
}

static void
says_bye(void *arg)
{
	struct talk *t = arg;

	t->client_rc = hm_io_starttls_client(t->b, t->client, NULL, NULL);
	hm_io_puts(t->b, "the end");
	hm_io_close(t->b);
}

static void
is_cut_off(void *arg)
{
	struct talk *t = arg;

	t->client_rc = hm_io_starttls_client(t->b, t->client, NULL, NULL);
	hm_io_puts(t->b, "the e");
	hm_io_flush(t->b);
	hm_io_abort(t->b);
}

static void
test_ends(void)
{
	struct talk t = { .server = server, .client = client };

	make_pair(&t.a, &t.b);
	hm_fiber_start(NULL, "server", reads_to_the_end, &t);
	hm_fiber_start(NULL, "client", says_bye, &t);
	hm_loop_run_until_idle();
	is_int(t.server_rc, -HM_EEOF, "an orderly end");
	make_pair(&t.a, &t.b);
	hm_fiber_start(NULL, "server", reads_to_the_end, &t);
	hm_fiber_start(NULL, "client", is_cut_off, &t);
	hm_loop_run_until_idle();
	is_int(t.server_rc, -HM_ETLS, "a truncated stream is told apart");
}

static void
pours(void *arg)
{
	struct talk *t = arg;
	static char block[70000];
	size_t i;
	int k, rc = hm_io_starttls_client(t->b, t->client, NULL, NULL);

	for (i = 0; i < sizeof(block); i++)
		block[i] = (char)(i % 251);
	for (k = 0; k < 30 && rc == 0; k++)
		rc = hm_io_write(t->b, block, sizeof(block));
	t->client_rc = rc;
	hm_io_close(t->b);
}

static void
drinks(void *arg)
{
	struct talk *t = arg;
	static char block[70000];
	size_t i, wrong = 0;
	int k, rc = hm_io_starttls_server(t->a, t->server, NULL);

	for (k = 0; k < 30 && rc == 0; k++) {
		rc = hm_io_read_full(t->a, block, sizeof(block));
		if (k % 10 == 0)
			hm_sleep(2);
		for (i = 0; i < sizeof(block); i++)
			wrong += block[i] != (char)(i % 251);
	}
	is_int(rc, 0, "two megabytes came through");
	is_int(wrong, 0, "unchanged");
	hm_io_close(t->a);
}

static void
test_volume(void)
{
	struct talk t = { .server = server, .client = client };

	make_pair(&t.a, &t.b);
	hm_fiber_start(NULL, "server", drinks, &t);
	hm_fiber_start(NULL, "client", pours, &t);
	hm_loop_run_until_idle();
	is_int(t.client_rc, 0, "and were sent");
}

/* IDLE over TLS: session tickets and the like must not look like data. */
static void
tls_idler(void *arg)
{
	struct talk *t = arg;
	struct hm_str line;
	struct hm_cond cond = { 0 };

	t->client_rc = hm_io_starttls_client(t->b, t->client, NULL, NULL);
	is_int(hm_io_wait(t->b, &cond, 20), -HM_ETIMEDOUT, "nothing is said");
	is_int(hm_io_wait(t->b, &cond, 5000), 1, "then something is");
	is_int(hm_io_read_line(t->b, 100, &line, NULL), 0, "a line");
	hm_io_close(t->b);
}

static void
tls_idle_peer(void *arg)
{
	struct talk *t = arg;
	struct hm_str line;

	t->server_rc = hm_io_starttls_server(t->a, t->server, NULL);
	hm_sleep(60);
	hm_io_puts(t->a, "now\n");
	(void)hm_io_read_line(t->a, 100, &line, NULL);
	hm_io_close(t->a);
}

static void
test_idle(void)
{
	struct talk t = { .server = server, .client = client };

	make_pair(&t.a, &t.b);
	hm_fiber_start(NULL, "server", tls_idle_peer, &t);
	hm_fiber_start(NULL, "client", tls_idler, &t);
	hm_loop_run_until_idle();
}

int
main(void)
{
	int i;

	if (hm_loop_init(NULL) != 0)
		return 1;
	make_certs();
	test_settings();
	for (i = 0; i < 2; i++) {
		over_socket = i == 1;
		test_versions();
		test_sni();
		test_alpn();
		test_renegotiation();
		test_trust();
		test_bindings();
		test_starttls();
		test_ends();
		test_volume();
		test_idle();
	}
	hm_tls_unref(server);
	hm_tls_unref(server13);
	hm_tls_unref(client);
	hm_tls_unref(trusting);
	hm_tls_unref(client12);
	hm_tls_unref(client12_plain);
	hm_tls_unref(NULL);
	remove_certs();
	hm_loop_free(1000);
	return done();
}
