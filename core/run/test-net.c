/* Addresses and networks, listening over generations, dialling. */
#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/log.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/run/addr-private.h"
#include "core/run/listen.h"
#include "core/run/loop.h"
#include "t/tap.h"

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND 0
#endif

static const struct {
	const char *text;
	int rc;
	const char *with_port, *ip;
} addr_cases[] = {
	{ "127.0.0.1:25", 0, "127.0.0.1:25", "127.0.0.1" },
	{ "127.0.0.1", 0, "127.0.0.1:0", "127.0.0.1" },
	{ "[::1]:25", 0, "[::1]:25", "::1" },
	{ "[::]:65535", 0, "[::]:65535", "::" },
	{ "[2001:db8::1]", 0, "[2001:db8::1]:0", "2001:db8::1" },
	{ "::1", 0, "[::1]:0", "::1" },
	{ "2001:DB8:0:0::1", 0, "[2001:db8::1]:0", "2001:db8::1" },
	{ "::ffff:192.0.2.1", 0, "[::ffff:192.0.2.1]:0", "::ffff:192.0.2.1" },
	{ "[fe80::1%2]:25", 0, "[fe80::1%2]:25", "fe80::1%2" },
	{ "unix:/run/x", 0, "unix:/run/x", "unix:/run/x" },
	{ "", -HM_ESYNTAX, NULL, NULL },
	{ ":25", -HM_ESYNTAX, NULL, NULL },
	{ "localhost:25", -HM_ESYNTAX, NULL, NULL },
	{ "127.0.0.1:", -HM_ESYNTAX, NULL, NULL },
	{ "127.0.0.1:65536", -HM_ESYNTAX, NULL, NULL },
	{ "127.0.0.1:-1", -HM_ESYNTAX, NULL, NULL },
	{ "127.0.0.1:000025", -HM_ESYNTAX, NULL, NULL },
	{ "127.0.0.256", -HM_ESYNTAX, NULL, NULL },
	{ "127.1", -HM_ESYNTAX, NULL, NULL },
	{ "127.0.0.01", -HM_ESYNTAX, NULL, NULL },
	{ "[::1]25", -HM_ESYNTAX, NULL, NULL },
	{ "[::1", -HM_ESYNTAX, NULL, NULL },
	{ "[127.0.0.1]:25", -HM_ESYNTAX, NULL, NULL },
	{ "::1::2", -HM_ESYNTAX, NULL, NULL },
	{ "fe80::1%", -HM_ESYNTAX, NULL, NULL },
	{ "fe80::1%0", -HM_ESYNTAX, NULL, NULL },
	{ "fe80::1%no-such-if", -HM_ENOENT, NULL, NULL },
	{ "unix:", -HM_ESYNTAX, NULL, NULL },
	{ " 127.0.0.1", -HM_ESYNTAX, NULL, NULL },
};

static void
test_addrs(void)
{
	char buf[112], long_path[200];
	struct hm_sockaddr a;
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(addr_cases); i++) {
		int rc = hm_sockaddr_parse(hm_str(addr_cases[i].text), &a);

		is_int(rc, addr_cases[i].rc, "\"%s\"", addr_cases[i].text);
		if (rc != 0)
			continue;
		is_str(hm_sockaddr_text(buf, &a), addr_cases[i].with_port,
		    "with its port");
		is_str(hm_sockaddr_ip(buf, &a), addr_cases[i].ip,
		    "without");
	}
	is_int(hm_sockaddr_parse(HM_STR("127.0.0.1\0:25"), &a), -HM_ESYNTAX,
	    "a NUL inside");
	memset(long_path, 'x', sizeof(long_path));
	memcpy(long_path, "unix:/", 6);
	is_int(hm_sockaddr_parse(hm_str_n(long_path, sizeof(long_path)), &a),
	    -HM_ELIMIT, "a path that is too long");
	is_int(hm_sockaddr_parse(hm_str_n(long_path, 5 + 99), &a), 0,
	    "the longest path");
	ok(strlen(hm_sockaddr_text(buf, &a)) == 104, "and its text");
}

static const struct {
	const char *net, *addr;
	int rc;
	bool has;
} net_cases[] = {
	{ "192.0.2.0/24", "192.0.2.255", 0, true },
	{ "192.0.2.0/24", "192.0.3.0", 0, false },
	{ "192.0.2.77/24", "192.0.2.1", 0, true },
	{ "192.0.2.1", "192.0.2.1", 0, true },
	{ "192.0.2.1", "192.0.2.2", 0, false },
	{ "0.0.0.0/0", "203.0.113.9", 0, true },
	{ "0.0.0.0/0", "::1", 0, false },
	{ "192.0.2.128/25", "192.0.2.127", 0, false },
	{ "192.0.2.128/25", "192.0.2.129", 0, true },
	{ "2001:db8::/32", "2001:db8:ffff::1", 0, true },
	{ "2001:db8::/33", "2001:db8:8000::1", 0, false },
	{ "::1", "::1", 0, true },
	{ "::/0", "127.0.0.1", 0, false },
	{ "192.0.2.0/33", "192.0.2.0", -HM_ESYNTAX, false },
	{ "::/129", "::", -HM_ESYNTAX, false },
	{ "192.0.2.0/", "192.0.2.0", -HM_ESYNTAX, false },
	{ "192.0.2.0:25/24", "192.0.2.0", -HM_ESYNTAX, false },
	{ "unix:/x", "192.0.2.0", -HM_ESYNTAX, false },
};

