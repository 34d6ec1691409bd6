/* search_parse.c - search keys to nodes, with a stack of its own. */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/charset.h>
#include <hermod/str.h>

#include "envelope.h"
#include "search.h"

enum arg {
	ARG_NONE, ARG_TEXT, ARG_FIELD_TEXT, ARG_DATE, ARG_SIZE, ARG_SECONDS,
	ARG_UIDS, ARG_KEYWORD, ARG_MODSEQ, ARG_ADDRESS,
};

static const struct key_def {
	const char *name;
	enum imap_key key;
	enum arg arg;
	unsigned flags;
	const char *field;
} keys[] = {
	{ "ALL", IMAP_KEY_ALL, ARG_NONE, 0, NULL },
	{ "ANSWERED", IMAP_KEY_FLAGS, ARG_NONE, HM_FLAG_ANSWERED, NULL },
	{ "BCC", IMAP_KEY_HEADER, ARG_ADDRESS, 0, "Bcc" },
	{ "BEFORE", IMAP_KEY_BEFORE, ARG_DATE, 0, NULL },
	{ "BODY", IMAP_KEY_BODY, ARG_TEXT, 0, NULL },
	{ "CC", IMAP_KEY_HEADER, ARG_ADDRESS, 0, "Cc" },
	{ "DELETED", IMAP_KEY_FLAGS, ARG_NONE, HM_FLAG_DELETED, NULL },
	{ "DRAFT", IMAP_KEY_FLAGS, ARG_NONE, HM_FLAG_DRAFT, NULL },
	{ "FLAGGED", IMAP_KEY_FLAGS, ARG_NONE, HM_FLAG_FLAGGED, NULL },
	{ "FROM", IMAP_KEY_HEADER, ARG_ADDRESS, 0, "From" },
	{ "HEADER", IMAP_KEY_HEADER, ARG_FIELD_TEXT, 0, NULL },
	{ "KEYWORD", IMAP_KEY_KEYWORD, ARG_KEYWORD, 0, NULL },
	{ "LARGER", IMAP_KEY_LARGER, ARG_SIZE, 0, NULL },
	{ "MODSEQ", IMAP_KEY_MODSEQ, ARG_MODSEQ, 0, NULL },
	{ "NEW", IMAP_KEY_RECENT, ARG_NONE, HM_FLAG_SEEN, NULL },
	{ "OLD", IMAP_KEY_OLD, ARG_NONE, 0, NULL },
	{ "OLDER", IMAP_KEY_OLDER, ARG_SECONDS, 0, NULL },
	{ "ON", IMAP_KEY_ON, ARG_DATE, 0, NULL },
	{ "RECENT", IMAP_KEY_RECENT, ARG_NONE, 0, NULL },
	{ "SAVEDATESUPPORTED", IMAP_KEY_ALL, ARG_NONE, 0, NULL },
	{ "SAVEDBEFORE", IMAP_KEY_SAVEDBEFORE, ARG_DATE, 0, NULL },
	{ "SAVEDON", IMAP_KEY_SAVEDON, ARG_DATE, 0, NULL },
	{ "SAVEDSINCE", IMAP_KEY_SAVEDSINCE, ARG_DATE, 0, NULL },
	{ "SEEN", IMAP_KEY_FLAGS, ARG_NONE, HM_FLAG_SEEN, NULL },
	{ "SENTBEFORE", IMAP_KEY_SENTBEFORE, ARG_DATE, 0, NULL },
	{ "SENTON", IMAP_KEY_SENTON, ARG_DATE, 0, NULL },
	{ "SENTSINCE", IMAP_KEY_SENTSINCE, ARG_DATE, 0, NULL },
	{ "SINCE", IMAP_KEY_SINCE, ARG_DATE, 0, NULL },
	{ "SMALLER", IMAP_KEY_SMALLER, ARG_SIZE, 0, NULL },
	{ "SUBJECT", IMAP_KEY_HEADER, ARG_TEXT, 0, "Subject" },
	{ "TEXT", IMAP_KEY_TEXT, ARG_TEXT, 0, NULL },
	{ "TO", IMAP_KEY_HEADER, ARG_ADDRESS, 0, "To" },
	{ "UID", IMAP_KEY_UID, ARG_UIDS, 0, NULL },
	{ "UNANSWERED", IMAP_KEY_UNFLAGS, ARG_NONE, HM_FLAG_ANSWERED, NULL },
	{ "UNDELETED", IMAP_KEY_UNFLAGS, ARG_NONE, HM_FLAG_DELETED, NULL },
	{ "UNDRAFT", IMAP_KEY_UNFLAGS, ARG_NONE, HM_FLAG_DRAFT, NULL },
	{ "UNFLAGGED", IMAP_KEY_UNFLAGS, ARG_NONE, HM_FLAG_FLAGGED, NULL },
	{ "UNKEYWORD", IMAP_KEY_UNKEYWORD, ARG_KEYWORD, 0, NULL },
	{ "UNSEEN", IMAP_KEY_UNFLAGS, ARG_NONE, HM_FLAG_SEEN, NULL },
	{ "YOUNGER", IMAP_KEY_YOUNGER, ARG_SECONDS, 0, NULL },
};

