/* talk.c - what a peer says and what it expects to hear. */
#include <stdlib.h>
#include <string.h>

#include <hermod/encode.h>

#include "mailtest.h"

/* ---- hearing ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
has_code(struct hm_str line)
{
	return line.len >= 3 && is_digit(line.p[0]) && is_digit(line.p[1]) &&
	    is_digit(line.p[2]) &&
	    (line.len == 3 || line.p[3] == ' ' || line.p[3] == '-');
}

/* "{12}" or "{12+}" at the end of a line of IMAP: so many bytes belong to it. */
static bool
literal_size(struct hm_str line, uint64_t *ret)
{
	ssize_t open = hm_str_rchr(line, '{');
	struct hm_str digits;

	if (open < 0 || !hm_str_ends(line, HM_STR("}")))
		return false;
	digits = hm_str_n(line.p + open + 1, line.len - (size_t)open - 2);
	if (digits.len > 0 && digits.p[digits.len - 1] == '+')
		digits.len--;
	return hm_str_u64(digits, UINT32_MAX, ret) == 0;
}

static struct hm_str
unread(const struct mt_conn *c)
{
	return hm_str_skip(hm_buf_view(&c->in), c->taken);
}

/* The next line; or all lines of a reply, or a line with its literals. */
static bool
next_unit(const struct mt_conn *c, struct hm_str *ret)
{
	struct hm_str all = unread(c);
	size_t at = 0;

	for (;;) {
		struct hm_str rest = hm_str_skip(all, at), line;
		ssize_t end = hm_str_find(rest, HM_STR("\r\n"));
		uint64_t size;

		if (end < 0)
			return false;
		line = hm_str_take(rest, (size_t)end);
		at += (size_t)end;
		if (c->replies) {
			if (!has_code(line) || line.len == 3 || line.p[3] != '-')
				break;
			at += 2;
		} else if (literal_size(line, &size)) {
			at += 2;
			if (all.len - at < size)
				return false;
			at += size;
		} else {
			break;
		}
	}
	*ret = hm_str_take(all, at);
	return true;
}

static bool
can_judge(void *arg)
{
	struct mt_conn *c = arg;
	struct hm_str unit;

	return next_unit(c, &unit) || c->ended;
}

/* What is heard next; false when nothing whole comes within the patience. */
static bool
hear(struct mt *t, struct mt_peer *peer, struct hm_str *ret)
{
	struct mt_conn *c = peer->conn;
	struct hm_str unit;

	if (!hm_harness_until(can_judge, c, t->patience_ms) ||
	    !next_unit(c, &unit))
		return false;
	if (c->taken == 0 && !c->is_server && has_code(unit) &&
	    !c->replies) {
		c->replies = true;
		return hear(t, peer, ret);
	}
	c->taken += unit.len + 2;
	*ret = mt_without_cr(t, unit);
	mt_transcript(t, peer, "<", *ret);
	return true;
}

static void
nothing_heard(struct mt_peer *peer)
{
	const struct mt_conn *c = peer->conn;
	struct hm_str bytes = unread(c);

	if (bytes.len > 0)
		mt_diag_text("there is only a part of a line: ", bytes);
	else if (c->ended)
		mt_diag("the connection is over (%s)", hm_err_name(c->why));
	else
		mt_diag("nothing came");
}

static void
expect(struct mt *t, struct mt_peer *peer, struct hm_str pattern, bool skip)
{
	struct hm_str heard = { NULL, 0 };
	bool good = false;

	while (!good && hear(t, peer, &heard)) {
		good = mt_matches(t, pattern, heard);
		if (t->failed)
			return;
		if (!skip || !hm_str_starts(heard, HM_STR("* ")))
			break;
		if (!good)
			heard.p = NULL;
	}
	if (mt_ok(t, good, "%s hears %.*s", peer->name, HM_FMT(pattern)))
		return;
	if (heard.p != NULL)
		mt_diag_text("got ", heard);
	else
		nothing_heard(peer);
	mt_show(t, peer);
}

static bool
has_ended(void *arg)
{
	struct mt_conn *c = arg;

	return c->ended;
}