static void
test_nets(void)
{
	struct hm_sockaddr a, b;
	struct hm_net net;
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(net_cases); i++) {
		int rc = hm_net_parse(hm_str(net_cases[i].net), &net);

		is_int(rc, net_cases[i].rc, "%s", net_cases[i].net);
		if (rc != 0)
			continue;
		hm_sockaddr_parse(hm_str(net_cases[i].addr), &a);
		ok(hm_net_has(&net, &a) == net_cases[i].has, "%s: %s",
		    net_cases[i].addr, net_cases[i].has ? "in" : "out");
	}
	hm_sockaddr_parse(HM_STR("127.8.9.1"), &a);
	ok(hm_sockaddr_loopback(&a), "all of 127/8 is loopback");
	hm_sockaddr_parse(HM_STR("::1"), &a);
	ok(hm_sockaddr_loopback(&a), "so is ::1");
	hm_sockaddr_parse(HM_STR("192.0.2.1:5"), &a);
	ok(!hm_sockaddr_loopback(&a), "others are not");
	hm_sockaddr_parse(HM_STR("192.0.2.1:6"), &b);
	ok(hm_sockaddr_ip_eq(&a, &b) && !hm_sockaddr_eq(&a, &b),
	    "equal but for the port");
}

/* ---- listening ---- */

struct fake_mod {
	const void *gen;
	const char *greeting;
	unsigned served, ended;
	struct hm_cond hold;
	bool holds;
};

static const void *
gen_of(struct hm_mod *m)
{
	return ((struct fake_mod *)(void *)m)->gen;
}

static void
greet(struct hm_mod *m, struct hm_io *io, void *arg)
{
	struct fake_mod *f = (struct fake_mod *)(void *)m;
	struct hm_str line;

	(void)arg;
	f->served++;
	hm_io_printf(io, "%s\n", f->greeting);
	(void)hm_io_flush(io);
	while (f->holds)
		if (hm_wait(&f->hold, 2000) != 0)
			break;
	(void)hm_io_read_line(io, 100, &line, NULL);
	hm_io_close(io);
	f->ended++;
}

/* Connects and fetches the greeting, "" if none came in time. */
static struct hm_io *
visit_for(const struct hm_sockaddr *addr, int64_t ms, char greeting[100])
{
	struct hm_str line;
	struct hm_io *io;
	int rc;

	greeting[0] = '\0';
	if (hm_dial(addr, NULL, 10000, &io, NULL) != 0)
		return NULL;
	hm_io_timeouts(io, ms, ms);
	rc = hm_io_read_line(io, 90, &line, NULL);
	snprintf(greeting, 100, "%.*s", rc == 0 ? (int)line.len : 0,
	    rc == 0 ? line.p : "");
	hm_io_timeouts(io, 10000, 10000);
	return io;
}

static struct hm_io *
visit(const struct hm_sockaddr *addr, char greeting[100])
{
	return visit_for(addr, 10000, greeting);
}

static struct hm_io *
visit_in_vain(const struct hm_sockaddr *addr, char greeting[100])
{
	return visit_for(addr, 150, greeting);
}

/* Sessions use what their test has on its stack. */
static void
wait_ended(struct fake_mod *f)
{
	int i;

	for (i = 0; i < 2000 && f->ended < f->served; i++)
		hm_sleep(5);
	is_int(f->ended, f->served, "all sessions have ended");
}

static struct hm_sockaddr
any_port(void)
{
	struct hm_sockaddr a;

	hm_sockaddr_parse(HM_STR("127.0.0.1:0"), &a);
	return a;
}

/* A free port to name explicitly, because only named ones are shared. */
static struct hm_sockaddr
free_port(void)
{
	struct hm_sockaddr a = any_port();
	int fd = hm_socket_listen(&a, 1, NULL);

	hm_sockaddr_of_fd(fd, false, &a);
	close(fd);
	return a;
}

