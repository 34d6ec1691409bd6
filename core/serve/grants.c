/* grants.c - what the configuration lets the privileged parent do.
 *
 * A child of its own loads the modules for their option tables, tells what they
 * may listen on and read, and ends: no module's code runs in the parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/conf.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include "core/conf/config.h"
#include "core/conf/errs.h"
#include "core/plug/core.h"
#include "core/plug/generation.h"
#include "core/run/sandbox.h"

#include "paths.h"
#include "grants.h"
#include "serve.h"

enum { MAX_GRANTS = 1024, MAX_BYTES = 1 << 20, MAX_DEPTH = 8 };

struct hm_grants {
	struct hm_arena *arena;
	struct hm_sockaddr *listen;
	size_t n_listen;
	const char **open, **write, **modules, **folders;
	size_t n_open, n_write, n_modules, n_folders;
	const char *user, *group, *data_dir;
};

/* ---- the child: what the tables and values say ---- */


static void
tell_addrs(FILE *out, const struct hm_addrlist *list)
{
	char text[112];

	for (size_t i = 0; list != NULL && i < list->n; i++)
		if (list->at[i].family == 1)
			fprintf(out, "socket %s%cwrite %s%c", list->at[i].path,
			    '\0', list->at[i].path, '\0');
		else
			fprintf(out, "listen %s%c", hm_sockaddr_text(text,
			    &list->at[i]), '\0');
}

static void
tell_file(FILE *out, const struct hm_opt *opt, const char *path)
{
	if (path != NULL)
		fprintf(out, "open %s%c", path, '\0');
	if (path != NULL && opt->writes)
		fprintf(out, "write %s%c", path, '\0');
}

/* Where modules are looked for. */
static void
tell_folders(FILE *out, struct hm_str search)
{
	while (search.p != NULL) {
		struct hm_str dir = hm_str_split(&search, ':');

		if (dir.len > 0)
			fprintf(out, "modules %.*s%c", HM_FMT(dir), '\0');
	}
}

static void tell_options(FILE *out, const struct hm_opt *table,
    const void *conf, int depth);

static void
tell_option(FILE *out, const struct hm_opt *opt, const char *field, int depth)
{
	const struct hm_blocks *blocks;

	switch (opt->type) {
	case HM_OPT_TYPE_ADDRS:
		tell_addrs(out, *(const struct hm_addrlist *const *)field);
		break;
	case HM_OPT_TYPE_FILE:
		tell_file(out, opt, *(const char *const *)field);
		break;
	case HM_OPT_TYPE_BLOCK:
		tell_options(out, opt->sub, field, depth + 1);
		break;
	case HM_OPT_TYPE_BLOCKS:
		blocks = *(const struct hm_blocks *const *)field;
		for (size_t i = 0; blocks != NULL && i < blocks->n; i++)
			tell_options(out, opt->sub, (const char *)blocks->at +
			    i * opt->sub_size, depth + 1);
		break;
	default:
		break;
	}
}

/* Tables are ours, not input; the limit holds one that refers to itself. */
static void
tell_options(FILE *out, const struct hm_opt *table, const void *conf,
    int depth)
{
	if (table == NULL || conf == NULL || depth > MAX_DEPTH)
		return;
	for (; table->name != NULL; table++)
		tell_option(out, table, (const char *)conf + table->offset,
		    depth);
}

static void
tell_generation(FILE *out, const struct hm_generation *gen)
{
	const struct hm_server_conf *conf = &gen->config->server;

	fprintf(out, "user %s%c", conf->user, '\0');
	if (conf->group != NULL)
		fprintf(out, "group %s%c", conf->group, '\0');
	fprintf(out, "data %s%c", conf->data_dir, '\0');
	fprintf(out, "write %s%c", conf->control_socket, '\0');
	tell_folders(out, hm_str(hm_search_path(gen->core, gen->config,
	    gen->arena)));
	tell_folders(out, HM_STR(HM_MODULEDIR));
	tell_options(out, hm_server_options, conf, 0);
	for (size_t i = 0; i < gen->n_mods; i++)
		tell_options(out, gen->mods[i]->def->options,
		    gen->mods[i]->conf, 0);
}

static int
tell_all(const struct hm_options *options, FILE *out)
{
	struct hm_core_opts opts = { .conf_dir = options->conf_dir,
	    .module_path = options->module_path, .offline = true,
	    .lenient = true };
	struct hm_core *core = hm_core_new(&opts);
	struct hm_errs *errs = hm_errs_new(core->arena);
	struct hm_generation *gen = hm_generation_prepare(core, errs);
	struct hm_buf text = { 0 };
	bool good = gen != NULL;

	if (hm_errs_count(errs) > 0 || hm_errs_warnings(errs) > 0) {
		hm_errs_print(errs, &text);
		fwrite(text.p, 1, text.len, stderr);
		hm_buf_release(&text);
	}
	if (good) {
		tell_generation(out, gen);
		hm_generation_drop(gen);
	}
	hm_core_free(core);
	return good && fflush(out) == 0 ? 0 : 1;
}

/* ---- the parent: what was told ---- */

static void
take_path(const char **at, size_t *n, const char *path)
{
	if (*n < MAX_GRANTS)
		at[(*n)++] = path;
}

