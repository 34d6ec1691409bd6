/* filter.c - which of the queue's recipients a command is about. */
#include <hermod/conf.h>

#include "filter.h"

enum { PAGE = 100 };

const struct hm_cmd_flag queue_filter_flags[] = {
	QUEUE_FILTER_FLAGS, { .name = NULL }
};

/* ---- reading one ---- */

/* "<1h" or ">1h" around a moment. */
static int
read_time(struct hm_cmd *cmd, const char *flag, int64_t now_ms, int sign,
    int64_t *ret_ms, bool *ret_before)
{
	struct hm_str text = hm_str(hm_cmd_flag(cmd, flag));
	int64_t span;

	if (text.p == NULL)
		return 0;
	if (text.len < 2 || (text.p[0] != '<' && text.p[0] != '>') ||
	    hm_value_time(hm_str_skip(text, 1), &span) < 0) {
		hm_cmd_error(cmd, "--%s: write \"<1h\" or \">2d\", not \"%.*s\"",
		    flag, HM_FMT(text));
		return 2;
	}
	/* "Less than an hour ago" is a later moment than "more than". */
	*ret_ms = now_ms + sign * span;
	*ret_before = (text.p[0] == '<') == (sign > 0);
	return 0;
}

int
queue_filter_read(struct hm_cmd *cmd, struct queue_filter *ret)
{
	struct queue_module *q = hm_mod_state(hm_cmd_mod(cmd));
	int64_t now = queue_now_ms(q->shared);
	const char *id = hm_cmd_flag(cmd, "id"), *hold = hm_cmd_flag(cmd, "hold");
	int r;

	*ret = (struct queue_filter){
		.account = hm_str(hm_cmd_flag(cmd, "account")),
		.from = hm_str(hm_cmd_flag(cmd, "from")),
		.to = hm_str(hm_cmd_flag(cmd, "to")),
		.domain = hm_str(hm_cmd_flag(cmd, "domain")),
		.transport = hm_str(hm_cmd_flag(cmd, "transport")),
	};
	if (id != NULL && (hm_str_u64(hm_str(id), INT64_MAX, &ret->id) < 0 ||
	    ret->id == 0)) {
		hm_cmd_error(cmd, "--id: \"%s\" is no id of a message", id);
		return 2;
	}
	if (hold != NULL) {
		ret->hold = hm_str_is(hm_str(hold), "yes") ? 1 :
		    hm_str_is(hm_str(hold), "no") ? -1 : 0;
		if (ret->hold == 0) {
			hm_cmd_error(cmd, "--hold: write yes or no");
			return 2;
		}
	}
	r = read_time(cmd, "submitted", now, -1, &ret->submitted_ms,
	    &ret->submitted_before);
	if (r == 0)
		r = read_time(cmd, "next", now, 1, &ret->next_ms,
		    &ret->next_before);
	for (const struct hm_cmd_flag *f = queue_filter_flags; f->name; f++)
		if (hm_cmd_flag(cmd, f->name) != NULL)
			ret->any = true;
	return r;
}

/* ---- what fits ---- */

static bool
within(int64_t limit_ms, bool before, int64_t at_ms)
{
	return limit_ms == 0 || (before ? at_ms < limit_ms : at_ms > limit_ms);
}

bool
queue_filter_fits(const struct queue_filter *f, const struct queue_message *msg,
    const struct queue_rcpt *rcpt)
{
	return (f->id == 0 || f->id == msg->id) &&
	    (f->account.len == 0 || hm_str_eq(f->account, msg->account)) &&
	    (f->from.len == 0 || hm_str_casefind(msg->sender, f->from) >= 0) &&
	    (f->to.len == 0 || hm_str_casefind(rcpt->addr, f->to) >= 0) &&
	    (f->domain.len == 0 || hm_str_caseeq(f->domain, rcpt->domain)) &&
	    (f->transport.len == 0 ||
	    hm_str_eq(f->transport, rcpt->transport)) &&
	    (f->hold == 0 || rcpt->held == (f->hold > 0)) &&
	    within(f->submitted_ms, f->submitted_before, msg->queued_ms) &&
	    within(f->next_ms, f->next_before, rcpt->next_ms);
}

