/* change.c - flags and keywords of messages. */
#include "store.h"

struct change {
	struct hm_flags_change *c;
	struct hm_uidset_builder changed, modified;
	uint64_t msgid;              /* of the first that changed */
	uint32_t uid, count;
};

/* What the entry's flags become. */
static void
turn(const struct hm_flags_change *c, unsigned flags, uint64_t bits,
    struct hm_entry *e)
{
	switch (c->op) {
	case HM_FLAGS_SET:
		e->flags = (uint16_t)flags;
		e->keywords = bits;
		break;
	case HM_FLAGS_ADD:
		e->flags |= (uint16_t)flags;
		e->keywords |= bits;
		break;
	case HM_FLAGS_REMOVE:
		e->flags &= (uint16_t)~flags;
		e->keywords &= ~bits;
		break;
	}
}

static void
change_group(struct change *ch, struct store_tx_box *b,
    struct store_group *g, unsigned flags, uint64_t bits, uint64_t modseq)
{
	struct hm_flags_change *c = ch->c;
	struct hm_entry was, *e;

	for (e = g->e; e < g->e + g->n; e++) {
		if (!hm_uidset_has(c->uids, e->uid))
			continue;
		if (e->modseq > c->unchangedsince) {
			hm_uidset_add(&ch->modified, e->uid, e->uid);
			continue;
		}
		was = *e;
		turn(c, flags, bits, e);
		if (e->flags == was.flags && e->keywords == was.keywords)
			continue;
		e->modseq = modseq;
		store_count(&b->m, &was, -1);
		store_count(&b->m, e, 1);
		g->dirty = true;
		g->modseq = modseq;
		if (ch->count++ == 0) {
			ch->uid = e->uid;
			ch->msgid = e->msgid;
		}
		hm_uidset_add(&ch->changed, e->uid, e->uid);
	}
}

static bool
any_meant(const struct change *ch, const struct store_tx_box *b)
{
	const struct store_group *g;
	unsigned i;

	for (g = b->groups; g; g = g->next)
		for (i = 0; i < g->n; i++)
			if (hm_uidset_has(ch->c->uids, g->e[i].uid) &&
			    g->e[i].modseq <= ch->c->unchangedsince)
				return true;
	return false;
}

static int
flags_fn(struct store_tx *tx, void *arg)
{
	struct change *ch = arg;
	struct hm_flags_change *c = ch->c;
	unsigned flags = c->flags;
	uint64_t bits = 0, modseq = tx->state.modseq + 1;
	struct store_tx_box *b;
	struct store_group *g;
	struct hm_uidset set;
	int r;

	hm_uidset_release(&ch->changed);
	hm_uidset_release(&ch->modified);
	ch->count = 0;
	c->ret_modseq = 0;
	if ((r = store_tx_box(tx, c->mailbox, &b)) < 0 ||
	    (r = store_tx_load(tx, b, c->uids)) < 0)
		return r;
	/* The table of keywords grows only for messages that are there. */
	r = store_keywords(tx, b, c->nkeywords, c->keywords,
	    c->op != HM_FLAGS_REMOVE && any_meant(ch, b), &bits, &flags);
	if (r < 0)
		return r;
	for (g = b->groups; g; g = g->next)
		change_group(ch, b, g, flags & STORE_FLAGS, bits, modseq);
	if (ch->count == 0)
		return 0;
	b->m.modseq = c->ret_modseq = store_tx_modseq(tx);
	b->dirty = true;
	store_tx_set(tx, &ch->changed, &set);
	store_tx_note(tx, STORE_CHANGED, modseq, b->m.id, ch->msgid, ch->uid,
	    ch->count);
	return store_tx_log(tx, modseq, HM_LOGGED_FLAGS, b->m.id, &set);
}

int
store_flags(struct hm_account *acc, struct hm_flags_change *c,
    struct hm_err *reterr)
{
	struct change ch = { .c = c };
	int r;

	c->ret_modified = (struct hm_uidset){ 0, NULL };
	r = store_write(acc, flags_fn, &ch, reterr);
	if (r == 0 && c->arena)
		hm_uidset_take(&ch.modified, c->arena, &c->ret_modified);
	hm_uidset_release(&ch.modified);
	hm_uidset_release(&ch.changed);
	return r;
}
