/* metrics.c - what modules count, kept across generations, and its text form.
 *
 * A family is one metric of one module. Each instance of the module that has it
 * counts as one use; the last takes it along.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "cmd.h"
#include "generation.h"
#include "metrics.h"
#include "remote.h"

enum { MAX_METRICS = 500, MAX_VALUES = 100, MAX_BOUNDS = 50 };

/* What a handle points to: for each value of the label one number, or for a
 * histogram one for each bound, one for what is larger, and the sum. */
struct series {
	size_t n_values;
	size_t n_bounds;
	const int64_t *bounds;
	_Atomic int64_t cells[];
};

struct hm_family {
	struct hm_family *next;
	struct hm_arena *arena;
	const char *module, *name, *help, *label;
	const char **values;
	enum hm_metric_kind kind;
	unsigned uses;
	struct series *series;
};

/* ---- tables ---- */

static bool
good_word(const char *s)
{
	size_t n = s == NULL ? 0 :
	    strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return n > 0 && n <= 64 && s[n] == '\0' && (s[0] < '0' || s[0] > '9');
}

static size_t
count_values(const struct hm_metric *metric)
{
	size_t n = 0;

	if (metric->label == NULL)
		return 1;
	while (metric->values[n] != NULL && n <= MAX_VALUES)
		n++;
	return n;
}

static const char *
wrong_entry(const struct hm_metric *metric, size_t struct_size)
{
	if (!good_word(metric->name) || metric->help == NULL)
		return "an entry without a name of a-z, 0-9 and _, or without help";
	if (metric->kind < HM_METRIC_COUNTER || metric->kind > HM_METRIC_HISTOGRAM)
		return "an entry of an unknown kind";
	if (struct_size < sizeof(void *) ||
	    metric->offset > struct_size - sizeof(void *))
		return "an entry that lies outside metrics_size";
	if (metric->label != NULL && (!good_word(metric->label) ||
	    metric->values == NULL || count_values(metric) == 0 ||
	    count_values(metric) > MAX_VALUES))
		return "a label without values, or with more than 100";
	if (metric->kind != HM_METRIC_HISTOGRAM)
		return NULL;
	if (metric->label != NULL || metric->bounds == NULL ||
	    metric->nbounds == 0 || metric->nbounds > MAX_BOUNDS)
		return "a histogram with a label, or without 1 to 50 bounds";
	for (size_t i = 1; i < metric->nbounds; i++)
		if (metric->bounds[i] <= metric->bounds[i - 1])
			return "a histogram whose bounds do not rise";
	return NULL;
}

const char *
hm_metrics_check(const struct hm_module_def *def)
{
	const struct hm_metric *metric;
	const char *wrong;

	for (metric = def->metrics; metric != NULL && metric->name != NULL;
	    metric++) {
		if (metric - def->metrics >= MAX_METRICS)
			return "more than 500 entries";
		if ((wrong = wrong_entry(metric, def->metrics_size)) != NULL)
			return wrong;
	}
	return NULL;
}

/* ---- families ---- */

static bool
same_shape(const struct hm_family *f, const struct hm_metric *metric)
{
	const struct series *s = f->series;

	if (f->kind != metric->kind || s->n_values != count_values(metric) ||
	    s->n_bounds != metric->nbounds ||
	    (f->label == NULL) != (metric->label == NULL))
		return false;
	if (f->label != NULL && strcmp(f->label, metric->label) != 0)
		return false;
	for (size_t i = 0; f->label != NULL && i < s->n_values; i++)
		if (strcmp(f->values[i], metric->values[i]) != 0)
			return false;
	return s->n_bounds == 0 || memcmp(s->bounds, metric->bounds,
	    s->n_bounds * sizeof(*s->bounds)) == 0;
}

static struct hm_family *
find(struct hm_core *core, const char *module, const struct hm_metric *metric)
{
	struct hm_family *f;

	for (f = core->families; f != NULL; f = f->next)
		if (strcmp(f->name, metric->name) == 0 &&
		    strcmp(f->module, module) == 0 && same_shape(f, metric))
			return f;
	return NULL;
}

