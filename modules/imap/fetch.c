/* fetch.c - FETCH: from the hot entries alone, or in batches. */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/mime.h>
#include <hermod/plugin.h>

#include "fetch.h"
#include "seqset.h"

void
imap_put_gap(struct imap_fetch *f, struct imap_fetch_msg *m)
{
	if (!m->first)
		hm_buf_putc(&f->c->s->out, ' ');
	m->first = false;
}

static void
put_hot(struct imap_fetch *f, const struct hm_entry *e, enum imap_item item)
{
	struct imap *s = f->c->s;
	struct hm_buf *out = &s->out;

	switch (item) {
	case IMAP_ITEM_UID:
		hm_buf_add(out, "UID ", 4);
		imap_put_u32(out, e->uid);
		break;
	case IMAP_ITEM_FLAGS:
		hm_buf_add(out, "FLAGS (", 7);
		imap_put_entry_flags(s, &f->memo, e);
		hm_buf_putc(out, ')');
		break;
	case IMAP_ITEM_INTERNALDATE:
		hm_buf_puts(out, "INTERNALDATE ");
		imap_put_datetime(out, e->received);
		break;
	case IMAP_ITEM_SIZE:
		hm_buf_add(out, "RFC822.SIZE ", 12);
		imap_put_u32(out, e->size);
		break;
	case IMAP_ITEM_MODSEQ:
		hm_buf_add(out, "MODSEQ (", 8);
		hm_buf_u64(out, e->modseq);
		hm_buf_putc(out, ')');
		break;
	default:
		hm_buf_puts(out, "SAVEDATE ");
		if (e->saved)
			imap_put_datetime(out, e->saved);
		else
			hm_buf_puts(out, "NIL");
	}
}

static void
put_stored(struct imap_fetch *f, struct imap_fetch_msg *m, const char *name,
    struct hm_str text)
{
	/* Nothing is said where there is nothing to say. */
	if (!text.len) {
		imap_fetch_failed(f, m, m->stored->msgid ? -HM_ECORRUPT :
		    -HM_ENOENT, "a part of its record is missing");
		return;
	}
	imap_put_gap(f, m);
	hm_buf_puts(&f->c->s->out, name);
	hm_buf_str(&f->c->s->out, text);
}

static void
put_item(struct imap_fetch *f, struct imap_fetch_msg *m,
    const struct imap_fetch_item *item)
{
	struct hm_stored none = { 0 };
	const struct hm_stored *st = m->stored ? m->stored : &none;

	switch (item->item) {
	case IMAP_ITEM_ENVELOPE:
		put_stored(f, m, "ENVELOPE ", st->envelope);
		break;
	case IMAP_ITEM_BODY:
		put_stored(f, m, "BODY ", st->body);
		break;
	case IMAP_ITEM_BODYSTRUCTURE:
		put_stored(f, m, "BODYSTRUCTURE ", st->bodystructure);
		break;
	case IMAP_ITEM_SECTION:
		imap_put_section(f, m, item);
		break;
	case IMAP_ITEM_BINARY:
	case IMAP_ITEM_BINARY_SIZE:
		imap_put_binary(f, m, item);
		break;
	default:
		imap_put_gap(f, m);
		put_hot(f, m->entry, item->item);
	}
}

static void
put_message(struct imap_fetch *f, struct imap_fetch_msg *m)
{
	struct imap *s = f->c->s;
	const struct hm_store *store = s->srv->store;
	size_t i, from = s->out.len;

	m->first = true;
	hm_buf_add(&s->out, "* ", 2);
	imap_put_u32(&s->out, m->seq);
	hm_buf_add(&s->out, " FETCH (", 8);
	for (i = 0; i < f->n && !s->broken; i++)
		put_item(f, m, &f->items[i]);
	/* Nothing was left of it: then nothing was handed on either. */
	if (m->first)
		s->out.len = from;
	else
		hm_buf_add(&s->out, ")\r\n", 3);
	if (m->body)
		store->ops->body_close(m->body);
	if (f->sets_seen && !m->failed && !(m->entry->flags & HM_FLAG_SEEN))
		hm_uidset_add(&f->seen, m->entry->uid, m->entry->uid);
	imap_pump(s);
}

