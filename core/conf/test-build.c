/* test-build.c - option tables: every type, good and bad; examples; listings. */
#include "t/tap.h"

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include "build.h"
#include "errs.h"
#include "node.h"
#include "show.h"

static struct hm_arena *arena;

struct tls {
	const char *cert_file;
	int64_t days;
};

struct all {
	bool on;
	int64_t count;
	uint64_t max_message_bytes;
	int64_t idle_timeout_ms;
	const char *greeting;
	int policy;
	const struct hm_strlist *refuse;
	const struct hm_addrlist *listen;
	const struct hm_netlist *trusted;
	const char *file;
	const char *password;
	const struct hm_strmap *names;
	struct tls tls;
	const struct hm_blocks *hosts;
};

static const char *const policies[] = { "defer", "reject", "pass", NULL };

static const struct hm_opt tls_table[] = {
	HM_OPT_FILE(struct tls, cert_file, NULL, "The certificate.",
	    .required = true),
	HM_OPT_INT(struct tls, days, "90", "How long it lasts."),
	HM_OPT_END
};

static const struct hm_opt table[] = {
	HM_OPT_BOOL(struct all, on, "yes", "Whether it is on."),
	HM_OPT_INT(struct all, count, "-3", "How many.", .min = "-5",
	    .max = "10"),
	HM_OPT_SIZE(struct all, max_message_bytes, "50M",
	    "Largest message accepted (SIZE, RFC 1870).", .min = "1K",
	    .max = "2G", .was = "message-limit"),
	HM_OPT_TIME(struct all, idle_timeout_ms, "5m", "Longest silence.",
	    .min = "10s", .max = "1h", .since = "1.1"),
	HM_OPT_STR(struct all, greeting, "Hello, world: \"#1\"",
	    "What is said first, which is a text so long that its help does "
	    "not fit on a single line and must be folded."),
	HM_OPT_ENUM(struct all, policy, "reject", "What to do.", policies),
	HM_OPT_LIST(struct all, refuse, "a@x.example, b", "Who is refused."),
	HM_OPT_ADDRS(struct all, listen, "[::]:25", "Where to listen."),
	HM_OPT_NETS(struct all, trusted, "[127.0.0.0/8, ::1]", "Whom to trust."),
	HM_OPT_FILE(struct all, file, "data/x", "A file."),
	HM_OPT_SECRET(struct all, password, NULL, "Never shown."),
	HM_OPT_MAP(struct all, names, "{a: b, c: \"d, e\"}", "Pairs."),
	HM_OPT_BLOCK(struct all, tls, struct tls, tls_table, "TLS."),
	HM_OPT_BLOCKS(struct all, hosts, struct tls, tls_table, "More TLS."),
	HM_OPT_END
};

static struct hm_errs *
build(const char *text, struct all *out)
{
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_conf_ctx ctx = { .where = "module smtp" };
	struct hm_node *root = NULL;

	memset(out, 0, sizeof(*out));
	if (hm_node_parse(arena, "/etc/h/x.yaml", hm_str(text), &root, errs) == 0)
		hm_conf_build_with(arena, &ctx, root, table, out, errs);
	return errs;
}

static void
test_defaults(void)
{
	struct all a;
	char text[112];

	is_int(hm_errs_count(build("", &a)), 0, "all defaults");
	ok(a.on, "bool");
	is_int(a.count, -3, "int");
	is_int(a.max_message_bytes, 50 << 20, "size");
	is_int(a.idle_timeout_ms, 300000, "time");
	is_str(a.greeting, "Hello, world: \"#1\"", "string");
	is_int(a.policy, 1, "enum");
	is_int(a.refuse->n, 2, "list");
	is_str(a.refuse->at[1], "b", "its last element");
	is_int(a.listen->n, 1, "addresses");
	is_str(hm_sockaddr_text(text, &a.listen->at[0]), "[::]:25", "the address");
	is_int(a.trusted->n, 2, "networks");
	is_int(a.trusted->at[0].bits, 8, "the first one");
	is_str(a.file, "data/x", "a path where no folder is known");
	ok(a.password == NULL, "secret: absent");
	is_int(a.names->n, 2, "map");
	is_str(a.names->values[1], "d, e", "its last value");
	ok(a.tls.cert_file == NULL, "required only where the block is");
	is_int(a.tls.days, 90, "defaults of an absent block");
	is_int(a.hosts->n, 0, "no blocks");
}

