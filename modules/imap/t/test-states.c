/* test-states.c - every command in every state (RFC 9051, 3 and 6), by a table
 * written on its own and by trying it. */
#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/str.h>

#include "fake.h"
#include "t/tap.h"
#include "t/virtual.h"

enum { N = 1, A = 2, S = 4 };

static const struct {
	const char *name;
	unsigned states;
} expected[] = {
	{ "CAPABILITY", N | A | S }, { "NOOP", N | A | S },
	{ "LOGOUT", N | A | S }, { "ID", N | A | S },
	{ "STARTTLS", N }, { "AUTHENTICATE", N }, { "LOGIN", N },
	{ "ENABLE", A | S }, { "SELECT", A | S }, { "EXAMINE", A | S },
	{ "CREATE", A | S }, { "DELETE", A | S }, { "RENAME", A | S },
	{ "SUBSCRIBE", A | S }, { "UNSUBSCRIBE", A | S }, { "LIST", A | S },
	{ "LSUB", A | S }, { "NAMESPACE", A | S }, { "STATUS", A | S },
	{ "APPEND", A | S }, { "IDLE", A | S },
	{ "CHECK", S }, { "CLOSE", S }, { "UNSELECT", S }, { "EXPUNGE", S },
	{ "SEARCH", S }, { "FETCH", S }, { "STORE", S }, { "COPY", S },
	{ "MOVE", S }, { "UID EXPUNGE", S }, { "UID SEARCH", S },
	{ "UID FETCH", S }, { "UID STORE", S }, { "UID COPY", S },
	{ "UID MOVE", S },
};

struct attempt {
	const char *name;
	unsigned state;        /* N, A, S */
	bool refused;          /* for the state */
	bool answered;
};

static void
serve(void *arg)
{
	imap_session_run(fake_server(), arg, false);
}

/* Reads up to the tagged reply, or a continuation. */
static struct hm_str
answer(struct hm_io *io, const char *tag)
{
	struct hm_str line = { 0 };

	do {
		if (hm_io_read_line(io, 1 << 16, &line, NULL) < 0)
			return hm_str(NULL);
	} while (!hm_str_starts(line, hm_str(tag)) &&
	    !hm_str_starts(line, HM_STR("+")));
	return line;
}

static void
attempt(void *arg)
{
	struct attempt *a = arg;
	struct hm_io *io, *server;
	struct hm_str line;

	hm_io_pair(&io, &server);
	hm_fiber_start(NULL, "imap session", serve, server);
	hm_io_timeouts(io, 1000, 1000);
	hm_io_puts(io, "1 NOOP\r\n");
	answer(io, "1 ");
	if (a->state != N) {
		hm_io_puts(io, "2 LOGIN u secret\r\n");
		answer(io, "2 ");
	}
	if (a->state == S) {
		hm_io_puts(io, "3 SELECT INBOX\r\n");
		answer(io, "3 ");
	}
	hm_io_printf(io, "4 %s\r\n", a->name);
	line = answer(io, "4 ");
	a->answered = line.p != NULL;
	a->refused = hm_str_is(line, "4 BAD log in first") ||
	    hm_str_is(line, "4 BAD select a mailbox first") ||
	    hm_str_is(line, "4 BAD not in this state");
	hm_io_close(io);
}

static void
test_command(size_t i)
{
	static const char *const names[] = {
		[N] = "not logged in", [A] = "logged in", [S] = "selected",
	};
	const struct imap_command *def =
	    imap_command_find(hm_str(expected[i].name));
	unsigned state;

	if (!ok(def != NULL, "%s is a command", expected[i].name))
		return;
	for (state = N; state <= S; state *= 2) {
		struct attempt a = { .name = expected[i].name, .state = state };
		bool allowed = expected[i].states & state;

		hm_fiber_start(NULL, "client", attempt, &a);
		virtual_run();
		ok(a.answered && a.refused == !allowed, "%s, %s: %s", a.name,
		    names[state], allowed ? "allowed" : "refused");
	}
}

int
main(void)
{
	size_t i, n = 0;

	if (!virtual_begin(INT64_C(1000000000000)))
		return 1;
	fake_reset();
	while (imap_commands[n].name)
		n++;
	is_int(n, HM_ARRAY_LEN(expected), "no command is left out");
	for (i = 0; i < HM_ARRAY_LEN(expected); i++)
		test_command(i);
	fake_free();
	virtual_end();
	return done();
}
