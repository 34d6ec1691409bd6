/* housekeep.c - what was sent long ago is forgotten; how late it is, is not. */
#include <stdlib.h>

#include "queue.h"

enum { EVERY_MS = 3600 * 1000, AT_ONCE = 500 };

struct pruning {
	struct queue_module *q;
	int64_t before_ms;
	struct hm_buf keys[AT_ONCE];
	size_t n;
};

static int
take_old(struct hm_str key, struct hm_str value, void *arg)
{
	struct pruning *p = arg;

	(void)value;
	hm_buf_clear(&p->keys[p->n]);
	hm_buf_str(&p->keys[p->n++], key);
	return p->n == AT_ONCE;
}

static int
prune_txn(struct hm_kv_txn *txn, void *arg)
{
	struct pruning *p = arg;
	struct queue_module *q = p->q;
	struct hm_buf to = { 0 };
	int r;

	p->n = 0;
	hm_buf_be64(&to, (uint64_t)p->before_ms);
	r = q->kv->ops->scan(txn, q->shared->t.retired, HM_STR(""), hm_buf_view(&to), 0,
	    take_old, p);
	hm_buf_release(&to);
	for (size_t i = 0; i < p->n && r >= 0; i++)
		r = q->kv->ops->del(txn, q->shared->t.retired, hm_buf_view(&p->keys[i]));
	return r < 0 ? r : queue_keep_clock(q, txn);
}

static int
prune_job(void *arg)
{
	struct pruning *p = arg;
	int r;

	do
		r = hm_kv_run(p->q->kv, HM_KV_LAZY, prune_txn, p, NULL);
	while (r == 0 && p->n == AT_ONCE);
	for (size_t i = 0; i < AT_ONCE; i++)
		hm_buf_release(&p->keys[i]);
	return r;
}

void
queue_housekeep(void *arg)
{
	struct queue_module *q = arg;

	while (hm_sleep(EVERY_MS) == 0) {
		struct pruning *p = hm_xalloc(sizeof(*p));

		p->q = q;
		p->before_ms = queue_now_ms(q->shared) - q->conf->keep_retired_ms;
		if (hm_work(prune_job, p) < 0)
			hm_log(HM_LOG_WARN, "cannot forget what was sent");
		free(p);
	}
	q->janitor = NULL;
}
