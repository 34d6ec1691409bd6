/* main.c - hermod-sendmail: how programs of this machine send mail.
 *
 * It may be installed set-group-ID, for a password that users cannot read. The
 * group is used to read the settings, and given up before anything of the user's
 * is looked at.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/log.h>

#include "paths.h"
#include "sendmail.h"

enum { PIECE = 64 * 1024 };

void
complain(const char *fmt, ...)
{
	va_list ap;

	fputs("sendmail: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* ---- privileges ---- */

/* A file that is opened next would else be taken for standard output. */
static void
open_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

static bool
is_privileged(void)
{
	return getauxval(AT_SECURE) != 0 || geteuid() != getuid() ||
	    getegid() != getgid();
}

/* The user is nobody's but the caller's at once; of the environment nothing is
 * needed, and much of it tells libraries what to load and where to write. */
static int
enter_privileged(void)
{
	uid_t uid = getuid();

	if (clearenv() != 0 || setresuid(uid, uid, uid) < 0) {
		complain("privileges cannot be given up");
		return EX_OSERR;
	}
	return EX_OK;
}

static int
drop_group(void)
{
	gid_t gid = getgid();

	/* What was read with the group's rights stays out of core files and of
	 * the reach of the user's debugger. */
	if (setresgid(gid, gid, gid) < 0 || getegid() != gid ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
		complain("the group cannot be given up");
		return EX_OSERR;
	}
	return EX_OK;
}

/* ---- the other faces ---- */

static int
run_mailq(void)
{
	char path[1024];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL) {
		memcpy(slash + 1, "hermod", sizeof("hermod"));
		execl(path, "hermod", "mailq", (char *)NULL);
	}
	execl(HM_BINDIR "/hermod", "hermod", "mailq", (char *)NULL);
	complain("%s/hermod cannot be run: %s", HM_BINDIR,
	    strerrordesc_np(errno));
	return EX_UNAVAILABLE;
}

/* Bytes from one to the other; false at their end. */
static bool
pass(int from, int to)
{
	char piece[2048];
	ssize_t n = read(from, piece, sizeof(piece)), done = 0;

	while (done < n) {
		ssize_t w = write(to, piece + done, (size_t)(n - done));

		if (w < 0 && errno != EINTR)
			return false;
		done += w > 0 ? w : 0;
	}
	return n > 0 || (n < 0 && errno == EINTR);
}

/* -bs: the caller speaks SMTP, with the server's socket; who it is the kernel
 * says there. */
static int
run_smtp(const struct settings *settings)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	/* The server speaks first. */
	struct pollfd fds[2] = { { .fd = -1, .events = POLLIN },
	    { .events = POLLIN } };
	int fd = -1;
	bool ended = false;

	if (settings->host[0] != '\0') {
		complain("-bs works with the server of this machine only, not "
		    "with %s", settings->host);
		return EX_UNAVAILABLE;
	}
	if (strlen(settings->socket) < sizeof(addr.sun_path)) {
		memcpy(addr.sun_path, settings->socket, strlen(settings->socket));
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	}
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		complain("the mail server of this machine cannot be reached: "
		    "%s: %s", settings->socket, strerrordesc_np(errno));
		return EX_TEMPFAIL;
	}
	fds[1].fd = fd;
	while (poll(fds, 2, -1) > 0 || errno == EINTR) {
		if (fds[1].revents != 0 && !pass(fd, STDOUT_FILENO))
			break;
		if (fds[0].revents != 0 && !pass(STDIN_FILENO, fd)) {
			(void)shutdown(fd, SHUT_WR);
			ended = true;
		}
		if (fds[1].revents != 0 && !ended)
			fds[0].fd = STDIN_FILENO;
		if (ended)
			fds[0].fd = -1;
		fds[0].revents = fds[1].revents = 0;
	}
	close(fd);
	return EX_OK;
}

static int
show_help(void)
{
	puts("usage: sendmail [-itv] [-f SENDER] [-F NAME] [-N WHEN] [-R full|"
	    "hdrs] [-V ID]\n                [-C FILE] [--] [RECIPIENT]...\n"
	    "       sendmail -bs    speak SMTP\n"
	    "       mailq           list the queue\n"
	    "       sendmail --example   print an example of sendmail.yaml\n\n"
	    "Sends the message on standard input. See hermod-sendmail(8).");
	return EX_OK;
}

