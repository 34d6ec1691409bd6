/* bad.c - a plugin that does what the sender's local part says. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hermod/buf.h>
#include <hermod/fiber.h>
#include <hermod/plugin.h>
#include <hermod/work.h>

#ifndef BAD_VERSION
#define BAD_VERSION "1"
#endif

#ifdef BAD_MAJOR
#undef HM_ABI_MAJOR
#define HM_ABI_MAJOR BAD_MAJOR
#endif

static volatile int zero;
static volatile char *volatile sink;

static int
recurse(int n)
{
	char room[512];

	memset(room, n, sizeof(room));
	sink = room;
	return n == 0 ? 0 : recurse(n + 1) + sink[3];
}

static void *
unmapped(void)
{
	void *p = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p, 4096);
	return p;
}

static int
crash_job(void *arg)
{
	(void)arg;
	*(volatile char *)unmapped() = 1;
	return 0;
}

static void
crash_later(void *arg)
{
	crash_job(arg);
}

static void
ruin(struct hm_str how)
{
	volatile int i = 1;

	if (hm_str_is(how, "crash"))
		crash_job(NULL);
	else if (hm_str_is(how, "job"))
		hm_work(crash_job, NULL);
	else if (hm_str_is(how, "timer"))
		hm_timer_start(1, crash_later, NULL);
	else if (hm_str_is(how, "abort"))
		abort();
	else if (hm_str_is(how, "divide"))
		i = i / zero;
	else if (hm_str_is(how, "exit"))
		exit(0);
	else if (hm_str_is(how, "recurse"))
		recurse(1);
	else if (hm_str_is(how, "loop"))
		while (i)
			continue;
	else if (hm_str_is(how, "block"))
		for (i = 0; i < 60; i++)
			sleep(1);
	else if (hm_str_is(how, "stall"))
		usleep(1500000);
}

static struct hm_verdict
endless_text(void)
{
	size_t n = 100 << 20;
	char *text = malloc(n);

	memset(text, 'x', n - 1);
	text[n - 1] = '\0';
	return hm_reject("5.7.1", text);
}

/* Each takes what nobody gives back. */
static void
leak(struct hm_str how)
{
	int fds[2];

	if (hm_str_is(how, "leak"))
		memset(malloc(1 << 20), 1, 1 << 20);
	else if (hm_str_is(how, "fds"))
		for (int i = 0; i < 50; i++)
			if (pipe(fds) < 0)
				break;
	if (hm_str_is(how, "print")) {
		printf("250 this is not for the client\r\n");
		fflush(stdout);
	}
	/* Both go on from here. */
	if (hm_str_is(how, "fork") && fork() < 0)
		return;
}

static struct hm_verdict
bad_mail_from(struct hm_call *call, const struct hm_addr *from)
{
#ifdef BAD_ALWAYS
	struct hm_str how = HM_STR(BAD_ALWAYS);
#else
	struct hm_str how = from->local;
#endif

	(void)call;
	(void)from;
	ruin(how);
	leak(how);
	if (hm_str_is(how, "late"))
		return hm_ok_or_fail(hm_sleep(3600 * 1000));
	if (hm_str_is(how, "fail"))
		return hm_fail("as asked");
	if (hm_str_is(how, "text"))
		return endless_text();
	if (hm_str_is(how, "pointer"))
		return hm_reject("5.7.1", unmapped());
	if (hm_str_is(how, "kind"))
		return (struct hm_verdict){ .kind = (enum hm_verdict_kind)77 };
	if (hm_str_is(how, "twice"))
		return hm_reject("5.7.1", "the first");
	return hm_pass();
}

static struct hm_verdict
bad_again(struct hm_call *call, const struct hm_addr *from)
{
	(void)call;
	return hm_str_is(from->local, "twice") ?
	    hm_reject("5.7.2", "the second") : hm_pass();
}

static const struct hm_hook bad_hooks[] = {
	HM_ON(mail_from, HM_ORDER_POLICY, bad_mail_from),
	HM_ON(mail_from, HM_ORDER_LAST, bad_again),
	HM_HOOK_END
};

#ifdef BAD_OPEN
static int
bad_open(struct hm_mod *m, struct hm_err *reterr)
{
	(void)m;
	(void)reterr;
	return BAD_OPEN;
}
#endif

#ifdef BAD_CONF
struct bad_conf {
	int64_t first, second;
};

static const struct hm_opt bad_options[] = {
	HM_OPT_INT(struct bad_conf, second, "1", "A number."),
	HM_OPT_END
};
#endif

HM_MODULE(bad, BAD_VERSION, "Does harm",
	.hooks = bad_hooks,
#ifdef BAD_SIZE
	.size = BAD_SIZE,
#endif
#ifdef BAD_CONF
	.options = bad_options, .conf_size = BAD_CONF,
#endif
#ifdef BAD_OPEN
	.open = bad_open,
#endif
	);
