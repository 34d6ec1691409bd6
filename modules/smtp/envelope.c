/* envelope.c - MAIL FROM and RCPT TO (RFC 5321, 4.1.1.2 and 4.1.1.3). */
#include <stdlib.h>
#include <string.h>

#include "smtp.h"

/* Paths are read as UTF-8 in any case: a client that forgot SMTPUTF8 is told so
 * instead of getting a syntax error. */
static unsigned
path_flags(const struct smtp_session *s, unsigned flags)
{
	flags |= HM_ADDR_UTF8;
	if (s->server->pedantic)
		flags |= HM_ADDR_PEDANTIC;
	return flags;
}

/* The parameters say whether the path may be UTF-8, so they are read first. */
static bool
split_path(struct hm_str text, struct hm_str *ret_path, struct hm_str *ret_params)
{
	bool quoted = false;

	if (text.len == 0 || text.p[0] != '<')
		return false;
	for (size_t i = 1; i < text.len; i++) {
		char c = text.p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == '>' && !quoted) {
			*ret_path = hm_str_take(text, i + 1);
			*ret_params = hm_str_skip(text, i + 1);
			return ret_params->len == 0 || ret_params->p[0] == ' ';
		}
	}
	return false;
}

/* Bytes above ASCII, in a domain too, need the extension (RFC 6531, 3.3). */
static bool
lacks_smtputf8(const struct smtp_session *s, struct hm_str path)
{
	return !s->txn.params.smtputf8 && !hm_str_ascii(path);
}

static HM_FIBER bool
mail_allowed(struct smtp_session *s)
{
	if (!s->helo)
		smtp_reply(s, 503, "5.5.1", "say EHLO first");
	else if (s->txn.msg != NULL)
		smtp_reply(s, 503, "5.5.1", "a mail transaction is open already");
	else if (smtp_is_submission(s) && hm_session_account(s->hs).len == 0)
		smtp_reply(s, 530, "5.7.0", "log in first");
	else
		return true;
	return false;
}

static HM_FIBER bool
sender_owned(struct smtp_session *s, const struct hm_addr *sender)
{
	const struct hm_directory *dir = s->mod->directory;
	struct hm_err err = { 0 };
	int r;

	if (!smtp_is_submission(s) || sender->text.len == 0)
		return true;
	r = dir->ops->may_send(dir->self, hm_session_account(s->hs), sender, &err);
	if (r > 0)
		return true;
	if (r == 0)
		smtp_reply(s, 550, "5.7.1", "that address is not yours to send as");
	else
		smtp_local_error(s);
	return false;
}

static HM_FIBER bool
parse_mail(struct smtp_session *s, struct hm_str rest, struct hm_addr *ret)
{
	const struct smtp_offer offer = smtp_offer(s);
	struct hm_str path, params;
	struct hm_err err = { 0 };
	const char *esc = NULL;
	int code = 0;

	if (smtp_parse_keyword(rest, "FROM:", s->server->pedantic, &rest) < 0 ||
	    !split_path(rest, &path, &params)) {
		smtp_reply(s, 501, "5.5.4", "write MAIL FROM:<address>");
		return false;
	}
	if (smtp_parse_mail_params(params, &offer, &s->txn.params, &code, &esc,
	    &err) < 0) {
		smtp_reply(s, code, esc, "%s", err.text);
		return false;
	}
	rest = path;
	if (hm_addr_path(hm_session_arena(s->hs), &path,
	    path_flags(s, HM_ADDR_NULL), ret, &err) < 0) {
		smtp_reply(s, 501, "5.1.7", "%s", err.text);
		return false;
	}
	if (lacks_smtputf8(s, rest)) {
		smtp_reply(s, 550, "5.6.7", "that address needs SMTPUTF8");
		return false;
	}
	return true;
}

void
smtp_cmd_mail(struct smtp_session *s, struct hm_str rest)
{
	struct hm_addr sender;
	struct hm_message *msg;

	if (!mail_allowed(s) || !parse_mail(s, rest, &sender))
		return;
	if (!sender_owned(s, &sender))
		return;

	msg = hm_message_new(hm_session_arena(s->hs),
	    hm_spool_new(s->server->data_dir));
	hm_message_set_sender(msg, &sender);
	s->txn.msg = msg;
	s->txn.params.envid = hm_str_dup(hm_message_arena(msg),
	    s->txn.params.envid);
	if (smtp_refused(s, hm_decide_mail_from(s->m, s->hs, msg,
	    hm_message_sender(msg)))) {
		smtp_txn_reset(s);
		return;
	}
	smtp_reply(s, 250, "2.1.0", "sender accepted");
}

static HM_FIBER bool
parse_rcpt(struct smtp_session *s, struct hm_str rest, struct hm_addr *ret,
    struct smtp_rcpt_params *ret_params)
{
	const struct smtp_offer offer = smtp_offer(s);
	struct hm_str path, params;
	struct hm_err err = { 0 };
	const char *esc = NULL;
	int code = 0;

	if (smtp_parse_keyword(rest, "TO:", s->server->pedantic, &rest) < 0 ||
	    !split_path(rest, &path, &params)) {
		smtp_reply(s, 501, "5.5.4", "write RCPT TO:<address>");
		return false;
	}
	if (smtp_parse_rcpt_params(params, &offer, ret_params, &code, &esc,
	    &err) < 0) {
		smtp_reply(s, code, esc, "%s", err.text);
		return false;
	}
	rest = path;
	if (hm_addr_path(hm_message_arena(s->txn.msg), &path,
	    path_flags(s, HM_ADDR_POSTMASTER), ret, &err) < 0) {
		smtp_reply(s, 501, "5.1.3", "%s", err.text);
		return false;
	}
	if (lacks_smtputf8(s, rest)) {
		smtp_reply(s, 553, "5.6.7", "that address needs SMTPUTF8");
		return false;
	}
	return true;
}

