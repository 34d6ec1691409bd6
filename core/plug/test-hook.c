/* test-hook.c - asking chains of modules, and telling them. */
#include <limits.h>

#include <hermod/io.h>

#include "test-lib.h"

static const char *const kinds[] = { "pass", "accept", "junk", "defer",
	"reject", "disconnect", "fail" };

struct ask {
	const char *modules[3];        /* settings of aa, bb, cc */
	const char *want;              /* kind esc text module score */
	int64_t took_ms;
	const char *notes, *name;
	char got[600];
	int64_t ms;
	int64_t deadline_ms;           /* of the fiber, 0: none */
	bool without_session;
};

static void
format(char *out, size_t size, struct hm_verdict v)
{
	snprintf(out, size, "%s %s %s %s %d", kinds[v.kind],
	    v.esc != NULL ? v.esc : "-", v.text != NULL ? v.text : "-",
	    v.module != NULL ? v.module : "-", v.score);
}

static void
ask_fiber(void *arg)
{
	struct ask *ask = arg;
	struct hm_mod *core = test_mod("core");
	struct hm_session *s = NULL;
	struct hm_verdict v;
	int64_t began = hm_now_ms();

	if (!ask->without_session)
		s = hm_session_new(core, NULL, "smtp");
	if (ask->deadline_ms > 0)
		hm_fiber_deadline(began + ask->deadline_ms);
	v = hm_decide_rcpt_to(core, s, NULL, NULL);
	ask->ms = hm_now_ms() - began;
	format(ask->got, sizeof(ask->got), v);
	if (s != NULL)
		hm_session_free(s);
}

