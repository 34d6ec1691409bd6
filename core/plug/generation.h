/* generation.h - an immutable snapshot: settings, instances, bindings, chains.
 *
 * Built by hm_reload() in steps of which each may fail, then made current;
 * sessions hold the one they began with, and the last reference closes it.
 * Loop thread.
 */
#ifndef HERMOD_PLUG_GENERATION_H
#define HERMOD_PLUG_GENERATION_H

#include <hermod/plugin.h>

#include "core.h"
#include "load.h"

struct hm_config;
struct hm_config_module;
struct hm_queue;

/* What HM_IFACE declares, for any interface. */
struct hm_handle {
	const void *ops;
	struct hm_mod *self;
};

struct hm_binding {
	const struct hm_need *need;
	struct hm_handle handle;       /* self NULL: wanted, and nobody has it */
};

struct hm_mod {
	const char *name;
	struct hm_generation *gen;
	struct hm_code *code;          /* NULL: part of the core */
	struct hm_who *who;            /* the code's; NULL likewise */
	const struct hm_module_def *def;
	const struct hm_config_module *config;
	struct hm_arena *arena;
	void *conf;
	void *state;
	struct hm_binding *bindings;
	size_t n_bindings;
	bool placed;                   /* while the order is being found */
	bool wanted, open;
	void *metrics;                 /* the struct of handles */
	struct hm_family **families;
	size_t n_families;
	struct hm_said *said;          /* texts without another owner */
};

/* One place in a chain. */
/* A module in a chain. What each call needs stands here, so that asking many does
 * not run over the memory of all: that costs more than the calls. */
struct hm_link {
	struct hm_mod *mod;
	struct hm_who *who;            /* mod's */
	union hm_hook_fn fn;           /* the hook's */
	struct hm_hook_stats *stats;
	int64_t timeout_ms;
	bool idle;                     /* mod is not opened: nobody asked for it */
	bool placed;                   /* while the order is being found */
	int on_fail;                   /* enum hm_on_fail */
	const struct hm_hook *hook;    /* of mod's table */
	struct hm_queue *queue;        /* events only */
};

struct hm_chain {
	struct hm_link *at;
	size_t n;
};

struct hm_holder {
	struct hm_holder *next;
	const char *module;
	const char *who;
	unsigned count;
};

/* A module that is missing since the server started. */
struct hm_aside {
	struct hm_aside *next;
	const char *name;
};

struct hm_generation {
	struct hm_generation *next;    /* older */
	struct hm_core *core;
	uint64_t number;
	struct hm_arena *arena;
	struct hm_config *config;
	struct hm_offender *off;       /* switched off for their crashes */
	struct hm_aside *aside;        /* what could not be loaded */
	struct hm_server server;
	struct hm_mod **mods;          /* providers before consumers; the core
	                                * itself is the last */
	size_t n_mods;
	struct hm_chain chains[HM_HOOK_COUNT];
	struct hm_holder *holders;
	struct hm_session *sessions;   /* newest first */
	struct hm_timer *farewell;     /* will ask them to end */
	unsigned refs;
	bool retired;
	int64_t began_ms;
	struct hm_kept_use *kept;
};

/* Reads, loads, checks and binds: everything that opens nothing. NULL with
 * errs filled on failure; hm_generation_drop() ends it. */
HM_FIBER struct hm_generation *hm_generation_prepare(struct hm_core *core,
    struct hm_errs *errs);
/* Opens its modules; only those that "only" needs when it is not NULL. On
 * failure everything is closed again and the generation gone. */
HM_FIBER int hm_generation_open(struct hm_generation *gen, const char *only,
    struct hm_errs *errs);
/* Frees one that was prepared but not opened. */
void hm_generation_drop(struct hm_generation *gen);
/* Ends one that was opened but never started, as soon as nobody holds it. */
void hm_generation_end(struct hm_generation *gen);
/* Makes it current: retires the old one, starts this. Takes it over. */
void hm_generation_start(struct hm_generation *gen);
/* Retires the current one; it ends with its last reference. */
void hm_core_retire(struct hm_core *core);
/* All steps; 0, or -HM_ESYNTAX with errs filled and nothing changed. */
HM_FIBER int hm_reload(struct hm_core *core, struct hm_errs *errs);

/* A mistake at the place where a module is configured, and that place. */
void hm_mod_error(const struct hm_mod *m, struct hm_errs *errs,
    const char *fmt, ...) HM_PRINTF(3, 4);
const char *hm_mod_place(const struct hm_mod *m, struct hm_arena *arena);

struct hm_mod *hm_generation_mod(const struct hm_generation *gen,
    const char *name);

/* session.c: asks all to end as soon as they are idle. */
void hm_sessions_ask(struct hm_generation *gen);
/* Sessions of one module and protocol. */
struct hm_session_group {
	const struct hm_mod *mod;
	const char *protocol;
	unsigned count;
	int64_t first_ms, last_ms;     /* as hm_now_ms() */
};
size_t hm_sessions_count(const struct hm_generation *gen,
    struct hm_arena *arena, struct hm_session_group **ret);

/* prepare.c: fills its settings from its file, and has it check them. */
void hm_mod_configure(struct hm_mod *m, struct hm_errs *errs);
const char *hm_search_path(const struct hm_core *core,
    const struct hm_config *config, struct hm_arena *arena);

/* service.c: binds needs to providers, sorts mods. */
int hm_bind(struct hm_generation *gen, struct hm_errs *errs);
/* What m offers of that name, or NULL. */
const struct hm_provide *hm_provision(const struct hm_mod *m,
    const char *iface);

/* keep.c */
void hm_keep_release(struct hm_generation *gen);
/* The next resource behind that one (NULL: the first) that keeps code loaded
 * which the current generation no longer uses; and words for it. */
const struct hm_kept *hm_kept_old(const struct hm_core *core,
    const struct hm_kept *behind);
const char *hm_kept_text(const struct hm_kept *kept, struct hm_arena *arena);

/* The names that hooks and positions have in files: "rcpt_to", "policy". */
const char *hm_hook_name(enum hm_hook_id id);
enum hm_hook_id hm_hook_from_name(struct hm_str name); /* or HM_HOOK_NONE */
bool hm_hook_is_event(enum hm_hook_id id);
const char *hm_order_name(enum hm_order order);

/* chain.c: flattens the tables of all modules into chains. */
int hm_chains_build(struct hm_generation *gen, struct hm_errs *errs);
/* Whether the admin wants a's module before b's in that hook; *ret_by (may be
 * NULL) is the module whose file says so. */
bool hm_admin_before(const struct hm_link *a, const struct hm_link *b,
    const struct hm_mod **ret_by);

/* hook.c: the queue of a subscriber. */
struct hm_queue *hm_hook_queue(struct hm_link *link);

/* event.c */
struct hm_queue *hm_queue_new(struct hm_link *link, size_t event_bytes,
    void (*call)(const struct hm_link *link, struct hm_call *call,
    const void *event));
void hm_queue_free(struct hm_queue *queue);
void hm_queue_put(struct hm_queue *queue, const void *event);

/* A call of one hook function. */
struct hm_call {
	struct hm_mod *mod;
	const struct hm_hook *hook;    /* of mod's table */
	struct hm_session *session;
	struct hm_message *message;
	struct hm_arena *parent;       /* of the arena, NULL: none */
	struct hm_arena **arena;       /* made when first asked for */
};

#endif
