/* conf.h - option tables: what a module can be told, checked at compile time.
 *
 * A table is the only truth about an option: name, type, default, range and
 * help. The core reads YAML against it, reports every mistake with its place,
 * fills the module's struct, and prints the documented example.
 *
 *   struct echo_conf { const char *greeting; int64_t idle_ms; };
 *   static const struct hm_opt echo_options[] = {
 *       HM_OPT_STR(struct echo_conf, greeting, "Hello", "What to say first."),
 *       HM_OPT_TIME(struct echo_conf, idle_ms, "5m", "Longest silence.",
 *           .min = "1s", .max = "1h"),
 *       HM_OPT_END
 *   };
 *
 * An option name is the field name with "-" for "_", without the suffixes _ms
 * and _bytes. Defaults are written as in the file. Thread: any; filled structs
 * are immutable and live as long as their generation.
 */
#ifndef HERMOD_CONF_H
#define HERMOD_CONF_H

#include <hermod/types.h>

struct hm_sockaddr;
struct hm_net;

enum hm_opt_type {
	HM_OPT_TYPE_END = 0,
	HM_OPT_TYPE_BOOL = 1,    /* bool: yes, no */
	HM_OPT_TYPE_INT = 2,     /* int64_t */
	HM_OPT_TYPE_SIZE = 3,    /* uint64_t bytes: 10K, 5M, 2G */
	HM_OPT_TYPE_TIME = 4,    /* int64_t milliseconds: 500ms, 30s, 5m, 2h, 7d */
	HM_OPT_TYPE_STR = 5,     /* const char * */
	HM_OPT_TYPE_ENUM = 6,    /* int: index into choices */
	HM_OPT_TYPE_LIST = 7,    /* const struct hm_strlist * */
	HM_OPT_TYPE_ADDRS = 8,   /* const struct hm_addrlist *; a bare port stands
	                          * for that port on every address of hermod.yaml */
	HM_OPT_TYPE_NETS = 9,    /* const struct hm_netlist * */
	HM_OPT_TYPE_FILE = 10,   /* const char *: path, relative to hermod.yaml's folder */
	HM_OPT_TYPE_SECRET = 11, /* const char *: never printed or logged */
	HM_OPT_TYPE_MAP = 12,    /* const struct hm_strmap * */
	HM_OPT_TYPE_BLOCK = 13,  /* a nested struct, by value */
	HM_OPT_TYPE_BLOCKS = 14, /* const struct hm_blocks *: name -> nested struct */
};

struct hm_strlist { size_t n; const char *const *at; };
struct hm_addrlist { size_t n; const struct hm_sockaddr *at; };
struct hm_netlist { size_t n; const struct hm_net *at; };
struct hm_strmap { size_t n; const char *const *keys; const char *const *values; };
/* n nested structs of the table's size, each with the name it stands under. */
struct hm_blocks { size_t n; const char *const *names; const void *at; };

/* Whether the list has the string, without regard to ASCII case. */
HM_API bool hm_strlist_has(const struct hm_strlist *list, struct hm_str s);
/* Whether the list names the domain, where ".example.org" names example.org and
 * everything below it. */
HM_API bool hm_strlist_has_domain(const struct hm_strlist *list,
    struct hm_str domain);
HM_API bool hm_netlist_has(const struct hm_netlist *list,
    const struct hm_sockaddr *addr);

/* A time as options write it: 500ms, 30s, 5m, 2h, 7d; 0 or -HM_ESYNTAX. */
HM_API int hm_value_time(struct hm_str text, int64_t *ret_ms);

struct hm_opt {
	const char *name;
	enum hm_opt_type type;
	size_t offset;
	const char *def;             /* as in the file; NULL: absent (zero, but
	                              * lists, maps and blocks: empty) */
	const char *help;            /* one or more whole sentences */
	const char *min, *max;       /* int, size, time: inclusive */
	const char *const *choices;  /* enum: NULL-ended */
	const struct hm_opt *sub;    /* block, blocks: their table */
	size_t sub_size;             /* block, blocks: sizeof their struct */
	const char *was;             /* former name, still read with a warning */
	const char *since;           /* first version that knows it */
	bool required;               /* no default makes sense */
	bool writes;                 /* file: the module writes it, or replaces it */
};

/* Fails to compile when the field has another type than the option. */
#define HM_OPT_AT(T, field, ctype) \
	(offsetof(T, field) + \
	 0 * sizeof(_Generic(&((T *)0)->field, ctype *: (char)0)))