static void
generations_main(void *arg)
{
	static int gen1, gen2, gen3;
	struct fake_mod one = { .gen = &gen1, .greeting = "one" };
	struct fake_mod two = { .gen = &gen2, .greeting = "two" };
	struct fake_mod three = { .gen = &gen3, .greeting = "three" };
	struct hm_sockaddr addr = free_port(), got;
	struct hm_io *io, *kept;
	struct hm_err err = { 0 };
	char text[100];

	(void)arg;
	hm_listeners_gen_of(gen_of);
	is_int(hm_listen((void *)&one, &addr, NULL, greet, NULL, &err), 0,
	    "generation one listens: %s", err.text);
	is_int(hm_listen((void *)&one, &addr, NULL, greet, NULL, &err),
	    -HM_EEXIST, "twice it cannot: %s", err.text);
	io = visit_in_vain(&addr, text);
	ok(io && text[0] == '\0', "before its start nobody is served");
	hm_listeners_start(&gen1);
	ok(hm_listener_addr(&gen1, 0, &got) == 0 &&
	    hm_sockaddr_eq(&got, &addr), "its address is known");
	hm_io_abort(io);
	kept = visit(&addr, text);
	is_str(text, "one", "then it serves");
	is_int(hm_listen((void *)&two, &addr, NULL, greet, NULL, &err), 0,
	    "generation two takes the same address");
	hm_io_abort(visit(&addr, text));
	is_str(text, "one", "while one still serves");
	is_int(hm_listen((void *)&three, &addr, NULL, greet, NULL, &err), 0,
	    "generation three tries as well");
	hm_listeners_retire(&gen3);
	hm_io_abort(visit(&addr, text));
	is_str(text, "one", "and is given up without harm");
	hm_listeners_retire(&gen1);
	hm_listeners_start(&gen2);
	hm_io_abort(visit(&addr, text));
	is_str(text, "two", "two took over");
	hm_io_puts(kept, "bye\n");
	hm_io_close(kept);
	wait_ended(&one);
	hm_listeners_retire(&gen2);
	ok(visit(&addr, text) == NULL, "nobody listens any more");
	wait_ended(&two);
	hm_listeners_gen_of(NULL);
}

/* Connections made while the socket changes hands are not lost. */
static int takeover_clients;

static void
takeover_client(void *arg)
{
	struct hm_sockaddr *addr = arg;
	char text[100];

	hm_io_close(visit(addr, text));
	takeover_clients--;
	ok(text[0] != '\0', "a connection during the change: %s", text);
}

static void
takeover_main(void *arg)
{
	static int gen1, gen2;
	struct fake_mod one = { .gen = &gen1, .greeting = "one" };
	struct fake_mod two = { .gen = &gen2, .greeting = "two" };
	struct hm_sockaddr addr = free_port();
	int i;

	(void)arg;
	hm_listeners_gen_of(gen_of);
	hm_listen((void *)&one, &addr, NULL, greet, NULL, NULL);
	hm_listeners_start(&gen1);
	hm_listen((void *)&two, &addr, NULL, greet, NULL, NULL);
	takeover_clients = 10;
	for (i = 0; i < 10; i++)
		hm_fiber_start(NULL, "client", takeover_client, &addr);
	hm_yield();
	hm_listeners_retire(&gen1);
	hm_sleep(20);
	hm_listeners_start(&gen2);
	while (takeover_clients > 0)
		hm_sleep(5);
	wait_ended(&one);
	wait_ended(&two);
	is_int(one.served + two.served, 10, "all ten were served");
	ok(two.served > 0, "some by the newer generation");
	hm_listeners_retire(&gen2);
	hm_listeners_gen_of(NULL);
}

static bool
admit(struct hm_mod *m, const struct hm_sockaddr *peer, const char **ret)
{
	(void)m;
	*ret = hm_sockaddr_loopback(peer) ? "421 not today\n" : NULL;
	return false;
}

static void
limits_main(void *arg)
{
	struct fake_mod mod = { .greeting = "welcome", .holds = true };
	struct hm_listen_opts opts = { .max_connections = 2 };
	struct hm_listen_opts refusing = { .admit = admit };
	struct hm_sockaddr addr = any_port();
	struct hm_io *io[3];
	struct hm_str line;
	char text[100];

	(void)arg;
	is_int(hm_listen((void *)&mod, &addr, &opts, greet, NULL, NULL), 0,
	    "a listener for two");
	hm_listener_addr(NULL, 0, &addr);
	ok(addr.port != 0, "on a port of the kernel's choice");
	io[0] = visit(&addr, text);
	io[1] = visit(&addr, text);
	is_str(text, "welcome", "two are served");
	io[2] = visit_in_vain(&addr, text);
	is_str(text, "", "the third one has to wait");
	hm_io_abort(io[0]);
	mod.holds = false;
	hm_wake(&mod.hold);
	is_int(hm_io_read_line(io[2], 100, &line, NULL), 0,
	    "until one of the others leaves");
	hm_io_abort(io[1]);
	hm_io_abort(io[2]);
	wait_ended(&mod);
	is_int(mod.ended, 3, "three sessions in all");
	hm_listeners_retire(NULL);

	addr = any_port();
	hm_listen((void *)&mod, &addr, &refusing, greet, NULL, NULL);
	hm_listener_addr(NULL, 0, &addr);
	hm_io_abort(visit(&addr, text));
	is_str(text, "421 not today", "a refusal before any session");
	is_int(mod.served, 3, "indeed");
	hm_listeners_retire(NULL);
}

