/* example.c - an option table printed as a commented file.
 *
 * Every line is a comment: "# " and prose, or "#" and an option at its default.
 * Taking the "#" off option lines never changes what a setting is.
 */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "build.h"
#include "example.h"
#include "node.h"

enum { WIDTH = 78 };

static void
begin_line(struct hm_buf *out, unsigned depth)
{
	hm_buf_putc(out, '#');
	for (unsigned i = 0; i < depth; i++)
		hm_buf_puts(out, "  ");
}

/* Prose, folded; inside a block it is a comment of its own. */
static void
put_prose(struct hm_buf *out, unsigned depth, struct hm_str text)
{
	size_t col = 0;

	while (text.len > 0) {
		struct hm_str word = hm_str_split(&text, ' ');

		if (word.len == 0)
			continue;
		if (col > 0 && col + 1 + word.len > WIDTH) {
			hm_buf_putc(out, '\n');
			col = 0;
		}
		if (col == 0) {
			begin_line(out, depth);
			if (depth > 0)
				hm_buf_putc(out, '#');
			col = 1 + 2 * depth + (depth > 0);
		}
		hm_buf_putc(out, ' ');
		hm_buf_str(out, word);
		col += 1 + word.len;
	}
	hm_buf_putc(out, '\n');
}

static const char *
type_words(const struct hm_opt *opt)
{
	switch (opt->type) {
	case HM_OPT_TYPE_BOOL: return "yes or no";
	case HM_OPT_TYPE_INT: return "Whole number";
	case HM_OPT_TYPE_SIZE: return "Size";
	case HM_OPT_TYPE_TIME: return "Time";
	case HM_OPT_TYPE_LIST: return "List of texts";
	case HM_OPT_TYPE_ADDRS: return "List of addresses with ports";
	case HM_OPT_TYPE_NETS: return "List of networks";
	case HM_OPT_TYPE_FILE: return "Path, relative to the folder of hermod.yaml";
	case HM_OPT_TYPE_SECRET: return "Secret text";
	case HM_OPT_TYPE_MAP: return "Map of names to texts";
	case HM_OPT_TYPE_BLOCK: return "Options of their own";
	case HM_OPT_TYPE_BLOCKS: return "Named groups of options, or a list of them";
	default: return "Text";
	}
}

void
hm_opt_put_form(struct hm_buf *out, const struct hm_opt *opt)
{
	if (opt->type == HM_OPT_TYPE_ENUM) {
		hm_buf_puts(out, "One of ");
		for (size_t i = 0; opt->choices[i] != NULL; i++)
			hm_buf_printf(out, "%s%s", i == 0 ? "" :
			    opt->choices[i + 1] == NULL ? " and " : ", ",
			    opt->choices[i]);
	} else {
		hm_buf_puts(out, type_words(opt));
	}
	if (opt->min != NULL && opt->max != NULL)
		hm_buf_printf(out, ", %s to %s", opt->min, opt->max);
	else if (opt->min != NULL)
		hm_buf_printf(out, ", at least %s", opt->min);
	else if (opt->max != NULL)
		hm_buf_printf(out, ", at most %s", opt->max);
}

static void
put_list_default(struct hm_arena *arena, struct hm_buf *out,
    const struct hm_opt *opt)
{
	struct hm_builder b = { .arena = arena, .errs = hm_errs_new(arena) };
	const struct hm_strlist *list = NULL;
	struct hm_opt as_list = *opt;
	struct hm_str def = hm_str(opt->def);

	as_list.type = HM_OPT_TYPE_LIST;
	if (opt->type != HM_OPT_TYPE_LIST && hm_str_starts(def, HM_STR("[")) &&
	    hm_str_ends(def, HM_STR("]")))
		as_list.def = hm_strndup(arena, def.p + 1, def.len - 2);
	hm_value_default(&b, &as_list, &list);
	if (list->n != 1)
		hm_buf_putc(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		if (i > 0)
			hm_buf_puts(out, ", ");
		hm_node_quote(out, hm_str(list->at[i]));
	}
	if (list->n != 1)
		hm_buf_putc(out, ']');
}

void
hm_opt_put_default(struct hm_buf *out, const struct hm_opt *opt)
{
	struct hm_arena *arena = hm_arena_new(NULL, "default");
	struct hm_node *map;

	switch (opt->type) {
	case HM_OPT_TYPE_LIST:
	case HM_OPT_TYPE_ADDRS:
	case HM_OPT_TYPE_NETS:
		put_list_default(arena, out, opt);
		break;
	case HM_OPT_TYPE_MAP:
		if (hm_node_parse(arena, "default", hm_str(opt->def), &map,
		    hm_errs_new(arena)) == 0 && map->kind == HM_NODE_MAP &&
		    map->n > 0)
			hm_node_put_flow(out, map);
		else
			hm_buf_puts(out, "{}");
		break;
	default:
		hm_node_quote(out, hm_str(opt->def));
		break;
	}
	hm_arena_free(arena);
}

/* "Time, 10s to 1h. Default: 5m." */
static void
put_facts(struct hm_buf *out, unsigned depth, const struct hm_opt *opt)
{
	struct hm_buf line = { 0 };

	hm_opt_put_form(&line, opt);
	hm_buf_putc(&line, '.');
	if (opt->required)
		hm_buf_puts(&line, " Required.");
	else if (opt->def != NULL && opt->type != HM_OPT_TYPE_SECRET) {
		hm_buf_puts(&line, " Default: ");
		hm_opt_put_default(&line, opt);
		hm_buf_putc(&line, '.');
	} else if (opt->type != HM_OPT_TYPE_BLOCK &&
	    opt->type != HM_OPT_TYPE_BLOCKS) {
		hm_buf_puts(&line, " Not set by default.");
	}
	if (opt->since != NULL)
		hm_buf_printf(&line, " Since %s.", opt->since);
	if (opt->was != NULL)
		hm_buf_printf(&line, " Formerly \"%s\".", opt->was);
	put_prose(out, depth, hm_buf_view(&line));
	hm_buf_release(&line);
}

static void
put_table(struct hm_buf *out, const struct hm_opt *table, unsigned depth)
{
	char name[HM_OPT_NAME_MAX];

	if (depth > HM_OPT_MAX_DEPTH)
		return;
	for (const struct hm_opt *opt = table; opt->name != NULL; opt++) {
		if (opt != table && depth == 0)
			hm_buf_putc(out, '\n');
		if (opt->help != NULL)
			put_prose(out, depth, hm_str(opt->help));
		put_facts(out, depth, opt);
		begin_line(out, depth);
		hm_buf_printf(out, "%s:", hm_opt_name(name, opt));
		if (opt->def != NULL) {
			hm_buf_putc(out, ' ');
			hm_opt_put_default(out, opt);
		}
		hm_buf_putc(out, '\n');
		if (opt->type == HM_OPT_TYPE_BLOCKS) {
			begin_line(out, depth + 1);
			hm_buf_puts(out, "NAME:\n");
			put_table(out, opt->sub, depth + 2);
		} else if (opt->type == HM_OPT_TYPE_BLOCK) {
			put_table(out, opt->sub, depth + 1);
		}
	}
}

void
hm_conf_example(struct hm_buf *out, const struct hm_opt *table)
{
	if (table != NULL)
		put_table(out, table, 0);
}
