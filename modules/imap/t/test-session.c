/* test-session.c - plays the dialogues in t/session/ against real sessions on
 * fakes of what is around them, in virtual time.
 *
 * A dialogue is lines of "C: sent" and "S: expected", with a digit before the
 * letter for connections beyond the first: "2C:". In what is expected "..."
 * stands for any run of characters. Further lines:
 *   C! text     sent without a line end        +N ms   time passes
 *   S* text     lines are skipped until one fits
 *   S!          nothing more is there to read  S|      the server has closed
 *   refuse NAME the hook refuses that command  lose    bodies are gone
 *   damage corrupt (or io)  they cannot be read; with a number: one cannot
 *   flags N     N transactions changed flags   opens N so many bodies were opened
 *   # comment
 */
#include <dirent.h>
#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/str.h>

#include "fake.h"
#include "t/tap.h"
#include "t/virtual.h"

enum { CLIENTS = 4 };

struct play {
	const char *name;
	struct hm_str text;
	struct hm_io *client[CLIENTS];
	unsigned line;
	bool failed;
};

static void
serve(void *arg)
{
	imap_session_run(fake_server(), arg, false);
}

static struct hm_io *
client(struct play *p, int i)
{
	struct hm_io *server;

	if (!p->client[i]) {
		hm_io_pair(&p->client[i], &server);
		hm_io_timeouts(p->client[i], 1000, 1000);
		hm_fiber_start(NULL, "imap session", serve, server);
	}
	return p->client[i];
}

/* Whether got fits want, in which "..." is any run. */
static bool
fits(struct hm_str want, struct hm_str got)
{
	ssize_t at = hm_str_find(want, HM_STR("..."));
	struct hm_str rest;
	ssize_t next;

	if (at < 0)
		return hm_str_eq(want, got);
	if (!hm_str_starts(got, hm_str_take(want, (size_t)at)))
		return false;
	got = hm_str_skip(got, (size_t)at);
	want = hm_str_skip(want, (size_t)at + 3);
	for (;;) {
		at = hm_str_find(want, HM_STR("..."));
		if (at < 0)
			return hm_str_ends(got, want);
		rest = hm_str_take(want, (size_t)at);
		next = hm_str_find(got, rest);
		if (next < 0)
			return false;
		got = hm_str_skip(got, (size_t)next + rest.len);
		want = hm_str_skip(want, (size_t)at + 3);
	}
}

static void
complain(struct play *p, struct hm_str want, struct hm_str got)
{
	p->failed = true;
	ok(false, "%s:%u", p->name, p->line);
	tap_show("expected", want.p, want.len);
	tap_show("got     ", got.p, got.len);
}

static void
expect(struct play *p, int i, struct hm_str want, bool skip_others)
{
	struct hm_str got = { 0 };
	int r;

	do {
		r = hm_io_read_line(client(p, i), 1 << 20, &got, NULL);
	} while (r == 0 && skip_others && !fits(want, got));
	if (r < 0)
		complain(p, want, hm_str(hm_err_name(r)));
	else if (!fits(want, got))
		complain(p, want, got);
}

static void
expect_silence(struct play *p, int i, bool closed)
{
	struct hm_str got = { 0 };
	int r;

	hm_io_timeouts(client(p, i), closed ? 1000 : 50, 1000);
	r = hm_io_wait(client(p, i), NULL, closed ? 1000 : 50);
	if (r > 0 && closed)
		r = hm_io_read_line(client(p, i), 1 << 20, &got, NULL);
	if (r != (closed ? -HM_EEOF : -HM_ETIMEDOUT))
		complain(p, closed ? HM_STR("the end") : HM_STR("silence"),
		    got.p ? got : HM_STR("something"));
	hm_io_timeouts(client(p, i), 1000, 1000);
}

