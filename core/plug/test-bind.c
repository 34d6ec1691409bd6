/* test-bind.c - who can be loaded, and who gets what from whom. */
#include "paths.h"

#include <hermod/work.h>

#include "test-lib.h"

#define ON "enabled: yes\n"

static void
build_all(void)
{
	test_build("alpha-one", "serves", "-DHAS_ALPHA");
	test_build("alpha-two", "serves", "-DHAS_ALPHA");
	test_build("alpha-new", "serves", "-DHAS_ALPHA -DALPHA=2");
	test_build("beta-on-alpha", "serves", "-DHAS_BETA -DNEEDS_ALPHA");
	test_build("alpha-on-beta", "serves", "-DHAS_ALPHA -DNEEDS_BETA");
	test_build("needs-alpha", "serves", "-DNEEDS_ALPHA");
	test_build("a-needs-beta", "serves", "-DNEEDS_BETA -DWANTS_ALPHA");
	test_build("wants-alpha", "serves", "-DWANTS_ALPHA");
	test_build("all-alphas", "serves", "-DALL_ALPHAS");
	test_build("itself", "serves", "-DHAS_ALPHA -DNEEDS_ALPHA");
	test_build("probe", "probe", "");
}

/* modules: names to enable; use: more of hermod.yaml. */
static const struct {
	const char *modules, *use, *want, *notes, *name;
} cases[] = {
	{ "alpha-one needs-alpha", "", "",
	  "open alpha-one 0 -; open needs-alpha 7 alpha-one", "bound" },
	{ "a-needs-beta alpha-one beta-on-alpha", "", "",
	  "open alpha-one 0 -; open beta-on-alpha 7 alpha-one; "
	  "open a-needs-beta 7 alpha-one", "providers are opened first" },
	{ "wants-alpha", "", "", "open wants-alpha 0 -",
	  "what is only wanted may be missing" },
	{ "all-alphas", "", "", "open all-alphas 0 -",
	  "all of none" },
	{ "all-alphas alpha-one alpha-two", "", "",
	  "open alpha-one 0 -; open alpha-two 0 -; "
	  "open all-alphas 7 alpha-one; open all-alphas 7 alpha-two",
	  "all of two" },
	{ "all-alphas alpha-new", "",
	  "conf.d/all-alphas.yaml:1:1: module \"all-alphas\" needs version 1 "
	  "of the interface \"alpha\", but module \"alpha-new\" "
	  "(conf.d/alpha-new.yaml:1:1) provides version 2", "",
	  "all of them in the wrong version" },
	{ "needs-alpha", "",
	  "conf.d/needs-alpha.yaml:1:1: module \"needs-alpha\" needs the "
	  "interface \"alpha\", which no enabled module provides", "",
	  "missing provider" },
	{ "itself", "",
	  "conf.d/itself.yaml:1:1: module \"itself\" needs the interface "
	  "\"alpha\", which no enabled module provides", "",
	  "nobody serves itself" },
	{ "alpha-new needs-alpha", "",
	  "conf.d/needs-alpha.yaml:1:1: module \"needs-alpha\" needs version 1 "
	  "of the interface \"alpha\", but module \"alpha-new\" "
	  "(conf.d/alpha-new.yaml:1:1) provides version 2", "",
	  "wrong version" },
	{ "alpha-one alpha-two needs-alpha", "",
	  "conf.d/needs-alpha.yaml:1:1: module \"needs-alpha\" needs the "
	  "interface \"alpha\", which both \"alpha-one\" "
	  "(conf.d/alpha-one.yaml:1:1) and \"alpha-two\" "
	  "(conf.d/alpha-two.yaml:1:1) provide; disable one, or choose in "
	  "hermod.yaml: use: { alpha: alpha-one }", "", "two providers" },
	{ "alpha-one alpha-two needs-alpha", "use: {alpha: alpha-two}\n", "",
	  "open alpha-one 0 -; open alpha-two 0 -; "
	  "open needs-alpha 7 alpha-two", "two providers, one chosen" },
	{ "alpha-one", "use: {alpha: alpha-two}\n",
	  "hermod.yaml:4:14: no enabled module is named \"alpha-two\" (to "
	  "provide \"alpha\")", "", "choice of an absent module" },
	{ "alpha-one probe", "use: {alpha: probe}\n",
	  "hermod.yaml:4:14: module \"probe\" does not provide the interface "
	  "\"alpha\"", "", "choice of a module without the interface" },
	{ "alpha-on-beta beta-on-alpha", "",
	  "conf.d/beta-on-alpha.yaml:1:1: modules need each other in a circle: "
	  "\"beta-on-alpha\" (conf.d/beta-on-alpha.yaml:1:1) needs \"alpha\" of "
	  "\"alpha-on-beta\", \"alpha-on-beta\" (conf.d/alpha-on-beta.yaml:1:1) "
	  "needs \"beta\" of \"beta-on-alpha\"", "", "circle" },
	{ "needs-alpha a-needs-beta", "",
	  "conf.d/a-needs-beta.yaml:1:1: module \"a-needs-beta\" needs the "
	  "interface \"beta\", which no enabled module provides\n"
	  "conf.d/needs-alpha.yaml:1:1: module \"needs-alpha\" needs the "
	  "interface \"alpha\", which no enabled module provides", "",
	  "all mistakes are told at once" },
};

