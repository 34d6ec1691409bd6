/* control.c - commands that come over the control socket. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/log.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include "core/conf/config.h"
#include "core/plug/cmd.h"
#include "core/plug/core.h"
#include "core/plug/generation.h"

#include "control.h"
#include "wire.h"

enum { REQUEST_MS = 10000, ANSWER_MS = 15 * 60 * 1000, MAX_CLIENTS = 32 };

/* ---- frames ---- */

static int
send_frame(struct hm_io *io, enum hm_wire_type type, struct hm_str bytes)
{
	unsigned char header[HM_WIRE_HEADER];
	int r;

	hm_wire_put_header(header, type, (uint32_t)bytes.len);
	if ((r = hm_io_write(io, header, sizeof(header))) < 0)
		return r;
	return hm_io_str(io, bytes);
}

static int
read_frame(struct hm_io *io, unsigned char *ret_type, struct hm_buf *ret)
{
	unsigned char header[HM_WIRE_HEADER];
	uint32_t len;
	int r;

	if ((r = hm_io_read_full(io, header, sizeof(header))) < 0)
		return r;
	len = hm_wire_len(header);
	if (len > HM_WIRE_FRAME_MAX)
		return -HM_ELIMIT;
	hm_buf_clear(ret);
	hm_buf_reserve(ret, len + 1);
	if (len > 0 && (r = hm_io_read_full(io, ret->p, len)) < 0)
		return r;
	ret->len = len;
	ret->p[len] = '\0';
	*ret_type = header[0];
	return 0;
}

/* ---- a command's words and questions ---- */

struct remote {
	struct hm_cmd_io cmd_io;       /* first */
	struct hm_io *io;
	bool ended;                    /* standard input */
};

static int
remote_put(struct hm_cmd_io *cmd_io, enum hm_channel channel,
    struct hm_str bytes)
{
	struct remote *remote = (struct remote *)cmd_io;

	while (bytes.len > 0) {
		struct hm_str part = hm_str_take(bytes, HM_WIRE_FRAME_MAX);
		int r = send_frame(remote->io, (enum hm_wire_type)channel, part);

		if (r < 0)
			return r;
		bytes = hm_str_skip(bytes, part.len);
	}
	/* The command may now be busy for long: show what it said. */
	return hm_io_flush(remote->io);
}

/* The one frame that answers what was just asked. */
static int
read_answer(struct remote *remote, struct hm_buf *ret)
{
	unsigned char type;
	int r = read_frame(remote->io, &type, ret);

	if (r < 0)
		return r;
	if (type == HM_WIRE_END)
		return -HM_EEOF;
	return type == HM_WIRE_INPUT ? 0 : -HM_ESYNTAX;
}

static int
remote_ask(struct hm_cmd_io *cmd_io, const char *prompt, unsigned flags,
    struct hm_buf *ret, struct hm_err *reterr)
{
	struct remote *remote = (struct remote *)cmd_io;
	struct hm_buf question = { 0 };
	int r;

	hm_buf_putc(&question, (char)flags);
	hm_buf_str(&question, hm_str_take(hm_str(prompt), 1000));
	r = send_frame(remote->io, HM_WIRE_ASK, hm_buf_view(&question));
	hm_buf_release(&question);
	if (r == 0)
		r = read_answer(remote, ret);
	if (r < 0)
		hm_err_set(reterr, r, r == -HM_EEOF ? "no answer was given" :
		    "the connection of the command broke");
	return r;
}

static int
remote_read(struct hm_cmd_io *cmd_io, struct hm_buf *ret)
{
	struct remote *remote = (struct remote *)cmd_io;
	struct hm_buf part = { 0 };
	int r;

	if (remote->ended)
		return -HM_EEOF;
	r = send_frame(remote->io, HM_WIRE_WANT, HM_STR(""));
	if (r == 0)
		r = read_answer(remote, &part);
	if (r == 0)
		hm_buf_str(ret, hm_buf_view(&part));
	else
		remote->ended = true;
	hm_buf_release(&part);
	return r;
}

/* ---- a request ---- */

