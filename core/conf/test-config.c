/* test-config.c - configuration directories, files, hermod.yaml's own options. */
#include "t/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "build.h"
#include "config.h"
#include "errs.h"
#include "example.h"

static struct hm_arena *arena;
static char top[] = "/tmp/hermod-conf-XXXXXX";

static const char *
in_top(const char *name)
{
	return hm_printf(arena, "%s/%s", top, name);
}

static void
put(const char *name, const char *text)
{
	struct hm_err err = { 0 };

	if (hm_file_replace(in_top(name), hm_str(text), 0640, &err) < 0)
		diag("%s", err.text);
}

static const char *
get(const char *name)
{
	struct hm_str text;

	if (hm_file_read(arena, in_top(name), 1 << 20, &text, NULL) < 0)
		return NULL;
	return text.p;
}

/* What is printed about the directory, with its path cut to "TOP". */
static const char *
messages(const struct hm_errs *errs)
{
	struct hm_buf out = { 0 }, cut = { 0 };
	struct hm_str rest;
	const char *ret;
	ssize_t at;

	hm_errs_print(errs, &out);
	rest = hm_buf_view(&out);
	while ((at = hm_str_find(rest, hm_str(top))) >= 0) {
		hm_buf_str(&cut, hm_str_take(rest, (size_t)at));
		hm_buf_puts(&cut, "TOP");
		rest = hm_str_skip(rest, (size_t)at + strlen(top));
	}
	hm_buf_str(&cut, rest);
	ret = cut.p != NULL ? hm_strdup(arena, cut.p) : "";
	hm_buf_release(&out);
	hm_buf_release(&cut);
	return ret;
}

static struct hm_config *
load(struct hm_errs **ret_errs)
{
	struct hm_config *config = NULL;

	*ret_errs = hm_errs_new(arena);
	if (hm_config_load(arena, top, &config, *ret_errs) < 0)
		return NULL;
	return config;
}

static void
test_files(void)
{
	struct hm_err err = { 0 };
	struct hm_str text;
	struct stat st;

	is_int(hm_file_replace(in_top("f"), HM_STR("one\n"), 0600, &err), 0,
	    "a new file");
	is_str(get("f"), "one\n", "holds the text");
	ok(stat(in_top("f"), &st) == 0 && (st.st_mode & 0777) == 0600,
	    "with its mode");
	ok(symlink("f", in_top("link")) == 0, "a link to it");
	is_int(hm_file_replace(in_top("link"), HM_STR("two\n"), 0640, &err), 0,
	    "replaced through the link");
	is_str(get("f"), "two\n", "it is the file that changed");
	ok(lstat(in_top("link"), &st) == 0 && S_ISLNK(st.st_mode),
	    "and the link stays");
	is_int(hm_file_read(arena, in_top("f"), 3, &text, &err), -HM_ELIMIT,
	    "a limit of three bytes");
	is_int(hm_file_read(arena, in_top("f"), 4, &text, &err), 0, "of four");
	is_int(hm_file_read(arena, in_top("none"), 4, &text, &err), -HM_ENOENT,
	    "no file");
	is_int(hm_file_read(arena, top, 4, &text, &err), -HM_EINVAL,
	    "a folder");
	ok(mkfifo(in_top("fifo"), 0600) == 0, "a FIFO");
	is_int(hm_file_read(arena, in_top("fifo"), 4, &text, &err), -HM_EINVAL,
	    "does not hang");
	ok(hm_file_replace(in_top("no/where"), HM_STR("x"), 0600, &err) < 0 &&
	    strstr(err.text, "/no: ") != NULL, "no folder");
	unlink(in_top("f"));
	unlink(in_top("link"));
	unlink(in_top("fifo"));
}

static void
test_defaults(void)
{
	struct hm_config *config;
	struct hm_errs *errs;

	config = load(&errs);
	ok(config == NULL, "no hermod.yaml");
	is_str(messages(errs), "error: TOP/hermod.yaml: No such file or "
	    "directory\n", "says so");
	put("hermod.yaml", "");
	config = load(&errs);
	if (!ok(config != NULL, "an empty hermod.yaml"))
		return;
	is_str(messages(errs), "", "is enough");
	ok(config->server.hostname[0] != '\0', "hostname: %s",
	    config->server.hostname);
	is_str(config->server.user, "hermod", "user");
	ok(config->server.group == NULL, "group");
	is_int(config->server.log_level, 2, "log level");
	is_int(config->server.listen_addresses.n, 2, "all addresses");
	is_int(config->server.hook_deadline_ms, 10000, "deadline");
	is_int(config->server.workers, 8, "workers");
	is_int(config->server.trusted_networks->n, 0, "nobody is trusted");
	is_int(config->server.tls.certificates->n, 0, "no certificates");
	is_str(config->server.control_socket, hm_printf(arena, "%s/ctl",
	    config->server.data_dir), "control socket");
	is_int(config->nmodules, 0, "no modules");
}

