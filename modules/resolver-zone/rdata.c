/* rdata.c - names and the data of records, from text. */
#include "zone.h"

#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/encode.h>
#include <hermod/err.h>
#include <hermod/str.h>

enum { LABEL_MAX = 63, PIECE_MAX = 255, PIECES_MAX = 128 };

/* ---- names ---- */

struct writer {
	char *p;                   /* room for four times what is written */
	size_t len, label, octets;
};

static void
put_octet(struct writer *w, unsigned char c)
{
	static const char digits[] = "0123456789";

	w->label++;
	w->octets++;
	if (c > ' ' && c < 0x7f && c != '.' && c != '\\') {
		w->p[w->len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		return;
	}
	w->p[w->len++] = '\\';
	w->p[w->len++] = digits[c / 100];
	w->p[w->len++] = digits[c / 10 % 10];
	w->p[w->len++] = digits[c % 10];
}

/* Labels as written, in the form answers have; *ret_absolute: a dot at the end. */
static int
put_labels(struct hm_arena *arena, struct writer *w, struct hm_str text,
    bool *ret_absolute)
{
	*ret_absolute = false;
	for (size_t i = 0; i < text.len; i++) {
		struct hm_str octet;
		size_t len = 2;

		if (text.p[i] == '.') {
			if (w->label == 0)
				return -HM_ESYNTAX;
			w->label = 0;
			w->octets++;
			*ret_absolute = i + 1 == text.len;
			if (!*ret_absolute)
				w->p[w->len++] = '.';
			continue;
		}
		if (text.p[i] == '\\') {
			if (i + 1 < text.len && text.p[i + 1] >= '0' &&
			    text.p[i + 1] <= '9')
				len = 4;
			if (zone_unescape(arena, hm_str_take(hm_str_skip(text, i),
			    len), &octet) < 0)
				return -HM_ESYNTAX;
			i += len - 1;
			put_octet(w, (unsigned char)octet.p[0]);
		} else {
			put_octet(w, (unsigned char)text.p[i]);
		}
		if (w->label > LABEL_MAX)
			return -HM_ESYNTAX;
	}
	return 0;
}

int
zone_name(struct hm_arena *arena, struct hm_str text, struct hm_str origin,
    struct hm_str *ret)
{
	struct writer w = { 0 };
	bool absolute;

	if (hm_str_is(text, "@") || hm_str_is(text, ".")) {
		*ret = text.p[0] == '.' ? HM_STR(".") :
		    hm_str_dup(arena, origin);
		return 0;
	}
	if (text.len == 0 || text.len > 4 * HM_DNS_NAME_BYTES)
		return -HM_ESYNTAX;
	w.p = hm_alloc(arena, 4 * text.len + origin.len + 2);
	if (put_labels(arena, &w, text, &absolute) < 0)
		return -HM_ESYNTAX;
	if (!absolute && !hm_str_is(origin, ".")) {
		w.p[w.len++] = '.';
		memcpy(w.p + w.len, origin.p, origin.len);
		w.len += origin.len;
		w.octets += origin.len + 1;
	}
	if (w.octets > HM_DNS_NAME_BYTES + 1)
		return -HM_ESYNTAX;
	*ret = hm_str_n(w.p, w.len);
	return 0;
}

/* ---- data ---- */

struct fields {
	struct hm_arena *arena;
	struct zone_lex lex;
	struct hm_str origin;
	const char *wrong;         /* the first thing that was */
};

static void
complain(struct fields *f, const char *what)
{
	if (!f->wrong)
		f->wrong = what;
}

static struct hm_str
field(struct fields *f, const char *what)
{
	struct hm_str word;

	if (zone_next(&f->lex, &word) >= ZONE_END_OF_LINE)
		complain(f, hm_printf(f->arena, "%s is missing", what));
	return word;
}

static uint32_t
number(struct fields *f, uint32_t max, const char *what)
{
	struct hm_str word = field(f, what);
	uint64_t n = 0;

	if (hm_str_u64(word, max, &n) < 0)
		complain(f, hm_printf(f->arena, "%s must be a number up to %u",
		    what, max));
	return (uint32_t)n;
}

static struct hm_str
name(struct fields *f)
{
	struct hm_str word = field(f, "a name"), got = { 0 };

	if (zone_name(f->arena, word, f->origin, &got) < 0)
		complain(f, hm_printf(f->arena, "\"%.*s\" is not a name",
		    HM_FMT(word)));
	return got;
}

static void
address(struct fields *f, uint8_t family, struct hm_sockaddr *ret)
{
	struct hm_str word = field(f, "an address");

	if (hm_sockaddr_parse(word, ret) < 0 || ret->family != family ||
	    ret->port != 0 || ret->scope != 0)
		complain(f, hm_printf(f->arena, "\"%.*s\" is no IPv%u address",
		    HM_FMT(word), family));
}

static struct hm_str
string(struct fields *f, struct hm_str word)
{
	struct hm_str got = { 0 };

	if (zone_unescape(f->arena, word, &got) < 0)
		complain(f, "\\ must be followed by three digits up to 255, or by "
		    "another character");
	if (got.len > PIECE_MAX)
		complain(f, "a string has at most 255 octets; write several");
	return got;
}

static void
text(struct fields *f, struct hm_dns_txt *ret)
{
	struct hm_str pieces[PIECES_MAX], word, *copy;
	struct hm_buf joined = { 0 };
	size_t n = 0;

	while (zone_next(&f->lex, &word) < ZONE_END_OF_LINE) {
		if (n == PIECES_MAX) {
			complain(f, "too many strings");
			break;
		}
		pieces[n] = string(f, word);
		hm_buf_str(&joined, pieces[n++]);
	}
	if (n == 0)
		complain(f, "a string is missing");
	copy = hm_alloc_array(f->arena, n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = pieces[i];
	*ret = (struct hm_dns_txt){ hm_str_dup(f->arena, hm_buf_view(&joined)), n,
	    copy };
	hm_buf_release(&joined);
}

/* Hexadecimal, perhaps with blanks in it. */
static struct hm_str
hex(struct fields *f)
{
	struct hm_buf digits = { 0 }, bytes = { 0 };
	struct hm_str word, got;

	while (zone_next(&f->lex, &word) < ZONE_END_OF_LINE)
		hm_buf_str(&digits, word);
	if (hm_hex_decode(&bytes, hm_buf_view(&digits)) < 0 || bytes.len == 0)
		complain(f, "pairs of hexadecimal digits are expected");
	got = hm_str_dup(f->arena, hm_buf_view(&bytes));
	hm_buf_release(&digits);
	hm_buf_release(&bytes);
	return got;
}

static void
soa(struct fields *f, struct hm_dns_soa *ret)
{
	ret->mname = name(f);
	ret->rname = name(f);
	ret->serial = number(f, UINT32_MAX, "the serial");
	ret->refresh_s = number(f, INT32_MAX, "refresh");
	ret->retry_s = number(f, INT32_MAX, "retry");
	ret->expire_s = number(f, INT32_MAX, "expire");
	ret->minimum_s = number(f, INT32_MAX, "the minimum");
}

static void
read_fields(struct fields *f, enum hm_dns_type type, struct hm_dns_rr *rr)
{
	switch (type) {
	case HM_DNS_A:
		address(f, 4, &rr->addr);
		break;
	case HM_DNS_AAAA:
		address(f, 6, &rr->addr);
		break;
	case HM_DNS_CNAME:
	case HM_DNS_NS:
	case HM_DNS_PTR:
		rr->name = name(f);
		break;
	case HM_DNS_MX:
		rr->mx.preference = (uint16_t)number(f, 65535, "the preference");
		rr->mx.host = name(f);
		break;
	case HM_DNS_TXT:
		text(f, &rr->txt);
		break;
	case HM_DNS_TLSA:
		rr->tlsa.usage = (uint8_t)number(f, 255, "the usage");
		rr->tlsa.selector = (uint8_t)number(f, 255, "the selector");
		rr->tlsa.matching = (uint8_t)number(f, 255, "the matching type");
		rr->tlsa.data = hex(f);
		break;
	case HM_DNS_SRV:
		rr->srv.priority = (uint16_t)number(f, 65535, "the priority");
		rr->srv.weight = (uint16_t)number(f, 65535, "the weight");
		rr->srv.port = (uint16_t)number(f, 65535, "the port");
		rr->srv.target = name(f);
		break;
	case HM_DNS_CAA:
		rr->caa.flags = (uint8_t)number(f, 255, "the flags");
		rr->caa.tag = hm_str_lower(f->arena, field(f, "the tag"));
		rr->caa.value = string(f, field(f, "the value"));
		break;
	case HM_DNS_SOA:
		soa(f, &rr->soa);
		break;
	}
}

int
zone_rdata(struct hm_arena *arena, enum hm_dns_type type, struct hm_str origin,
    struct hm_str data, struct hm_dns_rr *ret, struct hm_err *reterr)
{
	struct fields f = { .arena = arena, .lex = { .text = data },
	    .origin = origin };
	struct hm_str more;

	memset(ret, 0, sizeof(*ret));
	read_fields(&f, type, ret);
	if (!f.wrong && zone_next(&f.lex, &more) < ZONE_END_OF_LINE)
		complain(&f, hm_printf(arena, "\"%.*s\" is too much",
		    HM_FMT(more)));
	if (f.lex.bad)
		complain(&f, "a quote does not end");
	return f.wrong ? hm_err_set(reterr, -HM_ESYNTAX, "%s", f.wrong) : 0;
}
