/* check.c - what can be said about a plugin without a server. Its code runs in
 * children that may crash or hang: that is a finding as well. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "paths.h"

#include "tool.h"

enum { MAX_LINE = 8192, MAX_FINDINGS = 1000 };

enum result { GOOD, NOTE, WRONG };

struct finding {
	enum result result;
	const char *what, *text;
};

struct check {
	const struct pt_args *args;
	struct hm_arena *arena;
	struct pt_child child;
	struct finding *findings;
	size_t n;
	char stage[200];               /* what the child is about to do */
};

/* ---- in the child ---- */

/* One line of the pipe: kind, what and text, tabs between. */
static void
tell(struct pt_child *c, char kind, const char *what, const char *fmt, va_list ap)
{
	char text[2000];

	vsnprintf(text, sizeof(text), fmt, ap);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = *p == '\n' ? '\v' : ' ';
	fprintf(c->out, "%c\t%s\t%s\n", kind, what, text);
	fflush(c->out);
}

void
pt_good(struct pt_child *c, const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, 'g', what, fmt, ap);
	va_end(ap);
}

void
pt_note(struct pt_child *c, const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, 'n', what, fmt, ap);
	va_end(ap);
}

void
pt_wrong(struct pt_child *c, const char *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, 'w', what, fmt, ap);
	va_end(ap);
}

void
pt_stage(struct pt_child *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, 's', "", fmt, ap);
	va_end(ap);
}

