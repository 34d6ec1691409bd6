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
