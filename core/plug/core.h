/* core.h - one server, or one offline command, and what outlives generations.
 *
 * A process has one; tests make several. Loop thread.
 */
#ifndef HERMOD_PLUG_CORE_H
#define HERMOD_PLUG_CORE_H

#include <hermod/conf.h>
#include <hermod/fiber.h>
#include <hermod/hooks.h>
#include <hermod/types.h>

struct hm_code;
struct hm_family;
struct hm_generation;
struct hm_kept;
struct hm_module_def;
struct hm_remote;
struct hm_remote_count;
struct hm_remote_ops;
struct hm_who;

struct hm_core_opts {
	const char *conf_dir;          /* where hermod.yaml lies */
	const char *module_path;       /* "DIR:DIR", searched first; or NULL */
	bool copy_code;                /* load copies, so that files may change */
	bool offline;                  /* a command, not a server: no listeners */
	bool control;                  /* offer the control socket */
	bool lenient;                  /* start without what cannot be loaded */
	/* The core as a module, with its commands; or NULL. */
	const struct hm_module_def *own;
	/* Of isolated modules; NULL: as if there were no such modules. */
	const struct hm_remote_ops *isolate;
};

/* Counted for one module and hook over all generations. */
enum { HM_LATENCY_STEPS = 76 };

struct hm_hook_stats {
	struct hm_hook_stats *next;
	const char *module;
	enum hm_hook_id id;
	uint64_t calls;
	uint64_t verdicts[HM_FAIL + 1];
	uint64_t late;                 /* among the failed ones */
	uint64_t dropped;              /* events that found the queue full */
	uint64_t hogs;                 /* calls that held up the loop */
	int64_t total_ns, max_ns;
	/* How many took how long: two steps for each power of two. */
	uint64_t latency[HM_LATENCY_STEPS];
};

struct hm_core {
	struct hm_arena *arena;
	struct hm_core_opts opts;
	struct hm_generation *current; /* NULL before the first */
	struct hm_generation *all;     /* alive, newest first */
	uint64_t last_number;
	struct hm_code *codes;
	uint64_t last_copy;
	struct hm_kept *kept;
	struct hm_hook_stats *stats;
	struct hm_family *families;    /* metrics.c */
	struct hm_remote *remotes;     /* what opts.isolate has loaded */
	struct hm_remote_count *remote_counts;
	bool reloading;
	bool stopping;                 /* no generation starts any more */
	struct hm_cond changed;        /* a reload ended, a generation closed */
	void (*stop)(void *arg);       /* asked to stop by a command */
	/* A reload begins (result 1) or has ended (0, or -HM_E… if refused). */
	void (*reloads)(int result, void *arg);
	void *server;                  /* for these */
	uint64_t session_key, last_session;
};

struct hm_core *hm_core_new(const struct hm_core_opts *opts);
/* All generations must have ended. */
void hm_core_free(struct hm_core *core);

/* Whether all generations have ended, and the processes of their modules. */
bool hm_core_ended(const struct hm_core *core);

/* Where copies of code go, in arena. */
const char *hm_core_copy_dir(struct hm_arena *arena, const char *data_dir);

/* stats.c: counts a call that took so long, as one that stands for many. */
void hm_stats_add(struct hm_hook_stats *stats, int64_t took_ns, unsigned many);
/* What so many of 100 calls did not take longer than, within a quarter. */
int64_t hm_stats_percentile(const struct hm_hook_stats *stats, unsigned percent);

/* Counts for hm_guard_on_hog(); core is the argument. */
void hm_stats_hog(struct hm_who *who, const char *what, void *core);

struct hm_hook_stats *hm_core_stats(struct hm_core *core, const char *module,
    enum hm_hook_id id);

#endif
