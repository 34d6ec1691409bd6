/* rogue.c - a plugin that knows what it is isolated by, and does what the sender's
 * local part says against it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hermod/fiber.h>
#include <hermod/plugin.h>

enum { SOCKET = 3, ANSWER = 64, LOG = 65, COUNT = 66 };

struct rogue_metrics {
	struct hm_counter *asked;
	struct hm_gauge *held;
};

static const struct hm_metric rogue_metrics[] = {
	HM_COUNTER(struct rogue_metrics, asked, "Questions."),
	HM_GAUGE(struct rogue_metrics, held, "What is held."),
	HM_METRIC_END
};

static void
say(const void *p, size_t len)
{
	(void)send(SOCKET, p, len, MSG_NOSIGNAL);
}

/* Until the worker has had enough. */
static void
garbage(void)
{
	static char junk[65536];
	unsigned x = 1;

	for (int round = 0; round < 1000; round++) {
		size_t len = (x >> 8) % (sizeof(junk) - 1) + 1;

		for (size_t i = 0; i < len; i++)
			junk[i] = (char)((x = x * 1103515245 + 12345) >> 16);
		if (round % 4)
			junk[0] = (char)(ANSWER + round % 4 - 1);
		say(junk, len);
	}
}

/* Lengths that go beyond the packet, counts without end. */
static void
lie(void)
{
	static const unsigned char long_text[] = { LOG, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 1, 'x' };

	say(long_text, sizeof(long_text));
}

/* A wrong verdict for whatever may have been asked. */
static void
answer_all(void)
{
	for (unsigned char id = 1; id < 127; id++) {
		unsigned char packet[] = { ANSWER, id, 4, 0, 0, 0xff, 0xff, 0xff,
			0xff, 0x0f };

		say(packet, sizeof(packet));
	}
}

static void
count_wrong(void)
{
	static const unsigned char packet[] = { COUNT, 99, 2 };

	say(packet, sizeof(packet));
}

static void
forge_line(void)
{
	static const char line[] = "Al=error m=forged module=smtp "
	    "peer=\"1\\n2026 l=info m=two\"";

	say(line, sizeof(line) - 1);
}

static void
flood(void)
{
	for (int i = 0; i < 20000; i++)
		hm_log(HM_LOG_WARN, "flood", hm_f("n", i));
}

/* Nothing at all, again and again. */
static void
babble(void)
{
	static const unsigned char packet[] = { COUNT };

	for (;;)
		if (send(SOCKET, packet, sizeof(packet), MSG_NOSIGNAL) < 0 &&
		    errno != EAGAIN)
			return;
}

static int
bomb(void)
{
	int made = 0;

	for (int i = 0; i < 1000; i++)
		made += fork() >= 0;
	return made;
}

static int
gigabyte(void)
{
	int i;

	for (i = 0; i < 1024; i++) {
		char *p = malloc(1 << 20);

		if (p == NULL)
			break;
		memset(p, i, 1 << 20);
	}
	return i;
}

static int
shared_memory(void)
{
	return mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static int
descriptors(void)
{
	int n = 0;

	while (n < 100000 && dup(SOCKET) >= 0)
		n++;
	return n;
}

/* How many ways lead out. */
static int
escape(void)
{
	int ways = 0;

	ways += open("/etc/passwd", O_RDONLY) >= 0;
	ways += open("/tmp/rogue", O_WRONLY | O_CREAT, 0600) >= 0;
	ways += open("/proc/self/maps", O_RDONLY) >= 0;
	ways += socket(AF_INET, SOCK_STREAM, 0) >= 0;
	ways += socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
	ways += kill(getppid(), 0) == 0;
	ways += unlink("/tmp/rogue") == 0;
	ways += execl("/bin/true", "true", NULL) == 0;
	ways += fork() >= 0;
	return ways;
}

static struct hm_verdict
number(struct hm_call *call, const char *what, int n)
{
	return hm_reject("5.7.1", hm_printf(hm_call_arena(call), "%s %d", what,
	    n));
}

struct rogue_conf {
	int64_t number;
	const char *word, *file;
};

/* The file that its settings name. */
static struct hm_verdict
read_file(struct hm_call *call)
{
	const struct rogue_conf *conf = hm_conf(call);
	int fd = conf->file != NULL ? open(conf->file, O_RDONLY) : -1;
	char text[32] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return hm_reject("5.7.1", "no file");
	close(fd);
	return hm_reject("5.7.1", hm_strdup(hm_call_arena(call), text));
}

static struct hm_verdict
rogue_mail_from(struct hm_call *call, const struct hm_addr *from)
{
	const struct rogue_metrics *metrics = hm_metrics(call);
	struct hm_str how = from->local;

	hm_count(metrics->asked, 1);
	hm_gauge_add(metrics->held, 1);
	if (hm_str_is(how, "close"))
		close(SOCKET);
	else if (hm_str_is(how, "garbage"))
		garbage();
	else if (hm_str_is(how, "lie"))
		lie();
	else if (hm_str_is(how, "answers"))
		answer_all();
	else if (hm_str_is(how, "count"))
		count_wrong();
	else if (hm_str_is(how, "forge"))
		forge_line();
	else if (hm_str_is(how, "flood"))
		flood();
	else if (hm_str_is(how, "babble"))
		babble();
	else if (hm_str_is(how, "bomb"))
		return number(call, "made", bomb());
	else if (hm_str_is(how, "gigabyte"))
		return number(call, "megabytes", gigabyte());
	else if (hm_str_is(how, "shared"))
		return number(call, "shared", shared_memory());
	else if (hm_str_is(how, "descriptors"))
		return number(call, "descriptors", descriptors());
	else if (hm_str_is(how, "escape"))
		return number(call, "ways out", escape());
	else if (hm_str_is(how, "read"))
		return read_file(call);
	else if (hm_str_is(how, "slow"))
		return hm_ok_or_fail(hm_sleep(700));
	return hm_pass();
}

#ifdef ROGUE_NEEDS
static const struct hm_need rogue_needs[] = { { .iface = ROGUE_NEEDS,
	.major = 1 }, HM_NEED_END };
#endif

static const struct hm_hook rogue_hooks[] = {
	HM_ON(mail_from, HM_ORDER_POLICY, rogue_mail_from),
	HM_HOOK_END
};

static const struct hm_opt rogue_options[] = {
	HM_OPT_INT(struct rogue_conf, number, "3", "A number.", .max = "10"),
	HM_OPT_STR(struct rogue_conf, word, NULL, "A word."),
	HM_OPT_FILE(struct rogue_conf, file, NULL, "A file."),
	HM_OPT_END
};

static int
rogue_check(const void *conf, struct hm_err *reterr)
{
	const struct rogue_conf *c = conf;

	return c->number == 7 ? hm_err_set(reterr, -HM_EINVAL,
	    "seven is not allowed") : 0;
}

/* What the file does from its first instruction on happens over there as well. */
__attribute__((constructor))
static void
rogue_loaded(void)
{
#ifdef ROGUE_DIES
	raise(SIGKILL);
#endif
}

HM_MODULE(rogue, "1", "Fights its isolation", .hooks = rogue_hooks,
	.options = rogue_options, .conf_size = sizeof(struct rogue_conf),
	.check = rogue_check, .metrics = rogue_metrics,
#ifdef ROGUE_NEEDS
	.needs = rogue_needs,
#endif
	.metrics_size = sizeof(struct rogue_metrics));
