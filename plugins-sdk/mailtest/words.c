/* words.c - words, variables and patterns of a statement. */
#include <stdlib.h>
#include <string.h>


#include "mailtest.h"

enum { MAX_GROUPS = 32 };

/* ---- variables ---- */

static bool
name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_';
}

/* The name in "$name", "${name}" or "${name_of_$1}" at the front of text, empty if that is none;
 * *ret_used is the length of it all. */
static struct hm_str
variable_name(struct hm_str text, size_t *ret_used)
{
	bool braces = text.len > 1 && text.p[1] == '{';
	size_t from = braces ? 2 : 1, n = from;

	while (n < text.len && (name_char(text.p[n]) ||
	    (braces && text.p[n] == '$')))
		n++;
	if (braces && (n == text.len || text.p[n] != '}'))
		n = from;
	*ret_used = n + (braces ? 1 : 0);
	return hm_str_n(text.p + from, n - from);
}

static struct mt_var *
find(struct mt *t, struct hm_str name)
{
	struct mt_var *v;

	for (v = t->vars; v != NULL; v = v->next)
		if (hm_str_is(name, v->name))
			return v;
	return NULL;
}

/* One without a value counts as none. */
static struct mt_var *
find_set(struct mt *t, struct hm_str name)
{
	struct mt_var *v = find(t, name);

	return v != NULL && v->value.p != NULL ? v : NULL;
}

void
mt_set(struct mt *t, struct hm_str name, struct hm_str value)
{
	struct mt_var *v = find(t, name);

	if (v == NULL) {
		v = hm_new(t->arena, struct mt_var);
		v->name = hm_str_dup(t->arena, name).p;
		v->next = t->vars;
		t->vars = v;
	}
	v->value = value.p != NULL ? hm_str_dup(t->arena, value) : value;
}

struct hm_str
mt_get(struct mt *t, struct hm_str name)
{
	const struct mt_var *v = find(t, name);
	struct hm_str none = { NULL, 0 };

	return v != NULL ? v->value : none;
}

struct hm_str
mt_expand(struct mt *t, struct hm_str text)
{
	struct hm_buf out = { 0 };
	struct hm_str copy;

	while (text.len > 0) {
		struct hm_str name = { NULL, 0 };
		struct mt_var *v;
		size_t used = 1;

		if (text.p[0] == '$')
			name = variable_name(text, &used);
		if (hm_str_chr(name, '$') >= 0)
			name = mt_expand(t, name);
		if (text.len > 1 && text.p[0] == '$' && text.p[1] == '$') {
			hm_buf_putc(&out, '$');
			text = hm_str_skip(text, 2);
		} else if (name.len == 0) {
			hm_buf_putc(&out, text.p[0]);
			text = hm_str_skip(text, 1);
		} else if ((v = find_set(t, name)) == NULL) {
			mt_fail(t, "there is no variable $%.*s (write $$ for a "
			    "dollar sign)", HM_FMT(name));
			break;
		} else {
			hm_buf_str(&out, v->value);
			text = hm_str_skip(text, used);
		}
	}
	copy = hm_str_dup(t->arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return copy.p != NULL ? copy : HM_STR("");
}

struct hm_str
mt_block(struct mt *t)
{
	return t->stmt->expands ? mt_expand(t, t->stmt->block) : t->stmt->block;
}

/* ---- words ---- */

static struct hm_str
skip_blanks(struct hm_str s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = hm_str_skip(s, 1);
	return s;
}

struct hm_str
mt_word(struct mt *t, struct hm_str *rest)
{
	struct hm_str s = skip_blanks(*rest), word, none = { NULL, 0 };
	size_t n = 0;
	ssize_t end;

	if (s.len == 0) {
		*rest = none;
		return none;
	}
	if (s.p[0] == '"' && (end = hm_str_chr(hm_str_skip(s, 1), '"')) >= 0) {
		word = hm_str_n(s.p + 1, (size_t)end);
		*rest = skip_blanks(hm_str_skip(s, (size_t)end + 2));
		return mt_expand(t, word);
	}
	while (n < s.len && s.p[n] != ' ' && s.p[n] != '\t')
		n++;
	word = hm_str_take(s, n);
	*rest = skip_blanks(hm_str_skip(s, n));
	return mt_expand(t, word);
}

bool
mt_word_is(struct hm_str *rest, const char *word)
{
	struct hm_str s = skip_blanks(*rest);
	size_t n = strlen(word);

	if (!hm_str_starts(s, hm_str(word)) ||
	    (s.len > n && s.p[n] != ' ' && s.p[n] != '\t'))
		return false;
	*rest = skip_blanks(hm_str_skip(s, n));
	return true;
}

int64_t
mt_duration(struct hm_str text)
{
	static const struct { const char *unit; int64_t ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 },
		{ "h", 3600 * 1000 }, { "d", 24 * 3600 * 1000 },
	};
	int64_t all = 0;

	if (text.len == 0)
		return -1;
	while (text.len > 0) {
		size_t n = 0, k = 0, i;
		uint64_t value;

		while (n < text.len && text.p[n] >= '0' && text.p[n] <= '9')
			n++;
		while (n + k < text.len && text.p[n + k] >= 'a')
			k++;
		if (hm_str_u64(hm_str_take(text, n), 1000000000, &value) < 0)
			return -1;
		for (i = 0; i < HM_ARRAY_LEN(units); i++)
			if (hm_str_is(hm_str_n(text.p + n, k), units[i].unit))
				break;
		if (i == HM_ARRAY_LEN(units))
			return -1;
		all += (int64_t)value * units[i].ms;
		text = hm_str_skip(text, n + k);
	}
	return all;
}

