/* mailbox.c - CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE and STATUS
 * (RFC 9051, 6.3; RFC 6154). */
#include <hermod/arena.h>

#include "imap.h"
#include "recent.h"

static const struct {
	const char *name;
	unsigned use;
} special_uses[] = {
	{ "\\Archive", HM_USE_ARCHIVE },
	{ "\\Drafts", HM_USE_DRAFTS },
	{ "\\Junk", HM_USE_JUNK },
	{ "\\Sent", HM_USE_SENT },
	{ "\\Trash", HM_USE_TRASH },
};

void
imap_put_special_use(struct hm_buf *out, unsigned special_use, bool *first)
{
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(special_uses); i++) {
		if (!(special_use & special_uses[i].use))
			continue;
		if (!*first)
			hm_buf_putc(out, ' ');
		*first = false;
		hm_buf_puts(out, special_uses[i].name);
	}
}

/* " (USE (\Drafts \Sent))" (RFC 6154, 6). False when the reply was made. */
static bool
take_use(struct imap_cmd *c, unsigned *ret_use)
{
	struct imap_parse *p = &c->p;
	size_t i;

	*ret_use = 0;
	if (p->p == p->end)
		return true;
	if (!imap_p_sp(p) || !imap_p_char(p, '(') || !imap_p_word(p, "USE") ||
	    !imap_p_sp(p) || !imap_p_char(p, '('))
		goto bad;
	if (!imap_p_maybe(p, ')')) {
		do {
			struct hm_str atom;
			const char *from = p->p;

			(void)imap_p_maybe(p, '\\');
			if (!imap_p_atom(p, &atom))
				goto bad;
			atom = hm_str_n(from, (size_t)(p->p - from));
			for (i = 0; i < HM_ARRAY_LEN(special_uses); i++)
				if (hm_str_caseis(atom, special_uses[i].name))
					break;
			if (i == HM_ARRAY_LEN(special_uses)) {
				imap_no(c, "[USEATTR] not a use known here");
				return false;
			}
			*ret_use |= special_uses[i].use;
		} while (imap_p_maybe(p, ' '));
		if (!imap_p_char(p, ')'))
			goto bad;
	}
	if (imap_p_char(p, ')') && imap_p_end(p))
		return true;
bad:
	imap_p_fail(p, "(USE (...))");
	imap_bad_syntax(c);
	return false;
}

/* Replies to a change of the list of mailboxes. */
static void
changed(struct imap_cmd *c, int r, const struct hm_err *err, const char *done)
{
	if (r < 0)
		imap_no_err(c, r, err);
	else
		imap_ok(c, "%s", done);
}

/* " mailbox" */
static bool
take_name(struct imap_cmd *c, struct hm_str *ret)
{
	if (imap_p_sp(&c->p))
		return imap_arg_mailbox(c, ret);
	imap_bad_syntax(c);
	return false;
}

void
imap_cmd_create(struct imap_cmd *c)
{
	struct imap *s = c->s;
	const struct hm_store *store = s->srv->store;
	struct hm_err err = { 0 };
	struct hm_str name;
	unsigned use;
	uint64_t id;

	if (!take_name(c, &name) || !take_use(c, &use))
		return;
	/* What is subscribed is the client's to say (RFC 9051, 6.3.7). */
	use |= HM_CREATE_UNSUBSCRIBED;
	changed(c, store->ops->mailbox_create(s->acc, name, use, &id, &err),
	    &err, "created");
}

void
imap_cmd_delete(struct imap_cmd *c)
{
	struct imap *s = c->s;
	const struct hm_store *store = s->srv->store;
	struct hm_err err = { 0 };
	struct hm_str name;
	int r;

	if (!take_name(c, &name) || !imap_args_end(c))
		return;
	r = store->ops->mailbox_delete(s->acc, name, &err);
	if (r == -HM_EBUSY)
		imap_no(c, "[HASCHILDREN] mailbox has children");
	else if (r == -HM_EACCES)
		imap_no(c, "[CANNOT] INBOX cannot be deleted");
	else
		changed(c, r, &err, "deleted");
}

