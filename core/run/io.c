/* io.c - buffered streams: life, waiting, reading. */
#include "io-private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/str.h>

enum {
	TIMEOUT_MS = 30000,
	SETTLE_MS = 1000,      /* a longer wait gives back the stack's pages */
	DIRECT_BYTES = HM_CHUNK_BYTES,
};

/* ---- life ---- */

struct hm_io *
hm_io_new(const struct hm_io_base *base)
{
	struct hm_io *io = hm_xalloc(sizeof(*io));

	io->base = base;
	io->read_ms = TIMEOUT_MS;
	io->write_ms = TIMEOUT_MS;
	return io;
}

static void
io_free(struct hm_io *io)
{
	assert(!io->waiter && "closed while a fiber waits on it");
	if (io->tls)
		hm_tls_stream_free(io);
	io->base->close(io);
	hm_io_buf_release(&io->in);
	hm_io_buf_release(&io->out);
	free(io->extra);
	free(io->peer);
	free(io->local);
	free(io);
}

void
hm_io_abort(struct hm_io *io)
{
	if (io)
		io_free(io);
}

void
hm_io_timeouts(struct hm_io *io, int64_t read_ms, int64_t write_ms)
{
	io->read_ms = read_ms;
	io->write_ms = write_ms;
}

void
hm_io_set_peer(struct hm_io *io, const struct hm_sockaddr *peer)
{
	if (!io->peer)
		io->peer = hm_xalloc(sizeof(*io->peer));
	*io->peer = *peer;
}

void
hm_io_set_local(struct hm_io *io, const struct hm_sockaddr *local)
{
	if (!io->local)
		io->local = hm_xalloc(sizeof(*io->local));
	*io->local = *local;
}

const struct hm_sockaddr *
hm_io_peer(const struct hm_io *io)
{
	return io->peer;
}

const struct hm_sockaddr *
hm_io_local(const struct hm_io *io)
{
	/* Asked of the kernel only when somebody wants to know. */
	if (!io->local && io->peer && io->base->fill_local) {
		struct hm_sockaddr local = { 0 };

		io->base->fill_local((struct hm_io *)io, &local);
		hm_io_set_local((struct hm_io *)io, &local);
	}
	return io->local;
}

static struct hm_io_extra *
extra_of(struct hm_io *io)
{
	if (!io->extra)
		io->extra = hm_xalloc(sizeof(*io->extra));
	return io->extra;
}

void
hm_io_slow(struct hm_io *io, int ms_per_byte, int64_t max_ms)
{
	if (!ms_per_byte && !io->extra)
		return;
	extra_of(io)->slow_ms_per_byte = ms_per_byte;
	extra_of(io)->slow_max_ms = max_ms;
}

void
hm_io_trace(struct hm_io *io,
    void (*fn)(bool sent, struct hm_str bytes, void *arg), void *arg)
{
	extra_of(io)->trace = fn;
	extra_of(io)->trace_arg = arg;
}

/* ---- buffers ---- */

void
hm_io_buf_release(struct hm_io_buf *buf)
{
	if (buf->cap == HM_CHUNK_BYTES)
		hm_chunk_put(buf->p);
	else
		free(buf->p);
	*buf = (struct hm_io_buf){ 0 };
}

static void
buf_grow(struct hm_io_buf *buf)
{
	char *p = hm_xrealloc(NULL, buf->cap * 2);
	struct hm_io_buf old = *buf;

	memcpy(p, old.p + old.off, old.len);
	hm_io_buf_release(buf);
	*buf = (struct hm_io_buf){ p, 0, old.len, old.cap * 2 };
}

void
hm_io_buf_room(struct hm_io_buf *buf)
{
	if (!buf->p) {
		*buf = (struct hm_io_buf){ hm_chunk_get(), 0, 0, HM_CHUNK_BYTES };
		return;
	}
	if (buf->len == 0)
		buf->off = 0;
	if (buf->off + buf->len < buf->cap)
		return;
	if (buf->off == 0) {
		buf_grow(buf);
		return;
	}
	memmove(buf->p, buf->p + buf->off, buf->len);
	buf->off = 0;
}

