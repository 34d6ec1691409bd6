/* select.c - SELECT, EXAMINE, CHECK, CLOSE, UNSELECT (RFC 9051, 6.3 and 6.4). */
#include <hermod/arena.h>

#include "imap.h"
#include "recent.h"

enum { STRETCH = 256 };        /* messages looked at in one turn */

void
imap_deselect(struct imap *s)
{
	imap_selected_free(s->sel);
	s->sel = NULL;
	if (s->state == IMAP_SELECTED)
		s->state = IMAP_AUTH;
}

/* [SP "(" name *(SP name) ")"]; CONDSTORE is the one that is known. */
static bool
take_params(struct imap_cmd *c, bool *ret_condstore)
{
	*ret_condstore = false;
	if (c->p.p == c->p.end)
		return true;
	if (!imap_p_sp(&c->p) || !imap_p_char(&c->p, '('))
		return false;
	do {
		if (!imap_p_word(&c->p, "CONDSTORE"))
			return imap_p_fail(&c->p, "CONDSTORE");
		*ret_condstore = true;
	} while (imap_p_maybe(&c->p, ' '));
	return imap_p_char(&c->p, ')');
}

/* The number of the first message without \Seen of those from first to last, or
 * 0; *ret_n: how many there are. */
static uint32_t
unseen_in(const struct hm_view *view, uint32_t first, uint32_t last,
    uint32_t *ret_n)
{
	const struct hm_entry *e;
	struct hm_view_iter it;
	uint32_t found = 0;

	*ret_n = 0;
	hm_view_iter(&it, view, first);
	while (it.seq < last && (e = hm_view_next(&it)) != NULL)
		if (!(e->flags & HM_FLAG_SEEN) && ++*ret_n == 1)
			found = it.seq;
	return found;
}

/* The number of the first message without \Seen. Looked for from both ends, for
 * most often only new messages are unseen, and how many there are is known. */
static uint32_t
first_unseen(const struct imap_selected *sel)
{
	uint32_t low = 1, high = hm_view_count(sel->view), from, to, n;
	uint32_t left = sel->box->unseen, best = 0, seq;

	if (sel->box->modseq != hm_view_modseq(sel->view))
		left = high;         /* counted at another moment */
	while (left > 0 && low <= high) {
		to = high - low < STRETCH ? high : low + STRETCH - 1;
		if ((seq = unseen_in(sel->view, low, to, &n)))
			return seq;
		low = to + 1;
		from = high - to < STRETCH ? low : high - STRETCH + 1;
		if ((seq = unseen_in(sel->view, from, high, &n)))
			best = seq;
		left -= n < left ? n : left;
		high = from - 1;
	}
	return best;
}

static void
put_selected(struct imap *s)
{
	struct imap_selected *sel = s->sel;
	bool rev2 = s->enabled & IMAP_REV2;
	uint32_t unseen;

	imap_put_mailbox_flags(s);
	hm_buf_printf(&s->out, "* %u EXISTS\r\n", imap_sel_count(sel));
	if (!rev2) {
		sel->told_recent = UINT32_MAX;
		imap_put_recent(s);
		unseen = first_unseen(sel);
		if (unseen)
			imap_untagged(s, "[UNSEEN %u] first unseen", unseen);
	}
	imap_untagged(s, "[UIDVALIDITY %u] uids are valid",
	    sel->box->uidvalidity);
	imap_untagged(s, "[UIDNEXT %u] predicted next uid",
	    hm_view_uidnext(sel->view));
	if (rev2) {
		hm_buf_puts(&s->out, "* LIST () \"/\" ");
		imap_put_mailbox(&s->out, sel->box->name, imap_utf8(s));
		hm_buf_puts(&s->out, "\r\n");
	}
	imap_untagged(s, "[HIGHESTMODSEQ %llu] highest",
	    (unsigned long long)hm_view_modseq(sel->view));
}

static int
open_mailbox(struct imap *s, struct hm_str name, bool read_only,
    struct hm_err *err)
{
	const struct hm_store *store = s->srv->store;
	struct imap_selected *sel = hm_xalloc(sizeof(*sel));
	struct hm_mailboxes *all = store->ops->mailboxes(s->acc);
	const struct hm_mailbox *box = hm_mailboxes_find(all, name);
	int r;

	if (box) {
		sel->mailbox = box->id;
		r = store->ops->view(s->acc, sel->mailbox, &sel->view, err);
	} else {
		r = hm_err_set(err, -HM_ENOENT, "no such mailbox");
	}
	hm_mailboxes_unref(all);
	if (r == 0) {
		/* Again: behind the view, so that no keyword in it is unknown. */
		sel->all = store->ops->mailboxes(s->acc);
		sel->box = hm_mailboxes_by_id(sel->all, sel->mailbox);
		if (!sel->box)
			r = hm_err_set(err, -HM_ENOENT, "no such mailbox");
	}
	if (r < 0) {
		imap_selected_free(sel);
		return r;
	}
	sel->read_only = read_only;
	s->sel = sel;
	s->state = IMAP_SELECTED;
	imap_recent_take(s);
	return 0;
}

static void
select_mailbox(struct imap_cmd *c, bool read_only)
{
	struct imap *s = c->s;
	struct hm_err err = { 0 };
	struct hm_str name;
	bool condstore;
	int r;

	if (!imap_p_sp(&c->p)) {
		imap_bad_syntax(c);
		return;
	}
	if (!imap_arg_mailbox(c, &name))
		return;
	if (!take_params(c, &condstore) || !imap_p_end(&c->p)) {
		imap_bad_syntax(c);
		return;
	}
	if (s->sel) {
		imap_deselect(s);
		imap_untagged(s, "[CLOSED] previous mailbox");
	}
	if (condstore)
		s->enabled |= IMAP_CONDSTORE;
	r = open_mailbox(s, name, read_only, &err);
	if (r < 0) {
		imap_no_err(c, r, &err);
		return;
	}
	put_selected(s);
	/* The view is the newest; there is nothing to add to it. */
	imap_ok(c, read_only ? "[READ-ONLY] mailbox is open" :
	    "[READ-WRITE] mailbox is open");
}

void
imap_cmd_select(struct imap_cmd *c)
{
	select_mailbox(c, false);
}

void
imap_cmd_examine(struct imap_cmd *c)
{
	select_mailbox(c, true);
}

void
imap_cmd_check(struct imap_cmd *c)
{
	/* Everything is durable already. */
	if (imap_args_end(c))
		imap_ok(c, "done");
}

void
imap_cmd_close(struct imap_cmd *c)
{
	struct imap *s = c->s;
	const struct hm_store *store = s->srv->store;
	struct hm_err err = { 0 };
	uint32_t count;
	int r = 0;

	if (!imap_args_end(c))
		return;
	if (!s->sel->read_only && !s->sel->gone)
		r = store->ops->expunge(s->acc, s->sel->mailbox, NULL, true,
		    &count, &err);
	imap_deselect(s);
	if (r < 0 && r != -HM_ENOENT)
		imap_no_err(c, r, &err);
	else
		imap_ok(c, "closed");
}

void
imap_cmd_unselect(struct imap_cmd *c)
{
	if (!imap_args_end(c))
		return;
	imap_deselect(c->s);
	imap_ok(c, "closed");
}
