/* papers.c - sample and manual page against the option table. */
#include <hermod/conf.h>

#include "tool.h"

enum { MAX_PAPER = 1 << 20, MAX_OPTIONS = 500 };

/* In the order of the example: what the module has of its own comes before what
 * every module can be told, which begins with on-fail. */
struct options {
	struct hm_str at[MAX_OPTIONS];
	bool seen[MAX_OPTIONS];
	size_t n, n_own;
};

static bool
option_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* "name: value" or "#name: value"; nested also "#  name: value". {NULL,0} for any
 * other line, such as prose, which has one blank. */
static struct hm_str
option_of(struct hm_str line, bool nested)
{
	struct hm_str none = { NULL, 0 };
	size_t n = 0, blanks = 0;

	if (line.len > 0 && line.p[0] == '#')
		line = hm_str_skip(line, 1);
	while (blanks < line.len && line.p[blanks] == ' ')
		blanks++;
	if (blanks == 1 || (blanks > 1 && !nested))
		return none;
	line = hm_str_skip(line, blanks);
	while (n < line.len && option_char(line.p[n]))
		n++;
	if (n == 0 || n == line.len || line.p[n] != ':' ||
	    (n + 1 < line.len && line.p[n + 1] != ' '))
		return none;
	return hm_str_take(line, n);
}

static ssize_t
find(const struct options *o, struct hm_str name)
{
	for (size_t i = 0; i < o->n; i++)
		if (hm_str_eq(o->at[i], name))
			return (ssize_t)i;
	return -1;
}

static void
read_options(struct options *o, struct hm_str example)
{
	bool own = true;

	while (example.p != NULL && o->n < MAX_OPTIONS) {
		struct hm_str name = option_of(hm_str_split(&example, '\n'),
		    true);

		if (own && hm_str_is(name, "on-fail")) {
			o->n_own = o->n;
			own = false;
		}
		if (name.p != NULL && find(o, name) < 0)
			o->at[o->n++] = name;
	}
}

static void
read_sample(struct pt_child *c, const struct options *o)
{
	struct hm_str text, name;
	struct hm_err err = { 0 };
	bool good = true;

	if (c->args->sample == NULL) {
		pt_note(c, "sample", "there is no %s.yaml beside it, nor "
		    "installed; name it with --sample", c->name);
		return;
	}
	if (hm_file_read(c->arena, c->args->sample, MAX_PAPER, &text, &err) < 0) {
		pt_wrong(c, "sample", "%s", err.text);
		return;
	}
	while (text.p != NULL) {
		name = option_of(hm_str_split(&text, '\n'), false);
		if (name.p == NULL || find(o, name) >= 0)
			continue;
		good = false;
		pt_wrong(c, "sample", "%s names \"%.*s\", which is no option",
		    c->args->sample, HM_FMT(name));
	}
	if (good)
		pt_good(c, "sample", "all it names are options");
}

/* ".It Cm name" (or Ic, Va), also with more words behind. */
static struct hm_str
documented(struct hm_str line)
{
	struct hm_str none = { NULL, 0 };

	if (!hm_str_starts(line, HM_STR(".It Cm ")) &&
	    !hm_str_starts(line, HM_STR(".It Ic ")) &&
	    !hm_str_starts(line, HM_STR(".It Va ")))
		return none;
	line = hm_str_skip(line, 7);
	return hm_str_split(&line, ' ');
}

static void
read_man(struct pt_child *c, struct options *o)
{
	struct hm_str text, line, name;
	struct hm_err err = { 0 };
	bool inside = false, good = true;
	ssize_t i;

	if (c->args->man == NULL) {
		pt_note(c, "manual", "there is no hermod-%s.7 beside it, nor "
		    "installed; name it with --man", c->name);
		return;
	}
	if (hm_file_read(c->arena, c->args->man, MAX_PAPER, &text, &err) < 0) {
		pt_wrong(c, "manual", "%s", err.text);
		return;
	}
	while (text.p != NULL) {
		line = hm_str_split(&text, '\n');
		if (hm_str_starts(line, HM_STR(".Sh ")))
			inside = hm_str_find(line, HM_STR("OPTIONS")) >= 0;
		name = documented(line);
		if (!inside || name.p == NULL)
			continue;
		if ((i = find(o, name)) >= 0) {
			o->seen[i] = true;
			continue;
		}
		good = false;
		pt_wrong(c, "manual", "%s describes \"%.*s\", which is no option",
		    c->args->man, HM_FMT(name));
	}
	for (size_t k = 0; k < o->n_own; k++) {
		if (o->seen[k] || hm_str_is(o->at[k], "enabled"))
			continue;
		good = false;
		pt_wrong(c, "manual", "%s lacks the option \"%.*s\" (.It Cm "
		    "below .Sh OPTIONS)", c->args->man, HM_FMT(o->at[k]));
	}
	if (good)
		pt_good(c, "manual", "every option is described, and no other");
}

void
pt_papers(struct pt_child *c, struct hm_str example)
{
	struct options *o = hm_new(c->arena, struct options);

	read_options(o, example);
	read_sample(c, o);
	read_man(c, o);
}
