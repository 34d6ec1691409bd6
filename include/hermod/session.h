/* session.h - one connection of a client, as hooks see it.
 *
 * Made and filled by the protocol module that accepted the connection; read by
 * hooks. Strings are borrowed and live as long as the session unless replaced.
 * Thread: the session's fiber.
 */
#ifndef HERMOD_SESSION_H
#define HERMOD_SESSION_H

#include <hermod/types.h>

struct hm_sockaddr;

/* protocol: "smtp", "submission", "imap" …, static. Holds m's generation, and
 * gives the fiber's log lines the fields session=ID and peer=ADDRESS. */
HM_API struct hm_session *hm_session_new(struct hm_mod *m, struct hm_io *io,
    const char *protocol);
/* Emits session-end, runs slot destructors, frees. The stream, which it still
 * looks at, is closed by the caller afterwards. */
HM_API void hm_session_free(struct hm_session *s);

/* A short id that is unique in this process and opaque to peers; it is in the
 * logs and may be told to the peer. */
HM_API const char *hm_session_id(const struct hm_session *s);
HM_API const char *hm_session_protocol(const struct hm_session *s);
HM_API struct hm_arena *hm_session_arena(struct hm_session *s);
HM_API struct hm_io *hm_session_io(struct hm_session *s);
HM_API const struct hm_sockaddr *hm_session_peer(const struct hm_session *s);
HM_API const struct hm_sockaddr *hm_session_local(const struct hm_session *s);
HM_API bool hm_session_trusted(const struct hm_session *s); /* trusted-networks */
HM_API bool hm_session_tls(const struct hm_session *s);

/* What the client called itself (HELO, EHLO, IMAP ID); copied. */
HM_API struct hm_str hm_session_helo(const struct hm_session *s);
HM_API void hm_session_set_helo(struct hm_session *s, struct hm_str name);
/* The account it logged in to, {NULL,0} before; copied. */
HM_API struct hm_str hm_session_account(const struct hm_session *s);
HM_API struct hm_str hm_session_login(const struct hm_session *s); /* address */
HM_API void hm_session_set_login(struct hm_session *s, struct hm_str account,
    struct hm_str login);

/* While a session is idle, waiting for its client's next command with nothing
 * unfinished, it may be asked to end, as retire-after in hermod.yaml wants it
 * for sessions of an old configuration: its fiber is then cancelled, and says
 * good-bye as when the server stops. Called by the protocol module before and
 * after such a wait. Since 1.1. */
HM_API void hm_session_idle(struct hm_session *s, bool idle);

/* Bytes so far, for session-end; the protocol module adds. */
HM_API void hm_session_count(struct hm_session *s, uint64_t in, uint64_t out);

#endif
