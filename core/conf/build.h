/* build.h - option tables applied, for the core itself.
 *
 * Modules use hm_conf_build(); the core adds what it alone knows: whose options
 * they are, which addresses a bare port stands for, which options of the same
 * file it reads itself.
 */
#ifndef HM_CONF_BUILD_H
#define HM_CONF_BUILD_H

#include <hermod/conf.h>

enum { HM_OPT_NAME_MAX = 64, HM_OPT_MAX_DEPTH = 8 };

struct hm_conf_ctx {
	const char *where;                   /* "module smtp", or NULL */
	const struct hm_addrlist *addresses; /* NULL: all of this host */
	const struct hm_opt *also;           /* allowed here, read elsewhere */
	bool partial;                        /* any other name is, too */
	const char *dir;                     /* where relative paths begin;
	                                      * NULL: where the file is */
};

int hm_conf_build_with(struct hm_arena *arena, const struct hm_conf_ctx *ctx,
    const struct hm_node *map, const struct hm_opt *table, void *out,
    struct hm_errs *errs);

/* The name in the file: field "idle_time_ms" is "idle-time". */
const char *hm_opt_name(char buf[HM_OPT_NAME_MAX], const struct hm_opt *opt);
/* The value given for an option under its name or its former one, or NULL;
 * nothing (null) counts as not given. */
const struct hm_node *hm_opt_node(const struct hm_node *map,
    const struct hm_opt *opt);

/* One run over one file. */
struct hm_builder {
	struct hm_arena *arena;
	const struct hm_conf_ctx *ctx;
	struct hm_errs *errs;
};

/* Reads one value of any type but block and blocks into its field. */
void hm_value_read(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node, void *field);
/* The same for opt->def. */
void hm_value_default(const struct hm_builder *b, const struct hm_opt *opt,
    void *field);

/* Texts to values; 0 or -HM_ESYNTAX. */
int hm_value_bool(struct hm_str text, bool *ret);
int hm_value_int(struct hm_str text, int64_t *ret);
int hm_value_size(struct hm_str text, uint64_t *ret);
/* And back, in the largest unit that fits exactly. */
void hm_value_put_size(struct hm_buf *out, uint64_t bytes);
void hm_value_put_time(struct hm_buf *out, int64_t ms);

#endif
