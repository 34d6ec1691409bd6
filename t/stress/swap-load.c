/* swap-load.c - the load of swap-stress: mail comes in at a steady rate while
 * many IMAP sessions sit in IDLE, and nothing may be lost, doubled or cut off.
 *
 *	swap-load SMTP-PORT IMAPS-PORT RATE SESSIONS ACCOUNTS SECONDS PASSWORD
 *
 * Accounts are u0, u1, ...; the IMAP sessions are spread over them. Prints "ready" when all
 * are in IDLE, "sent N" each second, and at the end a line of figures; status 1
 * if any of them is not as it should be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/log.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include "core/run/loop.h"

enum {
	SENDERS = 20,
	PER_CONNECTION = 20,           /* messages, then a new session */
	PATIENCE_MS = 120000,
	LINE_MAX_OCTETS = 4000,
	LOGIN_TRIES = 5,
	LOGINS_AT_ONCE = 4,
};

struct reader {
	unsigned account;
	uint64_t began_with, exists, notices;
};

static struct {
	struct hm_sockaddr smtp, imaps;
	struct hm_tls *tls;
	const char *password;
	unsigned rate, sessions, accounts, idle, readers_left, senders_left;
	int64_t seconds, began_ms;
	bool stop, failed_early;
	uint64_t next, accepted, deferred, refused_connects, cut_smtp, cut_imap;
	uint64_t lost, doubled, unseen;
	int64_t lag_max_ms;
	struct reader *readers;
	uint64_t *expected;            /* by account */
	unsigned char *got;            /* by serial: 1 accepted, 2 or 4 found */
	uint64_t room;
	struct hm_cond told;
} load;

/* ---- SMTP ---- */

