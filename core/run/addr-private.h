/* addr-private.h - between our addresses and the kernel's. Any thread. */
#ifndef HERMOD_RUN_ADDR_PRIVATE_H
#define HERMOD_RUN_ADDR_PRIVATE_H

#include <sys/socket.h>

#include <hermod/net.h>

/* An IPv4 address mapped into IPv6 becomes plain IPv4. */
int hm_sockaddr_from_os(const struct sockaddr_storage *ss, socklen_t len,
    struct hm_sockaddr *ret);
int hm_sockaddr_to_os(const struct hm_sockaddr *a, struct sockaddr_storage *ret,
    socklen_t *ret_len);
/* The descriptor's own or its peer's address. */
int hm_sockaddr_of_fd(int fd, bool peer, struct hm_sockaddr *ret);
/* Same family, address, zone, port or path. */
bool hm_sockaddr_eq(const struct hm_sockaddr *a, const struct hm_sockaddr *b);
/* 0.0.0.0 or ::, */
bool hm_sockaddr_any(const struct hm_sockaddr *a);

/* A socket bound to the address and listening, non-blocking. May be called by a
 * privileged parent. Returns the descriptor or -HM_E…. */
int hm_socket_listen(const struct hm_sockaddr *addr, int backlog,
    struct hm_err *reterr);

#endif
