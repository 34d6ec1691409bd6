/* test-view.c - views against a plain array, uid sets against a bitmap. */
#include <hermod/arena.h>
#include <hermod/iface/store_build.h>
#include <hermod/str.h>

#include "t/tap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { UIDS = 20000 };

static uint64_t seed = 42;

static uint32_t
pick(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((seed >> 33) % below);
}

/* The model: entry i has uid i, there when uid is not 0. */
static struct hm_entry model[UIDS], before[UIDS];

/* Packed: the bytes turned over, and how often somebody asked. */
static atomic_uint unpacked;

static void
turn(char *to, const void *from, size_t len)
{
	const char *p = from;
	size_t i;

	for (i = 0; i < len; i++)
		to[i] = (char)~p[i];
}

static void
unpack(uint32_t group, struct hm_str packed, struct hm_entry *ret)
{
	turn((char *)ret, packed.p, packed.len);
	if (hm_group(ret->uid) == group)
		atomic_fetch_add(&unpacked, 1);
}

static void
set_packed(struct hm_view *view, uint32_t group, const struct hm_entry *e,
    size_t n)
{
	char bytes[HM_GROUP_MAX * sizeof(*e)];
	uint64_t present = 0;
	size_t i;

	for (i = 0; i < n; i++)
		present |= UINT64_C(1) << e[i].uid % HM_GROUP_MAX;
	turn(bytes, e, n * sizeof(*e));
	hm_view_set_packed(view, group, present, hm_str_n(bytes, n * sizeof(*e)),
	    unpack);
}

static void
put_group(struct hm_view *view, uint32_t group)
{
	struct hm_entry e[HM_GROUP_MAX];
	size_t n = 0;
	uint32_t uid;

	for (uid = group * HM_GROUP_MAX; uid < (group + 1) * HM_GROUP_MAX &&
	    uid < UIDS; uid++)
		if (model[uid].uid)
			e[n++] = model[uid];
	if (n > 0 && pick(2))
		set_packed(view, group, e, n);
	else
		hm_view_set_group(view, group, e, n);
}

static struct hm_view *
change(struct hm_view *from, unsigned changes, uint64_t modseq)
{
	struct hm_view *view = hm_view_copy(7, from);
	unsigned i;

	for (i = 0; i < changes; i++) {
		uint32_t uid = 1 + pick(UIDS - 1);

		if (!model[uid].uid)
			model[uid] = (struct hm_entry){ .uid = uid,
				.modseq = modseq, .msgid = uid * 3 };
		else if (pick(3) == 0)
			memset(&model[uid], 0, sizeof(model[uid]));
		else
			model[uid].modseq = modseq;
		put_group(view, hm_group(uid));
	}
	hm_view_finish(view, modseq, UIDS);
	return view;
}

/* Clears whole stretches, so that groups and pages go. */
static struct hm_view *
clear(struct hm_view *from, uint32_t first, uint32_t last, uint64_t modseq)
{
	struct hm_view *view = hm_view_copy(7, from);
	uint32_t uid;

	for (uid = first; uid <= last; uid++)
		memset(&model[uid], 0, sizeof(model[uid]));
	for (uid = first; uid <= last; uid += HM_GROUP_MAX)
		put_group(view, hm_group(uid));
	put_group(view, hm_group(last));
	hm_view_finish(view, modseq, UIDS);
	return view;
}

