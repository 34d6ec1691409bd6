/* data.c - DATA (RFC 5321, 4.1.1.4) and BDAT (RFC 3030): bytes into the spool.
 */
#include "smtp.h"

enum { PIECE = 64 * 1024 };

/* How the bytes of a message came in; the reply depends on the worst of it. */
struct intake {
	int result;         /* 0, or what the spool said */
	bool too_large;
	bool stray;
};

static HM_FIBER void
keep(struct smtp_session *s, struct intake *in, struct hm_str bytes)
{
	struct hm_spool *spool = hm_message_spool(s->txn.msg);
	struct hm_err err = { 0 };

	if (in->result < 0 || in->too_large || in->stray)
		return;
	if (hm_spool_size(spool) + bytes.len > s->mod->conf->max_message_bytes) {
		in->too_large = true;
		return;
	}
	in->result = hm_spool_append(spool, bytes.p, bytes.len, &err);
	if (in->result < 0)
		hm_log(HM_LOG_ERROR, "cannot keep message",
		    hm_f("error", err.text));
}

/* Tells what was wrong with the bytes; false if nothing was. */
static HM_FIBER bool
intake_failed(struct smtp_session *s, const struct intake *in)
{
	if (in->stray)
		smtp_reply(s, 554, "5.6.0", "line ends must be CRLF: bare CR, "
		    "bare LF and NUL look like SMTP smuggling");
	else if (in->too_large)
		smtp_reply(s, 552, "5.3.4",
		    "message is larger than this server takes");
	else if (in->result == -HM_ENOSPC)
		smtp_reply(s, 452, "4.3.1", "disk is full, try again later");
	else if (in->result < 0)
		smtp_local_error(s);
	else
		return false;
	return true;
}

/* The stream ended within a message: nothing of it is kept. */
static HM_FIBER void
broken_off(struct smtp_session *s, int r)
{
	hm_log(HM_LOG_INFO, "message broken off",
	    hm_f("from", hm_message_sender(s->txn.msg)->text),
	    hm_f("size", hm_message_size(s->txn.msg)),
	    hm_f("error", hm_err_name(r)));
	s->closing = true;
}

/* Reads to the end of data, whatever happens on the way: else the rest of the
 * message would be taken for commands. */
static HM_FIBER int
read_data(struct smtp_session *s, struct intake *in)
{
	uint64_t limit = 2 * s->mod->conf->max_message_bytes + PIECE;
	struct smtp_dot dot = { 0 };
	struct hm_buf out = { 0 };
	uint64_t total = 0;
	bool end = false;
	int r = 0;

	while (!end) {
		struct hm_str piece;
		size_t used;

		r = hm_io_peek(s->io, &piece);
		if (r < 0)
			break;
		hm_buf_clear(&out);
		used = smtp_dot_feed(&dot, hm_str_take(piece, PIECE), &out, &end);
		hm_io_consume(s->io, used);
		in->stray = in->stray || dot.stray;
		keep(s, in, hm_buf_view(&out));
		total += used;
		if (total > limit && !end) {
			smtp_reply(s, 552, "5.3.4", "far too much data");
			r = -HM_ELIMIT;
			break;
		}
	}
	hm_buf_release(&out);
	return r;
}

static HM_FIBER bool
ready_for_message(struct smtp_session *s)
{
	if (s->txn.msg == NULL)
		smtp_reply(s, 503, "5.5.1", "MAIL FROM comes first");
	else if (s->txn.nrcpts == 0)
		smtp_reply(s, 554, "5.5.1", "no valid recipients");
	else
		return true;
	return false;
}

void
smtp_cmd_data(struct smtp_session *s)
{
	struct intake in = { 0 };
	int64_t before;
	int r;

	if (!ready_for_message(s))
		return;
	if (s->txn.bdat || s->txn.params.body == SMTP_BODY_BINARY) {
		smtp_reply(s, 503, "5.5.1", "this message comes by BDAT");
		return;
	}
	/* DATA ends a group of pipelined commands (RFC 2920, 3.1): bytes that
	 * are here already were meant for a server that reads them otherwise. */
	if (hm_io_buffered(s->io) > 0) {
		smtp_reply(s, 554, "5.5.0", "wait for the reply to DATA");
		s->closing = true;
		return;
	}
	smtp_reply(s, 354, NULL, "end with a dot on a line of its own");
	before = hm_fiber_deadline(hm_now_ms() + s->mod->conf->data_timeout_ms);
	r = read_data(s, &in);
	hm_fiber_deadline(before);
	if (r < 0) {
		broken_off(s, r);
		return;
	}
	if (!intake_failed(s, &in))
		smtp_deliver(s);
	smtp_txn_reset(s);
}

/* A chunk is counted, never looked at for commands. Lines that are not text are
 * allowed only where BODY=BINARYMIME announced them. */
static HM_FIBER int
read_chunk(struct smtp_session *s, uint64_t size, struct intake *in)
{
	while (size > 0) {
		size_t want = size < PIECE ? (size_t)size : PIECE;
		struct hm_str piece;
		int r = hm_io_read_some(s->io, want, &piece);

		if (r < 0)
			return r;
		if (s->txn.msg != NULL)
			keep(s, in, piece);
		size -= piece.len;
	}
	return 0;
}

/* Whether every CR stands before an LF and the other way round, without NUL. */
static HM_FIBER bool
lines_sound(struct hm_spool *spool)
{
	char piece[4000], last = '\n';
	uint64_t at = 0;
	ssize_t n;

	while ((n = hm_spool_read(spool, at, piece, sizeof(piece))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if ((piece[i] == '\n') != (last == '\r') ||
			    piece[i] == '\0')
				return false;
			last = piece[i];
		}
		at += (uint64_t)n;
	}
	return last != '\r';
}

static HM_FIBER void
finish_chunks(struct smtp_session *s)
{
	struct intake in = { 0 };

	if (s->txn.params.body != SMTP_BODY_BINARY)
		in.stray = !lines_sound(hm_message_spool(s->txn.msg));
	if (!intake_failed(s, &in))
		smtp_deliver(s);
	smtp_txn_reset(s);
}

void
smtp_cmd_bdat(struct smtp_session *s, struct hm_str rest)
{
	struct intake in = { 0 };
	uint64_t size;
	bool last, ready;
	int64_t before;
	int r;

	if (smtp_parse_bdat(rest, &size, &last) < 0) {
		/* Without its size the chunk cannot be skipped. */
		smtp_reply(s, 501, "5.5.4", "write BDAT SIZE [LAST]");
		s->closing = true;
		return;
	}
	/* The chunk follows whether we want it or not (RFC 3030, 2). */
	ready = s->txn.msg != NULL && s->txn.nrcpts > 0;
	if (size > 2 * s->mod->conf->max_message_bytes + PIECE) {
		smtp_reply(s, 552, "5.3.4", "far too much data");
		s->closing = true;
		return;
	}
	before = hm_fiber_deadline(hm_now_ms() + s->mod->conf->data_timeout_ms);
	r = read_chunk(s, size, &in);
	hm_fiber_deadline(before);
	if (r < 0) {
		if (ready)
			broken_off(s, r);
		s->closing = true;
		return;
	}
	if (!ready) {
		(void)ready_for_message(s);
		return;
	}
	s->txn.bdat = true;
	if (intake_failed(s, &in)) {
		smtp_txn_reset(s);
		return;
	}
	if (last)
		finish_chunks(s);
	else
		smtp_reply(s, 250, "2.0.0", "%llu octets taken",
		    (unsigned long long)size);
}
