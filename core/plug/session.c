/* session.c - a client's connection as hooks see it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/log.h>
#include <hermod/net.h>
#include <hermod/plugin.h>
#include <hermod/str.h>

#include "generation.h"
#include "session-facts.h"
#include "slots.h"

enum { ID_CHARS = 10 };

struct hm_session {
	struct hm_slots slots;         /* first, see slots.h */
	struct hm_mod *mod;
	struct hm_session *next, **at; /* among those of the generation */
	struct hm_fiber *fiber;
	bool idle, asked;              /* to end */
	struct hm_io *io;
	const struct hm_session_facts *facts; /* of a session elsewhere */
	struct hm_arena *arena;
	const char *protocol;
	char id[ID_CHARS + 1];
	struct hm_str helo, account, login;
	uint64_t bytes_in, bytes_out;
	int64_t began_ms;
};

static const char session_holder[] = "session";

/* A permutation of 50-bit numbers (a small Feistel network): unique like the
 * count it is made of, without telling that count. */
static uint64_t
scramble(uint64_t n, uint64_t key)
{
	uint32_t left = (uint32_t)(n >> 25) & 0x1ffffff;
	uint32_t right = (uint32_t)n & 0x1ffffff;

	for (unsigned i = 0; i < 6; i++) {
		uint64_t x = (right + key + i) * UINT64_C(0x9e3779b97f4a7c15);
		uint32_t next;

		x = (x ^ (x >> 31) ^ (key >> (8 * i))) *
		    UINT64_C(0xd6e8feb86659fd93);
		next = left ^ ((uint32_t)(x >> 32) & 0x1ffffff);
		left = right;
		right = next;
	}
	return ((uint64_t)left << 25) | right;
}

static void
make_id(struct hm_core *core, char out[ID_CHARS + 1])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t n = scramble(++core->last_session, core->session_key);

	for (int i = ID_CHARS - 1; i >= 0; i--) {
		out[i] = digits[n & 31];
		n >>= 5;
	}
	out[ID_CHARS] = '\0';
}

static void
enlist(struct hm_session *s, struct hm_generation *gen)
{
	s->at = &gen->sessions;
	s->next = gen->sessions;
	if (s->next != NULL)
		s->next->at = &s->next;
	gen->sessions = s;
}

struct hm_session *
hm_session_new(struct hm_mod *m, struct hm_io *io, const char *protocol)
{
	/* Without a parent: jobs may use it on worker threads. */
	struct hm_arena *arena = hm_arena_new(NULL, "session");
	struct hm_session *s = hm_new(arena, struct hm_session);
	char peer[112];

	s->arena = arena;
	s->mod = m;
	s->io = io;
	s->protocol = protocol;
	s->began_ms = hm_now_ms();
	s->fiber = hm_fiber_self();
	enlist(s, m->gen);
	hm_slots_init(&s->slots, arena);
	make_id(m->gen->core, s->id);
	hm_mod_hold(m, session_holder);
	hm_log_field("session", s->id);
	if (hm_session_peer(s) != NULL)
		hm_log_field("peer", hm_sockaddr_ip(peer, hm_session_peer(s)));
	return s;
}

static void
cut(char *out, size_t size, struct hm_str s)
{
	snprintf(out, size, "%.*s", HM_FMT(s));
}

void
hm_session_free(struct hm_session *s)
{
	struct hm_session_end end = { 0 };
	struct hm_mod *m;
	char peer[112];

	if (s == NULL)
		return;
	m = s->mod;
	if (s->facts != NULL) {
		hm_slots_release(&s->slots);
		hm_arena_free(s->arena);
		return;
	}
	cut(end.protocol, sizeof(end.protocol), hm_str(s->protocol));
	if (hm_session_peer(s) != NULL)
		cut(end.peer, sizeof(end.peer),
		    hm_str(hm_sockaddr_ip(peer, hm_session_peer(s))));
	cut(end.account, sizeof(end.account), s->account);
	end.duration_ms = hm_now_ms() - s->began_ms;
	end.bytes_in = s->bytes_in;
	end.bytes_out = s->bytes_out;
	hm_emit_session_end(m, &end);
	hm_slots_release(&s->slots);
	*s->at = s->next;
	if (s->next != NULL)
		s->next->at = s->at;
	hm_log_field("session", NULL);
	hm_log_field("peer", NULL);
	hm_arena_free(s->arena);
	hm_mod_release(m, session_holder);
}

const char *
hm_session_id(const struct hm_session *s)
{
	return s->id;
}

const char *
hm_session_protocol(const struct hm_session *s)
{
	return s->protocol;
}

struct hm_arena *
hm_session_arena(struct hm_session *s)
{
	return s->arena;
}

struct hm_io *
hm_session_io(struct hm_session *s)
{
	return s->io;
}

const struct hm_sockaddr *
hm_session_peer(const struct hm_session *s)
{
	if (s->facts != NULL)
		return s->facts->peer.family != 0 ? &s->facts->peer : NULL;
	return s->io != NULL ? hm_io_peer(s->io) : NULL;
}

