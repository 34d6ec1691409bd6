/* node.h - a parsed YAML document from the inside.
 *
 * Nodes lie in one array in the order of the text, a map's key directly before
 * its value; a node and its descendants are therefore the run node[0..skip-1],
 * and nothing that walks a tree needs recursion.
 */
#ifndef HM_CONF_NODE_H
#define HM_CONF_NODE_H

#include <hermod/conf.h>

enum {
	HM_NODE_MAX_BYTES = 16 * 1024 * 1024,
	HM_NODE_MAX_DEPTH = 32,
	HM_NODE_MAX_NODES = 100000,
};

/* Bytes of a document that no message may show. */
struct hm_mask {
	struct hm_mask *next;
	size_t start, end;
};

struct hm_doc {
	const char *name;      /* for messages */
	const char *dir;       /* absolute folder that relative paths start from */
	struct hm_str text;    /* whole, with its byte order mark if any */
	size_t bom;            /* length of the byte order mark: 0 or 3 */
	unsigned mode;         /* permissions of the file, 0 when there is none */
	size_t *lines;         /* where each line begins */
	size_t nlines;
	size_t *chars;         /* bytes before each HM_DOC_STEP-th character, or
	                        * NULL when all of it is ASCII */
	size_t nchars;
	struct hm_mask *masks;
};

struct hm_node {
	enum hm_node_kind kind;
	bool flow;             /* {…} or […]; false for scalars */
	bool plain;            /* a scalar without quotes, not a block */
	bool block;            /* a scalar of the forms | and > */
	bool null;             /* nothing, ~ or null: "not set" */
	unsigned line, col;    /* from 1, col in bytes */
	size_t start, end;     /* its bytes in doc->text */
	size_t skip;           /* nodes of the run, itself included */
	size_t n;              /* list: elements; map: pairs */
	struct hm_str text;
	struct hm_doc *doc;
	struct hm_node **items;  /* the n elements or values */
	struct hm_node **sorted; /* map: the n keys in byte order */
};

/* Checks size and encoding, copies the text, finds the lines. */
int hm_doc_new(struct hm_arena *arena, const char *name, struct hm_str text,
    struct hm_doc **ret, struct hm_errs *errs);
/* libyaml counts characters; this turns its count into a byte offset. */
size_t hm_doc_offset(const struct hm_doc *doc, size_t chars);
void hm_doc_place(const struct hm_doc *doc, size_t offset, unsigned *ret_line,
    unsigned *ret_col);
/* The bounds of the line that offset lies in; its end excludes CR and LF. */
void hm_doc_line(const struct hm_doc *doc, size_t offset, size_t *ret_start,
    size_t *ret_end);
void hm_doc_mask(struct hm_arena *arena, struct hm_doc *doc, size_t start,
    size_t end);

/* Reads a document that is already checked. */
int hm_doc_parse(struct hm_arena *arena, struct hm_doc *doc,
    struct hm_node **ret, struct hm_errs *errs);

static inline struct hm_node *
hm_node_key_at(const struct hm_node *map, size_t i)
{
	return map->items[i] - 1;
}
/* Whether both hold the same, whatever their style; nothing and an empty map
 * are the same. */
bool hm_node_same(const struct hm_node *a, const struct hm_node *b);
/* The node on one line: {a: b, c: [d]}. */
void hm_node_put_flow(struct hm_buf *out, const struct hm_node *node);

#endif
