/* message.c - from what a program writes to what a server takes (RFC 6409, 8). */
#include <string.h>

#include <hermod/compose.h>
#include <hermod/header.h>

#include "sendmail.h"

/* ---- bytes ---- */

static bool
end_line(struct intake *in, struct hm_buf *out)
{
	size_t len = out->len - in->line;

	if (!in->keep_dots && len == 1 && out->p[in->line] == '.') {
		out->len = in->line;
		in->ended = true;
		return false;
	}
	in->in_body = in->in_body || len == 0;
	hm_buf_puts(out, "\r\n");
	in->line = out->len;
	in->cr = false;
	return true;
}

/* A CR alone ends a line of the body; in a field it would let a value grow
 * another field. */
static bool
byte(struct intake *in, struct hm_buf *out, char c)
{
	if (c == '\n')
		return end_line(in, out);
	if (in->cr && c != '\r') {
		in->cr = false;
		if (!in->in_body)
			hm_buf_putc(out, ' ');
		else if (!end_line(in, out))
			return false;
	}
	if (c == '\r')
		in->cr = true;
	else if (c != '\0')            /* no server takes it (RFC 5321, 4.1.1.4) */
		hm_buf_putc(out, c);
	return true;
}

bool
message_intake(struct intake *in, struct hm_buf *out, struct hm_str bytes)
{
	for (size_t i = 0; i < bytes.len && !in->ended; i++) {
		if (out->len >= in->max) {
			in->over = true;
			return false;
		}
		(void)byte(in, out, bytes.p[i]);
	}
	return !in->ended;
}

void
message_intake_end(struct intake *in, struct hm_buf *out)
{
	if (!in->ended && (in->cr || out->len > in->line))
		(void)end_line(in, out);
}

/* ---- fields ---- */

/* The first line of a field (RFC 5322, 2.2); white space before the colon was
 * once allowed. */
static bool
begins_field(struct hm_str line)
{
	ssize_t colon = hm_str_chr(line, ':');
	struct hm_str name = hm_str_take(line, colon > 0 ? (size_t)colon : 0);

	while (name.len > 0 && (name.p[name.len - 1] == ' ' ||
	    name.p[name.len - 1] == '\t'))
		name.len--;
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return false;
	return name.len > 0;
}

void
message_split(struct hm_str text, struct message *ret)
{
	struct hm_str rest = text, line;
	size_t begin = 0, at;

	/* As mailboxes of programs begin. */
	if (hm_str_starts(text, HM_STR("From ")) ||
	    hm_str_starts(text, HM_STR(">From "))) {
		(void)hm_str_split(&rest, '\n');
		begin = rest.p != NULL ? (size_t)(rest.p - text.p) : text.len;
	}
	at = begin;
	for (;;) {
		rest = hm_str_skip(text, at);
		line = hm_str_take(rest, hm_str_find(rest, HM_STR("\r\n")) >= 0 ?
		    (size_t)hm_str_find(rest, HM_STR("\r\n")) : rest.len);
		if (line.len == 0 || !(begins_field(line) || (at > begin &&
		    (line.p[0] == ' ' || line.p[0] == '\t'))))
			break;
		at += line.len + 2 < rest.len ? line.len + 2 : rest.len;
	}
	ret->header = hm_str_take(hm_str_skip(text, begin), at - begin);
	ret->body = hm_str_skip(rest, hm_str_starts(rest, HM_STR("\r\n")) ? 2 : 0);
}

bool
message_own(const struct author *who, struct hm_str local, struct hm_str domain)
{
	return domain.len == 0 || (hm_str_caseeq(local, who->user) &&
	    (hm_str_caseis(domain, "localhost") ||
	    hm_str_caseeq(domain, who->host)));
}

static bool
is_any(struct hm_str name, const char *const *words)
{
	for (; *words != NULL; words++)
		if (hm_str_caseis(hm_str_trim(name), *words))
			return true;
	return false;
}