/* The hot loop: nothing but entries, and nothing that suspends but output. */
static void
put_hot_message(struct imap_fetch *f, const struct hm_entry *e, uint32_t seq)
{
	struct hm_buf *out = &f->c->s->out;
	size_t i;

	hm_buf_add(out, "* ", 2);
	imap_put_u32(out, seq);
	hm_buf_add(out, " FETCH (", 8);
	for (i = 0; i < f->n; i++) {
		if (i)
			hm_buf_putc(out, ' ');
		put_hot(f, e, f->items[i].item);
	}
	hm_buf_add(out, ")\r\n", 3);
	imap_pump(f->c->s);
}

struct batch {
	size_t n, ahead;             /* messages; bytes of the small ones */
	const struct hm_entry *entry[IMAP_FETCH_BATCH];
	uint32_t seq[IMAP_FETCH_BATCH];
	uint64_t msgid[IMAP_FETCH_BATCH];
	struct hm_stored stored[IMAP_FETCH_BATCH];
	struct hm_str bytes[IMAP_FETCH_BATCH];
	struct hm_arena *arena;
};

static int
load_batch(struct imap_fetch *f, struct batch *b, struct hm_err *err)
{
	struct imap *s = f->c->s;
	const struct hm_store *store = s->srv->store;
	int r = 0;

	if (b->n && f->parts)
		r = store->ops->load(s->acc, b->msgid, b->n, f->parts, b->arena,
		    b->stored, err);
	if (r == 0 && b->n && f->bytes && HM_HAS(store, bodies))
		r = store->ops->bodies(s->acc, b->msgid, b->n, IMAP_FETCH_SMALL,
		    b->arena, b->bytes, err);
	return r;
}

static int
put_batch(struct imap_fetch *f, struct batch *b, struct hm_err *err)
{
	struct imap *s = f->c->s;
	size_t i;
	int r = load_batch(f, b, err);

	for (i = 0; r == 0 && i < b->n && !s->broken; i++) {
		struct imap_fetch_msg m = {
			.entry = b->entry[i], .seq = b->seq[i],
			.arena = b->arena,
			.stored = f->parts ? &b->stored[i] : NULL,
			.bytes = b->bytes[i],
		};

		put_message(f, &m);
	}
	hm_arena_clear(b->arena);
	memset(b->bytes, 0, b->n * sizeof(b->bytes[0]));
	b->n = b->ahead = 0;
	return r;
}

static int
batch_add(struct imap_fetch *f, struct batch *b, const struct hm_entry *e,
    uint32_t seq, struct hm_err *err)
{
	b->entry[b->n] = e;
	b->seq[b->n] = seq;
	b->msgid[b->n] = e->msgid;
	if (f->bytes && e->size <= IMAP_FETCH_SMALL)
		b->ahead += e->size;
	if (++b->n < IMAP_FETCH_BATCH && b->ahead < IMAP_FETCH_AHEAD)
		return 0;
	return put_batch(f, b, err);
}

static int
walk_cold(struct imap_fetch *f, const struct hm_uidset *seqs,
    struct hm_err *err)
{
	struct batch *b = hm_alloc(f->c->arena, sizeof(*b));
	struct imap *s = f->c->s;
	const struct hm_entry *e;
	struct imap_sel_iter it;
	size_t i;
	int r = 0;

	b->arena = hm_arena_new(f->c->arena, "imap fetch batch");
	for (i = 0; i < seqs->n && r == 0 && !s->broken; i++) {
		imap_sel_iter(&it, s->sel, seqs->at[i].first);
		while (r == 0 && !s->broken && it.seq < seqs->at[i].last &&
		    (e = imap_sel_next(&it)) != NULL) {
			if (f->changed_only && e->modseq <= f->changedsince)
				continue;
			r = batch_add(f, b, e, it.seq, err);
		}
	}
	if (r == 0 && !s->broken)
		r = put_batch(f, b, err);
	return r;
}

