/* carry-outbound.c - how the questions of outgoing mail are written and read: what
 * a host must prove, and what the DNS should say.
 */
#include "config.h"

#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/dns.h>
#include <hermod/err.h>
#include <hermod/outbound.h>
#include <hermod/str.h>

#include "carry.h"

enum { TLSA_MAX = 100, PIECES_MAX = 256 };

/* Printed sooner or later. */
static int
take_word(struct hm_arena *arena, struct hm_str *in, struct hm_str *ret)
{
	struct hm_str s;

	if (hm_carry_take_str(in, &s) < 0)
		return -HM_ECORRUPT;
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return -HM_ECORRUPT;
	*ret = s.p != NULL ? hm_str_dup(arena, s) : s;
	return 0;
}

static int
take_number(struct hm_str *in, uint64_t max, uint64_t *ret)
{
	return hm_take_varint(in, ret) < 0 || *ret > max ? -HM_ECORRUPT : 0;
}

/* ---- tls_policy ---- */

void
hm_carry_put_tls_policy(struct hm_buf *out, const struct hm_tls_policy *p)
{
	hm_carry_put_str(out, p->domain);
	hm_carry_put_str(out, p->domain_final);
	hm_carry_put_str(out, p->host);
	hm_carry_put_str(out, p->host_final);
	hm_buf_varint(out, p->port);
	hm_buf_putc(out, p->domain_secure);
	hm_buf_putc(out, p->host_secure);
	hm_buf_varint(out, p->requiretls);
	hm_buf_varint(out, p->sts_mode);
	hm_buf_putc(out, p->sts_host_allowed);
	hm_carry_put_str(out, p->sts_text);
	hm_buf_putc(out, p->dane);
	hm_carry_put_str(out, p->tlsa_base);
	hm_buf_varint(out, p->ntlsa);
	for (size_t i = 0; i < p->ntlsa; i++) {
		hm_buf_putc(out, (char)p->tlsa[i].usage);
		hm_buf_putc(out, (char)p->tlsa[i].selector);
		hm_buf_putc(out, (char)p->tlsa[i].matching);
		hm_carry_put_str(out, p->tlsa[i].data);
	}
	hm_carry_put_str(out, p->dane_text);
	hm_buf_varint(out, p->dane_fault);
}

static int
take_tlsa(struct hm_arena *arena, struct hm_str *in, struct hm_tls_policy *p)
{
	struct hm_tlsa *at;
	uint64_t n;

	if (take_number(in, TLSA_MAX, &n) < 0)
		return -HM_ECORRUPT;
	p->tlsa = at = hm_alloc_array(arena, n, sizeof(*at));
	for (p->ntlsa = 0; p->ntlsa < n; p->ntlsa++) {
		struct hm_tlsa *t = &at[p->ntlsa];
		struct hm_str data;

		if (hm_take_u8(in, &t->usage) < 0 ||
		    hm_take_u8(in, &t->selector) < 0 ||
		    hm_take_u8(in, &t->matching) < 0 ||
		    hm_carry_take_str(in, &data) < 0)
			return -HM_ECORRUPT;
		t->data = hm_str_dup(arena, data);
	}
	return 0;
}

int
hm_carry_take_tls_policy(struct hm_arena *arena, struct hm_str *in,
    struct hm_tls_policy *ret)
{
	struct hm_tls_policy p = { .size = sizeof(p), .arena = arena };
	uint8_t domain_secure, host_secure, allowed, dane;
	uint64_t port, requiretls, mode, fault;
	struct hm_str text, records;

