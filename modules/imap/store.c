/* store.c - STORE, EXPUNGE, COPY and MOVE, and the sets they act on
 * (RFC 9051, 6.4; RFC 7162, 3.1.3; RFC 4315; RFC 6851). */
#include <hermod/arena.h>

#include "imap.h"
#include "seqset.h"

bool
imap_resolve(struct imap_cmd *c, const struct imap_seqset *set,
    struct hm_uidset *ret)
{
	struct imap_selected *sel = c->s->sel;
	uint32_t count = imap_sel_count(sel);
	struct hm_uidset seqs;

	if (set->saved) {
		*ret = sel->saved;
		return true;
	}
	if (imap_cmd_uid(c)) {
		imap_seqset_resolve(set, imap_sel_last_uid(sel), c->arena, ret);
		return true;
	}
	if (set->max > count || (set->star && count == 0)) {
		imap_bad(c, "no message has such a number");
		return false;
	}
	imap_seqset_resolve(set, count, c->arena, &seqs);
	imap_sel_uids(sel, &seqs, c->arena, ret);
	return true;
}

/* " set", with the mailbox brought up to date. */
static bool
take_set(struct imap_cmd *c, struct imap_seqset *set)
{
	return imap_p_sp(&c->p) && imap_p_seqset(&c->p, set);
}

static bool
mailbox_is_there(struct imap_cmd *c)
{
	if (!c->s->sel->gone)
		return true;
	imap_no(c, "[NONEXISTENT] mailbox is gone");
	return false;
}

struct store_args {
	struct imap_seqset set;
	uint64_t unchangedsince;
	bool conditional, silent;
	enum hm_flags_op op;
	struct imap_flags flags;
};

/* " set [(UNCHANGEDSINCE n)] [+-]FLAGS[.SILENT] flags" */
static bool
take_store(struct imap_cmd *c, struct store_args *a)
{
	struct imap_parse *p = &c->p;

	a->unchangedsince = UINT64_MAX;
	if (!take_set(c, &a->set) || !imap_p_sp(p))
		return false;
	if (imap_p_maybe(p, '(')) {
		if (!imap_p_word(p, "UNCHANGEDSINCE"))
			return imap_p_fail(p, "UNCHANGEDSINCE");
		if (!imap_p_sp(p) || !imap_p_number63(p, &a->unchangedsince) ||
		    !imap_p_char(p, ')') || !imap_p_sp(p))
			return false;
		a->conditional = true;
	}
	if (imap_p_maybe(p, '+'))
		a->op = HM_FLAGS_ADD;
	else if (imap_p_maybe(p, '-'))
		a->op = HM_FLAGS_REMOVE;
	else
		a->op = HM_FLAGS_SET;
	if (imap_p_word(p, "FLAGS.SILENT"))
		a->silent = true;
	else if (!imap_p_word(p, "FLAGS"))
		return imap_p_fail(p, "FLAGS");
	return imap_p_sp(p) && imap_p_flags(p, true, &a->flags) &&
	    imap_p_end(p);
}

static uint64_t
keyword_bits(const struct hm_mailbox *box, const struct imap_flags *flags)
{
	uint64_t bits = 0;
	size_t i, k;

	for (k = 0; box && k < flags->nkeywords; k++)
		for (i = 0; i < box->nkeywords && i < 64; i++)
			if (hm_str_caseeq(box->keywords[i], flags->keywords[k]))
				bits |= UINT64_C(1) << i;
	return bits;
}

/* The flags of every message of the set that was not left alone. */
static void
tell_flags(struct imap_cmd *c, const struct hm_uidset *uids,
    const struct hm_uidset *modified)
{
	struct imap *s = c->s;
	struct imap_flag_memo memo = { 0 };
	const struct hm_entry *e;
	struct imap_sel_iter it;
	struct hm_uidset seqs;
	size_t i;

	imap_sel_seqs(s->sel, uids, c->arena, &seqs);
	for (i = 0; i < seqs.n && !s->broken; i++) {
		imap_sel_iter(&it, s->sel, seqs.at[i].first);
		while (!s->broken && it.seq < seqs.at[i].last &&
		    (e = imap_sel_next(&it)) != NULL) {
			if (hm_uidset_has(modified, e->uid))
				continue;
			hm_buf_puts(&s->out, "* ");
			imap_put_u32(&s->out, it.seq);
			hm_buf_puts(&s->out, " FETCH (");
			if (imap_cmd_uid(c)) {
				hm_buf_puts(&s->out, "UID ");
				imap_put_u32(&s->out, e->uid);
				hm_buf_putc(&s->out, ' ');
			}
			hm_buf_puts(&s->out, "FLAGS (");
			imap_put_entry_flags(s, &memo, e);
			if (s->enabled & IMAP_CONDSTORE) {
				hm_buf_puts(&s->out, ") MODSEQ (");
				hm_buf_u64(&s->out, e->modseq);
			}
			hm_buf_puts(&s->out, "))\r\n");
			imap_pump(s);
		}
	}
	hm_buf_release(&memo.text);
}