static int
read_request(struct hm_io *io, struct hm_arena *arena, struct hm_argv *ret)
{
	const char **argv = hm_alloc_array(arena, HM_WIRE_ARGS_MAX,
	    sizeof(*argv));
	struct hm_buf frame = { 0 };
	size_t n = 0, bytes = 0;
	unsigned char type;
	int r;

	while ((r = read_frame(io, &type, &frame)) == 0 && type == HM_WIRE_ARG) {
		bytes += frame.len;
		if (n == HM_WIRE_ARGS_MAX || bytes > HM_WIRE_ARGS_BYTES_MAX) {
			r = -HM_ELIMIT;
			break;
		}
		if (memchr(frame.p, '\0', frame.len) != NULL) {
			r = -HM_ESYNTAX;
			break;
		}
		argv[n++] = hm_strndup(arena, frame.p, frame.len);
	}
	hm_buf_release(&frame);
	if (r == 0 && (type != HM_WIRE_GO || n == 0))
		r = -HM_ESYNTAX;
	ret->n = n;
	ret->at = argv;
	return r;
}

static int
run_request(struct hm_mod *m, struct remote *remote, struct hm_argv argv,
    struct hm_arena *arena)
{
	struct hm_cmd cmd = { .core = m->gen->core, .mod = m, .arena = arena,
	    .io = &remote->cmd_io };
	struct hm_generation *gen = m->gen;
	struct hm_mod *owner = NULL;

	cmd.command = hm_command_find(m->def->commands, gen, argv, &owner);
	if (cmd.command == NULL)
		return hm_cmd_unknown(&cmd, gen, argv);
	cmd.mod = owner;
	if ((int)cmd.command->where == HM_CMD_OFFLINE) {
		hm_cmd_error(&cmd, "\"hermod %s\" works only while the server is "
		    "stopped", cmd.command->words);
		return HM_EXIT_NO;
	}
	return hm_cmd_run(&cmd, argv);
}

/* Root may do anything; others only on their own server. */
static bool
is_allowed(struct hm_io *io, uid_t *ret_uid)
{
	return hm_io_peer_uid(io, ret_uid) == 0 &&
	    (*ret_uid == 0 || *ret_uid == geteuid());
}

void
hm_control_serve(struct hm_mod *m, struct hm_io *io, uid_t uid)
{
	struct hm_arena *arena = hm_arena_new(NULL, "command");
	struct remote remote = { { remote_put, remote_ask, remote_read }, io,
	    false };
	struct hm_argv argv;
	char status;
	int r;

	hm_io_timeouts(io, REQUEST_MS, REQUEST_MS);
	r = send_frame(io, HM_WIRE_HELLO, hm_str(hm_printf(arena,
	    "hermod ctl %d %s", HM_WIRE_VERSION, m->def->version)));
	if (r == 0)
		r = read_request(io, arena, &argv);
	if (r < 0) {
		hm_log(HM_LOG_WARN, "bad request on the control socket",
		    hm_f("uid", uid), hm_f("error", hm_err_name(r)));
		status = HM_EXIT_USAGE;
	} else {
		hm_log(HM_LOG_DEBUG, "command", hm_f("uid", uid),
		    hm_f("command", argv.at[0]));
		hm_io_timeouts(io, ANSWER_MS, REQUEST_MS * 6);
		status = (char)run_request(m, &remote, argv, arena);
	}
	send_frame(io, HM_WIRE_EXIT, hm_str_n(&status, 1));
	hm_arena_free(arena);
}

static void
control_accept(struct hm_mod *m, struct hm_io *io, void *arg)
{
	uid_t uid = (uid_t)-1;

	(void)arg;
	if (!is_allowed(io, &uid)) {
		hm_log(HM_LOG_WARN, "control socket refused a stranger",
		    hm_f("uid", uid));
		hm_io_abort(io);
		return;
	}
	hm_control_serve(m, io, uid);
	hm_io_close(io);
}

int
hm_control_open(struct hm_mod *m, struct hm_err *reterr)
{
	static const struct hm_listen_opts opts = {
		.max_connections = MAX_CLIENTS };
	struct hm_sockaddr addr = { .family = 1 };
	const char *path;
	int r;

	if (!m->gen->core->opts.control)
		return 0;
	path = m->gen->config->server.control_socket;
	if (strlen(path) >= sizeof(addr.path))
		return hm_err_set(reterr, -HM_ELIMIT, "the path of the control "
		    "socket is too long (%zu bytes of at most %zu): %s; choose "
		    "a shorter control-socket", strlen(path), sizeof(addr.path) - 1,
		    path);
	memcpy(addr.path, path, strlen(path));
	if ((r = hm_listen(m, &addr, &opts, control_accept, NULL, reterr)) < 0)
		return r;
	if (chmod(path, 0600) < 0)
		return hm_err_errno(reterr, errno, "%s", path);
	return 0;
}
