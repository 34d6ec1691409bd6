/* config.h - a whole configuration directory: hermod.yaml and conf.d.
 *
 * Reading it opens nothing and changes nothing. Thread: any; reading files
 * blocks, so it belongs into a worker job once the server runs.
 */
#ifndef HM_CONF_CONFIG_H
#define HM_CONF_CONFIG_H

#include <hermod/conf.h>
#include <hermod/net.h>

/* What counts when a decision hook is broken or late. */
enum hm_on_fail {
	HM_ON_FAIL_DEFER = 0,
	HM_ON_FAIL_REJECT = 1,
	HM_ON_FAIL_PASS = 2,
};

struct hm_server_tls {
	int minimum_version;                   /* 0: TLS 1.2, 1: TLS 1.3 */
	const struct hm_blocks *certificates;  /* of struct hm_tls_cert */
};

/* hermod.yaml. */
struct hm_server_conf {
	const char *hostname;       /* ASCII, lower case; never NULL */
	const char *data_dir;       /* absolute */
	const char *user;           /* whom the server works as */
	const char *group;          /* NULL: the user's own */
	const struct hm_strlist *addresses;
	struct hm_server_tls tls;
	int log_level;              /* enum hm_loglevel */
	bool pedantic;
	const struct hm_netlist *trusted_networks;
	const struct hm_strlist *module_path;  /* absolute folders */
	int on_fail;                /* enum hm_on_fail */
	int64_t hook_deadline_ms;
	int64_t loop_warn_ms, loop_limit_ms; /* 0: never */
	int64_t crash_limit;        /* 0: no module is switched off */
	int64_t crash_window_ms;
	int64_t retire_after_ms;    /* 0: never */
	const char *control_socket; /* absolute; never NULL */
	int64_t workers;            /* threads for blocking work */
	int sandbox;                /* enum hm_sandbox_mode */
	const struct hm_strmap *use; /* interface: module that provides it */

	struct hm_addrlist listen_addresses; /* addresses, read; port 0 */
};

/* "order: {rcpt_to: {before: [greylist]}}": names of modules. */
struct hm_config_order {
	const struct hm_strlist *before, *after;
};

/* "hooks: {rcpt_to: {on-fail: pass}}". */
struct hm_config_hook {
	int on_fail;                /* its own or the module's */
	int64_t deadline_ms;        /* likewise */
};

/* One file of conf.d. */
struct hm_config_module {
	const char *name;           /* of the module, and of the file */
	const char *path;           /* of the file */
	bool broken;                /* its mistakes are in errs; the rest unset */
	bool enabled;
	int on_fail;                /* enum hm_on_fail, its own or the server's */
	int64_t deadline_ms;        /* likewise */
	const struct hm_blocks *order; /* hook name: struct hm_config_order */
	const struct hm_blocks *hooks; /* hook name: struct hm_config_hook */
	bool isolate;               /* in a process of its own */
	uint64_t isolate_memory;    /* bytes that it may have */
	const struct hm_node *node; /* the whole file, for places of mistakes */
};

struct hm_config {
	const char *dir;            /* absolute */
	const char *path;           /* of hermod.yaml */
	const struct hm_node *node; /* hermod.yaml */
	struct hm_server_conf server;
	struct hm_config_module *modules; /* sorted by name, byte by byte */
	size_t nmodules;
};

/* Reads the directory. 0 even when there are mistakes (see hm_errs_count()), so
 * that those of the modules' own options can be added and all be told at once;
 * negative only if hermod.yaml could not be read at all. */
int hm_config_load(struct hm_arena *arena, const char *dir,
    struct hm_config **ret, struct hm_errs *errs);
/* NULL when conf.d has no such file. */
const struct hm_config_module *hm_config_find(const struct hm_config *config,
    const char *name);
/* Fills a module's struct from its file (default values without one: NULL). */
int hm_config_build(struct hm_arena *arena, const struct hm_config *config,
    const struct hm_config_module *module, const struct hm_opt *table,
    void *out, struct hm_errs *errs);

/* "hermod config show": values in force and where they come from. conf: the
 * module's struct as hm_config_build() filled it. */
void hm_config_show_server(struct hm_buf *out, const struct hm_config *config);
void hm_config_show_module(struct hm_buf *out,
    const struct hm_config_module *module, const struct hm_opt *table,
    const void *conf);
/* "hermod config example": files that hold all defaults as comments. */
void hm_config_example_server(struct hm_buf *out);
void hm_config_example_module(struct hm_buf *out, const char *name,
    const char *summary, const struct hm_opt *table);
/* Writes "enabled: yes" or "enabled: no" into a module's file and makes the
 * file if there is none; comments and all else stay. Thread: worker. */
int hm_config_enable(const char *dir, const char *name, bool enabled,
    struct hm_err *reterr);

/* The option tables, for lints and listings. */
extern const struct hm_opt hm_server_options[];
extern const struct hm_opt hm_module_options[];

/* Fills the server's settings from hermod.yaml. */
int hm_server_build(struct hm_arena *arena, const char *dir,
    const struct hm_node *node, struct hm_server_conf *ret,
    struct hm_errs *errs);

#endif
