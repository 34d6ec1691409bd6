/* test-threads.c - many sessions at once on a few accounts: no uid twice, no
 * step back in time, what a view shows can be read. */
#include "kit.h"

#include <hermod/clock.h>

enum { THREADS = 8, ACCOUNTS = 3, STEPS = 250 };

struct session {
	struct kit *k;
	unsigned number;
	uint64_t seed;
	unsigned bad, conflicts;
	const char *why;
};

static uint32_t
pick(struct session *s, uint32_t below)
{
	s->seed = s->seed * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (uint32_t)((s->seed >> 33) % below);
}

static void
bad(struct session *s, const char *why)
{
	s->bad++;
	s->why = why;
}

static void
change(struct session *s, struct hm_account *acc)
{
	static const char *const boxes[] = { "INBOX", "Sent", "Archive" };
	const char *box = boxes[pick(s, 3)], *to = boxes[pick(s, 3)];
	char uids[40], name[20];
	uint32_t first = 1 + pick(s, 300);
	int r = 0;

	snprintf(uids, sizeof(uids), "%u:%u", first, first + pick(s, 30));
	switch (pick(s, 8)) {
	case 0: case 1: case 2:
		r = kit_append_n(acc, box, 1 + pick(s, 5), s->number * 100000);
		break;
	case 3:
		r = kit_flags(acc, box, uids, HM_FLAGS_ADD, pick(s, 31), "word");
		break;
	case 4:
		r = kit_expunge(acc, box, uids, false, NULL);
		break;
	case 5: case 6:
		/* Only copies out of INBOX, whose views are read: what is moved
		 * and then expunged elsewhere may be gone from them. */
		if (box != to)
			r = kit_copy(acc, box, to, uids, box != boxes[0] &&
			    pick(s, 2));
		break;
	default:
		snprintf(name, sizeof(name), "box%u", pick(s, 3));
		if (pick(s, 2))
			store_mailbox_create(acc, hm_str(name), 0, NULL, NULL);
		else
			store_mailbox_delete(acc, hm_str(name), NULL);
	}
	if (r < 0)
		bad(s, hm_err_name(r));
}

static void
read_some(struct session *s, struct hm_account *acc, struct hm_view *view)
{
	struct hm_arena *arena = hm_arena_new(NULL, "read");
	uint32_t count = hm_view_count(view);
	const struct hm_entry *e;
	struct hm_stored stored;
	struct hm_body *body;
	uint64_t size;
	char text[100];

	if (count > 0) {
		e = hm_view_at(view, 1 + pick(s, count));
		if (store_load(acc, &e->msgid, 1, ~0u, arena, &stored, NULL) < 0 ||
		    stored.msgid != e->msgid || stored.envelope.len == 0)
			bad(s, "a message in view cannot be read");
		if (store_body_open(acc, e->msgid, &body, &size, NULL) < 0) {
			bad(s, "a body in view cannot be read");
		} else {
			if (size != e->size || store_body_read(body, 0, text,
			    sizeof(text)) <= 0)
				bad(s, "a body in view differs");
			store_body_close(body);
		}
	}
	hm_arena_free(arena);
}

/* A session's look at a mailbox: compares with what it saw before. */
static struct hm_view *
look(struct session *s, struct hm_account *acc, struct hm_view *old)
{
	const struct hm_entry *e;
	struct hm_view_iter it;
	struct hm_view *view;
	struct hm_diff d;
	uint32_t last = 0;

	if (store_view(acc, kit_box(acc, "INBOX"), &view, NULL) < 0) {
		bad(s, "no view");
		return old;
	}
	for (hm_view_iter(&it, view, 1); (e = hm_view_next(&it)); last = e->uid)
		if (e->uid <= last || e->modseq > hm_view_modseq(view))
			bad(s, "out of order");
	if (last >= hm_view_uidnext(view))
		bad(s, "uid beyond uidnext");
	if (!old)
		return view;
	if (hm_view_modseq(view) < hm_view_modseq(old))
		bad(s, "a step back");
	for (hm_diff_init(&d, old, view); hm_diff_next(&d); )
		if (d.kind == HM_DIFF_ADDED &&
		    d.entry->uid < hm_view_uidnext(old))
			bad(s, "an old uid is used again");
	read_some(s, acc, old);
	hm_view_unref(old);
	return view;
}

static void *
session(void *arg)
{
	struct session *s = arg;
	struct hm_view *view = NULL;
	struct hm_account *acc;
	char name[20];
	unsigned i;

	snprintf(name, sizeof(name), "user%u", s->number % ACCOUNTS);
	if (store_open(&s->k->st, hm_str(name), &acc, NULL) < 0) {
		bad(s, "cannot open");
		return NULL;
	}
	for (i = 0; i < STEPS; i++) {
		change(s, acc);
		if (i % 3 == 0)
			view = look(s, acc, view);
		if (i % 50 == 49) {
			hm_view_unref(view);
			view = NULL;
			store_close(acc);
			store_open(&s->k->st, hm_str(name), &acc, NULL);
		}
	}
	hm_view_unref(view);
	store_close(acc);
	return NULL;
}

int
main(void)
{
	struct session s[THREADS];
	pthread_t thread[THREADS];
	struct kit k = { 0 };
	unsigned i;

	kit_start(&k);
	k.st.emit = NULL;            /* the kit's counts are not for threads */
	atomic_store(&k.st.shared->cache_max, 60000);
	for (i = 0; i < THREADS; i++) {
		s[i] = (struct session){ .k = &k, .number = i, .seed = i + 1 };
		pthread_create(&thread[i], NULL, session, &s[i]);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < THREADS; i++)
		ok(s[i].bad == 0, "session %u: %u wrong%s%s", i, s[i].bad,
		    s[i].bad ? ", " : "", s[i].bad ? s[i].why : "");
	is_int(kit_verify(&k, false), 0, "verify");
	kit_end(&k);
	return done();
}
