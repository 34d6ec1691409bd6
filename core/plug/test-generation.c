/* test-generation.c - reloads: all or nothing, while sessions go on. */
#include "config.h"

#include <dirent.h>
#include <malloc.h>

#include <hermod/io.h>
#include <hermod/net.h>

#include "test-lib.h"

#define ON "enabled: yes\n"
#define LISTEN ON "listen: 192.0.2.1:25\n"

/* ---- a client that stays ---- */

struct client {
	struct hm_cond *turn;          /* signalled: say something */
	struct hm_cond cond;
	const char *say;               /* NULL: leave */
	bool done;
	char greeting[60], answer[60];
};

static void
client_fiber(void *arg)
{
	struct client *c = arg;
	struct hm_sockaddr addr;
	struct hm_io *io;
	struct hm_str line;

	hm_sockaddr_parse(HM_STR("192.0.2.1:25"), &addr);
	c->greeting[0] = '\0';
	if (hm_dial(&addr, NULL, 1000, &io, NULL) < 0 ||
	    hm_io_read_line(io, 100, &line, NULL) < 0) {
		snprintf(c->greeting, sizeof(c->greeting), "nobody");
		return;
	}
	hm_io_timeouts(io, 3600000, 3600000);
	snprintf(c->greeting, sizeof(c->greeting), "%.*s", HM_FMT(line));
	while (!c->done) {
		if (c->say != NULL) {
			hm_io_printf(io, "%s\r\n", c->say);
			hm_io_flush(io);
			c->say = NULL;
			if (hm_io_read_line(io, 100, &line, NULL) < 0)
				line = HM_STR("gone");
			snprintf(c->answer, sizeof(c->answer), "%.*s",
			    HM_FMT(line));
			continue;
		}
		hm_wait(&c->cond, -1);
	}
	hm_io_close(io);
}

static void
idle_fiber(void *arg)
{
	(void)arg;
	for (int i = 0; i < 200; i++)
		hm_yield();
	hm_loop_stop();
}

/* Lets all fibers go on that can, without waiting for those that stay. */
static void
settle(void)
{
	hm_fiber_start(NULL, "settle", idle_fiber, NULL);
	hm_loop_run();
}

static void
join(struct client *c)
{
	memset(c, 0, sizeof(*c));
	hm_fiber_start(NULL, "client", client_fiber, c);
	settle();
}

static const char *
talk(struct client *c, const char *say)
{
	c->say = say;
	c->answer[0] = '\0';
	hm_wake(&c->cond);
	settle();
	return c->answer;
}

static void
leave(struct client *c)
{
	c->done = true;
	hm_wake(&c->cond);
	settle();
}

static const char *
reload(void)
{
	static struct test_reload t;

	memset(&t, 0, sizeof(t));
	hm_fiber_start(NULL, "test", test_reload_fiber, &t);
	settle();
	return t.text;
}

static unsigned
generations(void)
{
	const struct hm_generation *gen;
	unsigned n = 0;

	for (gen = test_core->all; gen != NULL; gen = gen->next)
		n++;
	return n;
}

/* ---- each step fails once ---- */

