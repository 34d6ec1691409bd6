/* test-real.c - on the real drivers: killed at any moment, nothing that was
 * acknowledged is lost; and, with the word "bench", what 100,000 messages cost. */
#include "kit.h"

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/spool.h>

#include "t/direct-kv.h"
#include "t/scratch.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 6 };

/* ---- killed ----------------------------------------------------------------------- */

struct ack {
	uint32_t uid;
	uint32_t text;
};

static void *
writer(void *arg)
{
	struct kit *k = arg;
	unsigned i;

	for (i = 0; ; i++) {
		kit_copy(k->acc, "INBOX", "Sent", "1:*", false);
		kit_flags(k->acc, "Sent", "1:*", i % 2 ? HM_FLAGS_ADD :
		    HM_FLAGS_REMOVE, HM_FLAG_SEEN, NULL);
		kit_copy(k->acc, "Sent", "Archive", "1:20", true);
		kit_expunge(k->acc, "Archive", NULL, false, NULL);
		kit_expunge(k->acc, "Sent", NULL, false, NULL);
	}
	return NULL;
}

/* Appends until it is killed, and tells what was acknowledged. */
static void
child(const char *dir, int fd, uint32_t first)
{
	struct kit k = { 0 };
	struct hm_append item;
	pthread_t thread;
	char text[100];
	struct ack ack;

	kit_start_real(&k, dir);
	pthread_create(&thread, NULL, writer, &k);
	for (ack.text = first; ; ack.text++) {
		snprintf(text, sizeof(text), "Subject: n%u\r\n\r\nbody %u\r\n",
		    ack.text, ack.text);
		if (kit_append(k.acc, "INBOX", text, 0, &item) < 0)
			_exit(1);
		ack.uid = item.ret_uid;
		if (write(fd, &ack, sizeof(ack)) != sizeof(ack))
			_exit(1);
	}
}

static bool
has_message(struct kit *k, struct hm_view *view, const struct ack *ack)
{
	const struct hm_entry *e;
	struct hm_body *body;
	char want[100], got[100];
	uint32_t seq = hm_view_seq(view, ack->uid);
	uint64_t size;
	ssize_t n;

	if (seq == 0 || !(e = hm_view_at(view, seq)) ||
	    store_body_open(k->acc, e->msgid, &body, &size, NULL) < 0)
		return false;
	snprintf(want, sizeof(want), "Subject: n%u\r\n\r\nbody %u\r\n", ack->text,
	    ack->text);
	n = store_body_read(body, 0, got, sizeof(got));
	store_body_close(body);
	return n == (ssize_t)strlen(want) && memcmp(got, want, (size_t)n) == 0;
}

static uint32_t
kill_once(const char *dir, unsigned round, uint32_t first)
{
	struct kit k = { 0 };
	unsigned acked = 0, lost = 0;
	struct hm_view *view;
	bool first_acked;
	struct ack ack;
	int fd[2];
	pid_t pid;

	if (pipe(fd) < 0)
		return first;
	fflush(stdout);
	if ((pid = fork()) == 0) {
		close(fd[0]);
		child(dir, fd[1], first);
	}
	close(fd[1]);
	/* From the first acknowledgement on, any moment is as good. */
	first_acked = read(fd[0], &ack, sizeof(ack)) == sizeof(ack);
	usleep(20000 + 37000 * round);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	kit_start_real(&k, dir);
	ok(k.acc != NULL, "round %u: comes up again", round);
	view = kit_view(k.acc, "INBOX");
	while (first_acked) {
		acked++;
		first = ack.text + 1;
		lost += !has_message(&k, view, &ack);
		first_acked = read(fd[0], &ack, sizeof(ack)) == sizeof(ack);
	}
	close(fd[0]);
	hm_view_unref(view);
	ok(acked > 0, "round %u: %u messages were acknowledged", round, acked);
	is_int(lost, 0, "round %u: all of them are there", round);
	is_int(kit_verify(&k, false), 0, "round %u: verify", round);
	kit_stop(&k);
	kit_close(&k);
	return first + 1000;
}

/* ---- damaged ------------------------------------------------------------------------ */