static void
walk_hot(struct imap_fetch *f, const struct hm_uidset *seqs)
{
	struct imap *s = f->c->s;
	const struct hm_entry *e;
	struct imap_sel_iter it;
	size_t i;

	for (i = 0; i < seqs->n && !s->broken; i++) {
		imap_sel_iter(&it, s->sel, seqs->at[i].first);
		while (!s->broken && it.seq < seqs->at[i].last &&
		    (e = imap_sel_next(&it)) != NULL)
			if (!f->changed_only || e->modseq > f->changedsince)
				put_hot_message(f, e, it.seq);
	}
}

/* What was read is seen; one transaction for all, told by the reply. */
static int
set_seen(struct imap_fetch *f, struct hm_err *err)
{
	struct imap *s = f->c->s;
	const struct hm_store *store = s->srv->store;
	struct hm_uidset uids;
	struct hm_flags_change change = {
		.mailbox = s->sel->mailbox, .uids = &uids,
		.op = HM_FLAGS_ADD, .flags = HM_FLAG_SEEN,
		.unchangedsince = UINT64_MAX, .arena = f->c->arena,
	};

	hm_uidset_take(&f->seen, f->c->arena, &uids);
	if (uids.n == 0 || s->sel->read_only || s->sel->gone || s->broken)
		return 0;
	return store->ops->flags(s->acc, &change, err);
}

static bool
take_args(struct imap_cmd *c, struct imap_seqset *set, struct imap_fetch *f)
{
	if (imap_p_sp(&c->p) && imap_p_seqset(&c->p, set) && imap_p_sp(&c->p) &&
	    imap_p_fetch(&c->p, f)) {
		if (!f->changed_only || f->changedsince ||
		    !hm_server(c->s->srv->mod)->pedantic)
			return true;
		imap_p_fail(&c->p, "a number above 0");
	}
	imap_bad_syntax(c);
	return false;
}

/* UID FETCH always tells the uid, first. */
static void
add_uid(struct imap_fetch *f, struct hm_arena *arena)
{
	struct imap_fetch_item *items;
	size_t i;

	items = hm_alloc_array(arena, f->n + 1, sizeof(*items));
	items[0].item = IMAP_ITEM_UID;
	for (i = 0; i < f->n; i++)
		items[i + 1] = f->items[i];
	f->items = items;
	f->n++;
}

static void
reply(struct imap_fetch *f, int r, struct hm_err *err)
{
	struct imap_cmd *c = f->c;

	if (r == 0 && f->failed)
		r = hm_err_set(err, f->failed, "not every message can be read");
	if (r < 0 && r != -HM_ENOENT)
		imap_no_err(c, r, err);
	else if (f->unknown_cte)
		imap_no(c, "[UNKNOWN-CTE] a part has an unknown encoding");
	else if (r == -HM_ENOENT)
		imap_no(c, "[EXPUNGEISSUED] some messages no longer exist");
	else
		imap_ok(c, "done");
}

void
imap_cmd_fetch(struct imap_cmd *c)
{
	struct imap_fetch f = { .c = c };
	struct hm_uidset uids, seqs;
	struct hm_err err = { 0 };
	struct imap_seqset set;
	int r = 0;

	if (!take_args(c, &set, &f))
		return;
	if (imap_cmd_uid(c) && !f.has_uid)
		add_uid(&f, c->arena);
	if (f.has_modseq)
		imap_enable_condstore(c->s);
	imap_sync(c->s, false, NULL);
	if (imap_resolve(c, &set, &uids)) {
		imap_sel_seqs(c->s->sel, &uids, c->arena, &seqs);
		if (f.cold)
			r = walk_cold(&f, &seqs, &err);
		else
			walk_hot(&f, &seqs);
		if (r == 0)
			r = set_seen(&f, &err);
		reply(&f, r, &err);
	}
	hm_uidset_release(&f.seen);
	hm_buf_release(&f.memo.text);
}
