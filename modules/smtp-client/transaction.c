/* transaction.c - MAIL, RCPT, DATA: one message to some recipients (RFC 5321, 3.3;
 * pipelined as RFC 2920 allows).
 */
#include <stdlib.h>

#include <hermod/clock.h>

#include "client.h"

enum {
	GROUP = 50,                     /* recipients pipelined at once */
	PIECE = 16 * 1024,
	FINAL_MS = 10 * 60 * 1000,      /* RFC 5321, 4.5.3.2.6 */
	TEXT_MS = 10 * 60 * 1000,       /* for the text, and more for much of it: */
	LEAST_BYTES_S = 100,
};

struct txn {
	struct hm_smtp *c;
	struct hm_attempt *a;
	size_t *rcpts;                  /* whom this one is for */
	size_t n;
	bool pipelining, dsn, bdat;
	bool begun;                     /* it has answered to MAIL */
};

/* ---- outcomes ---- */

/* 530 asks for TLS (RFC 3207, 4), which was tried: it may work another time. */
static enum hm_attempt_outcome
outcome_of(const struct txn *t, int code)
{
	return code < 500 || (code == 530 && !hm_io_is_tls(t->c->io)) ?
	    HM_ATTEMPT_TEMPORARY : HM_ATTEMPT_PERMANENT;
}

static struct hm_str
remote_of(struct txn *t)
{
	const struct hm_sockaddr *peer = hm_io_peer(t->c->io);
	char ip[112];

	return hm_str(hm_printf(t->a->arena, "%s [%s]", t->c->peer->host,
	    peer != NULL ? hm_sockaddr_ip(ip, peer) : "?"));
}

static void
settle(struct txn *t, struct hm_attempt_rcpt *rcpt,
    enum hm_attempt_outcome outcome, int code, struct hm_str esc,
    struct hm_str text)
{
	if (outcome == HM_ATTEMPT_TEMPORARY && hm_str_starts(esc, HM_STR("5")))
		esc = HM_STR("4.7.0");
	rcpt->outcome = outcome;
	rcpt->code = code;
	rcpt->esc = hm_str_dup(t->a->arena, esc);
	rcpt->text = hm_str_dup(t->a->arena, text);
	rcpt->remote = remote_of(t);
}

/* All recipients of this transaction that are not settled yet. */
static void
settle_all(struct txn *t, enum hm_attempt_outcome outcome, int code,
    struct hm_str esc, struct hm_str text)
{
	for (size_t i = 0; i < t->n; i++) {
		struct hm_attempt_rcpt *rcpt = &t->a->rcpts[t->rcpts[i]];

		if (rcpt->outcome == HM_ATTEMPT_UNTRIED)
			settle(t, rcpt, outcome, code, esc, text);
	}
}

static void
settle_all_reply(struct txn *t)
{
	const struct client_reply *reply = &t->c->reply;

	settle_all(t, outcome_of(t, reply->code), reply->code,
	    client_reply_esc(reply), hm_buf_view(&reply->text));
}

static void
settle_all_words(struct txn *t, bool permanent, const char *esc,
    const char *text)
{
	settle_all(t, permanent ? HM_ATTEMPT_PERMANENT : HM_ATTEMPT_TEMPORARY, 0,
	    hm_str(esc), hm_str(text));
}

static void
lost(struct txn *t, int r)
{
	if (r == -HM_ECANCELED)        /* ours to try again */
		return;
	/* Servers tire of a connection: the message is for another one. */
	if (t->c->used && !t->begun && r != -HM_ETIMEDOUT &&
	    r != -HM_ESYNTAX && r != -HM_ELIMIT) {
		t->c->left = true;
		return;
	}
	settle_all_words(t, false, "4.4.2", r == -HM_ETIMEDOUT ?
	    "the server did not answer in time" : r == -HM_ESYNTAX ||
	    r == -HM_ELIMIT ? "the server did not answer with a reply of SMTP" :
	    "the connection was lost");
}

/* ---- what the server must be able to do ---- */

