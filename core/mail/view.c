/* view.c - reading a view: by sequence number, by uid, in order. */
#include <hermod/arena.h>
#include <hermod/str.h>

#include "core/mail/view.h"

#include <pthread.h>
#include <string.h>

/* Whoever looks first unpacks. Nobody else reads what is packed, so that it can go
 * at once. */
static struct hm_entry *
unpack(struct view_group *g)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct hm_entry *at;

	pthread_mutex_lock(&lock);
	at = atomic_load_explicit(&g->at, memory_order_relaxed);
	if (!at) {
		at = hm_xalloc(g->n * sizeof(*at));
		g->pack->unpack(g->number, hm_str_n(g->packed, g->packed_len),
		    at);
		view_pack_unref(g->pack);
		g->pack = NULL;
		atomic_store_explicit(&g->at, at, memory_order_release);
	}
	pthread_mutex_unlock(&lock);
	return at;
}

static const struct hm_entry *
entries(struct view_group *g)
{
	struct hm_entry *at = atomic_load_explicit(&g->at, memory_order_acquire);

	return at ? at : unpack(g);
}

size_t
view_page_lower(const struct hm_view *view, uint32_t number)
{
	size_t low = 0, high = view->n;

	/* The last page is asked for most: new mail goes there. */
	if (high > 0 && view->page[high - 1]->number < number)
		return high;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (view->page[mid]->number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint64_t
hm_view_mailbox(const struct hm_view *view)
{
	return view->mailbox;
}

uint64_t
hm_view_modseq(const struct hm_view *view)
{
	return view->modseq;
}

uint32_t
hm_view_uidnext(const struct hm_view *view)
{
	return view->uidnext;
}

uint32_t
hm_view_count(const struct hm_view *view)
{
	return view->count;
}

/* Where the entry of index i < count stands. */
static void
locate(const struct hm_view *view, uint32_t i, size_t *ret_page,
    unsigned *ret_group, unsigned *ret_pos)
{
	size_t low = 0, high = view->n;
	const struct view_page *page;
	unsigned g, glow = 0, ghigh;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (view->before[mid] <= i)
			low = mid;
		else
			high = mid;
	}
	page = view->page[low];
	i -= view->before[low];
	ghigh = page->n;
	while (ghigh - glow > 1) {
		g = glow + (ghigh - glow) / 2;
		if (page->before[g] <= i)
			glow = g;
		else
			ghigh = g;
	}
	*ret_page = low;
	*ret_group = glow;
	*ret_pos = i - page->before[glow];
}

const struct hm_entry *
hm_view_at(const struct hm_view *view, uint32_t seq)
{
	unsigned group, pos;
	size_t page;

	if (seq == 0 || seq > view->count)
		return NULL;
	locate(view, seq - 1, &page, &group, &pos);
	return entries(view->page[page]->group[group]) + pos;
}

/* How many entries have a smaller uid; *ret_there: whether uid itself is one. */
static uint32_t
rank(const struct hm_view *view, uint32_t uid, bool *ret_there)
{
	size_t p = view_page_lower(view, uid >> VIEW_PAGE_BITS);
	const struct view_page *page;
	const struct view_group *group;
	unsigned gbit = hm_group(uid) % VIEW_FANOUT, ubit = uid % HM_GROUP_MAX;
	unsigned g;

	*ret_there = false;
	if (p == view->n)
		return view->count;
	page = view->page[p];
	if (page->number != uid >> VIEW_PAGE_BITS)
		return view->before[p];
	g = view_rank(page->present, gbit);
	if (g == page->n)
		return view->before[p] + page->count;
	if (!(page->present >> gbit & 1))
		return view->before[p] + page->before[g];
	group = page->group[g];
	*ret_there = group->present >> ubit & 1;
	return view->before[p] + page->before[g] +
	    view_rank(group->present, ubit);
}

uint32_t
hm_view_seq(const struct hm_view *view, uint32_t uid)
{
	bool there;
	uint32_t before = rank(view, uid, &there);

	return there ? before + 1 : 0;
}

uint32_t
hm_view_lower(const struct hm_view *view, uint32_t uid)
{
	bool there;

	return rank(view, uid, &there) + 1;
}

const struct hm_entry *
hm_view_group(const struct hm_view *view, uint32_t group, size_t *ret_n)
{
	uint32_t number = group / VIEW_FANOUT;
	unsigned bit = group % VIEW_FANOUT;
	size_t p = view_page_lower(view, number);
	const struct view_page *page;
	struct view_group *g;

	*ret_n = 0;
	if (p == view->n || view->page[p]->number != number)
		return NULL;
	page = view->page[p];
	if (!(page->present >> bit & 1))
		return NULL;
	g = page->group[view_rank(page->present, bit)];
	*ret_n = g->n;
	return entries(g);
}

/* ---- walking ---------------------------------------------------------- */

void
hm_view_iter(struct hm_view_iter *it, const struct hm_view *view,
    uint32_t first_seq)
{
	size_t page;
	unsigned group, pos;

	if (first_seq == 0)
		first_seq = 1;
	*it = (struct hm_view_iter){ .view = view, .seq = first_seq - 1 };
	if (first_seq > view->count) {
		it->chunk = view->n * VIEW_FANOUT;
		it->seq = view->count;
		return;
	}
	locate(view, first_seq - 1, &page, &group, &pos);
	it->chunk = page * VIEW_FANOUT + group;
	it->pos = pos;
}

/* Moves to a place that holds an entry; NULL at the end. */
static struct view_group *
settle(struct hm_view_iter *it)
{
	while (it->chunk / VIEW_FANOUT < it->view->n) {
		size_t p = it->chunk / VIEW_FANOUT;
		const struct view_page *page = it->view->page[p];
		unsigned g = it->chunk % VIEW_FANOUT;

		if (g >= page->n) {
			it->chunk = (p + 1) * VIEW_FANOUT;
			it->pos = 0;
		} else if (it->pos >= page->group[g]->n) {
			it->chunk++;
			it->pos = 0;
		} else {
			return page->group[g];
		}
	}
	return NULL;
}

const struct hm_entry *
hm_view_next(struct hm_view_iter *it)
{
	struct view_group *group = settle(it);

	if (!group)
		return NULL;
	it->seq++;
	return entries(group) + it->pos++;
}

/* ---- comparing --------------------------------------------------------- */

/* Passes over what both views share from here on. */
static void
skip_shared(struct hm_view_iter *a, struct hm_view_iter *b)
{
	for (;;) {
		const struct view_group *ga = settle(a), *gb = settle(b);
		const struct view_page *pa, *pb;
		unsigned left;

		if (!ga || !gb)
			return;
		pa = a->view->page[a->chunk / VIEW_FANOUT];
		pb = b->view->page[b->chunk / VIEW_FANOUT];
		if (pa == pb && a->chunk % VIEW_FANOUT == 0 &&
		    b->chunk % VIEW_FANOUT == 0 && a->pos == 0 && b->pos == 0) {
			a->seq += pa->count;
			b->seq += pb->count;
			a->chunk += VIEW_FANOUT;
			b->chunk += VIEW_FANOUT;
		} else if (ga == gb && a->pos == b->pos) {
			left = ga->n - (unsigned)a->pos;
			a->seq += left;
			b->seq += left;
			a->chunk++;
			b->chunk++;
			a->pos = b->pos = 0;
		} else {
			return;
		}
	}
}

void
hm_diff_init(struct hm_diff *d, const struct hm_view *older,
    const struct hm_view *newer)
{
	memset(d, 0, sizeof(*d));
	hm_view_iter(&d->a, older, 1);
	hm_view_iter(&d->b, newer, 1);
}

static bool
tell(struct hm_diff *d, enum hm_diff_kind kind)
{
	d->kind = kind;
	d->old_seq = kind == HM_DIFF_ADDED ? 0 : d->a.seq;
	d->new_seq = kind == HM_DIFF_REMOVED ? 0 : d->b.seq;
	d->entry = kind == HM_DIFF_REMOVED ? d->ea : d->eb;
	if (kind != HM_DIFF_ADDED)
		d->ea = NULL;
	if (kind != HM_DIFF_REMOVED)
		d->eb = NULL;
	return true;
}

bool
hm_diff_next(struct hm_diff *d)
{
	for (;;) {
		if (!d->ea && !d->eb)
			skip_shared(&d->a, &d->b);
		if (!d->ea)
			d->ea = hm_view_next(&d->a);
		if (!d->eb)
			d->eb = hm_view_next(&d->b);
		if (!d->ea && !d->eb)
			return false;
		if (!d->eb || (d->ea && d->ea->uid < d->eb->uid))
			return tell(d, HM_DIFF_REMOVED);
		if (!d->ea || d->eb->uid < d->ea->uid)
			return tell(d, HM_DIFF_ADDED);
		if (memcmp(d->ea, d->eb, sizeof(*d->ea)) != 0)
			return tell(d, HM_DIFF_CHANGED);
		d->ea = d->eb = NULL;
	}
}