static struct series *
series_new(struct hm_arena *arena, const struct hm_metric *metric)
{
	size_t n = count_values(metric), cells = n;
	struct series *s;
	int64_t *bounds;

	if (metric->kind == HM_METRIC_HISTOGRAM)
		cells = metric->nbounds + 2;
	s = hm_alloc(arena, sizeof(*s) + cells * sizeof(s->cells[0]));
	s->n_values = n;
	if (metric->kind == HM_METRIC_HISTOGRAM) {
		bounds = hm_alloc_array(arena, metric->nbounds, sizeof(*bounds));
		memcpy(bounds, metric->bounds,
		    metric->nbounds * sizeof(*bounds));
		s->bounds = bounds;
		s->n_bounds = metric->nbounds;
	}
	return s;
}

/* All strings are copied: the code they lie in may be unloaded before. */
static struct hm_family *
family_new(struct hm_core *core, const char *module,
    const struct hm_metric *metric)
{
	struct hm_arena *arena = hm_arena_new(NULL, "metric");
	struct hm_family *f = hm_new(arena, struct hm_family);
	struct hm_family **at = &core->families;

	f->arena = arena;
	f->module = hm_strdup(arena, module);
	f->name = hm_strdup(arena, metric->name);
	f->help = hm_strdup(arena, metric->help);
	f->kind = metric->kind;
	f->series = series_new(arena, metric);
	if (metric->label != NULL) {
		f->label = hm_strdup(arena, metric->label);
		f->values = hm_alloc_array(arena, f->series->n_values,
		    sizeof(*f->values));
		for (size_t i = 0; i < f->series->n_values; i++)
			f->values[i] = hm_strdup(arena, metric->values[i]);
	}
	/* By module, then as its table says. */
	while (*at != NULL && strcmp((*at)->module, module) <= 0)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
	return f;
}

static void
unuse(struct hm_core *core, struct hm_family *f)
{
	struct hm_family **at;

	if (--f->uses > 0)
		return;
	for (at = &core->families; *at != f; at = &(*at)->next)
		;
	*at = f->next;
	hm_arena_free(f->arena);
}

void
hm_metrics_bind(struct hm_mod *m)
{
	const struct hm_metric *table = m->def->metrics;
	struct hm_core *core = m->gen->core;
	size_t n = 0;

	while (table != NULL && table[n].name != NULL)
		n++;
	if (n == 0)
		return;
	m->metrics = hm_alloc(m->arena, m->def->metrics_size);
	m->families = hm_alloc_array(m->gen->arena, n, sizeof(*m->families));
	for (size_t i = 0; i < n; i++) {
		struct hm_family *f = find(core, m->name, &table[i]);

		if (f == NULL)
			f = family_new(core, m->name, &table[i]);
		f->uses++;
		m->families[m->n_families++] = f;
		memcpy((char *)m->metrics + table[i].offset, &f->series,
		    sizeof(f->series));
	}
}

void
hm_metrics_unbind(struct hm_mod *m)
{
	while (m->n_families > 0)
		unuse(m->gen->core, m->families[--m->n_families]);
}

const void *
hm_mod_metrics(const struct hm_mod *m)
{
	return m->metrics;
}

const void *
hm_metrics(struct hm_call *call)
{
	return call->mod->metrics;
}

/* ---- counting ---- */

static void
cell_add(struct series *s, size_t which, int64_t n)
{
	if (which < s->n_values)
		atomic_fetch_add_explicit(&s->cells[which], n,
		    memory_order_relaxed);
}

static int64_t
cell(const struct series *s, size_t which)
{
	return atomic_load_explicit(&s->cells[which], memory_order_relaxed);
}

void
hm_count_in(struct hm_counter *c, size_t which, uint64_t n)
{
	cell_add((struct series *)c, which, (int64_t)n);
}

void
hm_count(struct hm_counter *c, uint64_t n)
{
	hm_count_in(c, 0, n);
}

void
hm_gauge_add_in(struct hm_gauge *g, size_t which, int64_t delta)
{
	cell_add((struct series *)g, which, delta);
}

void
hm_gauge_add(struct hm_gauge *g, int64_t delta)
{
	hm_gauge_add_in(g, 0, delta);
}

void
hm_gauge_set_in(struct hm_gauge *g, size_t which, int64_t value)
{
	struct series *s = (struct series *)g;

	if (which < s->n_values)
		atomic_store_explicit(&s->cells[which], value,
		    memory_order_relaxed);
}

void
hm_gauge_set(struct hm_gauge *g, int64_t value)
{
	hm_gauge_set_in(g, 0, value);
}