/* ---- out of descriptors ---- */

static int n_errors;

static void
count_errors(enum hm_loglevel level, struct hm_str line, void *arg)
{
	(void)line;
	(void)arg;
	n_errors += level == HM_LOG_ERROR;
}

static void
emfile_main(void *arg)
{
	struct fake_mod mod = { .greeting = "welcome" };
	struct hm_sockaddr addr = any_port();
	struct rlimit rl, low;
	int64_t start;
	struct hm_io *io;
	struct hm_str line;
	char text[100];
	int top;

	(void)arg;
	hm_listen((void *)&mod, &addr, NULL, greet, NULL, NULL);
	hm_listener_addr(NULL, 0, &addr);
	hm_io_abort(visit(&addr, text));       /* whatever needs a descriptor */
	wait_ended(&mod);
	getrlimit(RLIMIT_NOFILE, &rl);
	top = fcntl(0, F_DUPFD, 0);
	close(top);
	/* Room for the client's end, none for the server's. */
	low = rl;
	low.rlim_cur = (rlim_t)top + 1;
	setrlimit(RLIMIT_NOFILE, &low);
	hm_log_set_sink(count_errors, NULL);
	start = hm_now_ms();
	io = visit_in_vain(&addr, text);
	is_str(text, "", "without descriptors nobody is served");
	ok(io && hm_now_ms() - start >= 150, "for some time");
	setrlimit(RLIMIT_NOFILE, &rl);
	hm_log_set_sink(NULL, NULL);
	is_int(n_errors, 1, "that is said once");
	is_int(hm_io_read_line(io, 100, &line, NULL), 0,
	    "when there are some again, it goes on");
	hm_io_abort(io);
	wait_ended(&mod);
	hm_listeners_retire(NULL);
}

/* ---- dialling ---- */

static void
dial_main(void *arg)
{
	struct fake_mod mod = { .greeting = "here" };
	struct hm_sockaddr addr = free_port(), local, path;
	struct hm_err err = { 0 };
	struct hm_io *io = NULL;
	char text[112], dir[] = "/tmp/hermod-net-XXXXXX", name[64];
	struct stat st;
	int rc;

	(void)arg;
	rc = hm_dial(&addr, NULL, 2000, &io, &err);
	ok(rc == -HM_EIO && err.code == rc && !io, "nobody there: %s", err.text);
	hm_listen((void *)&mod, &addr, NULL, greet, NULL, NULL);
	hm_sockaddr_parse(HM_STR("127.0.0.9"), &local);
	is_int(hm_dial(&addr, &local, 2000, &io, &err), 0,
	    "from a chosen address");
	is_str(hm_sockaddr_ip(text, hm_io_local(io)), "127.0.0.9",
	    "which is the stream's own");
	ok(hm_sockaddr_eq(hm_io_peer(io), &addr), "and so is the peer's");
	hm_io_close(io);
	hm_sockaddr_parse(HM_STR("192.0.2.1"), &local);
	ok(hm_dial(&addr, &local, 2000, &io, &err) == -HM_EIO,
	    "not from a foreign one: %s", err.text);
	hm_listeners_retire(NULL);

	if (!mkdtemp(dir))
		abort();
	snprintf(name, sizeof(name), "unix:%s/sock", dir);
	hm_sockaddr_parse(hm_str(name), &path);
	is_int(hm_listen((void *)&mod, &path, NULL, greet, NULL, &err), 0,
	    "a Unix socket");
	hm_io_abort(visit(&path, text));
	is_str(text, "here", "serves as well");
	wait_ended(&mod);
	hm_listeners_retire(NULL);
	ok(stat(name + 5, &st) != 0 && errno == ENOENT, "and is removed");
	rmdir(dir);
}

static void
run(hm_fiber_fn *fn)
{
	hm_fiber_start(NULL, "test", fn, NULL);
	hm_loop_run_until_idle();
}

int
main(void)
{
	test_addrs();
	test_nets();
	if (hm_loop_init(NULL) != 0)
		return 1;
	run(generations_main);
	run(takeover_main);
	run(limits_main);
	if (RUNNING_ON_VALGRIND)
		skip("valgrind has its own idea of descriptor limits");
	else
		run(emfile_main);
	run(dial_main);
	hm_loop_free(1000);
	return done();
}
