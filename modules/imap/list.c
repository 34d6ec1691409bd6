/* list.c - LIST and LSUB (RFC 9051, 6.3.9; RFC 5258; RFC 5819; RFC 6154). */
#include <stdlib.h>
#include <string.h>

#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/charset.h>
#include <hermod/fiber.h>

#include "imap.h"
#include "match.h"

enum { PATTERNS_MAX = 100, TURN = 128 };   /* names, before others have theirs */

struct list {
	struct imap_cmd *c;
	bool lsub;
	/* What is selected. */
	bool subscribed, recursive, special_use;
	/* What is told besides. */
	bool tell_subscribed, tell_uses;
	struct imap_status status;     /* no items: none */
	bool extended;                 /* any of the syntax of RFC 5258 */
	bool all_empty;                /* LIST "" "" asks for the delimiter */
	size_t n;
	struct hm_str patterns[PATTERNS_MAX];
	struct hm_str upper[PATTERNS_MAX]; /* the same in capitals, for INBOX */

	const struct hm_mailboxes *all;
	size_t nfound, cap;
	struct found *found;
};

struct found {
	struct hm_str name;
	const struct hm_mailbox *box;  /* NULL: there is none of that name */
	bool subscribed;
	bool childinfo;                /* it has a subscribed descendant, */
	bool needed;                   /* and nothing else tells of that */
};

/* Reference and pattern, as UTF-8 in NFC; false: it can match nothing. */
static bool
decode_pattern(struct imap_cmd *c, struct hm_str reference,
    struct hm_str pattern, struct hm_str *ret)
{
	struct hm_buf utf8 = { 0 };
	struct hm_str text;
	bool good = true;

	text = hm_str(hm_printf(c->arena, "%.*s%.*s", HM_FMT(reference),
	    HM_FMT(pattern)));
	if (!imap_utf8(c->s)) {
		good = hm_str_ascii(text) && hm_mutf7_decode(&utf8, text) == 0;
		text = hm_str_dup(c->arena, hm_buf_view(&utf8));
		hm_buf_release(&utf8);
	}
	return good && hm_utf8_nfc(c->arena, text, ret) == 0;
}

static struct hm_str
capitals(struct hm_arena *arena, struct hm_str s)
{
	char *p = hm_strndup(arena, s.p, s.len);
	size_t i;

	for (i = 0; i < s.len; i++)
		if (p[i] >= 'a' && p[i] <= 'z')
			p[i] = (char)(p[i] - 'a' + 'A');
	return hm_str_n(p, s.len);
}

static void
add_pattern(struct list *l, struct hm_str reference, struct hm_str pattern)
{
	struct hm_arena *arena = l->c->arena;
	struct hm_str text;

	if (!decode_pattern(l->c, reference, pattern, &text))
		return;
	/* "inbox/%" is "INBOX/%". */
	if (hm_str_casestarts(text, HM_STR("INBOX/")))
		text = hm_str(hm_printf(arena, "INBOX%.*s",
		    (int)(text.len - 5), text.p + 5));
	l->patterns[l->n] = text;
	l->upper[l->n] = capitals(arena, text);
	l->n++;
}

static bool
take_selection(struct list *l)
{
	struct imap_parse *p = &l->c->p;

	if (!imap_p_maybe(p, '('))
		return true;
	l->extended = true;
	if (imap_p_maybe(p, ')'))
		return imap_p_sp(p);
	do {
		if (imap_p_word(p, "SUBSCRIBED"))
			l->subscribed = l->tell_subscribed = true;
		else if (imap_p_word(p, "RECURSIVEMATCH"))
			l->recursive = true;
		else if (imap_p_word(p, "SPECIAL-USE"))
			l->special_use = true;
		else if (!imap_p_word(p, "REMOTE"))
			return imap_p_fail(p, "a selection option");
	} while (imap_p_maybe(p, ' '));
	if (l->recursive && !l->subscribed)
		return imap_p_fail(p, "another option with RECURSIVEMATCH");
	return imap_p_char(p, ')') && imap_p_sp(p);
}

static bool
take_patterns(struct list *l)
{
	struct imap_parse *p = &l->c->p;
	struct hm_str reference, pattern;
	bool many;

	if (!imap_p_astring(p, &reference) || !imap_p_sp(p))
		return false;
	many = imap_p_maybe(p, '(');
	l->extended |= many;
	do {
		if (!imap_p_pattern(p, &pattern))
			return false;
		if (l->n == PATTERNS_MAX)
			return imap_p_fail(p, "fewer patterns");
		l->all_empty = pattern.len == 0;
		add_pattern(l, reference, pattern);
	} while (many && imap_p_maybe(p, ' '));
	return !many || imap_p_char(p, ')');
}

