/* platform.c - the server under test: its folder, its settings, its life. */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <hermod/conf.h>
#include <hermod/encode.h>

#include "mailtest.h"
#include "paths.h"

enum { GRACE_MS = 10 * 1000, ROOM_BYTES = 64 << 20 };

static const char password[] = "correct-horse";

static const char hermod_yaml[] =
"hostname: mail.example.org\n"
"data-dir: data\n"
"log-level: debug\n"
"tls:\n"
"  certificates:\n"
"    mail.example.org: {cert-file: tls.crt, key-file: tls.key}\n";

static const char domains_yaml[] =
"domains:\n"
"  example.org: {}\n"
"accounts:\n"
"  anna: {full-name: Anna, addresses: [anna@example.org]}\n"
"  bert: {full-name: Bert, addresses: [bert@example.org]}\n";

/* ---- files ---- */

static void
die(const struct hm_err *err)
{
	printf("Bail out! %s\n", err->text);
	exit(2);
}

static const char *
path_of(struct mt *t, const char *name)
{
	return hm_printf(t->arena, "%s/%s", t->dir, name);
}

static void
write_file(struct mt *t, const char *name, struct hm_str text, bool append)
{
	const char *path = path_of(t, name);
	ssize_t slash = hm_str_rchr(hm_str(name), '/');
	bool good = slash < 0 || mkdir(path_of(t, hm_printf(t->arena, "%.*s",
	    (int)slash, name)), 0700) == 0 || errno == EEXIST;
	FILE *f = fopen(path, append ? "a" : "w");

	/* It may hold a secret, which the server wants to see kept. */
	good &= f != NULL && fchmod(fileno(f), 0600) == 0 && (text.len == 0 ||
	    fwrite(text.p, 1, text.len, f) == text.len);

	if (f != NULL && fclose(f) != 0)
		good = false;
	if (!good)
		mt_fail(t, "%s cannot be written: %m", path);
}

static bool
is_there(struct mt *t, const char *name)
{
	return access(path_of(t, name), F_OK) == 0;
}

/* In memory if there is room for it: nothing here has to survive. */
static const char *
scratch_base(void)
{
	const char *tmp = getenv("TMPDIR");
	struct statvfs fs;

	if (tmp != NULL && *tmp == '/')
		return tmp;
	if (access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &fs) == 0 &&
	    fs.f_bavail * fs.f_bsize >= ROOM_BYTES)
		return "/dev/shm";
	return "/tmp";
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

/* ---- the settings of every scenario ---- */

/* The modules that "hermod localserve" begins with, as far as they are built. */
static void
write_modules(struct mt *t)
{
	const char *base = getenv("HERMOD_TEMPLATES");
	const char *path = hm_printf(t->arena, "%s/localserve/conf.d",
	    base != NULL && *base != '\0' ? base : HM_DATADIR);
	DIR *dir = opendir(path);
	struct dirent *e;

	if (dir == NULL) {
		printf("Bail out! %s: %m\n", path);
		exit(2);
	}
	while ((e = readdir(dir)) != NULL) {
		struct hm_str name = hm_str(e->d_name);

		if (!hm_str_ends(name, HM_STR(".yaml")))
			continue;
		name = hm_str_dup(t->arena, hm_str_take(name, name.len - 5));
		if (hm_harness_has_module(t->module_path, name.p))
			write_file(t, hm_printf(t->arena, "conf.d/%s",
			    e->d_name), HM_STR("enabled: yes\n"), false);
	}
	closedir(dir);
}

static void
set_variables(struct mt *t)
{
	static const char *const accounts[] = { "anna", "bert" };
	struct hm_buf text = { 0 }, plain = { 0 };

	mt_set(t, HM_STR("password"), hm_str(password));
	mt_set(t, HM_STR("dir"), hm_str(t->dir));
	for (size_t i = 0; i < HM_ARRAY_LEN(accounts); i++) {
		hm_buf_clear(&text);
		hm_buf_clear(&plain);
		hm_buf_putc(&text, '\0');
		hm_buf_puts(&text, accounts[i]);
		hm_buf_putc(&text, '\0');
		hm_buf_puts(&text, password);
		hm_base64_encode(&plain, hm_buf_view(&text));
		mt_set(t, hm_str(hm_printf(t->arena, "plain_%s", accounts[i])),
		    hm_buf_view(&plain));
	}
	hm_buf_release(&text);
	hm_buf_release(&plain);
}

static void
make_tls(struct mt *t)
{
	static const char *const names[] = { "mail.example.org", NULL };
	struct hm_tls_cert cert = { path_of(t, "tls.crt"), path_of(t, "tls.key") };
	struct hm_err err = { 0 };

	if (hm_tls_self_signed(names, 365, cert.cert_file, cert.key_file,
	    &err) < 0 ||
	    hm_tls_server(&cert, 1, "1.2", NULL, &t->tls_server, &err) < 0 ||
	    hm_tls_client(NULL, false, &t->tls_client, &err) < 0)
		die(&err);
}

