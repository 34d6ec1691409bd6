/* edit-remove.c - which bytes go when a value is removed. */
#include <hermod/str.h>

#include "edit.h"

static bool
blank(const struct hm_doc *doc, size_t from, size_t to)
{
	for (; from < to; from++) {
		if (doc->text.p[from] != ' ' && doc->text.p[from] != '\t')
			return false;
	}
	return true;
}

/* Its lines, from the name to the last one of the value. */
static void
remove_lines(struct hm_edit *e)
{
	const struct hm_node *key = e->at - 1;
	size_t start = hm_edit_line_start(e->doc, key->start);

	if (blank(e->doc, start, key->start))
		hm_edit_replace(e, start, hm_edit_next_line(e->doc, e->at->end),
		    HM_STR(""));
	else
		hm_edit_replace(e, key->start, e->at->end, HM_STR(""));
}

static size_t
comma_behind(const struct hm_doc *doc, size_t at)
{
	size_t comma = hm_edit_skip_space(doc, at);

	return comma < doc->text.len && doc->text.p[comma] == ',' ? comma + 1 :
	    at;
}

/* A pair in braces goes with the comma behind it; the last one with the comma
 * before it, unless a comment stands between. */
static void
remove_pair(struct hm_edit *e)
{
	const struct hm_doc *doc = e->doc;
	const struct hm_node *map = e->parent, *key = e->at - 1;
	size_t start = key->start, end = comma_behind(doc, e->at->end);
	size_t line = hm_edit_line_start(doc, start);
	size_t next = hm_edit_skip_space(doc, end);

	if (blank(doc, line, start) && next >= hm_edit_next_line(doc, end)) {
		/* It has its lines to itself. */
		start = line;
		end = hm_edit_next_line(doc, end);
	} else if (e->at != map->items[map->n - 1]) {
		while (end < doc->text.len && doc->text.p[end] == ' ')
			end++;
	} else if (map->n > 1) {
		size_t before = map->items[map->n - 2]->end;

		if (comma_behind(doc, before) > before && blank(doc,
		    comma_behind(doc, before), start))
			start = before;
	}
	hm_edit_replace(e, start, end, HM_STR(""));
}

void
hm_edit_remove(struct hm_edit *e)
{
	if (e->parent->flow)
		remove_pair(e);
	else
		remove_lines(e);
}
