/* says.c - what the process of an isolated module says by itself: lines of the log,
 * what it counted, and whatever it writes to its standard output.
 */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "core/base/log-private.h"
#include "core/plug/metrics.h"

#include "isolate-private.h"

enum {
	LINES_MAX = 500, LINES_MS = 10000,
	UNASKED_MAX = 500000,          /* packets in that time */
	OUTPUT_AT_ONCE = 16,
};

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

void
hm_remote_packet(struct hm_carrier *ch, struct hm_str in, int fd)
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
		hm_remote_answered(r, in);
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

void
hm_remote_output_open(struct hm_remote *r, int fd)
{
	r->output = fd;
	r->output_watch = hm_fdwatch_start(fd, HM_FD_READ, output, r);
}

void
hm_remote_output_close(struct hm_remote *r)
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
