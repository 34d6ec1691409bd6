/* value.c - single values and lists read into the fields of a struct.
 *
 * A mistake names the option, the form it must have and what was found.
 */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include "build.h"
#include "errs.h"
#include "node.h"
#include "suggest.h"

#define SHOWN(s) HM_FMT(hm_str_take((s), 80))

static void
must_be(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node, const char *form, struct hm_str found)
{
	char name[HM_OPT_NAME_MAX];

	hm_node_error(node, b->errs, "\"%s\" must be %s, not \"%.*s\"",
	    hm_opt_name(name, opt), form, SHOWN(found));
}

static bool
is_scalar(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node)
{
	char name[HM_OPT_NAME_MAX];

	if (node->kind == HM_NODE_SCALAR)
		return true;
	hm_node_error(node, b->errs, "\"%s\" must be a single value, not a %s",
	    hm_opt_name(name, opt),
	    node->kind == HM_NODE_LIST ? "list" : "map");
	return false;
}

static void
check_range(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node, bool below, bool above)
{
	char name[HM_OPT_NAME_MAX];

	if (below || above)
		hm_node_error(node, b->errs, "\"%s\" must be at %s %s, not %.*s",
		    hm_opt_name(name, opt), below ? "least" : "most",
		    below ? opt->min : opt->max, SHOWN(node->text));
}

/* int and time, which differ only in how they are written. */
static void
read_signed(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node, int64_t *field)
{
	bool time = opt->type == HM_OPT_TYPE_TIME;
	int (*parse)(struct hm_str, int64_t *) = time ? hm_value_time :
	    hm_value_int;
	int64_t n, min, max;

	if (parse(node->text, &n) < 0) {
		must_be(b, opt, node, time ? "a time with its unit, such as "
		    "500ms, 30s, 5m, 2h or 7d" : "a whole number", node->text);
		return;
	}
	check_range(b, opt, node,
	    opt->min != NULL && parse(hm_str(opt->min), &min) == 0 && n < min,
	    opt->max != NULL && parse(hm_str(opt->max), &max) == 0 && n > max);
	*field = n;
}

static void
read_size(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node, uint64_t *field)
{
	uint64_t n, min, max;

	if (hm_value_size(node->text, &n) < 0) {
		must_be(b, opt, node, "a size such as 512K, 50M or 2G",
		    node->text);
		return;
	}
	check_range(b, opt, node,
	    opt->min != NULL && hm_value_size(hm_str(opt->min), &min) == 0 &&
	    n < min,
	    opt->max != NULL && hm_value_size(hm_str(opt->max), &max) == 0 &&
	    n > max);
	*field = n;
}

static void
read_enum(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node, int *field)
{
	struct hm_suggest near = { .word = node->text };
	char name[HM_OPT_NAME_MAX];
	struct hm_buf all = { 0 };

	for (int i = 0; opt->choices[i] != NULL; i++) {
		if (hm_str_is(node->text, opt->choices[i])) {
			*field = i;
			hm_buf_release(&all);
			return;
		}
		hm_suggest_offer(&near, opt->choices[i]);
		hm_buf_printf(&all, "%s%s", i == 0 ? "" :
		    opt->choices[i + 1] == NULL ? " or " : ", ",
		    opt->choices[i]);
	}
	hm_node_error(node, b->errs,
	    "\"%s\" must be %s, not \"%.*s\"%s%s%s", hm_opt_name(name, opt),
	    all.p, SHOWN(node->text), near.best ? "; did you mean \"" : "",
	    near.best ? near.best : "", near.best ? "\"?" : "");
	hm_buf_release(&all);
}

/* A text that C can hold. */
static const char *
read_text(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node)
{
	char name[HM_OPT_NAME_MAX];

	if (memchr(node->text.p, '\0', node->text.len) != NULL) {
		hm_node_error(node, b->errs, "\"%s\" contains a NUL byte",
		    hm_opt_name(name, opt));
		return NULL;
	}
	return hm_strndup(b->arena, node->text.p, node->text.len);
}

static const char *
read_file(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node)
{
	const char *path = read_text(b, opt, node), *dir;
	char name[HM_OPT_NAME_MAX];

	if (path == NULL)
		return NULL;
	if (path[0] == '\0') {
		hm_node_error(node, b->errs, "\"%s\" must be a path, not empty",
		    hm_opt_name(name, opt));
		return NULL;
	}
	dir = b->ctx != NULL && b->ctx->dir != NULL ? b->ctx->dir :
	    node->doc->dir;
	if (path[0] == '/' || dir == NULL)
		return path;
	return hm_printf(b->arena, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir,
	    path);
}

static const char *
read_secret(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node)
{
	char name[HM_OPT_NAME_MAX];

	if (node->doc->mode & 04)
		hm_node_error(node, b->errs, "\"%s\" is a secret, but every user "
		    "of this host can read the file; chmod it to 640 or 600",
		    hm_opt_name(name, opt));
	return read_text(b, opt, node);
}

/* One element of a list, with the node to complain about. */
struct word {
	struct hm_str text;
	const struct hm_node *node;
};

