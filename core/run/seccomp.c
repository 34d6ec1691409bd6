/* seccomp.c - system calls that a mail server has no use for.
 *
 * Modules and their libraries may do what is ordinary; what is listed below is
 * refused. Calls that the library does not know by name are newer than this list
 * could judge: they do not exist for us, and libc falls back to older ones.
 */
#include "config.h"

#include "sandbox.h"
#include "where.h"

#ifdef HAVE_SECCOMP

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#include <hermod/types.h>

enum {
	LAST_CALL = 1024,          /* numbers above are of the future */
	REPORTS_MAX = 100,
};

static const char *const forbidden[] = {
	/* other programs */
	"execve", "execveat", "uselib",
	/* other processes */
#ifndef HM_SANITIZED
	"ptrace",                  /* looks for leaks when the program ends */
#endif
	"process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd",
	"process_madvise", "move_pages", "migrate_pages", "perf_event_open",
	"lookup_dcookie",
	/* the kernel's code */
	"bpf", "init_module", "finit_module", "delete_module",
	"create_module", "kexec_load", "kexec_file_load", "userfaultfd",
	/* file systems */
	"mount", "umount", "umount2", "pivot_root", "chroot", "move_mount",
	"fsopen", "fsconfig", "fsmount", "fspick", "open_tree",
	"mount_setattr", "swapon", "swapoff", "quotactl", "quotactl_fd",
	"name_to_handle_at", "open_by_handle_at", "fanotify_init",
	"fanotify_mark", "sysfs", "nfsservctl", "acct",
	/* other worlds, other users */
	"unshare", "setns", "setuid", "setgid", "setreuid", "setregid",
	"setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups",
	"add_key", "request_key", "keyctl", "personality",
	/* the machine */
	"reboot", "sethostname", "setdomainname", "settimeofday", "stime",
	"clock_settime", "clock_settime64", "adjtimex", "clock_adjtime",
	"clock_adjtime64", "syslog", "vhangup", "iopl", "ioperm",
	"pciconfig_read", "pciconfig_write", "pciconfig_iobase",
	"modify_ldt", "vm86", "vm86old",
};

/* What a module alone in its process has no use for either. */
static const char *const forbidden_alone[] = {
	/* the network, and descriptors of other kinds */
	"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4",
	"memfd_create", "memfd_secret", "inotify_init", "inotify_init1",
	/* other processes */
	"fork", "vfork", "tkill", "rt_sigqueueinfo",
	"rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal", "setpgid",
	"setsid", "setpriority", "sched_setscheduler", "sched_setattr",
	"ioprio_set",
	/* files */
	"creat", "truncate", "ftruncate", "fallocate", "mkdir", "mkdirat",
	"mknod", "mknodat", "rmdir", "unlink", "unlinkat", "rename",
	"renameat", "renameat2", "link", "linkat", "symlink", "symlinkat",
	"chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat",
	"utime", "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr",
	"fsetxattr", "removexattr", "lremovexattr", "fremovexattr",
	/* memory that outlives us, or is counted nowhere */
	"shmget", "shmat", "shmctl", "semget", "msgget", "mq_open", "mlock",
	"mlock2", "mlockall", "remap_file_pages",
};

/* Absent rather than forbidden: whoever tries them knows what to do then. What
 * clone3 is asked for lies in memory, where a filter cannot look. */
static const char *const absent[] = {
	"clone3", "io_uring_setup", "io_uring_enter", "io_uring_register",
};

/* ---- the report ---- */

static char *names[LAST_CALL];   /* of what is refused, in whole or part */

static size_t
add(char *line, size_t n, const char *text)
{
	while (*text)
		line[n++] = *text++;
	return n;
}

/* Runs in the place of the call, under whatever locks there are: so no more than
 * one write(). The call fails; a process that goes on is told why. */
static void
refused(int signum, siginfo_t *info, void *context)
{
	static atomic_int reports;
	ucontext_t *uc = context;
	int nr = info->si_syscall, e = EPERM;
	const char *name = nr >= 0 && nr < LAST_CALL ? names[nr] : NULL;
	const struct hm_who *who = hm_where()->who;
	char line[260];
	size_t n = 0;

	(void)signum;
	name = name ? name : "unknown";
	if (strcmp(name, "socket") == 0 || strcmp(name, "socketpair") == 0)
		e = EAFNOSUPPORT;
	if (atomic_fetch_add(&reports, 1) < REPORTS_MAX) {
		n = add(line, n, "l=error m=\"the sandbox refused a system "
		    "call\" call=");
		n = add(line, n, name);
		n = add(line, n, " module=");
		n = add(line, n, who ? who->name : "-");
		n = add(line, n, "\n");
		n = (size_t)write(STDERR_FILENO, line, n);
	}
#if defined(__x86_64__)
	uc->uc_mcontext.gregs[REG_RAX] = -e;
#elif defined(__aarch64__)
	uc->uc_mcontext.regs[0] = (uint64_t)-e;
#endif
}

