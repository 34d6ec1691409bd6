/* query.c - the service: what is remembered, whom to ask, what came of it. */
#include "stub.h"

#include <hermod/buf.h>
#include <hermod/clock.h>

#include "wire.h"

enum { TRY_MS_MAX = 8000 };

/* One question, whose answer may lead to the next. */
struct question {
	struct stub *stub;
	struct servers *servers;
	struct hm_arena *arena;
	struct hm_str name;
	enum hm_dns_type type;
	unsigned flags;
	int64_t until_ms;
};

static void
set_outcome(struct hm_dns_answer *answer, const struct question *q,
    enum hm_dns_outcome outcome, const char *reason)
{
	*answer = (struct hm_dns_answer){ .outcome = outcome, .type = q->type,
	    .name = q->name, .canonical = q->name, .reason = hm_str(reason),
	    .ede = -1 };
}

/* ---- one server's word ---- */

static void
note_silence(struct server *s, bool silent)
{
	char text[112];

	if (s->silent == silent)
		return;
	s->silent = silent;
	if (silent)
		hm_log(HM_LOG_WARN, "a resolver does not answer",
		    hm_f("server", hm_sockaddr_text(text, &s->addr)));
	else
		hm_log(HM_LOG_INFO, "a resolver answers again",
		    hm_f("server", hm_sockaddr_text(text, &s->addr)));
}

static const char *
rcode_text(struct hm_arena *arena, unsigned rcode)
{
	switch (rcode) {
	case WIRE_FORMERR:
		return "FORMERR";
	case WIRE_SERVFAIL:
		return "SERVFAIL";
	case WIRE_NOTIMP:
		return "NOTIMP";
	case WIRE_REFUSED:
		return "REFUSED";
	default:
		return hm_printf(arena, "code %u", rcode);
	}
}

/* "Bogus" to "NSEC missing" (RFC 8914, 4.7 to 4.13). */
static bool
ede_bogus(int ede)
{
	return ede >= 6 && ede <= 12;
}

/* A validating server says SERVFAIL for what fails validation; that is so if it
 * has an answer for who does not ask for validation (RFC 4035, 3.2.2). */
static HM_FIBER int
is_bogus(const struct question *q, struct server *s,
    const struct hm_dns_answer *answer, int64_t try_ms)
{
	struct hm_dns_answer unchecked;
	struct wire_info info;
	struct hm_str message;
	int rc;

	if (!q->servers->trusted)
		return 0;
	if (ede_bogus(answer->ede))
		return 1;
	rc = ask(s, q->stub->unchecked, q->name, q->type, try_ms, q->arena,
	    &message);
	if (rc == -HM_ECANCELED)
		return rc;
	return rc == 0 && wire_parse(q->arena, message, q->name, q->type,
	    &unchecked, &info) == 0 && (info.rcode == WIRE_NOERROR ||
	    info.rcode == WIRE_NXDOMAIN);
}

/* Says why the server's answer is of no use. */
static HM_FIBER int
judge_failure(const struct question *q, struct server *s, unsigned rcode,
    int64_t try_ms, struct hm_dns_answer *answer)
{
	char text[112];
	int bogus = rcode == WIRE_SERVFAIL ?
	    is_bogus(q, s, answer, try_ms) : 0;

	if (bogus < 0)
		return bogus;
	answer->outcome = bogus ? HM_DNS_BOGUS : HM_DNS_FAILED;
	answer->reason = hm_str(hm_printf(q->arena, "%s answered %s%s%s%.*s",
	    hm_sockaddr_text(text, &s->addr), rcode_text(q->arena, rcode),
	    bogus ? ", validation failed" : "",
	    answer->ede_text.len > 0 ? ": " : "", HM_FMT(answer->ede_text)));
	return 0;
}

/* ---- all servers, until one has said something ---- */

static void
remember(const struct question *q, const struct hm_dns_answer *answer,
    struct hm_str message)
{
	const struct stub_conf *conf = q->stub->conf;
	int64_t keep = (int64_t)answer->ttl_s * 1000;
	int64_t most = answer->n > 0 ? conf->remember_ms :
	    conf->remember_absent_ms;

	cache_put(q->stub->cache, q->name, q->type, message, answer->secure,
	    keep < most ? keep : most);
}

/* Asks one server: 1, the question is answered; 0, ask another; or the fiber's
 * end. *answer is set unless the server was silent. */
