/* offender.c - modules that are switched off because they crashed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/conf.h>
#include <hermod/err.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "core/conf/config.h"

#include "offender.h"

enum { MAX_FILE = 4 << 20, KEEP_FILE = 65536 };

struct line {
	int64_t time_s;
	struct hm_str kind, name, rest;
};

static const char *
path_of(struct hm_arena *arena, const char *data_dir)
{
	return hm_printf(arena, "%s/crashes", data_dir);
}

/* Empty when there is none; a file that grew out of all proportion counts as
 * none as well. */
static struct hm_str
read_all(struct hm_arena *arena, const char *data_dir)
{
	struct hm_str text;

	if (hm_file_read(arena, path_of(arena, data_dir), MAX_FILE, &text,
	    NULL) < 0)
		return (struct hm_str){ NULL, 0 };
	return text;
}

static bool
next_line(struct hm_str *text, struct line *ret)
{
	uint64_t time_s;

	while (text->p != NULL) {
		struct hm_str rest = hm_str_split(text, '\n');

		if (hm_str_u64(hm_str_split(&rest, ' '), INT64_MAX / 1000,
		    &time_s) < 0)
			continue;
		ret->time_s = (int64_t)time_s;
		ret->kind = hm_str_split(&rest, ' ');
		ret->name = hm_str_split(&rest, ' ');
		ret->rest = rest.p != NULL ? rest : HM_STR("");
		return true;
	}
	return false;
}

/* "SIGSEGV sure rcpt_to" as people say it; only what is certain counts. */
static bool
is_sure(struct hm_str rest, struct hm_str *ret_why, struct hm_str *ret_what)
{
	*ret_why = hm_str_split(&rest, ' ');
	*ret_what = rest;
	return hm_str_is(hm_str_split(ret_what, ' '), "sure");
}

struct hm_offender *
hm_offender_find(struct hm_offender *list, const char *name)
{
	for (; list != NULL; list = list->next)
		if (strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

static void
forget(struct hm_offender **list, struct hm_str name)
{
	for (; *list != NULL; list = &(*list)->next) {
		if (hm_str_is(name, (*list)->name)) {
			*list = (*list)->next;
			return;
		}
	}
}

struct hm_offender *
hm_offenders_read(struct hm_arena *arena, const char *data_dir)
{
	struct hm_str text = read_all(arena, data_dir);
	struct hm_offender *list = NULL, *o;
	struct line line;

	while (next_line(&text, &line)) {
		if (hm_str_is(line.kind, "on"))
			forget(&list, line.name);
		if (!hm_str_is(line.kind, "off"))
			continue;
		forget(&list, line.name);
		o = hm_new(arena, struct hm_offender);
		o->name = hm_strndup(arena, line.name.p, line.name.len);
		o->why = hm_strndup(arena, line.rest.p, line.rest.len);
		o->since_s = line.time_s;
		o->next = list;
		list = o;
	}
	return list;
}

unsigned
hm_offender_crashes(struct hm_arena *arena, const char *data_dir,
    const char *name, int64_t since_s, const char **ret_last)
{
	struct hm_str text = read_all(arena, data_dir), why, what;
	struct line line;
	unsigned n = 0;

	while (next_line(&text, &line)) {
		if (!hm_str_is(line.name, name))
			continue;
		/* Pardoned, or punished already. */
		if (!hm_str_is(line.kind, "crash")) {
			n = 0;
			continue;
		}
		if (line.time_s < since_s || !is_sure(line.rest, &why, &what))
			continue;
		n++;
		if (ret_last != NULL)
			*ret_last = hm_printf(arena, "%.*s in %.*s",
			    HM_FMT(why), HM_FMT(what));
	}
	return n;
}

/* ---- the start of a server ---- */

static void
put_line(int fd, const char *line)
{
	if (fd >= 0 && write(fd, line, strlen(line)) < 0)
		hm_log(HM_LOG_ERROR, "crashes cannot be recorded",
		    hm_f("errno", errno));
}

static void
judge(struct hm_arena *arena, const struct hm_server_conf *conf,
    const char *name, int64_t now_s, int fd)
{
	const char *last = "", *why;
	unsigned n = hm_offender_crashes(arena, conf->data_dir, name,
	    now_s - conf->crash_window_ms / 1000, &last);

	if (n < (uint64_t)conf->crash_limit)
		return;
	why = hm_printf(arena, "made the server crash %u times (%s)", n, last);
	put_line(fd, hm_printf(arena, "%lld off %s %s\n", (long long)now_s,
	    name, why));
	hm_log(HM_LOG_ERROR, "module switched off", hm_f("module", name),
	    hm_f("why", why), hm_f("again", hm_printf(arena,
	    "hermod module enable %s", name)));
}

/* The latest lines, behind what the others came to. */
static void
cut(struct hm_arena *arena, const char *data_dir, struct hm_str *text)
{
	struct hm_offender *o = hm_offenders_read(arena, data_dir);
	struct hm_buf kept = { 0 };
	struct hm_err err = { 0 };

	if (text->len <= KEEP_FILE)
		return;
	*text = hm_str_skip(*text, text->len - KEEP_FILE / 2);
	hm_str_split(text, '\n');
	for (; o != NULL; o = o->next)
		hm_buf_printf(&kept, "%lld off %s %s\n", (long long)o->since_s,
		    o->name, o->why);
	hm_buf_str(&kept, *text);
	if (hm_file_replace(path_of(arena, data_dir), hm_buf_view(&kept), 0640,
	    &err) < 0)
		hm_log(HM_LOG_ERROR, "the list of crashes cannot be cut",
		    hm_f("error", err.text));
	hm_buf_release(&kept);
}

int
hm_offenders_judge(const struct hm_server_conf *conf)
{
	struct hm_arena *arena = hm_arena_new(NULL, "offenders");
	struct hm_str text = read_all(arena, conf->data_dir), seen;
	int64_t now_s = hm_wall_ms() / 1000;
	struct line line;
	int fd;

	cut(arena, conf->data_dir, &text);
	fd = open(path_of(arena, conf->data_dir),
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		hm_log(HM_LOG_ERROR, "crashes cannot be recorded",
		    hm_f("errno", errno));
	for (seen = text; conf->crash_limit > 0 && next_line(&text, &line); ) {
		struct hm_str before = hm_str_n(seen.p,
		    (size_t)(line.name.p - seen.p));

		/* Each name once. */
		if (hm_str_is(line.kind, "crash") && !hm_str_is(line.name, "-") &&
		    hm_str_find(before, hm_str(hm_printf(arena, " crash %.*s ",
		    HM_FMT(line.name)))) < 0)
			judge(arena, conf, hm_strndup(arena, line.name.p,
			    line.name.len), now_s, fd);
	}
	hm_arena_free(arena);
	return fd;
}

int
hm_offender_pardon(const char *data_dir, const char *name,
    struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "offenders");
	const char *path = path_of(arena, data_dir), *line;
	int fd, r = 0;

	line = hm_printf(arena, "%lld on %s\n",
	    (long long)(hm_wall_ms() / 1000), name);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0 ? errno != ENOENT : write(fd, line, strlen(line)) < 0)
		r = hm_err_errno(reterr, errno, "%s", path);
	if (fd >= 0)
		close(fd);
	hm_arena_free(arena);
	return r;
}
