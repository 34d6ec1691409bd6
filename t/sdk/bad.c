/* bad.c - plugins that are wrong in one way each, for 92-check.t. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hermod/fiber.h>
#include <hermod/plugin.h>

struct bad_conf {
	const char *text;
	int64_t number;
};

static const struct hm_opt bad_options[] = {
	HM_OPT_STR(struct bad_conf, text, "x", "A text."),
#ifdef NEWER_TYPE
	{ .name = "newer", .type = 99, .help = "Of a type to come." },
#endif
	HM_OPT_INT(struct bad_conf, number, "1", "A number."),
	HM_OPT_END
};

static void *
idle(void *arg)
{
	pause();
	return arg;
}

/* What is done by the parts that the tests choose. */
static void
leak(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	pthread_t thread;
	(void)fd;
	(void)thread;
#if defined(LEAK_MEMORY)
	close(fd);
	__asm__ volatile("" : : "r"(malloc(100)) : "memory");
#elif defined(LEAK_MAPPING)
	mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
#elif defined(LEAK_THREAD)
	close(fd);
	pthread_create(&thread, NULL, idle, NULL);
#elif !defined(LEAK_DESCRIPTOR)
	close(fd);
#endif
}

#ifdef AT_LOAD
__attribute__((constructor)) static void
at_load(void)
{
	leak();
#ifdef CRASH
	abort();
#endif
#ifdef HANG
	for (;;)
		pause();
#endif
#ifdef QUIT
	_exit(0);
#endif
}
#endif

static int
bad_open(struct hm_mod *m, struct hm_err *reterr)
{
	(void)m;
	(void)reterr;
	(void)idle;
#ifndef AT_LOAD
	leak();
#ifdef CRASH
	abort();
#endif
#ifdef HANG
	for (;;)
		pause();
#endif
#endif
#ifdef REFUSE
	return hm_err_set(reterr, -HM_EIO, "it has no wish to");
#endif
	return 0;
}

static void
stay(void *arg)
{
	(void)arg;
	while (hm_sleep(1000) == 0)
		;
}

static void
bad_start(struct hm_mod *m)
{
#ifdef STAY
	hm_fiber_start(m, "bad stayer", stay, NULL);
#endif
#ifdef COMPLAIN
	hm_log(HM_LOG_ERROR, "bad complains");
#endif
	(void)m;
	(void)stay;
}

#ifdef EXPORT
HM_API int bad_helper(void);
int
bad_helper(void)
{
	return 1;
}
#endif
#ifdef MISSING
int hm_of_tomorrow(void);
int (*volatile bad_use)(void) = hm_of_tomorrow;
#endif
#ifdef BLOCKS
int (*volatile bad_blocks)(const char *) = system;
#endif
#ifdef HOOK
static const struct hm_hook bad_hooks[] = {
	{ .id = 1000, .fn.connection = (struct hm_verdict (*)(struct hm_call *,
	    struct hm_session *))(void *)leak }, HM_HOOK_END
};
#endif

#ifndef CONF_SIZE
#define CONF_SIZE sizeof(struct bad_conf)
#endif
#ifndef NAME
#define NAME "bad"
#endif

#ifndef NO_MODULE
HM_MODULE_NAMED(NAME, "1.0", "Is wrong",
	.options = bad_options, .conf_size = CONF_SIZE,
#ifdef HOOK
	.hooks = bad_hooks,
#endif
#ifdef MAJOR
	.abi_major = MAJOR,
#endif
#ifdef MINOR
	.abi_minor = MINOR,
#endif
#ifdef SIZE
	.size = SIZE,
#endif
	.open = bad_open, .start = bad_start);
#endif
