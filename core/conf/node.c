/* node.c - libyaml's events made into a tree whose nodes know their bytes. */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "errs.h"
#include "node.h"

/* A map or list whose end has not come yet. */
struct open_node {
	size_t index;
	size_t children;       /* a map's keys count too */
};

struct parse {
	struct hm_arena *arena;
	struct hm_doc *doc;
	struct hm_errs *errs;
	struct hm_node *nodes;
	size_t n, cap;
	size_t values;         /* nodes that are not keys */
	size_t last_end;       /* where the latest complete node ends */
	struct open_node open[HM_NODE_MAX_DEPTH];
	unsigned depth;
	unsigned documents;
};

/* Before it is read as a tree nobody can say which value is a secret; what its
 * name suggests must do. "password: @x" is a likely mistake. */
static void
mask_suspect(struct parse *p, size_t at)
{
	static const char *const words[] = { "pass", "secret", "token" };
	struct hm_str line;
	size_t start, end, value;
	ssize_t colon;

	hm_doc_line(p->doc, at, &start, &end);
	line = hm_str_n(p->doc->text.p + start, end - start);
	colon = hm_str_chr(line, ':');
	if (colon < 0)
		return;
	value = start + (size_t)colon + 1;
	while (value < end && p->doc->text.p[value] == ' ')
		value++;
	for (size_t i = 0; i < HM_ARRAY_LEN(words); i++) {
		if (hm_str_casefind(hm_str_take(line, (size_t)colon),
		    hm_str(words[i])) >= 0)
			hm_doc_mask(p->arena, p->doc, value, end);
	}
}

static int
fail_at(struct parse *p, yaml_mark_t start, yaml_mark_t end, const char *text)
{
	size_t at = hm_doc_offset(p->doc, start.index);

	mask_suspect(p, at);
	hm_errs_put(p->errs, HM_ERRS_ERROR, p->doc, at,
	    hm_doc_offset(p->doc, end.index), "%s", text);
	return -HM_ESYNTAX;
}

/* Whether the next node is a map's key. */
static bool
at_key(const struct parse *p)
{
	const struct open_node *parent;

	if (p->depth == 0)
		return false;
	parent = &p->open[p->depth - 1];
	return parent->children % 2 == 0 &&
	    p->nodes[parent->index].kind == HM_NODE_MAP;
}

/* Room for one node more, with the place of its event. */
static int
add_node(struct parse *p, const yaml_event_t *ev, enum hm_node_kind kind,
    struct hm_node **ret)
{
	struct hm_node *node;

	if (at_key(p)) {
		if (kind != HM_NODE_SCALAR)
			return fail_at(p, ev->start_mark, ev->end_mark,
			    "a name before ':' must be a single word or text");
	} else if (++p->values > HM_NODE_MAX_NODES) {
		return fail_at(p, ev->start_mark, ev->start_mark,
		    "the file has more than 100,000 values");
	}
	if (p->depth > 0)
		p->open[p->depth - 1].children++;
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 64 : p->cap * 2;
		p->nodes = hm_xrealloc(p->nodes, p->cap * sizeof(p->nodes[0]));
	}
	node = &p->nodes[p->n++];
	memset(node, 0, sizeof(*node));
	node->kind = kind;
	node->doc = p->doc;
	node->skip = 1;
	node->start = hm_doc_offset(p->doc, ev->start_mark.index);
	node->end = hm_doc_offset(p->doc, ev->end_mark.index);
	hm_doc_place(p->doc, node->start, &node->line, &node->col);
	*ret = node;
	return 0;
}

static bool
is_null(struct hm_str text)
{
	return text.len == 0 || hm_str_is(text, "~") || hm_str_is(text, "null") ||
	    hm_str_is(text, "Null") || hm_str_is(text, "NULL");
}

/* A block scalar's event ends where the next token begins; its own last byte is
 * the one before the line break that ends it. Blank lines count only where
 * they are part of the value ("|+"). */
