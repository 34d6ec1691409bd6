/* view-build.c - making the next view of a mailbox out of the last. */
#include <hermod/arena.h>

#include "core/mail/refs.h"
#include "core/mail/view.h"
#include "core/plug/load.h"

#include <stdlib.h>
#include <string.h>

enum { PACK_MIN = 1 << 10, PACK_MAX = 1 << 15 };

void
view_pack_unref(struct view_pack *pack)
{
	if (!pack || !refs_drop(&pack->refs))
		return;
	hm_code_let_go(pack->code);
	free(pack);
}

static void
group_unref(struct view_group *g)
{
	struct hm_entry *at;

	if (!refs_drop(&g->refs))
		return;
	at = atomic_load_explicit(&g->at, memory_order_relaxed);
	if (at != g->own)
		free(at);
	view_pack_unref(g->pack);
	free(g);
}

static void
page_unref(struct view_page *page)
{
	unsigned i;

	if (!refs_drop(&page->refs))
		return;
	for (i = 0; i < page->n; i++)
		group_unref(page->group[i]);
	free(page);
}

struct hm_view *
hm_view_ref(struct hm_view *view)
{
	refs_take(&view->refs);
	return view;
}

void
hm_view_unref(struct hm_view *view)
{
	size_t i;

	if (!view || !refs_drop(&view->refs))
		return;
	for (i = 0; i < view->n; i++)
		page_unref(view->page[i]);
	free(view->page);
	free(view->before);
	view_pack_unref(view->pack);
	if (view->on_release)
		view->on_release(view->on_release_arg);
	hm_code_let_go(view->code);
	free(view);
}

void
hm_view_on_release(struct hm_view *view, void (*fn)(void *arg), void *arg)
{
	/* The view may outlive the generation that built it, in what is kept,
	 * and then the code of fn. */
	hm_code_let_go(view->code);
	view->code = hm_code_hold(fn);
	view->on_release = fn;
	view->on_release_arg = arg;
}

struct hm_view *
hm_view_copy(uint64_t mailbox, const struct hm_view *from)
{
	struct hm_view *view = hm_xalloc(sizeof(*view));
	size_t i;

	atomic_init(&view->refs, 1);
	view->mailbox = mailbox;
	view->uidnext = 1;
	if (!from)
		return view;
	view->modseq = from->modseq;
	view->uidnext = from->uidnext;
	view->n = from->n;
	view->cap = from->n + 1;
	view->page = hm_xalloc(view->cap * sizeof(*view->page));
	for (i = 0; i < view->n; i++) {
		view->page[i] = from->page[i];
		refs_take(&view->page[i]->refs);
	}
	return view;
}

/* The page of that number as one that only this view holds. */
static struct view_page *
own_page(struct hm_view *view, uint32_t number)
{
	size_t p = view_page_lower(view, number);
	struct view_page *page, *old;
	unsigned i;

	if (p == view->n || view->page[p]->number != number) {
		if (view->n == view->cap) {
			view->cap = view->cap ? view->cap * 2 : 4;
			view->page = hm_xrealloc(view->page,
			    view->cap * sizeof(*view->page));
		}
		memmove(view->page + p + 1, view->page + p,
		    (view->n - p) * sizeof(*view->page));
		page = hm_xalloc(sizeof(*page));
		atomic_init(&page->refs, 1);
		page->number = number;
		view->page[p] = page;
		view->n++;
		return page;
	}
	old = view->page[p];
	if (atomic_load_explicit(&old->refs, memory_order_acquire) == 1)
		return old;
	page = hm_xalloc(sizeof(*page));
	atomic_init(&page->refs, 1);
	page->number = number;
	page->present = old->present;
	page->n = old->n;
	for (i = 0; i < page->n; i++) {
		page->group[i] = old->group[i];
		refs_take(&page->group[i]->refs);
	}
	view->page[p] = page;
	page_unref(old);
	return page;
}

static struct view_group *
group_new(uint32_t number, uint64_t present, unsigned own)
{
	struct view_group *g = hm_xalloc(sizeof(*g) + own * sizeof(g->own[0]));

	atomic_init(&g->refs, 1);
	atomic_init(&g->at, own ? g->own : NULL);
	g->number = number;
	g->present = present;
	g->n = (unsigned)__builtin_popcountll(present);
	return g;
}