static const struct {
	const char *name, *aa, *bb, *yaml, *want, *notes;
} failures[] = {
	{ "read", LISTEN, "enabled: [yes\n", "", "conf.d/bb.yaml", "" },
	{ "read hermod.yaml", LISTEN, NULL, "hostname: twice\n",
	  "hermod.yaml", "" },
	{ "load", LISTEN, NULL, "module-path: []\n", "there is no file", "" },
	{ "schema", LISTEN "anser: pass\n", NULL, "",
	  "did you mean \"answer\"?", "" },
	{ "check", LISTEN "fail-check: yes\n", NULL, "",
	  "module \"aa\": text and score contradict each other", "" },
	{ "bind", LISTEN, NULL, "use: {alpha: aa}\n",
	  "does not provide the interface", "" },
	{ "open, the first", LISTEN "fail-open: yes\n", ON, "",
	  "module \"aa\" cannot be opened: the disk is on fire",
	  "open aa 1" },
	{ "open, the second", LISTEN "keep: yes\n", ON "fail-open: yes\n", "",
	  "module \"bb\" cannot be opened: the disk is on fire",
	  "open aa 1; make aa; open bb 1; close aa; destroy aa" },
	{ "listen", LISTEN, LISTEN, "", "module \"bb\" cannot be opened: ",
	  "open aa 1; open bb 1; close aa" },
	{ "certificates", LISTEN, NULL,
	  "tls: {certificates: {a: {cert-file: no.pem, key-file: no.key}}}\n",
	  "no.pem", "" },
	{ "other data", LISTEN, NULL, "#", "data-dir cannot change", "" },
};

static void
break_step(size_t i)
{
	test_conf("aa", failures[i].aa);
	test_conf("bb", failures[i].bb);
	test_yaml(failures[i].yaml);
	test_conf("nowhere", strcmp(failures[i].name, "load") == 0 ? ON : NULL);
	if (strcmp(failures[i].name, "other data") == 0)
		test_write(test_path("hermod.yaml"),
		    "hostname: mail.example\ndata-dir: /tmp/elsewhere\n");
}

static void
mend(void)
{
	test_conf("aa", LISTEN);
	test_conf("bb", NULL);
	test_conf("nowhere", NULL);
	test_yaml("");
}

static void
test_failures(void)
{
	struct client old, new;
	uint64_t number;

	mend();
	is_str(reload(), "", "the first generation");
	number = test_core->current->number;
	join(&old);
	is_str(old.greeting, "aa 1 1", "a session in it");
	for (size_t i = 0; i < HM_ARRAY_LEN(failures); i++) {
		const char *name = failures[i].name;

		hm_buf_clear(&test_notes);
		break_step(i);
		has(reload(), failures[i].want, name);
		test_said(failures[i].notes, name);
		is_int(test_core->current->number, number, "%s: still current",
		    name);
		is_int(generations(), 1, "%s: nothing is left of it", name);
		is_str(talk(&old, "hello"), "1 hello", "%s: the session goes on",
		    name);
		join(&new);
		is_str(new.greeting, "aa 1 1", "%s: new ones come", name);
		leave(&new);
	}
	leave(&old);
	mend();
	hm_buf_clear(&test_notes);
	is_str(reload(), "", "mended");
	test_said("open aa 1; retire aa; start aa; close aa", "reloaded");
}

/* ---- sessions keep their generation ---- */

static void
test_sessions(void)
{
	struct client first, second, third;

	join(&first);
	is_str(first.greeting, "aa 1 2", "first");
	is_str(reload(), "", "reload");
	join(&second);
	is_str(second.greeting, "aa 1 3", "second");
	is_str(reload(), "", "reload");
	join(&third);
	is_str(third.greeting, "aa 1 4", "third");
	is_int(generations(), 3, "three generations live");
	is_str(talk(&first, "a"), "2 a", "the first goes on in its own");
	is_str(talk(&second, "b"), "3 b", "so does the second");
	hm_buf_clear(&test_notes);
	leave(&second);
	test_said("close aa", "its last session closes a generation");
	is_int(generations(), 2, "two generations live");
	is_str(talk(&first, "c"), "2 c", "the first still goes on");
	/* Switched off, it takes nobody new and drops nobody. */
	test_conf("aa", "enabled: no\n");
	is_str(reload(), "", "disabled");
	is_str(talk(&first, "d"), "2 d", "the first does not notice");
	is_str(talk(&third, "e"), "4 e", "nor does the third");
	leave(&first);
	join(&second);
	is_str(second.greeting, "nobody", "nobody listens any more");
	leave(&third);
	is_int(generations(), 1, "only the newest is left");
	test_conf("aa", LISTEN);
	is_str(reload(), "", "enabled again");
	join(&second);
	is_str(second.greeting, "aa 1 6", "and it listens again");
	leave(&second);
}

