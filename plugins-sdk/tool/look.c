/* look.c - the file: what it lets out, what it takes, whether it loads. */
#include <dlfcn.h>

#include <hermod/conf.h>

#include "tool.h"

/* The lists of names in a finding stay short. */
enum { MAX_NAMES = 8 };

struct names {
	struct hm_buf text;
	unsigned n;
};

static void
add(struct names *names, const char *name)
{
	if (names->n++ < MAX_NAMES)
		hm_buf_printf(&names->text, "%s%s", names->n > 1 ? ", " : "",
		    name);
	else if (names->n == MAX_NAMES + 1)
		hm_buf_puts(&names->text, ", and more");
}

static bool
is_one_of(const char *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(name, *list) == 0)
			return true;
	return false;
}

/* Compilers and linkers add these by themselves. */
static bool
is_common(const char *name)
{
	static const char *const common[] = { "_init", "_fini", "_edata", "_end",
		"__bss_start", "_ITM_deregisterTMCloneTable",
		"_ITM_registerTMCloneTable", "__gmon_start__", NULL };

	return is_one_of(name, common) ||
	    hm_str_starts(hm_str(name), HM_STR("__asan")) ||
	    hm_str_starts(hm_str(name), HM_STR("__odr_asan")) ||
	    hm_str_starts(hm_str(name), HM_STR("__ubsan"));
}

static void
look_at_exports(struct pt_child *c, const struct pt_symbol *symbols, size_t n)
{
	struct names more = { { 0 }, 0 };
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		if (!symbols[i].defined || is_common(symbols[i].name))
			continue;
		if (strcmp(symbols[i].name, "hm_module") == 0)
			found = true;
		else
			add(&more, symbols[i].name);
	}
	if (!found)
		pt_wrong(c, "exports", "expected the symbol hm_module, found "
		    "none: end the source with HM_MODULE() of <hermod/plugin.h>");
	if (more.n > 0)
		pt_wrong(c, "exports", "lets out %u more than hm_module (%s): "
		    "they could meet another plugin's; make them static, or "
		    "compile with -fvisibility=hidden", more.n, more.text.p);
	if (found && more.n == 0)
		pt_good(c, "exports", "hm_module alone");
	hm_buf_release(&more.text);
}

static void
look_at_imports(struct pt_child *c, void *handle,
    const struct pt_symbol *symbols, size_t n)
{
	static const char *const blocking[] = { "sleep", "usleep", "nanosleep",
		"getaddrinfo", "gethostbyname", "gethostbyaddr", "res_query",
		"system", "popen", "select", "poll", "connect", NULL };
	struct names missing = { { 0 }, 0 }, blocks = { { 0 }, 0 };
	unsigned sdk = 0;

	for (size_t i = 0; i < n; i++) {
		const char *name = symbols[i].name;

		if (symbols[i].defined || is_common(name))
			continue;
		sdk += hm_str_starts(hm_str(name), HM_STR("hm_"));
		if (is_one_of(name, blocking))
			add(&blocks, name);
		if (!symbols[i].weak && dlsym(handle, name) == NULL &&
		    dlsym(RTLD_DEFAULT, name) == NULL)
			add(&missing, name);
	}
	if (missing.n > 0)
		pt_wrong(c, "imports", "nobody has %s: link what is missing "
		    "(LDLIBS); what begins with hm_ is not in this Hermod, or "
		    "belongs to another plugin", missing.text.p);
	else
		pt_good(c, "imports", "all there; %u functions of the SDK", sdk);
	if (blocks.n > 0)
		pt_note(c, "imports", "it uses %s, which would stop all "
		    "sessions: allowed in a job (hm_work) alone",
		    blocks.text.p);
	hm_buf_release(&missing.text);
	hm_buf_release(&blocks.text);
}

void
pt_look(struct pt_child *c)
{
	struct pt_symbol *symbols;
	struct hm_err err = { 0 };
	void *handle;
	size_t n;

	pt_stage(c, "reading the file");
	if (pt_symbols(c->arena, c->file, &symbols, &n, &err) < 0) {
		pt_wrong(c, "file", "%s", err.text);
		return;
	}
	look_at_exports(c, symbols, n);
	pt_stage(c, "loading it");
	handle = dlopen(c->file, RTLD_LAZY | RTLD_LOCAL);
	if (handle == NULL) {
		pt_wrong(c, "imports", "it cannot be loaded: %s", dlerror());
		return;
	}
	look_at_imports(c, handle, symbols, n);
	pt_stage(c, "unloading it");
	dlclose(handle);
}