static size_t
block_end(const struct hm_node *node)
{
	struct hm_str text = node->doc->text;
	bool keep = hm_str_ends(node->text, HM_STR("\n\n"));
	size_t end = node->end;

	while (end > node->start && (text.p[end - 1] == ' ' ||
	    (!keep && strchr("\t\r\n", text.p[end - 1]) != NULL)))
		end--;
	if (keep && end > node->start && text.p[end - 1] == '\n')
		end--;
	if (keep && end > node->start && text.p[end - 1] == '\r')
		end--;
	return end;
}

static int
on_scalar(struct parse *p, const yaml_event_t *ev)
{
	yaml_scalar_style_t style = ev->data.scalar.style;
	bool key = at_key(p);
	struct hm_node *node;
	int r;

	r = add_node(p, ev, HM_NODE_SCALAR, &node);
	if (r < 0)
		return r;
	node->text = hm_str_dup(p->arena, hm_str_n(
	    (const char *)ev->data.scalar.value, ev->data.scalar.length));
	node->plain = style == YAML_PLAIN_SCALAR_STYLE;
	node->block = style == YAML_LITERAL_SCALAR_STYLE ||
	    style == YAML_FOLDED_SCALAR_STYLE;
	if (key && node->text.len == 0)
		return fail_at(p, ev->start_mark, ev->end_mark,
		    "there is no name before ':'");
	if (!key && node->plain && is_null(node->text)) {
		node->null = true;
		node->text.len = 0;
	}
	if (node->block)
		node->end = block_end(node);
	p->last_end = node->end;
	return 0;
}

static int
on_start(struct parse *p, const yaml_event_t *ev, enum hm_node_kind kind,
    bool flow)
{
	struct hm_node *node;
	int r;

	if (p->depth == HM_NODE_MAX_DEPTH)
		return fail_at(p, ev->start_mark, ev->end_mark,
		    "values are nested more than 32 deep");
	r = add_node(p, ev, kind, &node);
	if (r < 0)
		return r;
	node->flow = flow;
	p->open[p->depth].index = p->n - 1;
	p->open[p->depth].children = 0;
	p->depth++;
	return 0;
}

static void
on_end(struct parse *p, const yaml_event_t *ev)
{
	struct open_node *open = &p->open[--p->depth];
	struct hm_node *node = &p->nodes[open->index];

	node->skip = p->n - open->index;
	node->n = node->kind == HM_NODE_MAP ? open->children / 2 :
	    open->children;
	/* A block ends, for libyaml, where the next token begins. */
	node->end = node->flow ? hm_doc_offset(p->doc, ev->end_mark.index) :
	    p->last_end;
	p->last_end = node->end;
}

static int
no_properties(struct parse *p, const yaml_event_t *ev, const yaml_char_t *anchor,
    const yaml_char_t *tag)
{
	if (anchor != NULL)
		return fail_at(p, ev->start_mark, ev->start_mark,
		    "anchors (&name) are not understood; quote the text if the "
		    "& belongs to it");
	if (tag != NULL)
		return fail_at(p, ev->start_mark, ev->start_mark,
		    "tags (!name) are not understood; quote the text if the "
		    "! belongs to it");
	return 0;
}