static int
add_node(struct imap_parse *p, struct imap_search *s, enum imap_key key)
{
	struct imap_node *more;

	if (s->n == IMAP_SEARCH_NODES) {
		imap_p_fail(p, "fewer search keys");
		return -1;
	}
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 4 : 8;
		more = hm_alloc_array(s->arena, s->cap, sizeof(*more));
		if (s->n)
			memcpy(more, s->nodes, s->n * sizeof(*more));
		s->nodes = more;
	}
	s->nodes[s->n] = (struct imap_node){
		.key = key, .first_child = -1, .next = -1,
		.cost = key >= IMAP_KEY_BODY ? 2 : key >= IMAP_KEY_HEADER,
	};
	return (int)s->n++;
}

static bool
take_text(struct imap_parse *p, struct imap_node *leaf)
{
	if (!imap_p_sp(p) || !imap_p_astring(p, &leaf->text))
		return false;
	if (!hm_utf8_valid(leaf->text))
		return imap_p_fail(p, "well-formed text");
	if (leaf->text.len)
		leaf->needle = hm_search_new(p->arena, leaf->text);
	return true;
}

static bool
take_keyword(struct imap_parse *p, struct imap_node *leaf)
{
	bool un = leaf->key == IMAP_KEY_UNKEYWORD;

	if (!imap_p_sp(p) || !imap_p_flag(p, &leaf->flags, &leaf->text))
		return false;
	if (leaf->flags)
		leaf->key = un ? IMAP_KEY_UNFLAGS : IMAP_KEY_FLAGS;
	return true;
}

/* [entry name and type] number (RFC 7162, 3.1.5); all entries share one. */
static bool
take_modseq(struct imap_parse *p, struct imap_search *s, struct imap_node *leaf)
{
	struct hm_str entry;

	s->has_modseq = true;
	if (!imap_p_sp(p))
		return false;
	if (imap_p_peek(p) == '"') {
		if (!imap_p_string(p, &entry) || !imap_p_sp(p))
			return false;
		if (!imap_p_word(p, "priv") && !imap_p_word(p, "shared") &&
		    !imap_p_word(p, "all"))
			return imap_p_fail(p, "\"priv\", \"shared\" or \"all\"");
		if (!imap_p_sp(p))
			return false;
	}
	return imap_p_number63(p, &leaf->number);
}

static bool
take_arg(struct imap_parse *p, struct imap_search *s,
    const struct key_def *def, struct imap_node *leaf)
{
	uint32_t n;

	leaf->flags = def->flags;
	leaf->field = hm_str(def->field);
	switch (def->arg) {
	case ARG_NONE:
		return true;
	case ARG_FIELD_TEXT:
		return imap_p_sp(p) && imap_p_astring(p, &leaf->field) &&
		    take_text(p, leaf);
	case ARG_ADDRESS:
		leaf->addresses = true;
		leaf->envelope = imap_envelope_field(leaf->field);
		return take_text(p, leaf);
	case ARG_TEXT:
		leaf->envelope = imap_envelope_field(leaf->field);
		return take_text(p, leaf);
	case ARG_DATE:
		if (leaf->key >= IMAP_KEY_SENTBEFORE)
			leaf->envelope = IMAP_ENVELOPE_DATE;
		return imap_p_sp(p) && imap_p_date(p, &leaf->day);
	case ARG_SIZE:
		return imap_p_sp(p) && imap_p_number63(p, &leaf->number);
	case ARG_SECONDS:
		if (!imap_p_sp(p) || !imap_p_nznumber(p, &n))
			return false;
		leaf->number = n;
		return true;
	case ARG_UIDS:
		return imap_p_sp(p) && imap_p_seqset(p, &leaf->set);
	case ARG_KEYWORD:
		return take_keyword(p, leaf);
	case ARG_MODSEQ:
		return take_modseq(p, s, leaf);
	}
	return false;
}

