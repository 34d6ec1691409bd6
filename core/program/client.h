/* client.h - the calling side of the control socket, and the terminal. Blocks; not
 * on a fiber.
 */
#ifndef HERMOD_PROGRAM_CLIENT_H
#define HERMOD_PROGRAM_CLIENT_H

#include <hermod/buf.h>
#include <hermod/err.h>

/* Has the running server run the words, with this process's standard streams.
 * Returns the exit status, or -HM_ENOENT when no server listens. */
int hm_control_call(const char *path, size_t argc, const char *const *argv,
    struct hm_err *reterr);
/* The same over a connection that exists. */
int hm_control_converse(int fd, size_t argc, const char *const *argv,
    struct hm_err *reterr);

/* Asks on the terminal, or takes a line of standard input. */
int hm_terminal_ask(const char *prompt, unsigned flags, struct hm_buf *ret,
    struct hm_err *reterr);

#endif
