/* show.c - "hermod config show": effective values with their origin. */
#include <hermod/buf.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include "build.h"
#include "node.h"
#include "show.h"

static void
indent(struct hm_buf *out, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		hm_buf_puts(out, "  ");
}

static void
put_cstr(struct hm_buf *out, const char *s)
{
	if (s == NULL)
		hm_buf_puts(out, "null");
	else
		hm_node_quote(out, hm_str(s));
}

static void
put_strings(struct hm_buf *out, const struct hm_strlist *list)
{
	hm_buf_putc(out, '[');
	for (size_t i = 0; list != NULL && i < list->n; i++) {
		hm_buf_puts(out, i > 0 ? ", " : "");
		put_cstr(out, list->at[i]);
	}
	hm_buf_putc(out, ']');
}

static void
put_addresses(struct hm_buf *out, const struct hm_addrlist *list)
{
	char text[112];

	hm_buf_putc(out, '[');
	for (size_t i = 0; list != NULL && i < list->n; i++) {
		hm_buf_puts(out, i > 0 ? ", " : "");
		put_cstr(out, hm_sockaddr_text(text, &list->at[i]));
	}
	hm_buf_putc(out, ']');
}

static void
put_networks(struct hm_buf *out, const struct hm_netlist *list)
{
	struct hm_buf one = { 0 };
	char text[112];

	hm_buf_putc(out, '[');
	for (size_t i = 0; list != NULL && i < list->n; i++) {
		hm_buf_puts(out, i > 0 ? ", " : "");
		hm_buf_clear(&one);
		hm_buf_printf(&one, "%s/%u",
		    hm_sockaddr_ip(text, &list->at[i].addr), list->at[i].bits);
		hm_node_quote(out, hm_buf_view(&one));
	}
	hm_buf_putc(out, ']');
	hm_buf_release(&one);
}

static void
put_map(struct hm_buf *out, const struct hm_strmap *map)
{
	hm_buf_putc(out, '{');
	for (size_t i = 0; map != NULL && i < map->n; i++) {
		hm_buf_puts(out, i > 0 ? ", " : "");
		put_cstr(out, map->keys[i]);
		hm_buf_puts(out, ": ");
		put_cstr(out, map->values[i]);
	}
	hm_buf_putc(out, '}');
}

static void
put_value(struct hm_buf *out, const struct hm_opt *opt, const void *field)
{
	switch (opt->type) {
	case HM_OPT_TYPE_BOOL:
		hm_buf_puts(out, *(const bool *)field ? "yes" : "no");
		break;
	case HM_OPT_TYPE_INT:
		hm_buf_printf(out, "%lld",
		    (long long)*(const int64_t *)field);
		break;
	case HM_OPT_TYPE_SIZE:
		hm_value_put_size(out, *(const uint64_t *)field);
		break;
	case HM_OPT_TYPE_TIME:
		hm_value_put_time(out, *(const int64_t *)field);
		break;
	case HM_OPT_TYPE_ENUM:
		hm_buf_puts(out, opt->choices[*(const int *)field]);
		break;
	case HM_OPT_TYPE_LIST:
		put_strings(out, *(const struct hm_strlist *const *)field);
		break;
	case HM_OPT_TYPE_ADDRS:
		put_addresses(out, *(const struct hm_addrlist *const *)field);
		break;
	case HM_OPT_TYPE_NETS:
		put_networks(out, *(const struct hm_netlist *const *)field);
		break;
	case HM_OPT_TYPE_MAP:
		put_map(out, *(const struct hm_strmap *const *)field);
		break;
	case HM_OPT_TYPE_SECRET:
		hm_buf_puts(out, *(const char *const *)field == NULL ? "null" :
		    "(secret)");
		break;
	default:
		put_cstr(out, *(const char *const *)field);
		break;
	}
}

/* value: as it was written, from that place in out on. What has neither a
 * place nor a default, but a value, was worked out from other settings. */
static void
put_origin(struct hm_buf *out, size_t value, const struct hm_opt *opt,
    const struct hm_node *node)
{
	static const char *const nothing[] = { "null", "[]", "{}", "0", "no" };
	const char *origin = opt->def != NULL ? "default" : "derived";

	for (size_t i = 0; opt->def == NULL && i < HM_ARRAY_LEN(nothing); i++) {
		if (hm_str_is(hm_str_skip(hm_buf_view(out), value), nothing[i]))
			origin = "not set";
	}
	if (node != NULL)
		hm_buf_printf(out, "  # %s:%u\n", node->doc->name, node->line);
	else
		hm_buf_printf(out, "  # %s\n", origin);
}

static void
put_blocks(struct hm_buf *out, const struct hm_opt *opt,
    const struct hm_blocks *blocks, const struct hm_node *node, unsigned depth)
{
	if (blocks == NULL || blocks->n == 0) {
		hm_buf_puts(out, " {}");
		put_origin(out, out->len - 2, opt, node);
		return;
	}
	hm_buf_putc(out, '\n');
	for (size_t i = 0; i < blocks->n; i++) {
		indent(out, depth + 1);
		put_cstr(out, blocks->names[i]);
		hm_buf_puts(out, ":\n");
		hm_conf_show(out, opt->sub,
		    (const char *)blocks->at + i * opt->sub_size,
		    node != NULL ? hm_node_at(node, i) : NULL, depth + 2);
	}
}

void
hm_conf_show(struct hm_buf *out, const struct hm_opt *table, const void *conf,
    const struct hm_node *map, unsigned depth)
{
	char name[HM_OPT_NAME_MAX];

	if (depth > 2 * HM_OPT_MAX_DEPTH)
		return;
	for (; table != NULL && table->name != NULL; table++) {
		const void *field = (const char *)conf + table->offset;
		const struct hm_node *node = hm_opt_node(map, table);

		indent(out, depth);
		hm_buf_printf(out, "%s:", hm_opt_name(name, table));
		if (table->type == HM_OPT_TYPE_BLOCKS) {
			put_blocks(out, table,
			    *(const struct hm_blocks *const *)field, node, depth);
		} else if (table->type == HM_OPT_TYPE_BLOCK) {
			hm_buf_putc(out, '\n');
			hm_conf_show(out, table->sub, field, node, depth + 1);
		} else {
			size_t value = out->len + 1;

			hm_buf_putc(out, ' ');
			put_value(out, table, field);
			put_origin(out, value, table, node);
		}
	}
}
