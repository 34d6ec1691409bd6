/* io-pair.c - two connected streams in memory, for tests and simulation. */
#include "io-private.h"
#include "sim.h"
#include "sim-private.h"

#include <string.h>

#include <hermod/err.h>

enum { PAIR_BYTES = 64 * 1024 };   /* on the way in one direction */

static void
pair_wake(struct hm_io *io)
{
	if (io->waiter)
		hm_fiber_wake(io->waiter, 1);
}

static ssize_t
pair_recv(struct hm_io *io, void *p, size_t len)
{
	struct hm_io_pair *pair = &io->u.pair;
	size_t n = pair->rx.len < len ? pair->rx.len : len;

	if (n == 0)
		return pair->ended ? 0 : IO_WAIT_READ;
	if (pair->is_sim && hm_sim_fails(HM_SIM_READ))
		return -HM_EIO;
	memcpy(p, pair->rx.p, n);
	hm_buf_drop(&pair->rx, n);
	if (pair->rx.len == 0)
		hm_buf_release(&pair->rx);
	if (pair->other && pair->other->u.pair.wants_write)
		pair_wake(pair->other);
	return (ssize_t)n;
}

static ssize_t
pair_send(struct hm_io *io, const void *p, size_t len)
{
	struct hm_io_pair *pair = &io->u.pair;
	struct hm_io *other = pair->other;
	size_t room;

	if (!other)
		return -HM_EIO;
	room = PAIR_BYTES - other->u.pair.rx.len;
	if (room == 0)
		return IO_WAIT_WRITE;
	if (pair->is_sim && hm_sim_fails(HM_SIM_WRITE))
		return -HM_EIO;
	if (len > room)
		len = room;
	hm_buf_add(&other->u.pair.rx, p, len);
	if (other->u.pair.wants_read)
		pair_wake(other);
	return (ssize_t)len;
}

static bool
pair_readable(struct hm_io *io)
{
	return io->u.pair.rx.len > 0 || io->u.pair.ended;
}

static bool
pair_arm(struct hm_io *io, bool write)
{
	struct hm_io *other = io->u.pair.other;

	io->u.pair.wants_read = !write;
	io->u.pair.wants_write = write;
	return write ? !other || other->u.pair.rx.len < PAIR_BYTES :
	    pair_readable(io);
}

static void
pair_shut(struct hm_io *io)
{
	struct hm_io *other = io->u.pair.other;

	if (!other)
		return;
	other->u.pair.ended = true;
	pair_wake(other);
}

static void
pair_close(struct hm_io *io)
{
	struct hm_io *other = io->u.pair.other;

	pair_shut(io);
	if (other)
		other->u.pair.other = NULL;
	if (io->u.pair.is_sim)
		hm_sim_stream(-1);
	hm_buf_release(&io->u.pair.rx);
}

static const struct hm_io_base pair_base = {
	.recv = pair_recv,
	.send = pair_send,
	.arm = pair_arm,
	.readable = pair_readable,
	.shut = pair_shut,
	.close = pair_close,
};

void
hm_io_pair(struct hm_io **ret_a, struct hm_io **ret_b)
{
	struct hm_io *a = hm_io_new(&pair_base);
	struct hm_io *b = hm_io_new(&pair_base);

	a->u.pair.other = b;
	b->u.pair.other = a;
	*ret_a = a;
	*ret_b = b;
}
