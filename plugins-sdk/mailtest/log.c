/* log.c - what the server logs: kept, searched, and judged at the end. */
#include "mailtest.h"

static void
sink(enum hm_loglevel level, struct hm_str text, void *arg)
{
	struct mt *t = arg;
	struct mt_log_line *line = hm_new(t->arena, struct mt_log_line);

	line->at_ms = hm_now_ms();
	line->level = level;
	line->text = hm_str_dup(t->arena, text);
	*t->log_tail = line;
	t->log_tail = &line->next;
}

void
mt_log_begin(struct mt *t)
{
	t->log_tail = t->log_cursor = &t->log;
	hm_log_set_sink(sink, t);
}

/* An error that no "expect log" asked for is a mistake of somebody. */
void
mt_log_end(struct mt *t)
{
	struct mt_log_line *line;
	bool good = true;

	hm_log_set_sink(NULL, NULL);
	for (line = t->log; line != NULL; line = line->next)
		good &= line->level > HM_LOG_ERROR || line->expected;
	if (t->failed || mt_ok(t, good, "no unexpected error was logged"))
		return;
	for (line = t->log; line != NULL; line = line->next)
		if (line->level == HM_LOG_ERROR && !line->expected)
			mt_diag("%.*s", HM_FMT(line->text));
}

/* The next field of a log line: key=value, the value perhaps in quotes. */
static bool
next_field(struct hm_str *rest, struct hm_str *ret_key, struct hm_str *ret_value)
{
	ssize_t equals;
	size_t n = 0;

	while (rest->len > 0 && rest->p[0] == ' ')
		*rest = hm_str_skip(*rest, 1);
	equals = hm_str_chr(*rest, '=');
	if (equals < 0)
		return false;
	*ret_key = hm_str_take(*rest, (size_t)equals);
	*rest = hm_str_skip(*rest, (size_t)equals + 1);
	if (rest->len == 0 || rest->p[0] != '"') {
		while (n < rest->len && rest->p[n] != ' ')
			n++;
		*ret_value = hm_str_take(*rest, n);
		*rest = hm_str_skip(*rest, n);
		return true;
	}
	*rest = hm_str_skip(*rest, 1);
	while (n < rest->len && rest->p[n] != '"')
		n += rest->p[n] == '\\' ? 2 : 1;
	*ret_value = hm_str_take(*rest, n);
	*rest = hm_str_skip(*rest, n + 1);
	return true;
}

/* "event" may be written for m, the name of an event's field. */
static bool
has_field(struct mt *t, struct hm_str line, struct hm_str key, struct hm_str want)
{
	struct hm_str name, value;

	if (hm_str_is(key, "event"))
		key = HM_STR("m");
	if (hm_str_is(key, "level"))
		key = HM_STR("l");
	while (next_field(&line, &name, &value)) {
		if (!hm_str_eq(name, key))
			continue;
		if (want.len > 1 && want.p[0] == '/' ?
		    mt_matches(t, want, value) : hm_str_eq(want, value))
			return true;
	}
	return false;
}

static bool
line_fits(struct mt *t, struct hm_str line, struct hm_str fields)
{
	struct hm_str key, value;

	while (next_field(&fields, &key, &value))
		if (!has_field(t, line, key, value))
			return false;
	return true;
}

struct search {
	struct mt *t;
	struct hm_str fields;
	struct mt_log_line *found;
};

static bool
search(void *arg)
{
	struct search *s = arg;
	struct mt_log_line *line;

	for (line = *s->t->log_cursor; line != NULL; line = line->next) {
		if (line_fits(s->t, line->text, s->fields)) {
			s->found = line;
			return true;
		}
	}
	return false;
}

/* expect [no] log KEY=VALUE…: behind the line that the last one found. */
void
mt_expect_log(struct mt *t, struct hm_str rest, bool want)
{
	struct search s = { .t = t, .fields = mt_expand(t, rest) };

	if (t->failed)
		return;
	if (hm_str_chr(s.fields, '=') < 0) {
		mt_fail(t, "write: expect log KEY=VALUE");
		return;
	}
	if (want)
		hm_harness_until(search, &s, t->patience_ms);
	else
		search(&s);
	if (s.found != NULL && want) {
		s.found->expected = true;
		t->log_cursor = &s.found->next;
	}
	if (mt_ok(t, (s.found != NULL) == want, "%s is logged: %.*s",
	    want ? "it" : "nothing", HM_FMT(s.fields)))
		return;
	if (s.found != NULL)
		mt_diag("but: %.*s", HM_FMT(s.found->text));
	mt_show(t, NULL);
}
