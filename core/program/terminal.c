/* terminal.c - commands that run in the calling process itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>
#include <hermod/work.h>

#include "core/plug/cmd.h"

#include "client.h"
#include "terminal.h"

static int
terminal_put(struct hm_cmd_io *io, enum hm_channel channel,
    struct hm_str bytes)
{
	struct hm_terminal *terminal = (struct hm_terminal *)io;
	bool progress = channel == HM_CHANNEL_PROGRESS;
	FILE *out = channel == HM_CHANNEL_OUT ? stdout : stderr;

	if (progress && !isatty(STDERR_FILENO))
		return 0;
	if (terminal->progress > 0 && !progress) {
		fprintf(stderr, "\r%*s\r", (int)terminal->progress, "");
		terminal->progress = 0;
	}
	if (progress) {
		fprintf(stderr, "\r%*s\r%.*s", (int)terminal->progress, "",
		    HM_FMT(bytes));
		terminal->progress = bytes.len;
		return 0;
	}
	return fwrite(bytes.p, 1, bytes.len, out) == bytes.len ? 0 : -HM_EIO;
}

struct question {
	const char *prompt;
	unsigned flags;
	struct hm_buf *ret;
	struct hm_err *reterr;
};

static int
ask_job(void *arg)
{
	struct question *q = arg;

	return hm_terminal_ask(q->prompt, q->flags, q->ret, q->reterr);
}

static int
terminal_ask(struct hm_cmd_io *io, const char *prompt, unsigned flags,
    struct hm_buf *ret, struct hm_err *reterr)
{
	struct question q = { prompt, flags, ret, reterr };

	(void)io;
	return hm_work(ask_job, &q);
}

static int
read_job(void *arg)
{
	struct hm_buf *ret = arg;
	ssize_t n;

	hm_buf_reserve(ret, 65536);
	do {
		n = read(STDIN_FILENO, ret->p + ret->len, 65535);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -HM_EIO : -HM_EEOF;
	ret->len += (size_t)n;
	ret->p[ret->len] = '\0';
	return 0;
}

static int
terminal_read(struct hm_cmd_io *io, struct hm_buf *ret)
{
	(void)io;
	return hm_work(read_job, ret);
}

void
hm_terminal_init(struct hm_terminal *terminal)
{
	*terminal = (struct hm_terminal){ .io = { terminal_put, terminal_ask,
	    terminal_read } };
}