static void
run_child(struct check *check, void (*part)(struct pt_child *c), int to)
{
	struct rlimit no_core = { 0, 0 };
	struct pt_child *c = &check->child;

	setpgid(0, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	/* What the plugin prints is not for us to print. */
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(3);
	c->out = fdopen(to, "w");
	if (c->out == NULL)
		_exit(3);
	part(c);
	pt_stage(c, "ending");
	fprintf(c->out, "e\t\t\n");
	fflush(c->out);
	exit(0);
}

/* ---- in the parent ---- */

static void
add(struct check *check, enum result result, const char *what, const char *text)
{
	struct finding *f = &check->findings[check->n];

	if (check->n == MAX_FINDINGS)
		return;
	check->n++;
	f->result = result;
	f->what = hm_strdup(check->arena, what);
	f->text = hm_strdup(check->arena, text);
}

static void
progress(const struct check *check, const char *text)
{
	if (!check->args->json && isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s", text);
}

/* True at the child's last line. What it says may be anything. */
static bool
take_line(struct check *check, char *line)
{
	char *what = strchr(line, '\t'), *text;

	if (what == NULL || (text = strchr(what + 1, '\t')) == NULL)
		return false;
	*what++ = '\0';
	*text++ = '\0';
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = *p == '\v' ? '\n' : ' ';
	switch (line[0]) {
	case 'g':
	case 'n':
	case 'w':
		add(check, line[0] == 'g' ? GOOD : line[0] == 'n' ? NOTE : WRONG,
		    what, text);
		break;
	case 's':
		snprintf(check->stage, sizeof(check->stage), "%s", text);
		progress(check, text);
		break;
	case 'e':
		return true;
	}
	return false;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Reads until the end of the pipe or of its time. */
static bool
listen_to(struct check *check, int from, int64_t until_ms, bool *ret_late)
{
	static char line[MAX_LINE];
	size_t len = 0;
	bool ended = false;

	for (;;) {
		struct pollfd p = { .fd = from, .events = POLLIN };
		int64_t wait = until_ms - now_ms();
		char *end;
		ssize_t n;

		*ret_late = wait <= 0;
		if (*ret_late)
			return ended;
		if (poll(&p, 1, (int)wait) <= 0)
			continue;
		n = read(from, line + len, sizeof(line) - 1 - len);
		if (n <= 0)
			return ended;
		len += (size_t)n;
		line[len] = '\0';
		while ((end = memchr(line, '\n', len)) != NULL) {
			*end++ = '\0';
			ended |= take_line(check, line);
			len -= (size_t)(end - line);
			memmove(line, end, len + 1);
		}
		if (len == sizeof(line) - 1)
			len = 0;
	}
}

static void
judge_end(struct check *check, int status, bool ended, bool late)
{
	char text[400];

	if (late)
		snprintf(text, sizeof(text), "it did not come back within %u "
		    "seconds, when %s", check->args->seconds, check->stage);
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "the process died of SIG%s, when %s",
		    sigabbrev_np(WTERMSIG(status)), check->stage);
	else if (!ended || WEXITSTATUS(status) != 0)
		snprintf(text, sizeof(text), "the process ended with status %d, "
		    "when %s", WEXITSTATUS(status), check->stage);
	else
		return;
	add(check, WRONG, late ? "hang" : "crash", text);
}

/* Whether it came to its end with nothing wrong. */
static bool
run_part(struct check *check, void (*part)(struct pt_child *c))
{
	size_t before = check->n;
	bool late = false, ended;
	int pipes[2], status;
	pid_t pid;

	snprintf(check->stage, sizeof(check->stage), "beginning");
	fflush(NULL);
	if (pipe2(pipes, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		add(check, WRONG, "check", "no process can be started");
		return false;
	}
	if (pid == 0) {
		close(pipes[0]);
		run_child(check, part, pipes[1]);
	}
	setpgid(pid, pid);
	close(pipes[1]);
	ended = listen_to(check, pipes[0], now_ms() +
	    (int64_t)check->args->seconds * 1000, &late);
	/* A thread may hold the pipe open, or keep the process from ending. */
	for (int64_t until = now_ms() + 2000; !late; usleep(1000)) {
		pid_t done = waitpid(pid, &status, WNOHANG);

		if (done == pid)
			break;
		late = now_ms() > until;
	}
	kill(-pid, SIGKILL);
	if (late)
		waitpid(pid, &status, 0);
	close(pipes[0]);
	judge_end(check, status, ended, late);
	for (size_t i = before; i < check->n; i++)
		if (check->findings[i].result == WRONG)
			return false;
	return true;
}

/* ---- what lies beside it ---- */

static const char *
paper(struct check *check, const char *given, const char *name,
    const char *const *dirs)
{
	if (given != NULL)
		return given;
	for (; *dirs != NULL; dirs++) {
		const char *path = hm_printf(check->arena, "%s/%s", *dirs, name);

		if (access(path, R_OK) == 0)
			return path;
	}
	return NULL;
}

static void
find_papers(struct check *check, struct pt_args *args)
{
	struct pt_child *c = &check->child;
	const char *share = hm_printf(check->arena, "%s/../..",
	    pt_template_dir(check->arena));
	const char *const samples[] = { c->dir, HM_CONFDIR "/conf.d",
		HM_DATADIR "/conf.d", NULL };
	const char *const pages[] = { c->dir,
		hm_printf(check->arena, "%s/man/man7", share), NULL };

	args->sample = paper(check, args->sample, hm_printf(check->arena,
	    "%s.yaml", c->name), samples);
	args->man = paper(check, args->man, hm_printf(check->arena,
	    "hermod-%s.7", c->name), pages);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

/* ---- the result ---- */

static const char *const words[] = { "ok", "note", "wrong" };

static void
print_json_text(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < ' ')
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void
print_json(const struct check *check)
{
	printf("[");
	for (size_t i = 0; i < check->n; i++) {
		printf("%s\n{\"check\": ", i ? "," : "");
		print_json_text(check->findings[i].what);
		printf(", \"result\": \"%s\", \"text\": ",
		    words[check->findings[i].result]);
		print_json_text(check->findings[i].text);
		printf("}");
	}
	printf("\n]\n");
}

static void
print_text(const struct check *check, size_t wrong)
{
	for (size_t i = 0; i < check->n; i++) {
		const struct finding *f = &check->findings[i];
		struct hm_str text = hm_str(f->text);

		printf("%-6s %-11s", words[f->result], f->what);
		for (unsigned line = 0; text.p != NULL; line++) {
			struct hm_str part = hm_str_split(&text, '\n');

			printf("%s%.*s\n", line ? "                   " : " ",
			    HM_FMT(part));
		}
	}
	if (wrong == 0)
		printf("%s: nothing wrong was found\n", check->child.file);
	else
		printf("%s: %zu %s wrong\n", check->child.file, wrong,
		    wrong == 1 ? "thing is" : "things are");
}

static int
print(const struct check *check)
{
	size_t wrong = 0;

	for (size_t i = 0; i < check->n; i++)
		wrong += check->findings[i].result == WRONG;
	progress(check, "");
	if (check->args->json)
		print_json(check);
	else
		print_text(check, wrong);
	if (fflush(stdout) != 0)
		return PT_USAGE;
	return wrong == 0 ? PT_OK : PT_NO;
}

/* ---- all ---- */

static bool
prepare(struct check *check, const char *file)
{
	struct pt_child *c = &check->child;
	char *path = realpath(file, NULL), *dir;
	struct hm_str name;

	if (path == NULL || access(path, R_OK) < 0) {
		fprintf(stderr, "hermod: %s: %s\n", file, strerrordesc_np(errno));
		return false;
	}
	c->file = hm_strdup(check->arena, path);
	free(path);
	name = hm_str(strrchr(c->file, '/') + 1);
	if (!hm_str_ends(name, HM_STR(".so"))) {
		fprintf(stderr, "hermod: %s: the file of a plugin is named like "
		    "its module, with .so behind\n", file);
		return false;
	}
	c->name = hm_str_dup(check->arena, hm_str_take(name, name.len - 3)).p;
	c->dir = hm_strndup(check->arena, c->file,
	    (size_t)(name.p - c->file) - 1);
	dir = hm_printf(check->arena, "%s/hermod-plugin-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") :
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(dir) == NULL) {
		fprintf(stderr, "hermod: %s: %s\n", dir, strerrordesc_np(errno));
		return false;
	}
	c->scratch = dir;
	return true;
}

int
pt_check(const char *file, const struct pt_args *given)
{
	struct pt_args args = *given;
	struct check check = { .args = &args };
	int r = PT_USAGE;

	check.arena = check.child.arena = hm_arena_new(NULL, "check");
	check.child.args = &args;
	check.findings = hm_alloc_array(check.arena, MAX_FINDINGS,
	    sizeof(*check.findings));
	if (prepare(&check, file)) {
		find_papers(&check, &args);
		/* What does not even load is not loaded a thousand times. */
		if (run_part(&check, pt_look) | run_part(&check, pt_life))
			run_part(&check, pt_cycles);
		nftw(check.child.scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS);
		r = print(&check);
	}
	hm_arena_free(check.arena);
	return r;
}
