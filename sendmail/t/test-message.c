/* test-message.c - what becomes of a message before a server sees it. */
#include <string.h>
#include <sysexits.h>

#include <hermod/clock.h>

#include "sendmail/sendmail.h"
#include "t/tap.h"

static struct hm_arena *arena;

/* ---- bytes ---- */

static void
test_intake(void)
{
	static const struct {
		const char *in, *out;
		bool keep, ended;
	} cases[] = {
		{ "a\nb\n", "a\r\nb\r\n", false, false },
		{ "a\r\nb\r\n", "a\r\nb\r\n", false, false },
		{ "a\r\r\nb", "a\r\nb\r\n", false, false },
		{ "", "", false, false },
		{ "\n", "\r\n", false, false },
		{ "a\n.\nb\n", "a\r\n", false, true },
		{ "a\n.\r\nb\n", "a\r\n", false, true },
		{ "a\n.", "a\r\n", false, true },
		{ "a\n.\nb\n", "a\r\n.\r\nb\r\n", true, false },
		{ "a\n..\nb\n", "a\r\n..\r\nb\r\n", false, false },
		/* A field grows no other one; a body's line may end so. */
		{ "S: x\rBcc: y\n\nz\rw\n", "S: x Bcc: y\r\n\r\nz\r\nw\r\n", false,
		    false },
		{ "S: x\r", "S: x\r\n", false, false },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++)
		for (size_t step = 1; step < 4; step++) {
			struct intake in = { .keep_dots = cases[i].keep,
			    .max = 1000 };
			struct hm_str rest = hm_str(cases[i].in);
			struct hm_buf out = { 0 };

			while (rest.len > 0) {
				(void)message_intake(&in, &out,
				    hm_str_take(rest, step));
				rest = hm_str_skip(rest, step);
			}
			message_intake_end(&in, &out);
			ok(hm_str_is(hm_buf_view(&out), cases[i].out) &&
			    in.ended == cases[i].ended, "intake %zu by %zu", i,
			    step);
			hm_buf_release(&out);
		}
}

static void
test_nul(void)
{
	struct intake in = { .max = 4 };
	struct hm_buf out = { 0 };

	message_intake(&in, &out, hm_str_n("a\0b\n", 4));
	ok(hm_str_is(hm_buf_view(&out), "ab\r\n"), "NUL is left out");
	ok(!message_intake(&in, &out, HM_STR("c")) && in.over,
	    "there is a limit");
	hm_buf_release(&out);
}

static void
test_split(void)
{
	static const struct { const char *text, *header, *body; } cases[] = {
		{ "A: b\r\n\r\nbody\r\n", "A: b\r\n", "body\r\n" },
		{ "A: b\r\n c\r\n\r\n", "A: b\r\n c\r\n", "" },
		{ "no field here\r\n", "", "no field here\r\n" },
		{ "A: b\r\nno field\r\n", "A: b\r\n", "no field\r\n" },
		{ "\r\nbody\r\n", "", "body\r\n" },
		{ " folded nothing\r\n", "", " folded nothing\r\n" },
		{ "From anna Mon\r\nA : b\r\n\r\nx\r\n", "A : b\r\n", "x\r\n" },
		{ "From anna", "", "" },
		{ "", "", "" },
		{ "A: b\r\n", "A: b\r\n", "" },
		{ "http://x y\r\n", "http://x y\r\n", "" },
		{ "Dear Sir: hello\r\n", "", "Dear Sir: hello\r\n" },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		struct message msg;

		message_split(hm_str(cases[i].text), &msg);
		ok(hm_str_is(msg.header, cases[i].header) &&
		    hm_str_is(msg.body, cases[i].body), "split %zu", i);
	}
}

/* ---- fields ---- */