static const char server_text[] =
	"hostname: MX1.example.org\n"
	"data-dir: data\n"
	"addresses: [127.0.0.1, '::1']\n"
	"tls:\n"
	"  minimum-version: 1.3\n"
	"  certificates:\n"
	"    - cert-file: tls/cert.pem\n"
	"      key-file: tls/key.pem\n"
	"log-level: debug\n"
	"trusted-networks: 127.0.0.0/8\n"
	"module-path: [mods, /opt/mods]\n"
	"on-fail: reject\n"
	"hook-deadline: 3s\n";

static void
test_server(void)
{
	const struct hm_tls_cert *cert;
	struct hm_config *config;
	struct hm_errs *errs;

	put("hermod.yaml", server_text);
	config = load(&errs);
	if (!ok(config != NULL, "loads"))
		return;
	is_str(messages(errs), "", "no mistake");
	is_str(config->server.hostname, "mx1.example.org", "hostname");
	is_str(config->server.data_dir, in_top("data"), "data");
	is_str(config->server.control_socket, in_top("data/ctl"), "socket");
	is_int(config->server.tls.minimum_version, 1, "TLS 1.3");
	cert = config->server.tls.certificates->at;
	is_str(cert->key_file, in_top("tls/key.pem"), "key");
	is_str(config->server.module_path->at[0], in_top("mods"), "modules");
	is_str(config->server.module_path->at[1], "/opt/mods", "and more");
	is_int(config->server.on_fail, HM_ON_FAIL_REJECT, "on-fail");
}

struct greylist {
	const struct hm_addrlist *listen;
	int64_t delay_ms;
};

static const struct hm_opt greylist_options[] = {
	HM_OPT_ADDRS(struct greylist, listen, "10025", "Where to listen."),
	HM_OPT_TIME(struct greylist, delay_ms, "5m", "How long to wait."),
	HM_OPT_END
};

static void
test_modules(void)
{
	const struct hm_config_module *m;
	const struct hm_config_order *order;
	struct hm_config *config;
	struct hm_errs *errs;
	struct greylist conf = { 0 };
	struct hm_buf out = { 0 };

	mkdir(in_top("conf.d"), 0750);
	put("conf.d/smtp.yaml", "# nothing but defaults\n");
	put("conf.d/greylist.yaml", "enabled: no\non-fail: pass\nodelay: 1m\n"
	    "order:\n  rcpt_to: {before: [smtp], after: spf}\n");
	put("conf.d/blob-fs.yaml", "deadline: 1m\n");
	put("conf.d/smtp.yaml~", "][");
	put("conf.d/.smtp.yaml", "][");
	put("conf.d/README", "][");
	config = load(&errs);
	if (!ok(config != NULL && config->nmodules == 3, "three modules"))
		return;
	is_str(messages(errs), "", "without a mistake yet");
	is_str(config->modules[0].name, "blob-fs", "in order of names");
	is_int(config->modules[0].deadline_ms, 60000, "its own deadline");
	is_int(config->modules[0].on_fail, HM_ON_FAIL_REJECT, "the server's");
	m = hm_config_find(config, "greylist");
	ok(m != NULL && !m->enabled, "not enabled");
	is_int(m->on_fail, HM_ON_FAIL_PASS, "its own on-fail");
	is_int(m->deadline_ms, 3000, "the server's deadline");
	is_int(m->order->n, 1, "one order");
	is_str(m->order->names[0], "rcpt_to", "for a hook");
	order = m->order->at;
	is_str(order->before->at[0], "smtp", "before");
	is_str(order->after->at[0], "spf", "after");
	ok(hm_config_find(config, "smtp")->enabled, "enabled by being there");
	ok(hm_config_find(config, "smt") == NULL, "no such file");

	ok(hm_config_build(arena, config, m, greylist_options, &conf, errs) < 0,
	    "a mistake in an option of its own");
	is_str(messages(errs), "TOP/conf.d/greylist.yaml:3:1: error: unknown "
	    "option \"odelay\" in module greylist; did you mean \"delay\"?\n"
	    "    odelay: 1m\n    ^~~~~~\n", "is told");
	is_int(conf.listen->n, 2, "a port on the server's addresses");
	ok(conf.listen->at[0].ip[0] == 127 && conf.listen->at[0].port == 10025,
	    "which are these");

	hm_config_show_module(&out, m, greylist_options, &conf);
	is_str(out.p, hm_printf(arena,
	    "enabled: no  # %s/conf.d/greylist.yaml:1\n"
	    "on-fail: pass  # %s/conf.d/greylist.yaml:2\n"
	    "deadline: 3s  # derived\n"
	    "order:\n"
	    "  rcpt_to:\n"
	    "    before: [smtp]  # %s/conf.d/greylist.yaml:5\n"
	    "    after: [spf]  # %s/conf.d/greylist.yaml:5\n"
	    "hooks: {}  # not set\n"
	    "isolate: no  # default\nisolate-memory: 256M  # default\n"
	    "listen: [127.0.0.1:10025, \"[::1]:10025\"]  # default\n"
	    "delay: 5m  # default\n", top, top, top, top), "shown");
	hm_buf_clear(&out);
	hm_config_show_server(&out, config);
	ok(strstr(out.p, "data-dir: ") != NULL &&
	    strstr(out.p, "hermod.yaml:2\n") != NULL, "the server, too");
	hm_buf_release(&out);
}