static bool
able(struct txn *t)
{
	const struct hm_smtp *c = t->c;
	const struct hm_attempt *a = t->a;
	unsigned has = c->offer.extensions;
	bool tls = a->requiretls == HM_REQUIRETLS_YES;

	if (a->smtputf8 && !(has & HM_SMTP_EXT_SMTPUTF8))
		settle_all_words(t, true, "5.6.7", "the message has addresses or "
		    "header fields in UTF-8, and the server does not take those");
	else if (tls && (!(has & HM_SMTP_EXT_REQUIRETLS) ||
	    !hm_io_is_tls(c->io)))
		settle_all_words(t, true, "5.7.30",
		    "the message requires TLS all the way, and the server does "
		    "not promise that");
	else if (a->binary && !(has & HM_SMTP_EXT_BINARYMIME))
		settle_all_words(t, true, "5.6.1",
		    "the message is binary, and the server takes text only");
	else if (c->offer.max_size > 0 && a->bytes > c->offer.max_size)
		settle_all_words(t, true, "5.3.4",
		    "the message is larger than the server takes");
	else
		return true;
	return false;
}

/* ---- the envelope ---- */

static HM_FIBER int
write_mail(struct txn *t)
{
	const struct hm_attempt *a = t->a;
	unsigned has = t->c->offer.extensions;
	struct hm_buf line = { 0 };
	int r;

	hm_buf_printf(&line, "MAIL FROM:<%.*s>", HM_FMT(a->sender.text));
	if (has & HM_SMTP_EXT_SIZE)
		hm_buf_printf(&line, " SIZE=%llu", (unsigned long long)a->bytes);
	if (a->binary)
		hm_buf_puts(&line, " BODY=BINARYMIME");
	else if (has & HM_SMTP_EXT_8BITMIME)
		hm_buf_puts(&line, a->eightbit ? " BODY=8BITMIME" : " BODY=7BIT");
	if (a->smtputf8)
		hm_buf_puts(&line, " SMTPUTF8");
	if (a->requiretls == HM_REQUIRETLS_YES)
		hm_buf_puts(&line, " REQUIRETLS");
	if (t->dsn && a->ret != HM_RET_DEFAULT)
		hm_buf_puts(&line, a->ret == HM_RET_FULL ? " RET=FULL" :
		    " RET=HDRS");
	if (t->dsn && a->envid.len > 0)
		hm_buf_printf(&line, " ENVID=%.*s", HM_FMT(a->envid));
	hm_buf_puts(&line, "\r\n");
	r = hm_io_str(t->c->io, hm_buf_view(&line));
	hm_buf_release(&line);
	return r;
}

static void
put_notify(struct hm_buf *line, unsigned notify)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
		{ HM_NOTIFY_NEVER, "NEVER" }, { HM_NOTIFY_SUCCESS, "SUCCESS" },
		{ HM_NOTIFY_FAILURE, "FAILURE" }, { HM_NOTIFY_DELAY, "DELAY" },
	};
	const char *before = " NOTIFY=";

	for (size_t i = 0; i < HM_ARRAY_LEN(words); i++)
		if (notify & words[i].bit) {
			hm_buf_puts(line, before);
			hm_buf_puts(line, words[i].word);
			before = ",";
		}
}

static HM_FIBER int
write_rcpt(struct txn *t, size_t i)
{
	const struct hm_attempt_rcpt *rcpt = &t->a->rcpts[t->rcpts[i]];
	struct hm_buf line = { 0 };
	int r;

	hm_buf_printf(&line, "RCPT TO:<%.*s>", HM_FMT(rcpt->addr.text));
	if (t->dsn) {
		put_notify(&line, rcpt->notify);
		if (rcpt->orcpt.len > 0)
			hm_buf_printf(&line, " ORCPT=%.*s", HM_FMT(rcpt->orcpt));
	}
	hm_buf_puts(&line, "\r\n");
	r = hm_io_str(t->c->io, hm_buf_view(&line));
	hm_buf_release(&line);
	return r;
}

