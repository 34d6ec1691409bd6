/* sandbox.h - what a process gives up before it meets strangers.
 *
 * Files outside of what was allowed (Landlock), system calls that no mail server
 * needs (seccomp), capabilities, and ever getting any of it back. Each part is
 * left out where the kernel lacks it, and told.
 *
 * Thread: the only one of the process, before others are started: Landlock holds
 * for a thread and those it starts.
 */
#ifndef HERMOD_RUN_SANDBOX_H
#define HERMOD_RUN_SANDBOX_H

#include <hermod/err.h>

/* The values of "sandbox" in hermod.yaml, in their order. */
enum hm_sandbox_mode {
	HM_SANDBOX_ON = 0,         /* a forbidden call fails and is logged */
	HM_SANDBOX_KILL = 1,       /* it ends the process */
	HM_SANDBOX_REPORT = 2,     /* the kernel logs it, nothing is refused */
	HM_SANDBOX_OFF = 3,
};

enum hm_sandbox_access {
	HM_SANDBOX_READ = 1,
	HM_SANDBOX_WRITE = 2,      /* and read, make, rename, remove */
	/* What lies beside a file as well: it may be replaced by a rename. Not
	 * if that would be all of a folder such as /etc. */
	HM_SANDBOX_BESIDE = 4,
};

/* Collects what enter() is to allow; what does not exist is passed over. */
void hm_sandbox_allow(const char *path, unsigned access);
/* A parent binds and opens for us: no capability stays, and no TCP port may be
 * bound but those that the system picks. */
void hm_sandbox_has_parent(void);
/* What runs one module: besides, no socket, no other process, no file but to be
 * read, no memory that no limit counts. */
void hm_sandbox_alone(void);

struct hm_sandbox_report {
	int landlock;              /* its ABI; 0: not in use */
	bool seccomp;
	char missing[200];         /* what could not be had, and why; or empty */
};

/* Gives up the rest. What the kernel lacks is reported; what it has and yet
 * refuses is an error. */
int hm_sandbox_enter(enum hm_sandbox_mode mode, struct hm_sandbox_report *ret,
    struct hm_err *reterr);

/* As hm_err_errno() with the words of what and path; says so if the path was not
 * allowed when the sandbox was made. */
int hm_sandbox_errno(struct hm_err *reterr, int errnum, const char *what,
    const char *path, bool write);

/* seccomp.c: installs the filter; -HM_EUNSUPPORTED where there is none. alone: as
 * hm_sandbox_alone() says. */
int hm_seccomp_enter(enum hm_sandbox_mode mode, bool alone,
    struct hm_err *reterr);

#endif