static void
test_mistakes(void)
{
	struct hm_config *config;
	struct hm_errs *errs;
	const char *got;

	put("hermod.yaml", "hostname: a_b\nadresses: 1\n"
	    "addresses: [127.0.0.1:25, x]\ntls:\n  certificates: {x: "
	    "{cert-file: y}}\n");
	put("conf.d/Big.yaml", "");
	put("conf.d/greylist.yaml", "{enabled: maybe, word: geheim}\n");
	put("conf.d/smtp.yaml", "a: [\n");
	config = load(&errs);
	ok(config != NULL, "mistakes do not stop the reading");
	got = messages(errs);
	is_int(hm_errs_count(errs), 8, "all of them are told");
	ok(strstr(got, "TOP/hermod.yaml:1:11: error: \"hostname\" must be") &&
	    strstr(got, "TOP/hermod.yaml:2:1: error: unknown option") &&
	    strstr(got, "TOP/hermod.yaml:3:13: error: \"addresses\" must") &&
	    strstr(got, "TOP/hermod.yaml:3:27: error: \"addresses\" must") &&
	    strstr(got, "TOP/hermod.yaml:5:21: error: option \"key-file\" is "
	    "missing in \"x\" of \"certificates\""), "hermod.yaml");
	ok(strstr(got, "TOP/conf.d/Big.yaml: error: the name of this") != NULL,
	    "a file's name");
	ok(strstr(got, "TOP/conf.d/greylist.yaml:1:11: error: \"enabled\" must "
	    "be yes or no") != NULL, "a core option");
	ok(strstr(got, "geheim") == NULL, "what is beside it may be a secret");
	ok(strstr(got, "TOP/conf.d/smtp.yaml:2:1: error: this is not YAML") !=
	    NULL, "YAML");
	ok(config != NULL && hm_config_find(config, "smtp")->broken,
	    "and that file is broken");
	unlink(in_top("conf.d/Big.yaml"));
}

static void
test_hostnames(void)
{
	static const struct { const char *name; bool good; } names[] = {
		{ "a", true }, { "mx-1.example.org", true }, { "1.2", true },
		{ "-a.b", false }, { "a-.b", false }, { "a..b", false },
		{ "a.", false }, { ".a", false }, { "a_b.c", false },
		{ "a.b-", false }, { "mäil.example", false },
		{ "a123456789012345678901234567890123456789012345678901234567890"
		    "123.b", false },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(names); i++) {
		struct hm_errs *errs;

		put("hermod.yaml", hm_printf(arena, "hostname: '%s'\n",
		    names[i].name));
		load(&errs);
		is_int(strstr(messages(errs), "\"hostname\"") == NULL,
		    names[i].good, "hostname %s", names[i].name);
	}
}

