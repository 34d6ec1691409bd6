/* Parent and worker: sockets and files on request, restart, signals. Dropping
 * privileges is tested where the test itself runs as root. */
#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/log.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/run/addr-private.h"
#include "core/run/privsep.h"
#include "core/serve/parent.h"
#include "t/tap.h"

enum { NOBODY = 65534 };

/* Seen by all processes of a test. */
struct shared {
	int starts, reloads, hups, terms;
	int listen_rc, denied_rc, late_rc, open_rc, unlisted_rc;
	int uid, same_port, read_back;
	char denied_text[512];
	struct hm_sockaddr addr;
	int extra_allowed;
	pid_t worker;
};

static struct shared *sh;
static char secret[64], other[64];

static bool
may_listen(const struct hm_sockaddr *addr, void *arg)
{
	(void)arg;
	return addr->port == sh->addr.port || (sh->extra_allowed &&
	    addr->port == 0);
}

static bool
may_open(const char *path, void *arg)
{
	(void)arg;
	return strcmp(path, secret) == 0;
}

static void
reload(void *arg)
{
	(void)arg;
	sh->reloads++;
}

/* As above, but what it reads has meanwhile changed. */
static void
reload_allows(void *arg)
{
	reload(arg);
	sh->extra_allowed = 1;
}

static volatile sig_atomic_t got_hup, got_term;

static void
on_signal(int signum)
{
	if (signum == SIGHUP)
		got_hup = 1;
	else
		got_term = 1;
}

static void
ask_for_things(void)
{
	struct hm_sockaddr any = { .family = 4, .ip = { 127, 0, 0, 1 } };
	struct hm_sockaddr bound;
	struct hm_err err = { 0 };
	char block[16] = "";
	int fd;

	fd = hm_priv_listen(&sh->addr, 16, &err);
	sh->listen_rc = fd < 0 ? fd : 0;
	if (fd >= 0 && hm_sockaddr_of_fd(fd, false, &bound) == 0)
		sh->same_port = bound.port == sh->addr.port;
	any.port = 1;
	sh->denied_rc = hm_priv_listen(&any, 16, &err);
	snprintf(sh->denied_text, sizeof(sh->denied_text), "%s", err.text);
	any.port = 0;
	fd = hm_priv_listen(&any, 16, NULL);
	sh->late_rc = fd < 0 ? fd : 0;
	fd = hm_priv_open(secret, NULL);
	sh->open_rc = fd < 0 ? fd : 0;
	if (fd >= 0 && read(fd, block, 6) == 6)
		sh->read_back = strcmp(block, "secret") == 0;
	sh->unlisted_rc = hm_priv_open(other, NULL);
	sh->uid = (int)getuid();
}

/* The first worker crashes, the second one works until it is told to end. */
static int
worker(void *arg)
{
	(void)arg;
	signal(SIGHUP, on_signal);
	signal(SIGTERM, on_signal);
	sh->starts++;
	ask_for_things();
	hm_priv_state(HM_SERVICE_READY, 1);
	if (sh->starts == 1)
		abort();
	sh->worker = getpid();
	while (!got_term) {
		usleep(1000);
		if (!got_hup)
			continue;
		got_hup = 0;
		sh->hups++;
	}
	sh->terms++;
	return 0;
}

static int
broken_worker(void *arg)
{
	(void)arg;
	sh->starts++;
	return 78;
}

/* Runs the supervisor in a process of its own. */
static pid_t
start(int (*fn)(void *), void (*reload_fn)(void *))
{
	struct hm_privsep p = {
		.drop = getuid() == 0, .uid = NOBODY, .gid = NOBODY,
		.may_listen = may_listen, .may_open = may_open,
		.reload = reload_fn, .worker = fn,
	};
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 2);
		_exit(hm_privsep_run(&p));
	}
	return pid;
}

static bool
wait_for(const int *counter, int value)
{
	int i;

	for (i = 0; i < 10000 && *(volatile const int *)counter < value; i++)
		usleep(1000);
	return *(volatile const int *)counter >= value;
}

static int
status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
}