/* ---- resources are kept ---- */

static void
test_keep(void)
{
	hm_buf_clear(&test_notes);
	test_conf("aa", LISTEN "keep: yes\n");
	is_str(reload(), "", "keep");
	is_str(reload(), "", "keep");
	test_said("open aa 1; make aa; retire aa; start aa; close aa; "
	    "open aa 1; retire aa; start aa; close aa",
	    "made once, kept over a reload");
	test_conf("aa", LISTEN);
	is_str(reload(), "", "keep no more");
	test_said("open aa 1; retire aa; start aa; close aa; destroy aa",
	    "gone with the last generation that asked");
}

/* ---- new code ---- */

static unsigned
files(const char *name)
{
	DIR *dir = opendir(test_path("%s", name));
	struct dirent *e;
	unsigned n = 0;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return n;
}

static void
test_code(void)
{
	struct client old, new;

	test_conf("aa", LISTEN "keep: yes\n");
	is_str(reload(), "", "version 1");
	join(&old);
	ok(strncmp(old.greeting, "aa 1 ", 5) == 0, "version 1 serves");
	test_build("aa", "probe", "-DPROBE_VERSION='\"2\"'");
	hm_buf_clear(&test_notes);
	is_str(reload(), "", "version 2");
	test_said("open aa 2; retire aa; start aa", "new code opens");
	join(&new);
	ok(strncmp(new.greeting, "aa 2 ", 5) == 0, "version 2 serves");
	ok(strstr(talk(&old, "still here"), "still here") != NULL,
	    "the old session runs in the old code");
#ifndef HM_SANITIZED
	is_int(files("data/code"), 2, "two copies");
#endif
	leave(&old);
	leave(&new);
	test_conf("aa", LISTEN);
	hm_buf_clear(&test_notes);
	is_str(reload(), "", "without the resource");
	test_said("open aa 2; retire aa; start aa; close aa; destroy aa",
	    "the old code was there to destroy what it made");
#ifndef HM_SANITIZED
	is_int(files("data/code"), 1, "the old copy is gone");
#endif
	/* Half a file must not harm what runs. */
	test_write(test_path("modules/aa.so"), "half a fi");
	has(reload(), "cannot be loaded", "a broken file");
	join(&new);
	ok(strncmp(new.greeting, "aa 2 ", 5) == 0, "the old code serves on");
	leave(&new);
	test_build("aa", "probe", "");
	is_str(reload(), "", "mended");
}

/* ---- many ---- */

static size_t
memory(void)
{
#ifdef HM_SANITIZED
	return 0;
#else
	return mallinfo2().uordblks;
#endif
}

static void
test_many(void)
{
	struct client c;
	size_t before = 0, after;
	unsigned fds = 0, bad = 0;

	join(&c);
	for (unsigned i = 0; i < 210; i++) {
		if (i == 10) {
			before = memory();
			fds = files("../../proc/self/fd");
		}
		test_conf("aa", i % 2 ? LISTEN : LISTEN "score: 7\n");
		bad += reload()[0] != '\0';
	}
	after = memory();
	is_int(bad, 0, "200 reloads");
	ok(after <= before + 20000, "memory does not grow (%zu to %zu)",
	    before, after);
	is_int(files("../../proc/self/fd"), fds, "descriptors do not grow");
	is_int(generations(), 2, "the session's and the current one");
	ok(strstr(talk(&c, "hello"), "hello") != NULL, "the session goes on");
	leave(&c);
	is_int(generations(), 1, "only the current one is left");
}

/* ---- P02: on and off a thousand times, while calls are under way ---- */

static struct {
	bool stop;
	unsigned asked, answered, wrong, started;
} calls;