/* "[MODIFIED 7,9]" with numbers of the command's kind. */
static void
reply_modified(struct imap_cmd *c, const struct hm_uidset *modified)
{
	struct imap *s = c->s;
	struct hm_uidset set = *modified;

	imap_sync(s, imap_cmd_uid(c), NULL);
	if (!imap_cmd_uid(c))
		imap_sel_seqs(s->sel, modified, c->arena, &set);
	/* The set may be longer than imap_ok() takes. */
	hm_buf_str(&s->out, c->tag);
	hm_buf_puts(&s->out, " OK [MODIFIED ");
	imap_put_uidset(&s->out, &set);
	hm_buf_puts(&s->out, "] some were changed by others\r\n");
	c->replied = true;
}

static bool
any_ghost(const struct imap_selected *sel, const struct hm_uidset *uids)
{
	size_t i;

	for (i = 0; i < sel->nghosts; i++)
		if (hm_uidset_has(uids, sel->ghosts[i].uid))
			return true;
	return false;
}

/* Messages whose end the client has not heard of change for it alone: it asked
 * in good faith and will hear of it soon (RFC 2180, 4.2). */
static void
change_ghosts(struct imap_selected *sel, const struct imap_own_change *own)
{
	struct hm_entry *e;
	size_t i;

	for (i = 0; i < sel->nghosts; i++) {
		e = &sel->ghosts[i];
		if (!hm_uidset_has(own->uids, e->uid))
			continue;
		if (own->op == HM_FLAGS_SET) {
			e->flags = (uint16_t)own->flags;
			e->keywords = own->keywords;
		} else if (own->op == HM_FLAGS_ADD) {
			e->flags |= (uint16_t)own->flags;
			e->keywords |= own->keywords;
		} else {
			e->flags &= (uint16_t)~own->flags;
			e->keywords &= ~own->keywords;
		}
	}
}

static void
store_flags(struct imap_cmd *c, struct store_args *a,
    const struct hm_uidset *uids)
{
	struct imap *s = c->s;
	const struct hm_store *store = s->srv->store;
	struct hm_err err = { 0 };
	struct hm_flags_change change = {
		.mailbox = s->sel->mailbox, .uids = uids, .op = a->op,
		.flags = a->flags.flags, .nkeywords = a->flags.nkeywords,
		.keywords = a->flags.keywords,
		.unchangedsince = a->unchangedsince, .arena = c->arena,
	};
	struct imap_own_change own = {
		.uids = uids, .all = !a->silent, .op = a->op,
		.flags = a->flags.flags,
	};
	int r = store->ops->flags(s->acc, &change, &err);

	if (r < 0) {
		imap_no_err(c, r, &err);
		return;
	}
	/* The mailbox may just have learnt these keywords. */
	struct hm_mailboxes *all = store->ops->mailboxes(s->acc);
	own.keywords = keyword_bits(hm_mailboxes_by_id(all, s->sel->mailbox),
	    &a->flags);
	hm_mailboxes_unref(all);
	imap_sync(s, false, &own);
	if (!a->conditional)
		change_ghosts(s->sel, &own);
	if (!a->silent)
		tell_flags(c, uids, &change.ret_modified);
	if (change.ret_modified.n)
		reply_modified(c, &change.ret_modified);
	else if (a->conditional && any_ghost(s->sel, uids))
		imap_no(c, "[EXPUNGEISSUED] some messages no longer exist");
	else
		imap_ok(c, "done");
}

void
imap_cmd_store(struct imap_cmd *c)
{
	struct store_args a = { 0 };
	struct hm_uidset uids;

	if (!take_store(c, &a)) {
		imap_bad_syntax(c);
		return;
	}
	if (a.conditional)
		imap_enable_condstore(c->s);
	imap_sync(c->s, false, NULL);
	if (mailbox_is_there(c) && imap_resolve(c, &a.set, &uids))
		store_flags(c, &a, &uids);
}

