/* refusals.c - a recipient that refuses what others take.
 *
 * DATA has one reply for all recipients (RFC 5321, 4.2.5), and a report to a
 * sender that may be forged would hit a bystander. So the message is put off once,
 * and when it comes again the recipient is refused at RCPT: the sending server
 * tells its sender about that one, and the others get theirs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp.h"

enum { REMEMBERED = 256 };
#define KEEP_MS (5LL * 24 * 3600 * 1000)   /* as long as servers try */

struct refusal {
	char *key;                     /* sender and recipient; NULL: none */
	uint64_t size;                 /* as MAIL declared it */
	int64_t until_ms;
	int code;
	char esc[12], text[256];
};
struct smtp_refusals {
	struct refusal at[REMEMBERED];
	size_t next;
};

int
smtp_refusals_make(struct hm_mod *m, void *arg, void **ret, struct hm_err *reterr)
{
	(void)m;
	(void)arg;
	(void)reterr;
	*ret = hm_xalloc(sizeof(struct smtp_refusals));
	return 0;
}

void
smtp_refusals_free(void *resource)
{
	struct smtp_refusals *all = resource;

	for (size_t i = 0; i < REMEMBERED; i++)
		free(all->at[i].key);
	free(all);
}

static char *
key_of(const struct smtp_session *s, const struct hm_addr *rcpt)
{
	struct hm_buf key = { 0 };

	hm_buf_str(&key, hm_message_sender(s->txn.msg)->text);
	hm_buf_putc(&key, ' ');
	hm_buf_str(&key, rcpt->text);
	return key.p;
}

/* The declared size is what tells one message from another before it is here. */
bool
smtp_refusal_usable(const struct smtp_session *s)
{
	return s->txn.params.size > 0 &&
	    hm_message_sender(s->txn.msg)->text.len > 0;
}

void
smtp_refusal_note(struct smtp_session *s, const struct hm_addr *rcpt,
    struct hm_verdict v)
{
	struct smtp_refusals *all = s->mod->refusals;
	struct refusal *r = &all->at[all->next++ % REMEMBERED];

	free(r->key);
	*r = (struct refusal){ .key = key_of(s, rcpt),
	    .size = s->txn.params.size, .until_ms = hm_now_ms() + KEEP_MS };
	r->code = v.code / 100 == 5 ? v.code : 550;
	snprintf(r->esc, sizeof(r->esc), "%s", v.esc != NULL && v.esc[0] == '5' ?
	    v.esc : "5.7.1");
	snprintf(r->text, sizeof(r->text), "%s", v.text != NULL && *v.text != '\0' ?
	    v.text : "refused by local policy");
}

bool
smtp_refusal_again(struct smtp_session *s, const struct hm_addr *rcpt)
{
	struct smtp_refusals *all = s->mod->refusals;
	struct refusal found = { 0 };
	char *key;

	if (smtp_is_submission(s) || !smtp_refusal_usable(s))
		return false;
	key = key_of(s, rcpt);
	for (size_t i = 0; i < REMEMBERED && found.key == NULL; i++) {
		struct refusal *r = &all->at[i];

		if (r->key == NULL || r->size != s->txn.params.size ||
		    strcmp(r->key, key) != 0)
			continue;
		if (r->until_ms > hm_now_ms())
			found = *r;
		else
			free(r->key);
		r->key = NULL;         /* once; the next message is another one */
	}
	free(key);
	if (found.key == NULL)
		return false;
	free(found.key);
	smtp_reply(s, found.code, found.esc, "%s", found.text);
	return true;
}
