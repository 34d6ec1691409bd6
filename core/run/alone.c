/* alone.c - programs that are no server and use what it is made of. */
#include <hermod/fiber.h>

#include "loop.h"

enum { END_MS = 1000 };

struct alone {
	hm_fiber_fn *fn;
	void *arg;
};

static void
alone_fiber(void *arg)
{
	const struct alone *alone = arg;

	alone->fn(alone->arg);
	hm_loop_stop();
}

int
hm_fiber_main(hm_fiber_fn *fn, void *arg, struct hm_err *reterr)
{
	struct alone alone = { fn, arg };
	int r = hm_loop_init(reterr);

	if (r < 0)
		return r;
	hm_fiber_start(NULL, "main", alone_fiber, &alone);
	hm_loop_run();
	hm_loop_free(END_MS);
	return 0;
}