bool
mt_number(struct mt *t, struct hm_str *rest, uint64_t *ret)
{
	struct hm_str word = mt_word(t, rest);

	if (hm_str_u64(word, UINT64_MAX, ret) == 0)
		return true;
	mt_fail(t, "a number is missing here");
	return false;
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

void
mt_unescape(struct hm_buf *out, struct hm_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c != '\\' || i + 1 == s.len) {
			hm_buf_putc(out, c);
			continue;
		}
		c = s.p[++i];
		if (c == 'x' && i + 2 < s.len && hex_digit(s.p[i + 1]) >= 0 &&
		    hex_digit(s.p[i + 2]) >= 0) {
			hm_buf_putc(out, (char)(hex_digit(s.p[i + 1]) * 16 +
			    hex_digit(s.p[i + 2])));
			i += 2;
			continue;
		}
		hm_buf_putc(out, c == 'r' ? '\r' : c == 'n' ? '\n' :
		    c == 't' ? '\t' : c == '0' ? '\0' : c);
	}
}

/* ---- patterns ---- */

struct hm_str
mt_without_cr(struct mt *t, struct hm_str s)
{
	struct hm_buf out = { 0 };
	struct hm_str copy;

	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != '\r' || i + 1 == s.len || s.p[i + 1] != '\n')
			hm_buf_putc(&out, s.p[i]);
	copy = hm_str_dup(t->arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return copy.p != NULL ? copy : HM_STR("");
}

struct pattern {
	struct hm_buf text;            /* as an extended regular expression */
	struct hm_str takes[MAX_GROUPS]; /* the variable of a group, or absent */
	size_t groups;
};

static void
add_literal(struct pattern *p, struct hm_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (strchr(".[]{}()\\*+?|^$", s.p[i]) != NULL && s.p[i] != '\0')
			hm_buf_putc(&p->text, '\\');
		hm_buf_putc(&p->text, s.p[i]);
	}
}

/* What a variable without a value takes: no blank, no bracket of IMAP's. */
static void
add_taker(struct pattern *p, struct hm_str name)
{
	hm_buf_puts(&p->text, "([^][ (){}<>\"\r\n]+)");
	if (++p->groups < MAX_GROUPS)
		p->takes[p->groups] = name;
}

