/* test-metrics.c - what modules count: kept, shaped, written, thread-safe. */
#include <pthread.h>

#include "core/plug/metrics.h"

#include "test-lib.h"

struct counts {
	struct hm_counter *seen, *results;
	struct hm_gauge *open_now;
	struct hm_histogram *wait_ms;
};

static const struct counts *
counts(void)
{
	return hm_mod_metrics(test_mod("counts-it"));
}

/* What is written about counts-it, or about anything if all is set. */
static const char *
written(bool json, const char *from)
{
	static struct hm_buf text;
	const char *at;

	hm_buf_clear(&text);
	hm_metrics_write(test_core, &text, json);
	at = strstr(text.p, from);
	return at != NULL ? at : "";
}

static void
test_text(void)
{
	static const char want[] =
	    "# HELP hermod_counts_it_seen_total What was\\nseen.\n"
	    "# TYPE hermod_counts_it_seen_total counter\n"
	    "hermod_counts_it_seen_total 3\n"
	    "# HELP hermod_counts_it_results_total How it went.\n"
	    "# TYPE hermod_counts_it_results_total counter\n"
	    "hermod_counts_it_results_total{result=\"ok\"} 0\n"
	    "hermod_counts_it_results_total{result=\"not \\\"ok\\\"\"} 2\n"
	    "# HELP hermod_counts_it_open_now What is open.\n"
	    "# TYPE hermod_counts_it_open_now gauge\n"
	    "hermod_counts_it_open_now -7\n"
	    "# HELP hermod_counts_it_wait_seconds Time waited.\n"
	    "# TYPE hermod_counts_it_wait_seconds histogram\n"
	    "hermod_counts_it_wait_seconds_bucket{le=\"0.010\"} 2\n"
	    "hermod_counts_it_wait_seconds_bucket{le=\"1.500\"} 3\n"
	    "hermod_counts_it_wait_seconds_bucket{le=\"+Inf\"} 4\n"
	    "hermod_counts_it_wait_seconds_sum 7.020\n"
	    "hermod_counts_it_wait_seconds_count 4\n";
	const struct counts *n = counts();

	hm_count(n->seen, 3);
	hm_count_in(n->results, 1, 2);
	hm_count_in(n->results, 2, 1); /* no such value */
	hm_gauge_set(n->open_now, 3);
	hm_gauge_add(n->open_now, -10);
	hm_observe(n->wait_ms, 0);
	hm_observe(n->wait_ms, 10);
	hm_observe(n->wait_ms, 11);
	hm_observe(n->wait_ms, 6999);
	is_str(written(false, "# HELP hermod_counts_it"), want, "as text");
	is_int(hm_counter_value(n->results, 1), 2, "a value can be asked for");
	is_int(hm_gauge_value(n->open_now, 0), -7, "so can a gauge");
	has(written(true, "[\n"), "{\"name\": \"hermod_counts_it_results_total\", "
	    "\"type\": \"counter\", \"labels\": {\"result\": \"not \\\"ok\\\"\"}, "
	    "\"value\": 2}", "as JSON");
	has(written(false, ""), "\nhermod_generations 1\n",
	    "the core counts as well");
}

static void
test_generations(void)
{
	const struct counts *old = counts();
	struct hm_mod *first = test_mod("counts-it");

	hm_mod_hold(first, "test");
	test_build("counts-it", "counts", "-DLESS= -DANOTHER");
	is_str(test_reload(), "", "a new version");
	ok(counts() != old, "has a struct of its own");
	hm_count(old->seen, 1);
	hm_count(counts()->seen, 1);
	has(written(false, ""), "\nhermod_counts_it_seen_total 5\n",
	    "old and new count together");
	hm_mod_release(first, "test");
	hm_loop_run_until_idle();
	has(written(false, ""), "\nhermod_counts_it_seen_total 5\n",
	    "what the old one counted stays");

	test_build("counts-it", "counts", "-DLESS= -DBOUNDS=5");
	is_str(test_reload(), "", "other bounds");
	has(written(false, ""), "wait_seconds_bucket{le=\"0.005\"} 0\n",
	    "a metric of another shape begins anew");
	has(written(false, ""), "\nhermod_counts_it_seen_total 5\n",
	    "the others go on");

	test_conf("counts-it", NULL);
	is_str(test_reload(), "", "the module goes");
	hm_loop_run_until_idle();
	is_str(written(false, "counts_it"), "", "and its metrics go along");
	ok(test_core->families == NULL, "nothing is kept");
}

enum { THREADS = 4, TIMES = 20000 };

static void *
count_thread(void *arg)
{
	const struct counts *n = arg;

	for (int i = 0; i < TIMES; i++) {
		hm_count(n->seen, 1);
		hm_observe(n->wait_ms, i % 3000);
		hm_gauge_add(n->open_now, i % 2 ? 1 : -1);
	}
	return NULL;
}

static void
test_threads(void)
{
	const struct counts *n = counts();
	uint64_t before = hm_counter_value(n->seen, 0);
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, count_thread, (void *)(uintptr_t)n);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	is_int(hm_counter_value(n->seen, 0) - before, THREADS * TIMES,
	    "threads lose nothing");
	is_int(hm_gauge_value(n->open_now, 0), -7, "nor a gauge");
}

static const struct {
	const char *macros, *wrong;
} tables[] = {
	{ "-DLESS='-1'", "an entry that lies outside metrics_size" },
	{ "-DLESS= -DBOUNDS='5, 5'", "a histogram whose bounds do not rise" },
	{ "-DLESS= -DRESULTS='.label = \"Result\", .values = 0'",
	  "a label without values, or with more than 100" },
	{ "-DLESS= -DRESULTS='.kind = 9'", "an entry of an unknown kind" },
	{ "-DLESS= -DRESULTS='.name = \"a-b\"'",
	  "an entry without a name of a-z, 0-9 and _, or without help" },
};

static void
test_tables(void)
{
	test_conf("counts-it", "enabled: yes\n");
	for (size_t i = 0; i < HM_ARRAY_LEN(tables); i++) {
		test_build("counts-it", "counts", tables[i].macros);
		has(test_reload(), tables[i].wrong, tables[i].wrong);
	}
	test_conf("counts-it", NULL);
}

int
main(void)
{
	test_begin(false);
	test_build("counts-it", "counts", "-DLESS=");
	test_conf("counts-it", "enabled: yes\n");
	is_str(test_reload(), "", "a module that counts");
	test_text();
	test_threads();
	hm_count(counts()->seen,
	    3 - hm_counter_value(counts()->seen, 0)); /* wraps round */
	test_generations();
	test_tables();
	test_end();
	return done();
}
