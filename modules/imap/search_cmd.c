/* search_cmd.c - SEARCH and UID SEARCH (RFC 9051, 6.4.4; RFC 4731; RFC 5182;
 * RFC 7162, 3.1.5). */
#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/log.h>
#include <hermod/work.h>

#include "imap.h"
#include "recent.h"
#include "search_text.h"

enum {
	RETURN_MIN = 1, RETURN_MAX = 2, RETURN_ALL = 4, RETURN_COUNT = 8,
	RETURN_SAVE = 16,
};

enum { TURN = 4096 };      /* messages, before other sessions have theirs */

struct search {
	struct imap_cmd *c;
	bool extended;             /* RETURN was given */
	unsigned wanted;
	bool bad_charset;
	struct imap_search program;

	struct hm_uidset_builder numbers, uids;
	uint64_t count;
	uint64_t unread, last_unread; /* how many cannot be read; a msgid */
	struct hm_err why;         /* of the last of them, or of the store */
	/* Judged out of order, so the ends are kept by comparison. */
	uint32_t min, max, min_uid, max_uid;
	uint64_t min_modseq, max_modseq, modseq;
};

/* "RETURN (MIN COUNT) " */
static bool
take_return(struct search *q)
{
	static const struct { const char *word; unsigned what; } options[] = {
		{ "MIN", RETURN_MIN }, { "MAX", RETURN_MAX },
		{ "ALL", RETURN_ALL }, { "COUNT", RETURN_COUNT },
		{ "SAVE", RETURN_SAVE },
	};
	struct imap_parse *p = &q->c->p;
	size_t i;

	q->extended = true;
	if (!imap_p_sp(p) || !imap_p_char(p, '('))
		return false;
	while (imap_p_peek(p) != ')') {
		if (q->wanted && !imap_p_sp(p))
			return false;
		for (i = 0; i < HM_ARRAY_LEN(options); i++)
			if (imap_p_word(p, options[i].word))
				break;
		if (i == HM_ARRAY_LEN(options))
			return imap_p_fail(p, "a return option");
		q->wanted |= options[i].what;
	}
	return imap_p_char(p, ')') && imap_p_sp(p);
}

static bool
take_args(struct search *q)
{
	struct imap_parse *p = &q->c->p;
	struct hm_str charset;

	if (!imap_p_sp(p))
		return false;
	if (imap_p_word(p, "RETURN") && !take_return(q))
		return false;
	if (!q->wanted)
		q->wanted = RETURN_ALL;
	if (imap_p_word(p, "CHARSET")) {
		if (!imap_p_sp(p) || !imap_p_astring(p, &charset) ||
		    !imap_p_sp(p))
			return false;
		q->bad_charset = !hm_str_caseis(charset, "US-ASCII") &&
		    !hm_str_caseis(charset, "UTF-8");
		if (q->bad_charset)
			return true;
	}
	return imap_p_search(p, &q->program);
}

static void
bind(struct search *q)
{
	struct imap_selected *sel = q->c->s->sel;
	struct imap_search_bind to = {
		.messages = imap_sel_count(sel),
		.last_uid = imap_sel_last_uid(sel),
		.nkeywords = sel->box ? sel->box->nkeywords : 0,
		.keywords = sel->box ? sel->box->keywords : NULL,
		.saved_uids = sel->saved,
		.recent = imap_recent_set(sel),
		.now_s = hm_wall_ms() / 1000,
	};

	imap_sel_seqs(sel, &sel->saved, q->c->arena, &to.saved_seqs);
	imap_search_bind(&q->program, &to);
}

static void
add_match(struct search *q, const struct hm_entry *e, uint32_t seq)
{
	uint32_t number = imap_cmd_uid(q->c) ? e->uid : seq;

	if (q->count == 0 || number < q->min) {
		q->min = number;
		q->min_uid = e->uid;
		q->min_modseq = e->modseq;
	}
	if (q->count == 0 || number > q->max) {
		q->max = number;
		q->max_uid = e->uid;
		q->max_modseq = e->modseq;
	}
	if (e->modseq > q->modseq)
		q->modseq = e->modseq;
	q->count++;
	if (q->wanted & (RETURN_ALL | RETURN_SAVE)) {
		hm_uidset_add(&q->numbers, number, number);
		if (q->wanted & RETURN_SAVE)
			hm_uidset_add(&q->uids, e->uid, e->uid);
	}
}

static int
run_job(struct search *q, struct imap_search_job *job)
{
	struct imap *s = q->c->s;
	size_t i;
	int r;

	if (job->n == 0)
		return 0;
	r = hm_work(imap_search_work, job);
	if (r < 0)
		q->why = job->err;
	for (i = 0; r == 0 && i < job->n; i++) {
		if (job->says[i] > 0) {
			add_match(q, job->entry[i], job->seq[i]);
		} else if (job->says[i] < 0 && job->says[i] != -HM_ENOENT) {
			q->unread++;
			q->last_unread = job->entry[i]->msgid;
			q->why = job->err;
		}
	}
	job->n = 0;
	if (hm_fiber_cancelled())
		s->broken = -HM_ECANCELED;
	return s->broken ? s->broken : r;
}

static int
walk(struct search *q)
{
	struct imap *s = q->c->s;
	struct imap_search_job *job = hm_alloc(q->c->arena, sizeof(*job));
	const struct hm_entry *e;
	bool reads = imap_search_reads(&q->program);
	struct imap_sel_iter it;
	size_t ahead = 0, seen = 0;
	int r = 0, says;

	job->search = &q->program;
	job->store = s->srv->store;
	job->acc = s->acc;
	imap_sel_iter(&it, s->sel, 1);
	while (r == 0 && (e = imap_sel_next(&it)) != NULL) {
		if (++seen % TURN == 0)
			hm_yield();
		says = imap_search_eval(&q->program, e, it.seq, NULL, NULL);
		if (says > 0)
			add_match(q, e, it.seq);
		if (says >= 0)
			continue;
		job->entry[job->n] = e;
		job->seq[job->n] = it.seq;
		if (reads && e->size <= IMAP_SEARCH_SMALL)
			ahead += e->size;
		if (++job->n < IMAP_SEARCH_BATCH && ahead < IMAP_SEARCH_AHEAD)
			continue;
		r = run_job(q, job);
		ahead = 0;
	}
	return r < 0 ? r : run_job(q, job);
}

