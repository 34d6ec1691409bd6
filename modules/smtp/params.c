/* params.c - the parameters of MAIL and RCPT, each with its RFC. */
#include "smtp.h"

enum { ENVID_MAX = 100, ORCPT_MAX = 500 };

/* A mistake, with the reply that tells it. */
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

static bool
xtext_valid(struct hm_str value, size_t max)
{
	struct hm_buf plain = { 0 };
	int r = value.len == 0 || value.len > max ? -HM_ESYNTAX :
	    hm_xtext_decode(&plain, value);

	hm_buf_release(&plain);
	return r == 0;
}

/* ---- MAIL ---- */

struct mail {
	const struct smtp_offer *offer;
	struct smtp_mail_params *ret;
	struct complaint c;
};

/* RFC 1870 */
static int
mail_size(struct mail *m, struct hm_str value)
{
	int r = hm_str_u64(value, UINT64_MAX, &m->ret->size);

	if (value.len > 20 || r == -HM_ESYNTAX)
		return complain(&m->c, 501, "5.5.4",
		    "SIZE wants a number of octets");
	if (r < 0 || m->ret->size > m->offer->max_size)
		return complain(&m->c, 552, "5.3.4",
		    "message is larger than this server takes");
	return 0;
}

/* RFC 6152, RFC 3030 */
static int
mail_body(struct mail *m, struct hm_str value)
{
	if (hm_str_caseis(value, "7BIT"))
		m->ret->body = SMTP_BODY_7BIT;
	else if (hm_str_caseis(value, "8BITMIME"))
		m->ret->body = SMTP_BODY_8BITMIME;
	else if (hm_str_caseis(value, "BINARYMIME"))
		m->ret->body = SMTP_BODY_BINARY;
	else
		return complain(&m->c, 501, "5.5.4",
		    "BODY is 7BIT, 8BITMIME or BINARYMIME");
	return 0;
}

/* AUTH names the original submitter (RFC 4954, 5). We trust nobody to say, so
 * it is checked and dropped. */
static int
mail_auth(struct mail *m, struct hm_str value)
{
	return xtext_valid(value, 500) ? 0 :
	    complain(&m->c, 501, "5.5.4", "AUTH wants xtext or <>");
}

/* RFC 6531 */
static int
mail_utf8(struct mail *m, struct hm_str value)
{
	(void)value;
	m->ret->smtputf8 = true;
	return 0;
}

/* RFC 8689 */
static int
mail_requiretls(struct mail *m, struct hm_str value)
{
	(void)value;
	m->ret->requiretls = true;
	return 0;
}

/* RFC 3461, 4.3 and 4.4 */
static int
mail_ret(struct mail *m, struct hm_str value)
{
	m->ret->ret = hm_str_caseis(value, "FULL") ? HM_RET_FULL :
	    hm_str_caseis(value, "HDRS") ? HM_RET_HDRS : HM_RET_DEFAULT;
	return m->ret->ret != HM_RET_DEFAULT ? 0 :
	    complain(&m->c, 501, "5.5.4", "RET is FULL or HDRS");
}

static int
mail_envid(struct mail *m, struct hm_str value)
{
	if (!xtext_valid(value, ENVID_MAX))
		return complain(&m->c, 501, "5.5.4",
		    "ENVID is xtext of at most 100 characters");
	m->ret->envid = value;
	return 0;
}

/* RFC 4865, 4 */
static int
hold(struct mail *m, int64_t seconds)
{
	if (m->ret->hold_s != 0)
		return complain(&m->c, 501, "5.5.4",
		    "HOLDFOR and HOLDUNTIL exclude each other");
	if (seconds <= 0)
		return complain(&m->c, 554, "5.5.4",
		    "the time of release has passed");
	if (seconds > m->offer->max_hold_s)
		return complain(&m->c, 554, "5.5.4",
		    "the time of release is too far away");
	m->ret->hold_s = seconds;
	return 0;
}

