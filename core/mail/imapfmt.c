/* imapfmt.c - ENVELOPE, BODY and BODYSTRUCTURE (RFC 9051, 7.5.2). */
#include <hermod/mime.h>

#include <string.h>

#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/header.h>
#include <hermod/str.h>

#include "lex.h"

enum {
	LIST_BYTES_MAX = 4 * 1024 * 1024, /* of one address field, repeats joined */
};

/* ---- strings --------------------------------------------------------- */

/* A literal must not hold NUL (RFC 9051, 9, CHAR8): it is left out. */
static void
literal(struct hm_buf *out, struct hm_str s)
{
	size_t nuls = 0;

	for (size_t i = 0; i < s.len; i++)
		nuls += s.p[i] == '\0';
	hm_buf_putc(out, '{');
	hm_buf_u64(out, s.len - nuls);
	hm_buf_puts(out, "}\r\n");
	if (nuls == 0) {
		hm_buf_str(out, s);
		return;
	}
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != '\0')
			hm_buf_putc(out, s.p[i]);
}

void
hm_imap_string(struct hm_buf *out, struct hm_str s)
{
	bool escape = false;

	if (!s.p) {
		hm_buf_add(out, "NIL", 3);
		return;
	}
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		/* controls may be quoted, but not every client expects them */
		if (((unsigned char)c < ' ' && c != '\t') ||
		    (unsigned char)c >= 0x7f) {
			literal(out, s);
			return;
		}
		escape |= c == '"' || c == '\\';
	}
	hm_buf_putc(out, '"');
	if (!escape)
		hm_buf_str(out, s);
	for (size_t i = 0; escape && i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			hm_buf_putc(out, '\\');
		hm_buf_putc(out, s.p[i]);
	}
	hm_buf_putc(out, '"');
}

static void
put_space(struct hm_buf *out)
{
	hm_buf_putc(out, ' ');
}

static void
put_nil(struct hm_buf *out)
{
	hm_buf_add(out, "NIL", 3);
}

/* ---- envelope -------------------------------------------------------- */

enum field {
	F_DATE, F_SUBJECT, F_FROM, F_SENDER, F_REPLY_TO, F_TO, F_CC, F_BCC,
	F_IN_REPLY_TO, F_MESSAGE_ID, FIELDS
};

static const struct {
	const char *name;
	bool list;               /* repeated fields are joined */
} fields[FIELDS] = {
	[F_DATE] = { "date", false }, [F_SUBJECT] = { "subject", false },
	[F_FROM] = { "from", true }, [F_SENDER] = { "sender", true },
	[F_REPLY_TO] = { "reply-to", true }, [F_TO] = { "to", true },
	[F_CC] = { "cc", true }, [F_BCC] = { "bcc", true },
	[F_IN_REPLY_TO] = { "in-reply-to", false },
	[F_MESSAGE_ID] = { "message-id", false },
};

struct envelope {
	struct hm_arena *arena;
	struct hm_str value[FIELDS];
	struct hm_buf joined[FIELDS];
};

static void
take_field(struct envelope *env, enum field f, struct hm_str value)
{
	struct hm_str *have = &env->value[f];
	struct hm_buf *joined = &env->joined[f];

	if (!have->p) {
		*have = value;
		return;
	}
	if (!fields[f].list || have->len + value.len > LIST_BYTES_MAX)
		return;
	if (!joined->p)
		hm_buf_str(joined, *have);
	hm_buf_putc(joined, ',');
	hm_buf_str(joined, value);
	*have = hm_buf_view(joined);
}

static void
read_fields(struct envelope *env, struct hm_str header)
{
	struct hm_hdrfield field;

	while (hm_header_next(&header, &field)) {
		if (field.name.len < 2 || field.name.len > 11)
			continue;
		for (int f = 0; f < FIELDS; f++) {
			if (lex_lower(field.name.p[0]) == fields[f].name[0] &&
			    hm_str_caseis(field.name, fields[f].name))
				take_field(env, (enum field)f, field.value);
		}
	}
}

static void
put_address(struct hm_buf *out, const struct hm_hdraddr *addr)
{
	struct hm_str none = { NULL, 0 }, empty = HM_STR("");
	bool mailbox = addr->kind == HM_HDRADDR_MAILBOX;
	struct hm_str box = mailbox ? addr->local : addr->name;

	/* A host that is NIL means a group: an absent one is empty. */
	if (addr->kind == HM_HDRADDR_GROUP_END)
		box = none;
	else if (!box.p)
		box = empty;
	hm_buf_putc(out, '(');
	hm_imap_string(out, mailbox ? addr->name : none);
	put_space(out);
	hm_imap_string(out, mailbox ? addr->route : none);
	put_space(out);
	hm_imap_string(out, box);
	put_space(out);
	hm_imap_string(out, !mailbox ? none : addr->domain.p ? addr->domain
	    : empty);
	hm_buf_putc(out, ')');
}