static HM_FIBER int
try_server(const struct question *q, size_t i, int64_t try_ms,
    struct hm_dns_answer *answer, struct wire_info *info)
{
	struct server *s = &q->servers->at[i];
	struct hm_str message;
	char text[112];
	int rc = ask(s, q->stub->plain, q->name, q->type, try_ms, q->arena,
	    &message);

	if (rc == -HM_ETIMEDOUT) {
		hm_count(q->stub->metrics->silences, 1);
		note_silence(s, true);
		return hm_yield();
	}
	if (rc == -HM_ECANCELED)
		return rc;
	if (rc == 0)
		note_silence(s, false);
	if (rc < 0 || wire_parse(q->arena, message, q->name, q->type, answer,
	    info) < 0) {
		set_outcome(answer, q, HM_DNS_FAILED, hm_printf(q->arena,
		    rc < 0 ? "%s cannot be asked" : "%s answered nonsense",
		    hm_sockaddr_text(text, &s->addr)));
		return 0;
	}
	if (info->rcode != WIRE_NOERROR && info->rcode != WIRE_NXDOMAIN) {
		rc = judge_failure(q, s, info->rcode, try_ms, answer);
		return rc < 0 ? rc : answer->outcome == HM_DNS_BOGUS;
	}
	q->servers->current = i;
	answer->secure = q->servers->trusted && info->ad;
	if (answer->outcome != HM_DNS_FAILED)
		remember(q, answer, message);
	return 1;
}

static const char *
silence_text(const struct question *q)
{
	struct hm_buf out = { 0 };
	const char *copy;
	char text[112];

	hm_buf_puts(&out, "no answer in time from ");
	for (size_t i = 0; i < q->servers->n; i++)
		hm_buf_printf(&out, "%s%s", i > 0 ? ", " : "",
		    hm_sockaddr_text(text, &q->servers->at[i].addr));
	copy = hm_strdup(q->arena, out.p);
	hm_buf_release(&out);
	return copy;
}

/* Round by round, each one more patient. Servers that fail are not asked a third
 * time: they have tried on their own. */
static HM_FIBER int
ask_all(const struct question *q, struct hm_dns_answer *answer,
    struct wire_info *info)
{
	int64_t try_ms = q->stub->conf->try_ms;
	size_t n = q->servers->n;

	for (unsigned round = 0;; round++) {
		size_t first = q->servers->current, failed = 0;

		for (size_t i = 0; i < n; i++) {
			int64_t left = q->until_ms - hm_now_ms();
			/* "OK" until the server has said something else. */
			struct hm_dns_answer got = { .outcome = HM_DNS_OK };
			int rc;

			if (left <= 0) {
				set_outcome(answer, q, HM_DNS_TIMEOUT,
				    silence_text(q));
				return 0;
			}
			rc = try_server(q, (first + i) % n,
			    left < try_ms ? left : try_ms, &got, info);
			if (rc < 0)
				return rc;
			if (got.outcome != HM_DNS_OK || rc > 0)
				*answer = got;
			if (rc > 0)
				return 0;
			failed += got.outcome != HM_DNS_OK;
		}
		if (failed == n || (failed > 0 && round > 0))
			return 0;
		try_ms = try_ms * 2 < TRY_MS_MAX ? try_ms * 2 : TRY_MS_MAX;
	}
}

static bool
recall(const struct question *q, struct hm_dns_answer *answer,
    struct wire_info *info)
{
	struct cached c;

	if ((q->flags & HM_DNS_FRESH) ||
	    !cache_get(q->stub->cache, q->name, q->type, &c) ||
	    wire_parse(q->arena, c.message, q->name, q->type, answer, info) < 0)
		return false;
	/* Whoever is trusted no longer was not right before, either. */
	answer->secure = c.secure && q->servers->trusted;
	answer->ttl_s -= answer->ttl_s < c.age_s ? answer->ttl_s : c.age_s;
	for (size_t i = 0; i < answer->n; i++)
		answer->rr[i].ttl_s -= answer->rr[i].ttl_s < c.age_s ?
		    answer->rr[i].ttl_s : c.age_s;
	return true;
}

static HM_FIBER int
find(const struct question *q, struct hm_dns_answer *answer,
    struct wire_info *info)
{
	int64_t since = hm_now_ms(), left = q->until_ms - since;
	int rc;