void
hm_observe(struct hm_histogram *h, int64_t value)
{
	struct series *s = (struct series *)h;
	size_t i = 0;

	while (i < s->n_bounds && value > s->bounds[i])
		i++;
	atomic_fetch_add_explicit(&s->cells[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->cells[s->n_bounds + 1], value,
	    memory_order_relaxed);
}

uint64_t
hm_counter_value(const struct hm_counter *c, size_t which)
{
	const struct series *s = (const struct series *)c;

	return which < s->n_values ? (uint64_t)cell(s, which) : 0;
}

int64_t
hm_gauge_value(const struct hm_gauge *g, size_t which)
{
	const struct series *s = (const struct series *)g;

	return which < s->n_values ? cell(s, which) : 0;
}

/* ---- from another process ---- */

static size_t
family_cells(const struct hm_family *f)
{
	const struct series *s = f->series;

	return f->kind == HM_METRIC_HISTOGRAM ? s->n_bounds + 2 : s->n_values;
}

/* The ith of all; *i becomes its place in its family. NULL: no such. */
static struct hm_family *
find_cell(const struct hm_mod *m, size_t *i)
{
	for (size_t f = 0; f < m->n_families; f++) {
		size_t n = family_cells(m->families[f]);

		if (*i < n)
			return m->families[f];
		*i -= n;
	}
	return NULL;
}

size_t
hm_metrics_cells(const struct hm_mod *m)
{
	size_t n = 0;

	for (size_t f = 0; f < m->n_families; f++)
		n += family_cells(m->families[f]);
	return n;
}

int64_t
hm_metrics_cell(const struct hm_mod *m, size_t i)
{
	const struct hm_family *f = find_cell(m, &i);

	return f != NULL ? cell(f->series, i) : 0;
}

bool
hm_metrics_cell_is_gauge(const struct hm_mod *m, size_t i)
{
	const struct hm_family *f = find_cell(m, &i);

	return f != NULL && f->kind == HM_METRIC_GAUGE;
}

void
hm_metrics_cell_add(struct hm_mod *m, size_t i, int64_t delta)
{
	struct hm_family *f = find_cell(m, &i);

	/* The sum of a histogram may fall as well: it is the last. */
	if (f != NULL && (delta >= 0 || f->kind == HM_METRIC_GAUGE ||
	    (f->kind == HM_METRIC_HISTOGRAM && i == f->series->n_bounds + 1)))
		atomic_fetch_add_explicit(&f->series->cells[i], delta,
		    memory_order_relaxed);
}

/* ---- writing ---- */

/* Backslash, line end and (in values) quotes are escaped. */
static void
put_escaped(struct hm_buf *out, const char *s, bool quotes)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n')
			hm_buf_puts(out, "\\n");
		else if (*s == '\\' || (*s == '"' && quotes))
			hm_buf_printf(out, "\\%c", *s);
		else
			hm_buf_putc(out, *s);
	}
}

static void
put_name(struct hm_metrics_out *o, const char *suffix)
{
	size_t len = strlen(o->name);

	hm_buf_printf(o->out, "hermod_%.*s%s%s", (int)(o->ms ? len - 3 : len),
	    o->name, o->ms ? "_seconds" : "", suffix);
}

static const char *
suffix_of(const struct hm_metrics_out *o)
{
	return o->kind == HM_METRIC_COUNTER ? "_total" : "";
}

static const char *
kind_name(enum hm_metric_kind kind)
{
	return kind == HM_METRIC_COUNTER ? "counter" :
	    kind == HM_METRIC_GAUGE ? "gauge" : "histogram";
}

void
hm_metrics_family(struct hm_metrics_out *o, const char *name,
    enum hm_metric_kind kind, const char *help)
{
	o->name = name;
	o->kind = kind;
	o->ms = hm_str_ends(hm_str(name), HM_STR("_ms"));
	if (o->json)
		return;
	hm_buf_puts(o->out, "# HELP ");
	put_name(o, suffix_of(o));
	hm_buf_putc(o->out, ' ');
	put_escaped(o->out, help, false);
	hm_buf_puts(o->out, "\n# TYPE ");
	put_name(o, suffix_of(o));
	hm_buf_printf(o->out, " %s\n", kind_name(kind));
}

static void
put_labels(struct hm_metrics_out *o, const char *const *labels)
{
	for (size_t i = 0; labels[i] != NULL; i += 2) {
		hm_buf_puts(o->out, i ? (o->json ? ", " : ",") : "");
		if (o->json) {
			hm_json_str(o->out, hm_str(labels[i]));
			hm_buf_puts(o->out, ": ");
			hm_json_str(o->out, hm_str(labels[i + 1]));
			continue;
		}
		hm_buf_printf(o->out, "%s=\"", labels[i]);
		put_escaped(o->out, labels[i + 1], true);
		hm_buf_putc(o->out, '"');
	}
}

