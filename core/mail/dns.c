/* dns.c - names and records of the DNS as text. */
#include <hermod/dns.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/encode.h>
#include <hermod/err.h>
#include <hermod/rand.h>
#include <hermod/str.h>

enum {
	LABEL_MAX = 63,
	PIECE_MAX = 255,       /* a character-string (RFC 1035, 3.3) */
	PIECE_SHOWN = 100,     /* what web forms and editors take well */
};

static const struct {
	enum hm_dns_type type;
	const char *name;
} types[] = {
	{ HM_DNS_A, "A" }, { HM_DNS_AAAA, "AAAA" }, { HM_DNS_CAA, "CAA" },
	{ HM_DNS_CNAME, "CNAME" }, { HM_DNS_MX, "MX" }, { HM_DNS_NS, "NS" },
	{ HM_DNS_PTR, "PTR" }, { HM_DNS_SOA, "SOA" }, { HM_DNS_SRV, "SRV" },
	{ HM_DNS_TLSA, "TLSA" }, { HM_DNS_TXT, "TXT" },
};

const char *
hm_dns_type_text(char buf[16], enum hm_dns_type type)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(types); i++)
		if (types[i].type == type)
			return types[i].name;
	snprintf(buf, 16, "TYPE%u", (unsigned)type & 0xffff);
	return buf;
}

int
hm_dns_type_parse(struct hm_str text, enum hm_dns_type *ret)
{
	for (size_t i = 0; i < HM_ARRAY_LEN(types); i++)
		if (hm_str_caseis(text, types[i].name)) {
			*ret = types[i].type;
			return 0;
		}
	return -HM_ENOENT;
}

const char *
hm_dns_outcome_text(enum hm_dns_outcome outcome)
{
	static const char *const texts[] = {
		[HM_DNS_OK] = "found",
		[HM_DNS_NODATA] = "no such record",
		[HM_DNS_NXDOMAIN] = "no such name",
		[HM_DNS_BADNAME] = "not a name of the DNS",
		[HM_DNS_TIMEOUT] = "no answer in time",
		[HM_DNS_FAILED] = "lookup failed",
		[HM_DNS_BOGUS] = "DNSSEC validation failed",
	};

	return outcome < HM_ARRAY_LEN(texts) ? texts[outcome] : "unknown";
}

/* ---- names ---- */

int
hm_dns_name(struct hm_arena *arena, struct hm_str text, struct hm_str *ret)
{
	struct hm_str rest = text;

	if (hm_str_is(text, ".")) {
		*ret = hm_str_dup(arena, text);
		return 0;
	}
	if (text.len == 0 || text.len > HM_DNS_NAME_BYTES)
		return -HM_ESYNTAX;
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] <= ' ' || text.p[i] >= 0x7f || text.p[i] == '\\')
			return -HM_ESYNTAX;
	if (text.p[text.len - 1] == '.')
		return -HM_ESYNTAX;
	while (rest.p) {
		struct hm_str label = hm_str_split(&rest, '.');

		if (label.len == 0 || label.len > LABEL_MAX)
			return -HM_ESYNTAX;
	}
	*ret = hm_str_lower(arena, text);
	return 0;
}

