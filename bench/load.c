/* load.c - clients that keep a mail server busy: for bench.py.
 *
 *	load [OPTIONS] smtp PORT SESSIONS COUNT PER-CONNECTION SIZE RUN RECORD TO...
 *	load [OPTIONS] imap PORT CLIENTS SECONDS USER...
 *	load [OPTIONS] idle PORT COUNT USER...
 * Options: -t for TLS, -u USER to log in as, -p PASSWORD.
 *
 * Threads and blocking sockets, so that a request costs the client little.
 * Loopback only: certificates are not checked.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

enum { LINE = 2048, THREADS = 1000, MIX_MESSAGE = 2048 };

struct conn {
	int fd;
	gnutls_session_t tls;
	size_t at, len;
	char in[LINE];
};

static struct {
	bool tls;
	const char *user, *password, *run;
	uint16_t port;
	long count, per, seconds;
	size_t size;
	unsigned nnames;
	char **names;                    /* recipients or users */
	gnutls_certificate_credentials_t cred;
	atomic_long next, accepted, failed, commands, refused, broken;
	double until;
	FILE *record;
	pthread_mutex_t lock;
} load = { .password = "", .lock = PTHREAD_MUTEX_INITIALIZER };

#define SENDER (load.user ? load.user : "bench@bench.example")

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- a connection ---- */

static void
conn_close(struct conn *c)
{
	if (c->tls) {
		gnutls_bye(c->tls, GNUTLS_SHUT_WR);
		gnutls_deinit(c->tls);
	}
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct conn){ .fd = -1 };
}

static bool
conn_open(struct conn *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(load.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_sec = 120 };
	int one = 1, r;

	*c = (struct conn){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
	    0) };
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return false;
	if (!load.tls)
		return true;
	gnutls_init(&c->tls, GNUTLS_CLIENT);
	gnutls_set_default_priority(c->tls);
	gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, load.cred);
	gnutls_transport_set_int(c->tls, c->fd);
	do
		r = gnutls_handshake(c->tls);
	while (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED);
	return r == 0;
}

