/* client.c - the calling side of the control socket, and the terminal.
 *
 * Plain blocking calls: this process has nothing else to do.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "core/plug/cmd.h"
#include "core/serve/wire.h"

#include "client.h"

/* ---- the terminal ---- */

/* Byte by byte: what follows the line belongs to the command's input. */
static int
read_answer_line(int fd, struct hm_buf *ret)
{
	char c;
	ssize_t n;

	for (;;) {
		n = read(fd, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ret->len > 0 ? 0 : -HM_EEOF;
		if (c == '\n')
			break;
		if (ret->len >= 4096)
			return -HM_ELIMIT;
		hm_buf_putc(ret, c);
	}
	if (ret->len > 0 && ret->p[ret->len - 1] == '\r')
		ret->p[--ret->len] = '\0';
	return 0;
}

static int
ask_once(const char *prompt, const char *again, bool secret,
    struct hm_buf *ret)
{
	struct termios old, quiet;
	int r;

	fprintf(stderr, "%s%s", prompt, again);
	fflush(stderr);
	if (!secret || tcgetattr(STDIN_FILENO, &old) < 0)
		return read_answer_line(STDIN_FILENO, ret);
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	r = read_answer_line(STDIN_FILENO, ret);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	return r;
}

static int
confirm(const char *prompt, unsigned flags, struct hm_buf *first,
    struct hm_err *reterr)
{
	struct hm_buf second = { 0 };
	int r = ask_once(prompt, "(again) ", flags & HM_ASK_SECRET, &second);

	if (r == 0 && !hm_str_eq(hm_buf_view(first), hm_buf_view(&second)))
		r = hm_err_set(reterr, -HM_EINVAL, "the two answers differ");
	else if (r < 0)
		hm_err_set(reterr, r, "no answer was given");
	if (second.p != NULL)
		hm_wipe(second.p, second.len);
	hm_buf_release(&second);
	return r;
}

int
hm_terminal_ask(const char *prompt, unsigned flags, struct hm_buf *ret,
    struct hm_err *reterr)
{
	int r;

	if (!isatty(STDIN_FILENO)) {
		r = read_answer_line(STDIN_FILENO, ret);
		if (r < 0)
			hm_err_set(reterr, r, "no answer on standard input");
		return r;
	}
	r = ask_once(prompt, "", flags & HM_ASK_SECRET, ret);
	if (r < 0)
		return hm_err_set(reterr, r, "no answer was given");
	if (flags & HM_ASK_CONFIRM)
		return confirm(prompt, flags, ret, reterr);
	return 0;
}

/* ---- frames ---- */

static int
write_all(int fd, const void *p, size_t len)
{
	const char *at = p;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -HM_EIO;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
read_all(int fd, void *p, size_t len)
{
	char *at = p;

	while (len > 0) {
		ssize_t n = read(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -HM_EEOF;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
send_frame(int fd, enum hm_wire_type type, const void *p, size_t len)
{
	unsigned char header[HM_WIRE_HEADER];

	if (len > HM_WIRE_FRAME_MAX)
		return -HM_ELIMIT;
	hm_wire_put_header(header, type, (uint32_t)len);
	if (write_all(fd, header, sizeof(header)) < 0)
		return -HM_EIO;
	return write_all(fd, p, len);
}

static int
read_frame(int fd, unsigned char *ret_type, struct hm_buf *ret)
{
	unsigned char header[HM_WIRE_HEADER];
	uint32_t len;

	if (read_all(fd, header, sizeof(header)) < 0)
		return -HM_EEOF;
	len = hm_wire_len(header);
	if (len > HM_WIRE_FRAME_MAX)
		return -HM_ELIMIT;
	hm_buf_clear(ret);
	hm_buf_reserve(ret, len + 1);
	if (read_all(fd, ret->p, len) < 0)
		return -HM_EEOF;
	ret->len = len;
	ret->p[len] = '\0';
	*ret_type = header[0];
	return 0;
}

/* ---- the conversation ---- */

static int
connect_to(const char *path, struct hm_err *reterr)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, saved;

	if (strlen(path) >= sizeof(addr.sun_path))
		return hm_err_set(reterr, -HM_ENOENT,
		    "the path of the control socket is too long: %s", path);
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return hm_err_errno(reterr, errno, "socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	saved = errno;
	close(fd);
	if (saved == ENOENT || saved == ECONNREFUSED || saved == ENOTDIR)
		return hm_err_set(reterr, -HM_ENOENT,
		    "the server is not running (nobody listens on %s)", path);
	return hm_err_errno(reterr, saved, "control socket %s", path);
}

static int
send_words(int fd, size_t argc, const char *const *argv)
{
	for (size_t i = 0; i < argc; i++) {
		int r = send_frame(fd, HM_WIRE_ARG, argv[i], strlen(argv[i]));

		if (r < 0)
			return r;
	}
	return send_frame(fd, HM_WIRE_GO, "", 0);
}

static int
answer_question(int fd, const struct hm_buf *frame)
{
	struct hm_buf line = { 0 };
	struct hm_err err = { 0 };
	int r;

	if (frame->len < 1)
		return -HM_ESYNTAX;
	r = hm_terminal_ask(frame->p + 1, (unsigned char)frame->p[0], &line,
	    &err);
	if (r < 0 && err.code == -HM_EINVAL)
		fprintf(stderr, "hermod: %s\n", err.text);
	r = r < 0 ? send_frame(fd, HM_WIRE_END, "", 0) :
	    send_frame(fd, HM_WIRE_INPUT, line.p != NULL ? line.p : "",
	    line.len);
	if (line.p != NULL)
		hm_wipe(line.p, line.len);
	hm_buf_release(&line);
	return r;
}

static int
send_input(int fd)
{
	char *chunk = hm_xalloc(HM_WIRE_FRAME_MAX);
	ssize_t n;
	int r;

	do {
		n = read(STDIN_FILENO, chunk, HM_WIRE_FRAME_MAX);
	} while (n < 0 && errno == EINTR);
	r = n <= 0 ? send_frame(fd, HM_WIRE_END, "", 0) :
	    send_frame(fd, HM_WIRE_INPUT, chunk, (size_t)n);
	free(chunk);
	return r;
}

/* Progress overwrites itself, and goes before other words come. */
static void
show_progress(struct hm_str text, size_t *shown)
{
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%.*s", HM_FMT(text));
	for (size_t i = text.len; i < *shown; i++)
		fputc(' ', stderr);
	fputc('\r', stderr);
	fflush(stderr);
	*shown = text.len;
}

static int
one_frame(int fd, unsigned char type, const struct hm_buf *frame,
    size_t *progress)
{
	if (*progress > 0 && type != HM_WIRE_PROGRESS)
		show_progress(HM_STR(""), progress);
	switch (type) {
	case HM_WIRE_OUT:
		return write_all(STDOUT_FILENO, frame->p, frame->len);
	case HM_WIRE_ERR:
		return write_all(STDERR_FILENO, frame->p, frame->len);
	case HM_WIRE_PROGRESS:
		show_progress(hm_buf_view(frame), progress);
		return 0;
	case HM_WIRE_ASK:
		return answer_question(fd, frame);
	case HM_WIRE_WANT:
		return send_input(fd);
	default:
		return -HM_ESYNTAX;
	}
}

static int
converse(int fd, struct hm_buf *frame, struct hm_err *reterr)
{
	unsigned char type = 0;
	size_t progress = 0;
	int r;

	while ((r = read_frame(fd, &type, frame)) == 0) {
		if (type == HM_WIRE_EXIT && frame->len == 1)
			return (unsigned char)frame->p[0];
		if ((r = one_frame(fd, type, frame, &progress)) < 0)
			break;
	}
	/* "| head" has seen enough: no reason to complain. */
	if (r == -HM_EIO && errno == EPIPE && type == HM_WIRE_OUT)
		return HM_EXIT_NO;
	return hm_err_set(reterr, r == -HM_ENOENT ? -HM_EIO : r,
	    "the conversation with the server broke off (%s)", hm_err_name(r));
}

static int
check_hello(int fd, struct hm_buf *frame, struct hm_err *reterr)
{
	struct hm_str hello, want = HM_STR("hermod ctl 1 ");
	unsigned char type;
	int r = read_frame(fd, &type, frame);

	if (r < 0)
		return hm_err_set(reterr, -HM_EIO, "the server closed the "
		    "control socket: this user may not use it, or too many do");
	hello = hm_buf_view(frame);
	if (type != HM_WIRE_HELLO || !hm_str_starts(hello, want))
		return hm_err_set(reterr, -HM_EUNSUPPORTED, "the running server "
		    "is of another version; restart it");
	return 0;
}

int
hm_control_converse(int fd, size_t argc, const char *const *argv,
    struct hm_err *reterr)
{
	struct hm_buf frame = { 0 };
	int r = check_hello(fd, &frame, reterr);

	if (r == 0 && send_words(fd, argc, argv) < 0)
		r = hm_err_set(reterr, -HM_EIO, "the server does not take the "
		    "command: too long?");
	if (r == 0)
		r = converse(fd, &frame, reterr);
	hm_buf_release(&frame);
	return r;
}

int
hm_control_call(const char *path, size_t argc, const char *const *argv,
    struct hm_err *reterr)
{
	int fd = connect_to(path, reterr), r;

	if (fd < 0)
		return fd;
	signal(SIGPIPE, SIG_IGN);
	r = hm_control_converse(fd, argc, argv, reterr);
	close(fd);
	return r;
}