void
imap_cmd_expunge(struct imap_cmd *c)
{
	struct imap *s = c->s;
	const struct hm_store *store = s->srv->store;
	struct hm_err err = { 0 };
	struct imap_seqset set;
	struct hm_uidset uids;
	uint32_t count;
	int r;

	if (imap_cmd_uid(c) && !take_set(c, &set)) {
		imap_bad_syntax(c);
		return;
	}
	if (!imap_args_end(c))
		return;
	imap_sync(s, true, NULL);
	if (!mailbox_is_there(c) ||
	    (imap_cmd_uid(c) && !imap_resolve(c, &set, &uids)))
		return;
	r = store->ops->expunge(s->acc, s->sel->mailbox,
	    imap_cmd_uid(c) ? &uids : NULL, true, &count, &err);
	if (r < 0)
		imap_no_err(c, r, &err);
	else if (s->enabled & IMAP_CONDSTORE && imap_sync(s, true, NULL))
		imap_ok(c, "[HIGHESTMODSEQ %llu] done",
		    (unsigned long long)(s->sel->view ?
		    hm_view_modseq(s->sel->view) : 0));
	else
		imap_ok(c, "done");
}

/* "[COPYUID 38505 304,319:320 3956:3958] " (RFC 4315, 3). */
static void
put_copyuid(struct imap *s, const struct hm_copy *copy)
{
	hm_buf_printf(&s->out, "[COPYUID %u ", copy->ret_uidvalidity);
	imap_put_uidset(&s->out, &copy->ret_from);
	hm_buf_putc(&s->out, ' ');
	imap_put_uidset(&s->out, &copy->ret_to);
	hm_buf_puts(&s->out, "] ");
}

static void
reply_copied(struct imap_cmd *c, const struct hm_copy *copy)
{
	struct imap *s = c->s;

	if (copy->ret_from.n == 0) {
		imap_ok(c, "nothing to do");
		return;
	}
	if (copy->move) {
		/* Before the EXPUNGEs, so that the client still knows which
		 * messages these were (RFC 6851, 4.3). */
		hm_buf_puts(&s->out, "* OK ");
		put_copyuid(s, copy);
		hm_buf_puts(&s->out, "moved\r\n");
		imap_ok(c, "done");
		return;
	}
	imap_sync(s, true, NULL);
	hm_buf_str(&s->out, c->tag);
	hm_buf_puts(&s->out, " OK ");
	put_copyuid(s, copy);
	hm_buf_puts(&s->out, "done\r\n");
	c->replied = true;
	s->bad = 0;
}

/* The id of the destination; 0 when NO was said. */
static uint64_t
find_destination(struct imap_cmd *c, struct hm_str name)
{
	struct imap *s = c->s;
	struct hm_mailboxes *all = s->srv->store->ops->mailboxes(s->acc);
	const struct hm_mailbox *box = hm_mailboxes_find(all, name);
	uint64_t id = box ? box->id : 0;

	hm_mailboxes_unref(all);
	if (!id)
		imap_no(c, "[TRYCREATE] no such mailbox");
	return id;
}

static void
copy_or_move(struct imap_cmd *c, bool move)
{
	struct imap *s = c->s;
	struct hm_copy copy = { .move = move, .arena = c->arena };
	struct hm_err err = { 0 };
	struct imap_seqset set;
	struct hm_uidset uids;
	struct hm_str name;
	int r;

	if (!take_set(c, &set) || !imap_p_sp(&c->p)) {
		imap_bad_syntax(c);
		return;
	}
	if (!imap_arg_mailbox(c, &name) || !imap_args_end(c))
		return;
	imap_sync(s, false, NULL);
	if (!mailbox_is_there(c) || !imap_resolve(c, &set, &uids))
		return;
	copy.from = s->sel->mailbox;
	copy.to = find_destination(c, name);
	copy.uids = &uids;
	if (!copy.to)
		return;
	/* All or nothing (RFC 9051, 6.4.7). */
	if (!imap_cmd_uid(c) && any_ghost(s->sel, &uids)) {
		imap_no(c, "[EXPUNGEISSUED] some messages no longer exist");
		return;
	}
	r = uids.n ? s->srv->store->ops->copy(s->acc, &copy, &err) : 0;
	if (r == -HM_ENOENT)
		imap_no(c, "[TRYCREATE] no such mailbox");
	else if (r < 0)
		imap_no_err(c, r, &err);
	else
		reply_copied(c, &copy);
}

void
imap_cmd_copy(struct imap_cmd *c)
{
	copy_or_move(c, false);
}

void
imap_cmd_move(struct imap_cmd *c)
{
	copy_or_move(c, true);
}
