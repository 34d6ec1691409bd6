/* model.c - see model.h. */
#include "model.h"

#include <hermod/spool.h>

enum { BOXES = 12, MSGS = 3000, WORDS = 5 };

struct model_msg {
	uint32_t uid, size, text;
	unsigned flags;
	unsigned words;              /* bit for each of words[] */
	int64_t received;
};

struct model_box {
	bool alive;
	char name[40];
	uint64_t id;
	uint32_t uidvalidity, uidnext;
	unsigned n;
	struct model_msg msg[MSGS];
	struct hm_view *seen;        /* when it was compared last */
};

struct model {
	uint64_t seed;
	uint32_t texts;
	struct model_box box[BOXES];
};

static const char *const words[WORDS] = { "alpha", "beta", "Gamma", "delta",
	"epsilon" };
static const char *const names[BOXES] = { "INBOX", "a", "a/b", "a/b/c", "d",
	"d/e", "f", "g h", "a/x", "Sent", "Archive", "Trash" };

static uint32_t
pick(struct model *m, uint32_t below)
{
	m->seed = m->seed * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (uint32_t)((m->seed >> 33) % below);
}

struct model *
model_new(uint64_t seed)
{
	struct model *m = hm_xalloc(sizeof(*m));

	m->seed = seed;
	return m;
}

void
model_drop_views(struct model *m)
{
	size_t i;

	for (i = 0; i < BOXES; i++) {
		hm_view_unref(m->box[i].seen);
		m->box[i].seen = NULL;
	}
}

void
model_free(struct model *m)
{
	model_drop_views(m);
	free(m);
}

static struct model_box *
find_box(struct model *m, const char *name)
{
	size_t i;

	for (i = 0; i < BOXES; i++)
		if (m->box[i].alive && strcmp(m->box[i].name, name) == 0)
			return &m->box[i];
	return NULL;
}

/* Takes over what the store made: mailboxes are few, and what they are called
 * is tested elsewhere; here it matters what is in them. */
static struct model_box *
adopt(struct model *m, struct kit *k, const char *name)
{
	struct hm_mailbox info = kit_info(k->acc, name);
	struct model_box *b = find_box(m, name);
	size_t i;

	if (b || info.id == 0)
		return b;
	for (i = 0; i < BOXES && m->box[i].alive; i++)
		;
	if (i == BOXES)
		return NULL;
	b = &m->box[i];
	b->alive = true;
	snprintf(b->name, sizeof(b->name), "%s", name);
	b->id = info.id;
	b->uidvalidity = info.uidvalidity;
	b->uidnext = 1;
	b->n = 0;
	return b;
}

static struct model_box *
some_box(struct model *m, struct kit *k)
{
	struct model_box *b = NULL;

	while (!b)
		b = adopt(m, k, names[pick(m, BOXES)]);
	return b;
}

/* ---- changes --------------------------------------------------------------------- */

static bool
failed(const char *what, int r, int want)
{
	if (r != want)
		diag("%s: %s, expected %s", what, r ? hm_err_name(r) : "0",
		    want ? hm_err_name(want) : "0");
	return r != want;
}

static bool
do_append(struct model *m, struct kit *k)
{
	struct model_box *b = some_box(m, k);
	unsigned n = 1 + pick(m, pick(m, 10) ? 4 : 150), i;
	struct hm_append *items;
	struct hm_str word[WORDS];
	char text[300];
	int r;

	if (b->n + n > MSGS)
		return true;
	items = hm_xalloc(n * sizeof(*items));
	for (i = 0; i < WORDS; i++)
		word[i] = hm_str(words[i]);
	for (i = 0; i < n; i++) {
		struct model_msg *mm = &b->msg[b->n + i];
		uint32_t t = m->texts++;
		int len = snprintf(text, sizeof(text), "Message-ID: <%u@x>\r\n"
		    "Subject: %s%u\r\nIn-Reply-To: <%u@x>\r\n\r\n%*s", t,
		    pick(m, 2) ? "Re: " : "", t % 50, pick(m, t + 1), (int)pick(m,
		    100), "x");
		unsigned first = pick(m, WORDS);

		*mm = (struct model_msg){ .uid = b->uidnext + i, .text = t,
			.flags = pick(m, 32), .received = 1000 + t,
			.words = pick(m, 3) ? 0 : 1u << first,
			.size = (uint32_t)len };
		items[i] = (struct hm_append){ .mailbox = b->id,
			.spool = hm_spool_new("/tmp"), .flags = mm->flags,
			.nkeywords = mm->words != 0, .keywords = &word[first],
			.received = mm->received };
		hm_spool_append(items[i].spool, text, (size_t)len, NULL);
	}
	r = store_append(k->acc, items, n, NULL);
	for (i = 0; i < n; i++)
		hm_spool_free(items[i].spool);
	free(items);
	if (failed("append", r, 0))
		return false;
	b->uidnext += n;
	b->n += n;
	return true;
}

static void
some_uids(struct model *m, struct model_box *b, struct hm_arena *arena,
    struct hm_uidset *ret)
{
	struct hm_uidset_builder sb = { 0 };
	unsigned n = 1 + pick(m, 6);

