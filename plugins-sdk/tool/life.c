/* life.c - the plugin in a whole server: its descriptor, its settings, and being
 * opened and closed beside the modules of "hermod localserve". */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/clock.h>
#include <hermod/conf.h>
#include <hermod/harness.h>
#include <hermod/log.h>
#include <hermod/net.h>
#include <hermod/plugin.h>

#include "tool.h"

enum { ROUNDS = 50, WARM_UP = 10, MAX_SAMPLE = 1 << 20, GRACE_MS = 10000 };

struct life {
	struct pt_child *c;
	struct hm_harness *server;
	struct hm_str sample;
	/* Made once, for memory is counted over many rounds. */
	const char *own;               /* conf.d/NAME.yaml */
	const char *main;              /* hermod.yaml */
	const struct hm_module_def *def;
	struct hm_buf said;            /* by commands */
	struct hm_buf errors;          /* that were logged */
};

static bool
write_file(struct life *l, const char *path, struct hm_str text)
{
	/* Nothing here has to survive: no sync. */
	FILE *f = fopen(path, "we");
	bool good = f != NULL && fwrite(text.p, 1, text.len, f) == text.len;

	if (f != NULL && fclose(f) != 0)
		good = false;
	if (!good)
		pt_wrong(l->c, "check", "%s: %m", path);
	return good;
}

static const char *
conf_path(struct life *l, const char *name)
{
	return hm_printf(l->c->arena, "%s/%s", l->c->scratch, name);
}

static bool
enable(struct life *l, const char *name)
{
	return write_file(l, conf_path(l, hm_printf(l->c->arena,
	    "conf.d/%s.yaml", name)), HM_STR("enabled: yes\n"));
}

/* ---- the server around it ---- */

static void
keep_errors(enum hm_loglevel level, struct hm_str line, void *arg)
{
	struct life *l = arg;

	if (level == HM_LOG_ERROR && l->errors.len < 200)
		hm_buf_printf(&l->errors, "%s%.*s", l->errors.len ? "; " : "",
		    HM_FMT(line));
}

static const char *
module_path(struct life *l)
{
	const char *more = getenv("HERMOD_MODULE_PATH");

	return more == NULL ? l->c->dir : hm_printf(l->c->arena, "%s:%s",
	    l->c->dir, more);
}

/* What localserve begins with, and what was asked for. */
static bool
write_modules(struct life *l)
{
	const char *base = getenv("HERMOD_TEMPLATES");
	const char *path = hm_printf(l->c->arena, "%s/localserve/conf.d",
	    base != NULL ? base : hm_printf(l->c->arena, "%s/..",
	    pt_template_dir(l->c->arena)));
	DIR *dir = opendir(path);
	struct dirent *e;
	bool good = true;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		struct hm_str name = hm_str(e->d_name);

		if (!hm_str_ends(name, HM_STR(".yaml")))
			continue;
		name = hm_str_dup(l->c->arena, hm_str_take(name, name.len - 5));
		if (hm_harness_has_module(module_path(l), name.p))
			good &= enable(l, name.p);
	}
	if (dir != NULL)
		closedir(dir);
	for (size_t i = 0; i < l->c->args->n_with; i++)
		good &= enable(l, l->c->args->with[i]);
	return good;
}

/* Where the plugin provides what another module does, it is preferred. */
static void
add_use(struct life *l, struct hm_buf *out)
{
	const struct hm_provide *p = l->def->provides;

	if (p == NULL || p->iface == NULL)
		return;
	hm_buf_puts(out, "use:\n");
	for (; p->iface != NULL; p++)
		hm_buf_printf(out, "  %s: %s\n", p->iface, l->c->name);
}

static bool
write_server(struct life *l, bool with)
{
	struct hm_buf text = { 0 };
	bool good;

	hm_buf_puts(&text, "hostname: mail.example.org\ndata-dir: data\n"
	    "tls:\n  certificates:\n    mail.example.org: "
	    "{cert-file: tls.crt, key-file: tls.key}\n");
	if (with)
		add_use(l, &text);
	good = write_file(l, l->main, hm_buf_view(&text));
	hm_buf_release(&text);
	return good && write_file(l, l->own, with ? l->sample :
	    HM_STR("enabled: no\n"));
}

static bool
write_all(struct life *l)
{
	static const char *const names[] = { "mail.example.org", NULL };
	struct hm_err err = { 0 };

	if (mkdir(conf_path(l, "conf.d"), 0700) < 0 ||
	    mkdir(conf_path(l, "data"), 0700) < 0 ||
	    hm_tls_self_signed(names, 365, conf_path(l, "tls.crt"),
	    conf_path(l, "tls.key"), &err) < 0) {
		pt_wrong(l->c, "check", "%s: %m %s", l->c->scratch, err.text);
		return false;
	}
	return write_modules(l) && write_file(l, conf_path(l, "domains.yaml"),
	    HM_STR("domains:\n  example.org: {}\naccounts:\n"
	    "  anna: {addresses: [anna@example.org]}\n"));
}

/* ---- the descriptor ---- */

static int
command(struct life *l, const char *a, const char *b, const char *third)
{
	const char *words[] = { a, b, third, NULL };

	hm_buf_clear(&l->said);
	return hm_harness_command(l->server, words, HM_STR(""), &l->said);
}

static struct hm_str
said(struct life *l)
{
	struct hm_str text = hm_str_trim(hm_buf_view(&l->said));

	if (hm_str_starts(text, HM_STR("hermod: ")))
		text = hm_str_skip(text, 8);
	return text;
}

static unsigned
count_hooks(const struct hm_module_def *def)
{
	unsigned n = 0;

	while (def->hooks != NULL && def->hooks[n].id != HM_HOOK_NONE)
		n++;
	return n;
}