static int
catch_refusals(void)
{
	struct sigaction act = { .sa_sigaction = refused,
	    .sa_flags = SA_SIGINFO | SA_NODEFER };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	return sigaction(SIGSYS, &act, NULL) < 0 ||
	    sigprocmask(SIG_UNBLOCK, &set, NULL) < 0 ? -1 : 0;
}

static uint32_t
refusal(enum hm_sandbox_mode mode)
{
	switch (mode) {
	case HM_SANDBOX_KILL:
		return SCMP_ACT_KILL_PROCESS;
	case HM_SANDBOX_REPORT:
		return SCMP_ACT_LOG;
	default:
#if defined(__x86_64__) || defined(__aarch64__)
		return SCMP_ACT_TRAP;
#else
		return SCMP_ACT_ERRNO(EPERM);
#endif
	}
}

/* ---- the rules ---- */

struct filter {
	bool alone;
	scmp_filter_ctx ctx;
	uint32_t refuse, otherwise; /* actions */
	int r;                     /* the first failure */
};

static bool
among(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static void
rule(struct filter *f, uint32_t action, int nr, struct scmp_arg_cmp arg)
{
	int r = action == f->otherwise ? 0 :
	    seccomp_rule_add_exact(f->ctx, action, nr, 1, arg);

	if (f->r == 0)
		f->r = r;
}

/* None of the bits of mask. */
static void
mask_rules(struct filter *f, int nr, unsigned arg, uint64_t mask)
{
	uint64_t rest = mask;

	rule(f, SCMP_ACT_ALLOW, nr, SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, mask, 0));
	while (rest != 0) {
		uint64_t bit = rest & -rest;

		rule(f, f->refuse, nr, SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, bit,
		    bit));
		rest &= ~bit;
	}
}

/* Sockets of this machine and of the internet, and the list of its addresses. */
static void
socket_rules(struct filter *f, int nr)
{
	static const int good[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	uint64_t family = 0;

	for (size_t i = 0; i < HM_ARRAY_LEN(good); family++) {
		bool is_good = family == (uint64_t)good[i];

		rule(f, is_good ? SCMP_ACT_ALLOW : f->refuse, nr,
		    SCMP_CMP64(0, SCMP_CMP_EQ, family));
		i += is_good;
	}
	rule(f, f->refuse, nr, SCMP_CMP64(0, SCMP_CMP_GE, family));
}

/* Typing into the administrator's terminal. */
static void
ioctl_rules(struct filter *f, int nr)
{
	uint64_t first = TIOCSTI, last = TIOCLINUX;

	rule(f, SCMP_ACT_ALLOW, nr, SCMP_CMP64(1, SCMP_CMP_LT, first));
	rule(f, SCMP_ACT_ALLOW, nr, SCMP_CMP64(1, SCMP_CMP_GT, last));
	for (uint64_t i = first; i <= last; i++)
		rule(f, i == first || i == last ? f->refuse : SCMP_ACT_ALLOW,
		    nr, SCMP_CMP64(1, SCMP_CMP_EQ, i));
}

/* Memory is for writing or for running: a loader needs no more. */
static void
mmap_rules(struct filter *f, int nr)
{
	uint64_t both = PROT_WRITE | PROT_EXEC;

	for (int i = 0; i < 3; i++)
		rule(f, SCMP_ACT_ALLOW, nr, SCMP_CMP64(2, SCMP_CMP_MASKED_EQ,
		    both, (i & 1 ? PROT_WRITE : 0) | (i & 2 ? PROT_EXEC : 0)));
	rule(f, f->refuse, nr, SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, both, both));
}

/* Only to read. What does not match any rule is refused likewise. */
static void
open_rules(struct filter *f, int nr, unsigned arg)
{
	mask_rules(f, nr, arg, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC |
	    (O_TMPFILE & ~O_DIRECTORY));
}

/* Neither memory that is to be written and run, nor any that is shared with
 * nobody but escapes the limit. */
static void
private_mmap_rules(struct filter *f, int nr)
{
	uint64_t prot = PROT_WRITE | PROT_EXEC, flags = MAP_SHARED | MAP_ANONYMOUS;

	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++) {
			int r = seccomp_rule_add_exact(f->ctx, SCMP_ACT_ALLOW,
			    nr, 2, SCMP_CMP64(2, SCMP_CMP_MASKED_EQ, prot,
			    (i & 1 ? PROT_WRITE : 0) | (i & 2 ? PROT_EXEC : 0)),
			    SCMP_CMP64(3, SCMP_CMP_MASKED_EQ, flags,
			    (j & 1 ? MAP_SHARED : 0) |
			    (j & 2 ? MAP_ANONYMOUS : 0)));

			if (f->r == 0)
				f->r = r;
		}
}

