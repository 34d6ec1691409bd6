/* control.h - the control socket: the core's own part of each generation. */
#ifndef HERMOD_PLUG_CONTROL_H
#define HERMOD_PLUG_CONTROL_H

#include <sys/types.h>

#include <hermod/plugin.h>

/* The core as a module of itself: it offers the control socket. */
extern const struct hm_module_def hm_core_def;

/* One command of that user, from its words to its exit status. */
HM_FIBER void hm_control_serve(struct hm_mod *m, struct hm_io *io, uid_t uid);

/* The other side: has the running server run the words, with this process's
 * standard streams. Returns the exit status, or -HM_ENOENT when no server
 * listens. Blocks; not on a fiber. */
int hm_control_call(const char *path, size_t argc, const char *const *argv,
    struct hm_err *reterr);
/* The same over a connection that exists. */
int hm_control_converse(int fd, size_t argc, const char *const *argv,
    struct hm_err *reterr);

/* Asks on the terminal, or takes a line of standard input. */
int hm_terminal_ask(const char *prompt, unsigned flags, struct hm_buf *ret,
    struct hm_err *reterr);

#endif