	while (n-- > 0) {
		uint32_t first = 1 + pick(m, b->uidnext + 3);

		hm_uidset_add(&sb, first, first + pick(m, pick(m, 4) ? 3 : 200));
	}
	if (pick(m, 30) == 0)
		hm_uidset_add(&sb, 1, UINT32_MAX);
	hm_uidset_take(&sb, arena, ret);
}

static bool
do_flags(struct model *m, struct kit *k, struct hm_arena *arena)
{
	struct model_box *b = some_box(m, k);
	unsigned word = pick(m, WORDS), bits = pick(m, 2) ? 1u << word : 0;
	struct hm_str name = hm_str(words[word]);
	struct hm_uidset set;
	struct hm_flags_change c = { .mailbox = b->id, .uids = &set,
		.op = (enum hm_flags_op)pick(m, 3), .flags = pick(m, 64) & 0x1f,
		.nkeywords = bits != 0, .keywords = &name,
		.unchangedsince = UINT64_MAX, .arena = arena };
	unsigned i;

	some_uids(m, b, arena, &set);
	if (failed("flags", store_flags(k->acc, &c, NULL), 0))
		return false;
	for (i = 0; i < b->n; i++) {
		struct model_msg *mm = &b->msg[i];

		if (!hm_uidset_has(&set, mm->uid))
			continue;
		if (c.op == HM_FLAGS_SET) {
			mm->flags = c.flags;
			mm->words = bits;
		} else if (c.op == HM_FLAGS_ADD) {
			mm->flags |= c.flags;
			mm->words |= bits;
		} else {
			mm->flags &= ~c.flags;
			mm->words &= ~bits;
		}
	}
	return true;
}

static bool
do_expunge(struct model *m, struct kit *k, struct hm_arena *arena)
{
	struct model_box *b = some_box(m, k);
	bool deleted = pick(m, 2), all = deleted && pick(m, 3) == 0;
	struct hm_uidset set;
	uint32_t count = 0, want = 0;
	unsigned i, kept = 0;
	int r;

	some_uids(m, b, arena, &set);
	r = store_expunge(k->acc, b->id, all ? NULL : &set, deleted, &count,
	    NULL);
	if (failed("expunge", r, 0))
		return false;
	for (i = 0; i < b->n; i++) {
		const struct model_msg *mm = &b->msg[i];

		if ((all || hm_uidset_has(&set, mm->uid)) &&
		    (!deleted || (mm->flags & HM_FLAG_DELETED)))
			want++;
		else
			b->msg[kept++] = *mm;
	}
	b->n = kept;
	if (count != want)
		diag("expunged %u, expected %u", count, want);
	return count == want;
}

static bool
do_copy(struct model *m, struct kit *k, struct hm_arena *arena)
{
	struct model_box *a = some_box(m, k), *b = some_box(m, k);
	struct hm_uidset set;
	struct hm_copy c = { .from = a->id, .to = b->id, .uids = &set,
		.move = pick(m, 2), .arena = arena };
	unsigned i, kept = 0, n = a->n, was = b->n, came;

	some_uids(m, a, arena, &set);
	if (a->n + b->n > MSGS)
		return true;
	if (failed("copy", store_copy(k->acc, &c, NULL), 0))
		return false;
	for (i = 0; i < n; i++) {
		if (hm_uidset_has(&set, a->msg[i].uid)) {
			b->msg[b->n] = a->msg[i];
			b->msg[b->n++].uid = b->uidnext++;
			if (c.move)
				continue;
		}
		a->msg[kept++] = a->msg[i];
	}
	came = b->n - was;
	if (a == b)
		memmove(&a->msg[kept], &a->msg[n], came * sizeof(*a->msg));
	a->n = a == b ? kept + came : kept;
	if (hm_uidset_count(&c.ret_to) != came ||
	    hm_uidset_count(&c.ret_from) != came)
		diag("copied other than %u", came);
	return hm_uidset_count(&c.ret_to) == came;
}

static void
drop(struct model_box *b)
{
	hm_view_unref(b->seen);
	b->seen = NULL;
	b->alive = false;
}

static bool
do_mailbox(struct model *m, struct kit *k)
{
	const char *name = names[pick(m, BOXES)], *to = names[pick(m, BOXES)];
	struct hm_mailbox info;
	size_t i;
	int r;

	if (strcmp(name, "INBOX") == 0)
		return true;
	switch (pick(m, 4)) {
	case 0:
		r = store_mailbox_delete(k->acc, hm_str(name), NULL);
		if (r == 0 && find_box(m, name))
			drop(find_box(m, name));
		return r == 0 || r == -HM_ENOENT || r == -HM_EBUSY;
	case 1:
		r = store_mailbox_rename(k->acc, hm_str(name), hm_str(to), NULL);
		/* Who is who now is told by the ids. */
		for (i = 0; r == 0 && i < BOXES; i++)
			m->box[i].name[0] = '\0';
		for (i = 0; r == 0 && i < k->acc->a->now->n; i++) {
			const struct hm_mailbox *box = k->acc->a->now->at[i];
			size_t j;

			for (j = 0; j < BOXES; j++)
				if (m->box[j].alive && m->box[j].id == box->id)
					snprintf(m->box[j].name,
					    sizeof(m->box[j].name), "%.*s",
					    HM_FMT(box->name));
		}
		return r == 0 || r == -HM_ENOENT || r == -HM_EEXIST;
	default:
		r = store_mailbox_create(k->acc, hm_str(name), 0, NULL, NULL);
		info = kit_info(k->acc, name);
		return (r == 0 && info.messages == 0) || r == -HM_EEXIST;
	}
}

