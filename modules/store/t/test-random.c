/* test-random.c - random changes against a simple model, on fakes and on the
 * real drivers, with restarts and crashes in between. */
#include "model.h"

#ifdef REAL_DRIVERS
#include "t/scratch.h"
#endif

#include <hermod/clock.h>

static void
run(struct kit *k, uint64_t seed, unsigned steps, void (*restart)(struct kit *))
{
	struct model *m = model_new(seed);
	unsigned i, bad = 0, problems = 0;
	double start = kit_ms();

	for (i = 0; i < steps && !bad; i++) {
		if (!model_step(m, k))
			bad++;
		if (i % 10 == 9 && !model_compare(m, k))
			bad++;
		if (i % 50 == 49)
			problems += kit_verify(k, false) != 0;
		if (i % 100 == 99) {
			model_drop_views(m);
			restart(k);
			if (!model_compare(m, k))
				bad++;
		}
	}
	is_int(bad, 0, "seed %llu: %u changes as the model says",
	    (unsigned long long)seed, i);
	is_int(problems, 0, "seed %llu: the checker finds nothing",
	    (unsigned long long)seed);
	diag("%.0f ms", kit_ms() - start);
	model_free(m);
}

#ifndef REAL_DRIVERS
static void
stop_and_start(struct kit *k)
{
	kit_stop(k);
	kit_start_on(k, k->fake);
}

int
main(void)
{
	struct kit k = { 0 };
	uint64_t seed;

	hm_clock_virtual(INT64_C(1790000000000));
	for (seed = 1; seed <= 4; seed++) {
		kit_start(&k);
		run(&k, seed, 800, seed % 2 ? stop_and_start : kit_crash);
		kit_end(&k);
	}
	return done();
}
#else
static void
stop_and_start(struct kit *k)
{
	kit_stop(k);
	kit_close(k);
	kit_start_real(k, scratch_dir());
}

int
main(void)
{
	struct kit k = { 0 };

	hm_clock_virtual(INT64_C(1790000000000));
	kit_start_real(&k, scratch_dir());
	run(&k, 11, 400, stop_and_start);
	kit_stop(&k);
	kit_close(&k);
	return done();
}
#endif
