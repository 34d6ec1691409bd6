/* text.c - records as a zone file has them (RFC 1035, 5.1). */
#include "commands.h"

#include <hermod/buf.h>
#include <hermod/encode.h>

enum {
	PIECE_MAX = 255,       /* a character-string (RFC 1035, 3.3) */
	PIECE_SHOWN = 100,     /* what web forms and editors take well */
};

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

/* One text, cut into strings as long as they may be. */
static void
add_text(struct hm_buf *out, struct hm_str text)
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
dns_rr_text(struct hm_buf *out, enum hm_dns_type type,
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
			add_text(out, rr->txt.text);
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