bool
model_step(struct model *m, struct kit *k)
{
	struct hm_arena *arena = hm_arena_new(NULL, "model");
	bool good;

	switch (pick(m, 20)) {
	case 0: case 1: case 2: case 3: case 4: case 5:
		good = do_append(m, k);
		break;
	case 6: case 7: case 8: case 9: case 10:
		good = do_flags(m, k, arena);
		break;
	case 11: case 12: case 13:
		good = do_expunge(m, k, arena);
		break;
	case 14: case 15: case 16: case 17:
		good = do_copy(m, k, arena);
		break;
	default:
		good = do_mailbox(m, k);
		break;
	}
	hm_arena_free(arena);
	return good;
}

/* ---- comparing --------------------------------------------------------------------- */

static unsigned
words_of(const struct hm_mailbox *info, uint64_t bits)
{
	unsigned set = 0, w;
	size_t i;

	for (i = 0; i < info->nkeywords; i++)
		for (w = 0; w < WORDS; w++)
			if ((bits >> i & 1) && hm_str_caseis(info->keywords[i],
			    words[w]))
				set |= 1u << w;
	return set;
}

static bool
same(const struct model_msg *mm, const struct hm_entry *e,
    const struct hm_mailbox *info)
{
	return e && e->uid == mm->uid && e->flags == mm->flags &&
	    e->size == mm->size && e->received == mm->received &&
	    words_of(info, e->keywords) == mm->words;
}

/* Applies what differs to the old view, as a session would. */
static bool
diff_leads_to(const struct hm_view *old, const struct hm_view *now)
{
	struct hm_view_iter a, b;
	const struct hm_entry *ea, *eb;
	struct hm_diff d;
	bool more;

	hm_view_iter(&a, old, 1);
	hm_view_iter(&b, now, 1);
	hm_diff_init(&d, old, now);
	more = hm_diff_next(&d);
	ea = hm_view_next(&a);
	eb = hm_view_next(&b);
	while (ea || eb) {
		if (more && d.kind == HM_DIFF_REMOVED && ea &&
		    ea->uid == d.entry->uid && a.seq == d.old_seq) {
			ea = hm_view_next(&a);
			more = hm_diff_next(&d);
		} else if (more && d.kind == HM_DIFF_ADDED && eb &&
		    eb->uid == d.entry->uid && b.seq == d.new_seq) {
			eb = hm_view_next(&b);
			more = hm_diff_next(&d);
		} else if (ea && eb && ea->uid == eb->uid) {
			if (memcmp(ea, eb, sizeof(*ea)) != 0) {
				if (!more || d.kind != HM_DIFF_CHANGED ||
				    d.entry->uid != eb->uid)
					return false;
				more = hm_diff_next(&d);
			}
			ea = hm_view_next(&a);
			eb = hm_view_next(&b);
		} else {
			return false;
		}
	}
	return !more;
}

static bool
compare_box(struct model_box *b, struct kit *k)
{
	struct hm_view *view = NULL;
	const struct hm_mailbox *info = hm_mailboxes_by_id(k->acc->a->now, b->id);
	unsigned i, deleted = 0, unseen = 0;
	uint64_t bytes = 0;
	bool good = true;

	if (!info || store_view(k->acc, b->id, &view, NULL) < 0) {
		diag("mailbox %s is gone", b->name);
		return false;
	}
	good = hm_view_count(view) == b->n;
	for (i = 0; i < b->n && good; i++) {
		good = same(&b->msg[i], hm_view_at(view, i + 1), info);
		deleted += !!(b->msg[i].flags & HM_FLAG_DELETED);
		unseen += !(b->msg[i].flags & HM_FLAG_SEEN);
		bytes += b->msg[i].size;
	}
	good = good && info->messages == b->n && info->deleted == deleted &&
	    info->unseen == unseen && info->bytes == bytes &&
	    info->uidnext == b->uidnext && info->uidvalidity == b->uidvalidity &&
	    info->modseq == hm_view_modseq(view);
	if (!good)
		diag("mailbox %s: differs near message %u of %u", b->name, i, b->n);
	if (b->seen && !diff_leads_to(b->seen, view)) {
		diag("mailbox %s: the difference is wrong", b->name);
		good = false;
	}
	hm_view_unref(b->seen);
	b->seen = view;
	return good;
}

bool
model_compare(struct model *m, struct kit *k)
{
	bool good = true;
	size_t i;

	for (i = 0; i < BOXES; i++)
		if (m->box[i].alive && !compare_box(&m->box[i], k))
			good = false;
	return good;
}