static void
check(const struct hm_view *view, const char *what)
{
	uint32_t uid, seq = 0, wrong = 0, from = pick(UIDS);
	const struct hm_entry *e;
	struct hm_view_iter it;

	for (uid = 1; uid < UIDS; uid++) {
		if (model[uid].uid)
			seq++;
		e = hm_view_at(view, seq);
		wrong += hm_view_seq(view, uid) != (model[uid].uid ? seq : 0);
		wrong += hm_view_lower(view, uid) !=
		    (model[uid].uid ? seq : seq + 1);
		wrong += model[uid].uid &&
		    (!e || memcmp(e, &model[uid], sizeof(*e)) != 0);
	}
	wrong += hm_view_count(view) != seq;
	wrong += hm_view_at(view, seq + 1) || hm_view_at(view, 0);
	seq = 0;
	hm_view_iter(&it, view, hm_view_lower(view, from));
	for (uid = 1; uid < UIDS; uid++) {
		if (!model[uid].uid || (++seq, uid < from))
			continue;
		e = hm_view_next(&it);
		wrong += !e || e->uid != uid || it.seq != seq;
	}
	wrong += hm_view_next(&it) != NULL;
	is_int(wrong, 0, "%s: %u entries", what, hm_view_count(view));
}

static void
check_diff(const struct hm_view *a, const struct hm_view *b, const char *what)
{
	uint32_t uid, sa = 0, sb = 0, wrong = 0, n = 0;
	struct hm_diff d;

	hm_diff_init(&d, a, b);
	for (uid = 1; uid < UIDS; uid++) {
		bool was = before[uid].uid, is = model[uid].uid;
		enum hm_diff_kind kind = !is ? HM_DIFF_REMOVED :
		    !was ? HM_DIFF_ADDED : HM_DIFF_CHANGED;

		sa += was;
		sb += is;
		if (memcmp(&before[uid], &model[uid], sizeof(before[uid])) == 0)
			continue;
		n++;
		wrong += !hm_diff_next(&d) || d.kind != kind ||
		    d.entry->uid != uid || d.old_seq != (was ? sa : 0) ||
		    d.new_seq != (is ? sb : 0);
	}
	wrong += hm_diff_next(&d);
	is_int(wrong, 0, "%s: %u differences", what, n);
}

static void
count_release(void *arg)
{
	++*(int *)arg;
}

static void
test_release(void)
{
	struct hm_view *v = hm_view_copy(1, NULL);
	int released = 0;

	hm_view_on_release(v, count_release, &released);
	hm_view_finish(v, 1, 1);
	hm_view_ref(v);
	hm_view_unref(v);
	is_int(released, 0, "still held");
	hm_view_unref(v);
	is_int(released, 1, "told when the last reference went");
}

static void
test_views(void)
{
	struct hm_view *v = hm_view_copy(7, NULL), *next, *first;
	unsigned round;

	hm_view_finish(v, 1, 1);
	check(v, "empty");
	check_diff(v, v, "empty and itself");
	for (round = 0; round < 40; round++) {
		memcpy(before, model, sizeof(model));
		next = round % 8 == 7 ?
		    clear(v, 1 + pick(5000), 6000 + pick(9000), round + 2) :
		    change(v, round % 3 ? 5 : 3000, round + 2);
		check(next, "after a change");
		check_diff(v, next, "difference");
		hm_view_unref(v);
		v = next;
	}
	first = hm_view_ref(v);
	memcpy(before, model, sizeof(model));
	for (round = 0; round < 20; round++) {
		next = change(v, 30, 100 + round);
		hm_view_unref(v);
		v = next;
	}
	check_diff(first, v, "over twenty changes");
	is_int(hm_view_modseq(v), 119, "modseq");
	is_int(hm_view_uidnext(v), UIDS, "uidnext");
	is_int(hm_view_mailbox(v), 7, "mailbox");
	hm_view_unref(first);
	next = clear(v, 1, UIDS - 1, 200);
	check(next, "emptied");
	hm_view_unref(next);
	hm_view_unref(v);
	hm_view_unref(NULL);
}

/* ---- packed groups ----------------------------------------------------- */

enum { GROUPS = 300, LOOKERS = 6 };

