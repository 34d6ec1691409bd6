/* limit.c - guessing is slow, and ends.
 *
 * Failures count by address class in a minute and in a day. By account they only
 * slow down: blocking would let anybody lock anybody out.
 */
#include <stdlib.h>

#include "auth.h"

enum { ACCOUNTS = 4096, HOUR_MS = 3600 * 1000, ACCOUNT_FREE = 20 };

struct auth_limits {
	struct hm_ratelimit *minute, *day;
	int64_t hour;                     /* which one the counts are of */
	uint16_t failures[ACCOUNTS];      /* by hash of the log-in name */
};

struct auth_limits *
auth_limits_new(unsigned per_minute)
{
	struct auth_limits *l = hm_xalloc(sizeof(*l));
	const unsigned minute[3] = { per_minute, per_minute * 3, per_minute * 9 };
	const unsigned day[3] = { per_minute * 5, per_minute * 15,
	    per_minute * 45 };

	l->minute = hm_ratelimit_new(60 * 1000, minute);
	l->day = hm_ratelimit_new(24 * (int64_t)HOUR_MS, day);
	return l;
}

void
auth_limits_free(struct auth_limits *l)
{
	if (l == NULL)
		return;
	hm_ratelimit_free(l->minute);
	hm_ratelimit_free(l->day);
	free(l);
}

bool
auth_limits_blocked(struct auth_limits *l, struct hm_session *s)
{
	const struct hm_sockaddr *peer = hm_session_peer(s);

	if (hm_session_trusted(s) || peer == NULL)
		return false;
	/* Is there room for one more failure? */
	if (!hm_ratelimit_add(l->minute, peer, 1))
		return true;
	hm_ratelimit_add(l->minute, peer, -1);
	if (!hm_ratelimit_add(l->day, peer, 1))
		return true;
	hm_ratelimit_add(l->day, peer, -1);
	return false;
}

static uint16_t *
account_count(struct auth_limits *l, struct hm_str login)
{
	int64_t hour = hm_now_ms() / HOUR_MS;
	uint32_t h = 2166136261u;

	if (hour != l->hour) {
		for (size_t i = 0; i < ACCOUNTS; i++)
			l->failures[i] = 0;
		l->hour = hour;
	}
	for (size_t i = 0; i < login.len; i++)
		h = (h ^ (uint8_t)login.p[i]) * 16777619u;
	return &l->failures[h % ACCOUNTS];
}

void
auth_limits_failed(struct auth_module *auth, struct hm_session *s,
    struct hm_str login)
{
	struct auth_limits *l = auth->shared->limits;
	const struct hm_sockaddr *peer = hm_session_peer(s);
	uint16_t *count = account_count(l, login);
	int64_t delay = auth->conf->failure_delay_ms;
	char ip[112] = "";

	if (peer != NULL)
		hm_sockaddr_ip(ip, peer);
	/* The line that tools like fail2ban look for. */
	hm_log(HM_LOG_WARN, "failed authentication attempt",
	    hm_f("user", login), hm_f("ip", ip),
	    hm_f("protocol", hm_session_protocol(s)));
	if (*count < UINT16_MAX)
		++*count;
	if (hm_session_trusted(s))
		return;
	if (peer != NULL) {
		hm_ratelimit_add(l->minute, peer, 1);
		hm_ratelimit_add(l->day, peer, 1);
	}
	(void)hm_sleep(*count > ACCOUNT_FREE ? 5 * delay : delay);
}

void
auth_limits_succeeded(struct auth_limits *l, struct hm_session *s)
{
	if (hm_session_peer(s) == NULL)
		return;
	hm_ratelimit_reset(l->minute, hm_session_peer(s));
	hm_ratelimit_reset(l->day, hm_session_peer(s));
}