/* 452 or 552 behind accepted ones means "no more at once": the rest waits for
 * another transaction (RFC 5321, 4.5.3.1.10). */
static void
take_rcpt_reply(struct txn *t, size_t i, size_t *accepted)
{
	const struct client_reply *reply = &t->c->reply;

	if (reply->code >= 200 && reply->code < 300)
		t->rcpts[(*accepted)++] = t->rcpts[i];
	else if (*accepted == 0 || (reply->code != 452 && reply->code != 552))
		settle(t, &t->a->rcpts[t->rcpts[i]], outcome_of(t, reply->code),
		    reply->code, client_reply_esc(reply),
		    hm_buf_view(&reply->text));
}

static int64_t
patience(const struct txn *t)
{
	return t->c->peer->timeout_ms > 0 ? t->c->peer->timeout_ms :
	    5 * 60 * 1000;
}

/* MAIL's reply stands for all, even if the server hangs up behind it. */
static HM_FIBER bool
mail_refused(struct txn *t)
{
	int r = client_read(t->c, patience(t));

	t->begun = r > 0;
	if (r < 0)
		lost(t, r);
	else if (r >= 300) {
		t->c->open = false;
		settle_all_reply(t);
	}
	return r < 0 || r >= 300;
}

/* The commands of a group, then their replies; afterwards t->rcpts are those that
 * were accepted. Returns false when there is nothing left to do. */
static HM_FIBER bool
envelope(struct txn *t)
{
	size_t accepted = 0, at = 0, group;
	bool refused = false;
	int r = write_mail(t);

	if (r == 0 && !t->pipelining) {
		r = hm_io_flush(t->c->io);
		if (r == 0 && mail_refused(t))
			return false;
	}
	for (bool first = t->pipelining; r == 0 && at < t->n && !refused;
	    first = false) {
		group = t->pipelining ? GROUP : 1;
		group = at + group < t->n ? group : t->n - at;
		for (size_t i = 0; i < group && r == 0; i++)
			r = write_rcpt(t, at + i);
		if (r == 0)
			r = hm_io_flush(t->c->io);
		if (r == 0 && first)
			refused = mail_refused(t);
		for (size_t i = 0; i < group && r == 0; i++, at++) {
			r = client_read(t->c, patience(t));
			if (r > 0 && !refused)
				take_rcpt_reply(t, at, &accepted);
			r = r > 0 ? 0 : r;
		}
	}
	if (r < 0)
		t->c->broken = true;
	if (r < 0 && !refused)
		lost(t, r);
	t->n = accepted;
	return r == 0 && !refused && accepted > 0;
}

/* ---- the message ---- */

/* A server that takes a byte now and then would hold the run for ever. */
static int
pace(int64_t begun_ms, uint64_t sent)
{
	int64_t most_ms = TEXT_MS + (int64_t)(sent / LEAST_BYTES_S) * 1000;

	return hm_now_ms() - begun_ms > most_ms ? -HM_ETIMEDOUT : 0;
}

static HM_FIBER int
write_dotted(struct txn *t, char *piece)
{
	struct client_dot dot = { .line_start = true };
	struct hm_buf out = { 0 };
	int64_t begun = hm_now_ms();
	uint64_t at = 0;
	ssize_t n = 0;
	int r = 0;

	while (r == 0 && (n = t->a->read(t->a, at, piece, PIECE)) > 0) {
		hm_buf_clear(&out);
		client_dot_feed(&dot, hm_str_n(piece, (size_t)n), &out);
		at += (uint64_t)n;
		r = hm_io_str(t->c->io, hm_buf_view(&out));
		if (r == 0)
			r = pace(begun, at);
	}
	/* Without the dot the server drops what it has (RFC 5321, 4.1.1.4). */
	if (r == 0 && (n < 0 || at != t->a->bytes))
		r = -HM_ECORRUPT;
	hm_buf_clear(&out);
	client_dot_end(&dot, &out);
	if (r == 0)
		r = hm_io_str(t->c->io, hm_buf_view(&out));
	hm_buf_release(&out);
	return r == 0 ? hm_io_flush(t->c->io) : r;
}