/* NIL, or the addresses of the field. */
static void
put_addresses(struct hm_buf *out, struct envelope *env, enum field f)
{
	struct hm_hdraddrs list = { 0 };

	if (env->value[f].len > 0)
		hm_hdraddrs_parse(env->arena, env->value[f], &list);
	if (list.n == 0) {
		put_nil(out);
		return;
	}
	hm_buf_putc(out, '(');
	for (size_t i = 0; i < list.n; i++)
		put_address(out, &list.at[i]);
	hm_buf_putc(out, ')');
}

static void
put_text(struct hm_buf *out, struct envelope *env, enum field f)
{
	struct hm_str value = env->value[f];

	if (value.p)
		value = hm_header_unfold(env->arena, value);
	hm_imap_string(out, value);
}

static void
put_envelope(struct hm_buf *out, struct envelope *env)
{
	struct hm_buf from = { 0 };

	hm_buf_putc(out, '(');
	put_text(out, env, F_DATE);
	put_space(out);
	put_text(out, env, F_SUBJECT);
	put_addresses(&from, env, F_FROM);
	for (int f = F_FROM; f <= F_BCC; f++) {
		size_t start = out->len;
		put_space(out);
		if (f != F_FROM)
			put_addresses(out, env, (enum field)f);
		/* Absent or empty ones are those of From. */
		if (f == F_FROM || (f <= F_REPLY_TO &&
		    hm_str_is(hm_str_skip(hm_buf_view(out), start), " NIL"))) {
			out->len = start + 1;
			hm_buf_str(out, hm_buf_view(&from));
		}
	}
	hm_buf_release(&from);
	put_space(out);
	put_text(out, env, F_IN_REPLY_TO);
	put_space(out);
	put_text(out, env, F_MESSAGE_ID);
	hm_buf_putc(out, ')');
}

void
hm_imap_envelope(struct hm_buf *out, struct hm_str header)
{
	struct envelope env = { .arena = hm_arena_new(NULL, "envelope") };

	read_fields(&env, header);
	put_envelope(out, &env);
	for (int f = 0; f < FIELDS; f++)
		hm_buf_release(&env.joined[f]);
	hm_arena_free(env.arena);
}

/* ---- body structure -------------------------------------------------- */

/* Non-ASCII values as RFC 2231 has them: the reader gets back what the sender
 * meant, however it was encoded or not encoded. */
static void
put_param(struct hm_buf *out, const struct hm_param *param)
{
	struct hm_str value = param->value;

	if (hm_str_ascii(value)) {
		hm_imap_string(out, param->name);
		put_space(out);
		hm_imap_string(out, value.p ? value : HM_STR(""));
		return;
	}
	struct hm_buf text = { 0 };
	hm_buf_str(&text, param->name);
	hm_buf_putc(&text, '*');
	hm_imap_string(out, hm_buf_view(&text));
	hm_buf_clear(&text);
	hm_buf_puts(&text, hm_utf8_valid(value) ? "utf-8''" : "windows-1252''");
	for (size_t i = 0; i < value.len; i++) {
		if (lex_is(value.p[i], LEX_ATTR))
			hm_buf_putc(&text, value.p[i]);
		else
			hm_buf_printf(&text, "%%%02X",
			    (unsigned char)value.p[i]);
	}
	put_space(out);
	hm_imap_string(out, hm_buf_view(&text));
	hm_buf_release(&text);
}

static void
put_params(struct hm_buf *out, const struct hm_param *params, size_t n,
    bool need_charset)
{
	for (size_t i = 0; i < n; i++)
		need_charset &= !hm_str_is(params[i].name, "charset");
	if (n == 0 && !need_charset) {
		put_nil(out);
		return;
	}
	hm_buf_putc(out, '(');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			put_space(out);
		put_param(out, &params[i]);
	}
	if (need_charset) /* the default of RFC 2046, 4.1.2 */
		hm_buf_puts(out, n > 0 ? " \"charset\" \"us-ascii\""
		    : "\"charset\" \"us-ascii\"");
	hm_buf_putc(out, ')');
}