static struct hm_view *
all_packed(void)
{
	struct hm_view *view = hm_view_copy(1, NULL);
	struct hm_entry e[HM_GROUP_MAX];
	uint32_t group, i;

	for (group = 0; group < GROUPS; group++) {
		for (i = 0; i < HM_GROUP_MAX; i++)
			e[i] = (struct hm_entry){ .modseq = 1,
				.uid = group * HM_GROUP_MAX + i };
		set_packed(view, group, e + !group, HM_GROUP_MAX - !group);
	}
	hm_view_finish(view, 1, GROUPS * HM_GROUP_MAX);
	atomic_store(&unpacked, 0);
	return view;
}

static uint32_t
walk(const struct hm_view *view, uint32_t from)
{
	const struct hm_entry *e;
	struct hm_view_iter it;
	uint32_t n = 0;

	for (hm_view_iter(&it, view, from); (e = hm_view_next(&it)); )
		n += e->uid == it.seq && e->modseq == 1;
	return n;
}

static void
test_packed(void)
{
	struct hm_view *view = all_packed(), *next;
	struct hm_entry e[HM_GROUP_MAX];
	size_t bytes = hm_view_bytes(view), n;
	struct hm_diff d;
	unsigned seen = 0;

	is_int(hm_view_count(view), GROUPS * HM_GROUP_MAX - 1, "counted");
	is_int(hm_view_seq(view, 5000), 5000, "numbered");
	is_int(hm_view_lower(view, 9000), 9000, "found");
	is_int(unpacked, 0, "without unpacking");
	is_int(hm_view_at(view, 5000)->uid, 5000, "looked at");
	ok(hm_view_group(view, hm_group(5001), &n) && n == HM_GROUP_MAX,
	    "the group of it");
	is_int(unpacked, 1, "one group was unpacked, once");
	next = hm_view_copy(1, view);
	memcpy(e, hm_view_group(view, 1, &n), sizeof(e));
	e[6].modseq = 2;
	hm_view_set_group(next, 1, e, n);
	hm_view_finish(next, 2, hm_view_uidnext(view));
	for (hm_diff_init(&d, view, next); hm_diff_next(&d); )
		seen++;
	is_int(seen, 1, "one was changed");
	is_int(unpacked, 2, "only its group was unpacked for that");
	hm_view_unref(view);
	is_int(walk(next, 1), GROUPS * HM_GROUP_MAX - 2, "and is another now");
	is_int(unpacked, GROUPS, "the others are unpacked now");
	ok(bytes >= hm_view_bytes(next), "memory was counted before");
	hm_view_unref(next);
	hm_view_unref(all_packed());
	is_int(unpacked, 0, "given back without a look");
}

static void *
look(void *arg)
{
	struct hm_view *view = arg, *copy = hm_view_copy(1, view);
	uint32_t all = hm_view_count(view);

	hm_view_finish(copy, 1, all + 1);
	all -= walk(copy, 1);
	hm_view_unref(view);
	hm_view_unref(copy);
	return (void *)(uintptr_t)all;
}

