/* policy.c - the TXT record and the policy file (RFC 8461, 3). */
#include <hermod/address.h>
#include <hermod/dns.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "sts.h"

static const char *const modes[] = { "none", "testing", "enforce" };

const char *
sts_mode_name(enum hm_sts_mode mode)
{
	return modes[mode];
}

static bool
alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z');
}

static struct hm_str
trim(struct hm_str s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = hm_str_skip(s, 1);
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* ---- the record ---- */

/* "v=STSv1" and a semicolon; what else there is does not count at all. */
static bool
is_record(struct hm_str text)
{
	return hm_str_is(trim(hm_str_split(&text, ';')), "v=STSv1") &&
	    text.p != NULL;
}

static bool
good_id(struct hm_str id)
{
	for (size_t i = 0; i < id.len; i++)
		if (!alnum(id.p[i]))
			return false;
	return id.len > 0 && id.len <= STS_ID_MAX;
}

/* name=value; the name begins with a letter or digit. */
static bool
good_field(struct hm_str field)
{
	ssize_t equals = hm_str_chr(field, '=');

	if (equals <= 0 || equals > 32 || !alnum(field.p[0]) ||
	    (size_t)equals + 1 == field.len)
		return false;
	for (size_t i = 0; i < field.len; i++)
		if (field.p[i] < '!' || field.p[i] > '~' ||
		    (i > (size_t)equals && field.p[i] == '='))
			return false;
	return true;
}

static int
read_record(struct hm_str text, struct hm_str *ret_id)
{
	struct hm_str id = { 0 }, field;

	(void)hm_str_split(&text, ';');
	while (text.p != NULL) {
		field = trim(hm_str_split(&text, ';'));
		if (field.len == 0 && text.p == NULL)
			break;                 /* a semicolon at the end */
		if (!good_field(field))
			return -HM_ESYNTAX;
		if (hm_str_starts(field, HM_STR("id=")) && id.p == NULL)
			id = hm_str_skip(field, 3);
	}
	if (!good_id(id))
		return -HM_ESYNTAX;
	*ret_id = id;
	return 0;
}

int
sts_record_id(const struct hm_dns_answer *txt, struct hm_str *ret_id)
{
	int r = -HM_ENOENT;

	for (size_t i = 0; i < txt->n; i++) {
		struct hm_str text = txt->rr[i].txt.text;

		if (!is_record(text))
			continue;
		if (r != -HM_ENOENT)
			return -HM_ESYNTAX;
		r = read_record(text, ret_id);
	}
	return r;
}

/* ---- the policy ---- */

struct reading {
	struct hm_arena *arena;
	struct sts_policy *policy;
	struct hm_str *mx;
	bool version, mode, max_age;
	struct hm_err *err;
};

static int
wrong(struct reading *r, const char *what, struct hm_str value)
{
	return hm_err_set(r->err, -HM_ESYNTAX, "the policy's %s is wrong: %.*s",
	    what, HM_FMT(hm_str_take(value, 100)));
}

static int
read_mode(struct reading *r, struct hm_str value)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(modes); i++) {
		if (!hm_str_is(value, modes[i]))
			continue;
		r->policy->mode = (enum hm_sts_mode)i;
		return 0;
	}
	return wrong(r, "mode", value);
}

static int
read_max_age(struct reading *r, struct hm_str value)
{
	uint64_t n;
	int rc = hm_str_u64(value, STS_MAX_AGE_S, &n);

	if (rc == -HM_ELIMIT)
		n = STS_MAX_AGE_S;
	else if (rc < 0)
		return wrong(r, "max_age", value);
	r->policy->max_age_s = n < STS_MIN_AGE_S ? STS_MIN_AGE_S : (uint32_t)n;
	return 0;
}

/* U-labels are read, too, though they should not be there. */
static int
read_mx(struct reading *r, struct hm_str value)
{
	bool wild = hm_str_starts(value, HM_STR("*."));
	struct hm_str name = hm_str_skip(value, wild ? 2 : 0), ascii;

	if (name.len > 0 && name.p[name.len - 1] == '.')
		name.len--;
	if (hm_str_chr(name, '*') >= 0 ||
	    hm_domain_ascii(r->arena, name, &ascii, NULL) < 0)
		return wrong(r, "mx", value);
	if (r->policy->nmx == STS_MX_MAX)
		return hm_err_set(r->err, -HM_ELIMIT,
		    "the policy names more than %d hosts", STS_MX_MAX);
	r->mx[r->policy->nmx++] = wild ? hm_str(hm_printf(r->arena, "*.%.*s",
	    HM_FMT(ascii))) : ascii;
	return 0;
}

