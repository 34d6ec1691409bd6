/* stamp.c - a plugin that reads each message and says above it what it read. */
#include <stdio.h>
#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/plugin.h>

struct stamp_metrics {
	struct hm_counter *messages;
};

static const struct hm_metric stamp_metrics[] = {
	HM_COUNTER(struct stamp_metrics, messages, "Messages."),
	HM_METRIC_END
};

/* How many messages of this session came before. */
struct stamp_session {
	int messages;
};

static struct hm_verdict
stamp_message(struct hm_call *call, struct hm_message *msg)
{
	const struct stamp_metrics *n = hm_metrics(call);
	struct stamp_session *s = hm_slot(call, HM_SCOPE_SESSION, sizeof(*s),
	    NULL);
	char *chunk = hm_xalloc(10000);
	unsigned sum = 0;
	uint64_t at = 0;
	ssize_t got;

	while ((got = hm_message_read(msg, at, chunk, 10000)) > 0) {
		for (ssize_t i = 0; i < got; i++)
			sum = sum * 31 + (unsigned char)chunk[i];
		at += (uint64_t)got;
	}
	free(chunk);
	if (got < 0 || at != hm_message_size(msg))
		return hm_fail("not all of it can be read");
#ifdef STAMP_CRASHES
	abort();
#endif
	hm_count(n->messages, 1);
	if (hm_message_remove_field(msg, "X-Remove") < 0)
		return hm_fail("a field cannot be removed");
	return hm_ok_or_fail(hm_message_add_field(msg, "X-Stamp",
	    hm_printf(hm_call_arena(call), "%llu %08x %zu %d %s",
	    (unsigned long long)at, sum, hm_message_rcpts(msg),
	    s != NULL ? s->messages++ : -1, STAMP)));
}

static const struct hm_hook stamp_hooks[] = {
	HM_ON(message, HM_ORDER_REWRITE, stamp_message),
	HM_HOOK_END
};

HM_MODULE(stamp, STAMP, "Stamps messages", .hooks = stamp_hooks,
	.metrics = stamp_metrics, .metrics_size = sizeof(struct stamp_metrics));
