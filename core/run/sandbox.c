/* sandbox.c - files, capabilities and what the kernel can hold us to. */
#include "config.h"

#include "sandbox.h"
#include "stack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's interface, for headers that are older than what we run on. The
 * numbers are the same on all machines. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum {
	VERSION_FLAG = 1,          /* of create_ruleset */
	RULE_PATH = 1,
	RULE_PORT = 2,
	PATHS_MAX = 256,
};

#define FS_EXECUTE UINT64_C(1)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REFER (UINT64_C(1) << 13)        /* since ABI 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)     /* 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15)    /* 5 */
#define FS_MAKE_DEVICES (UINT64_C(1) << 6 | UINT64_C(1) << 11)
#define NET_BIND_TCP UINT64_C(1)            /* 4 */
#define SCOPE_ALL UINT64_C(3)               /* 6: abstract sockets, signals */

#define FS_FILE (FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)
#define FS_READ (FS_READ_FILE | FS_READ_DIR)

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_attr {
	uint64_t access;
	int32_t parent_fd;
} __attribute__((packed));

struct port_attr {
	uint64_t access, port;
};

struct allowed {
	char *path;                /* absolute, without links */
	bool write;
};

static struct {
	struct allowed at[PATHS_MAX];
	size_t n;
	bool has_parent, alone, holds;
} box;

/* ---- what is allowed ---- */

static void
add_real(char *real, bool write)
{
	for (size_t i = 0; i < box.n; i++) {
		if (strcmp(box.at[i].path, real) == 0) {
			box.at[i].write |= write;
			free(real);
			return;
		}
	}
	if (box.n == PATHS_MAX)
		free(real);
	else
		box.at[box.n++] = (struct allowed){ real, write };
}

/* Where a file lies. Folders just below the root hold what is others'. */
static void
add_folder(const char *path, bool write)
{
	const char *slash = strrchr(path, '/');
	char *folder, *real;

	if (!slash || slash == path)
		return;
	folder = strndup(path, (size_t)(slash - path));
	real = folder ? realpath(folder, NULL) : NULL;
	free(folder);
	if (real && strrchr(real, '/') != real)
		add_real(real, write);
	else
		free(real);
}

void
hm_sandbox_allow(const char *path, unsigned access)
{
	bool write = access & HM_SANDBOX_WRITE;
	char *real = realpath(path, NULL);
	struct stat st;
	bool folder = real && stat(real, &st) == 0 && S_ISDIR(st.st_mode);

	if (access & HM_SANDBOX_BESIDE && !folder) {
		add_folder(path, write);
		if (real)
			add_folder(real, write);
	}
	if (real)
		add_real(real, write);
}

void
hm_sandbox_has_parent(void)
{
	box.has_parent = true;
}

void
hm_sandbox_alone(void)
{
	box.has_parent = box.alone = true;
}

/* ---- Landlock ---- */

static uint64_t
all_rights(int abi)
{
	uint64_t all = (FS_REFER << 1) - 1;

	if (abi >= 3)
		all |= FS_TRUNCATE;
	if (abi >= 5)
		all |= FS_IOCTL_DEV;
	return all;
}

static int
add_path(int ruleset, int abi, const struct allowed *a)
{
	uint64_t access = FS_READ;
	struct path_attr attr;
	struct stat st;
	int fd = open(a->path, O_PATH | O_CLOEXEC), r;

	if (fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -1;
	if (a->write)
		access = all_rights(abi) & ~(FS_EXECUTE | FS_MAKE_DEVICES |
		    FS_IOCTL_DEV);
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		access &= FS_FILE;
	attr = (struct path_attr){ access, fd };
	r = (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &attr, 0);
	close(fd);
	return r;
}

static int
fill(int ruleset, int abi)
{
	struct port_attr any = { NET_BIND_TCP, 0 };

	for (size_t i = 0; i < box.n; i++)
		if (add_path(ruleset, abi, &box.at[i]) < 0)
			return -1;
	return abi < 4 || !box.has_parent ? 0 : (int)syscall(
	    SYS_landlock_add_rule, ruleset, RULE_PORT, &any, 0);
}

/* The size tells the kernel which members there are. */
static size_t
attr_size(int abi)
{
	return abi >= 6 ? sizeof(struct ruleset_attr) :
	    abi >= 4 ? offsetof(struct ruleset_attr, scoped) :
	    offsetof(struct ruleset_attr, net);
}

/* Its ABI; 0 and a word in *ret_why where it cannot be used; or an error. */
static int
restrict_files(const char **ret_why, struct hm_err *reterr)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    VERSION_FLAG);
	struct ruleset_attr attr = { all_rights(abi), 0, SCOPE_ALL };
	int ruleset, r = -1, saved;

	if (hm_under_valgrind()) {
		*ret_why = "landlock (valgrind)";
		return 0;
	}
	/* The first one forbids every rename from folder to folder. */
	if (abi < 2) {
		*ret_why = abi == 1 ? "landlock (the kernel's is too old)" :
		    errno == EOPNOTSUPP ? "landlock (switched off)" :
		    "landlock (not in this kernel)";
		return 0;
	}
	if (box.has_parent)
		attr.net = NET_BIND_TCP;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr,
	    attr_size(abi), 0);
	if (ruleset >= 0 && fill(ruleset, abi) == 0)
		r = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	saved = errno;
	if (ruleset >= 0)
		close(ruleset);
	return r == 0 ? abi : hm_err_errno(reterr, saved, "landlock");
}