static int
on_event(struct parse *p, const yaml_event_t *ev)
{
	int r;

	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++p->documents > 1)
			return fail_at(p, ev->start_mark, ev->end_mark,
			    "a second document in one file is not understood");
		return 0;
	case YAML_ALIAS_EVENT:
		return fail_at(p, ev->start_mark, ev->end_mark,
		    "aliases (*name) are not understood; quote the text if the "
		    "* belongs to it");
	case YAML_SCALAR_EVENT:
		r = no_properties(p, ev, ev->data.scalar.anchor,
		    ev->data.scalar.tag);
		return r < 0 ? r : on_scalar(p, ev);
	case YAML_SEQUENCE_START_EVENT:
		r = no_properties(p, ev, ev->data.sequence_start.anchor,
		    ev->data.sequence_start.tag);
		return r < 0 ? r : on_start(p, ev, HM_NODE_LIST,
		    ev->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
	case YAML_MAPPING_START_EVENT:
		r = no_properties(p, ev, ev->data.mapping_start.anchor,
		    ev->data.mapping_start.tag);
		return r < 0 ? r : on_start(p, ev, HM_NODE_MAP,
		    ev->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_end(p, ev);
		return 0;
	default:
		return 0;
	}
}

/* What helps more than libyaml's words. */
static const char *
syntax_hint(const struct hm_doc *doc, size_t at)
{
	struct hm_str line;
	size_t start, end;

	hm_doc_line(doc, at, &start, &end);
	line = hm_str_n(doc->text.p + start, end - start);
	if (at < doc->text.len && doc->text.p[at] == '\t')
		return "; indent with spaces, not with tabs";
	if (at < doc->text.len && strchr("@`%", doc->text.p[at]) != NULL &&
	    doc->text.p[at] != '\0')
		return "; put the value in quotes";
	if (hm_str_find(line, HM_STR("::")) >= 0)
		return "; put an IPv6 address in quotes, as in \"[::]:25\"";
	return "";
}

static void
syntax_error(struct parse *p, const yaml_parser_t *yaml)
{
	const char *problem = yaml->problem != NULL ? yaml->problem :
	    "not well-formed";
	size_t at, len = p->doc->text.len;

	if (yaml->error == YAML_READER_ERROR)
		at = yaml->problem_offset + p->doc->bom;
	else
		at = hm_doc_offset(p->doc, yaml->problem_mark.index);
	if (at > len)
		at = len;
	mask_suspect(p, at);
	if (yaml->error == YAML_MEMORY_ERROR)
		hm_errs_put(p->errs, HM_ERRS_ERROR, p->doc, at, at,
		    "there is not enough memory to read the file");
	else
		hm_errs_put(p->errs, HM_ERRS_ERROR, p->doc, at, at,
		    "this is not YAML: %s%s%s%s", problem,
		    yaml->context != NULL ? " " : "",
		    yaml->context != NULL ? yaml->context : "",
		    syntax_hint(p->doc, at));
}

static int
run_parser(struct parse *p)
{
	yaml_parser_t yaml;
	yaml_event_t ev;
	bool end = false;
	int r = 0;

	if (!yaml_parser_initialize(&yaml)) {
		syntax_error(p, &yaml);
		return -HM_ESYNTAX;
	}
	yaml_parser_set_encoding(&yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&yaml,
	    (const unsigned char *)p->doc->text.p + p->doc->bom,
	    p->doc->text.len - p->doc->bom);
	while (r == 0 && !end) {
		if (!yaml_parser_parse(&yaml, &ev)) {
			syntax_error(p, &yaml);
			r = -HM_ESYNTAX;
			break;
		}
		end = ev.type == YAML_STREAM_END_EVENT;
		r = on_event(p, &ev);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&yaml);
	return r;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct hm_node *ka = *(struct hm_node *const *)a;
	const struct hm_node *kb = *(struct hm_node *const *)b;
	int d = hm_str_cmp(ka->text, kb->text);

	return d != 0 ? d : (ka > kb) - (ka < kb);
}

static void
index_keys(struct parse *p, struct hm_node *map)
{
	size_t n = map->n;

	map->sorted = hm_alloc_array(p->arena, n, sizeof(map->sorted[0]));
	for (size_t i = 0; i < n; i++)
		map->sorted[i] = hm_node_key_at(map, i);
	qsort(map->sorted, n, sizeof(map->sorted[0]), compare_keys);
	for (size_t i = 1; i < n; i++) {
		const struct hm_node *first = map->sorted[i - 1];
		const struct hm_node *second = map->sorted[i];

		if (hm_str_eq(first->text, second->text))
			hm_node_error(second, p->errs,
			    "\"%.*s\" is given twice; the other one is at "
			    "%s:%u:%u", HM_FMT(hm_str_take(second->text, 100)),
			    p->doc->name, first->line, first->col);
	}
}

