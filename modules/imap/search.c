/* search.c - binding a search to a mailbox, and judging messages. */
#include <hermod/arena.h>
#include <hermod/str.h>

#include "search.h"

static bool
is_group(const struct imap_node *node)
{
	return node->key <= IMAP_KEY_NOT;
}

/* Children in order of their cost; within a cost as they were written. */
static void
order_children(struct imap_search *s, struct imap_node *node)
{
	int head[3] = { -1, -1, -1 }, tail[3] = { -1, -1, -1 };
	int i, next, cost, last = -1;

	for (i = node->first_child; i >= 0; i = next) {
		next = s->nodes[i].next;
		s->nodes[i].next = -1;
		cost = s->nodes[i].cost;
		if (tail[cost] < 0)
			head[cost] = i;
		else
			s->nodes[tail[cost]].next = i;
		tail[cost] = i;
	}
	node->first_child = -1;
	for (cost = 0; cost < 3; cost++) {
		if (head[cost] < 0)
			continue;
		if (last < 0)
			node->first_child = head[cost];
		else
			s->nodes[last].next = head[cost];
		last = tail[cost];
	}
}

/* The leaf at which judging a node begins. Kept in on_true until that is set,
 * because children come behind their parents in the array. */
static void
find_entries(struct imap_search *s)
{
	size_t i;
	int c;

	for (i = s->n; i-- > 0;) {
		struct imap_node *node = &s->nodes[i];

		node->on_true = (int)i;
		if (!is_group(node))
			continue;
		node->cost = 0;
		for (c = node->first_child; c >= 0; c = s->nodes[c].next)
			if (s->nodes[c].cost > node->cost)
				node->cost = s->nodes[c].cost;
		order_children(s, node);
		node->on_true = s->nodes[node->first_child].on_true;
	}
	s->first_leaf = s->nodes[0].on_true;
}

/* Gives the children of a group their ways on, from its own. Entries of later
 * siblings are read before they are overwritten, since siblings are visited in
 * order and a node's own children later. */
static void
thread_children(struct imap_search *s, const struct imap_node *node, int yes,
    int no)
{
	int c, next, then;

	for (c = node->first_child; c >= 0; c = next) {
		next = s->nodes[c].next;
		then = next >= 0 ? s->nodes[next].on_true : 0;
		switch (node->key) {
		case IMAP_KEY_NOT:
			s->nodes[c].on_true = no;
			s->nodes[c].on_false = yes;
			break;
		case IMAP_KEY_OR:
			s->nodes[c].on_true = yes;
			s->nodes[c].on_false = next >= 0 ? then : no;
			break;
		default:
			s->nodes[c].on_true = next >= 0 ? then : yes;
			s->nodes[c].on_false = no;
		}
	}
}

static void
bind_leaf(struct imap_search *s, struct imap_node *leaf,
    const struct imap_search_bind *to)
{
	size_t i;

	switch (leaf->key) {
	case IMAP_KEY_SEQ:
		if (leaf->set.saved)
			leaf->range = to->saved_seqs;
		else
			imap_seqset_resolve(&leaf->set, to->messages, s->arena,
			    &leaf->range);
		break;
	case IMAP_KEY_UID:
		if (leaf->set.saved)
			leaf->range = to->saved_uids;
		else
			imap_seqset_resolve(&leaf->set, to->last_uid, s->arena,
			    &leaf->range);
		break;
	case IMAP_KEY_RECENT:
	case IMAP_KEY_OLD:
		leaf->range = to->recent;
		break;
	case IMAP_KEY_KEYWORD:
	case IMAP_KEY_UNKEYWORD:
		leaf->number = 0;
		for (i = 0; i < to->nkeywords && i < 64; i++)
			if (hm_str_caseeq(to->keywords[i], leaf->text))
				leaf->number = UINT64_C(1) << i;
		break;
	default:
		break;
	}
}

void
imap_search_bind(struct imap_search *s, const struct imap_search_bind *to)
{
	size_t i;

	s->now_s = to->now_s;
	find_entries(s);
	s->nodes[0].on_true = IMAP_SAYS_YES;
	s->nodes[0].on_false = IMAP_SAYS_NO;
	for (i = 0; i < s->n; i++) {
		if (is_group(&s->nodes[i]))
			thread_children(s, &s->nodes[i], s->nodes[i].on_true,
			    s->nodes[i].on_false);
		else
			bind_leaf(s, &s->nodes[i], to);
	}
}

