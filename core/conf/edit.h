/* edit.h - the parts of an edit share what they know about it. */
#ifndef HM_CONF_EDIT_H
#define HM_CONF_EDIT_H

#include "node.h"

struct hm_edit {
	struct hm_arena *arena;
	const struct hm_doc *doc;
	struct hm_node *root;
	const char *const *path;
	struct hm_str text;       /* the new value as given */
	struct hm_node *value;    /* and as read; NULL: remove */
	struct hm_node *at;       /* the deepest node on the path that exists */
	struct hm_node *parent;   /* the map it is in; NULL for the root */
	size_t depth;             /* names of the path that exist */
	bool in_flow;             /* some map above at is written in braces */
	struct {
		size_t start, end;
		struct hm_str text;
	} parts[4];               /* in order of place, not overlapping */
	size_t n;
};

void hm_edit_replace(struct hm_edit *e, size_t start, size_t end,
    struct hm_str text);
/* These decide about the parts. */
void hm_edit_set(struct hm_edit *e);
void hm_edit_remove(struct hm_edit *e);

/* Skips blanks, line breaks, comments. */
size_t hm_edit_skip_space(const struct hm_doc *doc, size_t at);
/* Behind the line break that ends the line of at (or the end of the text). */
size_t hm_edit_next_line(const struct hm_doc *doc, size_t at);
size_t hm_edit_line_start(const struct hm_doc *doc, size_t at);

#endif