struct words {
	struct word *at;
	size_t n;
};

/* "a, b" is a short way to write a list; between addresses blanks do as well. */
static void
split_words(struct words *words, const struct hm_node *node, const char *seps)
{
	struct hm_str rest = node->text;

	while (rest.len > 0) {
		size_t n = 0;
		struct hm_str word;

		while (n < rest.len && strchr(seps, rest.p[n]) == NULL)
			n++;
		word = hm_str_trim(hm_str_take(rest, n));
		if (word.len > 0)
			words->at[words->n++] = (struct word){ word, node };
		rest = hm_str_skip(rest, n + 1);
	}
}

static bool
list_words(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node, struct words *words)
{
	char name[HM_OPT_NAME_MAX];

	words->at = hm_alloc_array(b->arena, node->n, sizeof(words->at[0]));
	for (size_t i = 0; i < node->n; i++) {
		const struct hm_node *item = node->items[i];

		if (item->kind != HM_NODE_SCALAR || item->null ||
		    memchr(item->text.p, '\0', item->text.len) != NULL) {
			hm_node_error(item, b->errs, "the elements of \"%s\" "
			    "must be single values", hm_opt_name(name, opt));
			return false;
		}
		words->at[words->n++] = (struct word){ item->text, item };
	}
	return true;
}

/* The elements of a list, whichever way it is written. */
static bool
read_words(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node, struct words *words)
{
	bool strings = opt->type == HM_OPT_TYPE_LIST;
	char name[HM_OPT_NAME_MAX];

	*words = (struct words){ NULL, 0 };
	if (node->kind == HM_NODE_LIST)
		return list_words(b, opt, node, words);
	if (node->kind == HM_NODE_MAP && !node->null) {
		hm_node_error(node, b->errs, "\"%s\" must be a list, not a map",
		    hm_opt_name(name, opt));
		return false;
	}
	if (memchr(node->text.p, '\0', node->text.len) != NULL)
		return read_text(b, opt, node) != NULL;
	words->at = hm_alloc_array(b->arena, node->text.len / 2 + 1,
	    sizeof(words->at[0]));
	if (!strings || node->plain)
		split_words(words, node, strings ? "," : ", \t\n");
	else if (node->text.len > 0)
		words->at[words->n++] = (struct word){ node->text, node };
	return true;
}

static const struct hm_strlist *
read_list(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node)
{
	struct hm_strlist *list = hm_new(b->arena, struct hm_strlist);
	struct words words;
	const char **at;

	if (!read_words(b, opt, node, &words))
		return list;
	at = hm_alloc_array(b->arena, words.n, sizeof(at[0]));
	for (size_t i = 0; i < words.n; i++)
		at[i] = hm_strndup(b->arena, words.at[i].text.p,
		    words.at[i].text.len);
	list->n = words.n;
	list->at = at;
	return list;
}

static const struct hm_addrlist *
all_addresses(const struct hm_builder *b)
{
	static const struct hm_sockaddr any[] = {
		{ .family = 4 }, { .family = 6 },
	};
	static const struct hm_addrlist all = { HM_ARRAY_LEN(any), any };

	return b->ctx != NULL && b->ctx->addresses != NULL ?
	    b->ctx->addresses : &all;
}

/* "192.0.2.1" is an address, but nobody can listen on it without a port. */
static bool
has_port(struct hm_str text, const struct hm_sockaddr *addr)
{
	return addr->family == 1 || addr->port != 0 ||
	    (hm_str_ends(text, HM_STR(":0")) &&
	    (addr->family == 4 || hm_str_starts(text, HM_STR("["))));
}

/* Appends what one word stands for; returns the new length. */
static size_t
put_address(const struct hm_builder *b, const struct hm_opt *opt,
    const struct word *word, struct hm_sockaddr *at, size_t n)
{
	const struct hm_addrlist *all = all_addresses(b);
	uint64_t port;

	if (hm_str_u64(word->text, 65535, &port) == 0) {
		for (size_t i = 0; i < all->n; i++) {
			at[n] = all->at[i];
			at[n++].port = (uint16_t)port;
		}
		return n;
	}
	if (hm_sockaddr_parse(word->text, &at[n]) == 0 &&
	    has_port(word->text, &at[n]))
		return n + 1;
	must_be(b, opt, word->node, "an address with a port, such as "
	    "192.0.2.1:25, \"[2001:db8::1]:25\" or unix:/path, or a port alone",
	    word->text);
	return n;
}

static const struct hm_addrlist *
read_addrs(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node)
{
	struct hm_addrlist *list = hm_new(b->arena, struct hm_addrlist);
	size_t each = all_addresses(b)->n;
	struct hm_sockaddr *at;
	struct words words;

	if (!read_words(b, opt, node, &words))
		return list;
	at = hm_alloc_array(b->arena, words.n * (each > 1 ? each : 1),
	    sizeof(at[0]));
	for (size_t i = 0; i < words.n; i++)
		list->n = put_address(b, opt, &words.at[i], at, list->n);
	list->at = at;
	return list;
}

