/* reply.c - replies of a server: their lines, codes, and what EHLO offers. */
#include "client.h"

void
client_reply_clear(struct client_reply *reply)
{
	reply->code = 0;
	reply->lines = 0;
	reply->whole = false;
	hm_buf_clear(&reply->text);
}

void
client_reply_release(struct client_reply *reply)
{
	hm_buf_release(&reply->text);
}

/* "250-text", "250 text", "250" (RFC 5321, 4.2); all lines have one code. */
int
client_reply_add(struct client_reply *reply, struct hm_str line)
{
	uint32_t code;

	if (reply->lines == REPLY_LINES_MAX)
		return -HM_ELIMIT;
	if (line.len < 3 || hm_str_u32(hm_str_take(line, 3), &code) < 0 ||
	    code < 200 || code > 599 || (line.len > 3 && line.p[3] != ' ' &&
	    line.p[3] != '-'))
		return -HM_ESYNTAX;
	if (reply->lines > 0 && (int)code != reply->code)
		return -HM_ESYNTAX;
	reply->code = (int)code;
	reply->whole = line.len == 3 || line.p[3] == ' ';
	if (reply->lines++ > 0 && reply->text.len < REPLY_TEXT_MAX)
		hm_buf_putc(&reply->text, '\n');
	if (reply->text.len < REPLY_TEXT_MAX)
		hm_buf_str(&reply->text, hm_str_take(line,
		    REPLY_TEXT_MAX - reply->text.len));
	return 0;
}

static bool
digits(struct hm_str s)
{
	uint32_t n;

	return s.len >= 1 && s.len <= 3 && hm_str_u32(s, &n) == 0;
}

struct hm_str
client_reply_esc(const struct client_reply *reply)
{
	struct hm_str text = hm_str_skip(hm_buf_view(&reply->text), 4), esc, rest;
	struct hm_str class, subject;
	size_t n = 0;

	while (n < text.len && text.p[n] != ' ' && text.p[n] != '\n')
		n++;
	esc = rest = hm_str_take(text, n);
	class = hm_str_split(&rest, '.');
	subject = hm_str_split(&rest, '.');
	if (class.len != 1 || class.p[0] != '0' + reply->code / 100 ||
	    !digits(subject) || !digits(rest))
		return (struct hm_str){ 0 };
	return esc;
}

/* ---- EHLO ---- */

static const struct {
	const char *keyword;
	unsigned bit;
} extensions[] = {
	{ "PIPELINING", HM_SMTP_EXT_PIPELINING },
	{ "8BITMIME", HM_SMTP_EXT_8BITMIME },
	{ "SMTPUTF8", HM_SMTP_EXT_SMTPUTF8 },
	{ "SIZE", HM_SMTP_EXT_SIZE },
	{ "STARTTLS", HM_SMTP_EXT_STARTTLS },
	{ "AUTH", HM_SMTP_EXT_AUTH },
	{ "CHUNKING", HM_SMTP_EXT_CHUNKING },
	{ "BINARYMIME", HM_SMTP_EXT_BINARYMIME },
	{ "DSN", HM_SMTP_EXT_DSN },
	{ "ENHANCEDSTATUSCODES", HM_SMTP_EXT_ESC },
	{ "REQUIRETLS", HM_SMTP_EXT_REQUIRETLS },
	{ "LIMITS", HM_SMTP_EXT_LIMITS },
};

static void
read_limits(struct hm_str words, struct client_offer *ret)
{
	while (words.p != NULL) {
		struct hm_str word = hm_str_split(&words, ' ');
		struct hm_str name = hm_str_split(&word, '=');

		if (hm_str_caseis(name, "RCPTMAX"))
			(void)hm_str_u32(word, &ret->max_rcpts);
	}
}

static void
read_line(struct hm_str line, struct client_offer *ret)
{
	struct hm_str rest = hm_str_trim(hm_str_skip(line, 4));
	struct hm_str word = hm_str_split(&rest, ' ');

	for (size_t i = 0; i < HM_ARRAY_LEN(extensions); i++) {
		if (!hm_str_caseis(word, extensions[i].keyword))
			continue;
		ret->extensions |= extensions[i].bit;
		if (extensions[i].bit == HM_SMTP_EXT_SIZE)
			(void)hm_str_u64(hm_str_trim(rest), UINT64_MAX,
			    &ret->max_size);
		else if (extensions[i].bit == HM_SMTP_EXT_AUTH)
			ret->auth = rest;
		else if (extensions[i].bit == HM_SMTP_EXT_LIMITS)
			read_limits(rest, ret);
	}
}

void
client_offer_read(const struct client_reply *ehlo, struct client_offer *ret)
{
	struct hm_str text = hm_buf_view(&ehlo->text);

	*ret = (struct client_offer){ 0 };
	(void)hm_str_split(&text, '\n');     /* the host's name */
	while (text.p != NULL)
		read_line(hm_str_split(&text, '\n'), ret);
}
