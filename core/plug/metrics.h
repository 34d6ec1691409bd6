/* metrics.h - the registry behind <hermod/metrics.h>. Loop thread; values any. */
#ifndef HERMOD_PLUG_METRICS_H
#define HERMOD_PLUG_METRICS_H

#include <hermod/metrics.h>

struct hm_core;
struct hm_generation;
struct hm_module_def;

/* Whether a module's table makes sense; what is wrong, or NULL. */
const char *hm_metrics_check(const struct hm_module_def *def);
/* Fills m->metrics: cells that another generation uses already go on. */
void hm_metrics_bind(struct hm_mod *m);
void hm_metrics_unbind(struct hm_mod *m);

/* All numbers of a module in a row: for one that counts in another process. */
size_t hm_metrics_cells(const struct hm_mod *m);
int64_t hm_metrics_cell(const struct hm_mod *m, size_t i);
/* Counters never fall, whatever delta says. */
void hm_metrics_cell_add(struct hm_mod *m, size_t i, int64_t delta);
bool hm_metrics_cell_is_gauge(const struct hm_mod *m, size_t i);

/* Writing: each family is begun once, then has its samples. */
struct hm_metrics_out {
	struct hm_buf *out;
	bool json;
	bool any;
	const char *name;              /* of the family, without suffix */
	enum hm_metric_kind kind;
	bool ms;                       /* written in seconds */
};
void hm_metrics_family(struct hm_metrics_out *o, const char *name,
    enum hm_metric_kind kind, const char *help);
/* labels: key, value, ... NULL. */
void hm_metrics_sample(struct hm_metrics_out *o, const char *const *labels,
    int64_t value);
/* All that the core and the modules of it count. */
void hm_metrics_write(const struct hm_core *core, struct hm_buf *out, bool json);

#endif