/* " RETURN (CHILDREN STATUS (MESSAGES))" */
static bool
take_return(struct list *l)
{
	struct imap_parse *p = &l->c->p;

	if (p->p == p->end)
		return true;
	l->extended = true;
	if (!imap_p_sp(p) || !imap_p_word(p, "RETURN"))
		return imap_p_fail(p, "RETURN");
	if (!imap_p_sp(p) || !imap_p_char(p, '('))
		return false;
	if (imap_p_maybe(p, ')'))
		return imap_p_end(p);
	do {
		if (imap_p_word(p, "SUBSCRIBED"))
			l->tell_subscribed = true;
		else if (imap_p_word(p, "SPECIAL-USE"))
			l->tell_uses = true;
		else if (imap_p_word(p, "STATUS")) {
			if (!imap_p_sp(p) || !imap_p_status(p, &l->status))
				return false;
		} else if (!imap_p_word(p, "CHILDREN"))
			return imap_p_fail(p, "a return option");
	} while (imap_p_maybe(p, ' '));
	return imap_p_char(p, ')') && imap_p_end(p);
}

static bool
matches(const struct list *l, struct hm_str name)
{
	bool inbox = hm_str_is(name, "INBOX");
	size_t i;

	for (i = 0; i < l->n; i++)
		if (imap_match(l->patterns[i], name) ||
		    (inbox && imap_match(l->upper[i], name)))
			return true;
	return false;
}

static struct found *
add_found(struct list *l, struct hm_str name, const struct hm_mailbox *box)
{
	struct found *more;

	if (l->nfound == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 32;
		more = hm_alloc_array(l->c->arena, l->cap, sizeof(*more));
		if (l->nfound)
			memcpy(more, l->found, l->nfound * sizeof(*more));
		l->found = more;
	}
	l->found[l->nfound] = (struct found){ .name = name, .box = box };
	return &l->found[l->nfound++];
}

/* Ancestors of a subscribed name that match. */
static void
find_ancestors(struct list *l, struct hm_str name, bool needed)
{
	struct found *f;
	struct hm_str up;
	size_t i;

	for (i = name.len; i-- > 1;) {
		if (name.p[i] != '/')
			continue;
		up = hm_str_take(name, i);
		if (!matches(l, up))
			continue;
		f = add_found(l, up, hm_mailboxes_find(l->all, up));
		f->childinfo = true;
		f->needed = needed;
	}
}

static HM_FIBER void
find_subscribed(struct list *l)
{
	const struct hm_mailbox *box;
	struct hm_str name;
	size_t i;
	bool match;

	for (i = 0; i < l->all->nsubscribed; i++) {
		if (i % TURN == TURN - 1)
			hm_yield();
		name = l->all->subscribed[i];
		box = hm_mailboxes_find(l->all, name);
		if (l->special_use && !(box && box->special_use))
			continue;
		match = matches(l, name);
		if (match)
			add_found(l, name, box)->subscribed = true;
		/* LSUB "" "%" tells of "a" when only "a/b" is subscribed
		 * (RFC 3501, 6.3.9). */
		if (l->recursive || (l->lsub && !match))
			find_ancestors(l, name, !match);
	}
}

static HM_FIBER void
find_all(struct list *l)
{
	const struct hm_mailbox *box;
	struct found *f;
	size_t i;

	for (i = 0; i < l->all->n; i++) {
		if (i % TURN == TURN - 1)
			hm_yield();
		box = l->all->at[i];
		if ((l->special_use && !box->special_use) ||
		    !matches(l, box->name))
			continue;
		f = add_found(l, box->name, box);
		f->subscribed = l->tell_subscribed &&
		    hm_mailboxes_subscribed(l->all, box->name);
	}
}

static bool
under_inbox(struct hm_str name)
{
	return hm_str_starts(name, HM_STR("INBOX")) &&
	    (name.len == 5 || name.p[5] == '/');
}

/* The order of hm_mailboxes: INBOX and what is below it, then by bytes. */
static int
name_order(struct hm_str a, struct hm_str b)
{
	bool ia = under_inbox(a), ib = under_inbox(b);

	return ia != ib ? (ia ? -1 : 1) : hm_str_cmp(a, b);
}

