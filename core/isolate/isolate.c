/* isolate.c - a module in a process of its own: its life, and its questions.
 *
 * The process is the program anew (process.c), without privileges and
 * shut into a sandbox before it loads the module's file. Whatever it does - die,
 * loop, lie - costs the questions that it has not answered. Nobody else waits.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "core/base/log-private.h"
#include "core/conf/config.h"
#include "core/conf/errs.h"
#include "core/conf/node.h"
#include "core/plug/generation.h"
#include "core/plug/metrics.h"

#include "isolate.h"
#include "spawn.h"

enum {
	LOAD_MS = 20000, OPEN_MS = 60000,
	GRACE_MS = 1000,               /* behind a deadline, to answer yet */
	CLOSE_MS = 2000,
	BACKOFF_MS = 100, BACKOFF_MAX_MS = 60000, HEALTHY_MS = 60000,
	ASKED_MAX = 1024,
	PUMP_MS = 50,
	LINES_MAX = 500, LINES_MS = 10000,
	UNASKED_MAX = 500000,          /* packets in that time */
	OUTPUT_AT_ONCE = 16,
	FILES_MAX = 32, PATH_BYTES = 1000,
};

/* ---- questions ---- */

struct hm_asked {
	struct hm_asked *next;
	uint64_t id;
	struct hm_cond cond;
	struct hm_buf answer;
	bool done, failed;
	bool given_up;                 /* nobody waits; late_ms counts */
	int64_t late_ms;               /* then it must have answered */
};

static void
forget(struct hm_remote *r, struct hm_asked *a)
{
	struct hm_asked **at;

	for (at = &r->asked; *at != a; at = &(*at)->next)
		;
	*at = a->next;
	r->n_asked--;
	hm_buf_release(&a->answer);
	free(a);
}

static void
look_for_late(void *arg)
{
	struct hm_remote *r = arg;
	int64_t now = hm_now_ms(), next = 0;

	r->late = NULL;
	for (struct hm_asked *a = r->asked; a != NULL; a = a->next) {
		if (!a->given_up)
			continue;
		if (a->late_ms <= now) {
			hm_remote_kill(r, "it does not answer");
			return;
		}
		if (next == 0 || a->late_ms < next)
			next = a->late_ms;
	}
	if (next > 0)
		r->late = hm_timer_start(next - now, look_for_late, r);
}

static bool
still_asked(const struct hm_remote *r, uint64_t id)
{
	const struct hm_asked *a = r->asked;

	while (a != NULL && a->id != id)
		a = a->next;
	return a != NULL;
}

/* Where time is not real, nobody would look later. */
static void
look_here(struct hm_remote *r, uint64_t id)
{
	int64_t left_ms = GRACE_MS;

	while (left_ms > 0 && still_asked(r, id))
		if (!hm_carrier_pump(&r->channel, PUMP_MS))
			left_ms -= PUMP_MS;
	if (still_asked(r, id))
		hm_remote_kill(r, "it does not answer");
}

/* Its hook may still come to an end; if it does not, the process must. */
static void
give_up(struct hm_remote *r, struct hm_asked *a)
{
	struct hm_buf id = { 0 };

	a->given_up = true;
	if (a->late_ms < hm_now_ms())
		a->late_ms = hm_now_ms();
	a->late_ms += GRACE_MS;
	hm_buf_varint(&id, a->id);
	hm_remote_tell(r, HM_CARRY_CANCEL, hm_buf_view(&id), -1);
	hm_buf_release(&id);
	if (hm_clock_is_virtual())
		look_here(r, a->id);
	else if (r->life == HM_REMOTE_UP && r->late == NULL)
		r->late = hm_timer_start(a->late_ms - hm_now_ms(),
		    look_for_late, r);
}

static int64_t
real_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Outside fibers, and where time is not real, nobody else would look. Time that is
 * not real passes with that of the process. */
static int
wait_here(struct hm_remote *r, struct hm_asked *a, int64_t timeout_ms)
{
	int64_t began = real_ms(), took = 0;

	while (!a->done && took < timeout_ms) {
		hm_carrier_pump(&r->channel, PUMP_MS);
		took = real_ms() - began;
	}
	if (hm_clock_is_virtual() && took >= PUMP_MS)
		hm_clock_advance(took);
	return a->done ? 0 : -HM_ETIMEDOUT;
}