static void
test_values(void)
{
	struct all a;
	char text[112];

	is_int(hm_errs_count(build("on: No\ncount: 10\nmax-message: 1048576\n"
	    "idle-timeout: 1m30s\ngreeting: 'x: y'\npolicy: pass\n"
	    "refuse: [a, 'b, c']\nlisten: [2525, \"[::1]:1\", unix:/run/x]\n"
	    "trusted: 192.0.2.0/24, 2001:db8::/32\nfile: ssl/x.pem\n"
	    "password: geheim\nnames:\n  x: 1\ntls: {cert-file: /x, days: 3}\n"
	    "hosts:\n  one: {cert-file: 1.pem}\n  two:\n    cert-file: 2.pem\n"
	    "    days: 2\n", &a)), 0, "values of every type");
	ok(!a.on, "bool");
	is_int(a.count, 10, "int");
	is_int(a.max_message_bytes, 1 << 20, "size");
	is_int(a.idle_timeout_ms, 90000, "time");
	is_str(a.greeting, "x: y", "string");
	is_int(a.policy, 2, "enum");
	is_int(a.refuse->n, 2, "list");
	is_str(a.refuse->at[1], "b, c", "quotes keep a comma");
	is_int(a.listen->n, 4, "a bare port stands for each address");
	is_str(hm_sockaddr_text(text, &a.listen->at[0]), "0.0.0.0:2525", "IPv4");
	is_str(hm_sockaddr_text(text, &a.listen->at[1]), "[::]:2525", "IPv6");
	is_str(hm_sockaddr_text(text, &a.listen->at[2]), "[::1]:1", "address");
	is_str(hm_sockaddr_text(text, &a.listen->at[3]), "unix:/run/x", "socket");
	is_int(a.trusted->n, 2, "networks");
	is_str(a.file, "/etc/h/ssl/x.pem", "path from the file's folder");
	is_str(a.password, "geheim", "secret");
	is_str(a.names->keys[0], "x", "map");
	is_str(a.tls.cert_file, "/x", "block");
	is_int(a.hosts->n, 2, "blocks");
	is_str(a.hosts->names[1], "two", "with their names");
	is_str(((const struct tls *)a.hosts->at)[1].cert_file, "/etc/h/2.pem",
	    "and values");
	is_int(((const struct tls *)a.hosts->at)[0].days, 90, "and defaults");
	is_int(hm_errs_count(build("hosts:\n- cert-file: a\n- cert-file: b\n",
	    &a)), 0, "blocks as a list");
	is_str(a.hosts->names[1], "2", "are numbered");
	is_int(hm_errs_count(build("refuse: []\nlisten: []\nnames: {}\n", &a)),
	    0, "empty lists");
	is_int(a.refuse->n + a.listen->n + a.names->n, 0, "are empty");
	is_int(hm_errs_count(build("count:\ntls:\nhosts:\nrefuse:\n", &a)), 0,
	    "names without values");
	is_int(a.count, -3, "leave the default");
}

