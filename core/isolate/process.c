/* process.c - the process of an isolated module.
 *
 * It hears of the module's file, gives up everything else, and only then loads it:
 * what the file does from its first instruction on happens in the sandbox. The
 * core here is the same as in the server, with one module and no configuration but
 * what the worker sends.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "core/plug/metrics.h"
#include "core/run/fiber-private.h"
#include "core/run/guard.h"
#include "core/run/loop.h"
#include "core/run/privsep-proto.h"
#include "core/run/sandbox.h"

#include "process.h"
#include "spawn.h"

enum { FILES_MAX = 128, CLOSE_MS = 1500, COUNT_MS = 1000 };

/* What the loader and the C library read. */
static const char *const system_paths[] = {
	"/etc/ld.so.cache", "/usr/lib", "/usr/lib32", "/usr/lib64",
	"/usr/local/lib", "/lib", "/lib64", "/etc/localtime",
	"/usr/share/zoneinfo", "/usr/share/locale", "/dev/urandom",
	"/sys/devices/system/cpu",
#ifdef HM_SANITIZED
	"/",                       /* reports name functions and lines */
#endif
};

/* ---- telling ---- */

void
hm_process_tell(struct hm_process *p, enum hm_carry what, struct hm_str packet)
{
	struct hm_buf all = { 0 };

	hm_buf_putc(&all, (char)what);
	hm_buf_str(&all, packet);
	hm_carrier_send(&p->channel, hm_buf_view(&all), -1);
	hm_buf_release(&all);
}

void
hm_process_answer(struct hm_process *p, uint64_t id, struct hm_str answer)
{
	struct hm_buf all = { 0 };

	hm_buf_varint(&all, id);
	hm_buf_str(&all, answer);
	hm_process_tell(p, HM_CARRY_ANSWER, hm_buf_view(&all));
	hm_buf_release(&all);
}

static void
answer_err(struct hm_process *p, uint64_t id, const struct hm_err *err)
{
	struct hm_buf out = { 0 };

	hm_buf_putc(&out, 0);
	hm_carry_put_err(&out, err);
	hm_process_answer(p, id, hm_buf_view(&out));
	hm_buf_release(&out);
}

/* Other threads must not touch the channel: their lines go where what a library
 * prints goes as well. */
static void
log_line(enum hm_loglevel level, struct hm_str line, void *arg)
{
	struct hm_buf out = { 0 };

	(void)level;
	if (hm_on_loop()) {
		hm_process_tell(arg, HM_CARRY_LOG,
		    hm_str_take(line, HM_CARRY_PART));
		return;
	}
	hm_buf_str(&out, line);
	hm_buf_putc(&out, '\n');
	if (write(STDERR_FILENO, out.p, out.len) < 0)
		hm_buf_clear(&out);    /* nobody left to tell */
	hm_buf_release(&out);
}

void
hm_process_count(struct hm_process *p)
{
	struct hm_buf out = { 0 };

	for (size_t i = 0; i < p->cells; i++) {
		int64_t now = hm_metrics_cell(p->mod, i);

		if (now == p->told[i] || out.len > HM_CARRY_PART)
			continue;
		hm_buf_varint(&out, i);
		hm_carry_put_int(&out, (int64_t)((uint64_t)now -
		    (uint64_t)p->told[i]));
		p->told[i] = now;
	}
	if (out.len > 0)
		hm_process_tell(p, HM_CARRY_COUNT, hm_buf_view(&out));
	hm_buf_release(&out);
}

static void
count_again(void *arg)
{
	struct hm_process *p = arg;

	hm_process_count(p);
	hm_timer_start(COUNT_MS, count_again, p);
}

/* ---- the end ---- */

static void
leave(int status)
{
	/* No handlers of the module's, no report about what is not freed. */
	_exit(status);
}

static void
call(struct hm_mod *m, void (*fn)(struct hm_mod *m), const char *what)
{
	struct hm_where former;

	if (m == NULL || !m->open || fn == NULL)
		return;
	former = hm_where_enter(m->who, what);
	fn(m);
	hm_where_leave(former);
}

