/* server.h - a server in this process, for "serve" and its relatives. */
#ifndef HERMOD_SERVE_SERVER_H
#define HERMOD_SERVE_SERVER_H

struct hm_core;
struct hm_err;
struct hm_grants;
struct hm_module_def;
struct hm_server_conf;

struct hm_server_opts {
	const struct hm_grants *grants; /* what the sandbox lets through */
	const char *conf_dir;
	const char *module_path;       /* or NULL */
	const struct hm_module_def *own; /* the core as a module */
	long pid;                      /* whom signals go to; 0: this process */
	/* Called once, when the first configuration is current. May be NULL. */
	void (*ready)(struct hm_core *core, void *arg);
	void *arg;
};

/* Starts, serves until SIGTERM, SIGINT or "hermod stop", and returns the exit
 * status. Mistakes of the configuration are printed. */
int hm_server_run(const struct hm_server_opts *opts);
/* Says so, behind what was wrong. */
void hm_server_not_started(void);

/* confine.c: shuts this process into its sandbox. One thread. */
int hm_confine(const struct hm_server_opts *opts,
    const struct hm_server_conf *conf, struct hm_err *reterr);

#endif