static const struct {
	const char *text, *want;  /* all of what is printed */
} mistakes[] = {
	{ "    max-mesage: 20M\n",
	    "/etc/h/x.yaml:1:5: error: unknown option \"max-mesage\" in module "
	    "smtp; did you mean \"max-message\"?\n"
	    "        max-mesage: 20M\n"
	    "        ^~~~~~~~~~\n" },
	{ "frobnicate: 1\n",
	    "/etc/h/x.yaml:1:1: error: unknown option \"frobnicate\" in module "
	    "smtp\n"
	    "    frobnicate: 1\n"
	    "    ^~~~~~~~~~\n" },
	{ "mesage-limit: 1\n",
	    "/etc/h/x.yaml:1:1: error: unknown option \"mesage-limit\" in module "
	    "smtp; did you mean \"max-message\"?\n"
	    "    mesage-limit: 1\n"
	    "    ^~~~~~~~~~~~\n" },
	{ "message-limit: 20M\n",
	    "/etc/h/x.yaml:1:1: warning: \"message-limit\" is now called "
	    "\"max-message\"\n"
	    "    message-limit: 20M\n"
	    "    ^~~~~~~~~~~~~\n" },
	{ "message-limit: 20M\nmax-message: 2M\n",
	    "/etc/h/x.yaml:1:1: error: \"message-limit\" is the former name of "
	    "\"max-message\", which is given at line 2; remove one\n"
	    "    message-limit: 20M\n"
	    "    ^~~~~~~~~~~~~\n" },
	{ "on: maybe\n",
	    "/etc/h/x.yaml:1:5: error: \"on\" must be yes or no, not \"maybe\"\n"
	    "    on: maybe\n"
	    "        ^~~~~\n" },
	{ "count: 1x\n",
	    "/etc/h/x.yaml:1:8: error: \"count\" must be a whole number, not "
	    "\"1x\"\n"
	    "    count: 1x\n"
	    "           ^~\n" },
	{ "count: -6 # low\n",
	    "/etc/h/x.yaml:1:8: error: \"count\" must be at least -5, not -6\n"
	    "    count: -6 # low\n"
	    "           ^~\n" },
	{ "count: [1, 2]\n",
	    "/etc/h/x.yaml:1:8: error: \"count\" must be a single value, not a "
	    "list\n"
	    "    count: [1, 2]\n"
	    "           ^~~~~~\n" },
	{ "max-message: 5X\n",
	    "/etc/h/x.yaml:1:14: error: \"max-message\" must be a size such as "
	    "512K, 50M or 2G, not \"5X\"\n"
	    "    max-message: 5X\n"
	    "                 ^~\n" },
	{ "max-message: 3G\n",
	    "/etc/h/x.yaml:1:14: error: \"max-message\" must be at most 2G, not "
	    "3G\n"
	    "    max-message: 3G\n"
	    "                 ^~\n" },
	{ "idle-timeout: 30\n",
	    "/etc/h/x.yaml:1:15: error: \"idle-timeout\" must be a time with its "
	    "unit, such as 500ms, 30s, 5m, 2h or 7d, not \"30\"\n"
	    "    idle-timeout: 30\n"
	    "                  ^~\n" },
	{ "idle-timeout: 2h\n",
	    "/etc/h/x.yaml:1:15: error: \"idle-timeout\" must be at most 1h, not "
	    "2h\n"
	    "    idle-timeout: 2h\n"
	    "                  ^~\n" },
	{ "policy: rejct\n",
	    "/etc/h/x.yaml:1:9: error: \"policy\" must be defer, reject or pass, "
	    "not \"rejct\"; did you mean \"reject\"?\n"
	    "    policy: rejct\n"
	    "            ^~~~~\n" },
	{ "refuse: {a: b}\n",
	    "/etc/h/x.yaml:1:9: error: \"refuse\" must be a list, not a map\n"
	    "    refuse: {a: b}\n"
	    "            ^~~~~~\n" },
	{ "refuse:\n  - a\n  - [b]\n",
	    "/etc/h/x.yaml:3:5: error: the elements of \"refuse\" must be single "
	    "values\n"
	    "      - [b]\n"
	    "        ^~~\n" },
	{ "listen: 127.0.0.1\n",
	    "/etc/h/x.yaml:1:9: error: \"listen\" must be an address with a port, "
	    "such as 192.0.2.1:25, \"[2001:db8::1]:25\" or unix:/path, or a port "
	    "alone, not \"127.0.0.1\"\n"
	    "    listen: 127.0.0.1\n"
	    "            ^~~~~~~~~\n" },
	{ "trusted: 10.0.0.0/99\n",
	    "/etc/h/x.yaml:1:10: error: \"trusted\" must be a network such as "
	    "192.0.2.0/24 or 2001:db8::/32, not \"10.0.0.0/99\"\n"
	    "    trusted: 10.0.0.0/99\n"
	    "             ^~~~~~~~~~~\n" },
	{ "file: \"\"\n",
	    "/etc/h/x.yaml:1:7: error: \"file\" must be a path, not empty\n"
	    "    file: \"\"\n"
	    "          ^~\n" },
	{ "greeting: \"a\\0b\"\n",
	    "/etc/h/x.yaml:1:11: error: \"greeting\" contains a NUL byte\n"
	    "    greeting: \"a\\0b\"\n"
	    "              ^~~~~~\n" },
	{ "names: x\n",
	    "/etc/h/x.yaml:1:8: error: \"names\" must be a map of names and "
	    "values\n"
	    "    names: x\n"
	    "           ^\n" },
	{ "tls: x\n",
	    "/etc/h/x.yaml:1:6: error: \"tls\" must hold options (name: value), "
	    "not a single value\n"
	    "    tls: x\n"
	    "         ^\n" },
	{ "tls:\n  day: 3\n",
	    "/etc/h/x.yaml:2:3: error: unknown option \"day\" in \"tls\"; did you "
	    "mean \"days\"?\n"
	    "      day: 3\n"
	    "      ^~~\n"
	    "/etc/h/x.yaml:2:3: error: option \"cert-file\" is missing in "
	    "\"tls\"\n"
	    "      day: 3\n"
	    "      ^\n" },
	{ "hosts:\n  one:\n    days: x\n    cert-file: y\n",
	    "/etc/h/x.yaml:3:11: error: \"days\" must be a whole number, not "
	    "\"x\"\n"
	    "        days: x\n"
	    "              ^\n" },
	{ "- a\n",
	    "/etc/h/x.yaml:1:1: error: here must be options (name: value), not "
	    "a list\n"
	    "    - a\n"
	    "    ^~~\n" },
	{ "{pasword: geheim, on: x}\n",
	    "/etc/h/x.yaml:1:2: error: unknown option \"pasword\" in module smtp; "
	    "did you mean \"password\"?\n"
	    "    {pasword: (secret), on: x}\n"
	    "     ^~~~~~~\n"
	    "/etc/h/x.yaml:1:23: error: \"on\" must be yes or no, not \"x\"\n"
	    "    {pasword: (secret), on: x}\n"
	    "                            ^\n" },
	{ "{password: [geheim], on: x}\n",
	    "/etc/h/x.yaml:1:12: error: \"password\" must be a single value, not "
	    "a list\n"
	    "    {password: (secret), on: x}\n"
	    "               ^~~~~~~~\n"
	    "/etc/h/x.yaml:1:26: error: \"on\" must be yes or no, not \"x\"\n"
	    "    {password: (secret), on: x}\n"
	    "                             ^\n" },
	{ "count: x\non: y\n",
	    "/etc/h/x.yaml:1:8: error: \"count\" must be a whole number, not "
	    "\"x\"\n"
	    "    count: x\n"
	    "           ^\n"
	    "/etc/h/x.yaml:2:5: error: \"on\" must be yes or no, not \"y\"\n"
	    "    on: y\n"
	    "        ^\n" },
	{ "on:\tä\n",
	    "/etc/h/x.yaml:1:5: error: \"on\" must be yes or no, not \"ä\"\n"
	    "    on:\tä\n"
	    "       \t^\n" },
	{ "on: \"a\\e[1mb\"\n",
	    "/etc/h/x.yaml:1:5: error: \"on\" must be yes or no, not "
	    "\"a?[1mb\"\n"
	    "    on: \"a\\e[1mb\"\n"
	    "        ^~~~~~~~~\n" },
	{ "password: @geheim # x\n",
	    "/etc/h/x.yaml:1:11: error: this is not YAML: found character that "
	    "cannot start any token while scanning for the next token; put the "
	    "value in quotes\n"
	    "    password: (secret)\n"
	    "              ^\n" },
	{ "a: [\n",
	    "/etc/h/x.yaml:2:1: error: this is not YAML: did not find expected "
	    "node content while parsing a flow node\n" },
};

