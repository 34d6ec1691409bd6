/* net.h - addresses, listening, dialling, TLS settings.
 *
 * Everything here goes through the simulated network when one is installed.
 * Thread: the loop thread unless said otherwise.
 */
#ifndef HERMOD_NET_H
#define HERMOD_NET_H

#include <hermod/types.h>

/* An IPv4 or IPv6 address with a port, or a Unix socket path. */
struct hm_sockaddr {
	uint8_t family;        /* 4, 6, or 1 for a Unix socket */
	uint16_t port;
	uint32_t scope;        /* IPv6 link-local zone */
	uint8_t ip[16];        /* network order; IPv4 in the first four */
	char path[100];        /* Unix socket only */
};

/* "127.0.0.1:25", "[::1]:25", "unix:/run/x"; a bare address has port 0.
 * Thread: any. */
HM_API int hm_sockaddr_parse(struct hm_str text, struct hm_sockaddr *ret);
/* The textual form with (without) the port; buf of 112 bytes. Thread: any. */
HM_API const char *hm_sockaddr_text(char buf[112], const struct hm_sockaddr *a);
HM_API const char *hm_sockaddr_ip(char buf[112], const struct hm_sockaddr *a);
HM_API bool hm_sockaddr_ip_eq(const struct hm_sockaddr *a,
    const struct hm_sockaddr *b);
/* A network "192.0.2.0/24"; a bare address is a network of itself. */
struct hm_net {
	struct hm_sockaddr addr;
	uint8_t bits;
};
HM_API int hm_net_parse(struct hm_str text, struct hm_net *ret);
HM_API bool hm_net_has(const struct hm_net *net, const struct hm_sockaddr *a);
HM_API bool hm_sockaddr_loopback(const struct hm_sockaddr *a);

/* TLS settings: certificates with their keys, by server name. Refcounted and
 * immutable; a certificate reload makes new settings. */
struct hm_tls_cert {
	const char *cert_file;  /* PEM, leaf first */
	const char *key_file;   /* PEM */
};
struct hm_tls;
/* Certificates are chosen by the names in them; the first is the default for
 * unknown or missing SNI. alpn: NULL or a comma-separated list. */
HM_API int hm_tls_server(const struct hm_tls_cert *certs, size_t n,
    const char *min_version, const char *alpn, struct hm_tls **ret,
    struct hm_err *reterr);
/* Trusts the authorities in ca_file, or the system's. Without verify every
 * certificate is taken; hm_io_tls_verify() can tell afterwards. */
HM_API int hm_tls_client(const char *ca_file, bool verify,
    struct hm_tls **ret, struct hm_err *reterr);
HM_API struct hm_tls *hm_tls_ref(struct hm_tls *tls);
HM_API void hm_tls_unref(struct hm_tls *tls); /* NULL accepted */
/* Seconds since 1970 at which the first of its certificates expires. */
HM_API int64_t hm_tls_expires(const struct hm_tls *tls);
/* The nth of a server's certificates, without its chain, in DER; absent behind
 * the last. Since 1.1. */
HM_API struct hm_str hm_tls_leaf(const struct hm_tls *tls, size_t n,
    struct hm_arena *arena);
/* Whether a server hands out session tickets (default: yes); before first use.
 * Some peers at port 25 are better off without. */
HM_API void hm_tls_set_tickets(struct hm_tls *tls, bool on);
/* A self-signed ECDSA P-256 certificate for the names (NULL-ended), written as
 * two PEM files of mode 0640 / 0600. Thread: worker. */
HM_API int hm_tls_self_signed(const char *const *names, int days,
    const char *cert_file, const char *key_file, struct hm_err *reterr);

/* A listening socket. accept runs on a new fiber of module m for each
 * connection and owns the stream. Sockets are kept resources: listening again
 * on the same address in a newer generation takes over the same socket, with
 * no connection lost, and starts calling the newer function. Called in open(),
 * accepts from start() on, stops at retire(). */
struct hm_listen_opts {
	int backlog;               /* 0 means 1024 */
	unsigned max_connections;  /* of this listener at once; 0: no limit */
	/* Returns false to refuse before a fiber is made (limits per address);
	 * refusal is a short text sent before closing, or NULL. */
	bool (*admit)(struct hm_mod *m, const struct hm_sockaddr *peer,
	    const char **ret_refusal);
};
typedef void hm_accept_fn(struct hm_mod *m, struct hm_io *io, void *arg);
HM_API int hm_listen(struct hm_mod *m, const struct hm_sockaddr *addr,
    const struct hm_listen_opts *opts, hm_accept_fn *fn, void *arg,
    struct hm_err *reterr);

/* Connects within timeout_ms. local: NULL or the address to bind to. */
HM_API HM_FIBER int hm_dial(const struct hm_sockaddr *addr,
    const struct hm_sockaddr *local, int64_t timeout_ms, struct hm_io **ret,
    struct hm_err *reterr);

/* Counts events per address class: a /32, /26 and /21 for IPv4, a /64, /48 and
 * /32 for IPv6, each with its own limit in a fixed window; window_ms 0 counts
 * things that are held (connections) and given back with n < 0. A limit of 0 is
 * none. Unix sockets are never limited. */
struct hm_ratelimit;
HM_API struct hm_ratelimit *hm_ratelimit_new(int64_t window_ms,
    const unsigned limit[3]);
HM_API void hm_ratelimit_free(struct hm_ratelimit *rl);
/* Adds n if no class would cross its limit; false and nothing added if so. */
HM_API bool hm_ratelimit_add(struct hm_ratelimit *rl,
    const struct hm_sockaddr *addr, int n);
/* Takes back what that address itself was counted for. */
HM_API void hm_ratelimit_reset(struct hm_ratelimit *rl,
    const struct hm_sockaddr *addr);

#endif