static int
wait_for(struct hm_remote *r, struct hm_asked *a, int64_t timeout_ms)
{
	int64_t end = hm_now_ms() + timeout_ms;
	int rc = 0;

	if (hm_clock_is_virtual() || hm_fiber_self() == NULL)
		return wait_here(r, a, timeout_ms);
	while (!a->done && rc == 0)
		rc = hm_wait(&a->cond, end > hm_now_ms() ? end - hm_now_ms() : 0);
	return a->done ? 0 : rc;
}

void
hm_remote_tell(struct hm_remote *r, enum hm_carry what, struct hm_str packet,
    int fd)
{
	struct hm_buf all = { 0 };

	hm_buf_putc(&all, (char)what);
	hm_buf_str(&all, packet);
	hm_carrier_send(&r->channel, hm_buf_view(&all), fd);
	hm_buf_release(&all);
}

int
hm_remote_ask(struct hm_remote *r, enum hm_carry what, struct hm_str packet,
    int fd, int64_t timeout_ms, struct hm_buf *ret)
{
	struct hm_buf all = { 0 };
	struct hm_asked *a;
	int rc;

	if (r->channel.fd < 0)
		return -HM_EIO;
	if (r->n_asked >= ASKED_MAX || packet.len > HM_CARRY_MAX - 16)
		return -HM_ELIMIT;
	a = hm_xalloc(sizeof(*a));
	a->id = ++r->last_id;
	a->late_ms = hm_now_ms() + timeout_ms;
	a->next = r->asked;
	r->asked = a;
	r->n_asked++;
	hm_buf_varint(&all, a->id);
	hm_buf_str(&all, packet);
	hm_remote_tell(r, what, hm_buf_view(&all), fd);
	hm_buf_release(&all);
	rc = wait_for(r, a, timeout_ms);
	if (!a->done) {
		/* Who died meanwhile was not waited for in vain. */
		give_up(r, a);
		return rc;
	}
	rc = a->failed ? -HM_EIO : 0;
	if (rc == 0) {
		*ret = a->answer;
		a->answer = (struct hm_buf){ 0 };
	}
	forget(r, a);
	return rc;
}

static void
answered(struct hm_remote *r, struct hm_str in)
{
	struct hm_asked *a = NULL;
	uint64_t id;

	if (hm_take_varint(&in, &id) == 0)
		for (a = r->asked; a != NULL && a->id != id; a = a->next)
			;
	if (a == NULL || a->done) {
		hm_remote_kill(r, "it answered what nobody asked");
		return;
	}
	if (a->given_up) {
		forget(r, a);
		return;
	}
	hm_buf_str(&a->answer, in);
	a->done = true;
	hm_wake(&a->cond);
}

/* ---- what it says by itself ---- */

/* Whether it may log another line now. */
static bool
may_log(struct hm_remote *r)
{
	int64_t now = hm_now_ms();

	if (now - r->lines_since > LINES_MS) {
		if (r->lines_lost > 0)
			hm_log(HM_LOG_WARN, "an isolated module logged too much",
			    hm_f("module", r->name),
			    hm_f("lines_lost", r->lines_lost));
		r->lines_since = now;
		r->lines = r->lines_lost = 0;
	}
	if (r->lines++ < LINES_MAX)
		return true;
	r->lines_lost++;
	return false;
}

/* Returns whether it was a line of the log. */
static bool
logged(struct hm_remote *r, struct hm_str in)
{
	struct hm_arena *arena = hm_arena_new(NULL, "line");
	struct hm_log_ctx *ctx = hm_log_ctx_swap(NULL);
	struct hm_carry_line line;
	bool good = hm_carry_take_line(arena, in, &line) == 0;

	if (good && may_log(r) && hm_log_on(line.level)) {
		line.fields[line.n] = hm_field_cstr("module", r->name);
		hm_log_event(line.level, line.event, line.fields);
		if (line.level == HM_LOG_ERROR && r->code != NULL)
			r->code->who.errors++;
	}
	hm_log_ctx_swap(ctx);
	hm_arena_free(arena);
	return good;
}

