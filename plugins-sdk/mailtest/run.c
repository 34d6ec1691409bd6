/* run.c - statement after statement, to the first that fails or the end. */
#include <stdio.h>

#include "mailtest.h"

/* ---- small statements ---- */

/* clock +TIME, clock jump +TIME, clock jump -TIME */
static void
do_clock(struct mt *t, struct hm_str rest)
{
	bool jump = mt_word_is(&rest, "jump");
	struct hm_str word = mt_word(t, &rest);
	bool back = hm_str_starts(word, HM_STR("-"));
	int64_t ms = mt_duration(hm_str_skip(word, 1));

	if (word.len < 2 || ms < 0 || (word.p[0] != '+' && !(back && jump))) {
		mt_fail(t, "write: clock +TIME");
		return;
	}
	if (!mt_platform_ready(t))
		return;
	if (jump)
		hm_clock_jump(back ? -ms : ms);
	else
		hm_harness_pass(ms);
}

/* patience TIME: how long an expectation lets time pass. */
static void
do_patience(struct mt *t, struct hm_str rest)
{
	int64_t ms = mt_duration(mt_word(t, &rest));

	if (ms < 0)
		mt_fail(t, "write: patience TIME");
	else
		t->patience_ms = ms;
}

/* set NAME VALUE */
static void
do_set(struct mt *t, struct hm_str rest)
{
	struct hm_str name = mt_word(t, &rest);

	if (name.len == 0)
		mt_fail(t, "write: set NAME VALUE");
	else
		mt_set(t, name, mt_expand(t, rest));
}

/* fail read|write|connect N */
void
mt_do_fail(struct mt *t, struct hm_str rest)
{
	static const char *const names[] = { "read", "write", "connect" };
	uint64_t nth;

	for (size_t i = 0; i < HM_ARRAY_LEN(names); i++) {
		if (!mt_word_is(&rest, names[i]))
			continue;
		if (mt_number(t, &rest, &nth))
			hm_harness_fail((enum hm_harness_fault)i, (unsigned)nth);
		return;
	}
	mt_fail(t, "write: fail read|write|connect N");
}

static void
do_expect(struct mt *t, struct hm_str rest)
{
	if (!mt_word_is(&rest, "exit"))
		mt_command_settle(t);
	else
		mt_expect_exit(t, rest);
	if (t->failed || hm_str_starts(t->stmt->text, HM_STR("expect exit")))
		return;
	if (mt_word_is(&rest, "output"))
		mt_expect_output(t, rest);
	else if (mt_word_is(&rest, "log"))
		mt_expect_log(t, rest, true);
	else if (mt_word_is(&rest, "no") && mt_word_is(&rest, "log"))
		mt_expect_log(t, rest, false);
	else if (mt_word_is(&rest, "mailbox"))
		mt_expect_mailbox(t, rest);
	else if (mt_word_is(&rest, "message"))
		mt_expect_message(t, rest);
	else
		mt_fail(t, "unknown: expect %.*s", HM_FMT(rest));
}

/* ---- loops ---- */

static void
begin_round(struct mt *t, struct mt_loop *loop)
{
	loop->round++;
	mt_set(t, loop->var, loop->values != NULL ?
	    loop->values[loop->round - 1] : hm_str(hm_printf(t->arena, "%llu",
	    (unsigned long long)loop->round)));
	t->pc = loop->body;
}

static void
begin_loop(struct mt *t, const struct mt_loop *loop)
{
	if (loop->rounds == 0) {
		t->pc = t->stmt->jump;
		return;
	}
	if (t->nloops == MT_DEPTH) {
		mt_fail(t, "too many loops and definitions in each other");
		return;
	}
	t->loops[t->nloops] = *loop;
	begin_round(t, &t->loops[t->nloops++]);
}

/* repeat N: $i counts from 1. */
static void
do_repeat(struct mt *t, struct hm_str rest)
{
	struct mt_loop loop = { .body = t->pc, .var = HM_STR("i") };

	if (mt_number(t, &rest, &loop.rounds))
		begin_loop(t, &loop);
}

/* each NAME VALUE… */
static void
do_each(struct mt *t, struct hm_str rest)
{
	enum { MAX_VALUES = 100 };
	struct mt_loop loop = { .body = t->pc, .var = mt_word(t, &rest) };
	struct hm_str value;

	loop.values = hm_alloc_array(t->arena, MAX_VALUES,
	    sizeof(*loop.values));
	while (loop.rounds < MAX_VALUES &&
	    (value = mt_word(t, &rest)).p != NULL)
		loop.values[loop.rounds++] = value;
	if (rest.len > 0)
		mt_fail(t, "too many values");
	else
		begin_loop(t, &loop);
}