static int
by_name(const void *a, const void *b)
{
	const struct found *fa = a, *fb = b;

	return name_order(fa->name, fb->name);
}

static void
merge_found(struct list *l)
{
	size_t i, n = 0;

	if (l->nfound == 0)
		return;
	qsort(l->found, l->nfound, sizeof(*l->found), by_name);
	for (i = 1; i < l->nfound; i++) {
		if (hm_str_eq(l->found[i].name, l->found[n].name)) {
			l->found[n].subscribed |= l->found[i].subscribed;
			l->found[n].childinfo |= l->found[i].childinfo;
			l->found[n].needed |= l->found[i].needed;
		} else {
			l->found[++n] = l->found[i];
		}
	}
	l->nfound = n + 1;
}

/* Whether some mailbox's name begins with name and "/". */
static bool
has_children(struct list *l, struct hm_str name)
{
	struct hm_str prefix = hm_str(hm_printf(l->c->arena, "%.*s/",
	    HM_FMT(name)));
	size_t low = 0, high = l->all->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (name_order(l->all->at[mid]->name, prefix) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->all->n && hm_str_starts(l->all->at[low]->name, prefix);
}

static void
put_attribute(struct hm_buf *out, const char *name, bool *first)
{
	if (!*first)
		hm_buf_putc(out, ' ');
	*first = false;
	hm_buf_puts(out, name);
}

static void
put_found(struct list *l, const struct found *f)
{
	struct imap *s = l->c->s;
	struct hm_buf *out = &s->out;
	bool first = true;

	hm_buf_puts(out, l->lsub ? "* LSUB (" : "* LIST (");
	if (l->lsub && !f->subscribed)
		put_attribute(out, "\\Noselect", &first);
	else if (!f->box && !l->lsub)
		put_attribute(out, "\\NonExistent", &first);
	if (f->subscribed && l->tell_subscribed)
		put_attribute(out, "\\Subscribed", &first);
	if (!l->lsub)
		put_attribute(out, has_children(l, f->name) ?
		    "\\HasChildren" : "\\HasNoChildren", &first);
	if (f->box && !l->lsub)
		imap_put_special_use(out, f->box->special_use, &first);
	hm_buf_puts(out, ") \"/\" ");
	imap_put_mailbox(out, f->name, imap_utf8(s));
	if (l->recursive && f->childinfo)
		hm_buf_puts(out, " (\"CHILDINFO\" (\"SUBSCRIBED\"))");
	hm_buf_puts(out, "\r\n");
	if (l->status.n && f->box)
		imap_put_status(s, f->box, &l->status);
	imap_pump(s);
}

/* A name found for its descendants alone, all of which are told
 * (RFC 5258, 3.5). */
static bool
is_redundant(const struct found *f)
{
	return f->childinfo && !f->subscribed && !f->needed;
}

static void
run(struct list *l)
{
	struct imap *s = l->c->s;
	struct hm_mailboxes *all = s->srv->store->ops->mailboxes(s->acc);
	size_t i;

	l->all = all;
	if (l->status.has_modseq)
		imap_enable_condstore(s);
	if (l->lsub || l->subscribed)
		find_subscribed(l);
	else
		find_all(l);
	merge_found(l);
	for (i = 0; i < l->nfound && !s->broken; i++)
		if (!is_redundant(&l->found[i]))
			put_found(l, &l->found[i]);
	hm_mailboxes_unref(all);
	imap_ok(l->c, "done");
}

void
imap_cmd_list(struct imap_cmd *c)
{
	struct list *l = hm_alloc(c->arena, sizeof(*l));

	l->c = c;
	if (!imap_p_sp(&c->p) || !take_selection(l) || !take_patterns(l) ||
	    !take_return(l)) {
		imap_bad_syntax(c);
		return;
	}
	if (l->all_empty && !l->extended) {
		hm_buf_puts(&c->s->out, "* LIST (\\Noselect) \"/\" \"\"\r\n");
		imap_ok(c, "done");
		return;
	}
	run(l);
}

void
imap_cmd_lsub(struct imap_cmd *c)
{
	struct list *l = hm_alloc(c->arena, sizeof(*l));

	l->c = c;
	l->lsub = true;
	if (!imap_p_sp(&c->p) || !take_patterns(l) || !imap_p_end(&c->p) ||
	    l->extended) {
		imap_p_fail(&c->p, "one pattern");
		imap_bad_syntax(c);
		return;
	}
	run(l);
}