/* Answers unless mail for the address goes to one of our accounts, or out. */
static HM_FIBER bool
find_account(struct smtp_session *s, const struct hm_addr *rcpt,
    struct hm_rcpt_info *ret)
{
	const struct hm_directory *dir = s->mod->directory;
	struct hm_err err = { 0 };

	if (dir->ops->rcpt(dir->self, rcpt, hm_message_arena(s->txn.msg), ret,
	    &err) < 0) {
		hm_log(HM_LOG_ERROR, "recipient look-up failed",
		    hm_f("rcpt", rcpt->text), hm_f("error", err.text));
		smtp_local_error(s);
		return false;
	}
	switch (ret->kind) {
	case HM_RCPT_ACCOUNT:
		return true;
	case HM_RCPT_UNKNOWN:
		smtp_reply(s, 550, "5.1.1", "no such user here");
		break;
	case HM_RCPT_DISABLED:
		smtp_reply(s, 450, "4.2.1", "this domain is switched off");
		break;
	case HM_RCPT_FOREIGN:
		if (smtp_is_submission(s) && s->mod->queue != NULL)
			return true;
		if (smtp_is_submission(s))
			smtp_reply(s, 550, "5.7.1", "this server delivers only "
			    "to its own domains; it has no outgoing queue");
		else
			smtp_reply(s, 550, "5.7.1", "we do not relay: that "
			    "domain is not served here");
		break;
	}
	return false;
}

/* Refusing a full account now spares the sender the data, and keeps a message
 * to several recipients from succeeding for some only. */
static HM_FIBER bool
has_room(struct smtp_session *s, struct hm_str account)
{
	const struct hm_store *store = s->mod->store;
	struct hm_account *acc;
	uint64_t used = 0, limit = 0;
	struct hm_err err = { 0 };
	int r;

	r = store->ops->open(store->self, account, &acc, &err);
	if (r == 0) {
		r = store->ops->quota(acc, &used, &limit);
		store->ops->close(acc);
	}
	if (r < 0) {
		hm_log(HM_LOG_ERROR, "cannot open account",
		    hm_f("account", account), hm_f("error", err.text));
		smtp_local_error(s);
		return false;
	}
	if (limit > 0 && used + s->txn.params.size >= limit) {
		smtp_reply(s, 452, "4.2.2", "that mailbox is full");
		return false;
	}
	return true;
}

static void
add_rcpt(struct smtp_txn *txn, const struct hm_addr *rcpt,
    const struct hm_rcpt_info *info, const struct smtp_rcpt_params *params)
{
	if (txn->nrcpts == txn->caprcpts) {
		txn->caprcpts = txn->caprcpts > 0 ? 2 * txn->caprcpts : 4;
		txn->rcpts = hm_xrealloc(txn->rcpts,
		    txn->caprcpts * sizeof(*txn->rcpts));
	}
	txn->rcpts[txn->nrcpts++] = (struct smtp_rcpt){
		.account = info->account, .mailbox = info->mailbox,
		.notify = params->notify, .orcpt = hm_str_dup(
		    hm_message_arena(txn->msg), params->orcpt) };
	hm_message_add_rcpt(txn->msg, rcpt);
}

/* Two addresses of one account get one copy; the same address twice too. */
static bool
already_there(const struct smtp_txn *txn, const struct hm_addr *rcpt,
    const struct hm_rcpt_info *info)
{
	for (size_t i = 0; i < txn->nrcpts; i++)
		if (info->account.len == 0 ?
		    hm_str_eq(hm_message_rcpt(txn->msg, i)->text, rcpt->text) :
		    hm_str_eq(txn->rcpts[i].account, info->account) &&
		    hm_str_eq(txn->rcpts[i].mailbox, info->mailbox))
			return true;
	return false;
}

void
smtp_cmd_rcpt(struct smtp_session *s, struct hm_str rest)
{
	struct smtp_rcpt_params params = { 0 };
	struct hm_rcpt_info info = { 0 };
	struct hm_addr rcpt;

	if (s->txn.msg == NULL) {
		smtp_reply(s, 503, "5.5.1", "MAIL FROM comes first");
		return;
	}
	if (s->txn.bdat) {
		smtp_reply(s, 503, "5.5.1", "the message has begun");
		return;
	}
	if (s->txn.nrcpts >= (size_t)s->mod->conf->max_recipients) {
		smtp_reply(s, 452, "4.5.3", "too many recipients");
		return;
	}
	if (!parse_rcpt(s, rest, &rcpt, &params) ||
	    !find_account(s, &rcpt, &info))
		return;
	if (smtp_refused(s, hm_decide_rcpt_to(s->m, s->hs, s->txn.msg, &rcpt)))
		return;
	if (smtp_refusal_again(s, &rcpt))
		return;
	if (info.account.len > 0 && !has_room(s, info.account))
		return;
	if (!already_there(&s->txn, &rcpt, &info))
		add_rcpt(&s->txn, &rcpt, &info, &params);
	smtp_reply(s, 250, "2.1.5", "recipient accepted");
}
