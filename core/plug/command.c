/* command.c - what a command may do: its arguments, its words, its questions. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/fiber.h>
#include <hermod/str.h>

#include "core/conf/errs.h"

#include "cmd.h"

struct hm_mod *
hm_cmd_mod(struct hm_cmd *cmd)
{
	return cmd->mod;
}

struct hm_arena *
hm_cmd_arena(struct hm_cmd *cmd)
{
	return cmd->arena;
}

size_t
hm_cmd_argc(const struct hm_cmd *cmd)
{
	return cmd->n_args;
}

const char *
hm_cmd_arg(const struct hm_cmd *cmd, size_t i)
{
	return i < cmd->n_args ? cmd->args[i] : NULL;
}

const char *
hm_cmd_flag(const struct hm_cmd *cmd, const char *name)
{
	/* The last one counts, as people expect who edit a line. */
	for (size_t i = cmd->n_flags; i-- > 0; )
		if (strcmp(cmd->flags[i].name, name) == 0)
			return cmd->flags[i].value;
	return NULL;
}

bool
hm_cmd_json(const struct hm_cmd *cmd)
{
	return cmd->json;
}

/* ---- words ---- */

static void
put(struct hm_cmd *cmd, enum hm_channel channel, struct hm_str bytes)
{
	if (cmd->gone || bytes.len == 0)
		return;
	if (cmd->io->put(cmd->io, channel, bytes) == 0)
		return;
	/* Nobody reads the answer: end the command at its next wait. */
	cmd->gone = true;
	if (hm_fiber_self() != NULL)
		hm_fiber_cancel(hm_fiber_self());
}

static void
vput(struct hm_cmd *cmd, enum hm_channel channel, const char *before,
    const char *fmt, va_list ap)
{
	struct hm_buf buf = { 0 };
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	hm_buf_puts(&buf, before);
	if (n > 0) {
		hm_buf_reserve(&buf, (size_t)n + 1);
		vsnprintf(buf.p + buf.len, (size_t)n + 1, fmt, again);
		buf.len += (size_t)n;
	}
	va_end(again);
	if (before[0] != '\0')
		hm_buf_putc(&buf, '\n');
	put(cmd, channel, hm_buf_view(&buf));
	hm_buf_release(&buf);
}

void
hm_cmd_write(struct hm_cmd *cmd, struct hm_str bytes)
{
	put(cmd, HM_CHANNEL_OUT, bytes);
}

void
hm_cmd_printf(struct hm_cmd *cmd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vput(cmd, HM_CHANNEL_OUT, "", fmt, ap);
	va_end(ap);
}

int
hm_cmd_error(struct hm_cmd *cmd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vput(cmd, HM_CHANNEL_ERR, "hermod: ", fmt, ap);
	va_end(ap);
	return HM_EXIT_NO;
}

int
hm_cmd_fail(struct hm_cmd *cmd, const struct hm_err *err)
{
	if (err->file[0] != '\0')
		return hm_cmd_error(cmd, "%s:%u:%u: %s", err->file, err->line,
		    err->col, err->text);
	return hm_cmd_error(cmd, "%s", err->text[0] != '\0' ? err->text :
	    hm_err_name(err->code));
}

int
hm_cmd_errs(struct hm_cmd *cmd, const struct hm_errs *errs)
{
	struct hm_buf buf = { 0 };

	hm_errs_print(errs, &buf);
	put(cmd, HM_CHANNEL_ERR, hm_buf_view(&buf));
	hm_buf_release(&buf);
	return HM_EXIT_NO;
}

void
hm_cmd_progress(struct hm_cmd *cmd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vput(cmd, HM_CHANNEL_PROGRESS, "", fmt, ap);
	va_end(ap);
}

/* ---- questions ---- */

int
hm_cmd_ask(struct hm_cmd *cmd, const char *prompt, bool secret, bool confirm,
    const char **ret, struct hm_err *reterr)
{
	struct hm_buf line = { 0 };
	unsigned flags = (secret ? HM_ASK_SECRET : 0) |
	    (confirm ? HM_ASK_CONFIRM : 0);
	int r = cmd->io->ask(cmd->io, prompt, flags, &line, reterr);

	if (r == 0 && line.len != 0 && memchr(line.p, '\0', line.len) != NULL)
		r = hm_err_set(reterr, -HM_EINVAL, "the answer has a NUL byte");
	if (r == 0)
		*ret = hm_strndup(cmd->arena, line.len ? line.p : "", line.len);
	if (secret && line.p != NULL)
		hm_wipe(line.p, line.len);
	hm_buf_release(&line);
	return r;
}

int
hm_cmd_read(struct hm_cmd *cmd, struct hm_buf *ret)
{
	return cmd->io->read(cmd->io, ret);
}