static void
test_lookers(void)
{
	struct hm_view *view = all_packed();
	pthread_t thread[LOOKERS];
	uintptr_t wrong = 0;
	void *result;
	unsigned i;

	for (i = 0; i < LOOKERS; i++)
		pthread_create(&thread[i], NULL, look, hm_view_ref(view));
	hm_view_unref(view);
	for (i = 0; i < LOOKERS; i++) {
		pthread_join(thread[i], &result);
		wrong += (uintptr_t)result;
	}
	is_int((int64_t)wrong, 0, "%u threads look at once", LOOKERS);
	is_int(unpacked, GROUPS, "each group is unpacked by one of them");
}

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
show_timing(void)
{
	struct hm_view *v = hm_view_copy(1, NULL), *next;
	struct hm_entry e[HM_GROUP_MAX];
	struct hm_view_iter it;
	struct hm_diff d;
	uint32_t group, i, sum = 0;
	double t = now_us();

	for (group = 0; group < 1563; group++) {
		for (i = 0; i < HM_GROUP_MAX; i++)
			e[i] = (struct hm_entry){
				.uid = group * HM_GROUP_MAX + i, .modseq = 1 };
		hm_view_set_group(v, group, e + !group, HM_GROUP_MAX - !group);
	}
	hm_view_finish(v, 1, 100033);
	diag("build a view of 100,000: %.0f us", now_us() - t);
	t = now_us();
	next = hm_view_copy(1, v);
	e[0].modseq = 2;
	hm_view_set_group(next, 1562, e, HM_GROUP_MAX);
	hm_view_finish(next, 2, 100033);
	diag("the next with one entry changed: %.1f us", now_us() - t);
	t = now_us();
	for (hm_diff_init(&d, v, next); hm_diff_next(&d); )
		sum++;
	diag("compare both: %.1f us", now_us() - t);
	is_int(sum, 1, "one difference in 100,000");
	t = now_us();
	for (hm_view_iter(&it, v, 1), sum = 0; hm_view_next(&it); )
		sum++;
	diag("walk: %.0f us", now_us() - t);
	is_int(sum, 1563 * 64 - 1, "walked all");
	hm_view_unref(v);
	hm_view_unref(next);
}

/* ---- uid sets ---------------------------------------------------------- */

static void
test_uidset_random(void)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct hm_uidset_builder b = { 0 };
	struct hm_uidset set;
	unsigned round, i, wrong = 0;
	bool in[512];

	for (round = 0; round < 200; round++) {
		uint64_t count = 0;

		memset(in, 0, sizeof(in));
		for (i = pick(30); i > 0; i--) {
			uint32_t x = 1 + pick(500), y = x + pick(5), z;

			if (round % 2)
				hm_uidset_add(&b, x, y);
			else
				hm_uidset_add(&b, y, x);
			for (z = x; z <= y; z++)
				in[z] = true;
		}
		hm_uidset_take(&b, arena, &set);
		for (i = 1; i < 512; i++) {
			count += in[i];
			wrong += hm_uidset_has(&set, i) != in[i];
		}
		wrong += hm_uidset_count(&set) != count;
		for (i = 1; i < set.n; i++)
			wrong += set.at[i].first <= set.at[i - 1].last + 1;
	}
	is_int(wrong, 0, "200 random sets");
	hm_arena_free(arena);
}

static void
test_uidset(void)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct hm_uidset_builder b = { 0 };
	struct hm_uidset set;

	hm_uidset_take(&b, arena, &set);
	is_int(set.n, 0, "empty set");
	ok(!hm_uidset_has(&set, 1), "has nothing");
	hm_uidset_add(&b, UINT32_MAX, 10);
	hm_uidset_add(&b, 1, 3);
	hm_uidset_add(&b, 5, 8);
	hm_uidset_add(&b, 4, 4);
	hm_uidset_take(&b, arena, &set);
	is_int(set.n, 2, "neighbours join");
	is_int(hm_uidset_count(&set), (int64_t)UINT32_MAX - 10 + 1 + 8, "count");
	ok(hm_uidset_has(&set, UINT32_MAX) && hm_uidset_has(&set, 8) &&
	    !hm_uidset_has(&set, 9) && !hm_uidset_has(&set, 0), "has");
	hm_uidset_add(&b, 1, UINT32_MAX);
	hm_uidset_add(&b, UINT32_MAX, UINT32_MAX);
	hm_uidset_add(&b, 3, 4);
	hm_uidset_take(&b, arena, &set);
	is_int(set.n, 1, "all uids");
	is_int(hm_uidset_count(&set), UINT32_MAX, "are that many");
	hm_uidset_add(&b, 1, 2);
	hm_uidset_release(&b);
	ok(b.at == NULL && b.n == 0, "released");
	hm_arena_free(arena);
}

int
main(void)
{
	test_uidset();
	test_uidset_random();
	test_views();
	test_release();
	test_packed();
	test_lookers();
	show_timing();
	return done();
}
