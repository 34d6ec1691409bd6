/* publish.c - from a committed change to what sessions see. */
#include "store.h"

/* ---- after the transaction, under the account's lock ------------------------- */

static struct store_tx_box *
tx_find(struct store_tx *tx, uint64_t id)
{
	struct store_tx_box *b;

	for (b = tx->boxes; b; b = b->next)
		if (b->m.id == id)
			return b;
	return NULL;
}

static struct hm_mailboxes *
next_list(struct store_tx *tx)
{
	const struct hm_mailboxes *old = tx->a->head;
	const struct hm_mailbox **at;
	struct hm_mailboxes *list;
	struct store_tx_box *b;
	size_t n = old->n, i;

	for (b = tx->boxes; b; b = b->next)
		n++;
	at = hm_alloc_array(tx->arena, n, sizeof(*at));
	for (i = n = 0; i < old->n; i++) {
		b = tx_find(tx, old->at[i]->id);
		if (!b || !(b->removed || b->dirty))
			at[n++] = hm_mailbox_ref(old->at[i]);
	}
	for (b = tx->boxes; b; b = b->next)
		if (b->dirty && !b->removed)
			at[n++] = hm_mailbox_new(&b->m);
	list = hm_mailboxes_new(tx->state.modseq, at, n, old, tx->subs,
	    tx->nsubs);
	for (i = 0; i < n; i++)
		hm_mailbox_unref(at[i]);
	return list;
}

static struct store_box *
box_of(struct acct *a, const struct store_tx_box *b)
{
	struct store_box *box = store_box_find(a, b->m.id);

	return box ? box : store_box_add(a, b->m.id);
}

/* Messages left: views made from now on hold the next batch. */
static void
close_batch(struct store_tx *tx, struct store_box *box,
    struct store_tx_box *b)
{
	struct store_batch *old = box->batch;

	if (b->batch == 0 && !b->moved)
		return;
	old->modseq = b->batch;
	old->next = box->batch = store_batch_new(tx->a);
	store_batch_ref(box->batch);     /* one for old, one for the box */
	if (b->moved && b->moved != b) {
		old->moved = box_of(tx->a, b->moved)->batch;
		store_batch_ref(old->moved);
	}
	store_batch_unref(old);
}

static struct hm_view *
next_view(struct store_box *box, struct store_tx_box *b)
{
	struct hm_view *view = hm_view_copy(box->id, box->head);
	struct store_group *g;

	for (g = b->groups; g; g = g->next)
		if (g->dirty)
			hm_view_set_group(view, g->number, g->e, g->n);
	store_batch_hold(view, box->batch);
	hm_view_finish(view, b->m.modseq, b->m.uidnext);
	return view;
}

static void
apply_box(struct store_tx *tx, struct store_tx_box *b, struct store_pub *pub)
{
	struct acct *a = tx->a;
	struct store_box *box;
	struct hm_view *view;

	if (b->removed && b->created)
		return;
	box = box_of(a, b);
	close_batch(tx, box, b);
	if (b->removed) {
		store_box_set_head(a, box, NULL);
		pub->at[pub->n++] = (struct store_pub_box){ b->m.id, NULL, true };
	} else if (box->head) {
		view = next_view(box, b);
		pub->at[pub->n++] = (struct store_pub_box){ b->m.id,
			hm_view_ref(view), false };
		store_box_set_head(a, box, view);
	}
}

void
store_apply(struct store_tx *tx)
{
	struct acct *a = tx->a;
	struct hm_mailboxes *list = next_list(tx);
	struct store_tx_box *b;
	struct store_pub *pub;
	size_t n = 0;

	for (b = tx->boxes; b; b = b->next)
		n++;
	pub = hm_xalloc(sizeof(*pub) + n * sizeof(pub->at[0]));
	pub->boxes = hm_mailboxes_ref(list);
	pub->bytes = tx->state.bytes;
	pub->number = tx->pub = ++a->last_pub;
	for (b = tx->boxes; b; b = b->next)
		if (b->dirty)
			apply_box(tx, b, pub);
	hm_mailboxes_unref(a->head);
	a->head = list;
	pthread_mutex_lock(&a->snap);
	*a->pending_end = pub;
	a->pending_end = &pub->next;
	pthread_mutex_unlock(&a->snap);
}

