/* selected.c - the messages of a selected mailbox as the client knows them. */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>

#include "selected.h"

void
imap_selected_free(struct imap_selected *sel)
{
	if (!sel)
		return;
	hm_view_unref(sel->view);
	hm_view_unref(sel->past);
	hm_mailboxes_unref(sel->all);
	free(sel->ghosts);
	free(sel->recent);
	free((void *)(uintptr_t)sel->saved.at);
	free(sel);
}

static uint32_t
view_count(const struct imap_selected *sel)
{
	return sel->view ? hm_view_count(sel->view) : 0;
}

uint32_t
imap_sel_count(const struct imap_selected *sel)
{
	return view_count(sel) + (uint32_t)sel->nghosts;
}

uint32_t
imap_sel_last_uid(const struct imap_selected *sel)
{
	uint32_t n = view_count(sel), uid = 0;

	if (n)
		uid = hm_view_at(sel->view, n)->uid;
	if (sel->nghosts && sel->ghosts[sel->nghosts - 1].uid > uid)
		uid = sel->ghosts[sel->nghosts - 1].uid;
	return uid;
}

/* How many ghosts have a smaller uid. */
static size_t
ghosts_below(const struct imap_selected *sel, uint32_t uid)
{
	size_t low = 0, high = sel->nghosts;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (sel->ghosts[mid].uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static uint32_t
view_lower(const struct imap_selected *sel, uint32_t uid)
{
	return sel->view ? hm_view_lower(sel->view, uid) : 1;
}

uint32_t
imap_sel_lower(const struct imap_selected *sel, uint32_t uid)
{
	return view_lower(sel, uid) + (uint32_t)ghosts_below(sel, uid);
}

uint32_t
imap_sel_seq(const struct imap_selected *sel, uint32_t uid)
{
	size_t below = ghosts_below(sel, uid);
	uint32_t seq = sel->view ? hm_view_seq(sel->view, uid) : 0;

	if (seq)
		return seq + (uint32_t)below;
	if (below < sel->nghosts && sel->ghosts[below].uid == uid)
		return view_lower(sel, uid) + (uint32_t)below;
	return 0;
}

void
imap_sel_iter(struct imap_sel_iter *it, const struct imap_selected *sel,
    uint32_t first_seq)
{
	size_t low = 0, high = sel->nghosts;

	memset(it, 0, sizeof(*it));
	it->sel = sel;
	if (first_seq == 0)
		first_seq = 1;
	/* A ghost's number: those before it in the view, and ghosts. */
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		uint32_t seq = view_lower(sel, sel->ghosts[mid].uid) +
		    (uint32_t)mid;

		if (seq < first_seq)
			low = mid + 1;
		else
			high = mid;
	}
	it->ghost = low;
	it->seq = first_seq - 1;
	if (sel->view) {
		hm_view_iter(&it->it, sel->view, first_seq - (uint32_t)low);
		it->next = hm_view_next(&it->it);
	}
}

const struct hm_entry *
imap_sel_next(struct imap_sel_iter *it)
{
	const struct imap_selected *sel = it->sel;
	const struct hm_entry *e = it->next;

	it->is_ghost = it->ghost < sel->nghosts &&
	    (!e || sel->ghosts[it->ghost].uid < e->uid);
	if (it->is_ghost)
		e = &sel->ghosts[it->ghost++];
	else if (e)
		it->next = hm_view_next(&it->it);
	if (e)
		it->seq++;
	return e;
}

const struct hm_entry *
imap_sel_at(const struct imap_selected *sel, uint32_t seq)
{
	struct imap_sel_iter it;

	if (seq == 0 || seq > imap_sel_count(sel))
		return NULL;
	imap_sel_iter(&it, sel, seq);
	return imap_sel_next(&it);
}

void
imap_sel_uids(const struct imap_selected *sel, const struct hm_uidset *seqs,
    struct hm_arena *arena, struct hm_uidset *ret)
{
	struct hm_uidset_builder b = { 0 };
	uint32_t first, last, count = imap_sel_count(sel);
	size_t i;

	/* Between two messages the client knows lies none that it does not:
	 * new ones come behind all. */
	for (i = 0; i < seqs->n; i++) {
		first = seqs->at[i].first;
		last = seqs->at[i].last < count ? seqs->at[i].last : count;
		if (first > last)
			continue;
		hm_uidset_add(&b, imap_sel_at(sel, first)->uid,
		    imap_sel_at(sel, last)->uid);
	}
	hm_uidset_take(&b, arena, ret);
}

void
imap_sel_seqs(const struct imap_selected *sel, const struct hm_uidset *uids,
    struct hm_arena *arena, struct hm_uidset *ret)
{
	struct hm_uidset_builder b = { 0 };
	uint32_t first, behind;
	size_t i;

	for (i = 0; i < uids->n; i++) {
		first = imap_sel_lower(sel, uids->at[i].first);
		behind = uids->at[i].last == UINT32_MAX ?
		    imap_sel_count(sel) + 1 :
		    imap_sel_lower(sel, uids->at[i].last + 1);
		if (first < behind)
			hm_uidset_add(&b, first, behind - 1);
	}
	hm_uidset_take(&b, arena, ret);
}

static void
add_ghost(struct imap_selected *sel, const struct hm_entry *e, size_t *cap)
{
	if (sel->nghosts == *cap) {
		*cap = *cap ? *cap * 2 : 16;
		sel->ghosts = hm_xrealloc(sel->ghosts,
		    *cap * sizeof(*sel->ghosts));
	}
	sel->ghosts[sel->nghosts++] = *e;
}

static int
by_uid(const void *a, const void *b)
{
	const struct hm_entry *ea = a, *eb = b;

	return ea->uid < eb->uid ? -1 : ea->uid > eb->uid;
}

void
imap_sel_add_ghosts(struct imap_selected *sel, struct hm_view *newer)
{
	size_t before = sel->nghosts, cap = sel->nghosts;
	const struct hm_entry *e;
	struct hm_view_iter it;
	struct hm_diff d;

	if (!sel->view)
		return;
	if (newer) {
		hm_diff_init(&d, sel->view, newer);
		while (hm_diff_next(&d))
			if (d.kind == HM_DIFF_REMOVED)
				add_ghost(sel, d.entry, &cap);
	} else {
		hm_view_iter(&it, sel->view, 1);
		while ((e = hm_view_next(&it)) != NULL)
			add_ghost(sel, e, &cap);
	}
	/* A view keeps readable what was in it when it was made and what came
	 * into later ones: so the oldest is enough. */
	if (before == 0 && sel->nghosts > 0)
		sel->past = hm_view_ref(sel->view);
	if (before && sel->nghosts > before)
		qsort(sel->ghosts, sel->nghosts, sizeof(*sel->ghosts), by_uid);
}

void
imap_sel_drop_ghosts(struct imap_selected *sel)
{
	free(sel->ghosts);
	sel->ghosts = NULL;
	sel->nghosts = 0;
	hm_view_unref(sel->past);
	sel->past = NULL;
}

void
imap_sel_save(struct imap_selected *sel, const struct hm_uidset *uids)
{
	struct hm_uidrange *copy = NULL;
	size_t bytes = uids->n * sizeof(*copy);

	if (uids->n) {
		copy = hm_xalloc(bytes);
		memcpy(copy, uids->at, bytes);
	}
	free((void *)(uintptr_t)sel->saved.at);
	sel->saved.n = uids->n;
	sel->saved.at = copy;
}
