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
#include "core/run/spawn.h"

#include "paths.h"

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
hm_spawn_plan(struct hm_spawn_plan *ret)
{
	static const char *const names[] = { "hermod", "lt-hermod" };
	char dir[900];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	char *slash;

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
hm_spawn_run(const struct hm_spawn_plan *plan, int sock, pid_t parent)
{
	static char name[] = "hermod", word[] = HM_SPAWN_WORD;
	char *argv[] = { name, word, NULL };
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	for (int signum = 1; signum < NSIG; signum++)
		(void)sigaction(signum, &plain, NULL);
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
spawn_here(pid_t *ret_pid, struct hm_err *reterr)
{
	struct hm_spawn_plan plan;
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return hm_err_errno(reterr, errno, "a pair of sockets");
	hm_spawn_plan(&plan);
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

int
hm_spawn(const char *name, pid_t *ret_pid, struct hm_err *reterr)
{
	int fd = hm_priv_has_parent() ? hm_priv_spawn(name, ret_pid, reterr) :
	    spawn_here(ret_pid, reterr);

	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

void
hm_spawn_end(pid_t pid)
{
	if (hm_priv_has_parent()) {
		hm_priv_spawn_end(pid);
		return;
	}
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
