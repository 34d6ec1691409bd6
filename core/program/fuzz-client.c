/* fuzz-client.c - what a server may answer on the control socket. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "core/serve/wire.h"

#include "client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 60000 };

static void
put_frame(struct hm_buf *out, struct hm_str line)
{
	unsigned char header[HM_WIRE_HEADER];

	if (line.len == 0)
		return;
	hm_wire_put_header(header, (enum hm_wire_type)line.p[0],
	    (uint32_t)line.len - 1);
	hm_buf_add(out, (char *)header, sizeof(header));
	hm_buf_str(out, hm_str_skip(line, 1));
}

/* The standard streams lead nowhere meanwhile. */
static void
swap_streams(int saved[3], int null)
{
	fflush(stdout);
	for (int i = 0; i < 3; i++) {
		saved[i] = dup(i);
		dup2(null, i);
	}
}

static void
restore_streams(const int saved[3])
{
	fflush(stderr);
	for (int i = 0; i < 3; i++) {
		dup2(saved[i], i);
		close(saved[i]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const words[] = { "account", "list" };
	struct hm_str in = hm_str_n((const char *)data, size);
	bool raw = size > 0 && data[0] == 'r';
	struct hm_buf out = { 0 };
	struct hm_err err = { 0 };
	int fds[2], saved[3], null, r;

	signal(SIGPIPE, SIG_IGN);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		abort();
	in = hm_str_take(hm_str_skip(in, 1), INPUT_MAX / 6);
	while (!raw && in.p != NULL && in.len > 0)
		put_frame(&out, hm_str_split(&in, '\n'));
	if (raw)
		hm_buf_str(&out, in);
	/* At once: what a socket holds goes by packets, too. */
	if (out.len > 0 && write(fds[0], out.p, out.len) != (ssize_t)out.len)
		abort();
	hm_buf_release(&out);
	shutdown(fds[0], SHUT_WR);
	/* Nobody reads what the client says: it must not wait for that. */
	fcntl(fds[1], F_SETFL, O_NONBLOCK);

	swap_streams(saved, null);
	r = hm_control_converse(fds[1], 2, words, &err);
	restore_streams(saved);
	if (r > 255 || (r < 0 && err.code == 0))
		abort();
	close(fds[0]);
	close(fds[1]);
	close(null);
	return 0;
}