static const struct hm_netlist *
read_nets(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node)
{
	struct hm_netlist *list = hm_new(b->arena, struct hm_netlist);
	struct hm_net *at;
	struct words words;

	if (!read_words(b, opt, node, &words))
		return list;
	at = hm_alloc_array(b->arena, words.n, sizeof(at[0]));
	for (size_t i = 0; i < words.n; i++) {
		if (hm_net_parse(words.at[i].text, &at[list->n]) == 0)
			list->n++;
		else
			must_be(b, opt, words.at[i].node, "a network such as "
			    "192.0.2.0/24 or 2001:db8::/32", words.at[i].text);
	}
	list->at = at;
	return list;
}

static const struct hm_strmap *
read_map(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node)
{
	struct hm_strmap *map = hm_new(b->arena, struct hm_strmap);
	const char **keys, **values;
	char name[HM_OPT_NAME_MAX];

	if (node->kind != HM_NODE_MAP) {
		hm_node_error(node, b->errs, "\"%s\" must be a map of names and "
		    "values", hm_opt_name(name, opt));
		return map;
	}
	keys = hm_alloc_array(b->arena, node->n, sizeof(keys[0]));
	values = hm_alloc_array(b->arena, node->n, sizeof(values[0]));
	for (size_t i = 0; i < node->n; i++) {
		const struct hm_node *value = node->items[i];

		if (!is_scalar(b, opt, value))
			continue;
		keys[map->n] = read_text(b, opt, hm_node_key_at(node, i));
		values[map->n] = read_text(b, opt, value);
		map->n += keys[map->n] != NULL && values[map->n] != NULL;
	}
	map->keys = keys;
	map->values = values;
	return map;
}

static void
read_scalar(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node, void *field)
{
	bool yes;

	if (!is_scalar(b, opt, node))
		return;
	switch (opt->type) {
	case HM_OPT_TYPE_BOOL:
		if (hm_value_bool(node->text, &yes) < 0)
			must_be(b, opt, node, "yes or no", node->text);
		else
			*(bool *)field = yes;
		break;
	case HM_OPT_TYPE_INT:
	case HM_OPT_TYPE_TIME:
		read_signed(b, opt, node, field);
		break;
	case HM_OPT_TYPE_SIZE:
		read_size(b, opt, node, field);
		break;
	case HM_OPT_TYPE_ENUM:
		read_enum(b, opt, node, field);
		break;
	case HM_OPT_TYPE_FILE:
		*(const char **)field = read_file(b, opt, node);
		break;
	case HM_OPT_TYPE_SECRET:
		*(const char **)field = read_secret(b, opt, node);
		break;
	default:
		*(const char **)field = read_text(b, opt, node);
		break;
	}
}

void
hm_value_read(const struct hm_builder *b, const struct hm_opt *opt,
    const struct hm_node *node, void *field)
{
	switch (opt->type) {
	case HM_OPT_TYPE_LIST:
		*(const struct hm_strlist **)field = read_list(b, opt, node);
		break;
	case HM_OPT_TYPE_ADDRS:
		*(const struct hm_addrlist **)field = read_addrs(b, opt, node);
		break;
	case HM_OPT_TYPE_NETS:
		*(const struct hm_netlist **)field = read_nets(b, opt, node);
		break;
	case HM_OPT_TYPE_MAP:
		*(const struct hm_strmap **)field = read_map(b, opt, node);
		break;
	default:
		read_scalar(b, opt, node, field);
		break;
	}
}

/* A scalar outside any file. */
static struct hm_node *
loose_node(const struct hm_builder *b, const char *text)
{
	struct hm_doc *doc = hm_new(b->arena, struct hm_doc);
	struct hm_node *node = hm_new(b->arena, struct hm_node);

	doc->name = "built-in default";
	doc->text = hm_str(text);
	doc->dir = b->ctx != NULL ? b->ctx->dir : NULL;
	node->doc = doc;
	node->skip = 1;
	node->plain = true;
	node->text = doc->text;
	node->line = node->col = 1;
	return node;
}

void
hm_value_default(const struct hm_builder *b, const struct hm_opt *opt,
    void *field)
{
	struct hm_node *node = loose_node(b, opt->def), *tree;
	struct hm_str text = node->text;
	bool strings = opt->type == HM_OPT_TYPE_LIST && opt->def[0] == '[';

	if (strings || opt->type == HM_OPT_TYPE_MAP) {
		struct hm_errs *unseen = hm_errs_new(b->arena);

		if (hm_node_parse(b->arena, "built-in default", text, &tree,
		    unseen) == 0 && tree->kind != HM_NODE_SCALAR)
			node = tree;
	} else if ((opt->type == HM_OPT_TYPE_ADDRS ||
	    opt->type == HM_OPT_TYPE_NETS) &&
	    hm_str_starts(text, HM_STR("[")) && hm_str_ends(text, HM_STR("]"))) {
		/* Not YAML, which wants quotes around ::1 in brackets. */
		node->text = hm_str_n(text.p + 1, text.len - 2);
	}
	hm_value_read(b, opt, node, field);
}