#define HM_OPT_(T, field, otype, ctype, dflt, text, ...) \
	{ .name = #field, .type = (otype), .offset = HM_OPT_AT(T, field, ctype), \
	  .def = (dflt), .help = (text), ##__VA_ARGS__ }
#define HM_OPT_BOOL(T, f, d, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_BOOL, bool, d, h, ##__VA_ARGS__)
#define HM_OPT_INT(T, f, d, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_INT, int64_t, d, h, ##__VA_ARGS__)
#define HM_OPT_SIZE(T, f, d, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_SIZE, uint64_t, d, h, ##__VA_ARGS__)
#define HM_OPT_TIME(T, f, d, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_TIME, int64_t, d, h, ##__VA_ARGS__)
#define HM_OPT_STR(T, f, d, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_STR, const char *, d, h, ##__VA_ARGS__)
#define HM_OPT_ENUM(T, f, d, h, ch, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_ENUM, int, d, h, .choices = (ch), ##__VA_ARGS__)
#define HM_OPT_LIST(T, f, d, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_LIST, const struct hm_strlist *, d, h, ##__VA_ARGS__)
#define HM_OPT_ADDRS(T, f, d, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_ADDRS, const struct hm_addrlist *, d, h, ##__VA_ARGS__)
#define HM_OPT_NETS(T, f, d, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_NETS, const struct hm_netlist *, d, h, ##__VA_ARGS__)
#define HM_OPT_FILE(T, f, d, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_FILE, const char *, d, h, ##__VA_ARGS__)
#define HM_OPT_SECRET(T, f, d, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_SECRET, const char *, d, h, ##__VA_ARGS__)
#define HM_OPT_MAP(T, f, d, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_MAP, const struct hm_strmap *, d, h, ##__VA_ARGS__)
#define HM_OPT_BLOCK(T, f, U, table, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_BLOCK, U, NULL, h, \
	    .sub = (table), .sub_size = sizeof(U), ##__VA_ARGS__)
#define HM_OPT_BLOCKS(T, f, U, table, h, ...) \
	HM_OPT_(T, f, HM_OPT_TYPE_BLOCKS, const struct hm_blocks *, NULL, h, \
	    .sub = (table), .sub_size = sizeof(U), ##__VA_ARGS__)
#define HM_OPT_END { .name = NULL }

/* Mistakes are collected, not thrown: a run reports all of them. */
struct hm_errs;
HM_API struct hm_errs *hm_errs_new(struct hm_arena *arena);
HM_API size_t hm_errs_count(const struct hm_errs *errs);
/* The nth mistake; *ret_excerpt (may be NULL) is the source line with a marker
 * line under the token, or NULL. */
HM_API const struct hm_err *hm_errs_at(const struct hm_errs *errs, size_t n,
    const char **ret_excerpt);

/* A YAML document as a tree whose nodes know their place and their bytes. */
struct hm_node;
enum hm_node_kind { HM_NODE_SCALAR = 0, HM_NODE_LIST = 1, HM_NODE_MAP = 2 };
/* name is used in messages. -HM_ESYNTAX with errs filled. The tree lives in the
 * arena. Limits: 16 MiB, depth 32, 100,000 nodes, no aliases. */
HM_API int hm_node_parse(struct hm_arena *arena, const char *name,
    struct hm_str text, struct hm_node **ret, struct hm_errs *errs);
HM_API int hm_node_read(struct hm_arena *arena, const char *path,
    struct hm_node **ret, struct hm_errs *errs);
HM_API enum hm_node_kind hm_node_kind(const struct hm_node *node);
HM_API struct hm_str hm_node_text(const struct hm_node *node); /* scalar */
HM_API size_t hm_node_count(const struct hm_node *node);       /* list, map */
HM_API struct hm_node *hm_node_at(const struct hm_node *node, size_t i);
HM_API struct hm_str hm_node_key(const struct hm_node *node, size_t i); /* map */
HM_API struct hm_node *hm_node_get(const struct hm_node *map, const char *key);
/* Adds a mistake at a node's place. */
HM_API void hm_node_error(const struct hm_node *node, struct hm_errs *errs,
    const char *fmt, ...) HM_PRINTF(3, 4);

/* Fills *out (sized for the table) from a map node, which may be NULL: all
 * defaults. Unknown names get "did you mean". */
HM_API int hm_conf_build(struct hm_arena *arena, const struct hm_node *map,
    const struct hm_opt *table, void *out, struct hm_errs *errs);
/* The documented example: every option with help, type, range and default. */
HM_API void hm_conf_example(struct hm_buf *out, const struct hm_opt *table);

/* Editing: returns the document's text with one value replaced, added or
 * removed; every other byte, comments and order included, stays as it was.
 * path: keys from the root, NULL-ended; missing maps are made. value: YAML text
 * (block or flow), NULL removes the key. */
HM_API int hm_node_edit(struct hm_arena *arena, struct hm_str text,
    const char *const *path, const char *value, struct hm_str *ret,
    struct hm_err *reterr);
/* Writes a text as a YAML scalar, in quotes where it needs them: for the value
 * given to hm_node_edit(), and for keys within it. */
HM_API void hm_node_quote(struct hm_buf *out, struct hm_str text);
/* Writes a file so that it is either the old or the new one, whole and synced.
 * Thread: worker. */
HM_API int hm_file_replace(const char *path, struct hm_str text, unsigned mode,
    struct hm_err *reterr);
HM_API int hm_file_read(struct hm_arena *arena, const char *path, size_t max,
    struct hm_str *ret, struct hm_err *reterr);

#endif
