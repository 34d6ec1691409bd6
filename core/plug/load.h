/* load.h - the code of modules: finding, checking and loading it.
 *
 * A code is one loaded copy of one file. While the file stays the same, every
 * generation shares it; a changed file is loaded anew beside it. Loop thread.
 */
#ifndef HERMOD_PLUG_LOAD_H
#define HERMOD_PLUG_LOAD_H

#include <sys/stat.h>

#include <hermod/plugin.h>

#include "core/run/where.h"

struct hm_core;
struct hm_remote;
struct hm_remote_opts;

struct hm_code {
	struct hm_code *next;          /* of the core's */
	struct hm_code *next_of_all;
	struct hm_core *core;
	char *name;
	char *path;                    /* where the admin put it */
	char *copy;                    /* what was loaded; NULL: path itself */
	struct stat st;                /* of path when it was loaded */
	void *handle;
	struct hm_remote *remote;      /* in a process of its own */
	struct hm_module_def def;      /* complete, whatever size it came in */
	unsigned refs;
	void (*unload)(struct hm_code *code);
	struct hm_who who;
	uint64_t failed, late;         /* of its decisions, late among failed */
};

/* Search paths are "DIR:DIR", or NULL; the built-in folder comes last. */

/* find.c: the file of a module, in arena, or NULL. */
const char *hm_module_find(const char *search, struct hm_arena *arena,
    const char *name);
/* For messages: where it was looked for. */
const char *hm_module_places(const char *search, struct hm_arena *arena);
/* Loads a module, or takes another reference on the code that its file has
 * already become. copy_dir: NULL loads the file itself. isolate: NULL, or in a
 * process of its own, which is never shared. */
HM_FIBER int hm_code_get(struct hm_core *core, const char *search,
    const char *name, const char *copy_dir, const struct hm_remote_opts *isolate,
    struct hm_code **ret, struct hm_err *reterr);
/* For that process: loads file, which the admin knows as path. */
int hm_code_open(struct hm_core *core, const char *name, const char *path,
    const char *file, struct hm_code **ret, struct hm_err *reterr);
/* held.c: to be found by its functions from now on. */
void hm_code_note(struct hm_code *code);
/* The last reference unloads. NULL accepted. */
void hm_code_ref(struct hm_code *code);
void hm_code_unref(struct hm_code *code);

/* The code that the function belongs to, kept loaded until it is let go: for
 * pointers in what outlives a generation. NULL, which may be let go as well:
 * part of the program. Any thread. */
struct hm_code *hm_code_hold(void (*fn)(void *arg));
void hm_code_let_go(struct hm_code *code);

/* descriptor.c: whether it can be used by this core; fills the complete def. */
int hm_module_check(const struct hm_module_def *found, const char *name,
    const char *path, struct hm_module_def *ret, struct hm_err *reterr);

/* Removes what dead processes left in copy_dir. */
void hm_code_sweep(const char *copy_dir);

/* Names of all modules found on the search path, sorted, without doubles. */
const char *const *hm_module_names(const char *search, struct hm_arena *arena,
    size_t *ret_n);

#endif
