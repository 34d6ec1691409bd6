/* scaffold.c - a new plugin from the template: the names changed, the rest kept. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/clock.h>
#include <hermod/conf.h>
#include <hermod/harness.h>

#include "tool.h"

enum { MAX_FILE = 1 << 20, MAX_NAME = 40 };

/* The files of the template, and what they become. */
static const struct {
	const char *from, *to;         /* %s: the name */
} files[] = {
	{ "hello.c", "%s.c" },
	{ "hello.yaml", "%s.yaml" },
	{ "hermod-hello.7", "hermod-%s.7" },
	{ "Makefile", "Makefile" },
	{ "t/hello.mt", "t/%s.mt" },
};

struct scaffold {
	struct hm_arena *arena;
	const char *name;              /* "my-plugin" */
	const char *ident;             /* "my_plugin" */
	const char *upper;             /* "MY-PLUGIN" */
	const char *dir;
};

static int
complain(const char *text, const char *what, const char *why)
{
	fprintf(stderr, "hermod: %s%s%s\n", text, what, why);
	return PT_NO;
}

/* ---- names ---- */

static bool
good_name(const char *name)
{
	size_t len = strlen(name);

	return len <= MAX_NAME && name[0] >= 'a' && name[0] <= 'z' &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len &&
	    name[len - 1] != '-' && strstr(name, "--") == NULL;
}

static const char *
spelled(struct scaffold *s, char dash, bool upper)
{
	char *copy = hm_strdup(s->arena, s->name);

	for (char *p = copy; *p != '\0'; p++) {
		if (*p == '-')
			*p = dash;
		else if (upper && *p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	}
	return copy;
}

/* ---- texts ---- */

/* What stands for "hello" there: in code a name of C, else the name. */
static void
put_name(const struct scaffold *s, struct hm_buf *out, struct hm_str rest)
{
	bool in_code = rest.len > 0 && rest.p[0] == '_';

	hm_buf_puts(out, in_code ? s->ident : s->name);
}

static struct hm_str
today(struct scaffold *s)
{
	static const char *const months[] = { "January", "February", "March",
		"April", "May", "June", "July", "August", "September",
		"October", "November", "December" };
	struct hm_tm tm;

	hm_tm_from_unix(hm_wall_ms() / 1000, 0, &tm);
	return hm_str(hm_printf(s->arena, ".Dd %s %d, %lld",
	    months[tm.mon - 1], tm.day, (long long)tm.year));
}

static void
fill_line(struct scaffold *s, struct hm_buf *out, struct hm_str line)
{
	static const char module[] = "HM_MODULE(hello,";

	if (hm_str_starts(line, HM_STR(".Dd "))) {
		hm_buf_str(out, today(s));
		return;
	}
	if (hm_str_starts(line, hm_str(module))) {
		hm_buf_printf(out, strchr(s->name, '-') != NULL ?
		    "HM_MODULE_NAMED(\"%s\"," : "HM_MODULE(%s,", s->name);
		line = hm_str_skip(line, sizeof(module) - 1);
	}
	while (line.len > 0) {
		if (hm_str_starts(line, HM_STR("hello"))) {
			line = hm_str_skip(line, 5);
			put_name(s, out, line);
		} else if (hm_str_starts(line, HM_STR("HELLO"))) {
			line = hm_str_skip(line, 5);
			hm_buf_puts(out, s->upper);
		} else {
			hm_buf_putc(out, line.p[0]);
			line = hm_str_skip(line, 1);
		}
	}
}

static void
fill(struct scaffold *s, struct hm_buf *out, struct hm_str text)
{
	while (text.len > 0) {
		fill_line(s, out, hm_str_split(&text, '\n'));
		hm_buf_putc(out, '\n');
	}
}

/* ---- files ---- */

static const char *
target(struct scaffold *s, size_t i)
{
	struct hm_str to = hm_str(files[i].to);
	ssize_t at = hm_str_find(to, HM_STR("%s"));

	if (at < 0)
		return hm_printf(s->arena, "%s/%s", s->dir, to.p);
	return hm_printf(s->arena, "%s/%.*s%s%s", s->dir, (int)at, to.p,
	    s->name, to.p + at + 2);
}

static bool
is_in_the_way(struct scaffold *s)
{
	struct stat st;

	for (size_t i = 0; i < HM_ARRAY_LEN(files); i++) {
		if (lstat(target(s, i), &st) < 0)
			continue;
		complain(target(s, i), " exists already", "; nothing was written");
		return true;
	}
	return false;
}

static int
write_one(struct scaffold *s, const char *from, size_t i)
{
	struct hm_buf text = { 0 };
	struct hm_err err = { 0 };
	struct hm_str template;
	int r = hm_file_read(s->arena, hm_printf(s->arena, "%s/%s", from,
	    files[i].from), MAX_FILE, &template, &err);

	if (r == 0) {
		fill(s, &text, template);
		r = hm_file_replace(target(s, i), hm_buf_view(&text), 0644, &err);
		hm_buf_release(&text);
	}
	return r < 0 ? complain(err.text, "", "") : PT_OK;
}

static int
write_all(struct scaffold *s, const char *from)
{
	const char *t = hm_printf(s->arena, "%s/t", s->dir);
	int r = PT_OK;

	if (mkdir(s->dir, 0755) < 0 && errno != EEXIST)
		return complain(s->dir, ": ", strerrordesc_np(errno));
	if (is_in_the_way(s))
		return PT_NO;
	if (mkdir(t, 0755) < 0 && errno != EEXIST)
		return complain(t, ": ", strerrordesc_np(errno));
	for (size_t i = 0; i < HM_ARRAY_LEN(files) && r == PT_OK; i++)
		r = write_one(s, from, i);
	return r;
}

static void
say_what_next(const struct scaffold *s)
{
	printf("%s is a plugin that greets: change it into yours.\n\n"
	    "  cd %s\n"
	    "  make            builds %s.so\n"
	    "  make check      checks it and plays t/%s.mt\n"
	    "  make install    puts it where hermod finds it\n"
	    "  hermod module enable %s\n\n"
	    "hermod-plugin(7) tells how plugins work, hermod-plugin-tutorial(7) "
	    "writes one.\n", s->dir, s->dir, s->name, s->name, s->name);
}

int
pt_new(const char *name, const struct pt_args *args)
{
	struct hm_arena *arena = hm_arena_new(NULL, "new");
	struct scaffold s = { .arena = arena, .name = name,
		.dir = args->dir != NULL ? args->dir : name };
	const char *from = pt_template_dir(arena);
	int r;

	if (!good_name(name)) {
		complain("\"", name, "\" is no name for a module: a letter, then "
		    "at most 39 of a-z, 0-9 and single dashes");
		r = PT_USAGE;
	} else if (hm_harness_has_module(getenv("HERMOD_MODULE_PATH"), name)) {
		r = complain("a module ", name, " is installed already; choose "
		    "another name");
	} else {
		s.ident = spelled(&s, '_', false);
		s.upper = spelled(&s, '-', true);
		r = write_all(&s, from);
		if (r == PT_OK)
			say_what_next(&s);
	}
	hm_arena_free(arena);
	return r;
}
