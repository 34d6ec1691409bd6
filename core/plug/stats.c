/* stats.c - how often and how long modules were asked. */
#include <stdio.h>
#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/fiber.h>
#include <hermod/str.h>

#include "core/run/where.h"

#include "core.h"
#include "generation.h"

enum { FIRST_BITS = 6 };               /* the first step: under 64 ns */

/* Two steps for each power of two: the number of bits, and the one behind the
 * first. */
static unsigned
step(int64_t ns)
{
	uint64_t n = ns > 0 ? (uint64_t)ns : 0;
	unsigned bits, at;

	if (n < 1u << FIRST_BITS)
		return 0;
	bits = 63 - (unsigned)__builtin_clzll(n);
	at = 1 + 2 * (bits - FIRST_BITS) + (unsigned)(n >> (bits - 1) & 1);
	return at < HM_LATENCY_STEPS ? at : HM_LATENCY_STEPS - 1;
}

/* The middle of a step. */
static int64_t
middle(unsigned at)
{
	int64_t power;

	if (at == 0)
		return 1 << (FIRST_BITS - 1);
	power = INT64_C(1) << (FIRST_BITS + (at - 1) / 2);
	return at % 2 ? power + power / 4 : power + power / 4 * 3;
}

void
hm_stats_add(struct hm_hook_stats *stats, int64_t took_ns, unsigned many)
{
	stats->total_ns += took_ns * many;
	if (took_ns > stats->max_ns)
		stats->max_ns = took_ns;
	stats->latency[step(took_ns)] += many;
}

int64_t
hm_stats_percentile(const struct hm_hook_stats *stats, unsigned percent)
{
	uint64_t wanted = 0, n = 0;

	for (unsigned at = 0; at < HM_LATENCY_STEPS; at++)
		wanted += stats->latency[at];
	wanted = (wanted * percent + 99) / 100;
	for (unsigned at = 0; at < HM_LATENCY_STEPS; at++) {
		n += stats->latency[at];
		if (n >= wanted && n > 0)
			return middle(at) < stats->max_ns ? middle(at) :
			    stats->max_ns;
	}
	return 0;
}

/* ---- who held up the loop; told by another thread ---- */

struct hog {
	struct hm_core *core;
	char module[80], what[80];
};

static void
count_hog(void *arg)
{
	struct hog *hog = arg;
	enum hm_hook_id id = hm_hook_from_name(hm_str(hog->what));

	if (id != HM_HOOK_NONE)
		hm_core_stats(hog->core, hog->module, id)->hogs++;
	free(hog);
}

void
hm_stats_hog(struct hm_who *who, const char *what, void *core)
{
	struct hog *hog;

	if (who == NULL || what == NULL)
		return;
	hog = hm_xalloc(sizeof(*hog));
	hog->core = core;
	snprintf(hog->module, sizeof(hog->module), "%s", who->name);
	snprintf(hog->what, sizeof(hog->what), "%s", what);
	hm_post(count_hog, hog);
}
