/* test-lib.h - a configuration directory, modules and a core for one test. */
#ifndef HERMOD_PLUG_TEST_LIB_H
#define HERMOD_PLUG_TEST_LIB_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
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

#include "core/conf/errs.h"
#include "core/plug/generation.h"
#include "core/run/fiber-private.h"
#include "core/run/loop.h"
#include "t/tap.h"

static char test_dir[100];
static struct hm_buf test_notes;
static struct hm_core *test_core;

/* Whether the text has that part. */
__attribute__((unused)) static void
has(const char *text, const char *part, const char *name)
{
	if (!ok(strstr(text, part) != NULL, "%s", name))
		printf("#   \"%s\"\n#   lacks \"%s\"\n", text, part);
}

/* What modules did since the last test_said(): "open a 1; start a". */
HM_API void test_note(const char *fmt, ...) HM_PRINTF(1, 2);
void
test_note(const char *fmt, ...)
{
	char line[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	hm_buf_printf(&test_notes, "%s%s", test_notes.len ? "; " : "", line);
}

__attribute__((unused)) static void
test_said(const char *want, const char *name)
{
	is_str(test_notes.p != NULL ? test_notes.p : "", want, "%s", name);
	hm_buf_clear(&test_notes);
}

__attribute__((unused, format(printf, 1, 2))) static char *
test_path(const char *fmt, ...)
{
	static char path[4][300];
	static unsigned turn;
	char *p = path[turn++ % 4];
	va_list ap;
	int n = snprintf(p, sizeof(path[0]), "%s/", test_dir);

	va_start(ap, fmt);
	vsnprintf(p + n, sizeof(path[0]) - (size_t)n, fmt, ap);
	va_end(ap);
	return p;
}

__attribute__((unused)) static void
test_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
		printf("Bail out! %s: %m\n", path);
		exit(1);
	}
}

/* conf.d/NAME.yaml; NULL removes it. */
__attribute__((unused)) static void
test_conf(const char *name, const char *text)
{
	if (text == NULL)
		unlink(test_path("conf.d/%s.yaml", name));
	else
		test_write(test_path("conf.d/%s.yaml", name), text);
}

__attribute__((unused)) static void
test_yaml(const char *more)
{
	char text[600];

	snprintf(text, sizeof(text), "hostname: mail.example\ndata-dir: %s/data\n"
	    "hook-deadline: 10s\n%s", test_dir, more);
	test_write(test_path("hermod.yaml"), text);
}

/* Compiles t-modules/SOURCE.c as NAME.so with the given macros. */
__attribute__((unused)) static void
test_build(const char *name, const char *source, const char *macros)
{
	const char *top = getenv("top_srcdir"), *cc = getenv("CC");
	char command[2000];

	snprintf(command, sizeof(command), "%s -std=gnu11 -O1 -fPIC "
	    "-fvisibility=hidden -shared -I'%s/include' -DNAME='\"%s\"' "
	    "-DPROBE_NAME='\"%s\"' %s -o '%s/modules/%s.so.new' "
	    "'%s/core/plug/t-modules/%s.c' && mv '%s/modules/%s.so.new' "
	    "'%s/modules/%s.so'", cc != NULL ? cc : "cc",
	    top != NULL ? top : ".", name, name, macros, test_dir, name,
	    top != NULL ? top : ".", source, test_dir, name, test_dir, name);
	if (system(command) != 0) {
		printf("Bail out! cannot compile %s\n", name);
		exit(1);
	}
}

static void
test_quiet(enum hm_loglevel level, struct hm_str line, void *arg)
{
	(void)level;
	(void)arg;
	printf("# %.*s\n", HM_FMT(line));
}

__attribute__((unused)) static void
test_begin(bool virtual_time)
{
	struct hm_core_opts opts = { .copy_code = true };
	struct hm_err err = { 0 };

	snprintf(test_dir, sizeof(test_dir), "/tmp/hermod-test-XXXXXX");
	if (mkdtemp(test_dir) == NULL)
		exit(1);
	mkdir(test_path("conf.d"), 0700);
	mkdir(test_path("data"), 0700);
	mkdir(test_path("modules"), 0700);
	test_yaml("");
	hm_log_set_sink(test_quiet, NULL);
	if (virtual_time)
		hm_clock_virtual(1800000000000);
	if (hm_loop_init(&err) < 0)
		exit(1);
	opts.conf_dir = test_dir;
	opts.module_path = test_path("modules");
	test_core = hm_core_new(&opts);
}

/* Runs fn on a fiber to its end, and all that it set off. */
__attribute__((unused)) static void
test_run(void (*fn)(void *arg), void *arg)
{
	hm_fiber_start(NULL, "test", fn, arg);
	hm_loop_run_until_idle();
}

struct test_reload {
	int result;
	char text[4000];
};

static void
test_reload_fiber(void *arg)
{
	struct test_reload *t = arg;
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	struct hm_errs *errs = hm_errs_new(arena);
	size_t skip = strlen(test_dir) + 1, n = 0;

	t->result = hm_reload(test_core, errs);
	for (size_t i = 0; i < hm_errs_count(errs); i++) {
		const struct hm_err *e = hm_errs_at(errs, i, NULL);

		n += (size_t)snprintf(t->text + n, sizeof(t->text) - n,
		    "%s%s:%u:%u: %s", i ? "\n" : "",
		    e->file[0] ? e->file + skip : "", e->line, e->col, e->text);
	}
	hm_arena_free(arena);
}

/* The mistakes of a reload, without the test's directory; "" if it worked. */
__attribute__((unused)) static const char *
test_reload(void)
{
	static struct test_reload t;
	char *at;
	size_t len = strlen(test_dir);

	memset(&t, 0, sizeof(t));
	test_run(test_reload_fiber, &t);
	while ((at = strstr(t.text, test_dir)) != NULL)
		memmove(at, at + len + 1, strlen(at + len + 1) + 1);
	return t.text;
}

__attribute__((unused)) static struct hm_mod *
test_mod(const char *name)
{
	return hm_generation_mod(test_core->current, name);
}

__attribute__((unused)) static void
test_end(void)
{
	char command[200];

	hm_core_retire(test_core);
	hm_loop_run_until_idle();
	ok(test_core->all == NULL, "no generation is left");
	ok(test_core->codes == NULL, "no code is left");
	ok(test_core->kept == NULL, "no resource is left");
	hm_loop_free(1000);
	hm_core_free(test_core);
	hm_buf_release(&test_notes);
	snprintf(command, sizeof(command), "rm -rf '%s'", test_dir);
	if (system(command) != 0)
		printf("# %s is left\n", test_dir);
}

#endif
