/* io-private.h - the inside of a stream. Loop thread.
 *
 * Three layers: a base that moves raw bytes without waiting (descriptor, pair in
 * memory), TLS on top of it if started, and the buffers that users see.
 */
#ifndef HERMOD_RUN_IO_PRIVATE_H
#define HERMOD_RUN_IO_PRIVATE_H

#include <hermod/buf.h>
#include <hermod/io.h>
#include <hermod/net.h>

#include "fiber-private.h"
#include "loop.h"

/* What moving bytes may answer besides a count, 0 (end) and -HM_E…: wait until
 * the base can be read (written), then try again. */
enum {
	IO_WAIT_READ = -1001,
	IO_WAIT_WRITE = -1002,
};

struct hm_io_base {
	ssize_t (*recv)(struct hm_io *io, void *p, size_t len);
	ssize_t (*send)(struct hm_io *io, const void *p, size_t len);
	/* Wakes io->waiter with 1 when it is ready; true if it is already. */
	bool (*arm)(struct hm_io *io, bool write);
	bool (*readable)(struct hm_io *io);
	/* Ends the sending direction. */
	void (*shut)(struct hm_io *io);
	void (*close)(struct hm_io *io);
	void (*fill_local)(struct hm_io *io, struct hm_sockaddr *ret);
};

struct hm_io_buf {
	char *p;
	size_t off, len, cap;
};

/* Rarely used, so not part of each stream. */
struct hm_io_extra {
	int slow_ms_per_byte;
	int64_t slow_max_ms;
	void (*trace)(bool sent, struct hm_str bytes, void *arg);
	void *trace_arg;
};

struct hm_io_pair {
	struct hm_io *other;           /* NULL once it was closed */
	struct hm_buf rx;              /* sent by the other, not yet received */
	bool ended;                    /* the other will send no more */
	bool wants_read, wants_write;
	bool is_sim;                   /* part of the simulated network */
};

struct hm_io {
	const struct hm_io_base *base;
	struct hm_tls_stream *tls;
	struct hm_fiber *waiter;
	struct hm_io_buf in, out;
	size_t scanned;                /* bytes of in known to hold no LF */
	int64_t read_ms, write_ms;
	int rd_err, wr_err;            /* once failed, always failed */
	unsigned waits;                /* how often a fiber was suspended here */
	bool drained;                  /* the kernel had no more at last look */
	struct hm_io_extra *extra;
	struct hm_sockaddr *peer, *local;
	union {
		struct hm_watch watch;
		struct hm_io_pair pair;
	} u;
};

struct hm_io *hm_io_new(const struct hm_io_base *base);
/* A descriptor that is non-blocking already. */
struct hm_io *hm_io_new_fd(int fd);
void hm_io_set_peer(struct hm_io *io, const struct hm_sockaddr *peer);
void hm_io_set_local(struct hm_io *io, const struct hm_sockaddr *local);
/* Waits until the base is ready; 0 or -HM_E…. Outside fibers it does not wait
 * and returns -HM_ECANCELED. */
int hm_io_await(struct hm_io *io, bool write, int64_t until_ms);
/* Bytes through TLS if there is any, else through the base. */
ssize_t hm_io_recv(struct hm_io *io, void *p, size_t len);
ssize_t hm_io_send(struct hm_io *io, const void *p, size_t len);
/* Writes all that is in the out buffer, without the throttle. */
int hm_io_flush_now(struct hm_io *io);

void hm_io_buf_room(struct hm_io_buf *buf);    /* at least one byte */
void hm_io_buf_release(struct hm_io_buf *buf);

/* tls.c */
ssize_t hm_tls_recv(struct hm_io *io, void *p, size_t len);
ssize_t hm_tls_send(struct hm_io *io, const void *p, size_t len);
bool hm_tls_pending(struct hm_io *io);
void hm_tls_bye(struct hm_io *io, int64_t until_ms);
void hm_tls_stream_free(struct hm_io *io);

#endif
