/* resolver-zone.c - DNS from a file, for tests. */
#include <stdlib.h>
#include <sys/stat.h>

#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/iface/resolver.h>
#include <hermod/plugin.h>
#include <hermod/work.h>

#include "zone.h"

struct zone_conf {
	const char *file;
};

struct state {
	const struct zone_conf *conf;
	struct zone *zone;
	struct stat seen;          /* the file when it was read */
	struct hm_sem reading;
};

static const struct hm_opt zone_options[] = {
	HM_OPT_FILE(struct zone_conf, file, "dns.zone",
	    "A zone file with all there is in the world. It is read again when it "
	    "changes."),
	HM_OPT_END
};

struct reading {
	const struct state *state;
	struct zone *zone;         /* NULL: as it was */
	struct stat seen;
	struct hm_err *err;
};

static bool
is_changed(const struct stat *a, const struct stat *b)
{
	return a->st_ino != b->st_ino || a->st_size != b->st_size ||
	    a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	    a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

static int
read_job(void *arg)
{
	struct reading *job = arg;
	const struct state *s = job->state;

	(void)stat(s->conf->file, &job->seen);
	if (s->zone && !is_changed(&job->seen, &s->seen))
		return 0;
	return zone_read(s->conf->file, &job->zone, job->err);
}

static void
take_over(struct state *s, const struct reading *job)
{
	s->seen = job->seen;
	if (!job->zone)
		return;
	zone_free(s->zone);
	s->zone = job->zone;
}

/* Reads the file if it is another one; the old one serves as long as the new one
 * has mistakes. */
static HM_FIBER int
refresh(struct state *s)
{
	struct hm_err err = { 0 };
	struct reading job = { .state = s, .err = &err };
	int rc = hm_sem_take(&s->reading, -1);

	if (rc < 0)
		return rc;
	if (hm_work(read_job, &job) < 0)
		hm_log(HM_LOG_WARN, "zone file", hm_f("file", err.file),
		    hm_f("line", err.line), hm_f("error", err.text));
	take_over(s, &job);
	hm_sem_give(&s->reading);
	return 0;
}

static HM_FIBER int
zone_query(struct hm_mod *self, struct hm_str name, enum hm_dns_type type,
    unsigned flags, int64_t timeout_ms, struct hm_arena *arena,
    struct hm_dns_answer *ret)
{
	struct state *s = hm_mod_state(self);
	struct hm_str ascii;
	int64_t delay_ms;
	int rc;

	(void)flags;
	if (timeout_ms <= 0)
		timeout_ms = 30000;
	if (hm_dns_name(arena, name, &ascii) < 0) {
		*ret = (struct hm_dns_answer){ .outcome = HM_DNS_BADNAME,
		    .type = type, .name = hm_str_dup(arena, name), .ede = -1,
		    .reason = hm_str(hm_dns_outcome_text(HM_DNS_BADNAME)) };
		ret->canonical = ret->name;
		return 0;
	}
	rc = refresh(s);
	if (rc < 0)
		return rc;
	zone_answer(s->zone, ascii, type, arena, ret, &delay_ms);
	if (delay_ms < 0 || delay_ms > timeout_ms) {
		*ret = (struct hm_dns_answer){ .outcome = HM_DNS_TIMEOUT,
		    .type = type, .name = ascii, .canonical = ascii, .ede = -1,
		    .reason = hm_str(hm_dns_outcome_text(HM_DNS_TIMEOUT)) };
		delay_ms = timeout_ms;
	}
	return delay_ms > 0 ? hm_sleep(delay_ms) : hm_yield();
}

static bool
zone_can_secure(struct hm_mod *self)
{
	(void)self;
	return true;
}

static const struct hm_resolver_ops zone_ops = {
	.size = sizeof(zone_ops),
	.query = zone_query,
	.can_secure = zone_can_secure,
};

static const struct hm_provide zone_provides[] = {
	HM_PROVIDE(resolver, &zone_ops), HM_PROVIDE_END
};

static void
release(void *arg)
{
	struct state *s = arg;

	zone_free(s->zone);
}

static int
zone_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct state *s = hm_new(hm_mod_arena(m), struct state);
	struct reading job = { .state = s, .err = reterr };
	int rc;

	s->conf = hm_mod_conf(m);
	s->reading.free = 1;
	hm_mod_set(m, s);
	hm_on_free(hm_mod_arena(m), release, s);
	rc = hm_work(read_job, &job);
	take_over(s, &job);
	return rc;
}

HM_MODULE_NAMED("resolver-zone", "1.0", "DNS from a file, for tests",
	.conf_size = sizeof(struct zone_conf), .options = zone_options,
	.provides = zone_provides, .open = zone_open);