static void
close_fiber(void *arg)
{
	struct hm_process *p = arg;
	int64_t end = hm_now_ms() + CLOSE_MS;

	if (p->mod != NULL && p->gen->refs > 0)
		hm_fiber_cancel_all(p->mod);
	while (p->mod != NULL && p->gen->refs > 0 && hm_now_ms() < end)
		if (hm_sleep(10) < 0)
			break;
	if (p->mod != NULL) {
		call(p->mod, p->mod->def->close, "close");
		hm_arena_free(p->mod->arena);
		hm_keep_release(p->gen);
	}
	leave(0);
}

static void
ended(struct hm_carrier *ch, const char *why)
{
	(void)ch;
	(void)why;
	leave(0);
}

static void
packet(struct hm_carrier *ch, struct hm_str in, int fd)
{
	struct hm_process *p = ch->arg;
	uint8_t what = 0;

	(void)hm_take_u8(&in, &what);
	if (what == HM_CARRY_MESSAGE) {
		hm_process_message(p, in, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	switch (what) {
	case HM_CARRY_CONFIGURE:
	case HM_CARRY_TEXT:
	case HM_CARRY_OPEN:
		hm_process_request(p, (enum hm_carry)what, in);
		break;
	case HM_CARRY_CALL:
		hm_process_call(p, in);
		break;
	case HM_CARRY_CANCEL:
		hm_process_cancel(p, in);
		break;
	case HM_CARRY_RCPTS:
		hm_process_rcpts(p, in);
		break;
	case HM_CARRY_MESSAGE_END:
	case HM_CARRY_SESSION_END:
		hm_process_forget(p, in);
		break;
	case HM_CARRY_START:
		call(p->mod, p->mod != NULL ? p->mod->def->start : NULL, "start");
		break;
	case HM_CARRY_RETIRE:
		call(p->mod, p->mod != NULL ? p->mod->def->retire : NULL,
		    "retire");
		break;
	case HM_CARRY_CLOSE:
		hm_fiber_start(NULL, "close", close_fiber, p);
		break;
	}
}

/* ---- the beginning ---- */

struct hello {
	struct hm_process *p;
	uint64_t id, memory, sandbox, level;
	struct hm_str build, name, path, file;
	struct hm_str files;           /* so many paths that its settings name */
	uint64_t n_files;
	struct hm_buf packet;
};

static void
limit(int what, rlim_t max)
{
	struct rlimit rl = { max, max };

	(void)setrlimit(what, &rl);
}

static void
set_limits(const struct hello *hello)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, FILES_MAX);
	limit(RLIMIT_MEMLOCK, 0);
	limit(RLIMIT_MSGQUEUE, 0);
#ifndef HM_SANITIZED
	limit(RLIMIT_DATA, hello->memory);
#else
	(void)hello;
#endif
}

static int
enter_sandbox(const struct hello *hello, struct hm_arena *arena,
    struct hm_err *reterr)
{
	struct hm_str files = hello->files, path;
	struct hm_sandbox_report report;
	struct hm_err err = { 0 };
	int r;

	hm_sandbox_alone();
	hm_sandbox_allow(hm_strndup(arena, hello->file.p, hello->file.len),
	    HM_SANDBOX_READ);
	for (uint64_t i = 0; i < hello->n_files &&
	    hm_carry_take_str(&files, &path) == 0; i++)
		hm_sandbox_allow(hm_strndup(arena, path.p, path.len),
		    HM_SANDBOX_READ);
	for (size_t i = 0; i < HM_ARRAY_LEN(system_paths); i++)
		hm_sandbox_allow(system_paths[i], HM_SANDBOX_READ);
	r = hm_sandbox_enter((enum hm_sandbox_mode)hello->sandbox, &report, &err);
	if (r < 0)
		return hm_err_set(reterr, r, "its sandbox cannot be made: %s; "
		    "\"sandbox: off\" in hermod.yaml does without", err.text);
	if (report.missing[0] != '\0')
		hm_log(HM_LOG_WARN, "sandbox", hm_f("missing", report.missing));
	return 0;
}