void
mt_platform_begin(struct mt *t)
{
	static const struct hm_tm start = { .year = 2026, .mon = 11, .day = 20,
		.hour = 12 };
	struct hm_err err = { 0 };
	char *dir = hm_printf(t->arena, "%s/hermod-mailtest-XXXXXX",
	    scratch_base());

	if (mkdtemp(dir) == NULL) {
		printf("Bail out! %s: %m\n", dir);
		exit(2);
	}
	t->dir = dir;
	if (mkdir(path_of(t, "conf.d"), 0700) < 0 ||
	    mkdir(path_of(t, "data"), 0700) < 0) {
		printf("Bail out! %s: %m\n", dir);
		exit(2);
	}
	if (hm_harness_begin(hm_tm_to_unix(&start) * 1000, t->seed, &err) < 0)
		die(&err);
	t->began_ms = hm_now_ms();
	t->patience_ms = 100;
	mt_log_begin(t);
	set_variables(t);
	make_tls(t);
	write_modules(t);
	write_file(t, "hermod.yaml", hm_str(hermod_yaml), false);
	write_file(t, "domains.yaml", hm_str(domains_yaml), false);
}

/* ---- statements about settings ---- */

/* conf FILE [append] BLOCK */
void
mt_do_conf(struct mt *t, struct hm_str rest)
{
	struct hm_str name = mt_word(t, &rest);
	bool append = mt_word_is(&rest, "append");

	if (name.len == 0 || t->stmt->block.p == NULL ||
	    hm_str_find(name, HM_STR("..")) >= 0)
		mt_fail(t, "write: conf FILE { … }");
	else
		write_file(t, name.p, mt_block(t), append);
}

static bool
expected_failure(struct mt *t, struct hm_str *rest, struct hm_str *ret_text)
{
	if (!mt_word_is(rest, "expect-fail"))
		return false;
	*ret_text = mt_word(t, rest);
	return true;
}

/* Whether the server took the settings over, as it should or should not. */
static void
judge_reload(struct mt *t, int r, struct hm_str said, struct hm_str rest,
    const char *what)
{
	struct hm_str text = { NULL, 0 };
	bool fails = expected_failure(t, &rest, &text), good;

	good = fails ? r != 0 && hm_str_find(said, text) >= 0 : r == 0;
	if (mt_ok(t, good, "%s %s%.*s", what, fails ? "fails: " : "works",
	    HM_FMT(text)))
		return;
	mt_diag_text("", said);
	mt_show(t, NULL);
}

/* Through the command, so that what it refuses is refused here. */
static void
switch_module(struct mt *t, struct hm_str name, const char *verb,
    struct hm_str rest)
{
	const char *words[] = { "module", verb, name.p, NULL };
	const char *what = hm_printf(t->arena, "module %s %s", verb, name.p);
	struct hm_buf said = { 0 };
	int r;

	if (t->server == NULL) {
		write_file(t, hm_printf(t->arena, "conf.d/%s.yaml", name.p),
		    strcmp(verb, "enable") == 0 ? HM_STR("enabled: yes\n") :
		    HM_STR("enabled: no\n"), false);
		return;
	}
	r = hm_harness_command(t->server, words, HM_STR(""), &said);
	if (r == 0)
		r = hm_harness_reload(t->server, &said);
	judge_reload(t, r, hm_buf_view(&said), rest, what);
	hm_buf_release(&said);
}

/* module enable|disable NAME [expect-fail TEXT], module NAME [BLOCK] */
void
mt_do_module(struct mt *t, struct hm_str rest)
{
	struct hm_str word = mt_word(t, &rest), name;

	if (hm_str_is(word, "enable") || hm_str_is(word, "disable")) {
		name = mt_word(t, &rest);
		if (name.len > 0)
			switch_module(t, name, word.p, rest);
		else
			mt_fail(t, "write: module %s NAME", word.p);
		return;
	}
	if (word.len == 0 || hm_str_chr(word, '/') >= 0) {
		mt_fail(t, "write: module NAME { … }");
		return;
	}
	write_file(t, hm_printf(t->arena, "conf.d/%s.yaml", word.p),
	    t->stmt->block.p != NULL ? mt_block(t) :
	    HM_STR("enabled: yes\n"), false);
}

