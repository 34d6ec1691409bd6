/* sync.c - telling the client what happened to its mailbox (RFC 9051, 7.5). */
#include "imap.h"
#include "recent.h"

void
imap_put_mailbox_flags(struct imap *s)
{
	/* Every system flag and keyword that has a bit of its own. */
	unsigned all = HM_FLAG_SEEN | HM_FLAG_ANSWERED | HM_FLAG_FLAGGED |
	    HM_FLAG_DELETED | HM_FLAG_DRAFT | HM_FLAG_FORWARDED | HM_FLAG_JUNK |
	    HM_FLAG_NOTJUNK | HM_FLAG_PHISHING | HM_FLAG_MDNSENT;
	struct imap_selected *sel = s->sel;
	struct hm_buf *out = &s->out;

	hm_buf_puts(out, "* FLAGS (");
	imap_put_flags(out, all, UINT64_MAX, sel->box);
	hm_buf_puts(out, ")\r\n* OK [PERMANENTFLAGS (");
	if (!sel->read_only) {
		imap_put_flags(out, all, UINT64_MAX, sel->box);
		hm_buf_puts(out, " \\*");
	}
	hm_buf_puts(out, ")] kept for ever\r\n");
	sel->told_keywords = sel->box ? sel->box->nkeywords : 0;
}

void
imap_put_entry_flags(struct imap *s, struct imap_flag_memo *memo,
    const struct hm_entry *e)
{
	struct hm_uidset recent = imap_recent_set(s->sel);
	unsigned flags = e->flags;

	if (recent.n && e->uid >= recent.at[0].first &&
	    hm_uidset_has(&recent, e->uid))
		flags |= IMAP_FLAG_RECENT;
	imap_put_flags_memo(&s->out, memo, flags, e->keywords, s->sel->box);
}

void
imap_put_recent(struct imap *s)
{
	uint32_t count = imap_recent_count(s->sel);

	if (count == s->sel->told_recent)
		return;
	s->sel->told_recent = count;
	hm_buf_printf(&s->out, "* %u RECENT\r\n", count);
}

/* "* 5 FETCH (UID 7 FLAGS (…) MODSEQ (9))" */
static void
put_change(struct imap *s, uint32_t seq, const struct hm_entry *e,
    struct imap_flag_memo *memo)
{
	struct hm_buf *out = &s->out;

	hm_buf_puts(out, "* ");
	imap_put_u32(out, seq);
	hm_buf_puts(out, " FETCH (UID ");
	imap_put_u32(out, e->uid);
	hm_buf_puts(out, " FLAGS (");
	imap_put_entry_flags(s, memo, e);
	hm_buf_putc(out, ')');
	if (s->enabled & IMAP_CONDSTORE) {
		hm_buf_puts(out, " MODSEQ (");
		hm_buf_u64(out, e->modseq);
		hm_buf_putc(out, ')');
	}
	hm_buf_puts(out, ")\r\n");
}

/* Only the MODSEQ, of a silent change (RFC 7162, 3.1.3). */
static void
put_modseq(struct imap *s, uint32_t seq, const struct hm_entry *e)
{
	if (!(s->enabled & IMAP_CONDSTORE))
		return;
	hm_buf_printf(&s->out, "* %u FETCH (UID %u MODSEQ (%llu))\r\n", seq,
	    e->uid, (unsigned long long)e->modseq);
}

/* Whether a message is now as this session's own change left it. */
static bool
is_own(const struct imap_own_change *own, const struct hm_entry *older,
    const struct hm_entry *newer)
{
	unsigned flags = older->flags;
	uint64_t bits = older->keywords;

	if (!hm_uidset_has(own->uids, newer->uid))
		return false;
	if (own->all)
		return true;
	switch (own->op) {
	case HM_FLAGS_SET:
		flags = own->flags;
		bits = own->keywords;
		break;
	case HM_FLAGS_ADD:
		flags |= own->flags;
		bits |= own->keywords;
		break;
	case HM_FLAGS_REMOVE:
		flags &= ~own->flags;
		bits &= ~own->keywords;
		break;
	}
	return flags == newer->flags && bits == newer->keywords;
}