static void
other_line(struct play *p, struct hm_str line)
{
	struct hm_str word = hm_str_split(&line, ' ');
	static char name[64];
	uint64_t n = 0;

	if (hm_str_is(word, "refuse")) {
		snprintf(name, sizeof(name), "%.*s", HM_FMT(line));
		fake_refuse(line.len ? name : NULL);
		return;
	}
	if (hm_str_is(word, "lose")) {
		fake_lose_bodies();
		return;
	}
	if (hm_str_is(word, "damage")) {
		word = hm_str_split(&line, ' ');
		hm_str_u64(line, UINT64_MAX, &n);
		fake_damage(hm_str_is(word, "corrupt") ? -HM_ECORRUPT : -HM_EIO,
		    n);
		return;
	}
	if (hm_str_u64(hm_str_starts(word, HM_STR("+")) ? hm_str_skip(word, 1) :
	    line, 1u << 30, &n) < 0)
		complain(p, HM_STR("a line of a dialogue"), word);
	else if (hm_str_is(word, "flags"))
		ok(fake_flags_calls() == n, "%s:%u: flags were changed %u times",
		    p->name, p->line, (unsigned)n);
	else if (hm_str_is(word, "opens"))
		ok(fake_body_opens() == n, "%s:%u: bodies were opened %u times",
		    p->name, p->line, (unsigned)n);
	else
		hm_sleep((int64_t)n);
}

static void
one_line(struct play *p, struct hm_str line)
{
	int i = 0;
	char what;

	if (line.len == 0 || line.p[0] == '#')
		return;
	if (line.p[0] >= '1' && line.p[0] <= '0' + CLIENTS) {
		i = line.p[0] - '1';
		line = hm_str_skip(line, 1);
	}
	if (line.len < 2 || (line.p[0] != 'C' && line.p[0] != 'S')) {
		other_line(p, line);
		return;
	}
	what = line.p[1];
	if (line.p[0] == 'C') {
		line = hm_str_skip(line, 3);
		hm_io_str(client(p, i), line);
		if (what == ':')
			hm_io_puts(client(p, i), "\r\n");
		hm_io_flush(client(p, i));
		return;
	}
	line = hm_str_skip(line, what == ':' || what == '*' ? 3 : 2);
	if (what == '!' || what == '|')
		expect_silence(p, i, what == '|');
	else
		expect(p, i, line, what == '*');
}

static void
play(void *arg)
{
	struct play *p = arg;
	int i;

	while (p->text.p && !p->failed) {
		struct hm_str line = hm_str_split(&p->text, '\n');

		p->line++;
		one_line(p, line);
	}
	for (i = 0; i < CLIENTS; i++)
		if (p->client[i])
			hm_io_close(p->client[i]);
}

static void
play_file(const char *dir, const char *name)
{
	struct play p = { .name = name };
	struct hm_buf text = { 0 };
	char path[1024], part[1024];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!ok(f != NULL, "%s can be read", name))
		return;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		hm_buf_add(&text, part, n);
	fclose(f);
	p.text = hm_buf_view(&text);
	fake_reset();
	fake_refuse(NULL);
	hm_fiber_start(NULL, "client", play, &p);
	virtual_run();
	if (!p.failed)
		ok(!p.text.p, "%s is played to its end", name);
	fake_free();
	hm_buf_release(&text);
}

static int
dialogues(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

int
main(int argc, char **argv)
{
	const char *src = getenv("top_srcdir");
	struct dirent **list;
	char dir[1000];
	int i, n;

	if (!virtual_begin(INT64_C(1000000000000)))
		return 1;
	snprintf(dir, sizeof(dir), "%s/modules/imap/t/session", src ? src : ".");
	if (argc > 1) {
		for (i = 1; i < argc; i++)
			play_file(dir, argv[i]);
	} else {
		n = scandir(dir, &list, dialogues, alphasort);
		ok(n > 0, "there are dialogues");
		for (i = 0; i < n; i++) {
			play_file(dir, list[i]->d_name);
			free(list[i]);
		}
		free(list);
	}
	virtual_end();
	return done();
}