	if (recall(q, answer, info)) {
		hm_count(q->stub->metrics->remembered, 1);
		return 0;
	}
	rc = hm_sem_take(&q->stub->slots, left > 0 ? left : 0);
	if (rc == -HM_ETIMEDOUT) {
		set_outcome(answer, q, HM_DNS_TIMEOUT,
		    "too many other queries are waiting for answers");
		return hm_yield();
	}
	if (rc < 0)
		return rc;
	rc = ask_all(q, answer, info);
	hm_sem_give(&q->stub->slots);
	hm_observe(q->stub->metrics->wait_ms, hm_now_ms() - since);
	return rc;
}

/* ---- aliases a resolver did not follow ---- */

/* Puts the chain so far before what the next answer says. false: too long. */
static bool
join(struct hm_arena *arena, const struct hm_dns_answer *before,
    struct hm_dns_answer *answer)
{
	size_t n = before->ncnames + answer->ncnames;
	struct hm_dns_cname *chain;

	if (n > HM_DNS_CNAMES_MAX)
		return false;
	chain = hm_alloc_array(arena, n + 1, sizeof(*chain));
	for (size_t i = 0; i < n; i++)
		chain[i] = i < before->ncnames ? before->cnames[i] :
		    answer->cnames[i - before->ncnames];
	answer->cnames = chain;
	answer->ncnames = n;
	answer->name = before->name;
	answer->secure = answer->secure && before->secure;
	if (before->ttl_s < answer->ttl_s)
		answer->ttl_s = before->ttl_s;
	return true;
}

/* The answer ends with an alias, and nothing says that there is no more. */
static bool
leads_on(const struct hm_dns_answer *answer, const struct wire_info *info)
{
	return answer->outcome == HM_DNS_NODATA && answer->ncnames > 0 &&
	    !info->has_soa;
}

static HM_FIBER int
resolve(struct question *q, struct hm_dns_answer *ret)
{
	struct hm_dns_answer answer, next;
	struct hm_str name = q->name;
	struct wire_info info = { 0 };
	int rc = find(q, &answer, &info);

	while (rc == 0 && leads_on(&answer, &info)) {
		q->name = answer.canonical;
		if (hm_dns_name(q->arena, q->name, &q->name) < 0)
			break;
		rc = find(q, &next, &info);
		if (rc == 0 && !join(q->arena, &answer, &next)) {
			q->name = name;
			set_outcome(&next, q, HM_DNS_FAILED,
			    "too many aliases, or a circle of them");
		}
		answer = next;
	}
	if (rc < 0)
		return rc;
	if (answer.outcome != HM_DNS_OK && answer.reason.len == 0)
		answer.reason = hm_str(hm_dns_outcome_text(answer.outcome));
	*ret = answer;
	return 0;
}

static HM_FIBER int
stub_query(struct hm_mod *self, struct hm_str name, enum hm_dns_type type,
    unsigned flags, int64_t timeout_ms, struct hm_arena *arena,
    struct hm_dns_answer *ret)
{
	struct stub *stub = hm_mod_state(self);
	struct question q = { .stub = stub, .arena = arena, .type = type,
	    .flags = flags };
	int rc;

	if (hm_dns_name(arena, name, &q.name) < 0) {
		q.name = hm_str_dup(arena, name);
		set_outcome(ret, &q, HM_DNS_BADNAME,
		    hm_dns_outcome_text(HM_DNS_BADNAME));
		hm_count_in(stub->metrics->lookups, HM_DNS_BADNAME, 1);
		return 0;
	}
	servers_refresh(stub);
	q.until_ms = hm_now_ms() +
	    (timeout_ms > 0 ? timeout_ms : stub->conf->timeout_ms);
	q.servers = servers_ref(stub->servers);
	rc = resolve(&q, ret);
	servers_unref(q.servers);
	if (rc == 0)
		hm_count_in(stub->metrics->lookups, ret->outcome, 1);
	return rc;
}

static bool
stub_can_secure(struct hm_mod *self)
{
	struct stub *stub = hm_mod_state(self);

	return stub->servers->trusted;
}

const struct hm_resolver_ops stub_ops = {
	.size = sizeof(struct hm_resolver_ops),
	.query = stub_query,
	.can_secure = stub_can_secure,
};