/* cc works at "content", the others at "policy". */
static struct ask asks[] = {
	{ .modules = { "", "", "" }, .want = "pass - - - 0",
	  .notes = "rcpt_to aa 1; rcpt_to bb 1; rcpt_to cc 1",
	  .name = "all pass" },
	{ .modules = { "answer: accept", "answer: reject", "" },
	  .want = "accept - - aa 0", .notes = "rcpt_to aa 1",
	  .name = "the first final one wins" },
	{ .modules = { "", "answer: reject\nesc: 5.7.1\ntext: go away", "" },
	  .want = "reject 5.7.1 go away bb 0",
	  .notes = "rcpt_to aa 1; rcpt_to bb 1", .name = "reject" },
	{ .modules = { "", "answer: defer\nesc: 4.7.1\ntext: later", "" },
	  .want = "defer 4.7.1 later bb 0",
	  .notes = "rcpt_to aa 1; rcpt_to bb 1", .name = "defer" },
	{ .modules = { "answer: disconnect\nesc: 4.7.0\ntext: bye", "", "" },
	  .want = "disconnect 4.7.0 bye aa 0", .notes = "rcpt_to aa 1",
	  .name = "disconnect" },
	{ .modules = { "answer: junk\nscore: 3\ntext: odd",
	    "answer: junk\nscore: 20\ntext: bad", "" },
	  .want = "junk - bad bb 23",
	  .notes = "rcpt_to aa 1; rcpt_to bb 1; rcpt_to cc 1",
	  .name = "scores are added, the worst is named" },
	{ .modules = { "answer: junk\nscore: 2000000000",
	    "answer: junk\nscore: 2000000000", "" },
	  .want = "junk - because aa 2147483647",
	  .notes = "rcpt_to aa 1; rcpt_to bb 1; rcpt_to cc 1",
	  .name = "scores do not overflow" },
	{ .modules = { "answer: junk\nscore: 7", "answer: accept", "" },
	  .want = "accept - - bb 7",
	  .notes = "rcpt_to aa 1; rcpt_to bb 1",
	  .name = "what is accepted keeps its score" },
	{ .modules = { "answer: reject\nesc: 4.7.1", "", "" },
	  .want = "reject - because aa 0", .notes = "rcpt_to aa 1",
	  .name = "a code of another class is dropped" },
	{ .modules = { "answer: reject\nesc: 5.7.1000", "", "" },
	  .want = "reject - because aa 0", .notes = "rcpt_to aa 1",
	  .name = "a code that is none is dropped" },
	{ .modules = { "answer: reject\ntext: \"a\\r\\n250 ok\"", "", "" },
	  .want = "reject - a??250 ok aa 0", .notes = "rcpt_to aa 1",
	  .name = "no text becomes a second line" },
	/* broken ones */
	{ .modules = { "answer: fail", "", "" },
	  .want = "defer 4.3.0 a required check failed, try again later aa 0",
	  .notes = "rcpt_to aa 1", .name = "fail is defer" },
	{ .modules = { "answer: fail\non-fail: pass", "", "" },
	  .want = "pass - - - 0",
	  .notes = "rcpt_to aa 1; rcpt_to bb 1; rcpt_to cc 1",
	  .name = "fail, the admin wants pass" },
	{ .modules = { "answer: fail\non-fail: reject", "", "" },
	  .want = "reject 5.3.0 a required check failed aa 0",
	  .notes = "rcpt_to aa 1", .name = "fail, the admin wants reject" },
	{ .modules = { "answer: nonsense", "", "" },
	  .want = "defer 4.3.0 a required check failed, try again later aa 0",
	  .notes = "rcpt_to aa 1", .name = "a verdict that is none" },
	{ .modules = { "answer: nest", "", "" },
	  .want = "defer 4.3.0 a check could not be made aa 0",
	  .notes = "rcpt_to aa 1; rcpt_to aa 2; rcpt_to aa 3; rcpt_to aa 4",
	  .name = "asking oneself ends" },
	/* late ones */
	{ .modules = { "sleep: 9s\nanswer: accept", "", "" },
	  .want = "accept - - aa 0", .took_ms = 9000, .notes = "rcpt_to aa 1",
	  .name = "slow, but in time" },
	{ .modules = { "sleep: 1h\nanswer: accept", "", "" },
	  .want = "defer 4.3.0 a required check failed, try again later aa 0",
	  .took_ms = 10000, .notes = "rcpt_to aa 1", .name = "late is defer" },
	{ .modules = { "sleep: 1h\ncut: yes\nanswer: accept", "", "" },
	  .want = "defer 4.3.0 a required check failed, try again later aa 0",
	  .took_ms = 10000, .notes = "rcpt_to aa 1",
	  .name = "accept that comes too late does not count" },
	{ .modules = { "sleep: 1h\ndeadline: 2s\non-fail: pass", "", "" },
	  .want = "pass - - - 0", .took_ms = 2000,
	  .notes = "rcpt_to aa 1; rcpt_to bb 1; rcpt_to cc 1",
	  .name = "its own deadline, the admin wants pass" },
	{ .modules = { "sleep: 1h\non-fail: reject", "", "" },
	  .want = "reject 5.3.0 a required check failed aa 0",
	  .took_ms = 10000, .notes = "rcpt_to aa 1",
	  .name = "late, the admin wants reject" },
	{ .modules = { "sleep: 5s", "sleep: 6s", "sleep: 7s" },
	  .want = "pass - - - 0", .took_ms = 18000,
	  .notes = "rcpt_to aa 1; rcpt_to bb 1; rcpt_to cc 1",
	  .name = "each has its own time" },
	{ .modules = { "sleep: 1h\non-fail: pass", "", "" },
	  .deadline_ms = 3000,
	  .want = "defer 4.3.2 the session is ending aa 0", .took_ms = 3000,
	  .notes = "rcpt_to aa 1", .name = "the session's deadline is earlier" },
	/* order */
	{ .modules = { "order: {rcpt_to: {after: [bb]}}", "", "" },
	  .want = "pass - - - 0",
	  .notes = "rcpt_to bb 1; rcpt_to aa 1; rcpt_to cc 1",
	  .name = "after another" },
	{ .modules = { "", "order: {rcpt_to: {before: [aa, unknown]}}", "" },
	  .want = "pass - - - 0",
	  .notes = "rcpt_to bb 1; rcpt_to aa 1; rcpt_to cc 1",
	  .name = "before another" },
	{ .modules = { "answer: reject", "", "" }, .without_session = true,
	  .want = "reject - because aa 0", .notes = "rcpt_to aa 0",
	  .name = "without a session" },
};

static void
conf_all(const char *const modules[3])
{
	static const char *const names[] = { "aa", "bb", "cc" };
	char text[300];

	for (size_t i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "enabled: yes\n%s\n",
		    modules[i] != NULL ? modules[i] : "");
		test_conf(names[i], text);
	}
}

/* "forget" and "end" come when the session ends; they have their own test. */
static void
drop_end(void)
{
	const char *all = test_notes.p != NULL ? test_notes.p : "";
	const char *cut = strstr(all, "; forget");

	if (cut != NULL)
		test_notes.len = (size_t)(cut - all);
	else if ((cut = strstr(all, "; end")) != NULL)
		test_notes.len = (size_t)(cut - all);
	if (test_notes.p != NULL)
		test_notes.p[test_notes.len] = '\0';
}

static void
test_asks(void)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(asks); i++) {
		struct ask *ask = &asks[i];

		conf_all(ask->modules);
		is_str(test_reload(), "", "%s: configured", ask->name);
		hm_buf_clear(&test_notes);
		test_run(ask_fiber, ask);
		is_str(ask->got, ask->want, "%s", ask->name);
		is_int(ask->ms, ask->took_ms, "%s: time", ask->name);
		drop_end();
		test_said(ask->notes, ask->name);
	}
}

