/* settings.c - sendmail.yaml: where mail is handed in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "paths.h"
#include "sendmail.h"

enum { FILE_MAX = 64 * 1024 };

static const char *const tls_words[] = { "implicit", "starttls", "never", NULL };

const struct hm_opt settings_options[] = {
	HM_OPT_STR(struct settings, socket, HM_RUNDIR "/submit",
	    "The socket of the server on this machine: \"local\" in smtp.yaml."),
	HM_OPT_STR(struct settings, host, "",
	    "Another server to hand mail in at. Empty: the one on this machine."),
	HM_OPT_INT(struct settings, port, "0",
	    "Its port. 0: 465 for implicit TLS, 587 otherwise.", .min = "0",
	    .max = "65535"),
	HM_OPT_ENUM(struct settings, tls, "implicit",
	    "TLS from the first byte (implicit), by STARTTLS, or never.",
	    tls_words),
	HM_OPT_BOOL(struct settings, verify, "yes",
	    "Whether its certificate must be valid and name it."),
	HM_OPT_STR(struct settings, ca_file, "",
	    "Certificates of the authorities to verify with. Empty: the "
	    "system's."),
	HM_OPT_STR(struct settings, user, "",
	    "Name to log in with. Empty: no log-in."),
	HM_OPT_STR(struct settings, password_file, "",
	    "File whose first line is the password. Nobody else may read it."),
	HM_OPT_LIST(struct settings, mechanisms, "",
	    "Ways to log in that are allowed. Empty: SCRAM and CRAM-MD5, the "
	    "strongest that the server has; PLAIN and LOGIN must be named."),
	HM_OPT_STR(struct settings, from, "",
	    "The address that all mail is sent as, whatever it says itself. "
	    "Empty: the server's word for this user, or USER@DOMAIN."),
	HM_OPT_STR(struct settings, domain, "",
	    "Domain of addresses without one. Empty: that of the sender."),
	HM_OPT_STR(struct settings, default_recipient, "",
	    "Who gets mail to names without a domain (root, say). Empty: the "
	    "name at the domain."),
	HM_OPT_STR(struct settings, failures, "",
	    "Folder for mail that could not be handed in. Empty: mail-failures "
	    "in the user's home."),
	HM_OPT_SIZE(struct settings, max_message_bytes, "100M",
	    "Largest message taken.", .min = "64K", .max = "2G"),
	HM_OPT_TIME(struct settings, timeout_ms, "1m",
	    "How long to wait for the server.", .min = "1s", .max = "1h"),
	HM_OPT_END
};

/* A regular file of root's or of the user's own, which others cannot change;
 * NULL with errno. */
static const char *
read_file(struct hm_arena *arena, const char *path, mode_t forbidden,
    struct hm_err *reterr)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *text = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd < 0) {
		hm_err_errno(reterr, errno, "%s", path);
		return NULL;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		hm_err_set(reterr, -HM_EINVAL, "%s is no file", path);
	else if (st.st_uid != 0 && st.st_uid != getuid())
		hm_err_set(reterr, -HM_EACCES, "%s belongs to somebody else",
		    path);
	else if (st.st_mode & forbidden)
		hm_err_set(reterr, -HM_EACCES, "%s can be %s by others: chmod "
		    "%s", path, forbidden & S_IROTH ? "read" : "changed",
		    forbidden & S_IROTH ? "o-rwx,g-w" : "go-w");
	else {
		text = hm_alloc(arena, FILE_MAX + 1);
		n = read(fd, text, FILE_MAX);
		if (n < 0)
			hm_err_errno(reterr, errno, "%s", path);
	}
	close(fd);
	return n < 0 ? NULL : text;
}

static int
build(struct hm_arena *arena, const char *path, const char *text,
    struct settings *ret)
{
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_node *node = NULL;

	if (text == NULL || hm_node_parse(arena, path, hm_str(text), &node,
	    errs) == 0)
		(void)hm_conf_build(arena, node, settings_options, ret, errs);
	for (size_t i = 0; i < hm_errs_count(errs); i++) {
		const struct hm_err *err = hm_errs_at(errs, i, NULL);

		complain("%s:%u:%u: %s", err->file, err->line, err->col,
		    err->text);
	}
	return hm_errs_count(errs) > 0 ? EX_CONFIG : EX_OK;
}

static int
read_password(struct hm_arena *arena, struct settings *settings)
{
	struct hm_err err = { 0 };
	struct hm_str line;

	if (settings->user[0] == '\0')
		return EX_OK;
	if (settings->tls == SETTINGS_NEVER) {
		complain("sendmail.yaml: a password is not sent without TLS: "
		    "\"tls\" cannot be never with a \"user\"");
		return EX_CONFIG;
	}
	settings->password = read_file(arena, settings->password_file,
	    S_IRWXO | S_IWGRP, &err);
	if (settings->password == NULL) {
		complain("password-file: %s", err.text);
		return EX_CONFIG;
	}
	line = hm_str(settings->password);
	line = hm_str_split(&line, '\n');
	settings->password = hm_strndup(arena, line.p != NULL ? line.p : "",
	    hm_str_trim(line).len);
	return EX_OK;
}

int
settings_read(struct hm_arena *arena, const char *file, struct settings *ret)
{
	const char *path = file != NULL ? file : HM_CONFDIR "/sendmail.yaml";
	struct hm_err err = { 0 };
	const char *text = NULL;
	int r;

	if (file != NULL || access(path, F_OK) == 0 || errno != ENOENT) {
		text = read_file(arena, path, S_IWGRP | S_IWOTH, &err);
		if (text == NULL) {
			complain("%s", err.text);
			return EX_CONFIG;
		}
	}
	r = build(arena, path, text, ret);
	return r != EX_OK ? r : read_password(arena, ret);
}