static void
put_from(struct hm_buf *out, const struct author *who, struct hm_str name)
{
	struct hm_buf plain = { 0 };

	hm_words_decode(&plain, name.len > 0 ? name : who->full_name);
	if (hm_compose_addr(out, "From", hm_buf_view(&plain), &who->addr,
	    who->addr.utf8) < 0)
		(void)hm_compose_addr(out, "From", HM_STR(""), &who->addr, true);
	hm_buf_release(&plain);
}

/* The author as the server knows them, if the field means this user; else what
 * it says, for the server to judge. */
static void
write_from(struct hm_buf *out, struct hm_hdrfield *field,
    const struct author *who)
{
	struct hm_arena *arena = hm_arena_new(NULL, "from");
	struct hm_hdraddrs list;

	hm_hdraddrs_parse(arena, field->value, &list);
	if (list.n == 0 || list.at[0].kind != HM_HDRADDR_MAILBOX ||
	    list.n > 1 ? who->always : who->always ||
	    message_own(who, list.at[0].local, list.at[0].domain))
		put_from(out, who, list.n == 1 ? list.at[0].name :
		    (struct hm_str){ 0 });
	else
		hm_buf_str(out, field->raw);
	hm_arena_free(arena);
}

static bool
has(struct hm_str header, const char *name)
{
	struct hm_hdrfield field;

	return hm_header_find(header, name, 0, &field);
}

static bool
is_resent(struct hm_str header)
{
	return has(header, "Resent-To") || has(header, "Resent-From") ||
	    has(header, "Resent-Cc") || has(header, "Resent-Bcc");
}

/* The copy that is resent has trace fields of its own, above the others. */
static void
write_resent(struct hm_buf *out, struct hm_str header, const struct author *who)
{
	size_t at;

	if (!is_resent(header))
		return;
	if (!has(header, "Resent-Date")) {
		hm_buf_puts(out, "Resent-");
		(void)hm_compose_date(out, who->now_s);
	}
	at = out->len;
	if (!has(header, "Resent-Message-ID")) {
		hm_buf_puts(out, "Resent-");
		if (hm_compose_msgid(out, who->addr.domain.p) < 0)
			out->len = at;
	}
}

void
message_write(struct hm_buf *out, const struct message *msg,
    const struct author *who)
{
	static const char *const hidden[] = { "Bcc", "Resent-Bcc", "Return-Path",
		"X-Failed-Sender", "X-Failed-Recipients", NULL };
	struct hm_str rest = msg->header;
	struct hm_hdrfield field;

	write_resent(out, msg->header, who);
	while (hm_header_next(&rest, &field)) {
		if (is_any(field.name, hidden))
			continue;
		if (hm_str_caseis(hm_str_trim(field.name), "From"))
			write_from(out, &field, who);
		else
			hm_buf_str(out, field.raw);
	}
	if (!has(msg->header, "From"))
		put_from(out, who, (struct hm_str){ 0 });
	if (!has(msg->header, "Date"))
		(void)hm_compose_date(out, who->now_s);
	if (!has(msg->header, "Message-ID"))
		(void)hm_compose_msgid(out, who->addr.domain.p);
	hm_buf_puts(out, "\r\n");
	hm_buf_str(out, msg->body);
}

/* ---- recipients ---- */

static int
add_rcpt(struct rcpts *rcpts, const struct hm_addr *addr, struct hm_err *reterr)
{
	for (size_t i = 0; i < rcpts->n; i++)
		if (hm_str_eq(rcpts->at[i].addr.text, addr->text))
			return 0;
	if (rcpts->n >= RCPTS_MAX)
		return hm_err_set(reterr, -HM_ELIMIT,
		    "more than %d recipients", RCPTS_MAX);
	if (rcpts->n == rcpts->cap) {
		size_t cap = rcpts->cap > 0 ? 2 * rcpts->cap : 16;
		struct hm_attempt_rcpt *at = hm_alloc_array(rcpts->arena, cap,
		    sizeof(*at));

		if (rcpts->n > 0)
			memcpy(at, rcpts->at, rcpts->n * sizeof(*at));
		rcpts->at = at;
		rcpts->cap = cap;
	}
	rcpts->at[rcpts->n++] = (struct hm_attempt_rcpt){ .addr = *addr,
	    .number = 1 };
	return 0;
}

