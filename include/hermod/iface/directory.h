/* directory.h - service "directory": domains, accounts, addresses.
 *
 * Answers are copied into the caller's arena. Thread: a fiber; a provider that
 * keeps all in memory does not suspend.
 */
#ifndef HERMOD_IFACE_DIRECTORY_H
#define HERMOD_IFACE_DIRECTORY_H

#include <hermod/address.h>
#include <hermod/service.h>

enum hm_rcpt_kind {
	HM_RCPT_ACCOUNT = 0,        /* mail for it goes to account */
	HM_RCPT_UNKNOWN = 1,        /* the domain is ours, the address is not */
	HM_RCPT_FOREIGN = 2,        /* the domain is not ours */
	HM_RCPT_DISABLED = 3,       /* the domain is ours but switched off */
};

struct hm_rcpt_info {
	enum hm_rcpt_kind kind;
	struct hm_str account;      /* name */
	struct hm_str mailbox;      /* where its mail goes; "INBOX" */
	struct hm_str canonical;    /* the address without subaddress and case */
	struct hm_str detail;       /* the subaddress, {NULL,0} if none */
};

struct hm_account_info {
	struct hm_str name;
	struct hm_str full_name;
	struct hm_str default_domain;
	int64_t quota_bytes;        /* 0: none */
	bool login_disabled;
	struct hm_str login_disabled_text;
	size_t naddresses;
	const struct hm_str *addresses; /* "anna@example.org", "@example.org" */
};

struct hm_directory_ops {
	uint32_t size;
	/* Whose mail is it? Local parts fold as the domain says; separators are
	 * cut; postmaster of our host and domains always exists. */
	HM_FIBER int (*rcpt)(struct hm_mod *self, const struct hm_addr *addr,
	    struct hm_arena *arena, struct hm_rcpt_info *ret,
	    struct hm_err *reterr);
	/* Whether the account may write as that address. 1 or 0. */
	HM_FIBER int (*may_send)(struct hm_mod *self, struct hm_str account,
	    const struct hm_addr *addr, struct hm_err *reterr);
	/* The account somebody logs in to, by address or account name.
	 * -HM_ENOENT. */
	HM_FIBER int (*login)(struct hm_mod *self, struct hm_str name,
	    struct hm_arena *arena, struct hm_account_info *ret,
	    struct hm_err *reterr);
	HM_FIBER int (*account)(struct hm_mod *self, struct hm_str name,
	    struct hm_arena *arena, struct hm_account_info *ret,
	    struct hm_err *reterr);
	/* Calls fn for each account name until it returns non-zero. */
	HM_FIBER int (*accounts)(struct hm_mod *self,
	    int (*fn)(struct hm_str name, void *arg), void *arg);
	/* Whether that domain is ours. 1 or 0. */
	HM_FIBER int (*domain)(struct hm_mod *self, struct hm_str domain);
	/* The transport that the account's or else the sender's domain's routes
	 * choose for this attempt (counted from 1), in the arena. -HM_ENOENT:
	 * none fits. Since 1.1. */
	HM_FIBER int (*route)(struct hm_mod *self, struct hm_str account,
	    struct hm_str sender_domain, struct hm_str rcpt_domain,
	    unsigned attempt, struct hm_arena *arena, struct hm_str *ret);
	/* Calls fn for each domain name (A-labels) until it returns non-zero.
	 * Since 1.1. */
	HM_FIBER int (*domains)(struct hm_mod *self,
	    int (*fn)(struct hm_str name, void *arg), void *arg);
};
HM_IFACE(directory, 1);

#endif
