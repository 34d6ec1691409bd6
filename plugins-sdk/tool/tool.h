/* tool.h - what the files of hermod-plugin share. Written with the SDK alone. */
#ifndef HERMOD_PLUGIN_TOOL_H
#define HERMOD_PLUGIN_TOOL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

enum { PT_OK = 0, PT_NO = 1, PT_USAGE = 2 };

struct pt_args {
	const char *dir;               /* new: where to */
	const char *sample, *man;      /* check: NULL: looked for */
	const char *with[16];          /* check: further modules */
	size_t n_with;
	unsigned cycles;
	unsigned seconds;
	bool json;
};

/* The folder with the templates, in arena, or NULL. */
const char *pt_template_dir(struct hm_arena *arena);
/* Where the program lies that runs. */
const char *pt_own_path(struct hm_arena *arena);

/* scaffold.c */
int pt_new(const char *name, const struct pt_args *args);

/* check.c */
int pt_check(const char *file, const struct pt_args *args);

/* ---- in the child, which runs the plugin's code ---- */

struct pt_child {
	const struct pt_args *args;
	const char *file;              /* absolute */
	const char *dir;               /* the folder it lies in */
	const char *name;              /* of the module, by the file's name */
	const char *scratch;           /* a folder that the parent removes */
	struct hm_arena *arena;
	FILE *out;                     /* to the parent */
};

/* One finding. what is what was looked at, one word. */
void pt_good(struct pt_child *c, const char *what, const char *fmt, ...)
    HM_PRINTF(3, 4);
void pt_note(struct pt_child *c, const char *what, const char *fmt, ...)
    HM_PRINTF(3, 4);
void pt_wrong(struct pt_child *c, const char *what, const char *fmt, ...)
    HM_PRINTF(3, 4);
/* What is about to be done, for the case that it never ends. */
void pt_stage(struct pt_child *c, const char *fmt, ...) HM_PRINTF(2, 3);

/* look.c: the file and its symbols. */
void pt_look(struct pt_child *c);
/* cycles.c: loading and unloading. */
void pt_cycles(struct pt_child *c);
/* life.c: descriptor, settings and life in a whole server. */
void pt_life(struct pt_child *c);
/* papers.c: sample and manual page against the option table, as
 * "hermod config example" prints it. */
void pt_papers(struct pt_child *c, struct hm_str example);

/* What a process holds. */
struct pt_counts {
	long descriptors, mappings, threads, bytes;
};
void pt_counts(struct pt_counts *ret);
/* Names what grew over n rounds, but for what grew in calm rounds anyway. */
void pt_compare(struct pt_child *c, const char *what, unsigned n,
    const struct pt_counts *before, const struct pt_counts *after,
    const struct pt_counts *calm);

/* elf.c: the dynamic symbols of a file. */
struct pt_symbol {
	const char *name;
	bool defined;                  /* and seen by others */
	bool weak;
};
/* Their number in *ret, which lies in arena; -HM_ESYNTAX with the reason. */
int pt_symbols(struct hm_arena *arena, const char *path, struct pt_symbol **ret,
    size_t *ret_n, struct hm_err *reterr);
/* The same for the bytes of one. */
int pt_symbols_in(struct hm_arena *arena, struct hm_str file,
    struct pt_symbol **ret, size_t *ret_n);

#endif