static struct hm_str
written(const char *header, const struct author *who)
{
	struct message msg = { hm_str(header), HM_STR("body\r\n") };
	struct hm_buf out = { 0 };
	struct hm_str ret;

	message_write(&out, &msg, who);
	ret = hm_str_dup(arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return ret;
}

static bool
holds(struct hm_str text, const char *what)
{
	return hm_str_find(text, hm_str(what)) >= 0;
}

static void
test_write(void)
{
	static const struct {
		const char *header, *want, *not;
		bool always;
	} cases[] = {
		{ "", "From: Anna A <anna@example.org>\r\n", NULL, false },
		{ "", "\r\nDate: ", NULL, false },
		{ "", "@example.org>\r\n\r\nbody\r\n", NULL, false },
		{ "From: root\r\n", "From: Anna A <anna@example.org>\r\n", "root",
		    false },
		{ "From: root (Cron Daemon)\r\n",
		    "From: Cron Daemon <anna@example.org>\r\n", "root", false },
		{ "From: anna@localhost\r\n", "<anna@example.org>", "localhost",
		    false },
		{ "From: Me <anna@box.example>\r\n", "From: Me <anna@example.org>",
		    "box", false },
		{ "From: Me <other@box.example>\r\n",
		    "From: Me <other@box.example>\r\n", "anna", false },
		{ "From: Me <other@box.example>\r\n",
		    "From: Me <anna@example.org>\r\n", "box", true },
		{ "from: =?utf-8?q?M=C3=A9?= <anna@localhost>\r\n",
		    "<anna@example.org>", "localhost", false },
		/* Two authors are for the server to refuse. */
		{ "From: anna, bert\r\n", "From: anna, bert\r\n", "Anna", false },
		{ "Bcc: x@y.example\r\nTo: z@y.example\r\n",
		    "To: z@y.example\r\n", "x@y", false },
		{ "BCC : x@y.example,\r\n b@y.example\r\nTo: z@y.example\r\n",
		    "To: z", "b@y", false },
		{ "Return-Path: <x@y>\r\n", "body", "Return-Path", false },
		{ "From: x@y.example\r\nMessage-ID: <a@b>\r\nDate: now\r\n",
		    "From: x@y.example\r\nMessage-ID: <a@b>\r\nDate: now\r\n"
		    "\r\nbody", "example.org", false },
		{ "Resent-To: x@y.example\r\n", "Resent-Date: ", NULL, false },
		{ "Resent-To: x@y.example\r\n", "Resent-Message-ID: <", NULL,
		    false },
		{ "Resent-To: x@y.example\r\nResent-Bcc: z@y.example\r\n",
		    "Resent-To", "z@y", false },
		{ "X-Failed-Sender: <a@b>\r\nX-Failed-Recipients: <c@d>\r\n",
		    "body", "X-Failed", false },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		struct author who = { .user = HM_STR("anna"),
		    .host = HM_STR("box.example"), .full_name = HM_STR("Anna A"),
		    .always = cases[i].always, .now_s = 1795860000 };
		struct hm_str out;

		hm_addr_parse(arena, HM_STR("anna@example.org"), 0, &who.addr,
		    NULL);
		out = written(cases[i].header, &who);
		ok(holds(out, cases[i].want) && (cases[i].not == NULL ||
		    !holds(out, cases[i].not)), "write %zu: %.30s", i,
		    cases[i].header);
	}
}

/* ---- recipients ---- */

static struct hm_str
list(const struct rcpts *rcpts)
{
	struct hm_buf out = { 0 };
	struct hm_str ret;

	for (size_t i = 0; i < rcpts->n; i++)
		hm_buf_printf(&out, "%s%.*s", i > 0 ? " " : "",
		    HM_FMT(rcpts->at[i].addr.text));
	ret = hm_str_dup(arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return ret;
}

static void
test_rcpts(void)
{
	static const struct { const char *in, *out; const char *other; } cases[] = {
		{ "a@b.example", "a@b.example", NULL },
		{ "root", "root@home.example", NULL },
		{ "root@localhost", "root@home.example", NULL },
		{ "root, bert", "x@y.example", "x@y.example" },
		{ "Anna <a@b.example>, \"B, C\" <c@d.example>",
		    "a@b.example c@d.example", NULL },
		{ "a@b.example,a@b.example,A@B.example",
		    "a@b.example A@b.example", NULL },
		{ "undisclosed-recipients:;", "", NULL },
		{ "friends: a@b.example, c@d.example;", "a@b.example c@d.example",
		    NULL },
		{ "\"odd name\"@b.example", "\"odd name\"@b.example", NULL },
		{ "a b c", NULL, NULL },
		{ "a@", NULL, NULL },
		{ "a@b..example", NULL, NULL },
		/* Names of files and programs are names of users, at best. */
		{ "|/bin/sh", "|/bin/sh@home.example", NULL },
		{ "-oQ/tmp@b.example", "-oQ/tmp@b.example", NULL },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		struct rcpts rcpts = { .arena = arena, .domain = "home.example",
		    .other = cases[i].other };
		struct hm_err err = { 0 };
		int r = message_rcpts(&rcpts, hm_str(cases[i].in), &err);

		ok(cases[i].out == NULL ? r < 0 && err.text[0] != '\0' : r == 0 &&
		    hm_str_is(list(&rcpts), cases[i].out), "recipients: %s (%.*s)",
		    cases[i].in, HM_FMT(list(&rcpts)));
	}
}

static void
test_header_rcpts(void)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "To: a@b.example\r\nCC: c@b.example\r\nBcc: d@b.example\r\n",
		    "a@b.example c@b.example d@b.example" },
		{ "To: a@b.example\r\nTo: c@b.example\r\n",
		    "a@b.example c@b.example" },
		/* The resent copy goes where its own fields say. */
		{ "Resent-To: r@b.example\r\nTo: a@b.example\r\n", "r@b.example" },
		{ "Resent-From: r@b.example\r\nTo: a@b.example\r\n", "" },
		{ "X-Failed-Recipients: <f@b.example>\r\nTo: a@b.example\r\n",
		    "f@b.example" },
		{ "Subject: To: a@b.example\r\n", "" },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		struct rcpts rcpts = { .arena = arena, .domain = "home.example" };

		ok(message_header_rcpts(&rcpts, hm_str(cases[i].in), NULL) == 0 &&
		    hm_str_is(list(&rcpts), cases[i].out), "header %zu: %.*s", i,
		    HM_FMT(list(&rcpts)));
	}
}

