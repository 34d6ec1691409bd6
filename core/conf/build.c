/* build.c - a map of YAML and an option table make a filled struct. */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "build.h"
#include "errs.h"
#include "node.h"
#include "suggest.h"

static void build_table(const struct hm_builder *b, const char *where,
    const struct hm_node *map, const struct hm_opt *table, void *out,
    unsigned depth);

const char *
hm_opt_name(char buf[HM_OPT_NAME_MAX], const struct hm_opt *opt)
{
	struct hm_str name = hm_str(opt->name);
	size_t i;

	if (opt->type == HM_OPT_TYPE_TIME && hm_str_ends(name, HM_STR("_ms")))
		name.len -= 3;
	else if (opt->type == HM_OPT_TYPE_SIZE &&
	    hm_str_ends(name, HM_STR("_bytes")))
		name.len -= 6;
	for (i = 0; i < name.len && i + 1 < HM_OPT_NAME_MAX; i++)
		buf[i] = name.p[i] == '_' ? '-' : name.p[i];
	buf[i] = '\0';
	return buf;
}

const struct hm_node *
hm_opt_node(const struct hm_node *map, const struct hm_opt *opt)
{
	char name[HM_OPT_NAME_MAX];
	const struct hm_node *node = hm_node_get(map, hm_opt_name(name, opt));

	if (node == NULL && opt->was != NULL)
		node = hm_node_get(map, opt->was);
	return node != NULL && node->null ? NULL : node;
}

static bool
known(const struct hm_opt *table, struct hm_str key, struct hm_suggest *near,
    bool *ret_secret)
{
	char name[HM_OPT_NAME_MAX];

	for (; table != NULL && table->name != NULL; table++) {
		const char *best = near->best, *own;

		hm_opt_name(name, table);
		if (hm_str_is(key, name) ||
		    (table->was != NULL && hm_str_is(key, table->was)))
			return true;
		/* The proposal must outlive name: the field's own name does,
		 * and is turned into the option's again where it is shown. */
		own = table->name;
		hm_suggest_offer_as(near, name, own);
		if (table->was != NULL)
			hm_suggest_offer_as(near, table->was, own);
		if (near->best != best)
			*ret_secret = table->type == HM_OPT_TYPE_SECRET;
	}
	return false;
}

static const struct hm_opt *
find_field(const struct hm_opt *table, const char *field)
{
	for (; table != NULL && table->name != NULL; table++) {
		if (table->name == field)
			return table;
	}
	return NULL;
}

static void
unknown_option(const struct hm_builder *b, const char *where,
    const struct hm_opt *table, const struct hm_node *key,
    const struct hm_suggest *near)
{
	const struct hm_opt *also = b->ctx != NULL ? b->ctx->also : NULL;
	const struct hm_opt *opt = find_field(table, near->best);
	char name[HM_OPT_NAME_MAX] = "";

	if (opt == NULL)
		opt = find_field(also, near->best);
	if (opt != NULL)
		hm_opt_name(name, opt);
	hm_node_error(key, b->errs, "unknown option \"%.*s\"%s%s%s%s%s",
	    HM_FMT(hm_str_take(key->text, 80)), where != NULL ? " in " : "",
	    where != NULL ? where : "", opt != NULL ? "; did you mean \"" : "",
	    name, opt != NULL ? "\"?" : "");
}

static void
check_names(const struct hm_builder *b, const char *where,
    const struct hm_node *map, const struct hm_opt *table, unsigned depth)
{
	const struct hm_opt *also = depth == 0 && b->ctx != NULL ?
	    b->ctx->also : NULL;

	for (size_t i = 0; i < map->n; i++) {
		const struct hm_node *key = hm_node_key_at(map, i);
		struct hm_suggest near = { .word = key->text };
		bool secret = false;

		if (known(table, key->text, &near, &secret) ||
		    known(also, key->text, &near, &secret))
			continue;
		/* A misspelt password is a password all the same. */
		if (secret)
			hm_doc_mask(b->arena, key->doc, map->items[i]->start,
			    map->items[i]->end);
		unknown_option(b, where, table, key, &near);
	}
}