static void
take_word(struct hm_grants *g, struct hm_str word)
{
	struct hm_str kind = hm_str_split(&word, ' ');
	const char *text = hm_strndup(g->arena, word.p ? word.p : "", word.len);

	if (hm_str_is(kind, "listen") && g->n_listen < MAX_GRANTS &&
	    hm_sockaddr_parse(word, &g->listen[g->n_listen]) == 0)
		g->n_listen++;
	else if (hm_str_is(kind, "open"))
		take_path(g->open, &g->n_open, text);
	else if (hm_str_is(kind, "write"))
		take_path(g->write, &g->n_write, text);
	else if (hm_str_is(kind, "socket") && hm_str_rchr(word, '/') > 0)
		take_path(g->folders, &g->n_folders, hm_strndup(g->arena,
		    word.p, (size_t)hm_str_rchr(word, '/')));
	else if (hm_str_is(kind, "modules"))
		take_path(g->modules, &g->n_modules, text);
	else if (hm_str_is(kind, "user"))
		g->user = text;
	else if (hm_str_is(kind, "group"))
		g->group = text;
	else if (hm_str_is(kind, "data"))
		g->data_dir = text;
}

static struct hm_grants *
take_words(struct hm_str words)
{
	struct hm_arena *arena = hm_arena_new(NULL, "grants");
	struct hm_grants *g = hm_new(arena, struct hm_grants);

	g->arena = arena;
	g->listen = hm_alloc_array(arena, MAX_GRANTS, sizeof(*g->listen));
	g->open = hm_alloc_array(arena, MAX_GRANTS, sizeof(*g->open));
	g->write = hm_alloc_array(arena, MAX_GRANTS, sizeof(*g->write));
	g->modules = hm_alloc_array(arena, MAX_GRANTS, sizeof(*g->modules));
	g->folders = hm_alloc_array(arena, MAX_GRANTS, sizeof(*g->folders));
	g->user = g->data_dir = "";
	while (words.p != NULL)
		take_word(g, hm_str_split(&words, '\0'));
	return g;
}

static int
read_child(int fd, pid_t pid, struct hm_buf *ret)
{
	int status = 0;
	ssize_t n;

	for (;;) {
		hm_buf_reserve(ret, 4096);
		n = read(fd, ret->p + ret->len, 4095);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || ret->len + (size_t)n > MAX_BYTES)
			break;
		ret->len += (size_t)n;
	}
	close(fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return n == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

struct hm_grants *
hm_grants_read(const struct hm_options *options)
{
	struct hm_grants *grants = NULL;
	struct hm_buf words = { 0 };
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return NULL;
	pid = fork();
	if (pid == 0) {
		FILE *out = fdopen(fds[1], "w");

		close(fds[0]);
		_exit(out == NULL ? 1 : tell_all(options, out));
	}
	close(fds[1]);
	if (pid < 0)
		close(fds[0]);
	else if (read_child(fds[0], pid, &words) == 0)
		grants = take_words(hm_buf_view(&words));
	hm_buf_release(&words);
	return grants;
}

void
hm_grants_free(struct hm_grants *grants)
{
	if (grants != NULL)
		hm_arena_free(grants->arena);
}

bool
hm_grants_listen(const struct hm_grants *grants,
    const struct hm_sockaddr *addr)
{
	for (size_t i = 0; i < grants->n_listen; i++)
		if (grants->listen[i].port == addr->port &&
		    hm_sockaddr_ip_eq(&grants->listen[i], addr))
			return true;
	return false;
}

/* A file of a folder of modules. */
static bool
is_module(const struct hm_grants *grants, struct hm_str path)
{
	ssize_t slash = hm_str_rchr(path, '/');

	if (slash < 0 || !hm_str_ends(path, HM_STR(".so")))
		return false;
	path.len = (size_t)slash;
	for (size_t i = 0; i < grants->n_modules; i++)
		if (hm_str_is(path, grants->modules[i]))
			return true;
	return false;
}

bool
hm_grants_open(const struct hm_grants *grants, const char *path)
{
	for (size_t i = 0; i < grants->n_open; i++)
		if (strcmp(grants->open[i], path) == 0)
			return true;
	return is_module(grants, hm_str(path));
}

void
hm_grants_sandbox(const struct hm_grants *grants)
{
	hm_sandbox_allow(grants->data_dir, HM_SANDBOX_WRITE);
	for (size_t i = 0; i < grants->n_open; i++)
		hm_sandbox_allow(grants->open[i],
		    HM_SANDBOX_READ | HM_SANDBOX_BESIDE);
	for (size_t i = 0; i < grants->n_write; i++)
		hm_sandbox_allow(grants->write[i],
		    HM_SANDBOX_WRITE | HM_SANDBOX_BESIDE);
	for (size_t i = 0; i < grants->n_modules; i++)
		hm_sandbox_allow(grants->modules[i], HM_SANDBOX_READ);
}

const char *
hm_grants_user(const struct hm_grants *grants)
{
	return grants->user;
}

const char *
hm_grants_group(const struct hm_grants *grants)
{
	return grants->group;
}

const char *
hm_grants_data_dir(const struct hm_grants *grants)
{
	return grants->data_dir;
}

const char *
hm_grants_folder(const struct hm_grants *grants, size_t n)
{
	return n < grants->n_folders ? grants->folders[n] : NULL;
}
