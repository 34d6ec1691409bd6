/* compare.c - whether the parts of an account agree with each other. */
#include "check.h"

/* ---- mailboxes -------------------------------------------------------------------- */

static void
differs(struct check *ck, const struct check_box *b, const char *what,
    uint64_t is, uint64_t recorded)
{
	ck->fixable = true;
	check_report(ck, "mailbox %.*s: %s is %llu, recorded as %llu",
	    HM_FMT(b->m.name), what, (unsigned long long)is,
	    (unsigned long long)recorded);
}

static void
compare_box(struct check *ck, struct check_box *b)
{
	const struct { const char *what; uint64_t is, recorded; } counts[] = {
		{ "number of messages", b->sum.messages, b->m.messages },
		{ "number of deleted", b->sum.deleted, b->m.deleted },
		{ "number of unseen", b->sum.unseen, b->m.unseen },
		{ "size", b->sum.bytes, b->m.bytes },
	};
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(counts); i++)
		if (counts[i].is != counts[i].recorded)
			differs(ck, b, counts[i].what, counts[i].is,
			    counts[i].recorded);
	if (b->m.uidnext <= b->last_uid)
		differs(ck, b, "its highest uid", b->last_uid, b->m.uidnext);
	if (b->m.modseq < b->sum.modseq)
		differs(ck, b, "its highest modseq", b->sum.modseq, b->m.modseq);
	if (b->m.modseq > ck->state.modseq || b->m.createseq > b->m.modseq)
		differs(ck, b, "modseq", b->m.modseq, ck->state.modseq);
	if (b->m.uidvalidity == 0 ||
	    b->m.uidvalidity >= ck->state.next_uidvalidity)
		differs(ck, b, "uidvalidity", b->m.uidvalidity,
		    ck->state.next_uidvalidity);
	if (b->m.id >= ck->state.next_mailbox)
		differs(ck, b, "id", b->m.id, ck->state.next_mailbox);
}

static int
by_name(const void *va, const void *vb)
{
	const struct hm_mailbox *const *a = va, *const *b = vb;

	return hm_mailbox_cmp((*a)->name, (*b)->name);
}

static int
by_uidvalidity(const void *va, const void *vb)
{
	const struct hm_mailbox *const *a = va, *const *b = vb;

	return (*a)->uidvalidity < (*b)->uidvalidity ? -1 :
	    (*a)->uidvalidity > (*b)->uidvalidity;
}

static void
compare_names(struct check *ck)
{
	size_t n = ck->box.n, i;
	const struct hm_mailbox **at = hm_alloc_array(ck->arena, n, sizeof(*at));
	unsigned used = 0;

	for (i = 0; i < n; i++) {
		at[i] = &ck->box.at[i].m;
		if (at[i]->special_use & used)
			check_report(ck, "mailbox %.*s has a special use that"
			    " another one has", HM_FMT(at[i]->name));
		used |= at[i]->special_use;
	}
	qsort(at, n, sizeof(*at), by_name);
	for (i = 1; i < n; i++)
		if (by_name(&at[i - 1], &at[i]) == 0)
			check_report(ck, "two mailboxes are named %.*s",
			    HM_FMT(at[i]->name));
	qsort(at, n, sizeof(*at), by_uidvalidity);
	for (i = 1; i < n; i++)
		if (by_uidvalidity(&at[i - 1], &at[i]) == 0)
			check_report(ck, "mailboxes %.*s and %.*s have one"
			    " uidvalidity", HM_FMT(at[i - 1]->name),
			    HM_FMT(at[i]->name));
}

static void
sum_entries(struct check *ck)
{
	struct check_box *b = NULL;
	size_t i;

	for (i = 0; i < ck->entry.n; i++) {
		const struct check_entry *ce = &ck->entry.at[i];

		if (!b || b->m.id != ce->box) {
			b = check_find_box(ck, ce->box);
			b->first = i;
		}
		b->n++;
		store_count(&b->sum, &ce->e, 1);
		if (ce->e.modseq > b->sum.modseq)
			b->sum.modseq = ce->e.modseq;
		b->last_uid = ce->e.uid;
		if (b->m.nkeywords < 64 && ce->e.keywords >> b->m.nkeywords)
			check_report(ck, "mailbox %.*s: message %u has an unknown"
			    " keyword", HM_FMT(b->m.name), ce->e.uid);
	}
}

