/* fuzz-yaml.c - any bytes as a configuration file: read, built, shown, edited.
 *
 * Input: two length bytes, a name and a value for the edit, then the text.
 */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "config.h"
#include "errs.h"
#include "node.h"
#include "show.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hm_str
take(struct hm_str *in, size_t n)
{
	struct hm_str s = hm_str_take(*in, n);

	*in = hm_str_skip(*in, n);
	return s;
}

/* A table with an option of each type, and what it fills. */
struct part {
	const char *file;
	int64_t days;
};

struct all {
	bool on;
	int64_t count;
	uint64_t max_bytes;
	int64_t idle_ms;
	const char *greeting;
	int policy;
	const struct hm_strlist *names;
	const struct hm_addrlist *listen;
	const struct hm_netlist *trusted;
	const char *password;
	const struct hm_strmap *map;
	struct part part;
	const struct hm_blocks *parts;
};

static const char *const policies[] = { "defer", "reject", "pass", NULL };

static const struct hm_opt part_table[] = {
	HM_OPT_FILE(struct part, file, NULL, "A file.", .required = true),
	HM_OPT_INT(struct part, days, "90", "Days.", .min = "1", .max = "1000"),
	HM_OPT_END
};

static const struct hm_opt table[] = {
	HM_OPT_BOOL(struct all, on, "yes", "A choice."),
	HM_OPT_INT(struct all, count, "-3", "A number.", .min = "-5",
	    .max = "10"),
	HM_OPT_SIZE(struct all, max_bytes, "50M", "A size.", .min = "1K",
	    .max = "2G", .was = "limit"),
	HM_OPT_TIME(struct all, idle_ms, "5m", "A time.", .min = "10s",
	    .max = "1h"),
	HM_OPT_STR(struct all, greeting, "Hello", "A text."),
	HM_OPT_ENUM(struct all, policy, "reject", "A word.", policies),
	HM_OPT_LIST(struct all, names, "a, b", "Words."),
	HM_OPT_ADDRS(struct all, listen, "[::]:25", "Addresses."),
	HM_OPT_NETS(struct all, trusted, "[127.0.0.0/8, ::1]", "Networks."),
	HM_OPT_SECRET(struct all, password, NULL, "A secret."),
	HM_OPT_MAP(struct all, map, "{a: b}", "Pairs."),
	HM_OPT_BLOCK(struct all, part, struct part, part_table, "A block."),
	HM_OPT_BLOCKS(struct all, parts, struct part, part_table, "Blocks."),
	HM_OPT_END
};

/* Numbers are within their limits, whatever the file said; what is shown of it
 * is a document. */
static void
check_table(struct hm_arena *arena, const struct hm_node *root)
{
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_buf shown = { 0 };
	struct all all = { 0 };
	struct hm_node *again;

	if (hm_conf_build(arena, root, table, &all, errs) == 0) {
		if (all.count < -5 || all.count > 10 || all.max_bytes < 1024 ||
		    all.max_bytes > UINT64_C(1) << 31 || all.idle_ms < 10000 ||
		    all.idle_ms > 3600000 || all.policy < 0 || all.policy > 2 ||
		    all.greeting == NULL)
			abort();
		hm_conf_show(&shown, table, &all, root, 0);
		if (hm_node_parse(arena, "shown", hm_buf_view(&shown), &again,
		    hm_errs_new(arena)) < 0 && shown.len < 1000)
			abort();
	} else if (hm_errs_count(errs) == 0) {
		abort();
	}
	hm_buf_release(&shown);
}

/* What was written on one line must be the same again. */
static void
check_flow(struct hm_arena *arena, const struct hm_node *root)
{
	struct hm_buf flow = { 0 };
	struct hm_node *again;

	hm_node_put_flow(&flow, root);
	if (hm_node_parse(arena, "flow", hm_buf_view(&flow), &again,
	    hm_errs_new(arena)) == 0) {
		if (!hm_node_same(root, again))
			abort();
	} else if (flow.len < 1000) {
		/* Only libyaml's limit of 1024 for a name may stand between. */
		abort();
	}
	hm_buf_release(&flow);
}

static void
check_edit(struct hm_arena *arena, struct hm_str text, const char *name,
    const char *value)
{
	const char *path[] = { name, NULL };
	const char *deep[] = { "a", name, NULL };
	struct hm_err err = { 0 };
	struct hm_str ret;

	if (hm_node_edit(arena, text, path, value, &ret, &err) < 0 &&
	    err.code == 0)
		abort();
	if (hm_node_edit(arena, text, deep, value, &ret, &err) == 0)
		hm_node_edit(arena, ret, deep, NULL, &ret, &err);
	hm_node_edit(arena, text, path, NULL, &ret, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_str in = hm_str_n((const char *)data, size), name, value;
	struct hm_server_conf conf = { 0 };
	struct hm_buf out = { 0 };
	struct hm_node *root;

	if (size >= 2) {
		in = hm_str_skip(in, 2);
		name = take(&in, data[0] % 16);
		value = take(&in, data[1] % 64);
		if (hm_node_parse(arena, "fuzz.yaml", in, &root, errs) == 0) {
			check_flow(arena, root);
			check_table(arena, root);
			hm_server_build(arena, "/etc/hermod", root, &conf, errs);
		}
		hm_errs_print(errs, &out);
		if (memchr(name.p, '\0', name.len) == NULL && name.len > 0)
			check_edit(arena, in, hm_str_dup(arena, name).p,
			    hm_str_dup(arena, value).p);
	}
	hm_buf_release(&out);
	hm_arena_free(arena);
	return 0;
}
