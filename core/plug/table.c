/* table.c - listings: columns for people, objects for programs. */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/str.h>

#include "cmd.h"

enum {
	MAX_COLUMNS = 20,
	BATCH_ROWS = 1000,             /* aligned together */
};

struct hm_cmd_table {
	struct hm_cmd *cmd;
	const char *const *columns;
	size_t n_columns;
	struct hm_arena *arena;        /* of the batch */
	struct hm_str **rows;
	size_t n_rows;                 /* in the batch */
	bool any;                      /* a row was written before */
};

struct hm_cmd_table *
hm_cmd_table(struct hm_cmd *cmd, const char *const *columns)
{
	struct hm_cmd_table *t = hm_new(cmd->arena, struct hm_cmd_table);

	t->cmd = cmd;
	t->columns = columns;
	while (columns[t->n_columns] != NULL && t->n_columns < MAX_COLUMNS)
		t->n_columns++;
	t->arena = hm_arena_new(cmd->arena, "table");
	t->rows = hm_alloc_array(cmd->arena, BATCH_ROWS, sizeof(*t->rows));
	return t;
}

/* ---- for programs ---- */

static void
json_key(struct hm_buf *out, const char *column)
{
	hm_buf_putc(out, '"');
	for (; *column != '\0'; column++) {
		char c = *column;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		hm_buf_putc(out, c == ' ' || c == '-' ? '_' : c);
	}
	hm_buf_puts(out, "\": ");
}

static void
json_row(struct hm_cmd_table *t, const struct hm_str *cells)
{
	struct hm_buf out = { 0 };

	hm_buf_puts(&out, t->any ? ",\n{" : "[\n{");
	for (size_t i = 0; i < t->n_columns; i++) {
		hm_buf_puts(&out, i ? ", " : "");
		json_key(&out, t->columns[i]);
		hm_json_str(&out, cells[i]);
	}
	hm_buf_putc(&out, '}');
	hm_cmd_write(t->cmd, hm_buf_view(&out));
	hm_buf_release(&out);
	t->any = true;
}

/* ---- for people ---- */

/* Columns on a terminal: one for each code point is good enough here. */
static size_t
width(struct hm_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			n++;
	return n;
}

/* Nothing that a stranger named may steer the terminal. */
static struct hm_str
printable(struct hm_arena *arena, struct hm_str s)
{
	struct hm_str copy = hm_str_dup(arena, s);
	char *p = (char *)copy.p;
	bool valid = hm_utf8_valid(s);

	for (size_t i = 0; i < copy.len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x20 || c == 0x7f || (c >= 0x80 && !valid))
			p[i] = '?';
	}
	return copy;
}

static void
text_row(const struct hm_cmd_table *t, struct hm_buf *out,
    const struct hm_str *cells, const size_t *widths)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		hm_buf_str(out, cells[i]);
		for (size_t n = width(cells[i]); i + 1 < t->n_columns &&
		    n < widths[i] + 2; n++)
			hm_buf_putc(out, ' ');
	}
	while (out->len > 0 && out->p[out->len - 1] == ' ')
		out->len--;
	hm_buf_putc(out, '\n');
}

static void
text_batch(struct hm_cmd_table *t)
{
	struct hm_str head[MAX_COLUMNS];
	size_t widths[MAX_COLUMNS];
	struct hm_buf out = { 0 };

	for (size_t i = 0; i < t->n_columns; i++) {
		head[i] = hm_str(t->columns[i]);
		widths[i] = width(head[i]);
		for (size_t r = 0; r < t->n_rows; r++)
			if (width(t->rows[r][i]) > widths[i])
				widths[i] = width(t->rows[r][i]);
	}
	if (!t->any)
		text_row(t, &out, head, widths);
	for (size_t r = 0; r < t->n_rows; r++)
		text_row(t, &out, t->rows[r], widths);
	hm_cmd_write(t->cmd, hm_buf_view(&out));
	hm_buf_release(&out);
	t->any = true;
	t->n_rows = 0;
	hm_arena_clear(t->arena);
}

void
hm_cmd_row(struct hm_cmd_table *t, const struct hm_str *cells)
{
	struct hm_str *row;

	if (t->cmd->json) {
		json_row(t, cells);
		return;
	}
	row = hm_alloc_array(t->arena, t->n_columns, sizeof(*row));
	for (size_t i = 0; i < t->n_columns; i++)
		row[i] = printable(t->arena, cells[i]);
	t->rows[t->n_rows++] = row;
	if (t->n_rows == BATCH_ROWS)
		text_batch(t);
}

void
hm_cmd_table_end(struct hm_cmd_table *t)
{
	if (t->cmd->json)
		hm_cmd_write(t->cmd, t->any ? HM_STR("\n]\n") : HM_STR("[]\n"));
	else if (t->n_rows > 0 || !t->any)
		text_batch(t);
	hm_arena_free(t->arena);
}
