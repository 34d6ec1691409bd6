/* plugin.h - everything a module needs to be one.
 *
 * A module is a shared object with the single exported symbol hm_module, made by
 * HM_MODULE(). All members but the name are optional. What can fail happens in
 * check() and open(), before the configuration becomes current; start(),
 * retire() and close() cannot fail. Thread: all are called on loop 0; open()
 * runs on a fiber and may use hm_work().
 */
#ifndef HERMOD_PLUGIN_H
#define HERMOD_PLUGIN_H

#include <hermod/abi.h>
#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/command.h>
#include <hermod/conf.h>
#include <hermod/err.h>
#include <hermod/hooks.h>
#include <hermod/log.h>
#include <hermod/message.h>
#include <hermod/metrics.h>
#include <hermod/service.h>
#include <hermod/session.h>
#include <hermod/str.h>
#include <hermod/types.h>

struct hm_tls;

struct hm_module_def {
	uint16_t abi_major, abi_minor; /* set by HM_MODULE; first for ever */
	uint32_t size;                 /* sizeof as compiled */
	const char *name, *version, *summary;
	const struct hm_opt *options;
	size_t conf_size;
	const struct hm_need *needs;
	const struct hm_provide *provides;
	const struct hm_hook *hooks;
	const struct hm_command *commands;
	/* Whether the settings make sense together; pure: opens nothing. Also
	 * run by "hermod config check". */
	int (*check)(const void *conf, struct hm_err *reterr);
	/* Acquire what is needed; nobody sees it yet. On failure release what
	 * was acquired that does not hang on hm_mod_arena(); close() is not
	 * called then. */
	HM_FIBER int (*open)(struct hm_mod *m, struct hm_err *reterr);
	/* This generation is current: accept, schedule. */
	void (*start)(struct hm_mod *m);
	/* A newer one is: take no new work. Fibers in flight go on. */
	void (*retire)(struct hm_mod *m);
	/* The last fiber and session of the generation has ended: release. */
	void (*close)(struct hm_mod *m);
	/* Since 1.1. */
	const struct hm_metric *metrics;
	size_t metrics_size;           /* of the struct with the handles */
};

#define HM_MODULE(ident, ver, about, ...) \
	HM_API extern const struct hm_module_def hm_module; \
	const struct hm_module_def hm_module = { \
		.abi_major = HM_ABI_MAJOR, .abi_minor = HM_ABI_MINOR, \
		.size = sizeof(struct hm_module_def), \
		.name = #ident, .version = (ver), .summary = (about), \
		##__VA_ARGS__ \
	}
/* The same for a name with a dash: HM_MODULE_NAMED("kv-bdb", …). */
#define HM_MODULE_NAMED(text, ver, about, ...) \
	HM_API extern const struct hm_module_def hm_module; \
	const struct hm_module_def hm_module = { \
		.abi_major = HM_ABI_MAJOR, .abi_minor = HM_ABI_MINOR, \
		.size = sizeof(struct hm_module_def), \
		.name = (text), .version = (ver), .summary = (about), \
		##__VA_ARGS__ \
	}

/* A module instance: one configuration of one module in one generation. */
HM_API const char *hm_mod_name(const struct hm_mod *m);
HM_API const void *hm_mod_conf(const struct hm_mod *m);  /* its filled struct */
HM_API struct hm_arena *hm_mod_arena(struct hm_mod *m);  /* until after close() */
HM_API void hm_mod_set(struct hm_mod *m, void *state);
HM_API void *hm_mod_state(const struct hm_mod *m);
HM_API uint64_t hm_mod_generation(const struct hm_mod *m);

/* Keeps the instance and its whole generation alive beyond a call; who is a
 * static word for "hermod generations" ("imap session"). Fibers started for a
 * module and sessions made by it do this by themselves. */
HM_API void hm_mod_hold(struct hm_mod *m, const char *who);
HM_API void hm_mod_release(struct hm_mod *m, const char *who);

/* A resource that outlives generations: the first caller's make() builds it,
 * later generations get the same object, and destroy() runs when the last
 * generation that asked for it has ended. key is unique within the module's
 * name. Called in open(). */
HM_API HM_FIBER int hm_keep(struct hm_mod *m, const char *key,
    int (*make)(struct hm_mod *m, void *arg, void **ret, struct hm_err *reterr),
    void *arg, void (*destroy)(void *resource), void **ret,
    struct hm_err *reterr);

/* Settings of hermod.yaml that modules need. */
struct hm_server {
	const char *hostname;       /* of this host, ASCII, lower case */
	const char *data_dir;       /* absolute; ours alone */
	const char *conf_dir;       /* absolute; where hermod.yaml lies */
	const char *product;        /* "Hermod 1.0" */
	bool pedantic;              /* strict parsing for tests of clients */
	const struct hm_netlist *trusted_networks; /* no limits per address */
	struct hm_tls *tls;         /* NULL: no certificate configured */
};
HM_API const struct hm_server *hm_server(const struct hm_mod *m);

#endif
