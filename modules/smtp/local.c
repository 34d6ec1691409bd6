/* local.c - users of this machine, whom the kernel has named. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <hermod/work.h>

#include "smtp.h"

enum { PASSWD_BYTES = 16 * 1024 };

/* ---- names and numbers; worker ---- */

static uid_t
uid_of(const char *user, char *room)
{
	struct passwd pw, *found = NULL;
	uint32_t number;

	if (hm_str_u32(hm_str(user), &number) == 0)
		return number;
	if (strcmp(user, "*") == 0 ||
	    getpwnam_r(user, &pw, room, PASSWD_BYTES, &found) != 0 ||
	    found == NULL)
		return SMTP_NO_UID;
	return pw.pw_uid;
}

/* Everybody may knock; who comes in is decided by what the kernel says. */
static void
open_to_all(const struct hm_addrlist *sockets)
{
	for (size_t i = 0; i < sockets->n; i++)
		if (chmod(sockets->at[i].path, 0666) < 0 && errno != ENOENT)
			hm_log(HM_LOG_ERROR, "local socket is not open to all",
			    hm_f("path", sockets->at[i].path),
			    hm_f("error", strerrordesc_np(errno)));
}

int
smtp_local_users(void *arg)
{
	struct smtp_module *mod = arg;
	const struct hm_strmap *users = mod->conf->local_users;
	char *room = hm_xalloc(PASSWD_BYTES);

	for (size_t i = 0; i < users->n; i++) {
		mod->uids[i] = uid_of(users->keys[i], room);
		if (mod->uids[i] == SMTP_NO_UID && users->keys[i][0] != '*')
			hm_log(HM_LOG_WARN, "local-users names a user that this "
			    "machine has not", hm_f("user", users->keys[i]));
	}
	free(room);
	open_to_all(mod->conf->local);
	return 0;
}

struct named {
	uid_t uid;
	char name[256];
};

static int
find_name(void *arg)
{
	struct named *named = arg;
	struct passwd pw, *found = NULL;
	char *room = hm_xalloc(PASSWD_BYTES);
	int r = getpwuid_r(named->uid, &pw, room, PASSWD_BYTES, &found);

	if (r == 0 && found != NULL &&
	    strlen(pw.pw_name) < sizeof(named->name))
		memcpy(named->name, pw.pw_name, strlen(pw.pw_name) + 1);
	free(room);
	return 0;
}

/* ---- how many of one user ---- */

struct smtp_local {
	struct smtp_local *next;
	uid_t uid;
	unsigned n;
};

/* A program that runs wild shall not keep others from sending. */
static bool
enter(struct smtp_session *s, uid_t uid)
{
	struct smtp_module *mod = s->mod;
	struct smtp_local *user = mod->locals;

	while (user != NULL && user->uid != uid)
		user = user->next;
	if (user == NULL) {
		user = hm_xalloc(sizeof(*user));
		user->uid = uid;
		user->next = mod->locals;
		mod->locals = user;
	}
	if (user->n >= (unsigned)mod->conf->connections_per_user)
		return false;
	user->n++;
	s->local_user = user;
	return true;
}

void
smtp_local_leave(struct smtp_session *s)
{
	struct smtp_local *user = s->local_user, **at = &s->mod->locals;

	s->local_user = NULL;
	if (user == NULL || --user->n > 0)
		return;
	while (*at != user)
		at = &(*at)->next;
	*at = user->next;
	free(user);
}

/* ---- the session ---- */

/* The account that the admin gave the user; NULL: none. */
static HM_FIBER const char *
account_of(const struct smtp_session *s, uid_t uid)
{
	const struct smtp_module *mod = s->mod;
	const struct hm_strmap *users = mod->conf->local_users;
	struct named named = { .uid = uid };
	const char *account = NULL;

	for (size_t i = 0; i < users->n; i++) {
		bool named_here = mod->uids[i] == uid;

		if (named_here || strcmp(users->keys[i], "*") == 0)
			account = users->values[i];
		if (named_here)
			break;
	}
	if (account == NULL || strcmp(account, "*") != 0)
		return account;
	if (hm_work(find_name, &named) < 0 || named.name[0] == '\0')
		return NULL;
	return hm_strdup(hm_session_arena(s->hs), named.name);
}

/* An address that its mail may come from: the first whole one. */
static struct hm_str
main_address(struct smtp_session *s, const struct hm_account_info *info)
{
	for (size_t i = 0; i < info->naddresses; i++)
		if (hm_str_chr(info->addresses[i], '@') > 0)
			return info->addresses[i];
	return hm_str(hm_printf(hm_session_arena(s->hs), "%.*s@%.*s",
	    HM_FMT(info->name), HM_FMT(info->default_domain)));
}

bool
smtp_local_login(struct smtp_session *s)
{
	const struct hm_directory *dir = s->mod->directory;
	struct hm_account_info info = { 0 };
	const char *account = NULL;
	uid_t uid = SMTP_NO_UID;
	struct hm_err err = { 0 };
	int r = -HM_ENOENT;

	if (hm_io_peer_uid(s->io, &uid) == 0)
		account = account_of(s, uid);
	if (account != NULL && !enter(s, uid)) {
		hm_log(HM_LOG_WARN, "too many connections of a local user",
		    hm_f("uid", uid));
		smtp_reply(s, 421, "4.7.0", "user %u of this machine has too many "
		    "connections (connections-per-user in smtp.yaml)", uid);
		return false;
	}
	if (account != NULL)
		r = dir->ops->account(dir->self, hm_str(account),
		    hm_session_arena(s->hs), &info, &err);
	if (r == 0 && info.login_disabled)
		r = -HM_EACCES;
	if (r == -HM_ENOENT || r == -HM_EACCES) {
		hm_log(HM_LOG_WARN, "local user refused", hm_f("uid", uid),
		    hm_f("account", account != NULL ? account : ""));
		smtp_reply(s, 554, "5.7.1", "user %u of this machine has no "
		    "account to send mail as (local-users in smtp.yaml)", uid);
		return false;
	}
	if (r < 0) {
		smtp_local_error(s);
		return false;
	}
	s->local_sender = main_address(s, &info);
	hm_session_set_login(s->hs, info.name, s->local_sender);
	hm_log(HM_LOG_INFO, "local user", hm_f("uid", uid),
	    hm_f("account", info.name));
	return !smtp_refused(s, hm_decide_auth(s->m, s->hs, NULL, s->hs));
}
