/* command.c - the grammar of SMTP commands (RFC 5321, 4.1). */
#include <hermod/arena.h>

#include "smtp.h"

static const struct {
	const char *name;
	enum smtp_verb verb;
} verbs[] = {
	{ "HELO", SMTP_HELO }, { "EHLO", SMTP_EHLO },
	{ "STARTTLS", SMTP_STARTTLS }, { "AUTH", SMTP_AUTH },
	{ "MAIL", SMTP_MAIL }, { "RCPT", SMTP_RCPT }, { "DATA", SMTP_DATA },
	{ "BDAT", SMTP_BDAT }, { "RSET", SMTP_RSET }, { "NOOP", SMTP_NOOP },
	{ "VRFY", SMTP_VRFY }, { "EXPN", SMTP_EXPN }, { "HELP", SMTP_HELP },
	{ "QUIT", SMTP_QUIT },
};

enum smtp_verb
smtp_parse_verb(struct hm_str line, struct hm_str *ret_rest)
{
	ssize_t blank = hm_str_chr(line, ' ');
	struct hm_str word = blank < 0 ? line : hm_str_take(line, blank);

	*ret_rest = blank < 0 ? HM_STR("") : hm_str_skip(line, blank + 1);
	for (size_t i = 0; i < HM_ARRAY_LEN(verbs); i++)
		if (hm_str_caseis(word, verbs[i].name))
			return verbs[i].verb;
	return SMTP_UNKNOWN;
}

int
smtp_parse_keyword(struct hm_str rest, const char *keyword, bool pedantic,
    struct hm_str *ret)
{
	struct hm_str key = hm_str(keyword);

	if (!hm_str_casestarts(rest, key))
		return -HM_ESYNTAX;
	rest = hm_str_skip(rest, key.len);
	/* Outlook writes a blank behind the colon. */
	if (!pedantic && rest.len > 0 && rest.p[0] == ' ')
		rest = hm_str_skip(rest, 1);
	*ret = rest;
	return 0;
}

/* One mistake of MAIL's parameters, with the reply that tells it. */
struct complaint {
	int *code;
	const char **esc;
	struct hm_err *err;
};

static int
complain(const struct complaint *c, int code, const char *esc, const char *text)
{
	*c->code = code;
	*c->esc = esc;
	return hm_err_set(c->err, -HM_ESYNTAX, "%s", text);
}

static int
param_size(struct hm_str value, uint64_t max, struct smtp_mail_params *ret,
    const struct complaint *c)
{
	int r = hm_str_u64(value, UINT64_MAX, &ret->size);

	if (value.len > 20 || r == -HM_ESYNTAX)
		return complain(c, 501, "5.5.4", "SIZE wants a number of octets");
	if (r < 0 || ret->size > max)
		return complain(c, 552, "5.3.4",
		    "message is larger than this server takes");
	return 0;
}

static int
param_body(struct hm_str value, struct smtp_mail_params *ret,
    const struct complaint *c)
{
	if (hm_str_caseis(value, "7BIT"))
		ret->body = SMTP_BODY_7BIT;
	else if (hm_str_caseis(value, "8BITMIME"))
		ret->body = SMTP_BODY_8BITMIME;
	else if (hm_str_caseis(value, "BINARYMIME"))
		ret->body = SMTP_BODY_BINARY;
	else
		return complain(c, 501, "5.5.4",
		    "BODY is 7BIT, 8BITMIME or BINARYMIME");
	return 0;
}

/* AUTH names the original submitter (RFC 4954, 5). We trust nobody to say, so
 * it is checked and dropped. */
static int
param_auth(struct hm_str value, const struct complaint *c)
{
	struct hm_buf mailbox = { 0 };
	int r = hm_xtext_decode(&mailbox, value);

	hm_buf_release(&mailbox);
	if (r < 0 || value.len == 0)
		return complain(c, 501, "5.5.4", "AUTH wants xtext or <>");
	return 0;
}

int
smtp_parse_mail_params(struct hm_str params, uint64_t max_size,
    struct smtp_mail_params *ret, int *ret_code, const char **ret_esc,
    struct hm_err *reterr)
{
	enum { SIZE = 1, BODY = 2, UTF8 = 4, AUTH = 8 };
	const struct complaint c = { ret_code, ret_esc, reterr };
	unsigned seen = 0;
	int r = 0;

	*ret = (struct smtp_mail_params){ 0 };
	while (params.len > 0 && r == 0) {
		struct hm_str word = hm_str_split(&params, ' ');
		struct hm_str name = hm_str_split(&word, '=');
		bool has_value = word.p != NULL;
		unsigned bit;

		if (name.len == 0 && !has_value)
			continue;
		bit = hm_str_caseis(name, "SIZE") ? SIZE :
		    hm_str_caseis(name, "BODY") ? BODY :
		    hm_str_caseis(name, "SMTPUTF8") ? UTF8 :
		    hm_str_caseis(name, "AUTH") ? AUTH : 0;
		if (bit == 0)
			return complain(&c, 555, "5.5.4", "unknown parameter");
		if (seen & bit)
			return complain(&c, 501, "5.5.4", "parameter given twice");
		if (has_value == (bit == UTF8))
			return complain(&c, 501, "5.5.4", has_value ?
			    "SMTPUTF8 takes no value" : "parameter lacks its value");
		seen |= bit;
		if (bit == SIZE)
			r = param_size(word, max_size, ret, &c);
		else if (bit == BODY)
			r = param_body(word, ret, &c);
		else if (bit == AUTH)
			r = param_auth(word, &c);
		else
			ret->smtputf8 = true;
	}
	return r;
}

int
smtp_parse_bdat(struct hm_str rest, uint64_t *ret_size, bool *ret_last)
{
	struct hm_str size = hm_str_split(&rest, ' ');
	int r = hm_str_u64(size, INT64_MAX, ret_size);

	rest = hm_str_trim(rest);
	*ret_last = hm_str_caseis(rest, "LAST");
	if (r < 0 || (rest.len > 0 && !*ret_last))
		return -HM_ESYNTAX;
	return 0;
}

static bool
literal_valid(struct hm_str name)
{
	struct hm_sockaddr addr;
	struct hm_str inner = hm_str_skip(hm_str_take(name, name.len - 1), 1);
	bool v6 = hm_str_casestarts(inner, HM_STR("IPv6:"));

	if (v6)
		inner = hm_str_skip(inner, 5);
	/* A port, or brackets in brackets, is no address literal. */
	if (hm_str_chr(inner, '[') >= 0 || (!v6 && hm_str_chr(inner, ':') >= 0))
		return false;
	return hm_sockaddr_parse(inner, &addr) == 0 &&
	    addr.family == (v6 ? 6 : 4);
}

static bool
label_byte(char c, bool pedantic)
{
	unsigned char u = (unsigned char)c;

	return (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') ||
	    (u >= 'A' && u <= 'Z') || u == '-' || u == '.' || u >= 0x80 ||
	    (!pedantic && u == '_');
}

bool
smtp_helo_valid(struct hm_str name, bool pedantic)
{
	if (name.len == 0 || name.len > 255 || !hm_utf8_valid(name))
		return false;
	if (name.p[0] == '[' && name.p[name.len - 1] == ']')
		return literal_valid(name);
	if (name.p[0] == '.' || name.p[0] == '-' ||
	    hm_str_find(name, HM_STR("..")) >= 0)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!label_byte(name.p[i], pedantic))
			return false;
	return true;
}