struct bytes {
	const struct mt_conn *c;
	size_t len;
};

static bool
has_bytes(void *arg)
{
	const struct bytes *b = arg;

	return unread(b->c).len >= b->len || b->c->ended;
}

/* bytes TEXT: what protocols without lines say. */
static void
expect_bytes(struct mt *t, struct mt_peer *peer, struct hm_str text)
{
	struct mt_conn *c = peer->conn;
	struct hm_buf want = { 0 }, hex = { 0 };
	struct bytes b = { .c = c };
	struct hm_str got;

	mt_unescape(&want, mt_expand(t, text));
	b.len = want.len;
	if (!t->failed)
		hm_harness_until(has_bytes, &b, t->patience_ms);
	got = hm_str_take(unread(c), want.len);
	hm_hex_encode(&hex, got);
	mt_transcript(t, peer, "<", hm_buf_view(&hex));
	if (!t->failed && !mt_ok(t, hm_str_eq(got, hm_buf_view(&want)),
	    "%s gets %.*s", peer->name, HM_FMT(text)))
		mt_show(t, peer);
	c->taken += got.len;
	hm_buf_release(&want);
	hm_buf_release(&hex);
}

/* closed [anyway]: unread bytes may be left then. */
static void
expect_closed(struct mt *t, struct mt_peer *peer, bool anyway)
{
	struct mt_conn *c = peer->conn;
	bool good;

	hm_harness_until(has_ended, c, t->patience_ms);
	good = c->ended && (anyway || unread(c).len == 0);
	mt_transcript(t, peer, "--", c->ended ? HM_STR("closed by the other") :
	    HM_STR("still open"));
	if (mt_ok(t, good, "%s: the connection is closed", peer->name))
		return;
	if (unread(c).len > 0)
		mt_diag_text("unread: ", unread(c));
	mt_show(t, peer);
}

/* silent TIME: nothing comes, and the connection stays. */
static void
expect_silence(struct mt *t, struct mt_peer *peer, struct hm_str rest)
{
	struct mt_conn *c = peer->conn;
	int64_t ms = mt_duration(mt_word(t, &rest));

	if (ms < 0) {
		mt_fail(t, "write: silent TIME");
		return;
	}
	hm_harness_pass(ms);
	if (mt_ok(t, unread(c).len == 0 && !c->ended,
	    "%s hears nothing", peer->name))
		return;
	if (unread(c).len > 0)
		mt_diag_text("got ", unread(c));
	else
		mt_diag("the connection was closed");
	mt_show(t, peer);
}

/* ---- saying ---- */

static void
say(struct mt *t, struct mt_peer *peer, struct hm_str bytes)
{
	struct mt_conn *c = peer->conn;

	mt_transcript(t, peer, ">", mt_without_cr(t, bytes));
	hm_buf_str(&c->out, bytes);
	hm_wake(&c->cond);
	hm_harness_settle();
}

static void
say_line(struct mt *t, struct mt_peer *peer, struct hm_str text)
{
	struct hm_buf out = { 0 };

	hm_buf_str(&out, mt_expand(t, text));
	hm_buf_puts(&out, "\r\n");
	if (!t->failed)
		say(t, peer, hm_buf_view(&out));
	hm_buf_release(&out);
}

static void
say_raw(struct mt *t, struct mt_peer *peer, struct hm_str text)
{
	struct hm_buf out = { 0 };

	mt_unescape(&out, mt_expand(t, text));
	if (!t->failed)
		say(t, peer, hm_buf_view(&out));
	hm_buf_release(&out);
}

/* A block with CRLF line ends; dots doubled if it goes by DATA. */
static void
add_block(struct hm_buf *out, struct hm_str block, bool stuff)
{
	while (block.len > 0) {
		struct hm_str line = hm_str_split(&block, '\n');

		if (stuff && line.len > 0 && line.p[0] == '.')
			hm_buf_putc(out, '.');
		hm_buf_str(out, line);
		hm_buf_puts(out, "\r\n");
	}
}

static void
say_data(struct mt *t, struct mt_peer *peer)
{
	struct hm_buf out = { 0 };

	add_block(&out, t->stmt->block, true);
	hm_buf_puts(&out, ".\r\n");
	say(t, peer, hm_buf_view(&out));
	hm_buf_release(&out);
}

