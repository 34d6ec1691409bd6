/* fuzz-control.c - what a client may send to the control socket, against the
 * core and its commands.
 *
 * Input: 'r' and bytes as they are, or 'f' and lines, each a frame: its type,
 * then what is in it.
 */
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/io.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "core/conf/errs.h"
#include "core/plug/cmd.h"
#include "core/plug/core.h"
#include "core/plug/generation.h"
#include "core/program/commands.h"
#include "core/run/loop.h"
#include "core/run/sim.h"

#include "control.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 60000, HOUR_MS = 3600 * 1000 };

static struct hm_core *core;
static char dir[200];

struct play {
	struct hm_buf bytes, said;
	struct hm_io *client, *server;
	bool spoken, served;
};

/* ---- a core without modules ---- */

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static void
at_end(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
write_conf(void)
{
	const char *base = getenv("TMPDIR");
	char path[256];
	FILE *f;

	snprintf(dir, sizeof(dir), "%s/hermod-fuzz-XXXXXX",
	    base != NULL && *base == '/' ? base : "/tmp");
	if (mkdtemp(dir) == NULL)
		abort();
	atexit(at_end);
	snprintf(path, sizeof(path), "%s/conf.d", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/hermod.yaml", dir);
	f = fopen(path, "w");
	if (f == NULL || fputs("hostname: mail.example.org\ndata-dir: .\n", f) < 0 ||
	    fclose(f) != 0)
		abort();
}

static void
reload(void *arg)
{
	struct hm_arena *arena = hm_arena_new(NULL, "reload");

	if (hm_reload(arg, hm_errs_new(arena)) < 0)
		abort();
	hm_arena_free(arena);
}

static void
no_log(enum hm_loglevel level, struct hm_str line, void *arg)
{
	(void)level, (void)line, (void)arg;
}

static void
begin(void)
{
	static struct hm_core_opts opts;

	hm_log_set_sink(no_log, NULL);
	hm_clock_virtual(INT64_C(1795176000000));
	if (hm_loop_init(NULL) < 0)
		abort();
	write_conf();
	opts.conf_dir = dir;
	opts.own = &hm_core_def;
	core = hm_core_new(&opts);
	hm_fiber_start(NULL, "reload", reload, core);
	hm_sim_run_until_idle();
	if (core->current == NULL)
		abort();
}

/* ---- a client ---- */

static void
add_frame(struct hm_buf *out, struct hm_str line)
{
	unsigned char header[HM_WIRE_HEADER];

	if (line.len == 0)
		return;
	hm_wire_put_header(header, (enum hm_wire_type)line.p[0],
	    (uint32_t)line.len - 1);
	hm_buf_add(out, (char *)header, sizeof(header));
	hm_buf_str(out, hm_str_skip(line, 1));
}

static void
client_fiber(void *arg)
{
	struct play *p = arg;
	struct hm_str got;

	if (hm_io_str(p->client, hm_buf_view(&p->bytes)) == 0 &&
	    hm_io_flush(p->client) == 0) {
		/* Long enough to see how it waits for more. */
		hm_io_timeouts(p->client, HOUR_MS, HOUR_MS);
		while (hm_io_read_some(p->client, 1 << 16, &got) == 0)
			hm_buf_str(&p->said, got);
	}
	hm_io_close(p->client);
	p->spoken = true;
}

static void
server_fiber(void *arg)
{
	struct hm_generation *gen = core->current;
	struct hm_mod *m = gen->mods[gen->n_mods - 1];
	struct play *p = arg;

	hm_mod_hold(m, "fuzz");
	hm_control_serve(m, p->server, 0);
	hm_io_close(p->server);
	hm_mod_release(m, "fuzz");
	p->served = true;
}

static bool
is_over(void *arg)
{
	struct play *p = arg;

	return p->spoken && p->served;
}

/* Whole frames, a greeting first, the status last. */
static void
judge(struct hm_str said)
{
	unsigned char type = 0;
	bool first = true;

	while (said.len > 0) {
		uint32_t len;

		if (said.len < HM_WIRE_HEADER || type == HM_WIRE_EXIT)
			abort();
		type = (unsigned char)said.p[0];
		len = hm_wire_len((const unsigned char *)said.p);
		if (len > HM_WIRE_FRAME_MAX || len > said.len - HM_WIRE_HEADER ||
		    first != (type == HM_WIRE_HELLO))
			abort();
		said = hm_str_skip(said, HM_WIRE_HEADER + len);
		first = false;
	}
	if (type != HM_WIRE_EXIT)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_str in = hm_str_n((const char *)data, size);
	struct play p = { 0 };
	bool raw = size > 0 && data[0] == 'r';

	if (core == NULL)
		begin();
	in = hm_str_take(hm_str_skip(in, 1), INPUT_MAX / 6);
	while (!raw && in.p != NULL && in.len > 0)
		add_frame(&p.bytes, hm_str_split(&in, '\n'));
	if (raw)
		hm_buf_str(&p.bytes, in);
	hm_io_pair(&p.client, &p.server);
	hm_fiber_start(NULL, "server", server_fiber, &p);
	hm_fiber_start(NULL, "client", client_fiber, &p);
	if (!hm_sim_run_until(is_over, &p, 24 * HOUR_MS))
		abort();
	judge(hm_buf_view(&p.said));
	hm_buf_release(&p.bytes);
	hm_buf_release(&p.said);
	return 0;
}