static void
test_mistakes(void)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(mistakes); i++) {
		struct hm_buf out = { 0 };
		struct all a;

		hm_errs_print(build(mistakes[i].text, &a), &out);
		is_str(out.p, mistakes[i].want, "mistake %zu", i);
		hm_buf_release(&out);
	}
}

static void
test_many_mistakes(void)
{
	struct hm_buf text = { 0 }, out = { 0 };
	struct hm_errs *errs;
	const char *excerpt;
	struct all a;

	for (int i = 0; i < 1000; i++)
		hm_buf_printf(&text, "unknown%d: 1\n", 1000 - i);
	errs = build(text.p, &a);
	is_int(hm_errs_count(errs), 201, "so many mistakes and a last word");
	is_int(hm_errs_at(errs, 0, &excerpt)->line, 1, "in order of lines");
	is_str(excerpt, "    unknown1000: 1\n    ^~~~~~~~~~~", "with an excerpt");
	is_int(hm_errs_at(errs, 199, NULL)->line, 200, "to the last");
	ok(strstr(hm_errs_at(errs, 200, NULL)->text, "not shown") != NULL,
	    "that says that there are more");
	ok(hm_errs_at(errs, 201, NULL) == NULL, "and no more");
	hm_buf_clear(&text);
	hm_buf_puts(&text, "{refuse: [");
	for (int i = 0; i < 200; i++)
		hm_buf_puts(&text, "ää, ");
	hm_buf_puts(&text, "[x], ");
	for (int i = 0; i < 200; i++)
		hm_buf_puts(&text, "ää, ");
	hm_buf_puts(&text, "z]}\n");
	errs = build(text.p, &a);
	hm_errs_at(errs, 0, &excerpt);
	ok(hm_utf8_valid(hm_str(excerpt)) && strlen(excerpt) < 400 &&
	    strstr(excerpt, "[x]") != NULL, "a long line is cut");
	hm_buf_release(&text);
	hm_buf_release(&out);
}