/* ---- capabilities ---- */

/* Who works alone as root goes on binding low ports and using what is others';
 * nothing else that root may do has to do with mail. */
static int
drop_capabilities(struct hm_err *reterr)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	uint32_t keep = box.has_parent ? 0 : 1U << CAP_NET_BIND_SERVICE |
	    1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH |
	    1U << CAP_CHOWN | 1U << CAP_FOWNER;

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &head, data) < 0)
		return hm_err_errno(reterr, errno, "capabilities");
	data[0].permitted &= keep;
	data[0].effective &= keep;
	data[1].permitted = data[1].effective = 0;
	data[0].inheritable = data[1].inheritable = 0;
	if (syscall(SYS_capset, &head, data) < 0)
		return hm_err_errno(reterr, errno, "capabilities");
	return 0;
}

/* ---- all ---- */

static void
miss(struct hm_sandbox_report *report, const char *what)
{
	size_t n = strlen(report->missing);

	snprintf(report->missing + n, sizeof(report->missing) - n, "%s%s",
	    n ? ", " : "", what);
}

static int
restrict_calls(enum hm_sandbox_mode mode, struct hm_sandbox_report *report,
    struct hm_err *reterr)
{
	struct hm_err err = { 0 };
	char text[120];
	int r;

	/* It would be valgrind's own calls that are looked at. */
	r = hm_under_valgrind() ? hm_err_set(&err, -HM_EUNSUPPORTED,
	    "valgrind") : hm_seccomp_enter(mode, box.alone, &err);
	report->seccomp = r == 0;
	if (r == -HM_EUNSUPPORTED) {
		snprintf(text, sizeof(text), "seccomp (%.100s)", err.text);
		miss(report, text);
		return 0;
	}
	return r < 0 ? hm_err_set(reterr, r, "%s", err.text) : 0;
}

int
hm_sandbox_enter(enum hm_sandbox_mode mode, struct hm_sandbox_report *ret,
    struct hm_err *reterr)
{
	const char *why = NULL;
	int r;

	*ret = (struct hm_sandbox_report){ 0 };
	if (mode == HM_SANDBOX_OFF)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return hm_err_errno(reterr, errno, "no-new-privileges");
	if (mode == HM_SANDBOX_REPORT)
		return restrict_calls(mode, ret, reterr);
#ifndef HM_SANITIZED
	/* No core files with people's mail in them, no debugger. The sanitizers
	 * are one. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	if ((r = drop_capabilities(reterr)) < 0 ||
	    (r = restrict_files(&why, reterr)) < 0)
		return r;
	ret->landlock = r;
	box.holds = r > 0;
	if (why)
		miss(ret, why);
	return restrict_calls(mode, ret, reterr);
}

static bool
covers(const char *path, bool write)
{
	for (size_t i = 0; i < box.n; i++) {
		size_t len = strlen(box.at[i].path);

		if (strncmp(box.at[i].path, path, len) == 0 &&
		    (path[len] == '/' || path[len] == '\0') &&
		    (!write || box.at[i].write))
			return true;
	}
	return false;
}

int
hm_sandbox_errno(struct hm_err *reterr, int errnum, const char *what,
    const char *path, bool write)
{
	struct hm_err plain = { 0 };
	char *real;
	bool known;
	int r = hm_err_errno(&plain, errnum, "%s%s", what, path);

	if (errnum != EACCES || !box.holds)
		return hm_err_set(reterr, r, "%s", plain.text);
	real = realpath(path, NULL);
	known = covers(real ? real : path, write);
	free(real);
	return hm_err_set(reterr, r, known ? "%s" : "%s: the server was started "
	    "in a sandbox without it; restart the server", plain.text);
}