static void
counted(struct hm_remote *r, struct hm_str in)
{
	size_t n = r->mod != NULL ? hm_metrics_cells(r->mod) : 0;

	/* What it counts while it closes is of no use any more. */
	while (in.len > 0 && r->mod != NULL) {
		uint64_t i;
		int64_t delta;

		if (hm_take_varint(&in, &i) < 0 ||
		    hm_carry_take_int(&in, &delta) < 0 || i >= n) {
			hm_remote_kill(r, "it counted what it does not have");
			return;
		}
		hm_metrics_cell_add(r->mod, (size_t)i, delta);
		if (hm_metrics_cell_is_gauge(r->mod, (size_t)i))
			r->given[i] = (int64_t)((uint64_t)r->given[i] +
			    (uint64_t)delta);
	}
}

/* Reading what nobody asked for must not become all that we do. */
static bool
babbles(struct hm_remote *r)
{
	int64_t now = hm_now_ms();

	if (now - r->unasked_since > LINES_MS) {
		r->unasked_since = now;
		r->unasked = 0;
	}
	return ++r->unasked > UNASKED_MAX;
}

static void
packet(struct hm_carrier *ch, struct hm_str in, int fd)
{
	struct hm_remote *r = ch->arg;
	uint8_t what = 0;

	(void)fd;                      /* a strict channel has none */
	(void)hm_take_u8(&in, &what);
	if (what != HM_CARRY_ANSWER && babbles(r)) {
		hm_remote_kill(r, "it talks without end");
		return;
	}
	switch (what) {
	case HM_CARRY_ANSWER:
		answered(r, in);
		break;
	case HM_CARRY_LOG:
		if (!logged(r, in))
			hm_remote_kill(r, "it sent what no module sends");
		break;
	case HM_CARRY_COUNT:
		counted(r, in);
		break;
	default:
		hm_remote_kill(r, "it sent what no module sends");
		break;
	}
}

/* What it, or a library of its, wrote to its standard output or error. */
static void
output_line(struct hm_remote *r)
{
	struct hm_str line = hm_str_n(r->line, r->line_len);

	if (line.len > 0 && !logged(r, line) && may_log(r))
		hm_log(HM_LOG_WARN, "an isolated module wrote",
		    hm_f("module", r->name), hm_f("text", line));
	r->line_len = 0;
}

static void
output(unsigned what, void *arg)
{
	struct hm_remote *r = arg;
	char chunk[1024];
	ssize_t n = 1;

	(void)what;
	for (int i = 0; i < OUTPUT_AT_ONCE && n > 0; i++) {
		n = read(r->output, chunk, sizeof(chunk));
		for (ssize_t k = 0; k < n; k++) {
			if (chunk[k] == '\n' || r->line_len == sizeof(r->line))
				output_line(r);
			if (chunk[k] != '\n')
				r->line[r->line_len++] = chunk[k];
		}
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		hm_fdwatch_stop(r->output_watch);
		r->output_watch = NULL;
	}
}

/* ---- beginning and end of a process ---- */

static void
close_output(struct hm_remote *r)
{
	if (r->output < 0)
		return;
	output(HM_FD_READ, r);
	output_line(r);
	hm_fdwatch_stop(r->output_watch);
	r->output_watch = NULL;
	close(r->output);
	r->output = -1;
}

static void
take_back(struct hm_remote *r)
{
	size_t n = r->mod != NULL ? hm_metrics_cells(r->mod) : 0;

	for (size_t i = 0; r->given != NULL && i < n; i++) {
		if (r->given[i] != 0)
			hm_metrics_cell_add(r->mod, i,
			    (int64_t)(0 - (uint64_t)r->given[i]));
		r->given[i] = 0;
	}
}

/* The process goes, whatever it does; who waits for it learns that. */
static void
bury(struct hm_remote *r)
{
	struct hm_asked *a, *next;

	hm_carrier_close(&r->channel);
	if (r->pid > 0)
		hm_spawn_end(r->pid);
	r->pid = 0;
	close_output(r);
	hm_timer_stop(r->late);
	r->late = NULL;
	r->life = HM_REMOTE_DOWN;
	r->epoch++;
	take_back(r);
	for (a = r->asked; a != NULL; a = next) {
		next = a->next;
		if (a->given_up) {
			forget(r, a);
		} else if (!a->done) {
			a->done = a->failed = true;
			hm_wake(&a->cond);
		}
	}
}

static void restart(void *arg);

static void
plan_restart(struct hm_remote *r)
{
	if (r->up_since > 0 && hm_now_ms() - r->up_since >= HEALTHY_MS)
		r->backoff_ms = 0;
	r->backoff_ms = r->backoff_ms == 0 ? BACKOFF_MS : r->backoff_ms * 2;
	if (r->backoff_ms > BACKOFF_MAX_MS)
		r->backoff_ms = BACKOFF_MAX_MS;
	r->timer = hm_timer_start(r->backoff_ms, restart, r);
}

