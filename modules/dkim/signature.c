/* signature.c - the field DKIM-Signature, and whether it may be believed before
 * anybody has asked for its key (RFC 6376, 3.5 and 6.1.1).
 */
#include <string.h>

#include <libpsl.h>

#include "verify.h"

/* ---- one tag each ---- */

struct parsing {
	struct hm_arena *arena;
	struct dkim_signature *sig;
	const struct dkim_tag *tag;
};

static const char *
take_version(struct parsing *p)
{
	p->sig->current = hm_str_is(p->tag->value, "1");
	return NULL;
}

static const char *
take_domain(struct parsing *p)
{
	return dkim_name(p->arena, p->tag->value, &p->sig->domain) < 0 ?
	    "d= is no domain" : NULL;
}

static const char *
take_selector(struct parsing *p)
{
	return dkim_name(p->arena, p->tag->value, &p->sig->selector) < 0 ?
	    "s= is no selector" : NULL;
}

static const char *
take_algorithm(struct parsing *p)
{
	static const struct {
		const char *name;
		enum dkim_kind kind;
		enum dkim_hash hash;
	} known[] = {
		{ "rsa-sha256", DKIM_RSA, DKIM_SHA256 },
		{ "rsa-sha1", DKIM_RSA, DKIM_SHA1 },
		{ "ed25519-sha256", DKIM_ED25519, DKIM_SHA256 },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(known); i++) {
		if (!hm_str_caseis(p->tag->value, known[i].name))
			continue;
		p->sig->algorithm = known[i].name;
		p->sig->kind = known[i].kind;
		p->sig->hash = known[i].hash;
		return NULL;
	}
	return "a= is an algorithm nobody knows";
}

static bool
take_form(struct hm_str word, enum dkim_form *ret)
{
	word = hm_str_trim(word);
	*ret = hm_str_caseis(word, "relaxed") ? DKIM_RELAXED : DKIM_SIMPLE;
	return *ret == DKIM_RELAXED || hm_str_caseis(word, "simple");
}

static const char *
take_forms(struct parsing *p)
{
	struct hm_str rest = p->tag->value;
	bool good = take_form(hm_str_split(&rest, '/'), &p->sig->header);

	if (rest.p != NULL)
		good = take_form(rest, &p->sig->body) && good;
	return good ? NULL : "c= is a canonical form nobody knows";
}

static const char *
take_names(struct parsing *p)
{
	struct hm_str rest = p->tag->value;
	size_t n = 1;
	struct hm_str *names;

	for (size_t i = 0; i < rest.len; i++)
		n += rest.p[i] == ':';
	if (n > DKIM_NAMES_MAX)
		return "h= has more than 1,000 names";
	names = hm_alloc_array(p->arena, n, sizeof(*names));
	for (size_t i = 0; i < n; i++) {
		names[i] = hm_str_trim(hm_str_split(&rest, ':'));
		for (size_t k = 0; k < names[i].len; k++)
			if (names[i].p[k] <= ' ' || names[i].p[k] > '~')
				return "h= has what is no name of a field";
		if (names[i].len == 0)
			return "h= has an empty name";
	}
	p->sig->names = names;
	p->sig->nnames = n;
	return NULL;
}

static const char *
take_signature(struct parsing *p)
{
	p->sig->b = p->tag->whole;
	if (dkim_base64(p->arena, p->tag->value, &p->sig->signature) < 0)
		return "b= is no base64";
	return p->sig->signature.len > 0 ? NULL : "b= is empty";
}

static const char *
take_body_hash(struct parsing *p)
{
	return dkim_base64(p->arena, p->tag->value, &p->sig->body_hash) < 0 ?
	    "bh= is no base64" : NULL;
}

static const char *
take_length(struct parsing *p)
{
	struct hm_str digits = p->tag->value;

	p->sig->limited = true;
	for (size_t i = 0; i < digits.len; i++)
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return "l= is no number";
	return digits.len > 0 && digits.len <= 76 ? NULL : "l= is no number";
}

/* At most twelve digits (RFC 6376, 3.5): no sum with it overflows. */
static const char *
take_time(struct parsing *p, int64_t *ret, const char *fault)
{
	uint64_t n;

	if (hm_str_u64(p->tag->value, 999999999999, &n) < 0)
		return fault;
	*ret = (int64_t)n;
	return NULL;
}

static const char *
take_made(struct parsing *p)
{
	return take_time(p, &p->sig->made_s, "t= is no moment");
}

static const char *
take_expires(struct parsing *p)
{
	return take_time(p, &p->sig->expires_s, "x= is no moment");
}

static const char *
take_query(struct parsing *p)
{
	p->sig->query = p->tag->value;
	return NULL;
}

static int
hex(char c)
{
	ssize_t at = hm_str_casefind(HM_STR("0123456789abcdef"), hm_str_n(&c, 1));

	return (int)at;
}

/* dkim-quoted-printable (RFC 6376, 2.11), of which white space is no part. */
static int
unquote(struct hm_buf *out, struct hm_str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (hm_str_chr(HM_STR(" \t\r\n"), text.p[i]) >= 0)
			continue;
		if (text.p[i] != '=') {
			hm_buf_putc(out, text.p[i]);
			continue;
		}
		if (text.len - i < 3 || hex(text.p[i + 1]) < 0 ||
		    hex(text.p[i + 2]) < 0)
			return -HM_ESYNTAX;
		hm_buf_putc(out, (char)(hex(text.p[i + 1]) << 4 |
		    hex(text.p[i + 2])));
		i += 2;
	}
	return 0;
}

