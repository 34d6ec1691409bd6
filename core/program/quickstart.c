/* quickstart.c - "hermod quickstart": a first real configuration. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/rand.h>
#include <hermod/str.h>

#include "paths.h"
#include "setup.h"

static const char usage[] =
"usage: hermod [-c DIR] quickstart [--hostname NAME] [--data-dir DIR]\n"
"           [--user NAME] ADDRESS\n"
"\n"
"Writes a first configuration for mail at ADDRESS's domain: hermod.yaml, conf.d,\n"
"domains.yaml, a certificate to begin with, and an account with a new password.\n"
"Prints what to do next. Touches nothing that exists.\n"
"\n"
"  --hostname NAME  name of this host in DNS (default: its own, in the domain)\n"
"  --data-dir DIR   where mail will be kept (default: " HM_STATEDIR ")\n"
"  --user NAME      whom the server works as when root starts it (default:\n"
"                   hermod); it must exist\n";

struct quickstart {
	struct hm_arena *arena;
	const char *conf_dir;
	const char *data_dir;
	const char *hostname;
	const char *user;
	struct hm_addr address;
	const char *account;
	const char *domain;
	char password[17];
};

static int
choose_names(struct quickstart *q, const char *address, struct hm_err *reterr)
{
	char host[256] = "";
	struct hm_str ascii;
	int r = hm_addr_parse(q->arena, hm_str(address), HM_ADDR_UTF8,
	    &q->address, reterr);

	if (r < 0)
		return r;
	if (q->address.domain.p[0] == '[')
		return hm_err_set(reterr, -HM_EINVAL,
		    "mail needs a domain name, not an IP address");
	q->domain = hm_strndup(q->arena, q->address.domain.p,
	    q->address.domain.len);
	q->account = hm_strndup(q->arena, q->address.local.p,
	    q->address.local.len);
	if (q->hostname == NULL) {
		gethostname(host, sizeof(host) - 1);
		q->hostname = strchr(host, '.') != NULL ?
		    hm_strdup(q->arena, host) :
		    hm_printf(q->arena, "%s.%s", host, q->domain);
	}
	r = hm_domain_ascii(q->arena, hm_str(q->hostname), &ascii, reterr);
	if (r == 0)
		q->hostname = ascii.p;
	return r;
}

static int
write_all(struct quickstart *q, const struct hm_options *options,
    struct hm_err *reterr)
{
	const char *const set_password[] = { "account", "password", q->account,
	    NULL };
	const char *const names[] = { q->hostname, NULL };
	static const char *const check[] = { "config", "check", NULL };
	static const char *const writable[] = { "domains", NULL };
	const struct hm_setup_var vars[] = {
		{ "HOSTNAME", q->hostname }, { "DATADIR", q->data_dir },
		{ "USER", q->user },
		{ "ACCOUNT", q->account }, { "DOMAIN", q->domain },
		{ "ADDRESS", hm_strndup(q->arena, q->address.text.p,
		    q->address.text.len) },
		{ NULL, NULL },
	};
	int r = hm_setup_copy("quickstart", q->conf_dir, vars, reterr);

	if (r == 0)
		r = hm_setup_certificate(q->conf_dir, "keys", names, 365,
		    reterr);
	if (r == 0 && geteuid() == 0)
		r = hm_setup_own(q->conf_dir, q->user, writable, reterr);
	if (r == 0 && hm_setup_command(options, q->conf_dir, check, "") != 0)
		r = hm_err_set(reterr, -HM_EINVAL,
		    "the new configuration has mistakes, see above");
	if (r == 0 && hm_setup_command(options, q->conf_dir, set_password,
	    hm_printf(q->arena, "%s\n", q->password)) != 0)
		r = hm_err_set(reterr, -HM_EIO, "cannot set the password");
	return r;
}

static void
tell_next(const struct quickstart *q)
{
	printf("\nWritten to %s; mail will be kept in %s.\n\n"
	    "  account   %s, password %s   (change it: hermod account password "
	    "%s)\n\n"
	    "1. In DNS, for your domain and this host:\n\n"
	    "     %s.  A or AAAA  the public address of this host\n"
	    "     %s.  MX         10 %s.\n\n"
	    "   All records, with DKIM's key, once the server has run:\n\n"
	    "     hermod -c %s domain dnsrecords %s\n\n"
	    "2. Put a certificate for %s in %s/keys,\n"
	    "   in place of the one that nobody trusts yet.\n"
	    "3. Open ports 25, 465, 587, 143 and 993, and start:\n\n"
	    "     hermod -c %s config check\n"
	    "     hermod -c %s serve\n\n"
	    "In a mail program: IMAP %s port 993 TLS, SMTP port 465 TLS, user %s.\n",
	    q->conf_dir, q->data_dir, q->account, q->password, q->account,
	    q->hostname, q->domain, q->hostname, q->conf_dir, q->domain,
	    q->hostname, q->conf_dir, q->conf_dir, q->conf_dir, q->hostname,
	    q->account);
}

static int
quickstart(struct quickstart *q, const struct hm_options *options,
    const char *address)
{
	const char *main_file = hm_printf(q->arena, "%s/hermod.yaml",
	    q->conf_dir);
	bool fresh = access(q->conf_dir, F_OK) < 0;
	struct hm_err err = { 0 };

	if (access(main_file, F_OK) == 0) {
		fprintf(stderr, "hermod: %s exists already; quickstart makes a "
		    "first configuration only\n", main_file);
		return HM_EXIT_NO;
	}
	hm_random_id(q->password, sizeof(q->password) - 1);
	if (choose_names(q, address, &err) < 0 ||
	    write_all(q, options, &err) < 0) {
		fprintf(stderr, "hermod: %s\n", err.text);
		if (fresh)
			hm_setup_undo(q->conf_dir);
		else
			fprintf(stderr, "hermod: what was written to %s before "
			    "that is still there\n", q->conf_dir);
		return HM_EXIT_NO;
	}
	tell_next(q);
	return HM_EXIT_OK;
}

int
hm_program_quickstart(const struct hm_options *options, struct hm_argv argv)
{
	struct quickstart q = { .arena = hm_arena_new(NULL, "quickstart"),
	    .conf_dir = options->conf_dir, .data_dir = HM_STATEDIR,
	    .user = "hermod" };
	const char *address = NULL;
	bool wrong = false;
	int status;

	for (size_t i = 0; i < argv.n; i++) {
		bool more = i + 1 < argv.n;

		if (strcmp(argv.at[i], "--hostname") == 0 && more)
			q.hostname = argv.at[++i];
		else if (strcmp(argv.at[i], "--data-dir") == 0 && more)
			q.data_dir = argv.at[++i];
		else if (strcmp(argv.at[i], "--user") == 0 && more)
			q.user = argv.at[++i];
		else if (argv.at[i][0] != '-' && address == NULL)
			address = argv.at[i];
		else
			wrong = true;
	}
	if (address != NULL && !wrong) {
		status = quickstart(&q, options, address);
	} else {
		bool help = argv.n > 0 && strcmp(argv.at[0], "--help") == 0;

		fputs(usage, help ? stdout : stderr);
		status = help ? HM_EXIT_OK : HM_EXIT_USAGE;
	}
	hm_arena_free(q.arena);
	return status;
}
