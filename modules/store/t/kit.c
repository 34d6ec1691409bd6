/* kit.c - see kit.h. */
#include "kit.h"

#include <hermod/spool.h>

#include <pthread.h>
#include <time.h>

static const char *const initial[] = { "Drafts: drafts", "Sent: sent",
	"Archive: archive", "Trash: trash", "Junk: junk" };
static const struct hm_strlist initial_list = { 5, initial };

static struct kit *
kit_of(struct store *st)
{
	return (struct kit *)(void *)((char *)st - offsetof(struct kit, st));
}

/* Tests may have several threads where the server has one. */
static void
count_event(struct store *st, enum store_event kind,
    const struct hm_change *change)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct kit *k = kit_of(st);

	pthread_mutex_lock(&lock);
	k->events[kind]++;
	k->last[kind] = *change;
	pthread_mutex_unlock(&lock);
}

void
kit_start_with(struct kit *k)
{
	struct hm_err err = { 0 };

	if (!k->conf.mailboxes)
		k->conf = (struct store_conf){ .cache_bytes = 64 << 20,
			.changes_kept = 10000, .mailboxes = &initial_list };
	memset(&k->st, 0, sizeof(k->st));
	if (!k->arena)
		k->arena = hm_arena_new(NULL, "kit");
	k->st.kv = k->kv;
	k->st.blob = k->blob;
	k->st.conf = &k->conf;
	k->st.emit = count_event;
	k->st.shared = store_shared_new();
	atomic_store(&k->st.shared->cache_max, k->conf.cache_bytes);
	if (store_tables_open(&k->st, &err) < 0 ||
	    store_format_check(&k->st, &err) < 0 ||
	    store_remove_leftovers(&k->st, &err) < 0 ||
	    store_open(&k->st, HM_STR("anna"), &k->acc, &err) < 0)
		diag("start: %s", err.text);
}

void
kit_start_on(struct kit *k, struct fake *fake)
{
	k->fake = fake;
	k->kv = fake_kv(fake);
	k->blob = fake_blob(fake);
	kit_start_with(k);
}

void
kit_start(struct kit *k)
{
	kit_start_on(k, fake_new());
}

void
kit_stop(struct kit *k)
{
	if (k->acc)
		store_close(k->acc);
	k->acc = NULL;
	store_shared_close(k->st.shared);
	hm_arena_free(k->arena);
	k->arena = NULL;
}

void
kit_end(struct kit *k)
{
	kit_stop(k);
	fake_free(k->fake);
}

void
kit_crash(struct kit *k)
{
	kit_stop(k);
	fake_crash(k->fake);
	kit_start_with(k);
}

struct hm_account *
kit_open(struct kit *k, const char *name)
{
	struct hm_account *acc = NULL;
	struct hm_err err = { 0 };

	if (store_open(&k->st, hm_str(name), &acc, &err) < 0)
		diag("open %s: %s", name, err.text);
	return acc;
}

static struct hm_mailboxes *
boxes(struct hm_account *acc)
{
	struct hm_mailboxes *all;

	pthread_mutex_lock(&acc->a->snap);
	all = hm_mailboxes_ref(acc->a->now);
	pthread_mutex_unlock(&acc->a->snap);
	return all;
}

/* Strings in it are not to be used. */
struct hm_mailbox
kit_info(struct hm_account *acc, const char *name)
{
	struct hm_mailboxes *all = boxes(acc);
	const struct hm_mailbox *m = hm_mailboxes_find(all, hm_str(name));
	struct hm_mailbox copy = { 0 };

	if (m)
		copy = *m;
	hm_mailboxes_unref(all);
	return copy;
}

uint64_t
kit_box(struct hm_account *acc, const char *name)
{
	return kit_info(acc, name).id;
}

static int
append(struct hm_account *acc, struct hm_append *items, size_t n)
{
	struct hm_err err = { 0 };
	int r = store_append(acc, items, n, &err);

	if (r < 0 && !err.text[0])
		diag("append: %s without a text", hm_err_name(r));
	return r;
}

int
kit_append(struct hm_account *acc, const char *mailbox, const char *text,
    unsigned flags, struct hm_append *ret)
{
	struct hm_spool *spool = hm_spool_new("/tmp");
	struct hm_append item = { .mailbox = kit_box(acc, mailbox),
		.spool = spool, .flags = flags, .received = 1000000 };
	int r;

	hm_spool_append(spool, text, strlen(text), NULL);
	r = append(acc, &item, 1);
	hm_spool_free(spool);
	if (ret)
		*ret = item;
	return r;
}