/* Turns the bytes of a body around, on the disk. */
static bool
spoil(const char *path, const char *text)
{
	FILE *f = fopen(path, "r+");
	size_t len = strlen(text), n = 0;
	bool done = false;
	char *all;
	long size;

	if (!f)
		return false;
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	all = hm_xalloc((size_t)size);
	if (fread(all, 1, (size_t)size, f) == (size_t)size)
		for (n = 0; n + len < (size_t)size && !done; n++)
			if (memcmp(all + n, text, len) == 0) {
				fseek(f, (long)n, SEEK_SET);
				done = fputc('X', f) == 'X';
			}
	free(all);
	return fclose(f) == 0 && done;
}

static void
test_spoiled(void)
{
	const char *base = scratch_path("spoiled");
	struct hm_account *bob;
	struct kit k = { 0 };

	mkdir(base, 0700);
	kit_start_real(&k, base);
	kit_append_n(k.acc, "INBOX", 10, 1);
	kit_copy(k.acc, "INBOX", "Sent", "4", false);
	bob = kit_open(&k, "bob");
	kit_append_n(bob, "INBOX", 10, 100);
	store_close(bob);
	is_int(kit_verify(&k, false), 0, "clean");
	kit_stop(&k);
	kit_close(&k);
	ok(spoil(scratch_path("spoiled/blob/00000001.seg"), "hello 4\r\n"),
	    "a bit of a body is turned");
	kit_start_real(&k, base);
	store_close(k.acc);
	k.acc = NULL;
	ok(kit_verify(&k, false) > 0, "the checker sees it");
	ok(kit_verify(&k, true) > 0, "and repairs it");
	is_int(kit_verify(&k, false), 0, "clean then");
	k.acc = kit_open(&k, "anna");
	is_str(kit_uids(k.acc, "INBOX"), "1:3,5:10", "one message is gone");
	is_str(kit_uids(k.acc, "Sent"), "", "and its copy");
	bob = kit_open(&k, "bob");
	is_str(kit_uids(bob, "INBOX"), "1:10", "no other");
	store_close(bob);
	kit_stop(&k);
	kit_close(&k);
}

/* ---- measured --------------------------------------------------------------------- */

static double
cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static double wall0, cpu0;
static unsigned long syncs0;

static void
begin(void)
{
	wall0 = kit_ms();
	cpu0 = cpu_ms();
	syncs0 = direct_kv_syncs();
}

static void
end(const char *what)
{
	double wall = kit_ms() - wall0, cpu = cpu_ms() - cpu0;

	diag("%-44s %8.2f ms  %8.2f ms CPU  %lu syncs", what, wall, cpu,
	    direct_kv_syncs() - syncs0);
}

static void
load_all(struct kit *k)
{
	struct hm_arena *arena = hm_arena_new(NULL, "bench");
	struct hm_view *v = kit_view(k->acc, "INBOX");
	uint32_t n = hm_view_count(v), i;
	uint64_t *ids = hm_xalloc(n * sizeof(*ids));
	struct hm_stored *s = hm_xalloc(n * sizeof(*s));

	for (i = 0; i < n; i++)
		ids[i] = hm_view_at(v, i + 1)->msgid;
	begin();
	store_load(k->acc, ids, n, HM_STORED_ENVELOPE, arena, s, NULL);
	end("envelopes of all");
	free(ids);
	free(s);
	hm_view_unref(v);
	hm_arena_free(arena);
}

static void
bench(const char *dir, unsigned messages)
{
	struct kit k = { 0 };
	unsigned i;

	kit_start_real(&k, dir);
	begin();
	for (i = 0; i < messages; i += 1000)
		kit_append_n(k.acc, "INBOX", 1000, i);
	end("append all, 1000 in a transaction");
	begin();
	for (i = 0; i < 100; i++)
		kit_append_n(k.acc, "Sent", 1, i);
	end("append 100, one in a transaction");
	kit_stop(&k);
	kit_start_with(&k);
	begin();
	hm_view_unref(kit_view(k.acc, "INBOX"));
	end("first view of all");
	kit_stop(&k);
	kit_start_with(&k);
	begin();
	hm_view_unref(kit_view(k.acc, "INBOX"));
	end("the same, tables in memory");
	begin();
	kit_flags(k.acc, "INBOX", "5001:15000", HM_FLAGS_ADD, HM_FLAG_SEEN, NULL);
	end("flags of 10,000");
	begin();
	kit_flags(k.acc, "INBOX", "77", HM_FLAGS_ADD, HM_FLAG_FLAGGED, NULL);
	end("flags of one");
	load_all(&k);
	begin();
	kit_copy(k.acc, "INBOX", "Archive", "5001:15000", false);
	end("copy 10,000");
	begin();
	kit_copy(k.acc, "Archive", "Sent", "1:*", true);
	end("move 10,000");
	begin();
	k.st.shared->loop = true;    /* erase when it is measured */
	kit_expunge(k.acc, "INBOX", "20001:30000", false, NULL);
	k.st.shared->loop = false;
	end("expunge 10,000");
	begin();
	store_erase_ready(&k.st, k.acc->a);
	end("erase them afterwards");
	begin();
	is_int(kit_verify(&k, false), 0, "verify");
	end("verify");
	kit_stop(&k);
	kit_close(&k);
}