static bool
day_matches(enum imap_key how, enum imap_key before, int64_t day, int64_t wanted)
{
	/* The three keys of a kind follow each other: before, on, since. */
	switch ((int)how - (int)before) {
	case 0:
		return day < wanted;
	case 1:
		return day == wanted;
	default:
		return day >= wanted;
	}
}

/* Days since 1970 in UTC, the zone in which INTERNALDATE is told. */
static int64_t
day_of(int64_t unix_s)
{
	return unix_s >= 0 ? unix_s / 86400 : (unix_s - 86399) / 86400;
}

static bool
hot_matches(const struct imap_search *s, const struct imap_node *leaf,
    const struct hm_entry *e, uint32_t seq)
{
	switch (leaf->key) {
	case IMAP_KEY_ALL:
		return true;
	case IMAP_KEY_RECENT:
		return (e->flags & leaf->flags) == 0 &&
		    hm_uidset_has(&leaf->range, e->uid);
	case IMAP_KEY_OLD:
		return !hm_uidset_has(&leaf->range, e->uid);
	case IMAP_KEY_FLAGS:
		return (e->flags & leaf->flags) == leaf->flags;
	case IMAP_KEY_UNFLAGS:
		return (e->flags & leaf->flags) == 0;
	case IMAP_KEY_KEYWORD:
		return (e->keywords & leaf->number) != 0;
	case IMAP_KEY_UNKEYWORD:
		return (e->keywords & leaf->number) == 0;
	case IMAP_KEY_SEQ:
		return hm_uidset_has(&leaf->range, seq);
	case IMAP_KEY_UID:
		return hm_uidset_has(&leaf->range, e->uid);
	case IMAP_KEY_LARGER:
		return e->size > leaf->number;
	case IMAP_KEY_SMALLER:
		return e->size < leaf->number;
	case IMAP_KEY_BEFORE:
	case IMAP_KEY_ON:
	case IMAP_KEY_SINCE:
		return day_matches(leaf->key, IMAP_KEY_BEFORE,
		    day_of(e->received), leaf->day);
	case IMAP_KEY_SAVEDBEFORE:
	case IMAP_KEY_SAVEDON:
	case IMAP_KEY_SAVEDSINCE:
		return day_matches(leaf->key, IMAP_KEY_SAVEDBEFORE,
		    day_of(e->saved), leaf->day);
	case IMAP_KEY_OLDER:
		return e->received <= s->now_s - (int64_t)leaf->number;
	case IMAP_KEY_YOUNGER:
		return e->received >= s->now_s - (int64_t)leaf->number;
	case IMAP_KEY_MODSEQ:
		return e->modseq >= leaf->number;
	default:
		return false;
	}
}

static int
text_matches(const struct imap_node *leaf, const struct imap_text_ops *ops,
    void *text)
{
	int64_t day;
	int r;

	switch (leaf->key) {
	case IMAP_KEY_HEADER:
		return ops->header(text, leaf);
	case IMAP_KEY_BODY:
	case IMAP_KEY_TEXT:
		return ops->body(text, leaf);
	default:
		r = ops->sent_day(text, leaf, &day);
		return r <= 0 ? r :
		    day_matches(leaf->key, IMAP_KEY_SENTBEFORE, day, leaf->day);
	}
}

int
imap_search_eval(const struct imap_search *s, const struct hm_entry *e,
    uint32_t seq, const struct imap_text_ops *ops, void *text)
{
	const struct imap_node *leaf;
	int i = s->first_leaf, yes;

	while (i >= 0) {
		leaf = &s->nodes[i];
		if (leaf->key < IMAP_KEY_HEADER)
			yes = hot_matches(s, leaf, e, seq);
		else if (ops)
			yes = text_matches(leaf, ops, text);
		else
			return -1;
		if (yes < 0)
			return yes;
		i = yes ? leaf->on_true : leaf->on_false;
	}
	return i == IMAP_SAYS_YES;
}