/* Nodes that still wait for children. */
struct frame {
	int node, last;        /* its index, its last child */
	int left;              /* children wanted; -1: up to ")", -2: to the end */
};
struct stack {
	size_t n;
	struct frame at[IMAP_SEARCH_DEPTH];
};

static bool
push(struct imap_parse *p, struct stack *st, int node, int left)
{
	if (st->n == IMAP_SEARCH_DEPTH)
		return imap_p_fail(p, "less nesting");
	st->at[st->n++] = (struct frame){ node, -1, left };
	return true;
}

static void
link_child(struct imap_search *s, struct stack *st, int child)
{
	struct frame *top = &st->at[st->n - 1];

	if (top->last < 0)
		s->nodes[top->node].first_child = child;
	else
		s->nodes[top->last].next = child;
	top->last = child;
}

/* One key, as far as it goes without its children; *ret_group when some are to
 * follow. */
static bool
take_key(struct imap_parse *p, struct imap_search *s, struct stack *st,
    bool *ret_group)
{
	int c = imap_p_peek(p), i, left = 0;
	const char *from = p->p;
	struct hm_str name;
	size_t k;

	i = add_node(p, s, IMAP_KEY_AND);
	if (i < 0)
		return false;
	link_child(s, st, i);
	*ret_group = true;
	if (imap_p_maybe(p, '('))
		return push(p, st, i, -1);
	*ret_group = false;
	if ((c >= '0' && c <= '9') || c == '*' || c == '$') {
		s->nodes[i].key = IMAP_KEY_SEQ;
		s->has_seq = true;
		return imap_p_seqset(p, &s->nodes[i].set);
	}
	if (!imap_p_name(p, &name))
		return imap_p_fail(p, "a search key");
	if (hm_str_caseis(name, "NOT")) {
		s->nodes[i].key = IMAP_KEY_NOT;
		left = 1;
	} else if (hm_str_caseis(name, "OR")) {
		s->nodes[i].key = IMAP_KEY_OR;
		left = 2;
	}
	if (left) {
		*ret_group = true;
		return imap_p_sp(p) && push(p, st, i, left);
	}
	for (k = 0; k < HM_ARRAY_LEN(keys); k++)
		if (hm_str_caseis(name, keys[k].name))
			break;
	if (k == HM_ARRAY_LEN(keys)) {
		p->p = from;
		return imap_p_fail(p, "a search key");
	}
	s->nodes[i].key = keys[k].key;
	s->nodes[i].cost = keys[k].key >= IMAP_KEY_BODY ? 2 :
	    keys[k].key >= IMAP_KEY_HEADER;
	return take_arg(p, s, &keys[k], &s->nodes[i]);
}

/* A key is complete: so may be those around it. *ret_done at the very end. */
static bool
close_groups(struct imap_parse *p, struct stack *st, bool *ret_done)
{
	struct frame *top;

	*ret_done = false;
	while (st->n) {
		top = &st->at[st->n - 1];
		if (top->left > 0) {
			if (--top->left)
				return imap_p_sp(p);
		} else if (top->left == -1) {
			if (!imap_p_maybe(p, ')'))
				return imap_p_sp(p);
		} else if (p->p != p->end) {
			return imap_p_sp(p);
		}
		st->n--;
	}
	*ret_done = true;
	return true;
}

bool
imap_p_search(struct imap_parse *p, struct imap_search *ret)
{
	struct imap_search s = { .arena = p->arena };
	struct stack st = { 0 };
	bool group, finished = false;
	int top = add_node(p, &s, IMAP_KEY_AND);

	push(p, &st, top, -2);
	while (!finished) {
		if (!take_key(p, &s, &st, &group))
			return false;
		if (!group && !close_groups(p, &st, &finished))
			return false;
	}
	*ret = s;
	return true;
}
