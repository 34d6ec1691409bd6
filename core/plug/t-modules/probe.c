/* probe.c - the module of the tests: it does what its settings say, and tells
 * the test program what happened. Built several times, with other names.
 */
#include <stdlib.h>
#include <unistd.h>

#include <hermod/buf.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/net.h>
#include <hermod/plugin.h>
#include <hermod/work.h>

#ifndef PROBE_NAME
#define PROBE_NAME "probe"
#endif
#ifndef PROBE_VERSION
#define PROBE_VERSION "1"
#endif
#ifndef PROBE_ORDER
#define PROBE_ORDER HM_ORDER_POLICY
#endif

/* In the test program; absent when the real one loads this. */
__attribute__((weak)) void test_note(const char *fmt, ...) HM_PRINTF(1, 2);
#define NOTE(...) \
	do { \
		if (test_note) \
			test_note(__VA_ARGS__); \
	} while (0)

struct probe_conf {
	int answer;
	const char *text, *esc;
	int64_t score;
	int64_t sleep_ms;
	bool fail_check, fail_open, keep, cut, hide;
	const struct hm_addrlist *listen;
};

enum { PASS, ACCEPT, JUNK, DEFER, REJECT, DISCONNECT, FAIL, NONSENSE, NEST };
static const char *const answers[] = { "pass", "accept", "junk", "defer",
	"reject", "disconnect", "fail", "nonsense", "nest", NULL };

static const struct hm_opt probe_options[] = {
	HM_OPT_ENUM(struct probe_conf, answer, "pass", "What to say.", answers),
	HM_OPT_STR(struct probe_conf, text, "because", "What to add."),
	HM_OPT_STR(struct probe_conf, esc, NULL, "The code to add."),
	HM_OPT_INT(struct probe_conf, score, "10", "How bad it is.",
	    .min = "-1000000000", .max = "2147483647"),
	HM_OPT_TIME(struct probe_conf, sleep_ms, "0s", "How long to think.",
	    .min = "0s", .max = "1h"),
	HM_OPT_BOOL(struct probe_conf, fail_check, "no", "Settings are wrong."),
	HM_OPT_BOOL(struct probe_conf, fail_open, "no", "Opening fails."),
	HM_OPT_BOOL(struct probe_conf, keep, "no", "Keep a resource."),
	HM_OPT_BOOL(struct probe_conf, cut, "no", "Return when too late."),
	HM_OPT_BOOL(struct probe_conf, hide, "no", "Note nothing."),
	HM_OPT_ADDRS(struct probe_conf, listen, NULL, "Where to listen."),
	HM_OPT_END
};

#define CONF(m) ((const struct probe_conf *)hm_mod_conf(m))

static struct hm_verdict
probe_answer(struct hm_call *call, const struct probe_conf *conf)
{
	switch (conf->answer) {
	case ACCEPT:
		return hm_accept();
	case JUNK:
		return hm_junk((int)conf->score, conf->text);
	case DEFER:
		return hm_defer(conf->esc, conf->text);
	case REJECT:
		return hm_reject(conf->esc, conf->text);
	case DISCONNECT:
		return hm_disconnect(conf->esc, conf->text);
	case FAIL:
		return hm_fail(conf->text);
	case NONSENSE:
		return (struct hm_verdict){ .kind = 99 };
	case NEST:
		return hm_decide_rcpt_to(hm_call_mod(call),
		    hm_call_session(call), hm_call_message(call), NULL);
	default:
		return hm_pass();
	}
}

static void
probe_forget(void *state)
{
	int *count = state;

	NOTE("forget %s %d", PROBE_NAME, *count);
}

static struct hm_verdict
probe_rcpt(struct hm_call *call, const struct hm_addr *rcpt)
{
	const struct probe_conf *conf = hm_conf(call);
	int *count = hm_slot(call, HM_SCOPE_SESSION, sizeof(*count),
	    probe_forget);
	int r = 0;

	(void)rcpt;
	if (count != NULL)
		++*count;
	if (!conf->hide)
		NOTE("rcpt_to %s %d", PROBE_NAME, count != NULL ? *count : 0);
	if (conf->sleep_ms > 0)
		r = hm_sleep(conf->sleep_ms);
	if (r < 0 && !conf->cut)
		return hm_ok_or_fail(r);
	return probe_answer(call, conf);
}

static void
probe_added(struct hm_call *call, const struct hm_change *change)
{
	const struct probe_conf *conf = hm_conf(call);

	if (conf->sleep_ms > 0)
		hm_sleep(conf->sleep_ms);
	NOTE("added %s %s %u", PROBE_NAME, change->account, change->uid);
}

static void
probe_end(struct hm_call *call, const struct hm_session_end *end)
{
	NOTE("end %s %llu %s %s", PROBE_NAME,
	    (unsigned long long)hm_mod_generation(hm_call_mod(call)),
	    end->protocol, end->account);
}

static const struct hm_hook probe_hooks[] = {
	HM_ON(rcpt_to, PROBE_ORDER, probe_rcpt),
	HM_ON(message_added, PROBE_ORDER, probe_added),
	HM_ON(session_end, PROBE_ORDER, probe_end),
	HM_HOOK_END
};

static int
probe_say(struct hm_cmd *cmd)
{
	const char *name = hm_cmd_flag(cmd, "name");

	for (size_t i = 0; i < hm_cmd_argc(cmd); i++)
		hm_cmd_printf(cmd, "%s%s", i ? " " : "", hm_cmd_arg(cmd, i));
	hm_cmd_printf(cmd, "%s%s%s\n", name ? ", " : "", name ? name : "",
	    hm_cmd_flag(cmd, "loud") ? "!" : "");
	return 0;
}

