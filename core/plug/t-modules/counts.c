/* counts.c - a module that counts, in several shapes, for test-metrics.c. */
#include <hermod/plugin.h>

struct counts_metrics {
	struct hm_counter *seen, *results;
	struct hm_gauge *open_now;
	struct hm_histogram *wait_ms;
};

#ifndef BOUNDS
#define BOUNDS 10, 1500
#endif
#ifndef RESULTS
#define RESULTS HM_LABEL("result", "ok", "not \"ok\"")
#endif

static const struct hm_metric counts_metrics[] = {
	HM_COUNTER(struct counts_metrics, seen, "What was\nseen."),
	HM_COUNTER(struct counts_metrics, results, "How it went.", RESULTS),
	HM_GAUGE(struct counts_metrics, open_now, "What is open."),
	HM_HISTOGRAM(struct counts_metrics, wait_ms, "Time waited.", BOUNDS),
	HM_METRIC_END
};

HM_MODULE_NAMED(NAME, "1", "Counts",
	.metrics = counts_metrics,
	.metrics_size = sizeof(struct counts_metrics) - 0 LESS);