static void
test_enable(void)
{
	struct hm_err err = { 0 };
	struct stat st;

	put("conf.d/smtp.yaml", "# mail\r\nenabled: no # for now\r\nx: 1\r\n");
	is_int(hm_config_enable(top, "smtp", true, &err), 0, "enabled");
	is_str(get("conf.d/smtp.yaml"),
	    "# mail\r\nenabled: yes # for now\r\nx: 1\r\n", "and nothing else");
	put("conf.d/smtp.yaml", "# mail\n");
	is_int(hm_config_enable(top, "smtp", false, &err), 0, "disabled");
	is_str(get("conf.d/smtp.yaml"), "# mail\nenabled: no\n", "a new line");
	is_int(hm_config_enable(top, "new", true, &err), 0, "a new file");
	is_str(get("conf.d/new.yaml"), "enabled: yes\n", "is made");
	ok(stat(in_top("conf.d/new.yaml"), &st) == 0 &&
	    (st.st_mode & 0777) == 0640, "not for everybody's eyes");
	ok(hm_config_enable(top, "../x", true, &err) < 0, "%s", err.text);
	put("conf.d/smtp.yaml", "- a\n");
	ok(hm_config_enable(top, "smtp", true, &err) < 0, "%s", err.text);
	is_str(get("conf.d/smtp.yaml"), "- a\n", "unchanged");
}

static void
test_examples(void)
{
	struct hm_config *config;
	struct hm_buf out = { 0 };
	struct hm_errs *errs;

	hm_config_example_server(&out);
	put("hermod.yaml", out.p);
	hm_buf_clear(&out);
	hm_config_example_module(&out, "greylist", "asks strangers to come back",
	    greylist_options);
	put("conf.d/greylist.yaml", out.p);
	unlink(in_top("conf.d/smtp.yaml"));
	config = load(&errs);
	is_str(messages(errs), "", "the examples are good");
	ok(config != NULL && hm_config_find(config, "greylist")->enabled,
	    "and enable");
	ok(strstr(out.p, "#delay: 5m\n") != NULL &&
	    strstr(out.p, "#on-fail:\n") != NULL, "with all options");
	hm_buf_release(&out);
}

/* Whether the page has the option with its default. */
static void
check_page(struct hm_str page, const struct hm_opt *opt)
{
	char name[HM_OPT_NAME_MAX];
	const char *item = hm_printf(arena, "\n.It Cm %s\n",
	    hm_opt_name(name, opt));
	ssize_t at = hm_str_find(page, hm_str(item));
	struct hm_buf def = { 0 }, line = { 0 };
	struct hm_str rest;

	if (!ok(at >= 0, "hermod.yaml(5) has %s", name))
		return;
	rest = hm_str_skip(page, (size_t)at + strlen(item));
	if (hm_str_find(rest, HM_STR("\n.It ")) >= 0)
		rest = hm_str_take(rest, (size_t)hm_str_find(rest,
		    HM_STR("\n.It ")));
	/* Where data lies is chosen by whoever builds. */
	if (opt->def == NULL || strcmp(name, "data-dir") == 0)
		return;
	hm_opt_put_default(&def, opt);
	hm_buf_puts(&line, "Default: ");
	for (size_t i = 0; i < def.len; i++)
		hm_buf_printf(&line, def.p[i] == '"' ? "\\(dq" : "%c", def.p[i]);
	hm_buf_putc(&line, '.');
	ok(hm_str_find(rest, hm_buf_view(&line)) >= 0, "%s", line.p);
	hm_buf_release(&def);
	hm_buf_release(&line);
}

static void
check_table(struct hm_str page, const struct hm_opt *table)
{
	for (; table->name != NULL; table++) {
		check_page(page, table);
		if (table->sub != NULL)
			check_table(page, table->sub);
	}
}

static void
test_manual(void)
{
	const char *src = getenv("top_srcdir");
	struct hm_str page;

	if (hm_file_read(arena, hm_printf(arena, "%s/man/hermod.yaml.5",
	    src != NULL ? src : "."), 1 << 20, &page, NULL) < 0) {
		ok(false, "no man/hermod.yaml.5");
		return;
	}
	check_table(page, hm_server_options);
	check_table(page, hm_module_options);
}

static void
clean_up(void)
{
	static const char *const names[] = { "hermod.yaml", "conf.d/smtp.yaml",
	    "conf.d/greylist.yaml", "conf.d/blob-fs.yaml", "conf.d/smtp.yaml~",
	    "conf.d/.smtp.yaml", "conf.d/README", "conf.d/new.yaml" };

	for (size_t i = 0; i < HM_ARRAY_LEN(names); i++)
		unlink(in_top(names[i]));
	rmdir(in_top("conf.d"));
	ok(rmdir(top) == 0, "no other file was left behind");
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	if (mkdtemp(top) == NULL)
		skip_all("no temporary folder");
	test_files();
	test_defaults();
	test_server();
	test_modules();
	test_mistakes();
	test_hostnames();
	test_enable();
	test_examples();
	test_manual();
	clean_up();
	hm_arena_free(arena);
	return done();
}