const struct hm_sockaddr *
hm_session_local(const struct hm_session *s)
{
	if (s->facts != NULL)
		return s->facts->local.family != 0 ? &s->facts->local : NULL;
	return s->io != NULL ? hm_io_local(s->io) : NULL;
}

bool
hm_session_trusted(const struct hm_session *s)
{
	const struct hm_netlist *nets = s->mod->gen->server.trusted_networks;
	const struct hm_sockaddr *peer = hm_session_peer(s);

	return nets != NULL && peer != NULL && hm_netlist_has(nets, peer);
}

bool
hm_session_tls(const struct hm_session *s)
{
	return s->facts != NULL ? s->facts->tls :
	    s->io != NULL && hm_io_is_tls(s->io);
}

struct hm_str
hm_session_helo(const struct hm_session *s)
{
	return s->helo;
}

void
hm_session_set_helo(struct hm_session *s, struct hm_str name)
{
	/* A client may say it again and again: keep the memory bounded. */
	if (!hm_str_eq(s->helo, name) || s->helo.p == NULL)
		s->helo = hm_str_dup(s->arena, name);
}

struct hm_str
hm_session_account(const struct hm_session *s)
{
	return s->account;
}

struct hm_str
hm_session_login(const struct hm_session *s)
{
	return s->login;
}

void
hm_session_set_login(struct hm_session *s, struct hm_str account,
    struct hm_str login)
{
	s->account = account.p != NULL ? hm_str_dup(s->arena, account) : account;
	s->login = login.p != NULL ? hm_str_dup(s->arena, login) : login;
}

void
hm_session_count(struct hm_session *s, uint64_t in, uint64_t out)
{
	s->bytes_in += in;
	s->bytes_out += out;
}

/* ---- all of a generation ---- */

void
hm_session_idle(struct hm_session *s, bool idle)
{
	s->idle = idle;
	if (idle && s->asked && s->fiber != NULL)
		hm_fiber_cancel(s->fiber);
}

void
hm_sessions_ask(struct hm_generation *gen)
{
	for (struct hm_session *s = gen->sessions; s != NULL; s = s->next) {
		s->asked = true;
		hm_session_idle(s, s->idle);
	}
}

size_t
hm_sessions_count(const struct hm_generation *gen, struct hm_arena *arena,
    struct hm_session_group **ret)
{
	enum { MAX_GROUPS = 32 };
	struct hm_session_group *groups = hm_alloc_array(arena, MAX_GROUPS,
	    sizeof(*groups));
	size_t n = 0, i;

	for (const struct hm_session *s = gen->sessions; s != NULL; s = s->next) {
		for (i = 0; i < n && (groups[i].mod != s->mod ||
		    strcmp(groups[i].protocol, s->protocol) != 0); i++)
			continue;
		if (i == MAX_GROUPS)
			continue;
		if (i == n)
			groups[n++] = (struct hm_session_group){ s->mod,
			    s->protocol, 0, s->began_ms, s->began_ms };
		groups[i].count++;
		groups[i].first_ms = s->began_ms;
	}
	*ret = groups;
	return n;
}

/* ---- sessions of another process ---- */

void
hm_session_facts(const struct hm_session *s, struct hm_session_facts *ret)
{
	const struct hm_sockaddr *peer = hm_session_peer(s);
	const struct hm_sockaddr *local = hm_session_local(s);

	*ret = (struct hm_session_facts){ .protocol = hm_str(s->protocol),
	    .id = hm_str(s->id), .helo = s->helo, .account = s->account,
	    .login = s->login, .tls = hm_session_tls(s) };
	if (peer != NULL)
		ret->peer = *peer;
	if (local != NULL)
		ret->local = *local;
}

struct hm_session *
hm_session_mirror(struct hm_mod *m)
{
	struct hm_arena *arena = hm_arena_new(NULL, "session");
	struct hm_session *s = hm_new(arena, struct hm_session);

	s->arena = arena;
	s->mod = m;
	s->began_ms = hm_now_ms();
	s->facts = hm_new(arena, struct hm_session_facts);
	s->protocol = "";
	hm_slots_init(&s->slots, arena);
	return s;
}

/* What stays the same keeps its place: hooks may remember it. */
static void
update(struct hm_arena *arena, struct hm_str *at, struct hm_str now)
{
	if (at->p == NULL || now.p == NULL || !hm_str_eq(*at, now))
		*at = now.p != NULL ? hm_str_dup(arena, now) : now;
}

void
hm_session_learn(struct hm_session *s, const struct hm_session_facts *now)
{
	struct hm_session_facts *facts = (struct hm_session_facts *)s->facts;
	struct hm_str protocol = hm_str(s->protocol);

	update(s->arena, &protocol, now->protocol);
	s->protocol = protocol.p != NULL ? protocol.p : "";
	cut(s->id, sizeof(s->id), now->id);
	facts->peer = now->peer;
	facts->local = now->local;
	facts->tls = now->tls;
	update(s->arena, &s->helo, now->helo);
	update(s->arena, &s->account, now->account);
	update(s->arena, &s->login, now->login);
}