void
imap_cmd_rename(struct imap_cmd *c)
{
	struct imap *s = c->s;
	const struct hm_store *store = s->srv->store;
	struct hm_err err = { 0 };
	struct hm_str from, to;

	if (!take_name(c, &from) || !take_name(c, &to) || !imap_args_end(c))
		return;
	changed(c, store->ops->mailbox_rename(s->acc, from, to, &err), &err,
	    "renamed");
}

static void
subscribe(struct imap_cmd *c, bool on)
{
	struct imap *s = c->s;
	const struct hm_store *store = s->srv->store;
	struct hm_err err = { 0 };
	struct hm_str name;

	if (!take_name(c, &name) || !imap_args_end(c))
		return;
	changed(c, store->ops->subscribe(s->acc, name, on, &err), &err,
	    on ? "subscribed" : "unsubscribed");
}

void
imap_cmd_subscribe(struct imap_cmd *c)
{
	subscribe(c, true);
}

void
imap_cmd_unsubscribe(struct imap_cmd *c)
{
	subscribe(c, false);
}

static const char *const status_items[] = {
	"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED",
	"SIZE", "HIGHESTMODSEQ", "APPENDLIMIT",
};
enum { STATUS_RECENT = 1, STATUS_HIGHESTMODSEQ = 7 };

bool
imap_p_status(struct imap_parse *p, struct imap_status *ret)
{
	struct imap_status items = { 0 };
	uint8_t i, k;

	if (!imap_p_char(p, '('))
		return false;
	do {
		for (i = 0; i < HM_ARRAY_LEN(status_items); i++)
			if (imap_p_word(p, status_items[i]))
				break;
		if (i == HM_ARRAY_LEN(status_items))
			return imap_p_fail(p, "a STATUS item");
		for (k = 0; k < items.n && items.at[k] != i; k++)
			;
		if (k == items.n)
			items.at[items.n++] = i;
		items.has_recent |= i == STATUS_RECENT;
		items.has_modseq |= i == STATUS_HIGHESTMODSEQ;
	} while (imap_p_maybe(p, ' '));
	*ret = items;
	return imap_p_char(p, ')');
}

void
imap_put_status(struct imap *s, const struct hm_mailbox *box,
    const struct imap_status *items)
{
	uint32_t recent = items->has_recent ? imap_recent_status(s, box) : 0;
	/* In the order of status_items. */
	const uint64_t values[] = {
		box->messages, recent, box->uidnext, box->uidvalidity, box->unseen,
		box->deleted, box->bytes, box->modseq,
		s->srv->conf->append_limit_bytes,
	};
	uint8_t i;

	hm_buf_puts(&s->out, "* STATUS ");
	imap_put_mailbox(&s->out, box->name, imap_utf8(s));
	for (i = 0; i < items->n; i++) {
		hm_buf_puts(&s->out, i ? " " : " (");
		hm_buf_puts(&s->out, status_items[items->at[i]]);
		hm_buf_putc(&s->out, ' ');
		hm_buf_u64(&s->out, values[items->at[i]]);
	}
	hm_buf_puts(&s->out, ")\r\n");
}

void
imap_cmd_status(struct imap_cmd *c)
{
	struct imap *s = c->s;
	const struct hm_mailbox *box;
	struct hm_mailboxes *all;
	struct hm_str name;
	struct imap_status items;

	if (!take_name(c, &name))
		return;
	if (!imap_p_sp(&c->p) || !imap_p_status(&c->p, &items) ||
	    !imap_p_end(&c->p)) {
		imap_bad_syntax(c);
		return;
	}
	if (items.has_modseq)
		imap_enable_condstore(s);
	all = s->srv->store->ops->mailboxes(s->acc);
	box = hm_mailboxes_find(all, name);
	if (box)
		imap_put_status(s, box, &items);
	hm_mailboxes_unref(all);
	if (box)
		imap_ok(c, "done");
	else
		imap_no(c, "[NONEXISTENT] no such mailbox");
}
