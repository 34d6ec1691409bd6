/* life.c - the process of an isolated module begins, and goes.
 *
 * It is the program anew (process.c), without privileges and shut into a sandbox
 * before it loads the module's file. Whatever it does - die, loop, lie - costs the
 * questions that it has not answered. Nobody else waits.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "core/conf/node.h"
#include "core/plug/generation.h"
#include "core/plug/metrics.h"

#include "isolate-private.h"
#include "spawn.h"

enum {
	BACKOFF_MS = 100, BACKOFF_MAX_MS = 60000, HEALTHY_MS = 60000,
	FILES_MAX = 32, PATH_BYTES = 1000,
};

/* ---- its end ---- */

void
hm_remote_take_back(struct hm_remote *r)
{
	size_t n = r->mod != NULL ? hm_metrics_cells(r->mod) : 0;

	for (size_t i = 0; r->given != NULL && i < n; i++) {
		if (r->given[i] != 0)
			hm_metrics_cell_add(r->mod, i,
			    (int64_t)(0 - (uint64_t)r->given[i]));
		r->given[i] = 0;
	}
}

void
hm_remote_bury(struct hm_remote *r)
{
	hm_carrier_close(&r->channel);
	if (r->pid > 0)
		hm_spawn_end(r->pid);
	r->pid = 0;
	hm_remote_output_close(r);
	hm_timer_stop(r->late);
	r->late = NULL;
	r->life = HM_REMOTE_DOWN;
	r->epoch++;
	hm_remote_take_back(r);
	hm_remote_forget_asked(r);
}

void
hm_remote_plan_restart(struct hm_remote *r)
{
	if (r->up_since > 0 && hm_now_ms() - r->up_since >= HEALTHY_MS)
		r->backoff_ms = 0;
	r->backoff_ms = r->backoff_ms == 0 ? BACKOFF_MS : r->backoff_ms * 2;
	if (r->backoff_ms > BACKOFF_MAX_MS)
		r->backoff_ms = BACKOFF_MAX_MS;
	r->timer = hm_timer_start(r->backoff_ms, hm_remote_restart, r);
}

void
hm_remote_finish(struct hm_remote *r)
{
	struct hm_remote **at;

	hm_remote_bury(r);
	hm_timer_stop(r->timer);
	for (at = &r->core->remotes; *at != r; at = &(*at)->next)
		;
	*at = r->next;
	hm_wake(&r->core->changed);
	hm_arena_free(r->arena);
	free(r->given);
	free(r->name);
	free(r->path);
	free(r->file);
	free(r);
}

static void
finish_later(void *arg)
{
	hm_remote_finish(arg);
}

void
hm_remote_patience_ends(void *arg)
{
	struct hm_remote *r = arg;

	r->timer = NULL;
	hm_log(HM_LOG_WARN, "an isolated module does not close: it is ended",
	    hm_f("module", r->name), hm_f("pid", r->pid));
	hm_remote_bury(r);
	if (r->code == NULL)
		hm_remote_finish(r);
}

void
hm_remote_ended(struct hm_carrier *ch, const char *why)
{
	hm_remote_kill(ch->arg, why);
}

void
hm_remote_kill(struct hm_remote *r, const char *why)
{
	bool again = r->open && !r->restarting;
	pid_t pid = r->pid;

	if (pid == 0)
		return;
	if (r->life == HM_REMOTE_ENDING) {
		/* As it was told to. The channel that says so is its own. */
		hm_remote_bury(r);
		hm_timer_stop(r->timer);
		r->timer = NULL;
		if (r->code == NULL)
			hm_post(finish_later, r);
		return;
	}
	hm_remote_bury(r);
	if (!r->open)
		return;                /* who loads it tells */
	if (again)
		hm_remote_plan_restart(r);
	r->restarts++;
	r->count->restarts++;
	if (r->code != NULL)
		r->code->who.errors++;
	hm_log(HM_LOG_ERROR, "the process of an isolated module is gone",
	    hm_f("module", r->name), hm_f("pid", pid), hm_f("why", why),
	    hm_f("times", r->restarts), hm_f("again_in_ms", r->backoff_ms));
}

/* ---- its beginning ---- */

static int
log_level(void)
{
	int level = HM_LOG_TRACE;

	while (level > HM_LOG_ERROR && !hm_log_on((enum hm_loglevel)level))
		level--;
	return level;
}

/* The files that its settings name: whatever is written there may be one. */
static void
put_files(struct hm_buf *out, const struct hm_remote_opts *opts)
{
	struct hm_buf files = { 0 };
	const struct hm_node *node = opts->node;
	size_t n = 0;

	for (size_t i = 0; node != NULL && i < node->skip && n < FILES_MAX; i++) {
		struct hm_str text = node[i].text;
		struct hm_buf path = { 0 };
		struct stat st;

		if (node[i].kind != HM_NODE_SCALAR || text.len == 0 ||
		    text.len > PATH_BYTES || memchr(text.p, '\0', text.len))
			continue;
		if (text.p[0] != '/')
			hm_buf_printf(&path, "%s/", opts->dir);
		hm_buf_str(&path, text);
		if (stat(path.p, &st) == 0 && S_ISREG(st.st_mode)) {
			hm_carry_put_str(&files, hm_buf_view(&path));
			n++;
		}
		hm_buf_release(&path);
	}
	hm_buf_varint(out, n);
	hm_buf_str(out, hm_buf_view(&files));
	hm_buf_release(&files);
}

static int
begin(struct hm_remote *r, int *ret_out, struct hm_err *reterr)
{
	int fds[2], fd;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return hm_err_errno(reterr, errno, "a pipe");
	fd = hm_spawn(r->name, &r->pid, reterr);
	if (fd < 0) {
		close(fds[0]);
		close(fds[1]);
		r->pid = 0;
		return fd;
	}
	hm_carrier_open(&r->channel, fd);
	hm_remote_output_open(r, fds[0]);
	*ret_out = fds[1];
	return 0;
}

int
hm_remote_launch(struct hm_remote *r, struct hm_buf *ret, struct hm_err *reterr)
{
	struct hm_buf hello = { 0 };
	struct hm_str in;
	uint8_t good;
	int out = -1, rc = begin(r, &out, reterr);

	if (rc < 0)
		return rc;
	hm_carry_put_str(&hello, HM_STR(HM_CARRY_BUILD));
	hm_carry_put_str(&hello, hm_str(r->name));
	hm_carry_put_str(&hello, hm_str(r->path));
	hm_carry_put_str(&hello, hm_str(r->file));
	hm_buf_varint(&hello, r->opts.memory);
	hm_buf_varint(&hello, (uint64_t)r->opts.sandbox);
	hm_buf_varint(&hello, (uint64_t)log_level());
	put_files(&hello, &r->opts);
	rc = hm_remote_ask(r, HM_CARRY_HELLO, hm_buf_view(&hello), out,
	    HM_REMOTE_LOAD_MS, ret);
	hm_buf_release(&hello);
	close(out);
	in = hm_buf_view(ret);
	if (rc == -HM_EIO)
		return hm_err_set(reterr, rc, "its process died while it was "
		    "loaded");
	if (rc < 0)
		return hm_err_set(reterr, rc, "its process did not say what it "
		    "is (%s)", hm_err_name(rc));
	if (hm_take_u8(&in, &good) < 0 || good > 1 || (!good &&
	    hm_carry_take_err(&in, reterr) < 0))
		return hm_err_set(reterr, -HM_ECORRUPT, "its process sent what "
		    "no module sends");
	hm_buf_drop(ret, 1);
	return good ? 0 : reterr->code;
}