static void
finish(struct hm_remote *r)
{
	struct hm_remote **at;

	bury(r);
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
	finish(arg);
}

/* Its time to end is over. */
static void
patience_ends(void *arg)
{
	struct hm_remote *r = arg;

	r->timer = NULL;
	hm_log(HM_LOG_WARN, "an isolated module does not close: it is ended",
	    hm_f("module", r->name), hm_f("pid", r->pid));
	bury(r);
	if (r->code == NULL)
		finish(r);
}

static void
ended(struct hm_carrier *ch, const char *why)
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
		bury(r);
		hm_timer_stop(r->timer);
		r->timer = NULL;
		if (r->code == NULL)
			hm_post(finish_later, r);
		return;
	}
	bury(r);
	if (!r->open)
		return;                /* who loads it tells */
	if (again)
		plan_restart(r);
	r->restarts++;
	r->count->restarts++;
	if (r->code != NULL)
		r->code->who.errors++;
	hm_log(HM_LOG_ERROR, "the process of an isolated module is gone",
	    hm_f("module", r->name), hm_f("pid", pid), hm_f("why", why),
	    hm_f("times", r->restarts), hm_f("again_in_ms", r->backoff_ms));
}

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
	r->output = fds[0];
	r->output_watch = hm_fdwatch_start(fds[0], HM_FD_READ, output, r);
	*ret_out = fds[1];
	return 0;
}

/* A process that has loaded the file; its description is in *ret. */
static int
launch(struct hm_remote *r, struct hm_buf *ret, struct hm_err *reterr)
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
	rc = hm_remote_ask(r, HM_CARRY_HELLO, hm_buf_view(&hello), out, LOAD_MS,
	    ret);
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

/* ---- the instance ---- */

/* Where it is configured, and what of hermod.yaml modules may know. */
static int
put_settings(struct hm_buf *out, const struct hm_mod *m, struct hm_err *reterr)
{
	const struct hm_server *s = &m->gen->server;
	const struct hm_netlist *nets = s->trusted_networks;
	const struct hm_node *node = m->config->node;
	struct hm_str text = node != NULL ? node->doc->text : HM_STR("");

	hm_carry_put_str(out, hm_str(s->hostname));
	hm_carry_put_str(out, hm_str(s->data_dir));
	hm_carry_put_str(out, hm_str(s->conf_dir));
	hm_carry_put_str(out, hm_str(s->product));
	hm_buf_putc(out, s->pedantic);
	hm_buf_varint(out, nets != NULL ? nets->n : 0);
	for (size_t i = 0; nets != NULL && i < nets->n; i++)
		hm_buf_add(out, &nets->at[i], sizeof(nets->at[i]));
	hm_buf_varint(out, m->gen->number);
	hm_buf_varint(out, (uint64_t)m->gen->config->server.log_level);
	hm_carry_put_str(out, hm_str(m->config->path));
	hm_buf_varint(out, node != NULL ? node->doc->mode : 0);
	hm_carry_put_str(out, text);
	if (out->len <= HM_CARRY_MAX - 64)
		return 0;
	return hm_err_set(reterr, -HM_ELIMIT, "its file, or trusted-networks in "
	    "hermod.yaml, is too long for a module with \"isolate: yes\"");
}

static int
configure(struct hm_remote *r, struct hm_mod *m, struct hm_errs *errs,
    struct hm_err *reterr)
{
	size_t before = hm_errs_count(errs);
	struct hm_buf out = { 0 }, answer = { 0 };
	struct hm_str in;
	int rc = put_settings(&out, m, reterr);

	if (rc == 0 && (rc = hm_remote_ask(r, HM_CARRY_CONFIGURE,
	    hm_buf_view(&out), -1, LOAD_MS, &answer)) < 0)
		hm_err_set(reterr, rc, "its process did not check the settings "
		    "(%s)", rc == -HM_EIO ? "it died" : hm_err_name(rc));
	in = hm_buf_view(&answer);
	if (rc == 0 && hm_carry_take_errs(&in, errs) < 0)
		rc = hm_err_set(reterr, -HM_ECORRUPT, "its process sent what no "
		    "module sends");
	hm_buf_release(&out);
	hm_buf_release(&answer);
	if (rc == 0 && hm_errs_count(errs) > before)
		return -HM_ESYNTAX;
	return rc;
}

