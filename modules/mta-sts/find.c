/* find.c - the policy that holds for a domain now (RFC 8461, 3.3 and 5.1).
 *
 * A policy that was fetched holds until it expires, whatever becomes of its record
 * or its web server. Many who want the same policy share one fetch.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sts.h"

/* A hook has 10 s; whoever is not served by then comes again. */
enum { LOOKUP_MS = 5000, WAIT_MS = 4000 };
enum { AGAIN_MS = 5 * 60 * 1000 };

enum { LOOKUP_NONE = 0, LOOKUP_CACHED, LOOKUP_FETCHED, LOOKUP_UNKNOWN };
enum { FETCH_GOOD = 0, FETCH_FAILED, FETCH_INVALID, FETCH_UNTRUSTED };

/* ---- one fetch, for all who want it ---- */

struct sts_job {
	struct sts_job *next;
	struct sts *s;
	struct hm_fiber *fiber;
	char domain[256], id[STS_ID_MAX + 1];
	unsigned refs;
	bool over, told;
	int result;
	struct hm_err err;
	struct hm_cond cond;
};

static void
job_unref(struct sts_job *job)
{
	if (--job->refs == 0)
		free(job);
}

static struct sts_job *
job_find(struct sts *s, struct hm_str domain)
{
	struct sts_job *job = s->jobs;

	while (job != NULL && !hm_str_is(domain, job->domain))
		job = job->next;
	return job;
}

static void
job_unlink(struct sts_job *job)
{
	struct sts_job **at = &job->s->jobs;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
}

static void
report(const struct sts_job *job, enum hm_tls_outcome outcome)
{
	struct hm_tls_result e = { .type = HM_TLS_POLICY_STS,
	    .outcome = outcome };

	snprintf(e.domain, sizeof(e.domain), "%s", job->domain);
	snprintf(e.reason, sizeof(e.reason), "%.*s", (int)sizeof(e.reason) - 1,
	    job->err.text);
	hm_emit_tls_result(job->s->m, &e);
}

static void
failed(struct sts_job *job, enum hm_tls_outcome outcome)
{
	hm_count_in(job->s->metrics->fetches,
	    outcome == HM_TLS_STS_POLICY_INVALID ? FETCH_INVALID :
	    outcome == HM_TLS_STS_WEBPKI_INVALID ? FETCH_UNTRUSTED :
	    FETCH_FAILED, 1);
	hm_log(HM_LOG_INFO, "no MTA-STS policy fetched",
	    hm_f("domain", job->domain), hm_f("error", job->err.text));
	if (job->told)
		report(job, outcome);
}

/* Fetches and reads; what was known before is in *e, and stays if that fails. */
static HM_FIBER int
fetch(struct sts_job *job, struct hm_arena *arena, struct sts_entry *e)
{
	struct sts *s = job->s;
	struct sts_policy policy;
	struct hm_buf text = { 0 };
	enum hm_tls_outcome outcome;
	int64_t now;
	int r = sts_fetch(s, hm_str(job->domain), &text, &outcome, &job->err);

	if (r == 0) {
		r = sts_policy_parse(arena, hm_buf_view(&text), &policy,
		    &job->err);
		outcome = HM_TLS_STS_POLICY_INVALID;
	}
	hm_buf_release(&text);
	now = hm_wall_ms();
	if (r == -HM_ECANCELED)
		return r;
	if (r < 0) {
		e->again_ms = now + AGAIN_MS;
		failed(job, outcome);
		return r;
	}
	hm_count_in(s->metrics->fetches, FETCH_GOOD, 1);
	hm_log(HM_LOG_INFO, "MTA-STS policy fetched",
	    hm_f("domain", job->domain), hm_f("id", job->id),
	    hm_f("mode", sts_mode_name(policy.mode)),
	    hm_f("seconds", policy.max_age_s));
	e->id = hm_str(job->id);
	e->text = policy.text;
	e->mode = policy.mode;
	e->fetched_ms = now;
	e->expires_ms = now + (int64_t)policy.max_age_s * 1000;
	e->again_ms = 0;
	return 0;
}

static HM_FIBER void
work(struct sts_job *job)
{
	struct sts *s = job->s;
	struct hm_arena *arena = hm_arena_new(NULL, "mta-sts");
	struct sts_entry e = { 0 };
	struct hm_err err = { 0 };
	int r = hm_sem_take(&s->fetching, -1);

	if (r < 0) {
		job->result = r;
		hm_arena_free(arena);
		return;
	}
	(void)sts_cache_get(s, arena, hm_str(job->domain), &e, NULL);
	e.domain = hm_str(job->domain);
	if (e.used_ms == 0)
		e.used_ms = hm_wall_ms();
	job->result = fetch(job, arena, &e);
	hm_sem_give(&s->fetching);
	if (job->result != -HM_ECANCELED &&
	    sts_cache_put(s, &e, &err) < 0)
		hm_log(HM_LOG_ERROR, "an MTA-STS policy cannot be kept",
		    hm_f("domain", job->domain), hm_f("error", err.text));
	hm_arena_free(arena);
}

static void
job_fiber(void *arg)
{
	struct sts_job *job = arg;

	work(job);
	job_unlink(job);
	job->over = true;
	hm_wake(&job->cond);
	job_unref(job);
}