	if (take_word(arena, in, &p.domain) < 0 ||
	    take_word(arena, in, &p.domain_final) < 0 ||
	    take_word(arena, in, &p.host) < 0 ||
	    take_word(arena, in, &p.host_final) < 0 ||
	    take_number(in, UINT16_MAX, &port) < 0 ||
	    hm_take_u8(in, &domain_secure) < 0 ||
	    hm_take_u8(in, &host_secure) < 0 ||
	    take_number(in, HM_REQUIRETLS_NO, &requiretls) < 0 ||
	    take_number(in, HM_STS_ENFORCE, &mode) < 0 ||
	    hm_take_u8(in, &allowed) < 0 || hm_carry_take_str(in, &text) < 0 ||
	    hm_take_u8(in, &dane) < 0 || take_word(arena, in, &p.tlsa_base) < 0)
		return -HM_ECORRUPT;
	p.port = (uint16_t)port;
	p.domain_secure = domain_secure != 0;
	p.host_secure = host_secure != 0;
	p.requiretls = (enum hm_requiretls)requiretls;
	p.sts_mode = (enum hm_sts_mode)mode;
	p.sts_host_allowed = allowed != 0;
	p.sts_text = text.p != NULL ? hm_str_dup(arena, text) : text;
	p.dane = dane != 0;
	if (take_tlsa(arena, in, &p) < 0 || hm_carry_take_str(in, &records) < 0 ||
	    take_number(in, HM_TLS_STS_WEBPKI_INVALID, &fault) < 0)
		return -HM_ECORRUPT;
	p.dane_text = records.p != NULL ? hm_str_dup(arena, records) : records;
	p.dane_fault = (enum hm_tls_outcome)fault;
	*ret = p;
	return 0;
}

/* ---- dns_records ---- */

/* Returns false for a type that nobody wants of others. */
static bool
put_rr(struct hm_buf *out, enum hm_dns_type type, const struct hm_dns_rr *rr)
{
	switch (type) {
	case HM_DNS_A:
	case HM_DNS_AAAA:
		hm_buf_add(out, rr->addr.ip, sizeof(rr->addr.ip));
		return true;
	case HM_DNS_CNAME:
	case HM_DNS_NS:
	case HM_DNS_PTR:
		hm_carry_put_str(out, rr->name);
		return true;
	case HM_DNS_MX:
		hm_buf_varint(out, rr->mx.preference);
		hm_carry_put_str(out, rr->mx.host);
		return true;
	case HM_DNS_TXT:
		hm_carry_put_str(out, rr->txt.text);
		hm_buf_varint(out, rr->txt.npieces);
		for (size_t i = 0; i < rr->txt.npieces; i++)
			hm_carry_put_str(out, rr->txt.pieces[i]);
		return true;
	case HM_DNS_TLSA:
		hm_buf_varint(out, rr->tlsa.usage);
		hm_buf_varint(out, rr->tlsa.selector);
		hm_buf_varint(out, rr->tlsa.matching);
		hm_carry_put_str(out, rr->tlsa.data);
		return true;
	case HM_DNS_SRV:
		hm_buf_varint(out, rr->srv.priority);
		hm_buf_varint(out, rr->srv.weight);
		hm_buf_varint(out, rr->srv.port);
		hm_carry_put_str(out, rr->srv.target);
		return true;
	case HM_DNS_CAA:
		hm_buf_varint(out, rr->caa.flags);
		hm_carry_put_str(out, rr->caa.tag);
		hm_carry_put_str(out, rr->caa.value);
		return true;
	case HM_DNS_SOA:
		break;
	}
	return false;
}

static int
take_addr(struct hm_str *in, enum hm_dns_type type, struct hm_sockaddr *ret)
{
	if (in->len < sizeof(ret->ip))
		return -HM_ECORRUPT;
	ret->family = type == HM_DNS_A ? 4 : 6;
	memcpy(ret->ip, in->p, sizeof(ret->ip));
	*in = hm_str_skip(*in, sizeof(ret->ip));
	return 0;
}

static int
take_txt(struct hm_arena *arena, struct hm_str *in, struct hm_dns_txt *ret)
{
	struct hm_str *pieces;
	uint64_t n;

	if (take_word(arena, in, &ret->text) < 0 ||
	    take_number(in, PIECES_MAX, &n) < 0)
		return -HM_ECORRUPT;
	ret->pieces = pieces = hm_alloc_array(arena, n, sizeof(*pieces));
	for (ret->npieces = 0; ret->npieces < n; ret->npieces++)
		if (take_word(arena, in, &pieces[ret->npieces]) < 0)
			return -HM_ECORRUPT;
	return 0;
}