int
hm_remote_configure(struct hm_mod *m, struct hm_errs *errs)
{
	struct hm_remote *r = m->code->remote;
	struct hm_err err = { 0 };
	int rc;

	r->mod = m;
	r->given = hm_xalloc((hm_metrics_cells(m) + 1) * sizeof(*r->given));
	rc = configure(r, m, errs, &err);
	if (rc < 0 && err.code != 0)
		hm_mod_error(m, errs, "module \"%s\": %s", m->name, err.text);
	return rc;
}

static int
open_there(struct hm_remote *r, struct hm_err *reterr)
{
	struct hm_buf answer = { 0 };
	struct hm_str in;
	uint8_t good;
	int rc = hm_remote_ask(r, HM_CARRY_OPEN, HM_STR(""), -1, OPEN_MS,
	    &answer);

	in = hm_buf_view(&answer);
	if (rc == -HM_EIO)
		hm_err_set(reterr, rc, "its process died");
	else if (rc < 0)
		hm_err_set(reterr, rc, "its process does not answer");
	else if (hm_take_u8(&in, &good) < 0)
		rc = hm_err_set(reterr, -HM_ECORRUPT, "a senseless answer");
	else if (!good)
		rc = hm_carry_take_err(&in, reterr) < 0 ? -HM_ECORRUPT :
		    reterr->code;
	hm_buf_release(&answer);
	if (rc == 0) {
		r->life = HM_REMOTE_UP;
		r->up_since = hm_now_ms();
	}
	return rc;
}

static int
remote_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct hm_remote *r = m->code->remote;
	int rc = open_there(r, reterr);

	r->open = rc == 0;
	return rc;
}

static void
remote_start(struct hm_mod *m)
{
	m->code->remote->started = true;
	hm_remote_tell(m->code->remote, HM_CARRY_START, HM_STR(""), -1);
}

static void
remote_retire(struct hm_mod *m)
{
	hm_remote_tell(m->code->remote, HM_CARRY_RETIRE, HM_STR(""), -1);
}

static void
remote_close(struct hm_mod *m)
{
	struct hm_remote *r = m->code->remote;
	int left = CLOSE_MS / PUMP_MS;

	take_back(r);
	r->open = false;
	r->mod = NULL;
	hm_timer_stop(r->timer);
	r->timer = NULL;
	if (r->pid == 0)
		return;
	hm_remote_tell(r, HM_CARRY_CLOSE, HM_STR(""), -1);
	r->life = HM_REMOTE_ENDING;
	while (hm_clock_is_virtual() && r->pid != 0 && left > 0)
		left -= !hm_carrier_pump(&r->channel, PUMP_MS);
	if (r->pid != 0)
		r->timer = hm_timer_start(CLOSE_MS, patience_ends, r);
}

/* ---- starting it again ---- */

static void
restart_fiber(void *arg)
{
	struct hm_remote *r = arg;
	struct hm_arena *arena = hm_arena_new(NULL, "restart");
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_buf def = { 0 };
	struct hm_err err = { 0 };
	int rc;

	r->restarting = true;
	rc = launch(r, &def, &err);
	if (rc == 0)
		rc = configure(r, r->mod, errs, &err);
	if (rc == 0)
		rc = open_there(r, &err);
	if (rc == 0 && r->started)
		hm_remote_tell(r, HM_CARRY_START, HM_STR(""), -1);
	if (rc == 0 && r->mod->gen->retired)
		hm_remote_tell(r, HM_CARRY_RETIRE, HM_STR(""), -1);
	if (rc < 0)
		bury(r);
	r->restarting = false;
	hm_buf_release(&def);
	hm_arena_free(arena);
	if (r->pid != 0) {
		hm_log(HM_LOG_INFO, "an isolated module runs again",
		    hm_f("module", r->name), hm_f("pid", r->pid));
		return;
	}
	if (rc < 0)
		hm_log(HM_LOG_ERROR, "an isolated module cannot be started "
		    "again", hm_f("module", r->name), hm_f("why", err.text));
	if (!hm_fiber_cancelled())
		plan_restart(r);
}

static void
restart(void *arg)
{
	struct hm_remote *r = arg;

	r->timer = NULL;
	hm_fiber_start(r->mod, "restart", restart_fiber, r);
}