static void
tell_expunged(struct imap *s)
{
	struct imap_selected *sel = s->sel;
	size_t i;

	/* From the last to the first, so that no number shifts another. */
	for (i = sel->nghosts; i-- > 0;) {
		hm_buf_puts(&s->out, "* ");
		imap_put_u32(&s->out, imap_sel_seq(sel, sel->ghosts[i].uid));
		hm_buf_puts(&s->out, " EXPUNGE\r\n");
	}
	imap_sel_drop_ghosts(sel);
}

/* Flags of changed and new messages; older is what was told before. */
static void
tell_changes(struct imap *s, const struct hm_view *older,
    const struct imap_own_change *own)
{
	struct imap_flag_memo memo = { 0 };
	struct imap_selected *sel = s->sel;
	struct hm_diff d;

	hm_diff_init(&d, older, sel->view);
	while (!s->broken && hm_diff_next(&d)) {
		if (d.kind == HM_DIFF_REMOVED)
			continue;
		/* Ghosts shift the number only while there are some. */
		uint32_t seq = sel->nghosts ?
		    imap_sel_seq(sel, d.entry->uid) : d.new_seq;

		if (d.kind == HM_DIFF_CHANGED && own &&
		    is_own(own, hm_view_at(older, d.old_seq), d.entry)) {
			if (!own->all)
				put_modseq(s, seq, d.entry);
		} else {
			put_change(s, seq, d.entry, &memo);
		}
		imap_pump(s);
	}
	hm_buf_release(&memo.text);
}

static void
refresh_mailbox(struct imap *s)
{
	struct imap_selected *sel = s->sel;
	const struct hm_store *store = s->srv->store;
	struct hm_mailboxes *all = store->ops->mailboxes(s->acc);

	hm_mailboxes_unref(sel->all);
	sel->all = all;
	sel->box = hm_mailboxes_by_id(all, sel->mailbox);
	if (sel->box && sel->box->nkeywords > sel->told_keywords)
		imap_put_mailbox_flags(s);
}

bool
imap_sync(struct imap *s, bool expunge, const struct imap_own_change *own)
{
	const struct hm_store *store = s->srv->store;
	struct imap_selected *sel = s->sel;
	struct hm_view *newer = NULL, *older;
	size_t before = s->out.len;
	uint32_t count;
	int r;

	if (!sel)
		return false;
	r = sel->gone ? -HM_ENOENT :
	    store->ops->view(s->acc, sel->mailbox, &newer, NULL);
	if (r < 0 && r != -HM_ENOENT)
		return false; /* told another time */
	if (newer == sel->view && !(expunge && sel->nghosts)) {
		hm_view_unref(newer);
		return false;
	}
	/* The view first: then the mailbox names every keyword in it. */
	refresh_mailbox(s);
	count = imap_sel_count(sel);
	older = sel->view;
	if (newer != older)
		imap_sel_add_ghosts(sel, newer);
	sel->gone = !newer;
	sel->view = newer;
	imap_recent_take(s);
	if (expunge) {
		/* What is new lies behind all that is gone. */
		uint32_t gone = (uint32_t)sel->nghosts;

		tell_expunged(s);
		count -= gone;
	}
	if (imap_sel_count(sel) != count)
		hm_buf_printf(&s->out, "* %u EXISTS\r\n", imap_sel_count(sel));
	imap_put_recent(s);
	before = s->out.len == before ? 0 : 1;
	if (older && newer && older != newer) {
		size_t len = s->out.len;
		uint64_t sent = s->out_bytes;

		tell_changes(s, older, own);
		before |= s->out.len != len || s->out_bytes != sent;
	}
	hm_view_unref(older);
	return before != 0;
}