static int
mail_holdfor(struct mail *m, struct hm_str value)
{
	uint64_t seconds;

	if (hm_str_u64(value, 999999999, &seconds) < 0)
		return complain(&m->c, 501, "5.5.4",
		    "HOLDFOR wants a number of seconds");
	return hold(m, (int64_t)seconds);
}

/* Digits up to a separator (0: the end), as a number within bounds. */
static bool
take_number(struct hm_str *in, char end, uint32_t min, uint32_t max, int *ret)
{
	struct hm_str word = end != 0 ? hm_str_split(in, end) : *in;
	uint32_t n;

	if (hm_str_u32(word, &n) < 0 || n < min || n > max)
		return false;
	*ret = (int)n;
	return true;
}

/* "2026-11-28T12:00:00Z" or with an offset (RFC 3339). */
static bool
parse_date_time(struct hm_str in, int64_t *ret_unix_s)
{
	struct hm_tm tm = { 0 };
	int year, sign, hours = 0, minutes = 0;
	struct hm_str zone;
	ssize_t at;

	if (!take_number(&in, '-', 1970, 9999, &year) ||
	    !take_number(&in, '-', 1, 12, &tm.mon) ||
	    !take_number(&in, 'T', 1, 31, &tm.day) ||
	    !take_number(&in, ':', 0, 23, &tm.hour) ||
	    !take_number(&in, ':', 0, 59, &tm.min) || in.len < 3)
		return false;
	zone = hm_str_skip(in, 2);
	in = hm_str_take(in, 2);
	if (!take_number(&in, 0, 0, 60, &tm.sec))
		return false;
	if (zone.p[0] == '.')       /* fractions of a second */
		for (zone = hm_str_skip(zone, 1); zone.len > 0 &&
		    zone.p[0] >= '0' && zone.p[0] <= '9';)
			zone = hm_str_skip(zone, 1);
	at = zone.len > 0 && (zone.p[0] == '+' || zone.p[0] == '-');
	sign = zone.len > 0 && zone.p[0] == '-' ? -1 : 1;
	zone = hm_str_skip(zone, at ? 1 : 0);
	if (at ? !take_number(&zone, ':', 0, 23, &hours) ||
	    !take_number(&zone, 0, 0, 59, &minutes) :
	    !hm_str_caseis(zone, "Z"))
		return false;
	tm.year = year;
	tm.zone_min = sign * (hours * 60 + minutes);
	*ret_unix_s = hm_tm_to_unix(&tm);
	return true;
}

static int
mail_holduntil(struct mail *m, struct hm_str value)
{
	int64_t until;

	if (!parse_date_time(value, &until))
		return complain(&m->c, 501, "5.5.4",
		    "HOLDUNTIL wants a time such as 2026-11-28T12:00:00Z");
	return hold(m, until - m->offer->now_s);
}

static const struct mail_param {
	const char *name;
	bool value;
	unsigned needs;                /* enum smtp_offers */
	int (*take)(struct mail *m, struct hm_str value);
} mail_params[] = {
	{ "SIZE", true, 0, mail_size },
	{ "BODY", true, 0, mail_body },
	{ "SMTPUTF8", false, 0, mail_utf8 },
	{ "AUTH", true, 0, mail_auth },
	{ "REQUIRETLS", false, SMTP_OFFERS_REQUIRETLS, mail_requiretls },
	{ "RET", true, SMTP_OFFERS_DSN, mail_ret },
	{ "ENVID", true, SMTP_OFFERS_DSN, mail_envid },
	{ "HOLDFOR", true, SMTP_OFFERS_HOLD, mail_holdfor },
	{ "HOLDUNTIL", true, SMTP_OFFERS_HOLD, mail_holduntil },
};

int
smtp_parse_mail_params(struct hm_str params, const struct smtp_offer *offer,
    struct smtp_mail_params *ret, int *ret_code, const char **ret_esc,
    struct hm_err *reterr)
{
	struct mail m = { offer, ret, { ret_code, ret_esc, reterr } };
	unsigned seen = 0;
	int r = 0;