/* Of a key that may be there once the first counts; others mean nothing. */
static int
read_line(struct reading *r, struct hm_str line)
{
	ssize_t colon = hm_str_chr(line, ':');
	struct hm_str key, value;

	if (colon <= 0)
		return wrong(r, "line", line);
	key = trim(hm_str_take(line, (size_t)colon));
	value = trim(hm_str_skip(line, (size_t)colon + 1));
	if (hm_str_is(key, "mx"))
		return read_mx(r, value);
	if (hm_str_is(key, "version") && !r->version) {
		r->version = true;
		return hm_str_is(value, "STSv1") ? 0 :
		    wrong(r, "version", value);
	}
	if (hm_str_is(key, "mode") && !r->mode) {
		r->mode = true;
		return read_mode(r, value);
	}
	if (hm_str_is(key, "max_age") && !r->max_age) {
		r->max_age = true;
		return read_max_age(r, value);
	}
	return 0;
}

static bool
has_control(struct hm_str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') ||
		    line.p[i] == 127)
			return true;
	return false;
}

static int
missing(const struct reading *r)
{
	const char *what = !r->version ? "version" : !r->mode ? "mode" :
	    !r->max_age ? "max_age" :
	    r->policy->mode != HM_STS_NONE && r->policy->nmx == 0 ? "mx" : NULL;

	return what == NULL ? 0 : hm_err_set(r->err, -HM_ESYNTAX,
	    "the policy has no %s", what);
}

/* Lines end with CRLF or LF. */
int
sts_policy_parse(struct hm_arena *arena, struct hm_str text,
    struct sts_policy *ret, struct hm_err *reterr)
{
	struct sts_policy policy = { 0 };
	struct reading r = { .arena = arena, .policy = &policy, .err = reterr };
	struct hm_buf lines = { 0 };
	int rc = 0;

	if (text.len > STS_BYTES_MAX)
		return hm_err_set(reterr, -HM_ELIMIT, "the policy is too large");
	if (!hm_utf8_valid(text))
		return hm_err_set(reterr, -HM_ESYNTAX, "the policy is no text");
	r.mx = hm_alloc_array(arena, STS_MX_MAX, sizeof(*r.mx));
	policy.mx = r.mx;
	while (text.len > 0 && rc == 0) {
		struct hm_str line = hm_str_split(&text, '\n');

		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		if (line.len > STS_LINE_MAX || has_control(line))
			rc = hm_err_set(reterr, -HM_ESYNTAX, "the policy is no "
			    "text: a line of it is too long or has control "
			    "characters");
		else if (trim(line).len > 0)
			rc = read_line(&r, trim(line));
		if (trim(line).len > 0)
			hm_buf_printf(&lines, "%s%.*s", lines.len > 0 ? "\n" :
			    "", HM_FMT(trim(line)));
	}
	if (rc == 0)
		rc = missing(&r);
	policy.text = hm_str_dup(arena, hm_buf_view(&lines));
	hm_buf_release(&lines);
	if (rc == 0)
		*ret = policy;
	return rc;
}

/* A wildcard stands for exactly one label, the leftmost (RFC 8461, 4.1). */
static bool
covers(struct hm_str pattern, struct hm_str host)
{
	ssize_t dot = hm_str_chr(host, '.');

	if (!hm_str_starts(pattern, HM_STR("*.")))
		return hm_str_caseeq(pattern, host);
	return dot > 0 && hm_str_caseeq(hm_str_skip(pattern, 1),
	    hm_str_skip(host, (size_t)dot));
}

bool
sts_policy_allows(const struct sts_policy *policy, struct hm_str host)
{
	for (size_t i = 0; i < policy->nmx; i++)
		if (covers(policy->mx[i], host))
			return true;
	return false;
}