/* The loader judges it; then its first members can be trusted. */
static bool
look_at_descriptor(struct life *l)
{
	void *handle;

	pt_stage(l->c, "reading its descriptor");
	if (command(l, "config", "example", l->c->name) != 0) {
		pt_wrong(l->c, "descriptor", "%.*s", HM_FMT(said(l)));
		return false;
	}
	/* Stays open: def is looked at until the end. */
	handle = dlopen(l->c->file, RTLD_NOW | RTLD_LOCAL);
	l->def = handle != NULL ? dlsym(handle, "hm_module") : NULL;
	if (l->def == NULL)
		return false;
	pt_good(l->c, "descriptor", "module %s %s, ABI %u.%u of %d.%d, "
	    "%u hooks, settings of %zu bytes", l->def->name,
	    l->def->version, l->def->abi_major, l->def->abi_minor, HM_ABI_MAJOR,
	    HM_ABI_MINOR, l->def->size > offsetof(struct hm_module_def, hooks) ?
	    count_hooks(l->def) : 0, l->def->conf_size);
	return true;
}

/* ---- life ---- */

static bool
reload(struct life *l, bool with)
{
	if (!write_server(l, with))
		return false;
	hm_buf_clear(&l->said);
	if (hm_harness_reload(l->server, &l->said) < 0)
		return false;
	hm_harness_pass(1000);
	return true;
}

/* Whether the former generation ended by itself, within a minute. */
static bool
lets_go(struct life *l)
{
	struct hm_str text;
	size_t lines = 0;

	for (int minute = 0; minute < 2; minute++) {
		command(l, "generations", NULL, NULL);
		text = hm_buf_view(&l->said);
		for (lines = 0; text.p != NULL; lines++)
			hm_str_split(&text, '\n');
		/* The heading, the current one, and behind the last line end. */
		if (lines <= 3)
			return true;
		hm_harness_pass(60 * 1000);
	}
	pt_wrong(l->c, "close", "it does not let go when it is retired:\n%.*s",
	    HM_FMT(said(l)));
	return false;
}

static bool
rounds(struct life *l, bool with, unsigned n, struct pt_counts *ret)
{
	struct pt_counts before, after;

	for (unsigned i = 0; i < WARM_UP + n; i++) {
		if (i == WARM_UP)
			pt_counts(&before);
		if (with && i % 10 == 0)
			pt_stage(l->c, "opening and closing it, %u of %u", i, n);
		if (with && (!reload(l, true) || !reload(l, false)))
			return false;
		if (!with && (!reload(l, false) || !reload(l, false)))
			return false;
	}
	pt_counts(&after);
	if (with)
		pt_compare(l->c, "open", n, &before, &after, ret);
	ret->bytes = after.bytes - before.bytes;
	return true;
}

static void
open_and_close(struct life *l)
{
	struct pt_counts calm = { 0 };

	pt_stage(l->c, "starting a server without it");
	if (!rounds(l, false, ROUNDS, &calm)) {
		pt_note(l->c, "open", "not tried, the server does not start "
		    "without it: %.*s", HM_FMT(said(l)));
		return;
	}
	pt_stage(l->c, "opening it");
	if (!reload(l, true)) {
		pt_wrong(l->c, "open", "it cannot be opened with %s: %.*s",
		    l->c->args->sample != NULL ? "its sample" :
		    "default settings", HM_FMT(said(l)));
		return;
	}
	if (!reload(l, false) || !lets_go(l))
		return;
	rounds(l, true, ROUNDS, &calm);
}

static void
live(struct life *l)
{
	if (!write_server(l, true))
		return;
	pt_stage(l->c, "checking its settings");
	if (command(l, "config", "check", NULL) != 0) {
		pt_wrong(l->c, "settings", "%.*s", HM_FMT(said(l)));
		return;
	}
	pt_good(l->c, "settings", "%s is accepted", l->c->args->sample != NULL ?
	    l->c->args->sample : "a file without settings");
	open_and_close(l);
}

static void
finish(struct life *l)
{
	struct hm_buf left = { 0 };

	pt_stage(l->c, "stopping the server");
	hm_harness_stop(l->server, GRACE_MS, &left);
	hm_harness_end(&left);
	hm_log_set_sink(NULL, NULL);
	if (left.len > 0)
		pt_wrong(l->c, "close", "when all is over: %.*s",
		    HM_FMT(hm_str_trim(hm_buf_view(&left))));
	if (l->errors.len > 0)
		pt_wrong(l->c, "log", "%.*s", HM_FMT(hm_buf_view(&l->errors)));
	hm_buf_release(&left);
	hm_buf_release(&l->said);
	hm_buf_release(&l->errors);
}

void
pt_life(struct pt_child *c)
{
	struct life l = { .c = c, .sample = HM_STR("enabled: yes\n") };
	struct hm_err err = { 0 };

	if (c->args->sample != NULL && hm_file_read(c->arena, c->args->sample,
	    MAX_SAMPLE, &l.sample, &err) < 0) {
		pt_wrong(c, "sample", "%s", err.text);
		return;
	}
	if (hm_harness_begin(1795176000000, 1, &err) < 0) {
		pt_wrong(c, "check", "%s", err.text);
		return;
	}
	hm_log_set_sink(keep_errors, &l);
	l.own = conf_path(&l, hm_printf(c->arena, "conf.d/%s.yaml", c->name));
	l.main = conf_path(&l, "hermod.yaml");
	l.server = hm_harness_server(c->scratch, module_path(&l));
	if (write_all(&l) && look_at_descriptor(&l)) {
		command(&l, "config", "example", c->name);
		pt_papers(c, hm_str_dup(c->arena, hm_buf_view(&l.said)));
		live(&l);
	}
	finish(&l);
}