/* ---- pages ---- */

struct paging {
	struct queue_module *q;
	const struct queue_filter *f;
	struct hm_arena *arena;
	struct hm_buf from;            /* the key to go on with */
	struct queue_found *found;
	size_t nread, n;
	uint64_t ndamaged;
	bool more;
	struct hm_err *err;
};

static int
take_rcpt(struct hm_str key, struct hm_str value, void *arg)
{
	struct paging *p = arg;
	struct queue_found *found = &p->found[p->nread];
	uint64_t id;
	uint32_t number;

	if (p->nread == PAGE) {
		hm_buf_clear(&p->from);
		hm_buf_str(&p->from, key);
		p->more = true;
		return 1;
	}
	if (hm_take_be64(&key, &id) < 0 || hm_take_be32(&key, &number) < 0)
		return -HM_ECORRUPT;
	if (p->f->id != 0 && id != p->f->id)
		return 1;
	found->damage = queue_rcpt_unpack(hm_str_dup(p->arena, value), id,
	    number, &found->rcpt) == 0 ? QUEUE_SOUND : QUEUE_DAMAGED_RCPT;
	p->nread++;
	return 0;
}

/* 1: it is one of those that are looked for. */
static int
look_at(struct paging *p, struct hm_kv_txn *txn, struct queue_found *found)
{
	struct queue_module *q = p->q;
	uint64_t id = found->rcpt.id;
	uint32_t number = found->rcpt.number;
	int r = 0;

	if (found->damage == QUEUE_SOUND) {
		r = queue_get_message(q, txn, p->arena, id, &found->msg);
		found->damage = r == -HM_ECORRUPT ? QUEUE_DAMAGED_MESSAGE :
		    r == -HM_ENOENT ? QUEUE_NO_MESSAGE : QUEUE_SOUND;
	}
	if (found->damage == QUEUE_SOUND)
		return r < 0 ? r : !p->f->damaged &&
		    queue_filter_fits(p->f, &found->msg, &found->rcpt);
	p->ndamaged++;
	if (!p->f->damaged)
		return 0;
	found->rcpt = (struct queue_rcpt){ .id = id, .number = number };
	r = queue_damaged_since(q, txn, id, number, &found->aside_ms);
	return r < 0 ? r : 1;
}

static int
page_txn(struct hm_kv_txn *txn, void *arg)
{
	struct paging *p = arg;
	struct queue_module *q = p->q;
	int r;

	p->nread = p->n = p->ndamaged = 0;
	p->more = false;
	r = q->kv->ops->scan(txn, q->shared->t.rcpt, hm_buf_view(&p->from),
	    (struct hm_str){ 0 }, 0, take_rcpt, p);
	for (size_t i = 0; i < p->nread && r >= 0; i++) {
		struct queue_found *found = &p->found[i];

		r = look_at(p, txn, found);
		if (r > 0)
			p->found[p->n++] = *found;
	}
	return r < 0 ? r : 0;
}

static int
page_job(void *arg)
{
	struct paging *p = arg;

	return hm_kv_run(p->q->kv, HM_KV_READ, page_txn, p, p->err);
}

int
queue_find(struct queue_module *q, const struct queue_filter *f,
    int (*fn)(const struct queue_found *found, void *arg), void *arg,
    uint64_t *ret_damaged, struct hm_err *reterr)
{
	struct paging p = { .q = q, .f = f, .err = reterr,
	    .arena = hm_arena_new(NULL, "page") };
	int r;

	if (f->id != 0)
		queue_key_rcpt(&p.from, f->id, 0);
	do {
		p.found = hm_alloc_array(p.arena, PAGE, sizeof(*p.found));
		r = hm_work(page_job, &p);
		if (ret_damaged != NULL)
			*ret_damaged += p.ndamaged;
		for (size_t i = 0; i < p.n && r == 0; i++)
			r = fn(&p.found[i], arg);
		hm_arena_clear(p.arena);
	} while (r == 0 && p.more);
	hm_buf_release(&p.from);
	hm_arena_free(p.arena);
	return r;
}
