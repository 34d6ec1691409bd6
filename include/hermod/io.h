/* io.h - byte streams with deadlines: sockets, TLS, simulated connections.
 *
 * A stream belongs to one fiber at a time. Reading and writing are buffered;
 * buffers are given back while nothing is in them, so an idle stream is small.
 * All failures are final for the stream: -HM_EEOF (orderly end), -HM_EIO,
 * -HM_ETLS, -HM_ETIMEDOUT, -HM_ECANCELED.
 */
#ifndef HERMOD_IO_H
#define HERMOD_IO_H

#include <hermod/types.h>

struct hm_tls;         /* server or client TLS settings, see net.h */
struct hm_sockaddr;
struct hm_cond;

/* The limits for waiting on the peer; they start at 30 s each. A read timeout
 * bounds the wait for the next byte, a write timeout the wait for the peer to
 * take any. */
HM_API void hm_io_timeouts(struct hm_io *io, int64_t read_ms, int64_t write_ms);

/* The next line without its end, borrowed until the next read on this stream.
 * Ends at LF; a CR before it is removed and *ret_crlf (may be NULL) tells
 * whether it was there. A line of more than max bytes gives -HM_ELIMIT with
 * nothing consumed: close, or skip it with hm_io_skip_line(). */
HM_API HM_FIBER int hm_io_read_line(struct hm_io *io, size_t max,
    struct hm_str *ret_line, bool *ret_crlf);
/* Discards up to and including the next LF; at most max bytes, then -HM_ELIMIT. */
HM_API HM_FIBER int hm_io_skip_line(struct hm_io *io, uint64_t max);
/* At least one and at most max bytes, borrowed until the next read. Takes what
 * is buffered before it asks the peer. */
HM_API HM_FIBER int hm_io_read_some(struct hm_io *io, size_t max,
    struct hm_str *ret);
/* Exactly len bytes into p. */
HM_API HM_FIBER int hm_io_read_full(struct hm_io *io, void *p, size_t len);
/* Looks at what is buffered, reading only if nothing is; consumes nothing. */
HM_API HM_FIBER int hm_io_peek(struct hm_io *io, struct hm_str *ret);
HM_API void hm_io_consume(struct hm_io *io, size_t len); /* after a peek */
/* Bytes that have been received but not read (after decryption). */
HM_API size_t hm_io_buffered(const struct hm_io *io);
/* Whether a read would return without waiting for the peer: buffered bytes, or
 * bytes (or an end) that have arrived. Does not suspend. */
HM_API bool hm_io_ready(struct hm_io *io);

/* Waits until the peer sent something (returns 1), cond was signalled (0), or
 * timeout_ms passed (-HM_ETIMEDOUT; < 0 waits for ever). Flushes output first
 * and gives back buffers and stack while waiting. For IDLE and the like. */
HM_API HM_FIBER int hm_io_wait(struct hm_io *io, struct hm_cond *cond,
    int64_t timeout_ms);

/* Writing collects; the stream flushes by itself when much has gathered, and
 * before every read that has to wait for the peer when autoflush is on
 * (default). hm_io_flush() returns when the kernel took all. */
HM_API HM_FIBER int hm_io_write(struct hm_io *io, const void *p, size_t len);
HM_API HM_FIBER int hm_io_puts(struct hm_io *io, const char *s);
HM_API HM_FIBER int hm_io_str(struct hm_io *io, struct hm_str s);
HM_API HM_FIBER int hm_io_printf(struct hm_io *io, const char *fmt, ...)
    HM_PRINTF(2, 3);
HM_API HM_FIBER int hm_io_flush(struct hm_io *io);

/* Throttles a stream for a tarpit: one byte per ms_per_byte, but a whole flush
 * never takes longer than max_ms; each read that has to ask the peer first
 * sleeps ms_per_byte. 0 ends it. */
HM_API void hm_io_slow(struct hm_io *io, int ms_per_byte, int64_t max_ms);

/* Starts TLS on a plain stream. Bytes that were already buffered are treated as
 * handshake bytes, so nothing sent in clear is ever taken for protected. */
HM_API HM_FIBER int hm_io_starttls_server(struct hm_io *io,
    const struct hm_tls *tls, struct hm_err *reterr);
HM_API HM_FIBER int hm_io_starttls_client(struct hm_io *io,
    const struct hm_tls *tls, const char *server_name, struct hm_err *reterr);
HM_API bool hm_io_is_tls(const struct hm_io *io);
/* "TLS1.3", "TLS_AES_128_GCM_SHA256", server name the client asked for; NULL
 * without TLS. Live as long as the stream. */
HM_API const char *hm_io_tls_version(const struct hm_io *io);
HM_API const char *hm_io_tls_cipher(const struct hm_io *io);
HM_API const char *hm_io_tls_sni(const struct hm_io *io);
/* The protocol agreed on by ALPN; absent if none was. Borrowed. */
HM_API struct hm_str hm_io_tls_alpn(const struct hm_io *io);
/* The peer's certificates in DER, leaf first, in the arena; 0: it sent none.
 * Since 1.1. */
HM_API size_t hm_io_tls_peer_certs(const struct hm_io *io,
    struct hm_arena *arena, const struct hm_str **ret);
/* Whether these certificates lead to an authority that the stream's settings
 * trust, are valid now, and name that host; for settings that did not verify by
 * themselves. 0, or -HM_ETLS with what is wrong first. Since 1.1. */
enum hm_tls_fault {
	HM_TLS_FAULT_NONE = 0,
	HM_TLS_FAULT_UNTRUSTED = 1,
	HM_TLS_FAULT_EXPIRED = 2,
	HM_TLS_FAULT_NAME = 3,
};
HM_API int hm_io_tls_verify(const struct hm_io *io, const char *host,
    enum hm_tls_fault *ret_fault, struct hm_err *reterr);
/* Channel binding data of this connection: "tls-exporter" (RFC 9266) or
 * "tls-unique" (RFC 5929; only TLS 1.2 with extended master secret). Appends
 * raw bytes; -HM_EUNSUPPORTED where it does not exist. */
HM_API int hm_io_channel_binding(struct hm_io *io, const char *type,
    struct hm_buf *ret);

/* The two ends; NULL for a stream that has none (a pipe). */
HM_API const struct hm_sockaddr *hm_io_peer(const struct hm_io *io);
HM_API const struct hm_sockaddr *hm_io_local(const struct hm_io *io);
/* The user at the other end of a Unix socket, as the kernel knows it;
 * -HM_EUNSUPPORTED for any other stream. Since 1.1. */
HM_API int hm_io_peer_uid(const struct hm_io *io, uid_t *ret);

/* Copies every byte in either direction to a trace, for debugging commands. */
HM_API void hm_io_trace(struct hm_io *io,
    void (*fn)(bool sent, struct hm_str bytes, void *arg), void *arg);

/* Sends what is buffered (briefly), says goodbye in TLS, closes, frees. */
HM_API HM_FIBER void hm_io_close(struct hm_io *io);
/* Closes at once; also outside fibers. */
HM_API void hm_io_abort(struct hm_io *io);
/* A stream over a descriptor (taken over), and a connected pair in memory that
 * works under virtual time. */
HM_API struct hm_io *hm_io_from_fd(int fd);
HM_API void hm_io_pair(struct hm_io **ret_a, struct hm_io **ret_b);

#endif