/* The code of a reply, 0 when the connection broke. */
static int
reply(struct hm_io *io)
{
	struct hm_str line;

	do {
		if (hm_io_read_line(io, LINE_MAX_OCTETS, &line, NULL) < 0 ||
		    line.len < 3)
			return 0;
	} while (line.len > 3 && line.p[3] == '-');
	return (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 +
	    line.p[2] - '0';
}

static int
ask(struct hm_io *io, const char *line)
{
	hm_io_printf(io, "%s\r\n", line);
	return reply(io);
}

static struct hm_io *
connect_smtp(void)
{
	struct hm_io *io;

	/* While the module is switched off nobody listens: not a failure. */
	while (hm_dial(&load.smtp, NULL, PATIENCE_MS, &io, NULL) < 0) {
		load.refused_connects++;
		if (load.stop || hm_sleep(50) < 0)
			return NULL;
	}
	hm_io_timeouts(io, PATIENCE_MS, PATIENCE_MS);
	if (reply(io) == 220 && ask(io, "EHLO load.example") == 250)
		return io;
	load.cut_smtp++;
	hm_io_close(io);
	return NULL;
}

static void
accepted(uint64_t serial)
{
	load.accepted++;
	load.expected[serial % load.accounts]++;
	while (serial >= load.room) {
		uint64_t room = load.room ? load.room * 2 : 65536;

		load.got = hm_xrealloc(load.got, room);
		memset(load.got + load.room, 0, room - load.room);
		load.room = room;
	}
	load.got[serial] = 1;
}

/* False when the connection is of no more use. */
static bool
send_one(struct hm_io *io)
{
	uint64_t serial = load.next++;
	int code;

	hm_io_printf(io, "MAIL FROM:<load@load.example>\r\n"
	    "RCPT TO:<u%u@example.org>\r\nDATA\r\n",
	    (unsigned)(serial % load.accounts));
	if (reply(io) != 250)
		goto broken;
	code = reply(io);
	if (code != 250) {
		load.deferred += code / 100 == 4;
		return code != 0 && reply(io) != 0 && ask(io, "RSET") == 250;
	}
	if (reply(io) != 354)
		goto broken;
	hm_io_printf(io, "Subject: s%llu.\r\nFrom: <load@load.example>\r\n\r\n"
	    "A line of text that is neither long nor short.\r\n.\r\n",
	    (unsigned long long)serial);
	code = reply(io);
	if (code == 250) {
		accepted(serial);
		return true;
	}
	if (code / 100 == 4) {
		load.deferred++;
		return true;
	}
broken:
	load.cut_smtp++;
	return false;
}

/* When the sender's nth message is due. */
static bool
pace(unsigned sender, uint64_t n)
{
	int64_t due = load.began_ms + (int64_t)((n * SENDERS + sender) * 1000 /
	    load.rate);
	int64_t now = hm_now_ms();

	if (now - due > load.lag_max_ms)
		load.lag_max_ms = now - due;
	return !load.stop && (due <= now || hm_sleep(due - now) == 0);
}

static void
sender_fiber(void *arg)
{
	unsigned sender = (unsigned)(uintptr_t)arg;
	struct hm_io *io = NULL;
	uint64_t n = 0;

	while (pace(sender, n)) {
		if (io == NULL && (io = connect_smtp()) == NULL)
			continue;
		n++;
		if (!send_one(io)) {
			hm_io_close(io);
			io = NULL;
		} else if (n % PER_CONNECTION == 0) {
			if (ask(io, "QUIT") != 221)
				load.cut_smtp++;
			hm_io_close(io);
			io = NULL;
		}
	}
	if (io != NULL)
		hm_io_close(io);
	load.senders_left--;
	hm_wake(&load.told);
}

/* ---- IMAP ---- */

static void
see(struct reader *r, struct hm_str line)
{
	uint64_t n;

	if (!hm_str_starts(line, HM_STR("* ")))
		return;
	line = hm_str_skip(line, 2);
	if (hm_str_u64(hm_str_split(&line, ' '), UINT64_MAX, &n) < 0 ||
	    !hm_str_is(line, "EXISTS"))
		return;
	r->exists = n;
	r->notices++;
}

static char last_reply[100];

/* Reads up to the tagged reply; whether it is OK. */
static bool
tagged(struct hm_io *io, struct reader *r, const char *command)
{
	struct hm_str line;

	hm_io_printf(io, "x %s\r\n", command);
	for (;;) {
		int n = hm_io_read_line(io, LINE_MAX_OCTETS, &line, NULL);

		if (n < 0)
			line = hm_str(hm_err_name(n));
		snprintf(last_reply, sizeof(last_reply), "%.*s", HM_FMT(line));
		if (n < 0)
			return false;
		if (hm_str_starts(line, HM_STR("x ")))
			return hm_str_starts(line, HM_STR("x OK"));
		see(r, line);
	}
}

static bool
enter(struct hm_io *io, struct reader *r, struct hm_err *err)
{
	char command[200];
	int tries = 0;
	struct hm_str line = { NULL, 0 };

	snprintf(command, sizeof(command), "LOGIN u%u \"%s\"", r->account,
	    load.password);
	if (hm_io_starttls_client(io, load.tls, "localhost", err) < 0)
		return false;
	if (hm_io_read_line(io, LINE_MAX_OCTETS, &line, NULL) < 0 ||
	    !hm_str_starts(line, HM_STR("* OK")))
		return hm_err_set(err, -HM_EIO, "no greeting: %.*s",
		    HM_FMT(line)) == 0;
	/* Hashing takes its time on a busy machine. */
	while (!tagged(io, r, command))
		if (++tries == LOGIN_TRIES || hm_sleep(1000) < 0)
			return hm_err_set(err, -HM_EIO, "no login: %s",
			    last_reply) == 0;
	if (!tagged(io, r, "SELECT INBOX"))
		return hm_err_set(err, -HM_EIO, "no mailbox") == 0;
	r->began_with = r->exists;
	r->notices = 0;
	hm_io_puts(io, "x IDLE\r\n");
	return hm_io_read_line(io, LINE_MAX_OCTETS, &line, NULL) == 0 &&
	    hm_str_starts(line, HM_STR("+"));
}

static bool
all_seen(const struct reader *r)
{
	return r->exists == r->began_with + load.expected[r->account];
}

/* False when the connection breaks. */
static bool
idle(struct hm_io *io, struct reader *r)
{
	int64_t patience = 0, now;
	struct hm_str line;
	int n;

	while (!load.stop || load.senders_left > 0 || !all_seen(r)) {
		now = hm_now_ms();
		if (load.stop && load.senders_left == 0) {
			if (patience == 0)
				patience = now + PATIENCE_MS;
			else if (now >= patience)
				return true;
		}
		n = hm_io_wait(io, &load.told, 1000);
		if (n == -HM_ETIMEDOUT || n == 0)
			continue;
		if (n < 0 || hm_io_read_line(io, LINE_MAX_OCTETS, &line,
		    NULL) < 0)
			return false;
		see(r, line);
	}
	return true;
}

static void
found(struct hm_str line)
{
	ssize_t at = hm_str_find(line, HM_STR("Subject: s"));
	uint64_t serial;

	if (at < 0)
		return;
	line = hm_str_skip(line, (size_t)at + 10);
	if (hm_str_u64(hm_str_split(&line, '.'), UINT64_MAX, &serial) < 0 ||
	    serial >= load.room)
		return;
	if (load.got[serial] & 2)
		load.doubled++;
	load.got[serial] |= 2;
}

/* What lies in the mailbox in the end. */
static bool
count_mail(struct hm_io *io, struct reader *r)
{
	struct hm_str line;

	hm_io_puts(io, "DONE\r\n");
	do {
		if (hm_io_read_line(io, LINE_MAX_OCTETS, &line, NULL) < 0)
			return false;
		see(r, line);
	} while (!hm_str_starts(line, HM_STR("x ")));
	/* One of them reads for all. */
	if (r->exists == 0 || r != &load.readers[r->account])
		return tagged(io, r, "LOGOUT");
	hm_io_puts(io, "x FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\n");
	do {
		if (hm_io_read_line(io, LINE_MAX_OCTETS, &line, NULL) < 0)
			return false;
		found(line);
	} while (!hm_str_starts(line, HM_STR("x ")));
	return tagged(io, r, "LOGOUT");
}

static void
reader_fiber(void *arg)
{
	struct reader *r = arg;
	struct hm_err err = { 0 };
	struct hm_io *io;
	bool good = false;

	if (hm_dial(&load.imaps, NULL, PATIENCE_MS, &io, &err) < 0) {
		load.failed_early = true;
	} else {
		hm_io_timeouts(io, PATIENCE_MS, PATIENCE_MS);
		if (enter(io, r, &err)) {
			load.idle++;
			hm_wake(&load.told);
			good = idle(io, r);
			load.unseen += !all_seen(r);
			good = good && count_mail(io, r);
		} else {
			load.failed_early = true;
		}
		hm_io_close(io);
	}
	load.cut_imap += !good;
	if (!good)
		fprintf(stderr, "# u%u: %s\n", r->account, err.text);
	load.readers_left--;
	hm_wake(&load.told);
}

/* ---- all ---- */

static void
tell_progress(void)
{
	while (load.senders_left > 0) {
		hm_wait(&load.told, 1000);
		if (hm_now_ms() - load.began_ms >= load.seconds * 1000)
			load.stop = true;
		printf("sent %llu\n", (unsigned long long)load.accepted);
		fflush(stdout);
		if (!load.stop)
			hm_sleep(1000);
	}
}

static void
report(void)
{
	int64_t took = hm_now_ms() - load.began_ms;
	uint64_t notices = 0;

	for (uint64_t i = 0; i < load.room; i++)
		load.lost += load.got[i] == 1;
	for (unsigned i = 0; i < load.sessions; i++)
		notices += load.readers[i].notices;
	printf("accepted=%llu lost=%llu doubled=%llu deferred=%llu "
	    "refused_connects=%llu cut_smtp=%llu cut_imap=%llu unseen=%llu "
	    "notices=%llu lag_max_ms=%lld seconds=%lld\n",
	    (unsigned long long)load.accepted, (unsigned long long)load.lost,
	    (unsigned long long)load.doubled,
	    (unsigned long long)load.deferred,
	    (unsigned long long)load.refused_connects,
	    (unsigned long long)load.cut_smtp,
	    (unsigned long long)load.cut_imap,
	    (unsigned long long)load.unseen, (unsigned long long)notices,
	    (long long)load.lag_max_ms, (long long)took / 1000);
}

static void
main_fiber(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < load.sessions; i++) {
		load.readers[i].account = i % load.accounts;
		hm_fiber_start(NULL, "reader", reader_fiber, &load.readers[i]);
		/* Not all handshakes at once. */
		while (i + 1 > load.idle + LOGINS_AT_ONCE && !load.failed_early)
			hm_wait(&load.told, 1000);
	}
	while (load.idle < load.sessions && !load.failed_early)
		hm_wait(&load.told, 1000);
	printf(load.failed_early ? "failed\n" : "ready\n");
	fflush(stdout);
	load.began_ms = hm_now_ms();
	if (load.failed_early)
		load.stop = true;
	for (uintptr_t i = 0; i < SENDERS && !load.failed_early; i++) {
		load.senders_left++;
		hm_fiber_start(NULL, "sender", sender_fiber, (void *)i);
	}
	tell_progress();
	load.stop = true;
	hm_wake(&load.told);
	while (load.readers_left > 0)
		hm_wait(&load.told, 1000);
	report();
}