struct hm_str
hm_dns_reverse(struct hm_arena *arena, const struct hm_sockaddr *addr,
    const char *zone)
{
	struct hm_buf out = { 0 };
	struct hm_str name;

	if (addr->family == 4)
		for (int i = 3; i >= 0; i--)
			hm_buf_printf(&out, "%u.", addr->ip[i]);
	else
		for (int i = 15; i >= 0; i--)
			hm_buf_printf(&out, "%x.%x.", addr->ip[i] & 15u,
			    addr->ip[i] >> 4);
	hm_buf_puts(&out, zone ? zone :
	    addr->family == 4 ? "in-addr.arpa" : "ip6.arpa");
	name = hm_str_dup(arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return name;
}

/* ---- MX ---- */

static int
by_preference(const void *a, const void *b)
{
	const struct hm_dns_rr *x = a, *y = b;

	return (x->mx.preference > y->mx.preference) -
	    (x->mx.preference < y->mx.preference);
}

void
hm_dns_mx_sort(struct hm_dns_answer *answer)
{
	struct hm_dns_rr *rr = answer->rr, swap;
	size_t first, i;

	if (answer->n == 0)
		return;
	qsort(rr, answer->n, sizeof(*rr), by_preference);
	for (first = 0, i = 1; i < answer->n; i++) {
		size_t to;

		if (rr[i].mx.preference != rr[first].mx.preference)
			first = i;
		to = first + hm_random_below(i - first + 1);
		swap = rr[i];
		rr[i] = rr[to];
		rr[to] = swap;
	}
}

bool
hm_dns_mx_null(const struct hm_dns_answer *answer)
{
	return answer->n == 1 && hm_str_is(answer->rr[0].mx.host, ".");
}

/* ---- records that are wanted ---- */

static struct hm_str
copy(struct hm_arena *arena, struct hm_str s)
{
	return s.p ? hm_str_dup(arena, s) : s;
}

static void
copy_rr(struct hm_arena *arena, enum hm_dns_type type, struct hm_dns_rr *rr)
{
	struct hm_str *pieces;

	switch (type) {
	case HM_DNS_A:
	case HM_DNS_AAAA:
		break;
	case HM_DNS_CNAME:
	case HM_DNS_NS:
	case HM_DNS_PTR:
		rr->name = copy(arena, rr->name);
		break;
	case HM_DNS_MX:
		rr->mx.host = copy(arena, rr->mx.host);
		break;
	case HM_DNS_TXT:
		pieces = hm_alloc_array(arena, rr->txt.npieces + 1,
		    sizeof(*pieces));
		for (size_t i = 0; i < rr->txt.npieces; i++)
			pieces[i] = copy(arena, rr->txt.pieces[i]);
		rr->txt.text = copy(arena, rr->txt.text);
		rr->txt.pieces = rr->txt.npieces > 0 ? pieces : NULL;
		break;
	case HM_DNS_TLSA:
		rr->tlsa.data = copy(arena, rr->tlsa.data);
		break;
	case HM_DNS_SRV:
		rr->srv.target = copy(arena, rr->srv.target);
		break;
	case HM_DNS_CAA:
		rr->caa.tag = copy(arena, rr->caa.tag);
		rr->caa.value = copy(arena, rr->caa.value);
		break;
	case HM_DNS_SOA:
		rr->soa.mname = copy(arena, rr->soa.mname);
		rr->soa.rname = copy(arena, rr->soa.rname);
		break;
	}
}

void
hm_dns_want(struct hm_dns_wants *wants, const char *about, struct hm_str name,
    enum hm_dns_type type, const struct hm_dns_rr *rr, unsigned flags)
{
	struct hm_dns_want *want;

	if (wants->n == wants->room) {
		size_t room = wants->room ? 2 * wants->room : 16;
		struct hm_dns_want *at = hm_alloc_array(wants->arena, room,
		    sizeof(*at));

		if (wants->n > 0)
			memcpy(at, wants->at, wants->n * sizeof(*at));
		wants->at = at;
		wants->room = room;
	}
	want = &wants->at[wants->n++];
	*want = (struct hm_dns_want){ .about = about, .type = type,
	    .name = hm_str_dup(wants->arena, name), .flags = flags, .rr = *rr };
	copy_rr(wants->arena, type, &want->rr);
}

void
hm_dns_want_txt(struct hm_dns_wants *wants, const char *about,
    struct hm_str name, struct hm_str text, unsigned flags)
{
	struct hm_dns_rr rr = { .txt = { .text = text } };

	hm_dns_want(wants, about, name, HM_DNS_TXT, &rr, flags);
}

/* ---- records as text ---- */

static void
add_name(struct hm_buf *out, struct hm_str name)
{
	hm_buf_str(out, name);
	if (!hm_str_is(name, "."))
		hm_buf_putc(out, '.');
}

/* A character-string in quotes (RFC 1035, 5.1). */
static void
add_quoted(struct hm_buf *out, struct hm_str s)
{
	hm_buf_putc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			hm_buf_printf(out, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			hm_buf_printf(out, "\\%03u", c);
		else
			hm_buf_putc(out, (char)c);
	}
	hm_buf_putc(out, '"');
}

static void
add_pieces(struct hm_buf *out, const struct hm_dns_txt *txt)
{
	for (size_t i = 0; i < txt->npieces; i++) {
		if (i > 0)
			hm_buf_putc(out, ' ');
		add_quoted(out, txt->pieces[i]);
	}
}

void
hm_dns_txt_text(struct hm_buf *out, struct hm_str text)
{
	size_t piece = text.len <= PIECE_MAX ? PIECE_MAX : PIECE_SHOWN;

	add_quoted(out, hm_str_take(text, piece));
	for (text = hm_str_skip(text, piece); text.len > 0;
	    text = hm_str_skip(text, piece)) {
		hm_buf_putc(out, ' ');
		add_quoted(out, hm_str_take(text, piece));
	}
}

static void
add_soa(struct hm_buf *out, const struct hm_dns_soa *soa)
{
	add_name(out, soa->mname);
	hm_buf_putc(out, ' ');
	add_name(out, soa->rname);
	hm_buf_printf(out, " %u %u %u %u %u", soa->serial, soa->refresh_s,
	    soa->retry_s, soa->expire_s, soa->minimum_s);
}

void
hm_dns_rr_text(struct hm_buf *out, enum hm_dns_type type,
    const struct hm_dns_rr *rr)
{
	char text[112];

	switch (type) {
	case HM_DNS_A:
	case HM_DNS_AAAA:
		hm_buf_puts(out, hm_sockaddr_ip(text, &rr->addr));
		break;
	case HM_DNS_CNAME:
	case HM_DNS_NS:
	case HM_DNS_PTR:
		add_name(out, rr->name);
		break;
	case HM_DNS_MX:
		hm_buf_printf(out, "%u ", rr->mx.preference);
		add_name(out, rr->mx.host);
		break;
	case HM_DNS_TXT:
		if (rr->txt.pieces)
			add_pieces(out, &rr->txt);
		else
			hm_dns_txt_text(out, rr->txt.text);
		break;
	case HM_DNS_TLSA:
		hm_buf_printf(out, "%u %u %u ", rr->tlsa.usage,
		    rr->tlsa.selector, rr->tlsa.matching);
		hm_hex_encode(out, rr->tlsa.data);
		break;
	case HM_DNS_SRV:
		hm_buf_printf(out, "%u %u %u ", rr->srv.priority, rr->srv.weight,
		    rr->srv.port);
		add_name(out, rr->srv.target);
		break;
	case HM_DNS_CAA:
		hm_buf_printf(out, "%u %.*s ", rr->caa.flags, HM_FMT(rr->caa.tag));
		add_quoted(out, rr->caa.value);
		break;
	case HM_DNS_SOA:
		add_soa(out, &rr->soa);
		break;
	}
}