static int
take_rr(struct hm_arena *arena, struct hm_str *in, enum hm_dns_type type,
    struct hm_dns_rr *ret)
{
	uint64_t a, b, c;
	struct hm_str data;

	switch (type) {
	case HM_DNS_A:
	case HM_DNS_AAAA:
		return take_addr(in, type, &ret->addr);
	case HM_DNS_CNAME:
	case HM_DNS_NS:
	case HM_DNS_PTR:
		return take_word(arena, in, &ret->name);
	case HM_DNS_MX:
		if (take_number(in, UINT16_MAX, &a) < 0)
			return -HM_ECORRUPT;
		ret->mx.preference = (uint16_t)a;
		return take_word(arena, in, &ret->mx.host);
	case HM_DNS_TXT:
		return take_txt(arena, in, &ret->txt);
	case HM_DNS_TLSA:
		if (take_number(in, UINT8_MAX, &a) < 0 ||
		    take_number(in, UINT8_MAX, &b) < 0 ||
		    take_number(in, UINT8_MAX, &c) < 0 ||
		    hm_carry_take_str(in, &data) < 0)
			return -HM_ECORRUPT;
		ret->tlsa = (struct hm_dns_tlsa){ (uint8_t)a, (uint8_t)b,
		    (uint8_t)c, hm_str_dup(arena, data) };
		return 0;
	case HM_DNS_SRV:
		if (take_number(in, UINT16_MAX, &a) < 0 ||
		    take_number(in, UINT16_MAX, &b) < 0 ||
		    take_number(in, UINT16_MAX, &c) < 0)
			return -HM_ECORRUPT;
		ret->srv = (struct hm_dns_srv){ .priority = (uint16_t)a,
		    .weight = (uint16_t)b, .port = (uint16_t)c };
		return take_word(arena, in, &ret->srv.target);
	case HM_DNS_CAA:
		if (take_number(in, UINT8_MAX, &a) < 0 ||
		    take_word(arena, in, &ret->caa.tag) < 0)
			return -HM_ECORRUPT;
		ret->caa.flags = (uint8_t)a;
		return take_word(arena, in, &ret->caa.value);
	case HM_DNS_SOA:
		break;
	}
	return -HM_ECORRUPT;
}

void
hm_carry_put_wants(struct hm_buf *out, const struct hm_dns_wants *wants,
    size_t from)
{
	for (size_t i = from; i < wants->n && i < from + HM_CARRY_WANTS_MAX &&
	    out->len < HM_CARRY_PART; i++) {
		const struct hm_dns_want *want = &wants->at[i];
		size_t before = out->len;

		hm_carry_put_str(out, hm_str(want->about));
		hm_carry_put_str(out, want->name);
		hm_buf_varint(out, want->type);
		hm_buf_varint(out, want->flags);
		hm_buf_varint(out, want->rr.ttl_s);
		if (!put_rr(out, want->type, &want->rr))
			out->len = before;
	}
}

int
hm_carry_take_wants(struct hm_str *in, struct hm_dns_wants *wants)
{
	struct hm_arena *arena = wants->arena;

	for (size_t i = 0; in->len > 0; i++) {
		uint64_t type, flags, ttl;
		struct hm_dns_want want = { 0 };
		struct hm_str about;

		if (i >= HM_CARRY_WANTS_MAX || take_word(arena, in, &about) < 0 ||
		    take_word(arena, in, &want.name) < 0 ||
		    take_number(in, UINT16_MAX, &type) < 0 ||
		    take_number(in, UINT16_MAX, &flags) < 0 ||
		    take_number(in, UINT32_MAX, &ttl) < 0 || about.p == NULL ||
		    take_rr(arena, in, (enum hm_dns_type)type, &want.rr) < 0)
			return -HM_ECORRUPT;
		want.about = about.p;
		want.type = (enum hm_dns_type)type;
		want.flags = (unsigned)flags;
		want.rr.ttl_s = (uint32_t)ttl;
		hm_dns_want(wants, &want);
	}
	return 0;
}
