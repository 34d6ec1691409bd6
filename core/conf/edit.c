/* edit.c - one value of a document replaced, added or removed.
 *
 * An edit is a few replacements of byte ranges; all other bytes stay. What
 * comes out is read again and compared with what should have come out, so that
 * an unforeseen way of writing YAML ends in an error and never in a damaged
 * file.
 */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "edit.h"

void
hm_edit_replace(struct hm_edit *e, size_t start, size_t end, struct hm_str text)
{
	e->parts[e->n].start = start;
	e->parts[e->n].end = end;
	e->parts[e->n].text = text;
	e->n++;
}

/* Whether the replacements are in order; for forms of YAML that were not
 * thought of they may not be. */
static bool
in_order(const struct hm_edit *e)
{
	size_t at = 0;

	for (size_t i = 0; i < e->n; i++) {
		if (e->parts[i].start < at || e->parts[i].end < e->parts[i].start ||
		    e->parts[i].end > e->doc->text.len)
			return false;
		at = e->parts[i].end;
	}
	return true;
}

/* Carries out the replacements. The unchanged text is an answer, too: it is not
 * what was wanted and will be found out. */
static struct hm_str
apply(const struct hm_edit *e)
{
	struct hm_str text = e->doc->text, ret;
	struct hm_buf out = { 0 };
	size_t at = 0;

	if (!in_order(e))
		return text;
	for (size_t i = 0; i < e->n; i++) {
		hm_buf_add(&out, text.p + at, e->parts[i].start - at);
		hm_buf_str(&out, e->parts[i].text);
		at = e->parts[i].end;
	}
	hm_buf_add(&out, text.p + at, text.len - at);
	ret = hm_str_dup(e->arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return ret;
}

/* The first mistake of a list as the error of an edit. */
static int
first_error(const struct hm_errs *errs, struct hm_err *reterr)
{
	const struct hm_err *err = hm_errs_at(errs, 0, NULL);

	if (reterr != NULL && err != NULL)
		*reterr = *err;
	return err != NULL ? err->code : -HM_ESYNTAX;
}

/* Whether every pair of old but the one named is in new, unchanged and in the
 * same order, and new has no further pair but, perhaps, the one named. */
static bool
others_same(const struct hm_node *old, const struct hm_node *new,
    struct hm_str name)
{
	size_t i = 0, k = 0;

	for (;;) {
		while (i < old->n && hm_str_eq(hm_node_key(old, i), name))
			i++;
		while (k < new->n && hm_str_eq(hm_node_key(new, k), name))
			k++;
		if (i == old->n || k == new->n)
			return i == old->n && k == new->n;
		if (!hm_str_eq(hm_node_key(old, i), hm_node_key(new, k)) ||
		    !hm_node_same(old->items[i], new->items[k]))
			return false;
		i++;
		k++;
	}
}

/* Whether new is old with the edit's value at its path. */
static bool
is_as_wanted(const struct hm_edit *e, const struct hm_node *old,
    const struct hm_node *new)
{
	/* What was no map (nothing) before the edit had no pairs. */
	static const struct hm_node empty = { .kind = HM_NODE_MAP, .skip = 1 };

	for (size_t i = 0; e->path[i] != NULL; i++) {
		if (old == NULL || old->kind != HM_NODE_MAP)
			old = &empty;
		if (new->kind != HM_NODE_MAP)
			return e->value == NULL && new->null &&
			    others_same(old, &empty, hm_str(e->path[i]));
		if (!others_same(old, new, hm_str(e->path[i])))
			return false;
		old = hm_node_get(old, e->path[i]);
		new = hm_node_get(new, e->path[i]);
		if (new == NULL)
			return e->value == NULL && e->path[i + 1] == NULL;
	}
	return e->value != NULL && hm_node_same(new, e->value);
}

static int
verify(const struct hm_edit *e, struct hm_str text, struct hm_err *reterr)
{
	struct hm_errs *errs = hm_errs_new(e->arena);
	struct hm_node *root;

	if (hm_node_parse(e->arena, "text after the edit", text, &root, errs) < 0 ||
	    !is_as_wanted(e, e->root, root))
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "\"%s\" cannot be changed here without touching other parts "
		    "of the file; edit it by hand", e->path[0]);
	return 0;
}

/* Walks down the path as far as it exists. */
static int
find(struct hm_edit *e, struct hm_err *reterr)
{
	struct hm_node *node = e->root, *child;

	for (;;) {
		if (node->kind == HM_NODE_SCALAR && node->null)
			break;
		if (node->kind != HM_NODE_MAP)
			return hm_err_set(reterr, -HM_EINVAL,
			    "\"%s\" cannot be set: what is above it is not a map",
			    e->path[e->depth]);
		child = hm_node_get(node, e->path[e->depth]);
		if (child == NULL)
			break;
		e->in_flow |= node->flow;
		e->parent = node;
		node = child;
		e->depth++;
		if (e->path[e->depth] == NULL)
			break;
	}
	e->at = node;
	return 0;
}

static int
start(struct hm_edit *e, struct hm_arena *arena, struct hm_str text,
    const char *const *path, const char *value, struct hm_err *reterr)
{
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_doc *doc;

	*e = (struct hm_edit){ .arena = arena, .path = path };
	if (path[0] == NULL)
		return hm_err_set(reterr, -HM_EINVAL, "no name was given");
	for (size_t i = 0; path[i] != NULL; i++) {
		if (i == HM_NODE_MAX_DEPTH || path[i][0] == '\0')
			return hm_err_set(reterr, -HM_EINVAL,
			    "the names of what to change make no sense");
	}
	if (hm_doc_new(arena, "text", text, &doc, errs) < 0 ||
	    hm_doc_parse(arena, doc, &e->root, errs) < 0)
		return first_error(errs, reterr);
	e->doc = doc;
	if (value != NULL) {
		e->text = hm_str(value);
		if (hm_node_parse(arena, "value", e->text, &e->value, errs) < 0)
			return first_error(errs, reterr);
	}
	return find(e, reterr);
}

int
hm_node_edit(struct hm_arena *arena, struct hm_str text, const char *const *path,
    const char *value, struct hm_str *ret, struct hm_err *reterr)
{
	struct hm_str after;
	struct hm_edit e;
	int r;

	r = start(&e, arena, text, path, value, reterr);
	if (r < 0)
		return r;
	if (e.path[e.depth] != NULL && value == NULL)
		return hm_err_set(reterr, -HM_ENOENT, "there is no \"%s\"",
		    e.path[e.depth]);
	if (value == NULL)
		hm_edit_remove(&e);
	else
		hm_edit_set(&e);
	after = apply(&e);
	r = verify(&e, after, reterr);
	if (r < 0)
		return r;
	*ret = after;
	return 0;
}