static void
asking_fiber(void *arg)
{
	(void)arg;
	calls.started++;
	while (!calls.stop) {
		struct hm_mod *m = hm_generation_mod(test_core->current, "core");
		struct hm_session *s = hm_session_new(m, NULL, "smtp");
		struct hm_verdict v;

		calls.asked++;
		v = hm_decide_rcpt_to(m, s, NULL, NULL);
		calls.answered++;
		/* Asked, it has an opinion; switched off, nobody has. */
		calls.wrong += v.kind != HM_PASS && (v.kind != HM_JUNK ||
		    v.score != 7 || strcmp(v.module, "bb") != 0);
		hm_session_free(s);
		hm_sleep(1);
	}
	calls.started--;
}

static void
swap_files(unsigned turn)
{
	char command[1000];

	snprintf(command, sizeof(command), "cp '%s' '%s' && mv '%s' '%s'",
	    test_path("bb-%u.so", turn % 2 + 1), test_path("modules/bb.so.new"),
	    test_path("modules/bb.so.new"), test_path("modules/bb.so"));
	if (system(command) != 0)
		printf("# no copy\n");
}

static void
toggle_fiber(void *arg)
{
	static const char on[] = ON "hide: yes\nanswer: junk\nscore: 7\n"
	    "sleep: 3ms\n";
	struct test_reload *t = arg;
	unsigned bad = 0;

	for (unsigned i = 0; i < 1000; i++) {
		test_conf("bb", i % 2 ? "enabled: no\n" : on);
		test_reload_fiber(t);
		bad += t->text[0] != '\0' ||
		    (hm_generation_mod(test_core->current, "bb") != NULL) !=
		    (i % 2 == 0);
		hm_sleep(1);
	}
	is_int(bad, 0, "P02 a thousand times on and off, each as asked");
	test_conf("bb", on);
	for (unsigned i = 0; i < 50; i++) {
		swap_files(i);
		test_reload_fiber(t);
		bad += t->text[0] != '\0' || strcmp(hm_generation_mod(
		    test_core->current, "bb")->def->version,
		    i % 2 ? "2" : "1") != 0;
		hm_sleep(1);
	}
	is_int(bad, 0, "P02 up and down between two versions");
	test_conf("bb", ON "score: bad\n");
	for (unsigned i = 0; i < 50; i++) {
		uint64_t number = test_core->current->number;

		test_reload_fiber(t);
		bad += t->text[0] == '\0' ||
		    test_core->current->number != number;
	}
	is_int(bad, 0, "P02 what is wrong changes nothing");
	calls.stop = true;
}

static void
test_toggle(void)
{
	static struct test_reload t;
	char command[1000];

	for (int version = 1; version <= 2; version++) {
		test_build("bb", "probe", version == 1 ? "" :
		    "-DPROBE_VERSION='\"2\"'");
		snprintf(command, sizeof(command), "cp '%s' '%s'",
		    test_path("modules/bb.so"), test_path("bb-%d.so", version));
		ok(system(command) == 0, "version %d", version);
	}
	for (int i = 0; i < 20; i++)
		hm_fiber_start(NULL, "asking", asking_fiber, NULL);
	test_run(toggle_fiber, &t);
	is_int(calls.started, 0, "P02 all have ended");
	ok(calls.asked > 1000 && calls.answered == calls.asked &&
	    calls.wrong == 0, "P02 %u calls meanwhile, each was answered right",
	    calls.asked);
	test_conf("bb", NULL);
	is_str(reload(), "", "without it");
	is_int(generations(), 1, "P02 no generation is left");
#ifndef HM_SANITIZED
	is_int(files("data/code"), 1, "P02 nor a copy of its code");
#endif
	hm_buf_clear(&test_notes);
}

int
main(void)
{
	test_begin(true);
	test_build("aa", "probe", "");
	test_build("bb", "probe", "");
	test_failures();
	test_sessions();
	test_keep();
	test_code();
	test_many();
	test_toggle();
	hm_buf_clear(&test_notes);
	test_end();
	return done();
}