	*ret = (struct smtp_mail_params){ 0 };
	while (params.len > 0 && r == 0) {
		struct hm_str word = hm_str_split(&params, ' ');
		struct hm_str name = hm_str_split(&word, '=');
		const struct mail_param *p = NULL;

		if (name.len == 0 && word.p == NULL)
			continue;
		for (size_t i = 0; i < HM_ARRAY_LEN(mail_params); i++)
			if (hm_str_caseis(name, mail_params[i].name))
				p = &mail_params[i];
		if (p == NULL || (p->needs & ~offer->offers) != 0)
			return complain(&m.c, 555, "5.5.4", "unknown parameter");
		if (seen & 1u << (p - mail_params))
			return complain(&m.c, 501, "5.5.4",
			    "parameter given twice");
		if (p->value != (word.p != NULL))
			return complain(&m.c, 501, "5.5.4", p->value ?
			    "parameter lacks its value" :
			    "this parameter takes no value");
		seen |= 1u << (p - mail_params);
		r = p->take(&m, word);
	}
	return r;
}

/* ---- RCPT ---- */

static int
rcpt_notify(struct hm_str value, struct smtp_rcpt_params *ret)
{
	while (value.p != NULL) {
		struct hm_str word = hm_str_split(&value, ',');
		unsigned bit = hm_str_caseis(word, "NEVER") ? HM_NOTIFY_NEVER :
		    hm_str_caseis(word, "SUCCESS") ? HM_NOTIFY_SUCCESS :
		    hm_str_caseis(word, "FAILURE") ? HM_NOTIFY_FAILURE :
		    hm_str_caseis(word, "DELAY") ? HM_NOTIFY_DELAY : 0;

		if (bit == 0 || (ret->notify & bit))
			return -HM_ESYNTAX;
		ret->notify |= bit;
	}
	/* NEVER stands alone (RFC 3461, 4.1). */
	return (ret->notify & HM_NOTIFY_NEVER) &&
	    ret->notify != HM_NOTIFY_NEVER ? -HM_ESYNTAX : 0;
}

/* "rfc822;" or another type, then xtext (RFC 3461, 4.2). */
static int
rcpt_orcpt(struct hm_str value, struct smtp_rcpt_params *ret)
{
	ssize_t at = hm_str_chr(value, ';');

	if (at <= 0 || value.len > ORCPT_MAX ||
	    !xtext_valid(hm_str_skip(value, (size_t)at + 1), ORCPT_MAX))
		return -HM_ESYNTAX;
	for (ssize_t i = 0; i < at; i++)
		if (value.p[i] <= ' ' || value.p[i] >= 0x7f)
			return -HM_ESYNTAX;
	ret->orcpt = value;
	return 0;
}

int
smtp_parse_rcpt_params(struct hm_str params, const struct smtp_offer *offer,
    struct smtp_rcpt_params *ret, int *ret_code, const char **ret_esc,
    struct hm_err *reterr)
{
	const struct complaint c = { ret_code, ret_esc, reterr };
	int r = 0;

	*ret = (struct smtp_rcpt_params){ 0 };
	while (params.len > 0 && r == 0) {
		struct hm_str word = hm_str_split(&params, ' ');
		struct hm_str name = hm_str_split(&word, '=');
		bool notify = hm_str_caseis(name, "NOTIFY");

		if (name.len == 0 && word.p == NULL)
			continue;
		if (!(offer->offers & SMTP_OFFERS_DSN) ||
		    (!notify && !hm_str_caseis(name, "ORCPT")))
			return complain(&c, 555, "5.5.4", "unknown parameter");
		if (notify ? ret->notify != 0 : ret->orcpt.p != NULL)
			return complain(&c, 501, "5.5.4",
			    "parameter given twice");
		r = notify ? rcpt_notify(word, ret) : rcpt_orcpt(word, ret);
	}
	return r == 0 ? 0 : complain(&c, 501, "5.5.4",
	    "NOTIFY is NEVER or a list of SUCCESS, FAILURE and DELAY; ORCPT is "
	    "a type, \";\" and xtext");
}