static HM_FIBER int
write_chunk(struct txn *t, char *piece)
{
	int64_t begun = hm_now_ms();
	uint64_t at = 0;
	ssize_t n = 0;
	int r = hm_io_printf(t->c->io, "BDAT %llu LAST\r\n",
	    (unsigned long long)t->a->bytes);

	while (r == 0 && (n = t->a->read(t->a, at, piece, PIECE)) > 0) {
		at += (uint64_t)n;
		r = hm_io_write(t->c->io, piece, (size_t)n);
		if (r == 0)
			r = pace(begun, at);
	}
	if (r == 0 && (n < 0 || at != t->a->bytes))
		r = -HM_ECORRUPT;
	return r == 0 ? hm_io_flush(t->c->io) : r;
}

static void
delivered(struct txn *t)
{
	settle_all(t, t->dsn ? HM_ATTEMPT_DELIVERED : HM_ATTEMPT_RELAYED,
	    t->c->reply.code, client_reply_esc(&t->c->reply),
	    hm_buf_view(&t->c->reply.text));
}

static HM_FIBER void
message(struct txn *t)
{
	char *piece;
	int r;

	if (!t->bdat) {
		r = client_command(t->c, "DATA");
		if (r != 354) {
			if (r < 0)
				lost(t, r);
			else
				settle_all_reply(t);
			t->c->broken |= r > 0 && r < 300;
			return;
		}
	}
	piece = hm_xalloc(PIECE);
	r = t->bdat ? write_chunk(t, piece) : write_dotted(t, piece);
	free(piece);
	if (r == -HM_ECORRUPT) {
		t->c->broken = true;
		settle_all_words(t, false, "4.3.0",
		    "the message cannot be read from the disk");
		return;
	}
	if (r < 0) {
		t->c->broken = true;
		t->c->silent = r == -HM_ETIMEDOUT;
		/* It may have said why before it hung up. */
		if (client_read(t->c, 1000) >= 400)
			settle_all_reply(t);
		else
			lost(t, r);
		return;
	}
	r = client_read(t->c, FINAL_MS > patience(t) ? FINAL_MS : patience(t));
	t->c->open = t->bdat && r >= 300;      /* RFC 3030, 2 */
	if (r >= 200 && r < 300)
		delivered(t);
	else if (r > 0)
		settle_all_reply(t);
	else {
		/* It may have it; a copy is the lesser evil (RFC 5321, 6.1). */
		hm_log(HM_LOG_WARN, "no reply to a whole message: it may arrive "
		    "twice", hm_f("id", t->a->id), hm_f("host", t->c->peer->host));
		lost(t, r);
	}
}

/* ---- a transaction ---- */

static void
choose_rcpts(struct txn *t)
{
	uint32_t max = t->c->offer.max_rcpts;

	t->rcpts = hm_alloc_array(t->a->arena, t->a->nrcpts + 1,
	    sizeof(*t->rcpts));
	for (size_t i = 0; i < t->a->nrcpts; i++)
		if (t->a->rcpts[i].outcome == HM_ATTEMPT_UNTRIED &&
		    (max == 0 || t->n < max))
			t->rcpts[t->n++] = i;
}

void
client_deliver(struct hm_smtp *c, struct hm_attempt *a)
{
	unsigned has = c->offer.extensions;
	struct txn t = { .c = c, .a = a, .dsn = has & HM_SMTP_EXT_DSN,
	    .pipelining = has & HM_SMTP_EXT_PIPELINING, .bdat = a->binary };

	choose_rcpts(&t);
	if (t.n == 0 || !able(&t))
		return;
	/* A clean slate behind what failed before (RFC 5321, 4.1.1.5). */
	if (c->open) {
		int r = client_command(c, "RSET");

		if (r < 0)
			lost(&t, r);
		if (c->broken)
			return;
	}
	c->open = true;
	if (envelope(&t))
		message(&t);
	c->used = true;
}
