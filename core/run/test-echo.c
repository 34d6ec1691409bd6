/* The smallest server: what a module with a protocol of its own looks like. */
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include <sys/resource.h>

#include "core/run/listen.h"
#include "core/run/loop.h"
#include "t/tap.h"

enum { ROUNDS = 5 };

static struct hm_sockaddr addr;
static int clients = 1000, served, answered, connected;
static struct hm_cond all_connected;

/* One session: greet, echo lines, leave. */
static void
echo_session(struct hm_mod *m, struct hm_io *io, void *arg)
{
	struct hm_str line;

	(void)m;
	(void)arg;
	hm_io_puts(io, "220 echo\r\n");
	while (hm_io_read_line(io, 1000, &line, NULL) == 0) {
		if (hm_str_caseis(line, "QUIT"))
			break;
		hm_io_str(io, line);
		hm_io_puts(io, "\r\n");
	}
	hm_io_puts(io, "221 bye\r\n");
	hm_io_close(io);
	served++;
}

static bool
say(struct hm_io *io, const char *text, const char *expect)
{
	struct hm_str line;

	return hm_io_printf(io, "%s\r\n", text) == 0 &&
	    hm_io_read_line(io, 1000, &line, NULL) == 0 &&
	    hm_str_is(line, expect);
}

static void
echo_client(void *arg)
{
	char text[64];
	struct hm_str line;
	struct hm_io *io;
	int i;

	if (hm_dial(&addr, NULL, 10000, &io, NULL) != 0)
		return;
	if (hm_io_read_line(io, 100, &line, NULL) == 0 &&
	    hm_str_is(line, "220 echo"))
		connected++;
	if (connected == clients)
		hm_wake(&all_connected);
	while (connected < clients)
		if (hm_wait(&all_connected, 20000) != 0)
			break;
	for (i = 0; i < ROUNDS; i++) {
		snprintf(text, sizeof(text), "line %d of %p", i, arg);
		answered += say(io, text, text);
	}
	answered += say(io, "quit", "221 bye");
	hm_io_close(io);
}

int
main(void)
{
	struct rlimit rl;
	int i;

	if (hm_loop_init(NULL) != 0)
		return 1;
	/* Both ends are ours. */
	getrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_cur < 2100) {
		skip("not enough descriptors for 1000 connections");
		clients = 100;
	}
	hm_sockaddr_parse(HM_STR("127.0.0.1:0"), &addr);
	is_int(hm_listen(NULL, &addr, NULL, echo_session, NULL, NULL), 0,
	    "a listener");
	hm_listener_addr(NULL, 0, &addr);
	for (i = 0; i < clients; i++)
		hm_fiber_start(NULL, "client", echo_client, &addr);
	hm_loop_run_until_idle();
	is_int(connected, clients, "%d connections at once", clients);
	is_int(answered, clients * (ROUNDS + 1), "all lines came back");
	is_int(served, clients, "all sessions ended");
	hm_loop_free(1000);
	return done();
}
