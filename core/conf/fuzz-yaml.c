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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hm_str
take(struct hm_str *in, size_t n)
{
	struct hm_str s = hm_str_take(*in, n);

	*in = hm_str_skip(*in, n);
	return s;
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