static struct sts_job *
job_start(struct sts *s, struct hm_str domain, struct hm_str id)
{
	struct sts_job *job = hm_xalloc(sizeof(*job));

	job->s = s;
	snprintf(job->domain, sizeof(job->domain), "%.*s", HM_FMT(domain));
	snprintf(job->id, sizeof(job->id), "%.*s", HM_FMT(id));
	job->refs = 1;
	job->next = s->jobs;
	s->jobs = job;
	job->fiber = hm_fiber_start(s->m, "mta-sts fetch", job_fiber, job);
	return job;
}

void
sts_break_off(struct sts *s)
{
	for (struct sts_job *job = s->jobs; job != NULL; job = job->next)
		hm_fiber_cancel(job->fiber);
}

int
sts_renew(struct sts *s, struct hm_str domain, struct hm_str id,
    int64_t wait_ms, bool told, struct hm_err *reterr)
{
	struct sts_job *job = job_find(s, domain);
	int64_t until = hm_now_ms() + wait_ms;
	int r = 0;

	if (job == NULL)
		job = job_start(s, domain, id);
	job->told = job->told || told;
	job->refs++;
	while (!job->over && r == 0 && hm_now_ms() < until)
		r = hm_wait(&job->cond, until - hm_now_ms());
	r = !job->over || job->result == -HM_ECANCELED ? -HM_EBUSY :
	    job->result;
	if (r < 0 && reterr != NULL)
		*reterr = job->err;
	if (r == -HM_EBUSY)
		hm_err_set(reterr, r, "its MTA-STS policy is still being fetched");
	job_unref(job);
	return r;
}

/* ---- the DNS ---- */

int
sts_ask_id(const struct sts *s, struct hm_arena *arena, struct hm_str domain,
    int64_t timeout_ms, struct hm_str *ret_id, struct hm_str *ret_reason)
{
	struct hm_str name = hm_str(hm_printf(arena, "_mta-sts.%.*s",
	    HM_FMT(domain)));
	struct hm_dns_answer answer;
	int r = s->resolver->ops->query(s->resolver->self, name, HM_DNS_TXT, 0,
	    timeout_ms, arena, &answer);

	*ret_reason = HM_STR("the lookup was given up");
	if (r < 0)
		return -HM_EBUSY;
	*ret_reason = answer.reason;
	if (hm_dns_temporary(answer.outcome))
		return -HM_EBUSY;
	return sts_record_id(&answer, ret_id);
}

/* ---- what holds ---- */

static bool
holds(const struct sts_entry *e)
{
	return e->text.len > 0 && hm_wall_ms() < e->expires_ms;
}

static void
take(struct hm_arena *arena, const struct sts_entry *e, struct sts_found *ret)
{
	struct hm_err err = { 0 };

	ret->entry = *e;
	ret->any = sts_policy_parse(arena, e->text, &ret->policy, &err) == 0;
}

/* The record speaks of a policy that is not known, or known no longer. Who was
 * unlucky once waits no more: a web server that never answers would keep all mail
 * waiting for ever. */
static HM_FIBER int
need(struct sts *s, struct hm_arena *arena, struct sts_entry *e,
    struct hm_str id, struct hm_err *reterr)
{
	struct hm_str domain = e->domain;

	if (hm_wall_ms() < e->again_ms)
		return 0;
	if (sts_renew(s, domain, id, WAIT_MS, true, reterr) == -HM_EBUSY &&
	    !holds(e) && e->again_ms == 0)
		return -HM_EBUSY;
	(void)sts_cache_get(s, arena, domain, e, NULL);
	return 0;
}

static HM_FIBER int
find(struct sts *s, struct hm_arena *arena, struct sts_entry *e,
    struct hm_err *reterr)
{
	struct hm_str id, reason;
	int r = sts_ask_id(s, arena, e->domain, LOOKUP_MS, &id, &reason);

	if (r == -HM_EBUSY && !holds(e))
		return hm_err_set(reterr, r, "nobody knows now whether %.*s has "
		    "an MTA-STS policy: %.*s", HM_FMT(e->domain),
		    HM_FMT(reason));
	if (r < 0)
		return 0;
	if (!holds(e) || !hm_str_eq(e->id, id))
		return need(s, arena, e, id, reterr);
	if (hm_wall_ms() >= sts_due_ms(e) && hm_wall_ms() >= e->again_ms)
		(void)sts_renew(s, e->domain, id, 0, false, NULL);
	return 0;
}

int
sts_find(struct sts *s, struct hm_arena *arena, struct hm_str domain,
    struct sts_found *ret, struct hm_err *reterr)
{
	struct sts_entry e = { 0 };
	struct hm_err err = { 0 };
	int64_t fetched;
	int r = sts_cache_get(s, arena, domain, &e, &err);

	*ret = (struct sts_found){ 0 };
	if (r < 0 && r != -HM_ENOENT)
		return hm_err_set(reterr, r, "MTA-STS policies cannot be read: "
		    "%s", err.text);
	e.domain = domain;
	fetched = e.fetched_ms;
	r = find(s, arena, &e, reterr);
	if (r == 0 && holds(&e)) {
		take(arena, &e, ret);
		sts_cache_touch(s, &e);
	}
	hm_count_in(s->metrics->lookups, r < 0 ? LOOKUP_UNKNOWN : !ret->any ?
	    LOOKUP_NONE : e.fetched_ms != fetched ? LOOKUP_FETCHED :
	    LOOKUP_CACHED, 1);
	return r;
}