int
kit_append_n(struct hm_account *acc, const char *mailbox, unsigned n,
    unsigned first)
{
	struct hm_append *items = hm_xalloc(n * sizeof(*items));
	uint64_t box = kit_box(acc, mailbox);
	char text[200];
	unsigned i;
	int r;

	for (i = 0; i < n; i++) {
		int len = snprintf(text, sizeof(text), "From: a@b.example\r\n"
		    "Message-ID: <m%u@test>\r\nSubject: number %u\r\n\r\n"
		    "hello %u\r\n", first + i, first + i, first + i);

		items[i] = (struct hm_append){ .mailbox = box,
			.spool = hm_spool_new("/tmp"), .received = 1000 + i };
		hm_spool_append(items[i].spool, text, (size_t)len, NULL);
	}
	r = append(acc, items, n);
	for (i = 0; i < n; i++)
		hm_spool_free(items[i].spool);
	free(items);
	return r;
}

static uint32_t
number(const char **p)
{
	uint32_t v = 0;

	if (**p == '*') {
		++*p;
		return UINT32_MAX;
	}
	while (**p >= '0' && **p <= '9')
		v = v * 10 + (uint32_t)(*(*p)++ - '0');
	return v;
}

void
kit_set(struct hm_arena *arena, const char *text, struct hm_uidset *ret)
{
	struct hm_uidset_builder b = { 0 };

	while (*text) {
		uint32_t first = number(&text), last = first;

		if (*text == ':') {
			text++;
			last = number(&text);
		}
		hm_uidset_add(&b, first, last);
		if (*text == ',')
			text++;
	}
	hm_uidset_take(&b, arena, ret);
}

const char *
kit_set_text(struct hm_arena *arena, const struct hm_uidset *set)
{
	struct hm_buf buf = { 0 };
	const char *text;
	size_t i;

	for (i = 0; i < set->n; i++) {
		hm_buf_printf(&buf, "%s%u", i ? "," : "", set->at[i].first);
		if (set->at[i].last != set->at[i].first)
			hm_buf_printf(&buf, ":%u", set->at[i].last);
	}
	text = hm_strndup(arena, buf.p ? buf.p : "", buf.len);
	hm_buf_release(&buf);
	return text;
}

int
kit_flags(struct hm_account *acc, const char *mailbox, const char *uids,
    enum hm_flags_op op, unsigned flags, const char *keyword)
{
	struct hm_arena *arena = hm_arena_new(NULL, "kit");
	struct hm_str word = hm_str(keyword);
	struct hm_uidset set;
	struct hm_flags_change c = { .mailbox = kit_box(acc, mailbox),
		.uids = &set, .op = op, .flags = flags, .nkeywords = !!keyword,
		.keywords = &word, .unchangedsince = UINT64_MAX,
		.arena = arena };
	int r;

	kit_set(arena, uids, &set);
	r = store_flags(acc, &c, NULL);
	hm_arena_free(arena);
	return r;
}

int
kit_expunge(struct hm_account *acc, const char *mailbox, const char *uids,
    bool only_deleted, uint32_t *ret_count)
{
	struct hm_arena *arena = hm_arena_new(NULL, "kit");
	struct hm_uidset set;
	uint32_t count = 0;
	int r;

	if (uids)
		kit_set(arena, uids, &set);
	r = store_expunge(acc, kit_box(acc, mailbox), uids ? &set : NULL,
	    only_deleted, &count, NULL);
	hm_arena_free(arena);
	if (ret_count)
		*ret_count = count;
	return r;
}

int
kit_copy(struct hm_account *acc, const char *from, const char *to,
    const char *uids, bool move)
{
	struct hm_arena *arena = hm_arena_new(NULL, "kit");
	struct hm_uidset set;
	struct hm_copy c = { .from = kit_box(acc, from), .to = kit_box(acc, to),
		.uids = &set, .move = move, .arena = arena };
	int r;

	kit_set(arena, uids, &set);
	r = store_copy(acc, &c, NULL);
	hm_arena_free(arena);
	return r;
}

struct hm_view *
kit_view(struct hm_account *acc, const char *mailbox)
{
	struct hm_view *view = NULL;
	struct hm_err err = { 0 };

	if (store_view(acc, kit_box(acc, mailbox), &view, &err) < 0)
		diag("view of %s: %s", mailbox, err.text);
	return view;
}

const char *
kit_uids(struct hm_account *acc, const char *mailbox)
{
	struct hm_arena *arena = kit_of(acc->st)->arena;
	struct hm_view *view = kit_view(acc, mailbox);
	struct hm_uidset_builder b = { 0 };
	const struct hm_entry *e;
	struct hm_view_iter it;
	struct hm_uidset set = { 0, NULL };

	if (view)
		for (hm_view_iter(&it, view, 1); (e = hm_view_next(&it)); )
			hm_uidset_add(&b, e->uid, e->uid);
	hm_uidset_take(&b, arena, &set);
	hm_view_unref(view);
	return kit_set_text(arena, &set);
}

static void
show_report(const char *text, void *arg)
{
	(void)arg;
	diag("verify: %s", text);
}

int
kit_verify(struct kit *k, bool fix)
{
	struct hm_err err = { 0 };
	int r = store_verify(&k->st, (struct hm_str){ NULL, 0 },
	    fix ? STORE_FIX : STORE_LOOK, show_report, NULL, &err);

	if (r < 0)
		diag("verify failed: %s", err.text);
	return r;
}

double
kit_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}
