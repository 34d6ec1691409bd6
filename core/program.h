/* program.h - the parts of the program hermod. */
#ifndef HERMOD_PROGRAM_H
#define HERMOD_PROGRAM_H

#include <hermod/types.h>

#include "core/plug/cmd.h"

struct hm_sockaddr;

/* What stands before the command's words. */
struct hm_options {
	const char *conf_dir;
	const char *module_path;       /* or NULL */
};

/* For the program alone. */
HM_API int hm_main(int argc, char **argv);

/* Commands that are the process itself: words behind the name in argv. */
int hm_program_serve(const struct hm_options *options, struct hm_argv argv);
int hm_program_localserve(const struct hm_options *options,
    struct hm_argv argv);
int hm_program_quickstart(const struct hm_options *options,
    struct hm_argv argv);

/* process.c: no command, but what core/run/spawn.h begins. */
int hm_program_module_process(const struct hm_options *options,
    struct hm_argv argv);

/* serve.c: serves in this process, without a privileged parent. */
struct hm_server_opts;
int hm_serve_alone(const struct hm_options *options,
    struct hm_server_opts *opts);

/* call.c: runs any other command here or in the server; the exit status. */
int hm_call(const struct hm_options *options, struct hm_argv argv);

/* grants.c: what the configuration lets the privileged parent do. */
struct hm_grants;
/* Read by a process that ends again, so that no module's code stays in this
 * one. NULL when the configuration has mistakes, which were then printed. */
struct hm_grants *hm_grants_read(const struct hm_options *options);
void hm_grants_free(struct hm_grants *grants);
bool hm_grants_listen(const struct hm_grants *grants,
    const struct hm_sockaddr *addr);
bool hm_grants_open(const struct hm_grants *grants, const char *path);
/* Tells the sandbox which files the configuration names. */
void hm_grants_sandbox(const struct hm_grants *grants);
/* Settings that only the parent needs. */
const char *hm_grants_user(const struct hm_grants *grants);
const char *hm_grants_group(const struct hm_grants *grants); /* or NULL */
const char *hm_grants_data_dir(const struct hm_grants *grants);
/* The nth folder, from 0, with a socket of a listener in it; NULL behind the
 * last. */
const char *hm_grants_folder(const struct hm_grants *grants, size_t n);

#endif
