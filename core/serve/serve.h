/* serve.h - "hermod serve": a server with its parent, or alone. */
#ifndef HERMOD_SERVE_SERVE_H
#define HERMOD_SERVE_SERVE_H

#include "core/plug/cmd.h"

#include "server.h"

/* What stands before the command's words. */
struct hm_options {
	const char *conf_dir;
	const char *module_path;       /* or NULL */
	const struct hm_module_def *own; /* the core as a module */
};

/* argv: the words behind "serve". All return the exit status. */
int hm_serve(const struct hm_options *options, struct hm_argv argv);
/* In this process, without a privileged parent. */
int hm_serve_alone(const struct hm_options *options,
    struct hm_server_opts *opts);

#endif