/* $1 to $9 get these values, and their own take the place. */
static void
swap_args(struct mt *t, struct hm_str args[MT_ARGS])
{
	for (size_t i = 0; i < MT_ARGS; i++) {
		char digit = (char)('1' + i);
		struct hm_str name = hm_str_n(&digit, 1), was = mt_get(t, name);

		mt_set(t, name, args[i]);
		args[i] = was;
	}
}

static void
do_end(struct mt *t, struct hm_str rest)
{
	struct mt_loop *loop = &t->loops[t->nloops - 1];

	(void)rest;
	if (loop->round < loop->rounds) {
		begin_round(t, loop);
		return;
	}
	t->nloops--;
	if (loop->back == 0)
		return;
	t->pc = loop->back;
	swap_args(t, loop->args);
}

/* define NAME: a statement of one's own; $1 to $9 are the words behind it. */
static void
do_define(struct mt *t, struct hm_str rest)
{
	struct mt_define *d = hm_new(t->arena, struct mt_define);

	d->name = mt_word(t, &rest).p;
	d->body = t->pc;
	d->next = t->defines;
	t->defines = d;
	t->pc = t->stmt->jump;
	if (d->name == NULL)
		mt_fail(t, "write: define NAME");
}

static bool
use_definition(struct mt *t, struct hm_str name, struct hm_str rest)
{
	const struct mt_define *d;
	struct mt_loop *loop = &t->loops[t->nloops];

	for (d = t->defines; d != NULL; d = d->next)
		if (hm_str_is(name, d->name))
			break;
	if (d == NULL)
		return false;
	if (t->nloops == MT_DEPTH) {
		mt_fail(t, "too many loops and definitions in each other");
		return true;
	}
	*loop = (struct mt_loop){ .body = d->body, .back = t->pc, .round = 1,
	    .rounds = 1 };
	for (size_t i = 0; i < MT_ARGS; i++)
		loop->args[i] = mt_word(t, &rest);
	swap_args(t, loop->args);
	t->nloops++;
	t->pc = d->body;
	return true;
}

/* ---- all ---- */

static const struct {
	const char *word;
	void (*run)(struct mt *t, struct hm_str rest);
} statements[] = {
	{ "certificate", mt_do_certificate },
	{ "client", mt_do_client },
	{ "clock", do_clock },
	{ "command", mt_do_command },
	{ "conf", mt_do_conf },
	{ "define", do_define },
	{ "dns", mt_do_dns },
	{ "each", do_each },
	{ "end", do_end },
	{ "expect", do_expect },
	{ "fail", mt_do_fail },
	{ "module", mt_do_module },
	{ "need", mt_do_need },
	{ "password", mt_do_password },
	{ "patience", do_patience },
	{ "reload", mt_do_reload },
	{ "repeat", do_repeat },
	{ "server", mt_do_server },
	{ "set", do_set },
	{ "start", mt_do_start },
	{ "stop", mt_do_stop },
	{ "verify", mt_do_verify },
};

static void
run_statement(struct mt *t)
{
	struct hm_str rest = t->stmt->text, name;
	struct mt_peer *peer;

	for (size_t i = 0; i < HM_ARRAY_LEN(statements); i++) {
		if (!mt_word_is(&rest, statements[i].word))
			continue;
		if (statements[i].run != do_expect)
			mt_command_settle(t);
		if (!t->failed)
			statements[i].run(t, rest);
		return;
	}
	mt_command_settle(t);
	name = mt_word(t, &rest);
	if (t->failed || use_definition(t, name, rest))
		return;
	peer = mt_peer_find(t, name);
	if (peer != NULL)
		mt_talk(t, peer, rest);
	else
		mt_fail(t, "unknown statement");
}

static void
finish(struct mt *t)
{
	const void *ops;
	struct hm_mod *self;

	t->stmt = NULL;
	if (!t->failed)
		mt_command_settle(t);
	mt_peers_end(t);
	if (!t->failed && !t->skipped && t->server != NULL &&
	    hm_harness_service(t->server, "store", &ops, &self) == 0)
		mt_do_verify(t, HM_STR(""));
	if (t->skipped)
		t->failed = true; /* says nothing more */
	mt_certificates_end(t);
	mt_platform_end(t);
	mt_log_end(t);
	if (t->verbose && !t->failed)
		mt_show(t, NULL);
}

int
mt_run(struct mt *t)
{
	struct mt_peer *peer;

	mt_platform_begin(t);
	while (!t->failed && !t->skipped && t->pc < t->script.n) {
		t->stmt = &t->script.at[t->pc++];
		run_statement(t);
	}
	finish(t);
	for (peer = t->peers; peer != NULL; peer = peer->next)
		hm_buf_release(&peer->transcript);
	hm_buf_release(&t->output);
	mt_script_free(&t->script);
	if (t->skipped)
		return 0;
	printf("1..%u\n", t->count);
	return t->failed ? 1 : 0;
}