/* ---- code ---- */

static struct hm_remote_count *
count_of(struct hm_core *core, const char *name)
{
	struct hm_remote_count *c;

	for (c = core->remote_counts; c != NULL; c = c->next)
		if (strcmp(c->module, name) == 0)
			return c;
	c = hm_new(core->arena, struct hm_remote_count);
	c->module = hm_strdup(core->arena, name);
	c->next = core->remote_counts;
	core->remote_counts = c;
	return c;
}

static struct hm_remote *
remote_new(struct hm_code *code, const struct hm_remote_opts *opts)
{
	struct hm_remote *r = hm_xalloc(sizeof(*r));

	r->core = code->core;
	r->code = code;
	r->arena = hm_arena_new(NULL, "remote");
	r->name = strdup(code->name);
	r->path = strdup(code->path);
	r->file = strdup(code->copy != NULL ? code->copy : code->path);
	r->opts = *opts;
	r->count = count_of(code->core, code->name);
	r->output = -1;
	r->channel.fd = -1;
	r->channel.strict = true;
	r->channel.packet = packet;
	r->channel.ended = ended;
	r->channel.arg = r;
	r->next = code->core->remotes;
	code->core->remotes = r;
	return r;
}

/* What it says of itself becomes the code's definition. */
static int
describe(struct hm_remote *r, struct hm_str in, struct hm_err *reterr)
{
	struct hm_carry_def said;

	if (hm_carry_take_def(r->arena, in, &said) < 0)
		return hm_err_set(reterr, -HM_ECORRUPT, "its process sent what "
		    "no module sends");
	if (said.refused != NULL)
		return hm_err_set(reterr, -HM_EUNSUPPORTED, "it cannot run in a "
		    "process of its own, because %s: remove \"isolate: yes\"",
		    said.refused);
	hm_remote_hooks(&said.def);
	said.def.open = remote_open;
	said.def.start = remote_start;
	said.def.retire = remote_retire;
	said.def.close = remote_close;
	return hm_module_check(&said.def, r->name, r->path, &r->code->def,
	    reterr);
}

int
hm_remote_load(struct hm_code *code, const struct hm_remote_opts *opts,
    struct hm_err *reterr)
{
	struct hm_remote *r = remote_new(code, opts);
	struct hm_buf def = { 0 };
	struct hm_err err = { 0 };
	int rc;

	code->remote = r;
	rc = launch(r, &def, &err);
	if (rc == 0)
		rc = describe(r, hm_buf_view(&def), &err);
	hm_buf_release(&def);
	if (rc < 0)
		return hm_err_set(reterr, rc, "%s", err.text);
	return 0;
}

void
hm_remote_unload(struct hm_code *code)
{
	struct hm_remote *r = code->remote;

	r->code = NULL;
	r->mod = NULL;
	/* One that was never opened has nothing to close. */
	if (r->life != HM_REMOTE_ENDING || r->pid == 0)
		finish(r);
}

void
hm_remote_end_all(struct hm_core *core)
{
	for (struct hm_remote *r = core->remotes; r != NULL; r = r->next)
		if (r->pid > 0)
			hm_spawn_end(r->pid);
}

const char *
hm_remote_text(struct hm_code *code, enum hm_remote_text what,
    struct hm_arena *arena)
{
	struct hm_buf out = { 0 }, answer = { 0 };
	struct hm_str text = HM_STR("");
	char *copy;

	hm_buf_varint(&out, what);
	if (hm_remote_ask(code->remote, HM_CARRY_TEXT, hm_buf_view(&out), -1,
	    LOAD_MS, &answer) == 0)
		text = hm_buf_view(&answer);
	copy = hm_strndup(arena, text.p != NULL ? text.p : "", text.len);
	for (char *p = copy; *p != '\0'; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t') ||
		    *p == 0x7f)
			*p = '?';
	hm_buf_release(&out);
	hm_buf_release(&answer);
	return copy;
}

const char *
hm_remote_state(const struct hm_code *code, struct hm_arena *arena)
{
	const struct hm_remote *r = code->remote;

	if (r->pid == 0)
		return hm_printf(arena, "isolated, no process now, %u %s",
		    r->restarts, r->restarts == 1 ? "restart" : "restarts");
	return hm_printf(arena, "isolated, pid %d, %u %s", (int)r->pid,
	    r->restarts, r->restarts == 1 ? "restart" : "restarts");
}