static size_t
add_variable(struct mt *t, struct pattern *p, struct hm_str text, bool regex)
{
	size_t used;
	struct hm_str name = variable_name(text, &used);
	struct mt_var *v = find_set(t, name);

	if (hm_str_chr(name, '$') >= 0)
		v = find_set(t, mt_expand(t, name));
	if (text.len > 1 && text.p[1] == '$') {
		hm_buf_puts(&p->text, "\\$");
		return 2;
	}
	if (name.len == 0) {
		hm_buf_puts(&p->text, regex ? "$" : "\\$");
		return 1;
	}
	if (v != NULL)
		add_literal(p, v->value);
	else
		add_taker(p, name);
	return used;
}

/* The part between the slashes; groups of the author's are counted. */
static void
read_regex(struct mt *t, struct pattern *p, struct hm_str s)
{
	bool set = false;

	while (s.len > 0) {
		size_t n = 1;

		if (s.p[0] == '\\' && s.len > 1) {
			n = 2;
			if (s.p[1] == 'n' || s.p[1] == 't')
				hm_buf_putc(&p->text, s.p[1] == 'n' ? '\n' : '\t');
			else
				hm_buf_str(&p->text, hm_str_take(s, n));
		} else if (s.p[0] == '$' && !set) {
			n = add_variable(t, p, s, true);
		} else {
			if (s.p[0] == '[')
				set = true;
			else if (s.p[0] == ']')
				set = false;
			else if (s.p[0] == '(' && !set)
				p->groups++;
			hm_buf_putc(&p->text, s.p[0]);
		}
		s = hm_str_skip(s, n);
	}
}

static void
read_prefix(struct mt *t, struct pattern *p, struct hm_str s)
{
	hm_buf_putc(&p->text, '^');
	while (s.len > 0) {
		size_t n = 1;

		if (s.p[0] == '$')
			n = add_variable(t, p, s, false);
		else
			add_literal(p, hm_str_take(s, 1));
		s = hm_str_skip(s, n);
	}
}

static bool
execute(struct mt *t, struct pattern *p, int flags, struct hm_str text)
{
	regmatch_t at[MAX_GROUPS];
	char why[200];
	regex_t regex;
	int r = regcomp(&regex, p->text.p != NULL ? p->text.p : "",
	    REG_EXTENDED | flags);

	if (r != 0) {
		regerror(r, &regex, why, sizeof(why));
		mt_fail(t, "/%s/: %s", p->text.p, why);
		return false;
	}
	at[0].rm_so = 0;
	at[0].rm_eo = (regoff_t)text.len;
	r = regexec(&regex, text.p != NULL ? text.p : "", MAX_GROUPS, at,
	    REG_STARTEND);
	regfree(&regex);
	if (r != 0)
		return false;
	for (size_t i = 1; i <= p->groups && i < MAX_GROUPS; i++)
		if (p->takes[i].p != NULL && at[i].rm_so >= 0)
			mt_set(t, p->takes[i], hm_str_n(text.p + at[i].rm_so,
			    (size_t)(at[i].rm_eo - at[i].rm_so)));
	return true;
}

bool
mt_matches(struct mt *t, struct hm_str pattern, struct hm_str text)
{
	struct pattern p = { .groups = 0 };
	bool fold = hm_str_ends(pattern, HM_STR("/i")), good;
	ssize_t end = hm_str_rchr(pattern, '/');

	if (pattern.len > 1 && pattern.p[0] == '/' && end > 0 &&
	    (size_t)end + (fold ? 2 : 1) == pattern.len) {
		read_regex(t, &p, hm_str_n(pattern.p + 1, (size_t)end - 1));
		good = execute(t, &p, fold ? REG_ICASE : 0, text);
	} else {
		read_prefix(t, &p, pattern);
		good = execute(t, &p, 0, text);
	}
	hm_buf_release(&p.text);
	return good;
}