static void
compare_state(struct check *ck)
{
	uint64_t bytes = 0, messages = 0;
	size_t i;

	for (i = 0; i < ck->box.n; i++) {
		bytes += ck->box.at[i].sum.bytes;
		messages += ck->box.at[i].sum.messages;
	}
	if (bytes != ck->state.bytes || messages != ck->state.messages) {
		ck->fixable = true;
		check_report(ck, "holds %llu messages of %llu bytes, recorded are"
		    " %llu of %llu", (unsigned long long)messages,
		    (unsigned long long)bytes,
		    (unsigned long long)ck->state.messages,
		    (unsigned long long)ck->state.bytes);
	}
	if (ck->msg.n > 0 &&
	    ck->msg.at[ck->msg.n - 1].id >= ck->state.next_msgid) {
		ck->fixable = true;
		check_report(ck, "the counter of message ids is too low");
	}
}

/* ---- messages ----------------------------------------------------------------------- */

static bool
to_be_erased(const struct check *ck, uint64_t id)
{
	size_t low = 0, high = ck->erase.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ck->erase.at[mid] < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < ck->erase.n && ck->erase.at[low] == id;
}

static void
entry_report(struct check *ck, const struct check_entry *ce, const char *why)
{
	const struct check_box *b = check_find_box(ck, ce->box);

	check_report(ck, "mailbox %.*s: message with uid %u (id %llu) %s",
	    HM_FMT(b->m.name), ce->e.uid, (unsigned long long)ce->e.msgid, why);
}

static void
entry_bad(struct check *ck, struct check_entry *ce, int state, const char *why)
{
	ce->state = state;
	ck->fixable = true;
	entry_report(ck, ce, why);
}

static void
compare_entry(struct check *ck, struct check_entry *ce)
{
	struct check_msg *cm = check_find_msg(ck, ce->e.msgid);
	struct check_cold *cc;

	if (!cm) {
		entry_bad(ck, ce, ENTRY_LOST, "has no record");
		return;
	}
	if (!cm->orphan) {
		entry_bad(ck, ce, ENTRY_TWICE, "stands in a mailbox twice");
		return;
	}
	cm->orphan = false;
	if (cm->m.mailbox != ce->box || cm->m.uid != ce->e.uid)
		check_report(ck, "message %llu does not know where it is",
		    (unsigned long long)cm->id);
	if (ce->e.modseq < cm->m.createseq)
		check_report(ck, "message %llu changed before it was there",
		    (unsigned long long)cm->id);
	if (cm->waiting)
		check_report(ck, "message %llu is there but to be erased",
		    (unsigned long long)cm->id);
	cc = check_find_cold(ck, cm->m.cold);
	if (!cc) {
		entry_bad(ck, ce, ENTRY_LOST, "has lost its content");
	} else if (cc->body_bad) {
		entry_bad(ck, ce, ENTRY_LOST, cc->body_bad);
	} else if (cc->bytes != ce->e.size) {
		ce->size = (uint32_t)cc->bytes;
		entry_bad(ck, ce, ENTRY_RESIZE, "has another size than recorded");
	}
	if (cc && cc->body_unread)
		entry_report(ck, ce, cc->body_unread);
}

/* A message that its mailbox has lost goes back to where it says that it was,
 * or to INBOX; one without content is nothing any more. */
static void
lost_entry(struct check *ck, struct check_msg *cm)
{
	struct check_cold *cc = check_find_cold(ck, cm->m.cold);
	struct check_box *b = check_find_box(ck, cm->m.mailbox);
	size_t i;

	ck->fixable = true;
	for (i = 0; i < ck->box.n && !b; i++)
		if (hm_str_eq(ck->box.at[i].m.name, HM_STR("INBOX")))
			b = &ck->box.at[i];
	if (cc && !cc->body_bad && b) {
		cm->home = b->m.id;
		cm->size = (uint32_t)cc->bytes;
		check_report(ck, "mailbox %.*s: message %llu is missing",
		    HM_FMT(b->m.name), (unsigned long long)cm->id);
		return;
	}
	check_report(ck, "message %llu is in no mailbox",
	    (unsigned long long)cm->id);
}

static void
compare_messages(struct check *ck)
{
	struct check_cold *cc;
	struct check_msg *cm;
	size_t i;

	for (i = 0; i < ck->msg.n; i++) {
		cm = &ck->msg.at[i];
		cm->orphan = true;
		cm->waiting = to_be_erased(ck, cm->id);
		if ((cc = check_find_cold(ck, cm->m.cold)))
			cc->users++;
	}
	for (i = 0; i < ck->entry.n; i++)
		compare_entry(ck, &ck->entry.at[i]);
	for (i = 0; i < ck->msg.n; i++) {
		cm = &ck->msg.at[i];
		if (cm->waiting)
			cm->orphan = false;
		if (cm->orphan)
			lost_entry(ck, cm);
	}
}

