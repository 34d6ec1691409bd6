/* spawn.c - a process for one module, made by the parent or by ourselves. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hermod/str.h>

#include "core/run/privsep-proto.h"
#include "core/run/privsep.h"

#include "paths.h"

#include "spawn.h"

extern char **environ;

/* What the dynamic linker, the sanitizers and the C library look at. */
static const char *const kept_env[] = {
	"LD_LIBRARY_PATH=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=",
	"TSAN_OPTIONS=", "TZ=",
};

static void
keep_env(char **ret)
{
	size_t n = 0;

	for (char **e = environ; e && *e; e++)
		for (size_t i = 0; i < HM_ARRAY_LEN(kept_env); i++)
			if (n < HM_ARRAY_LEN(kept_env) && hm_str_starts(
			    hm_str(*e), hm_str(kept_env[i])))
				ret[n++] = *e;
	ret[n] = NULL;
}

/* Ourselves, or the program that lies beside us ("hermod-mailtest"), else the
 * installed one. */
void
hm_spawn_plan(struct hm_spawn_plan *ret, const char *name)
{
	static const char *const names[] = { "hermod", "lt-hermod" };
	char dir[900];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	char *slash;

	snprintf(ret->name, sizeof(ret->name), "%.79s", name);
	keep_env(ret->env);
	dir[n > 0 ? n : 0] = '\0';
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < HM_ARRAY_LEN(names); i++) {
		snprintf(ret->path, sizeof(ret->path), "%s/%s", dir, names[i]);
		if (access(ret->path, X_OK) == 0)
			return;
	}
	snprintf(ret->path, sizeof(ret->path), "%s/hermod", HM_BINDIR);
}

void
hm_spawn_run(struct hm_spawn_plan *plan, int sock, pid_t parent)
{
	static char program[] = "hermod", word[] = HM_SPAWN_WORD;
	char *argv[] = { program, word, plan->name, NULL };
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	for (int signum = 1; signum < NSIG; signum++)
		(void)sigaction(signum, &plain, NULL);
	/* Whoever ends the server tells the worker, which tells us. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* Behind the change of ids, which clears it; exec keeps it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* The socket may have the number of one of the others. */
	sock = fcntl(sock, F_DUPFD, HM_SPAWN_FD + 1);
	if (null < 0 || sock < 0 || getppid() != parent ||
	    dup2(null, STDIN_FILENO) < 0 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
	    dup2(sock, HM_SPAWN_FD) < 0 ||
	    close_range(HM_SPAWN_FD + 1, ~0U, 0) < 0)
		_exit(126);
	execve(plan->path, argv, plan->env);
	_exit(127);
}

static int
spawn_here(const char *name, pid_t *ret_pid, struct hm_err *reterr)
{
	struct hm_spawn_plan plan;
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return hm_err_errno(reterr, errno, "a pair of sockets");
	hm_spawn_plan(&plan, name);
	pid = fork();
	if (pid == 0)
		hm_spawn_run(&plan, pair[1], parent);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return hm_err_errno(reterr, errno, "a process");
	}
	*ret_pid = pid;
	return pair[0];
}

static void
end_here(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- the helper of a server that has no parent ---- */

static int helper = -1;        /* our end of the socket */

static void
serve_helper(int sock)
{
	struct hm_priv_request req;
	int fd;

	while (hm_priv_recv(sock, &req, sizeof(req), &fd) == sizeof(req)) {
		struct hm_priv_reply reply = { .rc = 0 };
		struct hm_err err = { 0 };

		if (req.op == HM_PRIV_SPAWN_END)
			end_here(req.pid);
		if (req.op != HM_PRIV_SPAWN)
			continue;
		req.path[sizeof(req.path) - 1] = '\0';
		fd = spawn_here(req.path, &reply.pid, &err);
		if (fd < 0) {
			reply.rc = fd;
			snprintf(reply.text, sizeof(reply.text), "%s", err.text);
		}
		(void)hm_priv_send(sock, &reply, sizeof(reply), fd);
		if (fd >= 0)
			close(fd);
	}
	/* What it made dies with it. */
	_exit(0);
}

void
hm_spawn_helper(void)
{
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGINT, SIG_IGN);
		(void)signal(SIGTERM, SIG_IGN);
		(void)signal(SIGHUP, SIG_IGN);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		(void)close_range(STDERR_FILENO + 1, (unsigned)pair[1] - 1, 0);
		(void)close_range((unsigned)pair[1] + 1, ~0U, 0);
		if (getppid() == parent)
			serve_helper(pair[1]);
		_exit(0);
	}
	close(pair[1]);
	if (pid < 0)
		close(pair[0]);
	else
		helper = pair[0];
}

int
hm_spawn(const char *name, pid_t *ret_pid, struct hm_err *reterr)
{
	int fd;

	if (helper >= 0 || hm_priv_has_parent())
		fd = hm_priv_spawn(helper, name, ret_pid, reterr);
	else
		fd = spawn_here(name, ret_pid, reterr);
	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

void
hm_spawn_end(pid_t pid)
{
	if (helper >= 0 || hm_priv_has_parent())
		hm_priv_spawn_end(helper, pid);
	else
		end_here(pid);
}