static bool
conn_put(struct conn *c, const char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = c->tls ? gnutls_record_send(c->tls, p, len) :
		    send(c->fd, p, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

__attribute__((format(printf, 2, 3))) static bool
conn_say(struct conn *c, const char *fmt, ...)
{
	char line[LINE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return n > 0 && (size_t)n < sizeof(line) &&
	    conn_put(c, line, (size_t)n);
}

static bool
conn_fill(struct conn *c)
{
	ssize_t n;

	do
		n = c->tls ? gnutls_record_recv(c->tls, c->in, sizeof(c->in)) :
		    recv(c->fd, c->in, sizeof(c->in), 0);
	while (c->tls && (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED));
	c->at = 0;
	c->len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* The start of the next line, as much as fits; false at the end. */
static bool
conn_line(struct conn *c, char *ret, size_t room)
{
	size_t n = 0;
	char ch = 0;

	while (ch != '\n') {
		if (c->at == c->len && !conn_fill(c))
			return false;
		ch = c->in[c->at++];
		if (n + 1 < room)
			ret[n++] = ch;
	}
	ret[n] = '\0';
	return true;
}

/* ---- messages ---- */

static uint32_t
crc32_of(const char *p, size_t len)
{
	uint32_t crc = UINT32_MAX;
	int bit;

	while (len-- > 0) {
		crc ^= (unsigned char)*p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

struct message {
	char *text;                      /* the header, and behind it the body */
	size_t len, body;
};

/* About size bytes that depend on number alone; some lines begin with dots. The
 * header tells the sum of the body. */
static void
message_make(struct message *m, long number, size_t size)
{
	uint32_t x = (uint32_t)number * 2654435761u + 1;
	char *body = malloc(size + 256), *p = body;

	m->text = malloc(size + 1024);
	while ((size_t)(p - body) < size) {
		x = x * 1664525u + 1013904223u;
		p += snprintf(p, 256, "%sthe %u quick brown foxes and %u lazy dogs\r\n",
		    x >> 28 == 0 ? ".." : "", x >> 8 & 0xffff, x >> 20);
	}
	m->body = (size_t)snprintf(m->text, 1024, "From: Bench <%s>\r\n"
	    "To: somebody@bench.example\r\nSubject: message %ld of %s\r\n"
	    "Date: Thu, 1 Oct 2026 08:00:00 +0000\r\n"
	    "Message-ID: <%ld.%s@bench.example>\r\n"
	    "X-Bench: %s-%ld %08x\r\n\r\n", SENDER, number, load.run, number, load.run,
	    load.run, number, crc32_of(body, (size_t)(p - body)));
	memcpy(m->text + m->body, body, (size_t)(p - body));
	m->len = m->body + (size_t)(p - body);
	free(body);
}

/* ---- SMTP ---- */

/* The code of a whole reply. */
static int
smtp_reply(struct conn *c)
{
	char line[512];

	do
		if (!conn_line(c, line, sizeof(line)))
			return -1;
	while (line[3] == '-');
	return (int)strtol(line, NULL, 10);
}

static int
smtp_ask(struct conn *c, const char *line)
{
	return conn_say(c, "%s\r\n", line) ? smtp_reply(c) : -1;
}

static void
base64(char *out, const char *p, size_t len)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t v;
	size_t i;

	for (i = 0; i < len; i += 3) {
		v = (uint32_t)(unsigned char)p[i] << 16;
		v |= i + 1 < len ? (uint32_t)(unsigned char)p[i + 1] << 8 : 0;
		v |= i + 2 < len ? (unsigned char)p[i + 2] : 0;
		*out++ = set[v >> 18];
		*out++ = set[v >> 12 & 63];
		*out++ = i + 1 < len ? set[v >> 6 & 63] : '=';
		*out++ = i + 2 < len ? set[v & 63] : '=';
	}
	*out = '\0';
}

static bool
smtp_begin(struct conn *c)
{
	char plain[400], line[600] = "AUTH PLAIN ";
	int n;

	if (!conn_open(c) || smtp_reply(c) != 220 ||
	    smtp_ask(c, "EHLO client.bench.example") != 250)
		return false;
	if (!load.user)
		return true;
	n = snprintf(plain, sizeof(plain), "%c%s%c%s", 0, load.user, 0,
	    load.password);
	base64(line + strlen(line), plain, (size_t)n);
	return smtp_ask(c, line) == 235;
}

static bool
smtp_send(struct conn *c, long number)
{
	const char *to = load.names[number % load.nnames];
	struct message m;
	char *wire, *p;
	size_t i;
	bool good;

	message_make(&m, number, load.size);
	/* dots at the beginning of lines are doubled (RFC 5321, 4.5.2) */
	p = wire = malloc(2 * m.len + 8);
	for (i = 0; i < m.len; i++) {
		if (m.text[i] == '.' && (i == 0 || m.text[i - 1] == '\n'))
			*p++ = '.';
		*p++ = m.text[i];
	}
	memcpy(p, ".\r\n", 3);
	p += 3;
	good = conn_say(c, "MAIL FROM:<%s>\r\n",
	    SENDER) &&
	    smtp_reply(c) == 250 && conn_say(c, "RCPT TO:<%s>\r\n", to) &&
	    smtp_reply(c) == 250 && smtp_ask(c, "DATA") == 354 &&
	    conn_put(c, wire, (size_t)(p - wire)) && smtp_reply(c) == 250;
	free(wire);
	free(m.text);
	return good;
}

static void *
smtp_session(void *arg)
{
	struct conn c = { .fd = -1 };
	long number, left = 0;

	while ((number = atomic_fetch_add(&load.next, 1)) < load.count) {
		bool good = left > 0 || smtp_begin(&c);

		left = left > 0 ? left : load.per;
		good = good && smtp_send(&c, number);
		if (good) {
			atomic_fetch_add(&load.accepted, 1);
			pthread_mutex_lock(&load.lock);
			fprintf(load.record, "%s-%ld %s\n", load.run, number,
			    load.names[number % load.nnames]);
			pthread_mutex_unlock(&load.lock);
		} else {
			atomic_fetch_add(&load.failed, 1);
			left = 1;
		}
		if (--left == 0) {
			if (good)
				smtp_ask(&c, "QUIT");
			conn_close(&c);
		}
	}
	if (left > 0)
		conn_close(&c);
	return arg;
}

/* ---- IMAP ---- */

/* Reads up to the tagged reply: 1 OK, 0 refused, -1 broken; *ret_exists follows
 * EXISTS. Literals are skipped. */
static int
imap_reply(struct conn *c, const char *tag, unsigned *ret_exists)
{
	char line[512], *brace;
	size_t len, skip;
	unsigned n;
	int used = 0;

	for (;;) {
		if (!conn_line(c, line, sizeof(line)))
			return -1;
		len = strlen(line);
		brace = strrchr(line, '{');
		if (brace && len > 3 && line[len - 3] == '}') {
			for (skip = strtoul(brace + 1, NULL, 10); skip > 0;) {
				if (c->at == c->len && !conn_fill(c))
					return -1;
				n = (unsigned)(c->len - c->at);
				n = n < skip ? n : (unsigned)skip;
				c->at += n;
				skip -= n;
			}
		}
		if (sscanf(line, "* %u EXISTS%n", &n, &used) == 1 && used)
			*ret_exists = n;
		used = 0;
		if (line[0] == '+')
			return 1;
		if (strncmp(line, tag, strlen(tag)) == 0 &&
		    line[strlen(tag)] == ' ')
			return strncmp(line + strlen(tag) + 1, "OK", 2) == 0;
	}
}

static bool
imap_begin(struct conn *c, const char *user, unsigned *ret_exists)
{
	char line[512];

	return conn_open(c) && conn_line(c, line, sizeof(line)) &&
	    conn_say(c, "a LOGIN \"%s\" \"%s\"\r\n", user, load.password) &&
	    imap_reply(c, "a", ret_exists) == 1 &&
	    conn_say(c, "b SELECT INBOX\r\n") &&
	    imap_reply(c, "b", ret_exists) == 1;
}

static bool
imap_append(struct conn *c, long number)
{
	struct message m;
	bool good;

	message_make(&m, number, MIX_MESSAGE);
	good = conn_say(c, "m APPEND INBOX {%zu+}\r\n", m.len) &&
	    conn_put(c, m.text, m.len) && conn_put(c, "\r\n", 2);
	free(m.text);
	return good;
}

/* One command of the mix, in shares of 100. */
static bool
imap_command(struct conn *c, unsigned dice, unsigned pick, unsigned exists)
{
	unsigned one = exists ? 1 + pick % exists : 1;
	unsigned first = exists > 20 ? exists - 19 : 1;

	if (dice < 10 || !exists)
		return imap_append(c, pick);
	if (dice < 35)
		return conn_say(c, "m FETCH %u:%u (UID FLAGS ENVELOPE)\r\n",
		    first, exists);
	if (dice < 60)
		return conn_say(c, "m FETCH %u (BODY.PEEK[])\r\n", one);
	if (dice < 70)
		return conn_say(c, "m STORE %u +FLAGS (\\Seen)\r\n", one);
	if (dice < 75)
		return conn_say(c, "m STORE %u -FLAGS (\\Seen)\r\n", one);
	if (dice < 85)
		return conn_say(c, "m UID SEARCH UNSEEN\r\n");
	if (dice < 95)
		return conn_say(c, "m STATUS INBOX (MESSAGES UNSEEN)\r\n");
	return conn_say(c, "m NOOP\r\n");
}

static void *
imap_client(void *arg)
{
	unsigned number = (unsigned)(uintptr_t)arg, exists = 0;
	uint32_t x = number * 2246822519u + 7;
	struct conn c = { .fd = -1 };
	int r = imap_begin(&c, load.names[number % load.nnames], &exists) ?
	    1 : -1;

	while (r >= 0 && now() < load.until) {
		x = x * 1664525u + 1013904223u;
		r = imap_command(&c, (x >> 16) % 100, x >> 4, exists) ?
		    imap_reply(&c, "m", &exists) : -1;
		atomic_fetch_add(&load.commands, r >= 0);
		atomic_fetch_add(&load.refused, r == 0);
	}
	atomic_fetch_add(&load.broken, r < 0);
	conn_close(&c);
	return arg;
}

/* Logged-in connections in IDLE, held until a line comes in. */
static void
idle(void)
{
	struct conn *all = calloc((size_t)load.count, sizeof(*all));
	long i, up = 0, alive = 0;
	unsigned exists;
	char line[16];

	for (i = 0; i < load.count; i++)
		up += imap_begin(&all[i], load.names[i % load.nnames], &exists) &&
		    conn_say(&all[i], "i IDLE\r\n") &&
		    imap_reply(&all[i], "i", &exists) == 1;
	printf("%ld\n", up);
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin)) {
		for (i = 0; i < load.count; i++)
			alive += conn_say(&all[i], "DONE\r\n") &&
			    imap_reply(&all[i], "i", &exists) == 1;
		printf("%ld\n", alive);
	}
	for (i = 0; i < load.count; i++)
		conn_close(&all[i]);
	free(all);
}

/* ---- all ---- */

static long
number_of(const char *s)
{
	return strtol(s, NULL, 10);
}

static void
in_threads(long n, void *(*fn)(void *arg))
{
	static pthread_t threads[THREADS];
	pthread_attr_t attr;
	long i;

	if (n > THREADS)
		n = THREADS;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	for (i = 0; i < n; i++)
		if (pthread_create(&threads[i], &attr, fn,
		    (void *)(uintptr_t)i) != 0)
			exit(2);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static int
usage(void)
{
	fputs("usage: load [-t] [-u USER] [-p PASSWORD]\n"
	    "  smtp PORT SESSIONS COUNT PER-CONNECTION SIZE RUN RECORD TO...\n"
	    "  imap PORT CLIENTS SECONDS USER...\n"
	    "  idle PORT COUNT USER...\n", stderr);
	return 2;
}

static int
run_smtp(char **arg)
{
	double begun = now();
	long sessions = number_of(arg[0]);

	load.count = number_of(arg[1]);
	load.per = number_of(arg[2]);
	load.size = (size_t)number_of(arg[3]);
	load.run = arg[4];
	load.record = fopen(arg[5], "w");
	if (!load.record || load.per < 1)
		return usage();
	in_threads(sessions, smtp_session);
	fclose(load.record);
	printf("{\"accepted\": %ld, \"failed\": %ld, \"seconds\": %.6f}\n",
	    load.accepted, load.failed, now() - begun);
	return 0;
}

static int
run_imap(char **arg)
{
	double begun = now();

	load.run = "mix";
	load.until = begun + (double)number_of(arg[1]);
	in_threads(number_of(arg[0]), imap_client);
	printf("{\"commands\": %ld, \"refused\": %ld, \"broken\": %ld, "
	    "\"seconds\": %.6f}\n", load.commands, load.refused, load.broken,
	    now() - begun);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct { const char *name; int args; } modes[] = {
		{ "smtp", 6 }, { "imap", 2 }, { "idle", 1 },
	};
	int opt, mode;

	while ((opt = getopt(argc, argv, "+tu:p:")) != -1) {
		load.tls |= opt == 't';
		load.user = opt == 'u' ? optarg : load.user;
		load.password = opt == 'p' ? optarg : load.password;
		if (opt == '?')
			return usage();
	}
	argv += optind;
	argc -= optind;
	for (mode = 0; mode < 3 && argc > 0; mode++)
		if (strcmp(argv[0], modes[mode].name) == 0)
			break;
	if (argc == 0 || mode == 3 || argc < 3 + modes[mode].args)
		return usage();
	load.port = (uint16_t)number_of(argv[1]);
	load.names = argv + 2 + modes[mode].args;
	load.nnames = (unsigned)(argc - 2 - modes[mode].args);
	gnutls_certificate_allocate_credentials(&load.cred);
	if (mode == 0)
		return run_smtp(argv + 2);
	if (mode == 1)
		return run_imap(argv + 2);
	load.count = number_of(argv[2]);
	idle();
	return 0;
}