/* With quotes; the parser takes away those that are not needed. */
static struct hm_str
spell(struct hm_arena *arena, struct hm_str local, struct hm_str domain)
{
	struct hm_buf text = { 0 };
	struct hm_str ret;

	hm_buf_putc(&text, '"');
	for (size_t i = 0; i < local.len; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			hm_buf_putc(&text, '\\');
		hm_buf_putc(&text, local.p[i]);
	}
	hm_buf_puts(&text, "\"@");
	hm_buf_str(&text, domain);
	ret = hm_str_dup(arena, hm_buf_view(&text));
	hm_buf_release(&text);
	return ret;
}

static int
add_mailbox(struct rcpts *rcpts, const struct hm_hdraddr *box,
    struct hm_err *reterr)
{
	bool bare = box->domain.len == 0 ||
	    hm_str_caseis(box->domain, "localhost");
	struct hm_str text;
	struct hm_addr addr;
	int r;

	if (box->local.p == NULL || box->local.len == 0 ||
	    (bare && box->domain.p != NULL && box->domain.len == 0))
		return hm_err_set(reterr, -HM_ESYNTAX, "not an address");
	text = bare && rcpts->other != NULL ? hm_str(rcpts->other) :
	    spell(rcpts->arena, box->local, bare ? hm_str(rcpts->domain) :
	    box->domain);
	r = hm_addr_parse(rcpts->arena, text, HM_ADDR_UTF8, &addr, reterr);
	return r < 0 ? r : add_rcpt(rcpts, &addr, reterr);
}

int
message_rcpts(struct rcpts *rcpts, struct hm_str value, struct hm_err *reterr)
{
	struct hm_hdraddrs list;
	int r = 0;

	hm_hdraddrs_parse(rcpts->arena, value, &list);
	for (size_t i = 0; i < list.n && r == 0; i++)
		if (list.at[i].kind == HM_HDRADDR_MAILBOX)
			r = add_mailbox(rcpts, &list.at[i], reterr);
	if (r == 0 && (list.truncated || (list.n == 0 &&
	    hm_str_trim(value).len > 0)))
		r = hm_err_set(reterr, -HM_ESYNTAX, "not a list of addresses");
	if (r < 0)
		hm_err_prefix(reterr, "\"%.*s\"",
		    HM_FMT(hm_str_take(hm_str_trim(value), 80)));
	return r;
}

static int
add_fields(struct rcpts *rcpts, struct hm_str header, const char *const *names,
    struct hm_err *reterr)
{
	struct hm_hdrfield field;
	int r = 0;

	while (r == 0 && hm_header_next(&header, &field))
		if (is_any(field.name, names))
			r = message_rcpts(rcpts, field.value, reterr);
	return r;
}

int
message_header_rcpts(struct rcpts *rcpts, struct hm_str header,
    struct hm_err *reterr)
{
	static const char *const failed[] = { "X-Failed-Recipients", NULL },
	    *const resent[] = { "Resent-To", "Resent-Cc", "Resent-Bcc", NULL },
	    *const all[] = { "To", "Cc", "Bcc", NULL };

	if (has(header, failed[0]))
		return add_fields(rcpts, header, failed, reterr);
	return add_fields(rcpts, header, is_resent(header) ? resent : all, reterr);
}

bool
message_kept_sender(struct hm_arena *arena, struct hm_str header,
    struct hm_str *ret)
{
	struct hm_hdrfield field;
	struct hm_str value;

	if (!hm_header_find(header, "X-Failed-Sender", 0, &field))
		return false;
	value = hm_header_unfold(arena, field.value);
	if (value.len < 2 || value.p[0] != '<')
		return false;
	*ret = hm_str_n(value.p + 1, value.len - 2);
	return true;
}