static struct hm_str
take(struct hm_io *io, size_t len)
{
	struct hm_str s = { io->in.p + io->in.off, len };

	io->in.off += len;
	io->in.len -= len;
	io->scanned = 0;
	return s;
}

/* ---- waiting ---- */

static int
suspend(struct hm_io *io, struct hm_cond *cond, int64_t until_ms)
{
	int rc;

	io->waiter = hm_fiber_self();
	io->waits++;
	rc = cond ? hm_cond_wait_until(cond, until_ms) : hm_fiber_wait(until_ms);
	io->waiter = NULL;
	return rc;
}

/* Waits for the peer or the cond: 1, 0, or an error. A wait that lasts gives
 * back the stack's pages: most sessions idle most of their lives. */
static int
await(struct hm_io *io, struct hm_cond *cond, bool write, int64_t until_ms)
{
	int64_t settled = hm_clock_is_virtual() || write ? HM_NEVER :
	    hm_until(SETTLE_MS);
	int rc;

	if (io->base->arm(io, write))
		return 1;
	if (settled >= until_ms)
		return suspend(io, cond, until_ms);
	rc = suspend(io, cond, settled);
	if (rc != -HM_ETIMEDOUT || hm_fiber_check() != 0)
		return rc;
	hm_fiber_trim();
	if (io->base->arm(io, write))
		return 1;
	return suspend(io, cond, until_ms);
}

int
hm_io_await(struct hm_io *io, bool write, int64_t until_ms)
{
	int rc;

	if (!hm_fiber_self())
		return -HM_ECANCELED;
	rc = await(io, NULL, write, until_ms);
	return rc < 0 ? rc : 0;
}

ssize_t
hm_io_recv(struct hm_io *io, void *p, size_t len)
{
	ssize_t n = io->tls ? hm_tls_recv(io, p, len) :
	    io->base->recv(io, p, len);

	if (n > 0 && io->extra && io->extra->trace)
		io->extra->trace(false, (struct hm_str){ p, (size_t)n },
		    io->extra->trace_arg);
	return n;
}

/* Receives without waiting; 1: got something, or nothing will ever come. */
static int
try_fill(struct hm_io *io, ssize_t *ret_n)
{
	ssize_t n;

	hm_io_buf_room(&io->in);
	n = hm_io_recv(io, io->in.p + io->in.off + io->in.len,
	    io->in.cap - io->in.off - io->in.len);
	*ret_n = n;
	if (n > 0) {
		io->in.len += (size_t)n;
		return 1;
	}
	if (io->in.len == 0)
		hm_io_buf_release(&io->in);
	if (n == IO_WAIT_READ || n == IO_WAIT_WRITE)
		return 0;
	io->rd_err = n == 0 ? -HM_EEOF : (int)n;
	return 1;
}

static int
slow_read(struct hm_io *io)
{
	int rc;

	if (!io->extra || !io->extra->slow_ms_per_byte)
		return 0;
	rc = hm_io_flush(io);
	return rc == 0 ? hm_sleep(io->extra->slow_ms_per_byte) : rc;
}

/* Receives into the buffer at least one byte more than there is. */
static int
fill(struct hm_io *io)
{
	int64_t until = 0;
	ssize_t n;
	int rc;

	if (io->rd_err)
		return io->rd_err;
	rc = slow_read(io);
	if (rc == 0)
		rc = hm_fiber_breathe();
	while (rc == 0 && !try_fill(io, &n)) {
		if (io->out.len > 0) {
			rc = hm_io_flush(io);
			if (rc != 0)
				break;
		}
		if (!until)
			until = hm_until(io->read_ms);
		rc = hm_io_await(io, n == IO_WAIT_WRITE, until);
	}
	return rc != 0 ? rc : io->rd_err;
}

/* ---- reading ---- */

/* What a line of in's first len bytes (without its LF) is. */
static int
line_found(struct hm_io *io, size_t len, size_t max, struct hm_str *ret,
    bool *ret_crlf)
{
	const char *p = io->in.p + io->in.off;
	bool crlf = len > 0 && p[len - 1] == '\r';
	struct hm_str line;

	if (len - crlf > max)
		return -HM_ELIMIT;
	line = take(io, len + 1);
	line.len = len - crlf;
	*ret = line;
	if (ret_crlf)
		*ret_crlf = crlf;
	return 0;
}