/* The lines that are options, without their "#". */
static const char *
uncommented(const char *example)
{
	struct hm_str rest = hm_str(example);
	struct hm_buf out = { 0 };
	const char *ret;

	while (rest.len > 0) {
		struct hm_str line = hm_str_split(&rest, '\n');

		if (line.len > 1 && line.p[0] == '#' &&
		    (line.p[1] != ' ' || line.p[2] == ' '))
			hm_buf_printf(&out, "%.*s\n", HM_FMT(hm_str_skip(line, 1)));
	}
	ret = hm_strdup(arena, out.p);
	hm_buf_release(&out);
	return ret;
}

/* The first options of the table, which have no required parts. */
static const struct hm_opt simple[] = {
	HM_OPT_BOOL(struct all, on, "yes", "Whether it is on."),
	HM_OPT_SIZE(struct all, max_message_bytes, "50M",
	    "Largest message accepted (SIZE, RFC 1870).", .min = "1K",
	    .max = "2G", .was = "message-limit"),
	HM_OPT_TIME(struct all, idle_timeout_ms, "5m",
	    "Longest silence that is borne before the connection is closed with "
	    "a word of regret.", .since = "1.1"),
	HM_OPT_ENUM(struct all, policy, "reject", "What to do.", policies),
	HM_OPT_LIST(struct all, refuse, "a@x.example, b", "Who is refused."),
	HM_OPT_SECRET(struct all, password, NULL, "Never shown."),
	HM_OPT_BLOCK(struct all, tls, struct tls, tls_table, "TLS."),
	HM_OPT_BLOCKS(struct all, hosts, struct tls, tls_table, "More TLS."),
	HM_OPT_END
};

static const char simple_example[] =
	"# Whether it is on.\n"
	"# yes or no. Default: yes.\n"
	"#on: yes\n"
	"\n"
	"# Largest message accepted (SIZE, RFC 1870).\n"
	"# Size, 1K to 2G. Default: 50M. Formerly \"message-limit\".\n"
	"#max-message: 50M\n"
	"\n"
	"# Longest silence that is borne before the connection is closed with a "
	"word of\n"
	"# regret.\n"
	"# Time. Default: 5m. Since 1.1.\n"
	"#idle-timeout: 5m\n"
	"\n"
	"# What to do.\n"
	"# One of defer, reject and pass. Default: reject.\n"
	"#policy: reject\n"
	"\n"
	"# Who is refused.\n"
	"# List of texts. Default: [a@x.example, b].\n"
	"#refuse: [a@x.example, b]\n"
	"\n"
	"# Never shown.\n"
	"# Secret text. Not set by default.\n"
	"#password:\n"
	"\n"
	"# TLS.\n"
	"# Options of their own.\n"
	"#tls:\n"
	"#  # The certificate.\n"
	"#  # Path, relative to the folder of hermod.yaml. Required.\n"
	"#  cert-file:\n"
	"#  # How long it lasts.\n"
	"#  # Whole number. Default: 90.\n"
	"#  days: 90\n"
	"\n"
	"# More TLS.\n"
	"# Named groups of options, or a list of them.\n"
	"#hosts:\n"
	"#  NAME:\n"
	"#    # The certificate.\n"
	"#    # Path, relative to the folder of hermod.yaml. Required.\n"
	"#    cert-file:\n"
	"#    # How long it lasts.\n"
	"#    # Whole number. Default: 90.\n"
	"#    days: 90\n";