static void
set_modules(const char *modules, const char *text)
{
	struct hm_str rest = hm_str(modules);
	char name[50];

	while (rest.p != NULL) {
		struct hm_str word = hm_str_split(&rest, ' ');

		snprintf(name, sizeof(name), "%.*s", HM_FMT(word));
		test_conf(name, text);
	}
}

static void
test_bindings(void)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(cases); i++) {
		set_modules(cases[i].modules, ON);
		test_yaml(cases[i].use);
		is_str(test_reload(), cases[i].want, "%s", cases[i].name);
		test_said(cases[i].notes, cases[i].name);
		set_modules(cases[i].modules, NULL);
		hm_core_retire(test_core);
		hm_loop_run_until_idle();
		hm_buf_clear(&test_notes);
	}
	test_yaml("");
}

/* ---- descriptors ---- */

static void
test_descriptors(void)
{
	struct hm_module_def good = { .abi_major = HM_ABI_MAJOR,
	    .abi_minor = HM_ABI_MINOR, .size = sizeof(good), .name = "m",
	    .version = "1", .summary = "s" }, def, bad;
	struct hm_hook hooks[] = { { .id = HM_HOOK_COUNT }, HM_HOOK_END };
	uint32_t size = 0;
	struct hm_provide provides[] = { { "alpha", 1, &size },
	    HM_PROVIDE_END };
	struct hm_err err = { 0 };

	is_int(hm_module_check(&good, "m", "m.so", &def, &err), 0, "good");
	bad = good;
	bad.abi_major = HM_ABI_MAJOR + 1;
	ok(hm_module_check(&bad, "m", "m.so", &def, &err) < 0, "newer major");
	is_str(err.text, "m.so: expected ABI 1, found 2: rebuild the module "
	    "against the headers in " HM_INCLUDEDIR "/hermod",
	    "says what was expected, what was found, what to do");
	bad = good;
	bad.abi_minor = HM_ABI_MINOR + 1;
	ok(hm_module_check(&bad, "m", "m.so", &def, &err) < 0, "newer minor");
	has(err.text, "expected ABI 1.1 or an earlier minor, found 1.2",
	    "says which");
	bad = good;
	bad.size = 8;
	ok(hm_module_check(&bad, "m", "m.so", &def, &err) < 0, "too small");
	bad.size = 1 << 20;
	ok(hm_module_check(&bad, "m", "m.so", &def, &err) < 0, "too large");
	has(err.text, "found 1048576", "says how large");
	/* An older module knows fewer members: those behind are absent. */
	bad = good;
	bad.hooks = hooks;
	bad.size = offsetof(struct hm_module_def, hooks);
	is_int(hm_module_check(&bad, "m", "m.so", &def, &err), 0, "older");
	ok(def.hooks == NULL, "what it does not know is not read");
	bad.size = sizeof(bad);
	ok(hm_module_check(&bad, "m", "m.so", &def, &err) < 0, "unknown hook");
	bad = good;
	bad.provides = provides;
	ok(hm_module_check(&bad, "m", "m.so", &def, &err) < 0,
	    "an interface without its size");
	ok(hm_module_check(&good, "n", "n.so", &def, &err) < 0, "other name");
	is_str(err.text, "n.so: expected module \"n\", found \"m\": the file "
	    "must be named like the module", "says which names");
}

static void
test_files(void)
{
	char command[700];

	test_conf("nowhere", ON);
	has(test_reload(), "conf.d/nowhere.yaml:1:1: module \"nowhere\": "
	    "there is no file nowhere.so in modules, /",
	    "a file that is not there");
	test_conf("nowhere", NULL);
	test_write(test_path("modules/text.so"), "this is no library\n");
	test_conf("text", ON);
	has(test_reload(), "conf.d/text.yaml:1:1: module \"text\": "
	    "modules/text.so cannot be loaded: ", "a file that is none");
	test_conf("text", NULL);
	snprintf(command, sizeof(command), "cp '%s' '%s'",
	    test_path("modules/probe.so"), test_path("modules/other.so"));
	is_int(system(command), 0, "copy");
	test_conf("other", ON);
	has(test_reload(), "expected module \"other\", found \"probe\"",
	    "a file under another name");
	test_conf("other", NULL);
	test_write(test_path("empty.c"), "int nothing;\n");
	snprintf(command, sizeof(command), "%s -shared -fPIC -o '%s' '%s'",
	    getenv("CC") ? getenv("CC") : "cc", test_path("modules/empty.so"),
	    test_path("empty.c"));
	is_int(system(command), 0, "compile");
	test_conf("empty", ON);
	has(test_reload(), "expected the symbol hm_module",
	    "a library that is no module");
	test_conf("empty", NULL);
}

/* ---- an event told by a job ---- */

static int
emit_job(void *arg)
{
	struct hm_change change = { .account = "anna", .uid = 7 };

	hm_emit_message_added(arg, &change);
	return 0;
}

static void
emit_fiber(void *arg)
{
	hm_work(emit_job, arg);
}

static void
test_worker(void)
{
	test_conf("probe", ON);
	is_str(test_reload(), "", "a subscriber");
	hm_buf_clear(&test_notes);
	test_run(emit_fiber, test_mod("core"));
	test_said("added probe anna 7", "an event told on a worker thread");
	test_conf("probe", NULL);
}

int
main(void)
{
	test_begin(false);
	build_all();
	test_bindings();
	test_descriptors();
	test_files();
	test_worker();
	test_end();
	return done();
}