static int
show_example(void)
{
	struct hm_buf out = { 0 };

	hm_conf_example(&out, settings_options);
	fwrite(out.p, 1, out.len, stdout);
	hm_buf_release(&out);
	return EX_OK;
}

/* ---- sending ---- */

static int
read_message(const struct args *args, const struct settings *settings,
    struct hm_buf *out)
{
	struct intake in = { .keep_dots = args->keep_dots,
	    .max = settings->max_message_bytes };
	char *piece = hm_xalloc(PIECE);
	ssize_t n;

	do {
		n = read(STDIN_FILENO, piece, PIECE);
	} while ((n < 0 && errno == EINTR) ||
	    (n > 0 && message_intake(&in, out, hm_str_n(piece, (size_t)n))));
	free(piece);
	message_intake_end(&in, out);
	if (n < 0) {
		complain("the message cannot be read: %s",
		    strerrordesc_np(errno));
		return EX_IOERR;
	}
	if (in.over) {
		complain("the message is larger than max-message in "
		    "sendmail.yaml allows (%llu bytes)",
		    (unsigned long long)settings->max_message_bytes);
		return EX_DATAERR;
	}
	return EX_OK;
}

static void
find_user(struct hm_arena *arena, const struct args *args, struct author *ret)
{
	const struct passwd *pw = getpwuid(getuid());
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == '\0')
		strcpy(host, "localhost");
	ret->host = hm_str_lower(arena, hm_str(host));
	ret->user = pw != NULL ? hm_str_dup(arena, hm_str(pw->pw_name)) :
	    hm_str(hm_printf(arena, "%u", getuid()));
	if (args->full_name != NULL) {
		ret->full_name = hm_str(args->full_name);
	} else if (pw != NULL && pw->pw_gecos != NULL) {
		struct hm_str gecos = hm_str(pw->pw_gecos);

		ret->full_name = hm_str_dup(arena, hm_str_split(&gecos, ','));
	}
	ret->now_s = hm_wall_ms() / 1000;
}

static int
send_mail(struct hm_arena *arena, const struct args *args,
    const struct settings *settings)
{
	struct delivery d = { .settings = settings, .args = args, .arena = arena,
	    .status = EX_SOFTWARE };
	struct hm_buf text = { 0 };
	struct hm_err err = { 0 };
	int r;

	if (args->nrcpts == 0 && !args->from_header) {
		complain("no recipient: name some, or give -t to take those of "
		    "the message");
		return EX_USAGE;
	}
	find_user(arena, args, &d.who);
	r = read_message(args, settings, &text);
	if (r == EX_OK) {
		message_split(hm_buf_view(&text), &d.msg);
		if (hm_fiber_main(deliver, &d, &err) < 0)
			complain("%s", err.text);
		r = d.status;
	}
	hm_buf_release(&text);
	return r;
}

static int
run(struct hm_arena *arena, int argc, char **argv, bool privileged)
{
	struct settings settings = { 0 };
	struct hm_err err = { 0 };
	struct args args;
	int r = args_parse(argc, argv, &args, &err);

	if (r != EX_OK) {
		complain("%s", err.text);
		return r;
	}
	/* Settings of the user's own are read with the user's rights. */
	if (privileged && args.settings != NULL && (r = drop_group()) != EX_OK)
		return r;
	if (args.mode == ARGS_SEND || args.mode == ARGS_SMTP)
		r = settings_read(arena, args.settings, &settings);
	if (privileged && r == EX_OK)
		r = drop_group();
	if (r != EX_OK)
		return r;
	switch (args.mode) {
	case ARGS_SEND: return send_mail(arena, &args, &settings);
	case ARGS_SMTP: return run_smtp(&settings);
	case ARGS_MAILQ: return run_mailq();
	case ARGS_HELP: return show_help();
	case ARGS_EXAMPLE: return show_example();
	case ARGS_VERSION: puts("hermod-sendmail " PACKAGE_VERSION); break;
	case ARGS_NOTHING: break;
	}
	return EX_OK;
}

int
main(int argc, char **argv)
{
	bool privileged = is_privileged();
	struct hm_arena *arena;
	int r;

	open_standard_streams();
	if (privileged && (r = enter_privileged()) != EX_OK)
		return r;
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	hm_log_set_level(HM_LOG_ERROR);
	arena = hm_arena_new(NULL, "sendmail");
	r = run(arena, argc, argv, privileged);
	hm_arena_free(arena);
	return fflush(stdout) != 0 && r == EX_OK ? EX_IOERR : r;
}
