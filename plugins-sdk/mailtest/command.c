/* command.c - commands as the administrator gives them. */
#include "mailtest.h"

enum { MAX_WORDS = 30 };

int
mt_run_command(struct mt *t, const char *const *words, struct hm_str input)
{
	hm_buf_clear(&t->output);
	t->exit_status = hm_harness_command(t->server, words, input, &t->output);
	return t->exit_status;
}

static void
show_output(struct mt *t)
{
	mt_diag("it exited with %d and said:", t->exit_status);
	mt_diag_text("", hm_buf_view(&t->output));
	mt_show(t, NULL);
}

void
mt_command_settle(struct mt *t)
{
	if (!t->exit_unasked)
		return;
	t->exit_unasked = false;
	if (!mt_ok(t, t->exit_status == 0, "the command succeeds"))
		show_output(t);
}

/* command WORD… [BLOCK]: the block is its standard input. */
void
mt_do_command(struct mt *t, struct hm_str rest)
{
	const char *words[MAX_WORDS + 1] = { NULL };
	size_t n = 0;

	while (n < MAX_WORDS && (words[n] = mt_word(t, &rest).p) != NULL)
		n++;
	if (n == 0 || n == MAX_WORDS) {
		mt_fail(t, "write: command WORD…");
		return;
	}
	if (!mt_platform_ready(t))
		return;
	mt_run_command(t, words, mt_block(t));
	t->exit_unasked = true;
}

/* password ACCOUNT TEXT */
void
mt_do_password(struct mt *t, struct hm_str rest)
{
	const char *words[] = { "account", "password", NULL, NULL };
	struct hm_str account = mt_word(t, &rest), text = mt_word(t, &rest);

	words[2] = account.p;
	if (text.len == 0) {
		mt_fail(t, "write: password ACCOUNT TEXT");
		return;
	}
	if (mt_platform_ready(t) && mt_run_command(t, words, hm_str(hm_printf(
	    t->arena, "%s\n%s\n", text.p, text.p))) != 0) {
		mt_fail(t, "the password cannot be set");
		show_output(t);
	}
}

/* expect exit N */
void
mt_expect_exit(struct mt *t, struct hm_str rest)
{
	uint64_t want;

	t->exit_unasked = false;
	if (mt_number(t, &rest, &want) && !mt_ok(t,
	    t->exit_status == (int)want, "the command exits with %d", (int)want))
		show_output(t);
}

/* expect output PATTERN */
void
mt_expect_output(struct mt *t, struct hm_str rest)
{
	if (!mt_ok(t, mt_matches(t, rest, hm_buf_view(&t->output)),
	    "the command says %.*s", HM_FMT(rest)))
		show_output(t);
}