/* Which of the results "$" keeps (RFC 5182, 2.4). */
static void
save(struct search *q)
{
	struct hm_uidset uids;

	if ((q->wanted & (RETURN_MIN | RETURN_MAX)) &&
	    !(q->wanted & (RETURN_ALL | RETURN_COUNT))) {
		hm_uidset_release(&q->uids);
		if (q->count && q->wanted & RETURN_MIN)
			hm_uidset_add(&q->uids, q->min_uid, q->min_uid);
		if (q->count && q->wanted & RETURN_MAX)
			hm_uidset_add(&q->uids, q->max_uid, q->max_uid);
	}
	hm_uidset_take(&q->uids, q->c->arena, &uids);
	imap_sel_save(q->c->s->sel, &uids);
}

static uint64_t
modseq_of(const struct search *q)
{
	if (q->wanted & (RETURN_ALL | RETURN_COUNT))
		return q->modseq;
	if (!(q->wanted & RETURN_MIN))
		return q->max_modseq;
	if (!(q->wanted & RETURN_MAX) || q->min_modseq > q->max_modseq)
		return q->min_modseq;
	return q->max_modseq;
}

/* "* ESEARCH (TAG "a") UID COUNT 3" */
static void
put_extended(struct search *q, const struct hm_uidset *numbers)
{
	struct hm_buf *out = &q->c->s->out;

	if (q->wanted == RETURN_SAVE)
		return;
	hm_buf_puts(out, "* ESEARCH (TAG ");
	imap_put_string(out, q->c->tag, false);
	hm_buf_puts(out, imap_cmd_uid(q->c) ? ") UID" : ")");
	if (q->count && q->wanted & RETURN_MIN)
		hm_buf_printf(out, " MIN %u", q->min);
	if (q->count && q->wanted & RETURN_MAX)
		hm_buf_printf(out, " MAX %u", q->max);
	if (q->wanted & RETURN_COUNT)
		hm_buf_printf(out, " COUNT %llu", (unsigned long long)q->count);
	if (q->count && q->wanted & RETURN_ALL) {
		hm_buf_puts(out, " ALL ");
		imap_put_uidset(out, numbers);
	}
	if (q->count && q->program.has_modseq)
		hm_buf_printf(out, " MODSEQ %llu",
		    (unsigned long long)modseq_of(q));
	hm_buf_puts(out, "\r\n");
}

/* "* SEARCH 1 2 3", also when there is nothing. */
static void
put_plain(struct search *q, const struct hm_uidset *numbers)
{
	struct imap *s = q->c->s;
	uint64_t n;
	size_t i;

	hm_buf_puts(&s->out, "* SEARCH");
	for (i = 0; i < numbers->n; i++) {
		for (n = numbers->at[i].first; n <= numbers->at[i].last; n++) {
			hm_buf_putc(&s->out, ' ');
			imap_put_u32(&s->out, (uint32_t)n);
		}
		imap_pump(s);
	}
	if (q->count && q->program.has_modseq)
		hm_buf_printf(&s->out, " (MODSEQ %llu)",
		    (unsigned long long)q->modseq);
	hm_buf_puts(&s->out, "\r\n");
}

/* A warning, which no more than lessens what is found (RFC 9051, 7.1.2): others'
 * damage shall not keep anybody from searching. */
static void
warn_of_unread(struct search *q)
{
	hm_log(HM_LOG_ERROR, "imap search passed messages over",
	    hm_f("count", q->unread), hm_f("msgid", q->last_unread),
	    hm_f("error", q->why.text));
	hm_buf_printf(&q->c->s->out, "* NO [%s] messages passed over, since they "
	    "cannot be read: %llu\r\n",
	    q->why.code == -HM_ECORRUPT ? "CORRUPTION" : "UNAVAILABLE",
	    (unsigned long long)q->unread);
}

static void
run(struct search *q)
{
	struct imap_cmd *c = q->c;
	struct imap *s = c->s;
	static const struct hm_uidset nothing;
	struct hm_uidset numbers;
	int r;

	if (q->program.has_modseq)
		imap_enable_condstore(s);
	imap_sync(s, false, NULL);
	bind(q);
	r = walk(q);
	if (r < 0) {
		if (q->wanted & RETURN_SAVE)
			imap_sel_save(s->sel, &nothing);
		imap_no_err(c, r, &q->why);
		return;
	}
	if (q->unread)
		warn_of_unread(q);
	hm_uidset_take(&q->numbers, c->arena, &numbers);
	if (q->extended || s->enabled & IMAP_REV2)
		put_extended(q, &numbers);
	else
		put_plain(q, &numbers);
	if (q->wanted & RETURN_SAVE)
		save(q);
	imap_ok(c, "done");
}

void
imap_cmd_search(struct imap_cmd *c)
{
	struct search *q = hm_alloc(c->arena, sizeof(*q));

	q->c = c;
	if (!take_args(q))
		imap_bad_syntax(c);
	else if (q->bad_charset)
		imap_no(c, "[BADCHARSET (US-ASCII UTF-8)] unknown charset");
	else
		run(q);
	hm_uidset_release(&q->numbers);
	hm_uidset_release(&q->uids);
}