/* ---- many bodies at once ------------------------------------------------------------ */

struct damage {
	struct kit *k;
	uint64_t msgid;
};

static int
damage_record(struct hm_kv_txn *kv, void *arg)
{
	struct damage *d = arg;
	struct store_key key;

	store_key(&key, d->k->acc->a->id);
	store_key_u64(&key, d->msgid);
	return d->k->kv->ops->put(kv, d->k->st.t.msg, store_key_str(&key),
	    HM_STR("\x01"));
}

/* Each as it is read by itself, in the order asked for; not what is too large, is
 * not there or is damaged. */
static void
test_bodies(void)
{
	enum { N = 40, MAX = 20000 };
	const char *dir = scratch_path("bodies");
	struct hm_arena *arena;
	struct hm_append item;
	struct kit k = { 0 };
	struct hm_view *view;
	struct hm_body *body;
	struct hm_str got[N + 1];
	uint64_t ids[N + 1], size;
	char *text = hm_xalloc(2 * MAX), *want = hm_xalloc(2 * MAX);
	unsigned i, right = 0, left = 0;
	struct damage damage = { .k = &k };

	mkdir(dir, 0700);
	kit_start_real(&k, dir);
	for (i = 0; i < N; i++) {
		size_t len = (size_t)snprintf(text, 60, "Subject: n%u\r\n\r\n", i);

		memset(text + len, 'a' + (int)i % 26, i * 600);
		text[len + i * 600] = '\0';
		kit_append(k.acc, "INBOX", text, 0, &item);
	}
	kit_copy(k.acc, "INBOX", "Sent", "1:5", false);
	view = kit_view(k.acc, "INBOX");
	for (i = 0; i < N; i++)
		ids[i] = hm_view_at(view, i * 7 % N + 1)->msgid;
	ids[N] = 999999;
	arena = hm_arena_new(NULL, "test");
	is_int(store_bodies(k.acc, ids, N + 1, MAX, arena, got, NULL), 0,
	    "many bodies");
	for (i = 0; i < N; i++) {
		if (store_body_open(k.acc, ids[i], &body, &size, NULL) < 0)
			continue;
		if (size > MAX)
			left += got[i].p == NULL;
		else
			right += got[i].len == size && store_body_read(body, 0,
			    want, size) == (ssize_t)size &&
			    memcmp(got[i].p, want, size) == 0;
		store_body_close(body);
	}
	is_int(right + left, N, "each as by itself, %u too large", left);
	ok(left > 0 && right > 0, "both were there");
	ok(got[N].p == NULL, "and not one that never was");
	damage.msgid = ids[1];
	is_int(hm_kv_run(k.kv, HM_KV_DURABLE, damage_record, &damage, NULL), 0,
	    "the record of one is damaged");
	is_int(store_bodies(k.acc, ids, N + 1, MAX, arena, got, NULL), 0,
	    "then many bodies");
	for (i = 0; i < N; i++)
		right -= got[i].p != NULL;
	is_int(right, 1, "are all but one");
	ok(got[1].p == NULL, "namely that");
	hm_arena_free(arena);
	hm_view_unref(view);
	kit_stop(&k);
	kit_close(&k);
	free(text);
	free(want);
}

int
main(int argc, char **argv)
{
	const char *dir = scratch_dir();
	uint32_t first = 1;
	unsigned i;

	hm_clock_virtual(INT64_C(1790000000000));
	if (argc > 1 && strcmp(argv[1], "bench") == 0) {
		bench(dir, 100000);
		return done();
	}
	for (i = 0; i < ROUNDS; i++)
		first = kill_once(dir, i, first);
	test_spoiled();
	test_bodies();
	return done();
}