static void
put_number(struct hm_buf *out, int64_t value, bool ms)
{
	uint64_t n = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	hm_buf_puts(out, value < 0 ? "-" : "");
	hm_buf_u64(out, ms ? n / 1000 : n);
	if (ms && n % 1000 != 0)
		hm_buf_printf(out, ".%03u", (unsigned)(n % 1000));
}

static void
sample(struct hm_metrics_out *o, const char *suffix, const char *const *labels,
    int64_t value, bool ms)
{
	if (o->json) {
		hm_buf_printf(o->out, "%s{\"name\": \"", o->any ? ",\n" : "");
		put_name(o, suffix);
		hm_buf_printf(o->out, "\", \"type\": \"%s\", \"labels\": {",
		    kind_name(o->kind));
		put_labels(o, labels);
		hm_buf_puts(o->out, "}, \"value\": ");
		put_number(o->out, value, ms);
		hm_buf_putc(o->out, '}');
		o->any = true;
		return;
	}
	put_name(o, suffix);
	if (labels[0] != NULL) {
		hm_buf_putc(o->out, '{');
		put_labels(o, labels);
		hm_buf_putc(o->out, '}');
	}
	hm_buf_putc(o->out, ' ');
	put_number(o->out, value, ms);
	hm_buf_putc(o->out, '\n');
}

void
hm_metrics_sample(struct hm_metrics_out *o, const char *const *labels,
    int64_t value)
{
	sample(o, suffix_of(o), labels, value, o->ms);
}

static void
write_histogram(struct hm_metrics_out *o, const struct series *s)
{
	const char *none[] = { NULL }, *le[] = { "le", "+Inf", NULL };
	int64_t all = 0;

	for (size_t i = 0; i <= s->n_bounds; i++) {
		struct hm_buf bound = { 0 };

		all += cell(s, i);
		if (i < s->n_bounds)
			put_number(&bound, s->bounds[i], o->ms);
		le[1] = i < s->n_bounds ? bound.p : "+Inf";
		sample(o, "_bucket", le, all, false);
		hm_buf_release(&bound);
	}
	sample(o, "_sum", none, cell(s, s->n_bounds + 1), o->ms);
	sample(o, "_count", none, all, false);
}

