/* sizes.c - own metrics: how large are the messages, and from where do they come?
 * "hermod metrics" prints them with all others.
 */
#include <hermod/plugin.h>

enum { FROM_OUTSIDE, FROM_USERS };

struct sizes_metrics {
	struct hm_counter *messages;
	struct hm_histogram *size_bytes;
};

static const struct hm_metric sizes_metrics[] = {
	HM_COUNTER(struct sizes_metrics, messages, "Messages received.",
	    HM_LABEL("from", "outside", "users")),
	HM_HISTOGRAM(struct sizes_metrics, size_bytes, "Size of a message.",
	    1000, 10000, 100000, 1000000, 10000000),
	HM_METRIC_END
};

static void
count(struct hm_call *call, struct hm_message *msg, size_t from)
{
	const struct sizes_metrics *n = hm_metrics(call);

	hm_count_in(n->messages, from, 1);
	hm_observe(n->size_bytes, (int64_t)hm_message_size(msg));
}

static struct hm_verdict
sizes_message(struct hm_call *call, struct hm_message *msg)
{
	count(call, msg, FROM_OUTSIDE);
	return hm_pass();
}

static struct hm_verdict
sizes_submit(struct hm_call *call, struct hm_message *msg)
{
	count(call, msg, FROM_USERS);
	return hm_pass();
}

static const struct hm_hook sizes_hooks[] = {
	HM_ON(message, HM_ORDER_LAST, sizes_message),
	HM_ON(submit, HM_ORDER_LAST, sizes_submit),
	HM_HOOK_END
};

HM_MODULE(sizes, "1.0", "Counts messages by their size",
	.hooks = sizes_hooks, .metrics = sizes_metrics,
	.metrics_size = sizeof(struct sizes_metrics));