static const char *
take_identity(struct parsing *p)
{
	struct hm_buf plain = { 0 };
	ssize_t at = -1;
	int r = unquote(&plain, p->tag->value);

	if (r == 0)
		at = hm_str_rchr(hm_buf_view(&plain), '@');
	if (at >= 0)
		r = dkim_name(p->arena, hm_str_skip(hm_buf_view(&plain),
		    (size_t)at + 1), &p->sig->identity);
	hm_buf_release(&plain);
	return at < 0 || r < 0 ? "i= is no address" : NULL;
}

/* ---- all of them; first what names the signature in a report ---- */

static const struct {
	const char *name;
	const char *(*take)(struct parsing *p);
	const char *missing;           /* NULL: it may be */
} tags_known[] = {
	{ "d", take_domain, "it has no d=" },
	{ "s", take_selector, "it has no s=" },
	{ "a", take_algorithm, "it has no a=" },
	{ "v", take_version, NULL },
	{ "b", take_signature, "it has no b=" },
	{ "bh", take_body_hash, "it has no bh=" },
	{ "h", take_names, "it has no h=" },
	{ "c", take_forms, NULL },
	{ "i", take_identity, NULL },
	{ "l", take_length, NULL },
	{ "q", take_query, NULL },
	{ "t", take_made, NULL },
	{ "x", take_expires, NULL },
};

const char *
dkim_signature_parse(struct hm_arena *arena, struct hm_str value,
    struct dkim_signature *ret)
{
	struct dkim_tags *tags = hm_new(arena, struct dkim_tags);
	struct parsing p = { .arena = arena, .sig = ret };
	const char *first, *why;

	*ret = (struct dkim_signature){ .header = DKIM_SIMPLE,
	    .body = DKIM_SIMPLE, .made_s = -1, .expires_s = -1 };
	if (value.len > DKIM_VALUE_MAX)
		return "it is longer than 64 KiB";
	first = dkim_tags_parse(value, tags);
	if (first != NULL)
		return first;
	for (size_t i = 0; i < HM_ARRAY_LEN(tags_known); i++) {
		p.tag = NULL;
		for (size_t k = 0; k < tags->n; k++)
			if (hm_str_is(tags->at[k].name, tags_known[i].name))
				p.tag = &tags->at[k];
		why = p.tag != NULL ? tags_known[i].take(&p) :
		    tags_known[i].missing;
		first = first != NULL ? first : why;
	}
	if (ret->identity.p == NULL)
		ret->identity = ret->domain;
	return first;
}

/* ---- whether it may be believed ---- */

bool
dkim_signs_name(const struct dkim_signature *sig, const char *name)
{
	for (size_t i = 0; i < sig->nnames; i++)
		if (hm_str_caseis(sig->names[i], name))
			return true;
	return false;
}

static bool
at_or_below(struct hm_str name, struct hm_str domain)
{
	return hm_str_eq(name, domain) || (name.len > domain.len &&
	    hm_str_ends(name, domain) &&
	    name.p[name.len - domain.len - 1] == '.');
}

/* Who lets others have names below his own must not speak for them. The private
 * part of the list names single owners, who may sign what is theirs. */
static bool
is_public(const struct dkim_rules *rules, struct hm_str domain)
{
	char name[HM_DNS_NAME_BYTES + 1];

	if (hm_str_chr(domain, '.') < 0)
		return true;
	if (rules->psl == NULL || domain.len >= sizeof(name))
		return false;
	memcpy(name, domain.p, domain.len);
	name[domain.len] = '\0';
	return psl_is_public_suffix2(rules->psl, name, PSL_TYPE_ICANN) != 0;
}

const char *
dkim_signature_fault(const struct dkim_signature *sig,
    const struct dkim_rules *rules)
{
	if (!sig->current && !rules->drafts)
		return "its version is not 1 (v=)";
	if (!dkim_signs_name(sig, "From"))
		return "it does not sign From";
	if (sig->expires_s >= 0 && sig->expires_s <= sig->made_s)
		return "it expired before it was made";
	if (sig->expires_s >= 0 && sig->expires_s < rules->now_s)
		return "it has expired";
	if (sig->hash == DKIM_SHA1 && !rules->sha1)
		return "rsa-sha1 is not taken (RFC 8301)";
	if (sig->body_hash.len != (sig->hash == DKIM_SHA1 ? 20 : 32))
		return "bh= is not as long as a hash";
	if (sig->query.p != NULL && !dkim_list_has(sig->query, "dns/txt"))
		return "q= is a way to ask for keys nobody knows";
	if (is_public(rules, sig->domain))
		return "d= is a domain below which anybody may have one";
	if (!at_or_below(sig->identity, sig->domain))
		return "the domain of i= is not d= or below";
	return NULL;
}

const char *
dkim_signature_policy(const struct dkim_signature *sig,
    const struct dkim_rules *rules)
{
	if (sig->limited)
		return "it lets the body grow (l=)";
	if (!dkim_signs_name(sig, "Subject"))
		return "it does not sign Subject";
	if (sig->made_s > rules->now_s + DKIM_SKEW_S)
		return "it was made in the future";
	return NULL;
}
