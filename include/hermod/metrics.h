/* metrics.h - what a module counts: for dashboards, alarms and its author.
 *
 * As with options, a table is the only truth: the core fills the module's struct
 * with the handles, and "hermod metrics" prints them all.
 *
 *   struct echo_metrics { struct hm_counter *lines; struct hm_histogram *wait_ms; };
 *   static const struct hm_metric echo_metrics[] = {
 *       HM_COUNTER(struct echo_metrics, lines, "Lines sent back."),
 *       HM_HISTOGRAM(struct echo_metrics, wait_ms, "Time spent waiting.",
 *           10, 100, 1000),
 *       HM_METRIC_END
 *   };
 *   HM_MODULE(echo, ..., .metrics = echo_metrics,
 *       .metrics_size = sizeof(struct echo_metrics));
 *   ...
 *   const struct echo_metrics *n = hm_metrics(call);
 *   hm_count(n->lines, 1);
 *
 * That is hermod_echo_lines_total in the text form of Prometheus; what ends in
 * _ms is printed in seconds, as hermod_echo_wait_seconds. Values go on across
 * generations as long as one of them has the module, and begin at zero when it
 * was gone. What a label can say is fixed by the table, so that no peer can make
 * a list grow. Thread: counting any; the struct lives as long as m.
 */
#ifndef HERMOD_METRICS_H
#define HERMOD_METRICS_H

#include <hermod/conf.h>
#include <hermod/types.h>

struct hm_counter;    /* only grows */
struct hm_gauge;      /* goes up and down */
struct hm_histogram;  /* how many values were at most that large */

enum hm_metric_kind {
	HM_METRIC_COUNTER = 1,
	HM_METRIC_GAUGE = 2,
	HM_METRIC_HISTOGRAM = 3,
};

struct hm_metric {
	const char *name;             /* a-z, 0-9 and _ */
	enum hm_metric_kind kind;
	size_t offset;                /* of the handle in the module's struct */
	const char *help;             /* one sentence */
	const char *label;            /* NULL: one value; else one for each of */
	const char *const *values;    /* these, NULL-ended, at most 100 */
	const int64_t *bounds;        /* histogram: rising, at most 50 */
	size_t nbounds;
};

/* A handle of another kind than the field's does not compile. */
#define HM_METRIC_(T, field, mkind, ctype, text, ...) \
	{ .name = #field, .kind = (mkind), .offset = HM_OPT_AT(T, field, ctype), \
	  .help = (text), ##__VA_ARGS__ }
#define HM_COUNTER(T, f, h, ...) \
	HM_METRIC_(T, f, HM_METRIC_COUNTER, struct hm_counter *, h, ##__VA_ARGS__)
#define HM_GAUGE(T, f, h, ...) \
	HM_METRIC_(T, f, HM_METRIC_GAUGE, struct hm_gauge *, h, ##__VA_ARGS__)
#define HM_HISTOGRAM(T, f, h, ...) \
	HM_METRIC_(T, f, HM_METRIC_HISTOGRAM, struct hm_histogram *, h, \
	    .bounds = (const int64_t[]){ __VA_ARGS__ }, \
	    .nbounds = sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))
/* Behind the help of a counter or gauge: HM_LABEL("result", "ok", "failed"). */
#define HM_LABEL(key, ...) \
	.label = (key), .values = (const char *const[]){ __VA_ARGS__, NULL }
#define HM_METRIC_END { .name = NULL }

/* The module's filled struct. */
HM_API const void *hm_metrics(struct hm_call *call);
HM_API const void *hm_mod_metrics(const struct hm_mod *m);

HM_API void hm_count(struct hm_counter *c, uint64_t n);
HM_API void hm_gauge_set(struct hm_gauge *g, int64_t value);
HM_API void hm_gauge_add(struct hm_gauge *g, int64_t delta);
HM_API void hm_observe(struct hm_histogram *h, int64_t value);
/* The same where there is a label; which is the index into its values. */
HM_API void hm_count_in(struct hm_counter *c, size_t which, uint64_t n);
HM_API void hm_gauge_set_in(struct hm_gauge *g, size_t which, int64_t value);
HM_API void hm_gauge_add_in(struct hm_gauge *g, size_t which, int64_t delta);
/* What was counted so far, for a command of one's own. */
HM_API uint64_t hm_counter_value(const struct hm_counter *c, size_t which);
HM_API int64_t hm_gauge_value(const struct hm_gauge *g, size_t which);

/* Everything that core and modules count, as "hermod metrics" prints it: for a
 * module that hands it out. Thread: the loop thread. */
HM_API void hm_metrics_text(struct hm_mod *m, struct hm_buf *out);

#endif
