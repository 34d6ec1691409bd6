/* directory.h - what the files of this module share. */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <hermod/fiber.h>
#include <hermod/iface/directory.h>
#include <hermod/plugin.h>

/* The file's schema. */
struct dir_file {
	const char *postmaster;
	const struct hm_blocks *domains;    /* of struct dir_domain_conf */
	const struct hm_blocks *accounts;   /* of struct dir_account_conf */
};

/* A way out for the mail of a domain's or an account's senders. */
struct dir_route_conf {
	const struct hm_strlist *to;
	int64_t attempt;
	const char *transport;
};

struct dir_domain_conf {
	const char *description;
	const char *separators;
	bool case_sensitive;
	bool disabled;
	const struct hm_blocks *routes;     /* of struct dir_route_conf */
};

struct dir_account_conf {
	const char *full_name;
	const char *domain;
	const struct hm_strlist *addresses;
	const struct hm_strmap *mailboxes;
	uint64_t quota_bytes;
	const char *login_disabled;
	const struct hm_blocks *routes;     /* of struct dir_route_conf */
};

extern const struct hm_opt dir_file_options[];

/* What the file says, checked and ready for look-ups. Immutable. */
struct dir_domain {
	struct hm_str name;                  /* A-labels */
	const struct dir_domain_conf *conf;
};

struct dir_account {
	struct hm_str name;
	const struct dir_account_conf *conf;
	struct hm_account_info info;
};

struct dir_address {
	struct hm_str key;                   /* canonical "local@domain", or "@domain" */
	const struct dir_account *account;
	struct hm_str mailbox;
};

struct dir_snapshot {
	struct hm_arena *arena;
	const struct dir_file *file;
	struct dir_domain *domains;          /* sorted by name */
	struct dir_account *accounts;        /* sorted by name */
	struct dir_address *addresses;       /* sorted by key */
	size_t ndomains, naccounts, naddresses;
	const struct dir_account *postmaster;
};

/* Kept across generations: sessions of every age see the newest snapshot. */
struct dir_shared {
	struct dir_snapshot *snapshot;
	struct hm_sem edits;                 /* one change of the file at a time */
};

struct dir_module {
	const char *path;
	const char *hostname;
	struct dir_shared *shared;
	struct dir_snapshot *pending;        /* read by open(), current at start() */
};

/* snapshot.c: all mistakes are in errs. */
int dir_snapshot_build(const char *path, struct hm_str text,
    struct dir_snapshot **ret, struct hm_errs *errs);
void dir_snapshot_free(struct dir_snapshot *snap);
const struct dir_domain *dir_find_domain(const struct dir_snapshot *snap,
    struct hm_str name);
const struct dir_account *dir_find_account(const struct dir_snapshot *snap,
    struct hm_str name);
const struct dir_address *dir_find_address(const struct dir_snapshot *snap,
    struct hm_str key);
/* The local part as the domain folds it, cut at a separator; *ret_detail is
 * what was behind it. */
struct hm_str dir_canonical(struct hm_arena *arena,
    const struct dir_domain_conf *conf, struct hm_str local,
    struct hm_str *ret_detail);

/* lookup.c: the service's functions. */
extern const struct hm_directory_ops dir_ops;

/* edit.c: one change of the file, checked, written, effective. value is YAML
 * text; NULL removes. */
HM_FIBER int dir_edit(struct dir_module *dir, const char *const *path,
    const char *value, struct hm_err *reterr);
/* The file as it is now; an absent file is empty. Thread: worker. */
int dir_read(struct hm_arena *arena, const char *path, struct hm_str *ret,
    struct hm_err *reterr);

/* commands.c */
extern const struct hm_command dir_commands[];

#endif