/* ---- the command line ---- */

static void
test_args(void)
{
	static const struct {
		const char *words[8];
		int status;
		size_t nrcpts;
		enum args_mode mode;
		const char *sender;
		bool header, dots;
	} cases[] = {
		{ { "sendmail", "a@b" }, EX_OK, 1, ARGS_SEND, NULL, 0, 0 },
		{ { "sendmail", "-t", "-i", "-fx@y" }, EX_OK, 0, ARGS_SEND, "x@y",
		    1, 1 },
		{ { "sendmail", "-ti", "-f", "x@y", "--", "-a@b" }, EX_OK, 1,
		    ARGS_SEND, "x@y", 1, 1 },
		{ { "sendmail", "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root" },
		    EX_OK, 1, ARGS_SEND, NULL, 0, 1 },
		{ { "sendmail", "-oi", "-odb", "-oQ/x", "-O", "a=b", "r" }, EX_OK,
		    1, ARGS_SEND, NULL, 0, 1 },
		/* Options end at the first word that is none. */
		{ { "sendmail", "a@b", "-fx@y", "-C/etc/x" }, EX_OK, 3, ARGS_SEND,
		    NULL, 0, 0 },
		{ { "/usr/bin/mailq" }, EX_OK, 0, ARGS_MAILQ, NULL, 0, 0 },
		{ { "newaliases" }, EX_OK, 0, ARGS_NOTHING, NULL, 0, 0 },
		{ { "sendmail", "-bp" }, EX_OK, 0, ARGS_MAILQ, NULL, 0, 0 },
		{ { "sendmail", "-bs" }, EX_OK, 0, ARGS_SMTP, NULL, 0, 0 },
		{ { "sendmail", "-bm", "x" }, EX_OK, 1, ARGS_SEND, NULL, 0, 0 },
		{ { "sendmail", "-q15m" }, EX_OK, 0, ARGS_NOTHING, NULL, 0, 0 },
		{ { "sendmail", "-bd" }, EX_UNAVAILABLE, 0, 0, NULL, 0, 0 },
		{ { "sendmail", "-bx" }, EX_UNAVAILABLE, 0, 0, NULL, 0, 0 },
		{ { "sendmail", "-Nnever,delay" }, EX_USAGE, 0, 0, NULL, 0, 0 },
		{ { "sendmail", "-Nsometimes" }, EX_USAGE, 0, 0, NULL, 0, 0 },
		{ { "sendmail", "-Rall" }, EX_USAGE, 0, 0, NULL, 0, 0 },
		{ { "sendmail", "-V", "a\nb" }, EX_USAGE, 0, 0, NULL, 0, 0 },
		{ { "sendmail", "-f" }, EX_USAGE, 0, 0, NULL, 0, 0 },
		{ { "sendmail", "-Z" }, EX_USAGE, 0, 0, NULL, 0, 0 },
		{ { NULL }, EX_OK, 0, ARGS_SEND, NULL, 0, 0 },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		char *argv[9] = { NULL };
		struct hm_err err = { 0 };
		struct args args;
		int argc = 0, status;

		for (; cases[i].words[argc] != NULL; argc++)
			argv[argc] = (char *)(uintptr_t)cases[i].words[argc];
		status = args_parse(argc, argv, &args, &err);
		ok(status == cases[i].status && (status != EX_OK ?
		    err.text[0] != '\0' : args.nrcpts == cases[i].nrcpts &&
		    args.mode == cases[i].mode &&
		    args.from_header == cases[i].header &&
		    args.keep_dots == cases[i].dots &&
		    (cases[i].sender == NULL ? args.sender == NULL :
		    args.sender != NULL &&
		    strcmp(args.sender, cases[i].sender) == 0)), "words %zu", i);
	}
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	test_intake();
	test_nul();
	test_split();
	test_write();
	test_rcpts();
	test_header_rcpts();
	test_args();
	hm_arena_free(arena);
	return done();
}