static void
write_file(char *path, size_t size, const char *name, mode_t mode)
{
	int fd;

	snprintf(path, size, "/tmp/hermod-privsep-%d-%s", (int)getpid(), name);
	fd = open(path, O_CREAT | O_WRONLY | O_EXCL, mode);
	if (fd < 0 || write(fd, "secret", 6) != 6)
		abort();
	close(fd);
}

/* On an address of its own: a port of 127.0.0.1 that is free now may soon be
 * that of anybody's connection. */
static void
pick_port(void)
{
	unsigned pid = (unsigned)getpid();
	int fd;

	sh->addr = (struct hm_sockaddr){ .family = 4, .ip = { 127,
	    (uint8_t)(pid >> 16 | 1), (uint8_t)(pid >> 8), (uint8_t)pid } };
	fd = hm_socket_listen(&sh->addr, 1, NULL);
	if (fd < 0 || hm_sockaddr_of_fd(fd, false, &sh->addr) != 0)
		abort();
	close(fd);
}

static bool
can_connect(void)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	hm_sockaddr_to_os(&sh->addr, &ss, &len);
	good = connect(fd, (struct sockaddr *)&ss, len) == 0;
	close(fd);
	return good;
}

static void
test_life(void)
{
	int64_t began = hm_now_ms();
	pid_t pid = start(worker, reload_allows);
	bool again = wait_for(&sh->starts, 2);

	ok(again && hm_now_ms() - began < 3000,
	    "a crashed worker is there again at once");
	is_int(sh->listen_rc, 0, "it gets its socket");
	ok(sh->same_port, "on the right port");
	is_int(sh->denied_rc, -HM_EACCES, "but no other: %s", sh->denied_text);
	is_int(sh->late_rc, 0, "unless the configuration has changed");
	is_int(sh->open_rc, 0, "it gets its file");
	ok(sh->read_back, "with its content");
	if (getuid() == 0) {
		is_int(sh->uid, NOBODY, "it has no privileges");
		is_int(sh->unlisted_rc, -HM_EACCES, "and gets no other file");
	} else {
		skip("privileges can only be dropped by root");
		skip("files are only protected from others than root");
	}
	ok(wait_for((int *)&sh->worker, 1), "it works");
	ok(can_connect(), "it can be reached");
	is_int(kill(pid, SIGHUP), 0, "a hangup to the parent");
	ok(wait_for(&sh->hups, 1), "is passed on");
	ok(sh->reloads > 0, "after the parent has read its configuration");
	kill(sh->worker, SIGKILL);
	ok(can_connect(), "while it is dead, connections are kept");
	sh->worker = 0;
	ok(wait_for(&sh->starts, 3), "and it is started again");
	ok(wait_for((int *)&sh->worker, 1), "and works");
	kill(pid, SIGTERM);
	is_int(status_of(pid), 0, "an orderly end");
	is_int(sh->terms, 1, "of the worker as well");
	ok(!can_connect(), "then nobody listens");
}

static void
test_broken(void)
{
	pid_t pid;

	sh->starts = 0;
	pid = start(broken_worker, NULL);
	is_int(status_of(pid), 78, "a worker that cannot begin ends it all");
	is_int(sh->starts, 1, "without a second try");
}

/* Without a parent everything is done directly. */
static void
test_alone(void)
{
	struct hm_err err = { 0 };
	int fd = hm_priv_listen(&sh->addr, 1, &err);

	ok(fd >= 0, "a socket without a parent: %s", err.text);
	hm_priv_unlisten(&sh->addr);
	close(fd);
	fd = hm_priv_open(secret, &err);
	ok(fd >= 0, "a file without a parent");
	close(fd);
	is_int(hm_priv_open("/nonexistent/file", &err), -HM_ENOENT, "none: %s",
	    err.text);
	hm_priv_state(HM_SERVICE_READY, 1);
}

int
main(void)
{
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		return 1;
	write_file(secret, sizeof(secret), "secret", 0600);
	write_file(other, sizeof(other), "other", 0600);
	pick_port();
	test_alone();
	test_life();
	test_broken();
	unlink(secret);
	unlink(other);
	return done();
}