static void
test_example(void)
{
	struct hm_buf out = { 0 }, shown = { 0 }, again = { 0 };
	struct hm_errs *errs;
	struct all a, b;

	hm_conf_example(&out, simple);
	is_str(out.p, simple_example, "the documented example");
	hm_buf_clear(&out);
	hm_conf_example(&out, table);
	is_int(hm_errs_count(build(out.p, &a)), 0, "as printed it is all comment");
	hm_conf_show(&shown, table, &a, NULL, 0);
	errs = build(uncommented(out.p), &b);
	is_int(hm_errs_count(errs), 2, "without # it lacks what is required");
	for (size_t i = 0; i < hm_errs_count(errs); i++)
		ok(strstr(hm_errs_at(errs, i, NULL)->text,
		    "option \"cert-file\" is missing") != NULL, "a certificate");
	b.hosts = a.hosts;
	hm_conf_show(&again, table, &b, NULL, 0);
	/* A relative path is the one thing that a file gives a meaning to. */
	ok(strcmp(b.file, "/etc/h/data/x") == 0, "path");
	b.file = a.file;
	hm_buf_clear(&again);
	hm_conf_show(&again, table, &b, NULL, 0);
	is_str(again.p, shown.p, "and says the defaults");
	hm_buf_release(&out);
	hm_buf_release(&shown);
	hm_buf_release(&again);
}

static void
test_show(void)
{
	static const char text[] = "on: no\nidle-timeout: 120s\nlisten: 25\n"
	    "password: geheim\nhosts:\n  one: {cert-file: 1.pem}\n";
	static const char want[] =
		"on: no  # x/y.yaml:1\n"
		"count: -3  # default\n"
		"max-message: 50M  # default\n"
		"idle-timeout: 2m  # x/y.yaml:2\n"
		"greeting: \"Hello, world: \\\"#1\\\"\"  # default\n"
		"policy: reject  # default\n"
		"refuse: [a@x.example, b]  # default\n"
		"listen: [0.0.0.0:25, \"[::]:25\"]  # x/y.yaml:3\n"
		"trusted: [127.0.0.0/8, \"::1/128\"]  # default\n"
		"file: /d/data/x  # default\n"
		"password: (secret)  # x/y.yaml:4\n"
		"names: {a: b, c: \"d, e\"}  # default\n"
		"tls:\n"
		"  cert-file: null  # not set\n"
		"  days: 90  # default\n"
		"hosts:\n"
		"  one:\n"
		"    cert-file: /d/1.pem  # x/y.yaml:6\n"
		"    days: 90  # default\n";
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_conf_ctx ctx = { .dir = "/d" };
	struct hm_buf out = { 0 };
	struct hm_node *root;
	struct all a = { 0 };

	if (!ok(hm_node_parse(arena, "x/y.yaml", hm_str(text), &root, errs) == 0,
	    "parses"))
		return;
	root->doc->dir = "/d/x";
	ok(hm_conf_build_with(arena, &ctx, root, table, &a, errs) == 0, "builds");
	hm_conf_show(&out, table, &a, root, 0);
	is_str(out.p, want, "values and their origins");
	hm_buf_release(&out);
}

static const struct {
	const char *text;
	int64_t ms;    /* -1: refused */
	const char *back;
} times[] = {
	{ "0", 0, "0" }, { "0s", 0, "0" }, { "500ms", 500, "500ms" },
	{ "30s", 30000, "30s" }, { "90s", 90000, "90s" }, { "5m", 300000, "5m" },
	{ "60m", 3600000, "1h" }, { "2h", 7200000, "2h" },
	{ "7d", 604800000, "1w" }, { "1h30m", 5400000, "90m" },
	{ "1d1s", 86401000, "86401s" }, { "1w", 604800000, "1w" },
	{ "", -1, NULL }, { "5", -1, NULL }, { "m", -1, NULL },
	{ "5x", -1, NULL }, { "5 m", -1, NULL }, { "-5m", -1, NULL },
	{ "1m1m", -1, NULL }, { "1m1h", -1, NULL }, { "1.5h", -1, NULL },
	{ "99999999999999999999s", -1, NULL },
	{ "9223372036854775807w", -1, NULL }, { "5M", -1, NULL },
};