/* Before anything is shown: the bytes of secrets are not to be seen. */
static void
mask_secrets(const struct hm_builder *b, const struct hm_node *map,
    const struct hm_opt *table, unsigned depth)
{
	if (map->kind == HM_NODE_SCALAR || depth > HM_OPT_MAX_DEPTH)
		return;
	for (; table->name != NULL; table++) {
		const struct hm_node *node = hm_opt_node(map, table);

		if (node == NULL)
			continue;
		if (table->type == HM_OPT_TYPE_SECRET)
			hm_doc_mask(b->arena, node->doc, node->start, node->end);
		else if (table->type == HM_OPT_TYPE_BLOCK)
			mask_secrets(b, node, table->sub, depth + 1);
		else if (table->type == HM_OPT_TYPE_BLOCKS)
			for (size_t i = 0; i < node->n; i++)
				mask_secrets(b, node->items[i], table->sub,
				    depth + 1);
	}
}

/* Where the table is not all there is, any other value may be a secret. */
static void
mask_others(const struct hm_builder *b, const struct hm_node *map,
    const struct hm_opt *table)
{
	for (size_t i = 0; i < map->n; i++) {
		struct hm_suggest near = { .word = { NULL, 0 } };
		bool secret;

		if (!known(table, hm_node_key(map, i), &near, &secret))
			hm_doc_mask(b->arena, map->doc, map->items[i]->start,
			    map->items[i]->end);
	}
}

/* The former name is read too, with a word about the new one. */
static void
check_former(const struct hm_builder *b, const struct hm_node *map,
    const struct hm_opt *opt)
{
	char name[HM_OPT_NAME_MAX];
	const struct hm_node *old, *new;

	if (opt->was == NULL || (old = hm_node_get(map, opt->was)) == NULL)
		return;
	new = hm_node_get(map, hm_opt_name(name, opt));
	old--;  /* its key */
	if (new != NULL)
		hm_node_error(old, b->errs, "\"%s\" is the former name of \"%s\", "
		    "which is given at line %u; remove one", opt->was, name,
		    (new - 1)->line);
	else
		hm_errs_put(b->errs, HM_ERRS_WARNING, old->doc, old->start,
		    old->end, "\"%s\" is now called \"%s\"", opt->was, name);
}

static bool
is_map(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node)
{
	char name[HM_OPT_NAME_MAX];

	if (node->kind == HM_NODE_MAP || node->null)
		return true;
	hm_node_error(node, b->errs, "\"%s\" must hold options (name: value), "
	    "not a %s", hm_opt_name(name, opt),
	    node->kind == HM_NODE_LIST ? "list" : "single value");
	return false;
}

/* A table of tables: a map of names, or a list, which is numbered from 1. */
static void
build_blocks(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node, const struct hm_blocks **field, unsigned depth)
{
	struct hm_blocks *blocks = hm_new(b->arena, struct hm_blocks);
	size_t n = node != NULL ? node->n : 0;
	const char **names = hm_alloc_array(b->arena, n, sizeof(names[0]));
	char *at = hm_alloc_array(b->arena, n, opt->sub_size), buf[HM_OPT_NAME_MAX];

	if (node != NULL && node->kind == HM_NODE_SCALAR)
		(void)is_map(b, opt, node);
	for (size_t i = 0; i < n; i++) {
		if (!is_map(b, opt, node->items[i]))
			continue;
		names[i] = node->kind == HM_NODE_LIST ?
		    hm_printf(b->arena, "%zu", i + 1) :
		    hm_strndup(b->arena, hm_node_key(node, i).p,
		        hm_node_key(node, i).len);
		build_table(b, hm_printf(b->arena, "\"%s\" of \"%s\"", names[i],
		    hm_opt_name(buf, opt)), node->items[i], opt->sub,
		    at + i * opt->sub_size, depth + 1);
	}
	blocks->n = n;
	blocks->names = names;
	blocks->at = at;
	*field = blocks;
}

static void
missing(const struct hm_builder *b, const char *where, const struct hm_opt *opt,
    const struct hm_node *map)
{
	char name[HM_OPT_NAME_MAX];

	hm_errs_put(b->errs, HM_ERRS_ERROR, map->doc, map->start, map->start,
	    "option \"%s\" is missing%s%s", hm_opt_name(name, opt),
	    where != NULL ? " in " : "", where != NULL ? where : "");
}