static void
test_counts(void)
{
	const struct hm_hook_stats *stats = hm_core_stats(test_core, "aa",
	    HM_HOOK_rcpt_to);

	ok(stats->calls >= HM_ARRAY_LEN(asks), "calls are counted");
	is_int(stats->verdicts[HM_FAIL], 8, "failures are counted");
	is_int(stats->late, 4, "lateness is counted");
	is_int(stats->max_ns, 10000000000, "the longest call is known");
}

/* ---- mistakes in "order" ---- */

static const struct {
	const char *modules[3], *want, *name;
} orders[] = {
	{ { "order: {rcpt_to: {after: [bb]}}",
	    "order: {rcpt_to: {after: [aa]}}", "" },
	  "conf.d/aa.yaml:1:1: the \"order\" settings for the hook rcpt_to go "
	  "in a circle", "circle" },
	{ { "order: {rcpt_to: {after: [cc]}}", "", "" },
	  "conf.d/aa.yaml:1:1: in the hook rcpt_to module \"cc\" cannot go "
	  "before \"aa\": it works at the place \"content\", which comes after "
	  "\"policy\"", "across positions" },
	{ { "order: {rcpt: {after: [cc]}}", "", "" },
	  "conf.d/aa.yaml:2:15: there is no hook \"rcpt\"; hermod-hooks(7) "
	  "lists them", "unknown hook" },
};

static void
test_orders(void)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(orders); i++) {
		conf_all(orders[i].modules);
		is_str(test_reload(), orders[i].want, "%s", orders[i].name);
	}
}

/* ---- slots and sessions ---- */

static void
slots_fiber(void *arg)
{
	struct hm_mod *core = test_mod("core");
	struct hm_session *one = hm_session_new(core, NULL, "smtp");
	struct hm_session *two = hm_session_new(core, NULL, "imap");

	(void)arg;
	ok(strcmp(hm_session_id(one), hm_session_id(two)) != 0, "ids differ");
	is_int(strlen(hm_session_id(one)), 10, "ids are short");
	hm_session_set_login(one, HM_STR("anna"), HM_STR("anna@a.example"));
	hm_decide_rcpt_to(core, one, NULL, NULL);
	hm_decide_rcpt_to(core, one, NULL, NULL);
	hm_decide_rcpt_to(core, two, NULL, NULL);
	hm_session_free(one);
	hm_session_free(two);
}

static void
test_slots(void)
{
	static const char *const modules[3] = { "", NULL, NULL };

	conf_all(modules);
	test_conf("bb", NULL);
	test_conf("cc", NULL);
	is_str(test_reload(), "", "one module");
	hm_buf_clear(&test_notes);
	test_run(slots_fiber, NULL);
	test_said("rcpt_to aa 1; rcpt_to aa 2; rcpt_to aa 1; forget aa 2; "
	    "forget aa 1; end aa 27 smtp anna; end aa 27 imap ",
	    "a slot for each session, destroyed with it");
}

/* ---- events ---- */

static void
emit_fiber(void *arg)
{
	struct hm_change change = { .account = "anna" };
	unsigned *n = arg;

	for (unsigned i = 1; i <= *n; i++) {
		change.uid = i;
		hm_emit_message_added(test_mod("core"), &change);
	}
}

static void
test_events(void)
{
	const struct hm_hook_stats *stats = hm_core_stats(test_core, "aa",
	    HM_HOOK_message_added);
	unsigned n = 3;

	test_run(emit_fiber, &n);
	test_said("added aa anna 1; added aa anna 2; added aa anna 3", "events");
	test_conf("aa", "enabled: yes\nsleep: 1s\n");
	test_conf("bb", "enabled: yes\n");
	is_str(test_reload(), "", "a slow and a quick subscriber");
	hm_buf_clear(&test_notes);
	n = 2;
	test_run(emit_fiber, &n);
	test_said("added bb anna 1; added bb anna 2; added aa anna 1; "
	    "added aa anna 2", "the slow one delays nobody");
	n = 1030;
	test_run(emit_fiber, &n);
	has(test_notes.p, "added aa anna 7; added aa anna 8",
	    "of too many the newest are told");
	ok(strstr(test_notes.p, "added aa anna 6;") == NULL,
	    "and the oldest dropped");
	is_int(stats->dropped, 6, "and counted");
	hm_buf_clear(&test_notes);
}

int
main(void)
{
	test_begin(true);
	test_build("aa", "probe", "");
	test_build("bb", "probe", "");
	test_build("cc", "probe", "-DPROBE_ORDER=HM_ORDER_CONTENT");
	test_asks();
	test_counts();
	test_orders();
	test_slots();
	test_events();
	test_end();
	return done();
}
