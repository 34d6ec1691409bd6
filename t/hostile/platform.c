/* platform.c - a whole server in memory for fuzzers. */
#define _XOPEN_SOURCE 700
#include "config.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/harness.h>
#include <hermod/io.h>
#include <hermod/log.h>
#include <hermod/net.h>

#include "platform.h"

enum {
	PLAYS = 200,            /* before the server is made anew */
	SAID_MAX = 4 << 20,
	PIECE = 8 << 10,
	CONNS = 2,
	PAUSES = 8,             /* long ones in one play */
	PLAY_MS = 24 * 3600 * 1000,
};

static struct {
	char dir[200];
	struct hm_harness *server;
	struct hm_tls *tls;
	unsigned plays;
	uint32_t clients;
} platform;

void
platform_die(const char *what, struct hm_str text)
{
	fprintf(stderr, "%s: %.*s\n", what, HM_FMT(text));
	abort();
}

/* Berkeley DB keeps what it allocated in files that it maps, where a search for
 * leaks does not look. libFuzzer searches after each input. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:__os_malloc\nleak:__os_calloc\nleak:__os_realloc\n";
}

/* ---- the server ---- */

static void
put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", platform.dir, name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		platform_die("cannot write", hm_str(path));
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static void
remove_folder(void)
{
	nftw(platform.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
write_conf(void)
{
	static const char *const plain[] = { "auth", "blob-segment",
	    "directory-yaml", "kv-bdb", "queue-transport-direct",
	    "resolver-zone", "simulate", "smtp-client", "store" };
	static const char *const names[] = { "mail.example.org", NULL };
	char path[256], cert[256], key[256];
	struct hm_err err = { 0 };

	snprintf(path, sizeof(path), "%s/conf.d", platform.dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/data", platform.dir);
	mkdir(path, 0700);
	snprintf(cert, sizeof(cert), "%s/tls.crt", platform.dir);
	snprintf(key, sizeof(key), "%s/tls.key", platform.dir);
	if (hm_tls_self_signed(names, 3650, cert, key, &err) < 0)
		platform_die("certificate", hm_str(err.text));
	put("hermod.yaml", "hostname: mail.example.org\ndata-dir: data\n"
	    "log-level: trace\ntls: {certificates: {mail.example.org: "
	    "{cert-file: tls.crt, key-file: tls.key}}}\n");
	put("domains.yaml", "domains: {example.org: {separators: +}}\naccounts:\n"
	    "  anna: {addresses: [anna@example.org], quota: 20M}\n"
	    "  bert: {addresses: [bert@example.org]}\n");
	for (size_t i = 0; i < HM_ARRAY_LEN(plain); i++) {
		snprintf(path, sizeof(path), "conf.d/%s.yaml", plain[i]);
		put(path, "enabled: yes\n");
	}
	/* far.example is this server again, which refuses; mail for slow.example
	 * waits, is tried again, and comes back. */
	put("dns.zone", "far.example. 60 MX 10 mx.far.example.\n"
	    "mx.far.example. 60 A 192.0.2.9\n$FAIL failed slow.example.\n");
	put("conf.d/queue.yaml", "enabled: yes\nretry: 30m\nattempts: 3\n"
	    "delay-notice-after: 1\nsuppress: no\n"
	    "max-outgoing-per-day: 0\nmax-first-time-per-day: 0\n");
	put("conf.d/smtp.yaml", "enabled: yes\ninsecure-login: yes\n"
	    "max-message: 64K\nmax-recipients: 5\n"
	    "connection-rate: 1000000\nconnections-per-address: 100\n");
	put("conf.d/imap.yaml", "enabled: yes\ninsecure-login: yes\n"
	    "connection-rate: 0\nmax-literal: 4K\nappend-limit: 64K\n");
}

static void
command(const char *const *words, const char *input)
{
	struct hm_buf said = { 0 };

	if (hm_harness_command(platform.server, words, hm_str(input), &said) != 0)
		platform_die(words[0], hm_buf_view(&said));
	hm_buf_release(&said);
}

static void
server_start(void)
{
	static const char *const password[] = { "account", "password", "anna",
	    NULL };
	const char *base = getenv("TMPDIR");
	struct hm_buf said = { 0 };

	if (base == NULL || *base != '/')
		base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(platform.dir, sizeof(platform.dir), "%s/hermod-fuzz-XXXXXX",
	    base);
	if (mkdtemp(platform.dir) == NULL)
		platform_die("cannot make", hm_str(platform.dir));
	write_conf();
	platform.server = hm_harness_server(platform.dir,
	    getenv("HERMOD_MODULE_PATH"));
	if (hm_harness_reload(platform.server, &said) < 0)
		platform_die("the server does not start", hm_buf_view(&said));
	hm_buf_release(&said);
	command(password, PLATFORM_PASSWORD "\n");
}

static void
server_stop(void)
{
	static const char *const verify[] = { "verify", NULL };
	struct hm_buf left = { 0 };

	command(verify, "");
	/* modules/simulate keeps a session for an hour, if that is asked for */
	hm_harness_stop(platform.server, PLAY_MS, &left);
	if (left.len > 0)
		platform_die("left", hm_buf_view(&left));
	platform.server = NULL;
	remove_folder();
}

/* Whatever a client says, a line of the log is one line of text. */
static void
check_log(enum hm_loglevel level, struct hm_str line, void *arg)
{
	(void)level, (void)arg;
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.p[i] < ' ' || line.p[i] == 0x7f)
			platform_die("raw bytes in the log", line);
	if (!hm_utf8_valid(line))
		platform_die("no UTF-8 in the log", line);
}

static void
at_end(void)
{
	struct hm_buf left = { 0 };

	if (platform.server == NULL)
		return;
	server_stop();
	hm_tls_unref(platform.tls);
	hm_harness_end(&left);
	if (left.len > 0)
		platform_die("left at the end", hm_buf_view(&left));
}

static void
begin(void)
{
	struct hm_err err = { 0 };

	if (hm_harness_begin(INT64_C(1795176000000), 1, &err) < 0 ||
	    hm_tls_client(NULL, false, &platform.tls, &err) < 0)
		platform_die("harness", hm_str(err.text));
	hm_log_set_sink(check_log, NULL);
	atexit(at_end);
}

/* ---- the client ---- */

struct conn {
	struct hm_io *io;
	struct hm_buf said;
	bool dialled, over;
};

struct client {
	const struct platform_play *play;
	struct conn conns[CONNS];
	unsigned pauses;
	bool done;
};

static HM_FIBER void
end_conn(struct conn *c)
{
	if (c->io != NULL)
		hm_io_abort(c->io);
	c->io = NULL;
	c->over = true;
}

/* Takes all that has come; a server that says nothing more is waited for no
 * longer than it takes to let the others run. */
static HM_FIBER void
hear(struct conn *c)
{
	struct hm_str got;
	int r;

	if (c->io == NULL)
		return;
	while (hm_io_ready(c->io)) {
		r = hm_io_read_some(c->io, PIECE, &got);
		/* What came was TLS's own, as a ticket is. */
		if (r == -HM_ETIMEDOUT)
			return;
		if (r < 0) {
			end_conn(c);
			return;
		}
		hm_buf_str(&c->said, got);
		if (c->said.len > SAID_MAX)
			platform_die("the server does not stop talking", HM_STR(""));
		if (!hm_io_ready(c->io))
			hm_sleep(1);
	}
}

static HM_FIBER void
dial(struct conn *c, uint16_t port)
{
	struct hm_sockaddr to, from;
	struct hm_err err = { 0 };
	uint32_t n = platform.clients++;

	hm_sockaddr_parse(HM_STR("192.0.2.1"), &to);
	to.port = port;
	/* Each from a network of its own, as limits go by networks. */
	hm_sockaddr_parse(HM_STR("10.0.0.1"), &from);
	from.ip[1] = (uint8_t)(n >> 5);
	from.ip[2] = (uint8_t)(n << 3);
	if (hm_dial(&to, &from, 1000, &c->io, &err) < 0)
		platform_die("no connection", hm_str(err.text));
	hm_io_timeouts(c->io, 10, 1000);
	c->dialled = true;
	hm_sleep(1);
	hear(c);
}

static HM_FIBER void
say(struct conn *c, struct hm_str bytes)
{
	while (bytes.len > 0 && c->io != NULL) {
		struct hm_str piece = hm_str_take(bytes, PIECE);

		if (hm_io_str(c->io, piece) < 0 || hm_io_flush(c->io) < 0) {
			end_conn(c);
			return;
		}
		bytes = hm_str_skip(bytes, piece.len);
		if (bytes.len > 0) {
			hm_sleep(1);
			hear(c);
		}
	}
}

static HM_FIBER void
starttls(struct conn *c)
{
	struct hm_err err;

	if (c->io != NULL && !hm_io_is_tls(c->io) && hm_io_starttls_client(c->io,
	    platform.tls, "mail.example.org", &err) < 0)
		end_conn(c);
}

/* A steering byte; returns which connection is to go on. */
static HM_FIBER size_t
steer(struct client *cl, size_t at, unsigned char code)
{
	struct conn *c = &cl->conns[at];

	switch (code) {
	case 0xf9:
	case 0xfa:
		if (cl->pauses++ < PAUSES)
			hm_sleep((code == 0xf9 ? 60 : 3600) * 1000);
		break;
	case 0xfb:
		starttls(c);
		break;
	case 0xfc:
		end_conn(c);
		break;
	case 0xfe:
		at = (at + 1) % CONNS;
		break;
	default:
		hm_sleep(1);
		break;
	}
	for (size_t i = 0; i < CONNS; i++)
		hear(&cl->conns[i]);
	return at;
}

static bool
steers(char c)
{
	return (unsigned char)c >= 0xf8 && (unsigned char)c != 0xff &&
	    (unsigned char)c != 0xfd;
}

static HM_FIBER void
perform(struct client *cl, size_t *at, struct hm_str script)
{
	size_t n;

	while (script.len > 0) {
		struct conn *c = &cl->conns[*at];

		if (!c->dialled) {
			dial(c, cl->play->port);
			perform(cl, at, hm_str(cl->play->prologue));
		}
		for (n = 0; n < script.len && !steers(script.p[n]); n++)
			continue;
		say(c, hm_str_take(script, n));
		script = hm_str_skip(script, n);
		if (script.len > 0) {
			*at = steer(cl, *at, (unsigned char)script.p[0]);
			script = hm_str_skip(script, 1);
		}
	}
}

static void
client_fiber(void *arg)
{
	struct client *cl = arg;
	size_t at = 0;

	perform(cl, &at, cl->play->bytes);
	hm_sleep(1);
	for (size_t i = 0; i < CONNS; i++) {
		hear(&cl->conns[i]);
		end_conn(&cl->conns[i]);
	}
	cl->done = true;
}

static bool
is_done(void *arg)
{
	struct client *cl = arg;

	return cl->done;
}

void
platform_play(const struct platform_play *play)
{
	struct client cl = { .play = play };
	static bool ready;

	if (!ready) {
		begin();
		ready = true;
	}
	if (platform.server == NULL)
		server_start();
	hm_fiber_start(NULL, "client", client_fiber, &cl);
	if (!hm_harness_until(is_done, &cl, PLAY_MS))
		platform_die("the client hangs", HM_STR(""));
	hm_harness_settle();
	for (size_t i = 0; i < CONNS; i++) {
		play->judge(hm_buf_view(&cl.conns[i].said));
		hm_buf_release(&cl.conns[i].said);
	}
	if (++platform.plays % PLAYS == 0)
		server_stop();
}
