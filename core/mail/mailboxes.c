/* mailboxes.c - snapshots of an account's list of mailboxes. */
#include <hermod/arena.h>
#include <hermod/iface/store_build.h>

#include "core/mail/refs.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A mailbox with its count; strings follow in the same allocation. */
struct mailbox {
	atomic_uint refs;
	struct hm_mailbox m;
	struct hm_str keywords[];
};

struct names {
	atomic_uint refs;
	size_t n;
	struct hm_str at[];
};

struct all {
	atomic_uint refs;
	struct hm_mailboxes all;     /* what callers hold points here */
	struct names *subscribed;
	uint64_t *ids;               /* beside all.at, for a quick search */
	const struct hm_mailbox *at[];
};

#define OUTER(p, type, member) \
	((type *)((char *)(uintptr_t)(p) - offsetof(type, member)))

/* Copies s to *pos, NUL-terminated, and advances. */
static struct hm_str
place(char **pos, struct hm_str s)
{
	struct hm_str copy = { *pos, s.len };

	if (s.len > 0)
		memcpy(*pos, s.p, s.len);
	(*pos)[s.len] = '\0';
	*pos += s.len + 1;
	return copy;
}

const struct hm_mailbox *
hm_mailbox_new(const struct hm_mailbox *from)
{
	size_t bytes = sizeof(struct mailbox) + from->name.len + 1, i;
	struct mailbox *box;
	char *pos;

	for (i = 0; i < from->nkeywords; i++)
		bytes += sizeof(struct hm_str) + from->keywords[i].len + 1;
	box = hm_xalloc(bytes);
	atomic_init(&box->refs, 1);
	box->m = *from;
	pos = (char *)(box->keywords + from->nkeywords);
	box->m.name = place(&pos, from->name);
	for (i = 0; i < from->nkeywords; i++)
		box->keywords[i] = place(&pos, from->keywords[i]);
	box->m.keywords = box->keywords;
	return &box->m;
}

const struct hm_mailbox *
hm_mailbox_ref(const struct hm_mailbox *m)
{
	refs_take(&OUTER(m, struct mailbox, m)->refs);
	return m;
}

void
hm_mailbox_unref(const struct hm_mailbox *m)
{
	struct mailbox *box;

	if (!m)
		return;
	box = OUTER(m, struct mailbox, m);
	if (refs_drop(&box->refs))
		free(box);
}

/* ---- the list --------------------------------------------------------- */

/* The length of a first element that is INBOX in any case, else 0. */
static size_t
inbox_len(struct hm_str name)
{
	if (name.len < 5 || strncasecmp(name.p, "INBOX", 5) != 0 ||
	    (name.len > 5 && name.p[5] != '/'))
		return 0;
	return 5;
}

static int
cmp_bytes(struct hm_str a, struct hm_str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int c = len > 0 ? memcmp(a.p, b.p, len) : 0;

	return c ? c : a.len < b.len ? -1 : a.len > b.len;
}

int
hm_mailbox_cmp(struct hm_str a, struct hm_str b)
{
	size_t ia = inbox_len(a), ib = inbox_len(b);

	if (ia && ib)
		return cmp_bytes((struct hm_str){ a.p + ia, a.len - ia },
		    (struct hm_str){ b.p + ib, b.len - ib });
	if (ia || ib)
		return ia ? -1 : 1;
	return cmp_bytes(a, b);
}

static int
by_name(const void *va, const void *vb)
{
	const struct hm_mailbox *const *a = va, *const *b = vb;

	return hm_mailbox_cmp((*a)->name, (*b)->name);
}

static int
by_text(const void *va, const void *vb)
{
	const struct hm_str *a = va, *b = vb;

	return hm_mailbox_cmp(*a, *b);
}

static struct names *
make_names(const struct hm_str *from, size_t n)
{
	size_t bytes = sizeof(struct names), i;
	struct names *names;
	char *pos;

	for (i = 0; i < n; i++)
		bytes += sizeof(struct hm_str) + from[i].len + 1;
	names = hm_xalloc(bytes);
	atomic_init(&names->refs, 1);
	names->n = n;
	pos = (char *)(names->at + n);
	for (i = 0; i < n; i++)
		names->at[i] = place(&pos, from[i]);
	qsort(names->at, n, sizeof(names->at[0]), by_text);
	return names;
}

struct hm_mailboxes *
hm_mailboxes_new(uint64_t modseq, const struct hm_mailbox *const *at, size_t n,
    const struct hm_mailboxes *from, const struct hm_str *subscribed,
    size_t nsubscribed)
{
	struct all *a = hm_xalloc(sizeof(*a) + n * sizeof(a->at[0]));
	size_t i;

	atomic_init(&a->refs, 1);
	a->ids = hm_xalloc(n * sizeof(*a->ids));
	for (i = 0; i < n; i++)
		a->at[i] = hm_mailbox_ref(at[i]);
	qsort(a->at, n, sizeof(a->at[0]), by_name);
	for (i = 0; i < n; i++)
		a->ids[i] = a->at[i]->id;
	if (from && !subscribed) {
		a->subscribed = OUTER(from, struct all, all)->subscribed;
		refs_take(&a->subscribed->refs);
	} else {
		a->subscribed = make_names(subscribed, nsubscribed);
	}
	a->all = (struct hm_mailboxes){ .modseq = modseq, .n = n, .at = a->at,
		.nsubscribed = a->subscribed->n,
		.subscribed = a->subscribed->at };
	return &a->all;
}

struct hm_mailboxes *
hm_mailboxes_ref(struct hm_mailboxes *all)
{
	refs_take(&OUTER(all, struct all, all)->refs);
	return all;
}

void
hm_mailboxes_unref(struct hm_mailboxes *all)
{
	struct all *a;
	size_t i;

	if (!all)
		return;
	a = OUTER(all, struct all, all);
	if (!refs_drop(&a->refs))
		return;
	for (i = 0; i < a->all.n; i++)
		hm_mailbox_unref(a->at[i]);
	if (refs_drop(&a->subscribed->refs))
		free(a->subscribed);
	free(a->ids);
	free(a);
}

const struct hm_mailbox *
hm_mailboxes_find(const struct hm_mailboxes *all, struct hm_str name)
{
	size_t low = 0, high = all->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = hm_mailbox_cmp(all->at[mid]->name, name);

		if (c == 0)
			return all->at[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct hm_mailbox *
hm_mailboxes_by_id(const struct hm_mailboxes *all, uint64_t id)
{
	const struct all *a = OUTER(all, struct all, all);
	size_t i;

	for (i = 0; i < all->n; i++)
		if (a->ids[i] == id)
			return all->at[i];
	return NULL;
}

bool
hm_mailboxes_subscribed(const struct hm_mailboxes *all, struct hm_str name)
{
	size_t low = 0, high = all->nsubscribed;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = hm_mailbox_cmp(all->subscribed[mid], name);

		if (c == 0)
			return true;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}
