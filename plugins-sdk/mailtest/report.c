/* report.c - results as TAP, failures with all that led to them. */
#include <stdarg.h>
#include <stdio.h>

#include "mailtest.h"

/* One line; '#' would begin a directive, so it is not allowed in names. */
static void
print_name(const char *fmt, va_list ap)
{
	char name[400];

	vsnprintf(name, sizeof(name), fmt, ap);
	for (char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == '#')
			*p = '?';
	fputs(name, stdout);
}

/* The statement, and those that it is used by. */
static void
mt_where(const struct mt *t)
{
	if (t->stmt == NULL) {
		mt_diag("at the end of the scenario");
		return;
	}
	mt_diag("%s:%u: %.*s", t->stmt->path, t->stmt->line,
	    HM_FMT(t->stmt->text));
	for (size_t i = t->nloops; i-- > 0; ) {
		const struct mt_loop *loop = &t->loops[i];
		const struct mt_stmt *user;

		if (loop->back > 0) {
			user = &t->script.at[loop->back - 1];
			mt_diag("  used at %s:%u: %.*s", user->path, user->line,
			    HM_FMT(user->text));
		} else {
			mt_diag("  in round %llu of %llu",
			    (unsigned long long)loop->round,
			    (unsigned long long)loop->rounds);
		}
	}
}

static void
result(struct mt *t, bool good, const char *fmt, va_list ap)
{
	printf("%sok %u - ", good ? "" : "not ", ++t->count);
	print_name(fmt, ap);
	putchar('\n');
	if (!good) {
		t->failed = true;
		mt_where(t);
	}
}

bool
mt_ok(struct mt *t, bool good, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result(t, good, fmt, ap);
	va_end(ap);
	return good;
}

void
mt_fail(struct mt *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result(t, false, fmt, ap);
	va_end(ap);
}

void
mt_diag(const char *fmt, ...)
{
	va_list ap;

	fputs("#   ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* Bytes as text, each line of them on a line of its own. */
void
mt_diag_text(const char *label, struct hm_str text)
{
	enum { SHOWN = 8000 };
	struct hm_str rest = hm_str_take(text, SHOWN);
	bool cut = rest.len < text.len;

	do {
		struct hm_str line = hm_str_split(&rest, '\n');

		if (rest.p != NULL && rest.len == 0 && line.len == 0)
			break;
		printf("#   %s", label);
		for (size_t i = 0; i < line.len; i++) {
			unsigned char c = (unsigned char)line.p[i];

			if (c == '\r' && i + 1 == line.len)
				continue;
			if (c < ' ' && c != '\t')
				printf("\\x%02x", c);
			else
				putchar(c);
		}
		putchar('\n');
	} while (rest.p != NULL && rest.len > 0);
	if (cut)
		printf("#   %s… (%zu bytes in all)\n", label, text.len);
}

/* The last lines of a text. */
static struct hm_str
tail(struct hm_str text, unsigned lines)
{
	size_t at = text.len;

	while (at > 0 && (text.p[at - 1] != '\n' || at == text.len ||
	    --lines > 0))
		at--;
	return hm_str_skip(text, at);
}

static void
show_peer(const struct mt_peer *peer, unsigned lines)
{
	struct hm_str all = hm_buf_view(&peer->transcript);
	struct hm_str shown = tail(all, lines);

	if (all.len == 0)
		return;
	mt_diag("---- %s%s", peer->name,
	    shown.len < all.len ? " (the last of it)" : "");
	mt_diag_text("", shown);
}

void
mt_show(struct mt *t, const struct mt_peer *first)
{
	enum { ALL = 200, SOME = 10 };
	const struct mt_peer *peer;
	const struct mt_log_line *line;

	if (first != NULL)
		show_peer(first, ALL);
	for (peer = t->peers; peer != NULL; peer = peer->next)
		if (peer != first)
			show_peer(peer, first != NULL ? SOME : ALL);
	if (t->log != NULL)
		mt_diag("---- log");
	for (line = t->log; line != NULL; line = line->next)
		mt_diag("%6lld.%03d %.*s",
		    (long long)((line->at_ms - t->began_ms) / 1000),
		    (int)((line->at_ms - t->began_ms) % 1000),
		    HM_FMT(line->text));
}