int
main(int argc, char **argv)
{
	char text[40];

	if (argc != 8)
		return 2;
	snprintf(text, sizeof(text), "127.0.0.1:%s", argv[1]);
	hm_sockaddr_parse(hm_str(text), &load.smtp);
	snprintf(text, sizeof(text), "127.0.0.1:%s", argv[2]);
	hm_sockaddr_parse(hm_str(text), &load.imaps);
	load.rate = (unsigned)strtoul(argv[3], NULL, 10);
	load.sessions = load.readers_left = (unsigned)strtoul(argv[4], NULL, 10);
	load.accounts = (unsigned)strtoul(argv[5], NULL, 10);
	load.seconds = (int64_t)strtoul(argv[6], NULL, 10);
	load.password = argv[7];
	load.readers = hm_xalloc(load.sessions * sizeof(*load.readers));
	load.expected = hm_xalloc((load.accounts + 1) * sizeof(*load.expected));
	if (load.rate == 0 || load.accounts == 0 ||
	    load.sessions < load.accounts || hm_loop_init(NULL) < 0 ||
	    hm_tls_client(NULL, false, &load.tls, NULL) < 0)
		return 2;
	hm_fiber_start(NULL, "main", main_fiber, NULL);
	hm_loop_run_until_idle();
	hm_loop_free(1000);
	return load.failed_early || load.lost || load.doubled || load.deferred ||
	    load.cut_smtp || load.cut_imap || load.unseen || !load.accepted;
}
