/* session-facts.h - what a hook may know of a session, for one that is asked in
 * another process. Loop thread. */
#ifndef HERMOD_PLUG_SESSION_FACTS_H
#define HERMOD_PLUG_SESSION_FACTS_H

#include <hermod/net.h>
#include <hermod/session.h>

struct hm_session_facts {
	struct hm_str protocol, id, helo, account, login;
	struct hm_sockaddr peer, local;  /* family 0: unknown */
	bool tls;
};

/* Strings are the session's. */
void hm_session_facts(const struct hm_session *s, struct hm_session_facts *ret);

/* There: a session that is only looked at. It knows nothing before it is told;
 * hm_session_free() ends it without telling anybody. */
struct hm_session *hm_session_mirror(struct hm_mod *m);
void hm_session_learn(struct hm_session *s, const struct hm_session_facts *now);

#endif