/* A new thread is one of ours, a new process is not. */
static void
thread_rules(struct filter *f, int nr)
{
	rule(f, SCMP_ACT_ALLOW, nr, SCMP_CMP64(0, SCMP_CMP_MASKED_EQ,
	    CLONE_THREAD, CLONE_THREAD));
	rule(f, f->refuse, nr, SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, CLONE_THREAD,
	    0));
}

/* raise() and abort(). */
static void
signal_rules(struct filter *f, int nr)
{
	uint64_t self = (uint64_t)getpid();

	rule(f, SCMP_ACT_ALLOW, nr, SCMP_CMP64(0, SCMP_CMP_EQ, self));
	rule(f, f->refuse, nr, SCMP_CMP64(0, SCMP_CMP_NE, self));
}

static bool
partly_alone(struct filter *f, const char *name, int nr)
{
	if (strcmp(name, "open") == 0)
		open_rules(f, nr, 1);
	else if (strcmp(name, "openat") == 0)
		open_rules(f, nr, 2);
	else if (strcmp(name, "clone") == 0)
		thread_rules(f, nr);
	else if (strcmp(name, "kill") == 0 || strcmp(name, "tgkill") == 0)
		signal_rules(f, nr);
	else if (strcmp(name, "mmap") == 0)
		private_mmap_rules(f, nr);
	else
		return false;
	return true;
}

static bool
partly(struct filter *f, const char *name, int nr)
{
	if (f->alone && partly_alone(f, name, nr))
		return true;
	if (strcmp(name, "socket") == 0 || strcmp(name, "socketpair") == 0)
		socket_rules(f, nr);
	else if (strcmp(name, "ioctl") == 0)
		ioctl_rules(f, nr);
	else if (strcmp(name, "mmap") == 0)
		mmap_rules(f, nr);
	else if (strcmp(name, "mprotect") == 0 ||
	    strcmp(name, "pkey_mprotect") == 0)
		mask_rules(f, nr, 2, PROT_EXEC);
	else if (strcmp(name, "clone") == 0)
		mask_rules(f, nr, 0, CLONE_NEWNS | CLONE_NEWCGROUP |
		    CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
		    CLONE_NEWNET);
	else
		return false;
	return true;
}

/* True when the call may be refused: its name is then kept for reports. */
static bool
name_rules(struct filter *f, const char *name, int nr)
{
	uint32_t action = SCMP_ACT_ALLOW;
	int r = 0;

	if (among(name, forbidden, HM_ARRAY_LEN(forbidden)) ||
	    (f->alone && among(name, forbidden_alone,
	    HM_ARRAY_LEN(forbidden_alone))))
		action = f->refuse;
	else if (among(name, absent, HM_ARRAY_LEN(absent)) ||
	    (f->alone && strcmp(name, "openat2") == 0))
		action = f->otherwise;
	else if (partly(f, name, nr))
		return true;
	if (action != f->otherwise)
		r = seccomp_rule_add_exact(f->ctx, action, nr, 0);
	if (f->r == 0)
		f->r = r;
	return action == f->refuse;
}

static void
call_rules(struct filter *f, int nr)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);

	if (name && name_rules(f, name, nr))
		names[nr] = name;
	else
		free(name);
}

static int
load(struct filter *f)
{
	/* Refused calls are logged by the kernel as well, where it can. */
	(void)seccomp_attr_set(f->ctx, SCMP_FLTATR_CTL_LOG, 1);
	(void)seccomp_attr_set(f->ctx, SCMP_FLTATR_CTL_NNP, 1);
	/* A tree of numbers instead of one comparison after another. */
	(void)seccomp_attr_set(f->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (int nr = 0; nr < LAST_CALL; nr++)
		call_rules(f, nr);
	return f->r != 0 ? f->r : seccomp_load(f->ctx);
}

int
hm_seccomp_enter(enum hm_sandbox_mode mode, bool alone, struct hm_err *reterr)
{
	struct filter f = { .alone = alone, .refuse = refusal(mode),
	    .otherwise = mode == HM_SANDBOX_REPORT ? SCMP_ACT_ALLOW :
	    SCMP_ACT_ERRNO(ENOSYS) };
	int r;

	if (prctl(PR_GET_SECCOMP) < 0)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "the kernel has no seccomp");
	f.ctx = seccomp_init(f.otherwise);
	if (!f.ctx)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "the kernel has no filters for system calls");
	r = catch_refusals() < 0 ? -errno : load(&f);
	seccomp_release(f.ctx);
	return r < 0 ? hm_err_errno(reterr, -r, "the filter for system calls") :
	    0;
}

#else

int
hm_seccomp_enter(enum hm_sandbox_mode mode, bool alone, struct hm_err *reterr)
{
	(void)mode;
	(void)alone;
	return hm_err_set(reterr, -HM_EUNSUPPORTED, "built without libseccomp");
}
#endif
