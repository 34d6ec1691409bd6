/* address.c - addresses of the SMTP envelope (RFC 5321, 4.1.2; RFC 6531, 3.3). */
#include <hermod/address.h>

#include <arpa/inet.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "lex.h"

enum {
	PATH_MAX_OCTETS = 256,     /* RFC 5321, 4.5.3.1.3, with the brackets */
	LOCAL_MAX_OCTETS = 128,    /* twice the RFC's; lists encode in it */
	LOCAL_MAX_PEDANTIC = 64,   /* RFC 5321, 4.5.3.1.1 */
	DOMAIN_MAX_OCTETS = 255,
};

static const struct hm_addr null_path = {
	.local = { "", 0 }, .domain = { "", 0 }, .text = { "", 0 },
};

struct parser {
	struct hm_arena *arena;
	const char *p, *end;
	unsigned flags;
	struct hm_err *err;
};

static int
syntax(struct parser *ps, const char *text)
{
	return hm_err_set(ps->err, -HM_ESYNTAX, "%s", text);
}

static bool
eat(struct parser *ps, char c)
{
	if (ps->p == ps->end || *ps->p != c)
		return false;
	ps->p++;
	return true;
}

/* Quoted-string without its quotes; only what RFC 5321 and 6531 allow in it. */
static int
quoted_local(struct parser *ps, char *out, size_t *ret_len)
{
	size_t n = 0;

	for (ps->p++; ps->p < ps->end && *ps->p != '"'; ps->p++) {
		if (*ps->p == '\\') {
			ps->p++;
			if (ps->p == ps->end || *ps->p < ' ' || *ps->p > '~')
				return syntax(ps, "bad quoted pair in address");
		} else if ((unsigned char)*ps->p < ' ' || *ps->p == 0x7f) {
			return syntax(ps, "control character in address");
		}
		if (n == LOCAL_MAX_OCTETS)
			return hm_err_set(ps->err, -HM_ELIMIT,
			    "local part of address is too long");
		out[n++] = *ps->p;
	}
	if (!eat(ps, '"'))
		return syntax(ps, "quoted local part without end");
	*ret_len = n;
	return 0;
}

static int
dot_local(struct parser *ps, char *out, size_t *ret_len)
{
	size_t n = 0;
	bool dot = true; /* a dot may not come next */

	for (; ps->p < ps->end; ps->p++) {
		char c = *ps->p;
		if (c == '.' ? dot : !lex_is(c, LEX_ATEXT))
			break;
		if (n == LOCAL_MAX_OCTETS)
			return hm_err_set(ps->err, -HM_ELIMIT,
			    "local part of address is too long");
		dot = c == '.';
		out[n++] = c;
	}
	if (dot)
		return syntax(ps, n ? "misplaced dot in local part of address"
		    : "no local part in address");
	*ret_len = n;
	return 0;
}

/* Control characters hide above ASCII too (U+0080 to U+009F). */
static bool
has_c1(struct hm_str s)
{
	for (size_t i = 0; i + 1 < s.len; i++)
		if ((unsigned char)s.p[i] == 0xc2 &&
		    (unsigned char)s.p[i + 1] < 0xa0)
			return true;
	return false;
}

static int
local_part(struct parser *ps, struct hm_addr *addr)
{
	char raw[LOCAL_MAX_OCTETS];
	size_t len = 0;
	int rc = ps->p < ps->end && *ps->p == '"'
	    ? quoted_local(ps, raw, &len) : dot_local(ps, raw, &len);
	if (rc < 0)
		return rc;

	struct hm_str local = hm_str_dup(ps->arena, hm_str_n(raw, len));
	if (!hm_str_ascii(local)) {
		if (!(ps->flags & HM_ADDR_UTF8))
			return hm_err_set(ps->err, -HM_EUNSUPPORTED,
			    "non-ASCII address without SMTPUTF8");
		if (hm_utf8_nfc(ps->arena, local, &local) < 0 || has_c1(local))
			return syntax(ps, "address is not valid UTF-8");
		addr->utf8 = true;
	}
	size_t max = ps->flags & HM_ADDR_PEDANTIC ? LOCAL_MAX_PEDANTIC
	    : LOCAL_MAX_OCTETS;
	if (local.len > max)
		return hm_err_set(ps->err, -HM_ELIMIT,
		    "local part of address is too long");
	addr->local = local;
	return 0;
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321, 4.1.3). */
static int
address_literal(struct parser *ps, struct hm_str *ret)
{
	unsigned char ip[16];
	char text[INET6_ADDRSTRLEN], out[INET6_ADDRSTRLEN];
	const char *close = memchr(ps->p, ']', (size_t)(ps->end - ps->p));

	if (!close)
		return syntax(ps, "address literal without end");
	struct hm_str inner = lex_slice(ps->p + 1, close);
	bool v6 = hm_str_casestarts(inner, HM_STR("IPv6:"));
	if (v6)
		inner = hm_str_skip(inner, 5);
	if (inner.len >= sizeof(text) || memchr(inner.p, '\0', inner.len))
		return syntax(ps, "malformed address literal");
	memcpy(text, inner.p, inner.len);
	text[inner.len] = '\0';
	int family = v6 ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, ip) != 1 ||
	    !inet_ntop(family, ip, out, sizeof(out)))
		return syntax(ps, "malformed address literal");
	*ret = hm_str(hm_printf(ps->arena, v6 ? "[IPv6:%s]" : "[%s]", out));
	ps->p = close + 1;
	return 0;
}