/* A list that nobody gave is empty, not NULL. */
static void
build_absent(const struct hm_builder *b, const struct hm_opt *opt, void *field)
{
	static const struct hm_strlist no_strings;
	static const struct hm_addrlist no_addresses;
	static const struct hm_netlist no_networks;
	static const struct hm_strmap no_pairs;

	if (opt->def != NULL)
		hm_value_default(b, opt, field);
	else if (opt->type == HM_OPT_TYPE_LIST)
		*(const struct hm_strlist **)field = &no_strings;
	else if (opt->type == HM_OPT_TYPE_ADDRS)
		*(const struct hm_addrlist **)field = &no_addresses;
	else if (opt->type == HM_OPT_TYPE_NETS)
		*(const struct hm_netlist **)field = &no_networks;
	else if (opt->type == HM_OPT_TYPE_MAP)
		*(const struct hm_strmap **)field = &no_pairs;
}

static void
build_option(const struct hm_builder *b, const char *where,
    const struct hm_opt *opt, const struct hm_node *map, void *field,
    unsigned depth)
{
	const struct hm_node *node = hm_opt_node(map, opt);
	char name[HM_OPT_NAME_MAX];

	if (node == NULL && opt->required && map != NULL)
		missing(b, where, opt, map);
	if (opt->type == HM_OPT_TYPE_BLOCKS) {
		build_blocks(b, opt, node, field, depth);
	} else if (opt->type == HM_OPT_TYPE_BLOCK) {
		if (node != NULL && !is_map(b, opt, node))
			node = NULL;
		build_table(b, hm_printf(b->arena, "\"%s\"",
		    hm_opt_name(name, opt)), node, opt->sub, field, depth + 1);
	} else if (node != NULL) {
		hm_value_read(b, opt, node, field);
	} else {
		build_absent(b, opt, field);
	}
}

static void
build_table(const struct hm_builder *b, const char *where,
    const struct hm_node *map, const struct hm_opt *table, void *out,
    unsigned depth)
{
	if (depth > HM_OPT_MAX_DEPTH)
		return;
	if (map != NULL && (depth > 0 || b->ctx == NULL || !b->ctx->partial))
		check_names(b, where, map, table, depth);
	for (; table->name != NULL; table++) {
		if (map != NULL)
			check_former(b, map, table);
		build_option(b, where, table, map, (char *)out + table->offset,
		    depth);
	}
}

int
hm_conf_build_with(struct hm_arena *arena, const struct hm_conf_ctx *ctx,
    const struct hm_node *map, const struct hm_opt *table, void *out,
    struct hm_errs *errs)
{
	struct hm_builder b = { .arena = arena, .ctx = ctx, .errs = errs };
	struct hm_mask *masks = map != NULL ? map->doc->masks : NULL;
	size_t before = hm_errs_count(errs);

	if (map != NULL && map->kind != HM_NODE_MAP && !map->null) {
		hm_node_error(map, errs, "here must be options (name: value), "
		    "not a %s", map->kind == HM_NODE_LIST ? "list" :
		    "single value");
		return -HM_ESYNTAX;
	}
	if (map != NULL)
		mask_secrets(&b, map, table, 0);
	if (map != NULL && ctx != NULL && ctx->partial)
		mask_others(&b, map, table);
	build_table(&b, ctx != NULL ? ctx->where : NULL, map, table, out, 0);
	/* The next table for the same file knows better. */
	if (map != NULL && ctx != NULL && ctx->partial)
		map->doc->masks = masks;
	return hm_errs_count(errs) > before ? -HM_ESYNTAX : 0;
}

int
hm_conf_build(struct hm_arena *arena, const struct hm_node *map,
    const struct hm_opt *table, void *out, struct hm_errs *errs)
{
	struct hm_conf_ctx ctx = { .dir = map != NULL ? map->doc->dir : NULL };

	return hm_conf_build_with(arena, &ctx, map, table, out, errs);
}
