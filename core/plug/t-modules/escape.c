/* escape.c - a module taken over by somebody else: it tries what it should not be
 * able to do, and tells how each attempt ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hermod/plugin.h>
#include <hermod/work.h>

static struct sockaddr_in
loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int
number(const char *arg)
{
	return (int)strtol(arg, NULL, 10);
}

static int
closing(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return fd;
}

static int
try_read(const char *arg)
{
	return closing(open(arg, O_RDONLY | O_CLOEXEC));
}

static int
try_write(const char *arg)
{
	return closing(open(arg, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int
try_exec(const char *arg)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		execl(arg, arg, (char *)NULL);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	errno = WEXITSTATUS(status);
	return errno == 0 ? 0 : -1;
}

static int
try_ptrace(const char *arg)
{
	return (int)ptrace(PTRACE_ATTACH, number(arg), NULL, NULL);
}

static int
try_mount(const char *arg)
{
	return mount("none", arg, "tmpfs", 0, NULL);
}

static int
try_unshare(const char *arg)
{
	(void)arg;
	return unshare(CLONE_NEWUSER);
}

static int
try_clone(const char *arg)
{
	(void)arg;
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL,
	    NULL, NULL);

	if (pid == 0)
		_exit(0);
	return (int)pid;
}

static int
try_bpf(const char *arg)
{
	(void)arg;
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int
try_keys(const char *arg)
{
	(void)arg;
	return (int)syscall(SYS_keyctl, 0, -3, 0);
}

static int
try_uring(const char *arg)
{
	(void)arg;
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int
try_setuid(const char *arg)
{
	return (int)syscall(SYS_setuid, number(arg));
}

static int
try_code(const char *arg)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE |
	    (*arg == 'w' ? PROT_EXEC : 0), MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int
try_type(const char *arg)
{
	return ioctl(STDERR_FILENO, TIOCSTI, arg);
}

static int
try_socket(const char *arg)
{
	return closing(socket(number(arg), SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int
try_bind(const char *arg)
{
	struct sockaddr_in sin = loopback(number(arg));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = bind(fd, (struct sockaddr *)&sin, sizeof(sin));

	closing(fd);
	return r;
}

static int
try_connect(const char *arg)
{
	struct sockaddr_in sin = loopback(number(arg));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = connect(fd, (struct sockaddr *)&sin, sizeof(sin));

	closing(fd);
	return r;
}

static int
try_signal(const char *arg)
{
	return kill(number(arg), 0);
}

static int
try_dumpable(const char *arg)
{
	(void)arg;
	errno = EPERM;
	return prctl(PR_GET_DUMPABLE) == 0 ? -1 : 0;
}

static const struct attempt {
	const char *name;
	int (*fn)(const char *arg);
} attempts[] = {
	{ "read", try_read }, { "write", try_write }, { "exec", try_exec },
	{ "ptrace", try_ptrace }, { "mount", try_mount },
	{ "unshare", try_unshare }, { "clone", try_clone }, { "bpf", try_bpf },
	{ "keys", try_keys }, { "uring", try_uring }, { "setuid", try_setuid },
	{ "code", try_code }, { "type", try_type }, { "socket", try_socket },
	{ "bind", try_bind }, { "connect", try_connect },
	{ "signal", try_signal }, { "dumpable", try_dumpable },
};

struct job {
	const struct attempt *attempt;
	const char *arg;
	int error;
};

static int
run_attempt(void *arg)
{
	struct job *job = arg;

	errno = 0;
	job->error = job->attempt->fn(job->arg) < 0 ? errno : 0;
	return 0;
}

/* Each on the loop's thread and on one of the pool. */
static int
escape_try(struct hm_cmd *cmd)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(attempts); i++) {
		struct job here = { &attempts[i], hm_cmd_arg(cmd, 1), 0 };
		struct job there = here;

		if (strcmp(attempts[i].name, hm_cmd_arg(cmd, 0)) != 0)
			continue;
		run_attempt(&here);
		hm_work(run_attempt, &there);
		if (here.error != there.error)
			return hm_cmd_error(cmd, "%d here, %d there",
			    here.error, there.error);
		hm_cmd_printf(cmd, "%s\n", here.error == 0 ? "done" :
		    strerrorname_np(here.error));
		return 0;
	}
	return hm_cmd_error(cmd, "no such attempt");
}

static const struct hm_command escape_commands[] = {
	{ .words = "escape", .args = "WHAT ARG", .summary = "Tries to get out",
	  .run = escape_try },
	HM_COMMAND_END
};

HM_MODULE(escape, "1", "Tries what it must not", .commands = escape_commands);
