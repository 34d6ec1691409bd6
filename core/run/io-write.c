/* io-write.c - buffered streams: writing and closing. */
#include "io-private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/err.h>

enum {
	CLOSE_MS = 5000,           /* for the last bytes of a stream */
	LINGER_MS = 500,           /* for a peer that was still sending */
	LINGER_BYTES = 256 * 1024,
};

ssize_t
hm_io_send(struct hm_io *io, const void *p, size_t len)
{
	ssize_t n = io->tls ? hm_tls_send(io, p, len) :
	    io->base->send(io, p, len);

	if (n > 0 && io->extra && io->extra->trace)
		io->extra->trace(true, (struct hm_str){ p, (size_t)n },
		    io->extra->trace_arg);
	return n;
}

/* Sends as much as goes, waiting as long as the peer takes some from time to
 * time. *ret_sent tells how far it came, in failure as well. */
static int
send_all(struct hm_io *io, const char *p, size_t len, size_t *ret_sent)
{
	int64_t until = 0;
	size_t sent = 0;
	int rc = 0;

	while (sent < len && rc == 0) {
		ssize_t n = hm_io_send(io, p + sent, len - sent);

		if (n > 0) {
			sent += (size_t)n;
			until = 0;
		} else if (n == IO_WAIT_READ || n == IO_WAIT_WRITE) {
			if (!until)
				until = hm_until(io->write_ms);
			rc = hm_io_await(io, n == IO_WAIT_WRITE, until);
			if (rc == -HM_ETIMEDOUT)
				io->wr_err = rc;
		} else {
			rc = io->wr_err = n == 0 ? -HM_EIO : (int)n;
		}
	}
	*ret_sent = sent;
	return rc;
}

int
hm_io_flush_now(struct hm_io *io)
{
	struct hm_io_buf *out = &io->out;
	size_t sent;
	int rc;

	if (io->wr_err)
		return io->wr_err;
	if (out->len == 0)
		return 0;
	rc = send_all(io, out->p + out->off, out->len, &sent);
	out->off += sent;
	out->len -= sent;
	if (out->len == 0)
		hm_io_buf_release(out);
	return rc;
}

/* One byte after the other, as long as the whole stays below the limit. */
static int
flush_slowly(struct hm_io *io)
{
	int64_t end = hm_now_ms() + io->extra->slow_max_ms;
	int step = io->extra->slow_ms_per_byte;
	struct hm_io_buf *out = &io->out;
	int rc = 0;

	while (out->len > 1 && rc == 0 && hm_now_ms() + step <= end) {
		size_t sent;

		rc = send_all(io, out->p + out->off, 1, &sent);
		out->off += sent;
		out->len -= sent;
		if (rc == 0)
			rc = hm_sleep(step);
	}
	return rc != 0 ? rc : hm_io_flush_now(io);
}

int
hm_io_flush(struct hm_io *io)
{
	if (io->wr_err)
		return io->wr_err;
	if (io->extra && io->extra->slow_ms_per_byte)
		return flush_slowly(io);
	return hm_io_flush_now(io);
}

static void
collect(struct hm_io_buf *out, const char *p, size_t len)
{
	memcpy(out->p + out->off + out->len, p, len);
	out->len += len;
}

int
hm_io_write(struct hm_io *io, const void *p, size_t len)
{
	struct hm_io_buf *out = &io->out;
	const char *from = p;
	int rc = io->wr_err;

	while (len > 0 && rc == 0) {
		size_t room;

		if (out->len == 0 && len >= HM_CHUNK_BYTES && !io->extra) {
			rc = send_all(io, from, len, &room);
			/* What is left cannot be kept, so the stream ends. */
			if (rc != 0)
				io->wr_err = rc;
			break;
		}
		if (!out->p)
			hm_io_buf_room(out);
		room = out->cap - out->off - out->len;
		if (room > len)
			room = len;
		collect(out, from, room);
		from += room;
		len -= room;
		if (out->off + out->len == out->cap)
			rc = hm_io_flush(io);
	}
	return rc;
}

int
hm_io_puts(struct hm_io *io, const char *s)
{
	return hm_io_write(io, s, strlen(s));
}

int
hm_io_str(struct hm_io *io, struct hm_str s)
{
	return hm_io_write(io, s.p, s.len);
}

int
hm_io_printf(struct hm_io *io, const char *fmt, ...)
{
	char small[512];
	va_list ap;
	int n, rc;
	char *p;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		return -HM_EINVAL;
	if ((size_t)n < sizeof(small))
		return hm_io_write(io, small, (size_t)n);
	p = hm_xalloc((size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	rc = hm_io_write(io, p, (size_t)n);
	free(p);
	return rc;
}

/* Closing a socket with unread bytes resets the connection, and the reset may
 * overtake our last reply; so read on for a moment if the peer was sending. */
static void
linger(struct hm_io *io)
{
	int64_t until = hm_until(LINGER_MS);
	size_t total = io->in.len;
	char *chunk = hm_chunk_get();

	io->drained = false;
	while (total < LINGER_BYTES) {
		ssize_t n = io->base->recv(io, chunk, HM_CHUNK_BYTES);

		if (n > 0)
			total += (size_t)n;
		else if (n != IO_WAIT_READ || total == 0 ||
		    hm_io_await(io, false, until) != 0)
			break;
	}
	hm_chunk_put(chunk);
}

void
hm_io_close(struct hm_io *io)
{
	if (!io)
		return;
	if (io->write_ms < 0 || io->write_ms > CLOSE_MS)
		io->write_ms = CLOSE_MS;
	if (!io->wr_err && hm_io_flush(io) == 0) {
		if (io->tls)
			hm_tls_bye(io, hm_until(CLOSE_MS));
		if (!io->rd_err) {
			io->base->shut(io);
			linger(io);
		}
	}
	hm_io_abort(io);
}