/* Gives every list and map its children; they follow it in the array. */
static void
link_nodes(struct parse *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct hm_node *node = &p->nodes[i], *child = node + 1;

		if (node->n == 0)
			continue;
		node->items = hm_alloc_array(p->arena, node->n,
		    sizeof(node->items[0]));
		for (size_t k = 0; k < node->n; k++) {
			if (node->kind == HM_NODE_MAP)
				child++;
			node->items[k] = child;
			child += child->skip;
		}
		if (node->kind == HM_NODE_MAP)
			index_keys(p, node);
	}
}

/* A file with nothing in it is a map with nothing in it. */
static void
empty_root(struct parse *p)
{
	p->nodes = hm_xrealloc(p->nodes, sizeof(p->nodes[0]));
	memset(p->nodes, 0, sizeof(p->nodes[0]));
	p->nodes[0].kind = HM_NODE_MAP;
	p->nodes[0].doc = p->doc;
	p->nodes[0].skip = 1;
	p->nodes[0].null = true;
	p->nodes[0].start = p->nodes[0].end = p->doc->text.len;
	p->nodes[0].line = p->nodes[0].col = 1;
	p->n = 1;
}

int
hm_doc_parse(struct hm_arena *arena, struct hm_doc *doc, struct hm_node **ret,
    struct hm_errs *errs)
{
	struct parse p = { .arena = arena, .doc = doc, .errs = errs };
	size_t before = hm_errs_count(errs);
	struct hm_node *nodes;
	int r;

	r = run_parser(&p);
	if (r < 0) {
		free(p.nodes);
		return r;
	}
	if (p.n == 0 || (p.n == 1 && p.nodes[0].null))
		empty_root(&p);
	nodes = hm_alloc_array(arena, p.n, sizeof(nodes[0]));
	memcpy(nodes, p.nodes, p.n * sizeof(nodes[0]));
	free(p.nodes);
	p.nodes = nodes;
	link_nodes(&p);
	if (hm_errs_count(errs) > before)
		return -HM_ESYNTAX;
	*ret = nodes;
	return 0;
}

int
hm_node_parse(struct hm_arena *arena, const char *name, struct hm_str text,
    struct hm_node **ret, struct hm_errs *errs)
{
	struct hm_doc *doc;
	int r;

	r = hm_doc_new(arena, name, text, &doc, errs);
	if (r < 0)
		return r;
	return hm_doc_parse(arena, doc, ret, errs);
}

enum hm_node_kind
hm_node_kind(const struct hm_node *node)
{
	return node->kind;
}

struct hm_str
hm_node_text(const struct hm_node *node)
{
	return node->text;
}

size_t
hm_node_count(const struct hm_node *node)
{
	return node->n;
}

struct hm_node *
hm_node_at(const struct hm_node *node, size_t i)
{
	return i < node->n ? node->items[i] : NULL;
}

struct hm_str
hm_node_key(const struct hm_node *node, size_t i)
{
	if (i >= node->n || node->kind != HM_NODE_MAP)
		return (struct hm_str){ NULL, 0 };
	return hm_node_key_at(node, i)->text;
}

struct hm_node *
hm_node_get(const struct hm_node *map, const char *key)
{
	struct hm_str name = hm_str(key);
	size_t lo = 0, hi;

	if (map == NULL || map->kind != HM_NODE_MAP)
		return NULL;
	hi = map->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int d = hm_str_cmp(map->sorted[mid]->text, name);

		if (d == 0)
			return map->sorted[mid] + 1;
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}
