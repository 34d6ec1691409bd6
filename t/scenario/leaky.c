/* leaky.c - a module that leaves behind what its settings say. */
#include <hermod/fiber.h>
#include <hermod/plugin.h>

struct leaky_conf {
	bool fiber, arena, timer, error;
};

static const struct hm_opt leaky_options[] = {
	HM_OPT_BOOL(struct leaky_conf, fiber, "no", "A fiber that goes on."),
	HM_OPT_BOOL(struct leaky_conf, arena, "no", "Memory."),
	HM_OPT_BOOL(struct leaky_conf, timer, "no", "A timer."),
	HM_OPT_BOOL(struct leaky_conf, error, "no", "An error in the log."),
	HM_OPT_END
};

static void
go_on(void *arg)
{
	(void)arg;
	while (hm_sleep(1000) == 0)
		continue;
}

static void
nothing(void *arg)
{
	(void)arg;
}

static void
leaky_start(struct hm_mod *m)
{
	const struct leaky_conf *conf = hm_mod_conf(m);

	if (conf->fiber)
		hm_fiber_start(m, "leaky fiber", go_on, NULL);
	if (conf->arena)
		(void)hm_arena_new(NULL, "leaky arena");
	if (conf->timer)
		(void)hm_timer_start(24 * 3600 * 1000, nothing, NULL);
	if (conf->error)
		hm_log(HM_LOG_ERROR, "leaky error");
}

HM_MODULE(leaky, "1.0", "Leaves things behind",
	.conf_size = sizeof(struct leaky_conf), .options = leaky_options,
	.start = leaky_start);
