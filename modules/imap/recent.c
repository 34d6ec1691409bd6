/* recent.c - which messages are \Recent (RFC 3501, 2.3.2). */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/session.h>

#include "imap.h"
#include "recent.h"

enum { TABLE_MIN = 256, TABLE_MAX = 1 << 18, STRETCH = 256 };

struct told {
	uint64_t key;                  /* of a mailbox; 0: free */
	uint32_t next;                 /* some session knows all uids below */
};

struct imap_recent {
	int64_t since_s;               /* nothing is known of before */
	size_t n, cap;                 /* cap: a power of two */
	struct told *at;
};

struct imap_recent *
imap_recent_new(void)
{
	struct imap_recent *r = hm_xalloc(sizeof(*r));

	r->since_s = hm_wall_ms() / 1000;
	r->cap = TABLE_MIN;
	r->at = hm_xalloc(r->cap * sizeof(*r->at));
	return r;
}

void
imap_recent_free(struct imap_recent *r)
{
	if (!r)
		return;
	free(r->at);
	free(r);
}

/* FNV-1a. Who finds two mailboxes of one key has wrong \Recent in them. */
static uint64_t
mix(uint64_t h, const void *p, size_t len)
{
	const unsigned char *c = p;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ c[i]) * UINT64_C(0x100000001b3);
	return h;
}

static uint64_t
key_of(const struct imap *s, const struct hm_mailbox *box)
{
	struct hm_str account = hm_session_account(s->session);
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	h = mix(h, account.p, account.len);
	h = mix(h, &box->id, sizeof(box->id));
	h = mix(h, &box->uidvalidity, sizeof(box->uidvalidity));
	return h ? h : 1;
}

/* The mailbox's place, or the free one where it would be. */
static struct told *
place(const struct imap_recent *r, uint64_t key)
{
	size_t i = (size_t)key & (r->cap - 1);

	while (r->at[i].key && r->at[i].key != key)
		i = (i + 1) & (r->cap - 1);
	return &r->at[i];
}

static void
grow(struct imap_recent *r)
{
	struct told *old = r->at;
	size_t i, n = r->cap;

	r->at = hm_xalloc(2 * n * sizeof(*r->at));
	r->cap = 2 * n;
	for (i = 0; i < n; i++)
		if (old[i].key)
			*place(r, old[i].key) = old[i];
	free(old);
}

static void
remember(struct imap_recent *r, uint64_t key, uint32_t next)
{
	struct told *t = place(r, key);

	if (t->key) {
		if (next > t->next)
			t->next = next;
		return;
	}
	if (r->n >= r->cap / 2 && r->cap == TABLE_MAX) {
		/* Too much to remember: begin anew, as after a restart. */
		memset(r->at, 0, r->cap * sizeof(*r->at));
		r->n = 0;
		r->since_s = hm_wall_ms() / 1000;
	} else if (r->n >= r->cap / 2) {
		grow(r);
	}
	*place(r, key) = (struct told){ key, next };
	r->n++;
}

/* Nothing is remembered. What came since then nobody has seen; of what is older
 * nobody knows, and then it should be taken for recent, but who set \Seen on a
 * message had been told of those before it. The last of these is looked for from
 * the end, some at a time. */
static uint32_t
guess(const struct imap_recent *r, const struct hm_mailbox *box,
    const struct hm_view *view)
{
	uint32_t from, to = hm_view_count(view), next = 0;
	const struct hm_entry *e;
	struct hm_view_iter it;

	if (box->unseen == box->messages)
		return 1;
	for (; to > 0 && !next; to = from) {
		from = to > STRETCH ? to - STRETCH : 0;
		hm_view_iter(&it, view, from + 1);
		while (it.seq < to && (e = hm_view_next(&it)) != NULL)
			if ((e->flags & HM_FLAG_SEEN) && e->saved < r->since_s)
				next = e->uid + 1;
	}
	return next ? next : 1;
}

/* ---- a session's own ---- */

struct hm_uidset
imap_recent_set(const struct imap_selected *sel)
{
	return (struct hm_uidset){ sel->nrecent, sel->recent };
}

static uint32_t
messages_in(const struct imap_selected *sel, uint32_t first, uint32_t last)
{
	return imap_sel_lower(sel, last + 1) - imap_sel_lower(sel, first);
}

uint32_t
imap_recent_count(const struct imap_selected *sel)
{
	uint32_t count = 0;
	size_t i;

	for (i = 0; i < sel->nrecent; i++)
		count += messages_in(sel, sel->recent[i].first,
		    sel->recent[i].last);
	return count;
}

/* Drops ranges without messages, and joins those with none between. */
static void
tidy(struct imap_selected *sel)
{
	struct hm_uidrange *at = sel->recent;
	size_t i, n = 0;

	for (i = 0; i < sel->nrecent; i++) {
		if (!messages_in(sel, at[i].first, at[i].last))
			continue;
		if (n && !messages_in(sel, at[n - 1].last + 1,
		    at[i].first - 1))
			at[n - 1].last = at[i].last;
		else
			at[n++] = at[i];
	}
	sel->nrecent = n;
}

static void
add_range(struct imap_selected *sel, uint32_t first, uint32_t last)
{
	struct hm_uidrange *end;

	end = sel->nrecent ? &sel->recent[sel->nrecent - 1] : NULL;
	if (end && !messages_in(sel, end->last + 1, first - 1)) {
		end->last = last;
		return;
	}
	if (sel->nrecent == sel->recent_cap) {
		tidy(sel);
		if (sel->nrecent >= sel->recent_cap / 2) {
			sel->recent_cap = sel->recent_cap ?
			    sel->recent_cap * 2 : 4;
			sel->recent = hm_xrealloc(sel->recent,
			    sel->recent_cap * sizeof(*sel->recent));
		}
	}
	sel->recent[sel->nrecent++] = (struct hm_uidrange){ first, last };
}

void
imap_recent_take(struct imap *s)
{
	struct imap_recent *r = s->srv->recent;
	struct imap_selected *sel = s->sel;
	uint32_t next, uidnext;
	uint64_t key;
	struct told *t;

	if (!sel->view || !sel->box)
		return;
	uidnext = hm_view_uidnext(sel->view);
	key = key_of(s, sel->box);
	t = place(r, key);
	next = t->key ? t->next : guess(r, sel->box, sel->view);
	if (next < sel->recent_next)
		next = sel->recent_next;
	if (next < uidnext && !(s->enabled & IMAP_REV2))
		add_range(sel, next, uidnext - 1);
	sel->recent_next = uidnext;
	if (!sel->read_only)
		remember(r, key, uidnext);
}

uint32_t
imap_recent_status(struct imap *s, const struct hm_mailbox *box)
{
	struct imap_recent *r = s->srv->recent;
	const struct hm_store *store = s->srv->store;
	struct told *t = place(r, key_of(s, box));
	struct hm_view *view;
	uint32_t next = t->next, count;

	if ((s->enabled & IMAP_REV2) || box->messages == 0 ||
	    (t->key && next >= box->uidnext) ||
	    store->ops->view(s->acc, box->id, &view, NULL) < 0)
		return 0;
	if (!next)
		next = guess(r, box, view);
	count = hm_view_count(view) + 1 - hm_view_lower(view, next);
	hm_view_unref(view);
	return count;
}