int
hm_io_read_line(struct hm_io *io, size_t max, struct hm_str *ret_line,
    bool *ret_crlf)
{
	int rc;

	for (;;) {
		struct hm_io_buf *in = &io->in;

		if (in->len > io->scanned) {
			const char *p = in->p + in->off;
			const char *lf = memchr(p + io->scanned, '\n',
			    in->len - io->scanned);

			if (lf)
				return line_found(io, (size_t)(lf - p), max,
				    ret_line, ret_crlf);
			io->scanned = in->len;
		}
		/* max bytes and a CR may still become a line. */
		if (in->len > max && (in->len > max + 1 ||
		    in->p[in->off + max] != '\r'))
			return -HM_ELIMIT;
		rc = fill(io);
		if (rc != 0)
			return rc;
	}
}

int
hm_io_skip_line(struct hm_io *io, uint64_t max)
{
	int rc;

	for (;;) {
		const char *p = io->in.p + io->in.off;
		const char *lf = io->in.len ? memchr(p, '\n', io->in.len) : NULL;
		size_t len = lf ? (size_t)(lf - p) + 1 : io->in.len;

		if (len > max)
			return -HM_ELIMIT;
		max -= len;
		(void)take(io, len);
		if (lf)
			return 0;
		rc = fill(io);
		if (rc != 0)
			return rc;
	}
}

int
hm_io_read_some(struct hm_io *io, size_t max, struct hm_str *ret)
{
	int rc = hm_io_peek(io, ret);

	if (rc != 0)
		return rc;
	*ret = take(io, ret->len < max ? ret->len : max);
	return 0;
}

int
hm_io_peek(struct hm_io *io, struct hm_str *ret)
{
	int rc;

	if (io->in.len == 0) {
		rc = fill(io);
		if (rc != 0)
			return rc;
	}
	*ret = (struct hm_str){ io->in.p + io->in.off, io->in.len };
	return 0;
}

void
hm_io_consume(struct hm_io *io, size_t len)
{
	assert(len <= io->in.len);
	(void)take(io, len);
}

int
hm_io_read_full(struct hm_io *io, void *p, size_t len)
{
	char *to = p;
	int rc;

	while (len > 0) {
		struct hm_str s;
		ssize_t n;

		if (io->in.len == 0 && len >= DIRECT_BYTES && !io->rd_err &&
		    !io->extra) {
			n = hm_io_recv(io, to, len);
			if (n > 0) {
				to += n;
				len -= (size_t)n;
				rc = hm_fiber_breathe();
				if (rc != 0)
					return rc;
				continue;
			}
			if (n != IO_WAIT_READ && n != IO_WAIT_WRITE)
				return io->rd_err = n == 0 ? -HM_EEOF : (int)n;
		}
		rc = hm_io_read_some(io, len, &s);
		if (rc != 0)
			return rc;
		memcpy(to, s.p, s.len);
		to += s.len;
		len -= s.len;
	}
	return 0;
}

size_t
hm_io_buffered(const struct hm_io *io)
{
	return io->in.len;
}

bool
hm_io_ready(struct hm_io *io)
{
	return io->in.len > 0 || io->rd_err || (io->tls && hm_tls_pending(io)) ||
	    io->base->readable(io);
}

int
hm_io_wait(struct hm_io *io, struct hm_cond *cond, int64_t timeout_ms)
{
	int64_t until = hm_until(timeout_ms);
	unsigned waits = io->waits;
	ssize_t n;
	int rc;

	if (io->in.len > 0 || io->rd_err)
		return 1;
	/* Who will not wait gets no news from the loop. */
	if (timeout_ms == 0)
		io->drained = false;
	rc = hm_io_flush(io);
	if (rc != 0)
		return rc;
	/* While the flush was suspended a signal may have passed unseen. */
	if (cond && waits != io->waits)
		return 0;
	rc = hm_fiber_check();
	while (rc == 0) {
		/* Readable is not enough: in TLS it need not be data. */
		if (try_fill(io, &n))
			return 1;
		rc = await(io, cond, n == IO_WAIT_WRITE, until);
		if (rc == 0)
			return 0;
		rc = rc < 0 ? rc : 0;
	}
	return rc;
}