static int
take_hello(struct hello *hello, struct hm_err *reterr)
{
	struct hm_str in = hm_buf_view(&hello->packet);
	uint8_t what;

	if (hm_take_u8(&in, &what) < 0 || what != HM_CARRY_HELLO ||
	    hm_take_varint(&in, &hello->id) < 0 ||
	    hm_carry_take_str(&in, &hello->build) < 0)
		return -HM_ECORRUPT;
	if (!hm_str_is(hello->build, HM_CARRY_BUILD))
		return hm_err_set(reterr, -HM_EUNSUPPORTED, "another version of "
		    "hermod was installed meanwhile: restart the server");
	if (hm_carry_take_str(&in, &hello->name) < 0 ||
	    hm_carry_take_str(&in, &hello->path) < 0 ||
	    hm_carry_take_str(&in, &hello->file) < 0 ||
	    hm_take_varint(&in, &hello->memory) < 0 ||
	    hm_take_varint(&in, &hello->sandbox) < 0 ||
	    hm_take_varint(&in, &hello->level) < 0 ||
	    hm_take_varint(&in, &hello->n_files) < 0)
		return -HM_ECORRUPT;
	hello->files = in;
	return 0;
}

static void
load_fiber(void *arg)
{
	struct hello *hello = arg;
	struct hm_process *p = hello->p;
	struct hm_arena *arena = hm_arena_new(NULL, "load");
	const char *file = hm_strndup(arena, hello->file.p, hello->file.len);
	struct hm_err err = { 0 };
	struct hm_buf out = { 0 };

	if (hm_code_open(p->core, hm_strndup(arena, hello->name.p,
	    hello->name.len), hm_strndup(arena, hello->path.p, hello->path.len),
	    file, &p->code, &err) < 0) {
		answer_err(p, hello->id, &err);
	} else {
		hm_buf_putc(&out, 1);
		hm_carry_put_def(&out, &p->code->def);
		hm_process_answer(p, hello->id, hm_buf_view(&out));
		hm_buf_release(&out);
	}
	hm_arena_free(arena);
}

/* The first packet comes before there is a loop, and brings the place for what
 * anybody here prints. */
static int
hear_hello(struct hello *hello)
{
	ssize_t n;
	int out;

	hm_buf_reserve(&hello->packet, HM_CARRY_MAX + 1);
	n = hm_priv_recv(HM_SPAWN_FD, hello->packet.p, HM_CARRY_MAX, &out);
	if (n <= 0 || out < 0)
		return -1;
	hello->packet.len = (size_t)n;
	if (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		return -1;
	close(out);
	return fcntl(HM_SPAWN_FD, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(HM_SPAWN_FD, F_SETFL, O_NONBLOCK) < 0 ? -1 : 0;
}

static int
begin(struct hm_process *p, struct hello *hello, struct hm_err *reterr)
{
	struct hm_core_opts opts = { .conf_dir = "/", .offline = true };
	struct hm_arena *arena = hm_arena_new(NULL, "begin");
	int r = take_hello(hello, reterr);

	if (r == 0) {
		hm_log_set_level((enum hm_loglevel)hello->level);
		p->core = hm_core_new(&opts);
		set_limits(hello);
		r = enter_sandbox(hello, arena, reterr);
	}
	hm_arena_free(arena);
	return r;
}

int
hm_module_process(struct hm_argv argv)
{
	struct hm_process p = { .channel = { .fd = -1, .packet = packet,
	    .ended = ended, .arg = &p } };
	struct hello hello = { .p = &p };
	struct hm_err err = { 0 };

	if (argv.n > 1 || hear_hello(&hello) < 0) {
		fprintf(stderr, "hermod: this is no command: the server begins "
		    "such processes for isolated modules\n");
		return HM_EXIT_USAGE;
	}
	if (hm_loop_init(&err) < 0)
		return HM_EXIT_NO;
	hm_carrier_open(&p.channel, HM_SPAWN_FD);
	hm_log_set_sink(log_line, &p);
	if (begin(&p, &hello, &err) < 0) {
		answer_err(&p, hello.id, &err);
		leave(HM_EXIT_NO);
	}
	hm_guard_begin(-1, false);
	hm_timer_start(COUNT_MS, count_again, &p);
	hm_fiber_start(NULL, "load", load_fiber, &hello);
	hm_loop_run();
	leave(HM_EXIT_NO);
	return HM_EXIT_NO;
}