static void
write_family(struct hm_metrics_out *o, const struct hm_family *f)
{
	struct hm_buf name = { 0 };

	hm_buf_printf(&name, "%s_%s", f->module, f->name);
	for (char *p = name.p; *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
	hm_metrics_family(o, name.p, f->kind, f->help);
	for (size_t i = 0; f->kind != HM_METRIC_HISTOGRAM &&
	    i < f->series->n_values; i++) {
		const char *labels[] = { f->label,
		    f->label != NULL ? f->values[i] : NULL, NULL };

		hm_metrics_sample(o, labels, cell(f->series, i));
	}
	if (f->kind == HM_METRIC_HISTOGRAM)
		write_histogram(o, f->series);
	hm_buf_release(&name);
}

/* Of two with one name and another shape, the newer stands behind. */
static bool
is_newest(const struct hm_family *f)
{
	const struct hm_family *other;

	for (other = f->next; other != NULL; other = other->next)
		if (strcmp(other->name, f->name) == 0 &&
		    strcmp(other->module, f->module) == 0)
			return false;
	return true;
}

/* ---- what the core counts itself ---- */

static void
write_core(struct hm_metrics_out *o, const struct hm_core *core)
{
	const char *none[] = { NULL };
	const struct hm_generation *gen;
	int64_t alive = 0;

	for (gen = core->all; gen != NULL; gen = gen->next)
		alive++;
	hm_metrics_family(o, "generation", HM_METRIC_GAUGE,
	    "Number of the current configuration.");
	hm_metrics_sample(o, none, (int64_t)core->last_number);
	hm_metrics_family(o, "generations", HM_METRIC_GAUGE,
	    "Configurations alive, the current one included.");
	hm_metrics_sample(o, none, alive);
	hm_metrics_family(o, "module_restarts", HM_METRIC_COUNTER,
	    "How often the process of an isolated module was gone.");
	for (const struct hm_remote_count *c = core->remote_counts; c != NULL;
	    c = c->next) {
		const char *labels[] = { "module", c->module, NULL };

		hm_metrics_sample(o, labels, (int64_t)c->restarts);
	}
}

static int64_t
stats_calls(const struct hm_hook_stats *stats)
{
	return (int64_t)stats->calls;
}

static int64_t
stats_failed(const struct hm_hook_stats *stats)
{
	return (int64_t)stats->verdicts[HM_FAIL];
}

static int64_t
stats_late(const struct hm_hook_stats *stats)
{
	return (int64_t)stats->late;
}

static int64_t
stats_dropped(const struct hm_hook_stats *stats)
{
	return (int64_t)stats->dropped;
}

static int64_t
stats_ms(const struct hm_hook_stats *stats)
{
	return stats->total_ns / 1000000;
}

static int64_t
stats_stalls(const struct hm_hook_stats *stats)
{
	return (int64_t)stats->hogs;
}

static int64_t
stats_p50(const struct hm_hook_stats *stats)
{
	return hm_stats_percentile(stats, 50);
}

static int64_t
stats_p99(const struct hm_hook_stats *stats)
{
	return hm_stats_percentile(stats, 99);
}

static int64_t
stats_max(const struct hm_hook_stats *stats)
{
	return stats->max_ns;
}

static const struct {
	const char *name, *help;
	int64_t (*value)(const struct hm_hook_stats *stats);
	bool gauge;
} hook_metrics[] = {
	{ "hook_calls", "Calls of a module's function for a hook.", stats_calls,
	  false },
	{ "hook_failed", "Calls that failed or were late.", stats_failed, false },
	{ "hook_late", "Calls that took longer than they may.", stats_late, false },
	{ "hook_dropped", "Events that found the module's queue full.",
	  stats_dropped, false },
	{ "hook_ms", "Time from calls to their answers.", stats_ms, false },
	{ "hook_stalls", "Calls that held up everybody.", stats_stalls, false },
	{ "hook_p50_ns", "Half of the calls took at most so long.", stats_p50,
	  true },
	{ "hook_p99_ns", "99 of 100 calls took at most so long.", stats_p99,
	  true },
	{ "hook_max_ns", "The longest call.", stats_max, true },
};

static void
write_verdicts(struct hm_metrics_out *o, const struct hm_core *core)
{
	static const char *const kinds[] = { "pass", "accept", "junk", "defer",
		"reject", "disconnect", "fail" };
	const struct hm_hook_stats *stats;

	hm_metrics_family(o, "hook_verdicts", HM_METRIC_COUNTER,
	    "What modules answered.");
	for (stats = core->stats; stats != NULL; stats = stats->next) {
		for (int kind = HM_PASS; kind <= HM_FAIL; kind++) {
			const char *labels[] = { "module", stats->module,
			    "hook", hm_hook_name(stats->id), "verdict",
			    kinds[kind], NULL };

			if (!hm_hook_is_event(stats->id))
				hm_metrics_sample(o, labels,
				    (int64_t)stats->verdicts[kind]);
		}
	}
}

static void
write_hooks(struct hm_metrics_out *o, const struct hm_core *core)
{
	const struct hm_hook_stats *stats;

	for (size_t i = 0; i < HM_ARRAY_LEN(hook_metrics); i++) {
		hm_metrics_family(o, hook_metrics[i].name,
		    hook_metrics[i].gauge ? HM_METRIC_GAUGE : HM_METRIC_COUNTER,
		    hook_metrics[i].help);
		for (stats = core->stats; stats != NULL; stats = stats->next) {
			const char *labels[] = { "module", stats->module,
			    "hook", hm_hook_name(stats->id), NULL };

			hm_metrics_sample(o, labels, hook_metrics[i].value(stats));
		}
	}
}

void
hm_metrics_write(const struct hm_core *core, struct hm_buf *out, bool json)
{
	struct hm_metrics_out o = { .out = out, .json = json };
	const struct hm_family *f;

	hm_buf_puts(out, json ? "[\n" : "");
	write_core(&o, core);
	write_hooks(&o, core);
	write_verdicts(&o, core);
	for (f = core->families; f != NULL; f = f->next)
		if (is_newest(f))
			write_family(&o, f);
	hm_buf_puts(out, json ? "\n]\n" : "");
}

void
hm_metrics_text(struct hm_mod *m, struct hm_buf *out)
{
	hm_metrics_write(m->gen->core, out, false);
}