static void
compare_contents(struct check *ck)
{
	struct check_cold *cc;
	unsigned rows;
	size_t i;

	for (i = 0; i < ck->cold.n; i++) {
		cc = &ck->cold.at[i];
		rows = (cc->id_hash ? 1 : 0) | (cc->subject_hash ? 2 : 0);
		if (cc->users == 0) {
			ck->fixable = true;
			check_report(ck, "content %llu belongs to no message",
			    (unsigned long long)cc->id);
		} else if (cc->rows != rows) {
			ck->fixable = true;
			check_report(ck, "message %llu is missing in the index",
			    (unsigned long long)cc->id);
		}
	}
}

/* What looked bad is looked at again: it may be gone, rightly, by now. */
static void
compare_bodies(struct check *ck)
{
	struct check_cold *cc;
	char text[300];
	size_t i;
	int r;

	for (i = 0; i < ck->body.n; i++) {
		cc = check_find_cold(ck, ck->body.at[i].cold);
		r = cc ? check_body(ck, &ck->body.at[i], text) : 1;
		if (r == 0)
			cc->body_bad = hm_printf(ck->arena,
			    "has lost its body: %s", text);
		else if (r < 0)
			cc->body_unread = hm_printf(ck->arena, "stays as it is, "
			    "though its body cannot be opened: %s", text);
	}
}

bool
check_most_lost(struct check *ck)
{
	size_t i, lost = 0;

	for (i = 0; i < ck->cold.n; i++)
		lost += ck->cold.at[i].body_bad != NULL;
	if (lost < 2 || lost <= ck->cold.n / 2)
		return false;
	check_report(ck, "%zu of %zu bodies are lost, so nothing is repaired: is "
	    "the right disk there, and the right module? --force takes the loss "
	    "as it is", lost, ck->cold.n);
	return true;
}

/* ---- what sessions see --------------------------------------------------------------- */

static void
compare_view(struct check *ck, const struct check_box *b,
    const struct hm_view *view)
{
	const struct hm_entry *e;
	struct hm_view_iter it;
	size_t i;

	hm_view_iter(&it, view, 1);
	for (i = 0; i < b->n; i++) {
		e = hm_view_next(&it);
		if (!e || memcmp(e, &ck->entry.at[b->first + i].e,
		    sizeof(*e)) != 0)
			break;
	}
	if (i < b->n || hm_view_next(&it) ||
	    hm_view_uidnext(view) != b->m.uidnext ||
	    hm_view_modseq(view) != b->m.modseq)
		check_report(ck, "mailbox %.*s differs in memory",
		    HM_FMT(b->m.name));
}

static void
compare_memory(struct check *ck)
{
	const struct hm_mailboxes *head = ck->a->head;
	const struct hm_mailbox *m;
	struct store_box *box;
	size_t i;

	if (head->n != ck->box.n || head->modseq != ck->state.modseq)
		check_report(ck, "the list of mailboxes differs in memory");
	for (i = 0; i < ck->box.n; i++) {
		const struct check_box *b = &ck->box.at[i];

		m = hm_mailboxes_by_id(head, b->m.id);
		if (!m || !hm_str_eq(m->name, b->m.name) ||
		    m->messages != b->m.messages || m->unseen != b->m.unseen ||
		    m->deleted != b->m.deleted || m->bytes != b->m.bytes ||
		    m->modseq != b->m.modseq || m->uidnext != b->m.uidnext)
			check_report(ck, "mailbox %.*s is listed wrongly in"
			    " memory", HM_FMT(b->m.name));
		box = store_box_find(ck->a, b->m.id);
		if (box && box->head)
			compare_view(ck, b, box->head);
	}
}

void
check_compare(struct check *ck)
{
	size_t i;

	if (ck->state.modseq == 0)
		return;
	sum_entries(ck);
	for (i = 0; i < ck->box.n; i++)
		compare_box(ck, &ck->box.at[i]);
	compare_names(ck);
	compare_state(ck);
	compare_bodies(ck);
	compare_messages(ck);
	compare_contents(ck);
	if (ck->a)
		compare_memory(ck);
}
