/* localserve.c - "hermod localserve": a server for trying things out. */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/conf.h>
#include <hermod/net.h>
#include <hermod/str.h>

#include "core/plug/core.h"
#include "core/plug/generation.h"

#include "core/serve/server.h"

#include "setup.h"

static const char usage[] =
"usage: hermod localserve [--dir DIR] [--ip ADDRESS] [--pedantic] [--init-only]\n"
"\n"
"Starts a mail server for trying things out, on high ports of this machine, with\n"
"the account hermod@localhost. All it keeps is in DIR (default: hermod-localserve\n"
"below your configuration folder); the first start makes it.\n"
"\n"
"  --dir DIR      where to keep configuration and mail\n"
"  --ip ADDRESS   listen there instead of on 127.0.0.1 and ::1\n"
"  --pedantic     parse strictly, to find mistakes of clients\n"
"  --init-only    make the configuration and stop\n";

static const char password[] = "hermodhermod";

struct localserve {
	struct hm_arena *arena;
	const char *dir;
	const char *ip;         /* NULL: loopback */
	bool pedantic, init_only;
};

static bool
have_ipv6(void)
{
	struct sockaddr_in6 sin = { .sin6_family = AF_INET6,
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0 && bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

static const char *
default_dir(struct hm_arena *arena)
{
	const char *base = secure_getenv("XDG_CONFIG_HOME");
	const char *home = secure_getenv("HOME");

	if (base != NULL && *base == '/')
		return hm_printf(arena, "%s/hermod-localserve", base);
	return hm_printf(arena, "%s/.config/hermod-localserve",
	    home != NULL && *home == '/' ? home : "/tmp");
}

static int
make_parents(struct hm_arena *arena, const char *dir, struct hm_err *reterr)
{
	char *path = hm_strdup(arena, dir);

	for (char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return hm_err_errno(reterr, errno, "cannot make %s",
			    path);
		*p = '/';
	}
	return 0;
}

static const char *
addresses(const struct localserve *ls)
{
	if (ls->ip != NULL)
		return hm_printf(ls->arena, "\"%s\"", ls->ip);
	return have_ipv6() ? "127.0.0.1, \"::1\"" : "127.0.0.1";
}

/* The data directory is of whoever runs this: made by a command, it would be
 * given to the user of "hermod serve", who need not get at DIR. */
static int
make_data_dir(const struct localserve *ls, struct hm_err *reterr)
{
	const char *path = hm_printf(ls->arena, "%s/data", ls->dir);

	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return hm_err_errno(reterr, errno, "cannot make %s", path);
	return 0;
}

static int
initialise(const struct localserve *ls, const struct hm_options *options,
    struct hm_err *reterr)
{
	static const char *const words[] = { "account", "password", "hermod",
	    NULL };
	const char *const names[] = { "localhost", "127.0.0.1", "::1", ls->ip,
	    NULL };
	const struct hm_setup_var vars[] = {
		{ "ADDRESSES", addresses(ls) },
		{ "TRUSTED", ls->ip != NULL ?
		    hm_printf(ls->arena, ", \"%s\"", ls->ip) : "" },
		{ NULL, NULL },
	};
	int r = make_parents(ls->arena, ls->dir, reterr);

	if (r < 0)
		return r;
	printf("making %s\n", ls->dir);
	r = hm_setup_copy("localserve", ls->dir, vars, reterr);
	if (r == 0)
		r = hm_setup_certificate(ls->dir, "", names, 4 * 365, reterr);
	if (r == 0)
		r = make_data_dir(ls, reterr);
	if (r == 0 && hm_setup_command(options, ls->dir, words,
	    hm_printf(ls->arena, "%s\n", password)) != 0)
		r = hm_err_set(reterr, -HM_EIO, "cannot set the password");
	if (r < 0)
		hm_setup_undo(ls->dir);
	return r;
}

/* What the flags say, in the settings of an earlier start. */
static int
adjust(const struct localserve *ls, struct hm_err *reterr)
{
	const char *path = hm_printf(ls->arena, "%s/hermod.yaml", ls->dir);
	const char *pedantic[] = { "pedantic", NULL };
	const char *where[] = { "addresses", NULL };
	struct hm_str text, was;
	int r = hm_file_read(ls->arena, path, 1 << 20, &text, reterr);

	was = text;
	if (r == 0)
		r = hm_node_edit(ls->arena, text, pedantic,
		    ls->pedantic ? "yes" : "no", &text, reterr);
	if (r == 0 && ls->ip != NULL)
		r = hm_node_edit(ls->arena, text, where, hm_printf(ls->arena,
		    "[%s]", addresses(ls)), &text, reterr);
	if (r == 0 && !hm_str_eq(was, text))
		r = hm_file_replace(path, text, 0640, reterr);
	return r;
}

/* Where the option of that name has a module listen; 0 when none has it. */
static unsigned
port_of(const struct hm_core *core, const char *option)
{
	const struct hm_generation *gen = core->current;

	for (size_t i = 0; gen != NULL && i < gen->n_mods; i++) {
		const struct hm_opt *opt = gen->mods[i]->def->options;

		for (; opt != NULL && opt->name != NULL; opt++) {
			const struct hm_addrlist *list;

			if (opt->type != HM_OPT_TYPE_ADDRS ||
			    strcmp(opt->name, option) != 0)
				continue;
			memcpy(&list, (const char *)gen->mods[i]->conf +
			    opt->offset, sizeof(list));
			if (list != NULL && list->n > 0)
				return list->at[0].port;
		}
	}
	return 0;
}

/* The conf.d files may have been changed: what is not served is not told. */
static void
greet(struct hm_core *core, void *arg)
{
	const struct localserve *ls = arg;
	const char *ip = ls->ip != NULL ? ls->ip : "127.0.0.1";
	const char *host = strchr(ip, ':') != NULL ?
	    hm_printf(ls->arena, "[%s]", ip) : ip;
	unsigned mx = port_of(core, "mx"), tls = port_of(core, "listen_tls");
	unsigned send = port_of(core, "submissions");
	const struct {
		const char *option, *text;
	} lines[] = {
		{ "mx", "SMTP without log-in" },
		{ "submission", "SMTP with STARTTLS and log-in" },
		{ "submissions", "SMTP over TLS, with log-in" },
		{ "listen", "IMAP with STARTTLS" },
		{ "listen_tls", "IMAP over TLS" },
	};

	printf("\nHermod serves, and keeps everything in %s\n\n"
	    "  account hermod@localhost, user name hermod, password %s\n\n",
	    ls->dir, password);
	for (size_t i = 0; i < HM_ARRAY_LEN(lines); i++)
		if (port_of(core, lines[i].option) != 0)
			printf("  %s port %-5u  %s\n", ip, port_of(core,
			    lines[i].option), lines[i].text);
	if (mx != 0)
		printf("\nSend a first mail, in another terminal (apt install "
		    "swaks curl mutt):\n\n"
		    "  swaks --server %s:%u --from me@example.org "
		    "--to hermod@localhost\n", host, mx);
	if (tls != 0)
		printf("\nand read it:\n\n"
		    "  curl -k -u hermod:%s 'imaps://%s:%u/INBOX;UID=1'\n"
		    "  mutt -f imaps://hermod@%s:%u/INBOX\n", password, host,
		    tls, host, tls);
	if (tls != 0 && send != 0)
		printf("\nThunderbird: address hermod@localhost, then configure "
		    "manually:\n\n  IMAP %s port %u, SMTP %s port %u, both "
		    "SSL/TLS, normal password, user hermod\n", ip, tls, ip,
		    send);
	printf("\nThe certificate is self-signed: mail programs ask whether to "
	    "trust it.\nCtrl-C stops the server.\n\n");
	fflush(stdout);
}

static int
complain(const struct hm_err *err)
{
	fprintf(stderr, "hermod: %s\n", err->text);
	return HM_EXIT_NO;
}

/* False when there is nothing more to do; *ret_status is the answer then. */
static bool
read_flags(struct localserve *ls, struct hm_argv argv, int *ret_status)
{
	struct hm_sockaddr ip;

	for (size_t i = 0; i < argv.n; i++) {
		const char *flag = argv.at[i];
		bool more = i + 1 < argv.n;

		if (strcmp(flag, "--pedantic") == 0) {
			ls->pedantic = true;
		} else if (strcmp(flag, "--init-only") == 0) {
			ls->init_only = true;
		} else if (strcmp(flag, "--dir") == 0 && more) {
			ls->dir = argv.at[++i];
		} else if (strcmp(flag, "--ip") == 0 && more) {
			ls->ip = argv.at[++i];
		} else {
			bool help = strcmp(flag, "--help") == 0;

			fputs(usage, help ? stdout : stderr);
			*ret_status = help ? HM_EXIT_OK : HM_EXIT_USAGE;
			return false;
		}
	}
	if (ls->ip != NULL && (hm_sockaddr_parse(hm_str(ls->ip), &ip) < 0 ||
	    ip.family == 1 || ip.port != 0)) {
		fprintf(stderr, "hermod: %s is not an IP address\n", ls->ip);
		*ret_status = HM_EXIT_USAGE;
		return false;
	}
	return true;
}

static int
localserve(struct localserve *ls, const struct hm_options *options)
{
	struct hm_server_opts server = { .module_path = options->module_path,
	    .ready = greet, .arg = ls };
	struct hm_err err = { 0 };
	char *cwd;

	if (ls->dir == NULL)
		ls->dir = default_dir(ls->arena);
	if (ls->dir[0] != '/') {
		cwd = getcwd(NULL, 0);
		ls->dir = hm_printf(ls->arena, "%s/%s", cwd, ls->dir);
		free(cwd);
	}
	if (access(hm_printf(ls->arena, "%s/hermod.yaml", ls->dir), F_OK) < 0 &&
	    initialise(ls, options, &err) < 0)
		return complain(&err);
	if (adjust(ls, &err) < 0)
		return complain(&err);
	if (ls->init_only)
		return HM_EXIT_OK;
	server.conf_dir = ls->dir;
	return hm_serve_alone(options, &server);
}

int
hm_program_localserve(const struct hm_options *options, struct hm_argv argv)
{
	struct localserve ls = { .arena = hm_arena_new(NULL, "localserve") };
	int status = HM_EXIT_OK;

	if (read_flags(&ls, argv, &status))
		status = localserve(&ls, options);
	hm_arena_free(ls.arena);
	return status;
}