static int
probe_ask(struct hm_cmd *cmd)
{
	struct hm_err err = { 0 };
	const char *answer;

	if (hm_cmd_ask(cmd, "Word: ", true, true, &answer, &err) < 0)
		return hm_cmd_fail(cmd, &err);
	hm_cmd_printf(cmd, "<%s>\n", answer);
	return 0;
}

static int
probe_count(struct hm_cmd *cmd)
{
	struct hm_buf all = { 0 };
	int r;

	while ((r = hm_cmd_read(cmd, &all)) == 0)
		hm_cmd_progress(cmd, "%zu bytes", all.len);
	hm_cmd_printf(cmd, "%zu\n", all.len);
	free(all.p);
	return r == -HM_EEOF ? 0 : 1;
}

static int
probe_nap(struct hm_cmd *cmd)
{
	hm_cmd_printf(cmd, "good night\n");
	return hm_sleep(60000) < 0 ? hm_cmd_error(cmd, "woken") : 0;
}

/* Keeps a thread for work until the file is there, ten seconds at most. */
static int
work_job(void *arg)
{
	for (int i = 0; i < 1000 && access(arg, F_OK) < 0; i++)
		usleep(10000);
	return 0;
}

static int
probe_work(struct hm_cmd *cmd)
{
	hm_cmd_printf(cmd, "at work\n");
	return hm_work(work_job, (void *)(uintptr_t)hm_cmd_arg(cmd, 0));
}

static int
probe_flood(struct hm_cmd *cmd)
{
	for (int i = 0; i < 100000; i++)
		hm_cmd_printf(cmd, "%d\n", i);
	return 7;
}

static const struct hm_cmd_flag probe_flags[] = {
	{ "name", "NAME", "To whom." },
	{ "loud", NULL, "Louder." },
	{ NULL, NULL, NULL },
};

static const struct hm_command probe_commands[] = {
	{ .words = PROBE_NAME " say", .args = "WORD [WORD...]",
	  .summary = "Says words", .flags = probe_flags,
	  .where = HM_CMD_EITHER, .run = probe_say },
	{ .words = PROBE_NAME " ask", .args = "", .summary = "Asks a word",
	  .where = HM_CMD_EITHER, .run = probe_ask },
	{ .words = PROBE_NAME " count", .args = "", .summary = "Counts bytes",
	  .where = HM_CMD_EITHER, .run = probe_count },
	{ .words = PROBE_NAME " nap", .args = "", .summary = "Waits",
	  .run = probe_nap },
	{ .words = PROBE_NAME " work", .args = "FILE", .summary = "Works",
	  .run = probe_work },
	{ .words = PROBE_NAME " flood", .args = "", .summary = "Talks a lot",
	  .run = probe_flood },
	{ .words = PROBE_NAME " alone", .args = "", .summary = "Runs alone",
	  .where = HM_CMD_OFFLINE, .run = probe_say },
	HM_COMMAND_END
};

static int
probe_check(const void *settings, struct hm_err *reterr)
{
	const struct probe_conf *conf = settings;

	return conf->fail_check ? hm_err_set(reterr, -HM_EINVAL,
	    "text and score contradict each other") : 0;
}

static int
probe_make(struct hm_mod *m, void *arg, void **ret, struct hm_err *reterr)
{
	int *made = hm_xalloc(sizeof(*made));

	(void)m;
	(void)arg;
	(void)reterr;
	*made = 42;
	NOTE("make %s", PROBE_NAME);
	*ret = made;
	return 0;
}

static void
probe_destroy(void *resource)
{
	NOTE("destroy %s", PROBE_NAME);
	free(resource);
}

static void
probe_accept(struct hm_mod *m, struct hm_io *io, void *arg)
{
	struct hm_str line;

	(void)arg;
	hm_io_printf(io, "%s %s %llu\r\n", PROBE_NAME, PROBE_VERSION,
	    (unsigned long long)hm_mod_generation(m));
	while (hm_io_read_line(io, 100, &line, NULL) == 0)
		hm_io_printf(io, "%llu %.*s\r\n",
		    (unsigned long long)hm_mod_generation(m), HM_FMT(line));
	hm_io_close(io);
}

static int
probe_open(struct hm_mod *m, struct hm_err *reterr)
{
	const struct probe_conf *conf = CONF(m);
	void *kept;
	int r;

	NOTE("open %s %s", PROBE_NAME, PROBE_VERSION);
	if (conf->keep && (r = hm_keep(m, "thing", probe_make, NULL,
	    probe_destroy, &kept, reterr)) < 0)
		return r;
	for (size_t i = 0; conf->listen != NULL && i < conf->listen->n; i++)
		if ((r = hm_listen(m, &conf->listen->at[i], NULL, probe_accept,
		    NULL, reterr)) < 0)
			return r;
	if (conf->fail_open)
		return hm_err_set(reterr, -HM_EIO, "the disk is on fire");
	return 0;
}

static void
probe_start(struct hm_mod *m)
{
	(void)m;
	NOTE("start %s", PROBE_NAME);
}

static void
probe_retire(struct hm_mod *m)
{
	(void)m;
	NOTE("retire %s", PROBE_NAME);
}

static void
probe_close(struct hm_mod *m)
{
	(void)m;
	NOTE("close %s", PROBE_NAME);
}

HM_MODULE_NAMED(PROBE_NAME, PROBE_VERSION, "Does what a test says",
	.conf_size = sizeof(struct probe_conf), .options = probe_options,
	.hooks = probe_hooks, .commands = probe_commands,
	.check = probe_check, .open = probe_open, .start = probe_start,
	.retire = probe_retire, .close = probe_close);