/* dns BLOCK: all there is in the DNS, from now on. */
void
mt_do_dns(struct mt *t, struct hm_str rest)
{
	if (rest.len > 0 || t->stmt->block.p == NULL) {
		mt_fail(t, "write: dns <<END");
		return;
	}
	write_file(t, "dns.zone", mt_block(t), false);
	if (t->server == NULL)
		write_file(t, "conf.d/resolver-zone.yaml",
		    HM_STR("enabled: yes\n"), false);
}

/* need NAME…: without these modules there is nothing to test. */
void
mt_do_need(struct mt *t, struct hm_str rest)
{
	struct hm_str name;

	while ((name = mt_word(t, &rest)).p != NULL) {
		if (hm_harness_has_module(t->module_path, name.p))
			continue;
		if (t->count > 0) {
			mt_fail(t, "\"need\" stands at the beginning");
			return;
		}
		printf("1..0 # SKIP there is no module %s\n", name.p);
		t->skipped = true;
		return;
	}
}

/* ---- the server's life ---- */

/* Hashing takes long on purpose: only what the script uses is made. */
static void
set_passwords(struct mt *t)
{
	static const char *const accounts[] = { "anna", "bert" };

	if (t->started || !is_there(t, "conf.d/auth.yaml") ||
	    (!mt_script_mentions(&t->script, MT_PASSWORD) &&
	    !mt_script_mentions(&t->script, MT_PLAIN)))
		return;
	for (size_t i = 0; i < HM_ARRAY_LEN(accounts); i++) {
		const char *words[] = { "account", "password", accounts[i], NULL };
		struct hm_buf said = { 0 };

		if (mt_script_mentions(&t->script,
		    (enum mt_mention)(MT_ANNA + i)) &&
		    hm_harness_command(t->server, words, hm_str(hm_printf(
		    t->arena, "%s\n%s\n", password, password)), &said) != 0) {
			mt_fail(t, "the password of %s cannot be set",
			    accounts[i]);
			mt_diag_text("", hm_buf_view(&said));
		}
		hm_buf_release(&said);
	}
}

static int
start(struct mt *t, struct hm_buf *said)
{
	int r;

	t->server = hm_harness_server(t->dir, t->module_path);
	r = hm_harness_reload(t->server, said);
	if (r < 0) {
		hm_harness_stop(t->server, GRACE_MS, said);
		t->server = NULL;
		return r;
	}
	set_passwords(t);
	t->started = true;
	hm_harness_settle();
	return 0;
}

bool
mt_platform_ready(struct mt *t)
{
	struct hm_buf said = { 0 };

	if (t->server == NULL && start(t, &said) < 0) {
		mt_ok(t, false, "the server starts");
		mt_diag_text("", hm_buf_view(&said));
	}
	hm_buf_release(&said);
	return !t->failed;
}

/* start [expect-fail TEXT] */
void
mt_do_start(struct mt *t, struct hm_str rest)
{
	struct hm_buf said = { 0 };
	int r;

	if (t->server != NULL) {
		mt_fail(t, "the server runs already");
		return;
	}
	r = start(t, &said);
	judge_reload(t, r, hm_buf_view(&said), rest, "the start");
	hm_buf_release(&said);
}

static void
stop(struct mt *t, bool cancel, struct hm_buf *left)
{
	hm_harness_stop(t->server, cancel ? 0 : GRACE_MS, left);
	t->server = NULL;
}

/* stop: every session must end by itself; stop cancel: it is ended. */
void
mt_do_stop(struct mt *t, struct hm_str rest)
{
	struct hm_buf left = { 0 };

	if (t->server == NULL) {
		mt_fail(t, "no server runs");
		return;
	}
	stop(t, mt_word_is(&rest, "cancel"), &left);
	if (!mt_ok(t, left.len == 0, "the server stops"))
		mt_diag_text("", hm_buf_view(&left));
	hm_buf_release(&left);
}

/* reload [expect-fail TEXT] */
void
mt_do_reload(struct mt *t, struct hm_str rest)
{
	struct hm_buf said = { 0 };
	int r;

	if (!mt_platform_ready(t))
		return;
	r = hm_harness_reload(t->server, &said);
	hm_harness_settle();
	judge_reload(t, r, hm_buf_view(&said), rest, "the reload");
	hm_buf_release(&said);
}

/* Nothing may be left of the server, nor of what it worked with. */
void
mt_platform_end(struct mt *t)
{
	struct hm_buf left = { 0 };

	if (t->server != NULL)
		stop(t, false, &left);
	hm_harness_end(&left);
	if (!t->failed && !mt_ok(t, left.len == 0, "nothing is left")) {
		mt_diag_text("", hm_buf_view(&left));
		mt_show(t, NULL);
	}
	hm_buf_release(&left);
	hm_tls_unref(t->tls_client);
	hm_tls_unref(t->tls_server);
	if (t->keep)
		mt_diag("kept: %s", t->dir);
	else
		nftw(t->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