static void
put_disposition(struct hm_buf *out, const struct hm_mime_part *p)
{
	if (!p->disposition.p) {
		put_nil(out);
		return;
	}
	hm_buf_putc(out, '(');
	hm_imap_string(out, p->disposition);
	put_space(out);
	put_params(out, p->dparams, p->ndparams, false);
	hm_buf_putc(out, ')');
}

/* Disposition, languages, location: the end of every extended part. */
static void
put_extension(struct hm_buf *out, const struct hm_mime_part *p)
{
	put_space(out);
	put_disposition(out, p);
	put_space(out);
	if (p->nlanguages == 0) {
		put_nil(out);
	} else {
		hm_buf_putc(out, '(');
		for (size_t i = 0; i < p->nlanguages; i++) {
			if (i > 0)
				put_space(out);
			hm_imap_string(out, p->languages[i]);
		}
		hm_buf_putc(out, ')');
	}
	put_space(out);
	hm_imap_string(out, p->location);
}

/* body-fields with type in front (RFC 9051, 9). */
static void
put_basic(struct hm_buf *out, const struct hm_mime_part *p)
{
	bool text = hm_str_is(p->type, "text");

	hm_imap_string(out, p->type);
	put_space(out);
	hm_imap_string(out, p->subtype);
	put_space(out);
	put_params(out, p->params, p->nparams, text);
	put_space(out);
	hm_imap_string(out, p->id.len > 0 ? p->id : (struct hm_str){ NULL, 0 });
	put_space(out);
	hm_imap_string(out, p->description);
	put_space(out);
	hm_imap_string(out, p->encoding.len > 0 ? p->encoding : HM_STR("7bit"));
	put_space(out);
	hm_buf_u64(out, p->end - p->body);
}

/* A body without content, where the grammar asks for one and there is none. */
static void
put_empty_body(struct hm_buf *out, bool extended)
{
	hm_buf_puts(out, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") "
	    "NIL NIL \"7bit\" 0 0");
	hm_buf_puts(out, extended ? " NIL NIL NIL NIL)" : ")");
}

static bool
is_message(const struct hm_mime_part *p)
{
	return hm_str_is(p->type, "message") &&
	    (hm_str_is(p->subtype, "rfc822") || hm_str_is(p->subtype, "global"));
}

/* What stands before the children of a part. */
static void
enter(struct hm_buf *out, struct hm_str message, const struct hm_mime *mime,
    const struct hm_mime_part *p, bool extended)
{
	hm_buf_putc(out, '(');
	if (p->multipart) {
		if (p->first_child == HM_MIME_NONE)
			put_empty_body(out, extended);
		return;
	}
	put_basic(out, p);
	if (!is_message(p))
		return;
	put_space(out);
	struct hm_str header = { NULL, 0 };
	if (p->first_child != HM_MIME_NONE) {
		const struct hm_mime_part *inner = &mime->parts[p->first_child];
		if (inner->header <= inner->body && inner->body <= message.len)
			header = hm_str_n(message.p + inner->header,
			    (size_t)(inner->body - inner->header));
	}
	hm_imap_envelope(out, header);
	put_space(out);
	if (p->first_child == HM_MIME_NONE)
		put_empty_body(out, extended);
}

/* What stands behind them. */
static void
leave(struct hm_buf *out, const struct hm_mime_part *p, bool extended)
{
	if (p->multipart) {
		put_space(out);
		hm_imap_string(out, p->subtype);
		if (extended) {
			put_space(out);
			put_params(out, p->params, p->nparams, false);
		}
	} else {
		if (is_message(p) || hm_str_is(p->type, "text")) {
			put_space(out);
			hm_buf_u64(out, p->body_lines);
		}
		if (extended) {
			put_space(out);
			hm_imap_string(out, p->md5);
		}
	}
	if (extended)
		put_extension(out, p);
	hm_buf_putc(out, ')');
}

void
hm_imap_bodystructure(struct hm_buf *out, struct hm_str message,
    const struct hm_mime *mime, bool extended)
{
	int i = 0;

	for (;;) {
		const struct hm_mime_part *p = &mime->parts[i];
		enter(out, message, mime, p, extended);
		if (p->first_child != HM_MIME_NONE) {
			i = p->first_child;
			continue;
		}
		leave(out, p, extended);
		while (p->next == HM_MIME_NONE) {
			if (p->parent == HM_MIME_NONE)
				return;
			p = &mime->parts[p->parent];
			leave(out, p, extended);
		}
		i = p->next;
	}
}