/* NULL: none any more. */
static void
set_group(struct hm_view *view, uint32_t number, struct view_group *g)
{
	struct view_page *page = own_page(view, number / VIEW_FANOUT);
	unsigned bit = number % VIEW_FANOUT, i = view_rank(page->present, bit);
	bool there = page->present >> bit & 1;

	if (there) {
		group_unref(page->group[i]);
		if (!g) {
			page->n--;
			memmove(page->group + i, page->group + i + 1,
			    (page->n - i) * sizeof(page->group[0]));
			page->present &= ~(UINT64_C(1) << bit);
			return;
		}
	} else {
		if (!g)
			return;
		memmove(page->group + i + 1, page->group + i,
		    (page->n - i) * sizeof(page->group[0]));
		page->n++;
		page->present |= UINT64_C(1) << bit;
	}
	page->group[i] = g;
}

void
hm_view_set_group(struct hm_view *view, uint32_t group,
    const struct hm_entry *entries, size_t n)
{
	struct view_group *g = NULL;
	uint64_t present = 0;
	size_t i;

	for (i = 0; i < n; i++)
		present |= UINT64_C(1) << (entries[i].uid % HM_GROUP_MAX);
	if (n > 0) {
		g = group_new(group, present, (unsigned)n);
		memcpy(g->own, entries, n * sizeof(*entries));
	}
	set_group(view, group, g);
}

/* Large enough that its memory is of use for entries when the last of it is
 * unpacked, and not too large for a small mailbox. */
static struct view_pack *
pack_for(struct hm_view *view, hm_view_unpack_fn *unpack, size_t len)
{
	struct view_pack *pack = view->pack;
	size_t cap = pack ? pack->cap * 2 : PACK_MIN;

	if (!pack || pack->cap - pack->len < len || pack->unpack != unpack) {
		view_pack_unref(pack);
		cap = cap > PACK_MAX ? PACK_MAX : cap;
		cap = cap < len ? len : cap;
		view->pack = pack = hm_xalloc(sizeof(*pack) + cap);
		atomic_init(&pack->refs, 1);
		pack->unpack = unpack;
		pack->code = hm_code_hold((void (*)(void *))(void (*)(void))unpack);
		pack->cap = cap;
	}
	refs_take(&pack->refs);
	return pack;
}

void
hm_view_set_packed(struct hm_view *view, uint32_t group, uint64_t present,
    struct hm_str packed, hm_view_unpack_fn *unpack)
{
	struct view_group *g = group_new(group, present, 0);

	g->pack = pack_for(view, unpack, packed.len);
	g->packed = memcpy(g->pack->bytes + g->pack->len, packed.p, packed.len);
	g->packed_len = (unsigned)packed.len;
	g->pack->len += packed.len;
	set_group(view, group, g);
}

void
hm_view_finish(struct hm_view *view, uint64_t modseq, uint32_t uidnext)
{
	size_t p, n = 0;
	unsigned i;

	view_pack_unref(view->pack);
	view->pack = NULL;
	free(view->before);
	view->before = hm_xalloc((view->n + 1) * sizeof(*view->before));
	view->count = 0;
	for (p = 0; p < view->n; p++) {
		struct view_page *page = view->page[p];

		if (page->n == 0) {
			page_unref(page);
			continue;
		}
		/* A page that others hold was finished with them. */
		if (atomic_load_explicit(&page->refs, memory_order_acquire) == 1) {
			page->count = 0;
			for (i = 0; i < page->n; i++) {
				page->before[i] = (uint16_t)page->count;
				page->count += page->group[i]->n;
			}
		}
		view->before[n] = view->count;
		view->count += page->count;
		view->page[n++] = page;
	}
	view->n = n;
	view->modseq = modseq;
	view->uidnext = uidnext;
}

size_t
hm_view_bytes(const struct hm_view *view)
{
	size_t bytes = sizeof(*view) + view->n * (sizeof(struct view_page) +
	    sizeof(*view->page) + sizeof(*view->before)), p;

	for (p = 0; p < view->n; p++)
		bytes += view->page[p]->n * (sizeof(struct view_group) + 32);
	return bytes + view->count * sizeof(struct hm_entry);
}