static const struct {
	const char *text;
	bool good;
	uint64_t bytes;
	const char *back;
} sizes[] = {
	{ "0", true, 0, "0" }, { "1023", true, 1023, "1023" },
	{ "1024", true, 1024, "1K" }, { "10K", true, 10240, "10K" },
	{ "10k", true, 10240, "10K" }, { "5M", true, 5 << 20, "5M" },
	{ "1536K", true, 1536 << 10, "1536K" }, { "2G", true, 2ULL << 30, "2G" },
	{ "3T", true, 3ULL << 40, "3T" }, { "1KiB", true, 1024, "1K" },
	{ "1KB", true, 1024, "1K" }, { "7B", true, 7, "7" },
	{ "18446744073709551615", true, UINT64_MAX, "18446744073709551615" },
	{ "18446744073709551616", false, 0, NULL }, { "", false, 0, NULL },
	{ "K", false, 0, NULL }, { "-1", false, 0, NULL },
	{ "1.5G", false, 0, NULL }, { "1X", false, 0, NULL },
	{ "1 K", false, 0, NULL }, { "16777216T", false, 0, NULL },
	{ "1KM", false, 0, NULL }, { "1iB", false, 0, NULL },
};

static void
test_units(void)
{
	struct hm_buf out = { 0 };
	int64_t n;

	for (size_t i = 0; i < HM_ARRAY_LEN(times); i++) {
		int64_t ms = -1;
		int r = hm_value_time(hm_str(times[i].text), &ms);

		is_int(ms, times[i].ms, "time \"%s\"", times[i].text);
		hm_buf_clear(&out);
		if (r == 0)
			hm_value_put_time(&out, ms);
		ok(r < 0 || strcmp(out.p, times[i].back) == 0, "and back");
	}
	for (size_t i = 0; i < HM_ARRAY_LEN(sizes); i++) {
		uint64_t bytes = 0;
		int r = hm_value_size(hm_str(sizes[i].text), &bytes);

		ok((r == 0) == sizes[i].good && bytes == sizes[i].bytes,
		    "size \"%s\"", sizes[i].text);
		hm_buf_clear(&out);
		if (r == 0)
			hm_value_put_size(&out, bytes);
		ok(r < 0 || strcmp(out.p, sizes[i].back) == 0, "and back");
	}
	ok(hm_value_int(HM_STR("9223372036854775807"), &n) == 0 &&
	    n == INT64_MAX, "largest int");
	ok(hm_value_int(HM_STR("9223372036854775808"), &n) < 0, "and one more");
	ok(hm_value_int(HM_STR("--1"), &n) < 0, "two signs");
	ok(hm_value_int(HM_STR("-"), &n) < 0, "a sign alone");
	hm_buf_release(&out);
}

/* A secret in a file that everybody can read is a mistake. */
static void
test_secret_mode(void)
{
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_node *root;
	struct all a = { 0 };

	hm_node_parse(arena, "x", HM_STR("password: geheim\n"), &root, errs);
	root->doc->mode = 0640;
	is_int(hm_conf_build(arena, root, table, &a, errs), 0, "0640 is fine");
	root->doc->mode = 0644;
	ok(hm_conf_build(arena, root, table, &a, errs) < 0, "0644 is not");
	ok(strstr(hm_errs_at(errs, 0, NULL)->text, "geheim") == NULL,
	    "the message keeps the secret");
}

static void
test_lists(void)
{
	static const char *const words[] = { "One", "two" };
	struct hm_strlist list = { 2, words };
	struct hm_netlist nets;
	struct hm_net net;
	struct hm_sockaddr addr;

	ok(hm_strlist_has(&list, HM_STR("one")), "without regard to case");
	ok(!hm_strlist_has(&list, HM_STR("on")), "but whole");
	ok(!hm_strlist_has(NULL, HM_STR("one")), "nothing in NULL");
	ok(hm_net_parse(HM_STR("10.0.0.0/8"), &net) == 0 &&
	    hm_sockaddr_parse(HM_STR("10.1.2.3:4"), &addr) == 0, "parse");
	nets = (struct hm_netlist){ 1, &net };
	ok(hm_netlist_has(&nets, &addr), "in the network");
	ok(!hm_netlist_has(NULL, &addr), "not in none");
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	test_defaults();
	test_values();
	test_mistakes();
	test_many_mistakes();
	test_example();
	test_show();
	test_units();
	test_secret_mode();
	test_lists();
	hm_arena_free(arena);
	return done();
}