static int
domain_part(struct parser *ps, struct hm_str *ret)
{
	const char *from = ps->p;

	if (from < ps->end && *from == '[')
		return address_literal(ps, ret);
	while (ps->p < ps->end && (lex_is(*ps->p, LEX_ALNUM) ||
	    *ps->p == '-' || *ps->p == '.' || *ps->p == '_' ||
	    (unsigned char)*ps->p >= 0x80))
		ps->p++;
	struct hm_str name = lex_slice(from, ps->p);
	if (name.len == 0)
		return syntax(ps, "no domain in address");
	if (name.len > DOMAIN_MAX_OCTETS)
		return hm_err_set(ps->err, -HM_ELIMIT,
		    "domain of address is too long");
	if (!hm_str_ascii(name) && !(ps->flags & HM_ADDR_UTF8))
		return hm_err_set(ps->err, -HM_EUNSUPPORTED,
		    "non-ASCII address without SMTPUTF8");
	if ((ps->flags & HM_ADDR_PEDANTIC) && memchr(name.p, '_', name.len))
		return syntax(ps, "underscore in domain of address");
	return hm_domain_ascii(ps->arena, name, ret, ps->err);
}

static bool
needs_quotes(struct hm_str local)
{
	bool dot = true;

	for (size_t i = 0; i < local.len; i++) {
		char c = local.p[i];
		if (c == '.' ? dot : !lex_is(c, LEX_ATEXT))
			return true;
		dot = c == '.';
	}
	return dot;
}

static void
make_text(struct hm_arena *arena, struct hm_addr *addr)
{
	char *out = hm_alloc(arena, 2 * addr->local.len + addr->domain.len + 4);
	size_t n = 0;
	bool quotes = needs_quotes(addr->local);

	if (quotes)
		out[n++] = '"';
	for (size_t i = 0; i < addr->local.len; i++) {
		char c = addr->local.p[i];
		if (quotes && (c == '"' || c == '\\'))
			out[n++] = '\\';
		out[n++] = c;
	}
	if (quotes)
		out[n++] = '"';
	if (addr->domain.len > 0) {
		out[n++] = '@';
		memcpy(out + n, addr->domain.p, addr->domain.len);
		n += addr->domain.len;
	}
	addr->text = (struct hm_str){ out, n };
}

static int
mailbox(struct parser *ps, struct hm_addr *addr)
{
	int rc = local_part(ps, addr);
	if (rc < 0)
		return rc;
	if (!eat(ps, '@')) {
		if ((ps->flags & HM_ADDR_POSTMASTER) &&
		    hm_str_caseis(addr->local, "postmaster")) {
			make_text(ps->arena, addr);
			return 0;
		}
		return syntax(ps, "address without domain");
	}
	rc = domain_part(ps, &addr->domain);
	if (rc < 0)
		return rc;
	make_text(ps->arena, addr);
	return 0;
}

/* "@a.example,@b.example:" is parsed and dropped (RFC 5321, 4.1.1.3). */
static int
source_route(struct parser *ps)
{
	while (eat(ps, '@')) {
		struct hm_str unused;
		int rc = domain_part(ps, &unused);
		if (rc < 0)
			return rc;
		if (eat(ps, ':'))
			return 0;
		if (!eat(ps, ','))
			return syntax(ps, "malformed source route in path");
	}
	return syntax(ps, "malformed source route in path");
}

int
hm_addr_path(struct hm_arena *arena, struct hm_str *in, unsigned flags,
    struct hm_addr *ret, struct hm_err *reterr)
{
	struct hm_addr addr = { 0 };
	struct parser ps = { .arena = arena, .p = in->p,
		.end = lex_end(*in), .flags = flags, .err = reterr };
	int rc;

	if (!in->p || !eat(&ps, '<'))
		return syntax(&ps, "path does not start with \"<\"");
	if (ps.p < ps.end && *ps.p == '>') {
		if (!(flags & HM_ADDR_NULL))
			return syntax(&ps, "empty path");
		addr = null_path;
	} else {
		if (ps.p < ps.end && *ps.p == '@' && (rc = source_route(&ps)) < 0)
			return rc;
		rc = mailbox(&ps, &addr);
		if (rc < 0)
			return rc;
	}
	if (!eat(&ps, '>'))
		return syntax(&ps, "path does not end with \">\"");
	if (ps.p - in->p > PATH_MAX_OCTETS)
		return hm_err_set(reterr, -HM_ELIMIT, "path is too long");
	in->len -= (size_t)(ps.p - in->p);
	in->p = ps.p;
	*ret = addr;
	return 0;
}

int
hm_addr_parse(struct hm_arena *arena, struct hm_str text, unsigned flags,
    struct hm_addr *ret, struct hm_err *reterr)
{
	struct hm_addr addr = { 0 };
	struct parser ps = { .arena = arena, .p = text.p,
		.end = lex_end(text), .flags = flags, .err = reterr };

	if (text.len == 0) {
		if (!(flags & HM_ADDR_NULL))
			return syntax(&ps, "empty address");
		addr = null_path;
		*ret = addr;
		return 0;
	}
	if (text.len > PATH_MAX_OCTETS - 2)
		return hm_err_set(reterr, -HM_ELIMIT, "address is too long");
	int rc = mailbox(&ps, &addr);
	if (rc < 0)
		return rc;
	if (ps.p != ps.end)
		return syntax(&ps, "unexpected text behind address");
	*ret = addr;
	return 0;
}

void
hm_addr_copy(struct hm_arena *arena, const struct hm_addr *from,
    struct hm_addr *ret)
{
	struct hm_addr copy = {
		.local = hm_str_dup(arena, from->local),
		.domain = hm_str_dup(arena, from->domain),
		.text = hm_str_dup(arena, from->text),
		.utf8 = from->utf8,
	};
	*ret = copy;
}