/* ---- after the sync ------------------------------------------------------------ */

/* Exchanges what sessions see with what pub holds. */
static void
swap_in(struct acct *a, struct store_pub *pub)
{
	struct hm_mailboxes *boxes = a->now;
	size_t i;

	a->now = pub->boxes;
	pub->boxes = boxes;
	a->bytes = pub->bytes;
	for (i = 0; i < pub->n; i++) {
		struct store_pub_box *pb = &pub->at[i];
		struct store_box *box = store_box_at(a, pb->box);
		struct hm_view *old;

		if (!box)
			continue;
		old = box->now;
		box->now = pb->view;
		pb->view = old;
	}
}

static void
pub_free(struct acct *a, struct store_pub *pub)
{
	size_t i;

	for (i = 0; i < pub->n; i++) {
		hm_view_unref(pub->at[i].view);
		if (pub->at[i].gone)
			store_box_drop(a, pub->at[i].box);
	}
	hm_mailboxes_unref(pub->boxes);
	free(pub);
}

static void
publish_up_to(struct acct *a, uint64_t number)
{
	struct store_pub *pub, *done = NULL;

	pthread_mutex_lock(&a->snap);
	while ((pub = a->pending) && pub->number <= number) {
		a->pending = pub->next;
		if (!a->pending)
			a->pending_end = &a->pending;
		swap_in(a, pub);
		pub->next = done;
		done = pub;
	}
	pthread_mutex_unlock(&a->snap);
	while ((pub = done)) {
		done = pub->next;
		pub_free(a, pub);
	}
}

void
store_publish(struct store_tx *tx)
{
	publish_up_to(tx->a, tx->pub);
	if (!tx->a->shared->loop)
		store_erase_ready(tx->st, tx->a);
	store_cache_trim(tx->a->shared);
}

int
store_settle(struct store *st, struct acct *a, struct hm_err *reterr)
{
	uint64_t number;
	int r;

	pthread_mutex_lock(&a->lock);
	number = a->last_pub;
	pthread_mutex_unlock(&a->lock);
	r = hm_kv_flush(st->kv, reterr);
	if (r == 0)
		publish_up_to(a, number);
	return r;
}

/* ---- telling ---------------------------------------------------------------------- */

struct told {
	struct acct *a;
	size_t n;
	struct { enum store_event kind; struct hm_change change; } at[];
};

static void
tell(struct store *st, struct acct *a, const struct store_note *notes)
{
	hm_wake(&a->cond);
	for (; notes && st; notes = notes->next)
		if (st->emit)
			st->emit(st, notes->kind, &notes->change);
}

static void
tell_later(void *arg)
{
	struct told *told = arg;
	struct store *st = told->a->shared->current;
	size_t i;

	hm_wake(&told->a->cond);
	for (i = 0; st && i < told->n; i++)
		st->emit(st, told->at[i].kind, &told->at[i].change);
	store_acct_unref(told->a);
	free(told);
}

void
store_notify(struct store_tx *tx)
{
	const struct store_note *note;
	struct told *told;
	size_t n = 0;

	if (!tx->dirty)
		return;
	if (!tx->a->shared->loop || hm_fiber_self()) {
		tell(tx->st, tx->a, tx->notes);
		return;
	}
	for (note = tx->notes; note; note = note->next)
		n++;
	told = hm_xalloc(sizeof(*told) + n * sizeof(told->at[0]));
	told->a = tx->a;
	store_acct_ref(tx->a);
	for (note = tx->notes; note; note = note->next) {
		told->at[told->n].kind = note->kind;
		told->at[told->n++].change = note->change;
	}
	hm_post(tell_later, told);
}