/* literal LINE: the line, "{N+}", the block, and an end of line (RFC 7888). */
static void
say_literal(struct mt *t, struct mt_peer *peer, struct hm_str text)
{
	struct hm_buf block = { 0 }, out = { 0 };

	add_block(&block, t->stmt->block, false);
	hm_buf_str(&out, mt_expand(t, text));
	hm_buf_printf(&out, " {%zu+}\r\n", block.len);
	hm_buf_str(&out, hm_buf_view(&block));
	hm_buf_puts(&out, "\r\n");
	if (!t->failed)
		say(t, peer, hm_buf_view(&out));
	hm_buf_release(&out);
	hm_buf_release(&block);
}

/* bdat [last]: the command with its size, and the block (RFC 3030). */
static void
say_bdat(struct mt *t, struct mt_peer *peer, struct hm_str rest)
{
	struct hm_buf block = { 0 }, out = { 0 };

	add_block(&block, t->stmt->block, false);
	hm_buf_printf(&out, "BDAT %zu%s\r\n", block.len,
	    mt_word_is(&rest, "last") ? " LAST" : "");
	hm_buf_str(&out, hm_buf_view(&block));
	say(t, peer, hm_buf_view(&out));
	hm_buf_release(&out);
	hm_buf_release(&block);
}

static void
leave(struct mt *t, struct mt_peer *peer, bool abort)
{
	peer->conn->abort = abort;
	peer->conn->wants_end = true;
	hm_wake(&peer->conn->cond);
	hm_harness_settle();
	mt_transcript(t, peer, "--", abort ? HM_STR("dropped") :
	    HM_STR("closed"));
}

/* ---- the statement ---- */

static void
with_block(struct mt *t, struct mt_peer *peer, struct hm_str rest)
{
	if (t->stmt->block.p == NULL)
		mt_fail(t, "a block is missing: end the line with <<END");
	else if (mt_word_is(&rest, "data"))
		say_data(t, peer);
	else if (mt_word_is(&rest, "bdat"))
		say_bdat(t, peer, rest);
	else if (mt_word_is(&rest, "literal"))
		say_literal(t, peer, rest);
}

void
mt_talk(struct mt *t, struct mt_peer *peer, struct hm_str rest)
{
	struct hm_str whole = rest;

	if (mt_word_is(&rest, "accept")) {
		mt_peer_accept(t, peer, mt_word_is(&rest, "last"));
	} else if (mt_word_is(&rest, "nobody")) {
		mt_peer_nobody(t, peer, rest);
	} else if (peer->conn == NULL) {
		mt_fail(t, "%s has no connection", peer->name);
	} else if (mt_word_is(&rest, "<")) {
		expect(t, peer, rest, false);
	} else if (mt_word_is(&rest, "<*")) {
		expect(t, peer, rest, true);
	} else if (mt_word_is(&rest, "bytes")) {
		expect_bytes(t, peer, rest);
	} else if (mt_word_is(&rest, "closed")) {
		expect_closed(t, peer, mt_word_is(&rest, "anyway"));
	} else if (mt_word_is(&rest, "silent")) {
		expect_silence(t, peer, rest);
	} else if (peer->conn->gone) {
		mt_fail(t, "the connection of %s is over", peer->name);
		mt_show(t, peer);
	} else if (mt_word_is(&rest, ">")) {
		say_line(t, peer, rest);
	} else if (mt_word_is(&rest, ">>")) {
		say_raw(t, peer, rest);
	} else if (mt_word_is(&rest, "starttls")) {
		bool refused = mt_word_is(&rest, "refused");

		mt_peer_starttls(t, peer, rest, !refused);
	} else if (mt_word_is(&rest, "close") || mt_word_is(&rest, "drop")) {
		leave(t, peer, hm_str_starts(whole, HM_STR("drop")));
	} else if (t->stmt->block.p != NULL) {
		with_block(t, peer, rest);
	} else {
		mt_fail(t, "unknown: %s %.*s", peer->name, HM_FMT(whole));
	}
}
