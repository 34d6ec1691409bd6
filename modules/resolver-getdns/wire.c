/* wire.c - answers as they come over the network (RFC 1035, 4).
 *
 * Everything is untrusted: a name's pointers must lead back, each farther than
 * the one before, so no name can loop; a record that does not fill its length
 * exactly spoils the answer.
 */
#include "wire.h"

#include <string.h>

#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

enum {
	HEADER_BYTES = 12,
	NAME_BYTES = 255,          /* on the wire (RFC 1035, 2.3.4) */
	TEXT_BYTES = 4 * NAME_BYTES + 1,
	CLASS_IN = 1,
	TYPE_OPT = 41,
	OPTION_EDE = 15,
	EDE_TEXT_MAX = 200,
	TTL_MAX = 0x7fffffff,
};

struct reader {
	const unsigned char *p;
	size_t len, at;
	bool bad;                  /* once true, everything reads as zero */
};

struct name {
	size_t len;
	char text[TEXT_BYTES];
};

struct record {
	struct name owner;         /* of the wanted type only, else empty */
	unsigned type;             /* 0 for another class than IN */
	uint32_t ttl;
	size_t data, len;          /* where its data lie in the message */
};

static unsigned
u8(struct reader *r)
{
	if (r->bad || r->at >= r->len) {
		r->bad = true;
		return 0;
	}
	return r->p[r->at++];
}

static unsigned
u16(struct reader *r)
{
	unsigned high = u8(r);

	return high << 8 | u8(r);
}

static uint32_t
u32(struct reader *r)
{
	uint32_t high = u16(r);

	return high << 16 | u16(r);
}

static struct hm_str
bytes(struct reader *r, size_t len)
{
	struct hm_str s = { (const char *)r->p + r->at, len };

	if (r->bad || len > r->len - r->at) {
		r->bad = true;
		return (struct hm_str){ 0 };
	}
	r->at += len;
	return s;
}

/* ---- names ---- */

static void
add_octet(struct name *out, unsigned c)
{
	static const char digits[] = "0123456789";

	if (c > ' ' && c < 0x7f && c != '.' && c != '\\') {
		out->text[out->len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		return;
	}
	out->text[out->len++] = '\\';
	out->text[out->len++] = digits[c / 100];
	out->text[out->len++] = digits[c / 10 % 10];
	out->text[out->len++] = digits[c % 10];
}

/* A name, perhaps compressed (RFC 1035, 4.1.4). */
static void
read_name(struct reader *r, struct name *out)
{
	struct reader at = *r;     /* leaves *r where the pointer stood */
	size_t wire = 1, limit = r->at;
	bool jumped = false;
	unsigned len;

	out->len = 0;
	while ((len = u8(&at)) != 0 && !at.bad) {
		if ((len & 0xc0) == 0xc0) {
			size_t to = (len & 0x3f) << 8 | u8(&at);

			if (!jumped)
				r->at = at.at;
			jumped = true;
			at.bad = at.bad || to >= limit;
			at.at = limit = to;
			continue;
		}
		wire += len + 1;
		if ((len & 0xc0) || wire > NAME_BYTES) {
			at.bad = true;
			break;
		}
		if (out->len > 0)
			out->text[out->len++] = '.';
		while (len-- > 0)
			add_octet(out, u8(&at));
	}
	if (out->len == 0)
		out->text[out->len++] = '.';
	r->bad = r->bad || at.bad;
	if (!jumped)
		r->at = at.at;
}

static struct hm_str
name_str(const struct name *name)
{
	return (struct hm_str){ name->text, name->len };
}

static struct hm_str
take_name(struct hm_arena *arena, struct reader *r)
{
	struct name name;

	read_name(r, &name);
	return r->bad ? (struct hm_str){ 0 } : hm_str_dup(arena, name_str(&name));
}

static void
skip_name(struct reader *r)
{
	unsigned len;

	while ((len = u8(r)) != 0) {
		if ((len & 0xc0) == 0xc0) {
			(void)u8(r);
			return;
		}
		(void)bytes(r, len);
	}
}

/* Unfolds the owner only where somebody will look: thousands of records may
 * share one name of a hundred labels. */
static void
read_record(struct reader *r, unsigned wanted, struct record *rec)
{
	struct reader owner = *r;

	skip_name(r);
	rec->type = u16(r);
	rec->owner.len = 0;
	if (rec->type == wanted) {
		read_name(&owner, &rec->owner);
		r->bad = r->bad || owner.bad;
	}
	if (u16(r) != CLASS_IN && rec->type != TYPE_OPT)
		rec->type = 0;
	rec->ttl = u32(r);
	/* With the highest bit set it counts as zero (RFC 2181, 8). */
	if (rec->ttl > TTL_MAX)
		rec->ttl = 0;
	rec->len = u16(r);
	rec->data = r->at;
	(void)bytes(r, rec->len);
}

/* ---- data of records ---- */

static void
read_txt(struct hm_arena *arena, struct reader *r, size_t end,
    struct hm_dns_txt *ret)
{
	struct reader count = *r;
	struct hm_str *pieces;
	char *joined;
	size_t n = 0;

	while (count.at < end && !count.bad) {
		(void)bytes(&count, u8(&count));
		n++;
	}
	pieces = hm_alloc_array(arena, n + 1, sizeof(*pieces));
	joined = hm_alloc(arena, end - r->at + 1);
	ret->text.p = joined;
	ret->pieces = pieces;
	while (ret->npieces < n && !r->bad) {
		struct hm_str piece = bytes(r, u8(r));

		if (r->bad)
			break;
		memcpy(joined + ret->text.len, piece.p, piece.len);
		pieces[ret->npieces++] = (struct hm_str){
		    joined + ret->text.len, piece.len };
		ret->text.len += piece.len;
	}
}

static void
read_addr(struct reader *r, uint8_t family, struct hm_sockaddr *ret)
{
	struct hm_str ip = bytes(r, family == 4 ? 4 : 16);

	ret->family = family;
	if (ip.p)
		memcpy(ret->ip, ip.p, ip.len);
}

static void
read_soa(struct hm_arena *arena, struct reader *r, struct hm_dns_soa *ret)
{
	ret->mname = take_name(arena, r);
	ret->rname = take_name(arena, r);
	ret->serial = u32(r);
	ret->refresh_s = u32(r);
	ret->retry_s = u32(r);
	ret->expire_s = u32(r);
	ret->minimum_s = u32(r);
}

static struct hm_str
rest(struct hm_arena *arena, struct reader *r, size_t end)
{
	struct hm_str s = bytes(r, end >= r->at ? end - r->at : SIZE_MAX);

	return r->bad ? (struct hm_str){ 0 } : hm_str_dup(arena, s);
}

/* Whether the data of a record are what its type says, to the last octet. */
static bool
read_data(struct hm_arena *arena, const struct reader *message,
    const struct record *rec, struct hm_dns_rr *rr)
{
	struct reader reader = *message, *r = &reader;
	size_t end = rec->data + rec->len;

	r->at = rec->data;
	r->len = end;              /* names may point before it, never behind */
	rr->ttl_s = rec->ttl;
	switch ((enum hm_dns_type)rec->type) {
	case HM_DNS_A:
		read_addr(r, 4, &rr->addr);
		break;
	case HM_DNS_AAAA:
		read_addr(r, 6, &rr->addr);
		break;
	case HM_DNS_CNAME:
	case HM_DNS_NS:
	case HM_DNS_PTR:
		rr->name = take_name(arena, r);
		break;
	case HM_DNS_MX:
		rr->mx.preference = (uint16_t)u16(r);
		rr->mx.host = take_name(arena, r);
		break;
	case HM_DNS_TXT:
		read_txt(arena, r, end, &rr->txt);
		break;
	case HM_DNS_TLSA:
		rr->tlsa.usage = (uint8_t)u8(r);
		rr->tlsa.selector = (uint8_t)u8(r);
		rr->tlsa.matching = (uint8_t)u8(r);
		rr->tlsa.data = rest(arena, r, end);
		break;
	case HM_DNS_SRV:
		rr->srv.priority = (uint16_t)u16(r);
		rr->srv.weight = (uint16_t)u16(r);
		rr->srv.port = (uint16_t)u16(r);
		rr->srv.target = take_name(arena, r);
		break;
	case HM_DNS_CAA:
		rr->caa.flags = (uint8_t)u8(r);
		rr->caa.tag = hm_str_dup(arena, bytes(r, u8(r)));
		rr->caa.value = rest(arena, r, end);
		break;
	case HM_DNS_SOA:
		read_soa(arena, r, &rr->soa);
		break;
	}
	return !r->bad && r->at == end;
}

/* ---- sections ---- */

struct parse {
	struct hm_arena *arena;
	struct reader r;
	unsigned count[4];         /* question, answer, authority, additional */
	struct hm_dns_answer *answer;
	struct wire_info *info;
};

static bool
read_question(struct parse *p)
{
	struct name name;
	bool mine;

	if (p->count[0] != 1)
		return false;
	read_name(&p->r, &name);
	mine = hm_str_eq(name_str(&name), p->answer->name);
	mine = u16(&p->r) == (unsigned)p->answer->type && mine;
	return u16(&p->r) == CLASS_IN && mine && !p->r.bad;
}

static void
lower_ttl(struct hm_dns_answer *answer, uint32_t ttl)
{
	if (ttl < answer->ttl_s)
		answer->ttl_s = ttl;
}

/* All aliases of the answer section; false if they are too many. */
static bool
read_aliases(struct parse *p, struct hm_dns_cname *all, size_t *ret_n)
{
	struct reader r = p->r;
	struct record rec;
	struct hm_dns_rr rr;

	for (unsigned i = 0; i < p->count[1] && !r.bad; i++) {
		read_record(&r, HM_DNS_CNAME, &rec);
		if (r.bad || rec.type != HM_DNS_CNAME)
			continue;
		if (*ret_n == HM_DNS_CNAMES_MAX)
			return false;
		r.bad = !read_data(p->arena, &p->r, &rec, &rr);
		all[(*ret_n)++] = (struct hm_dns_cname){
		    hm_str_dup(p->arena, name_str(&rec.owner)), rr.name,
		    rec.ttl };
	}
	p->r.bad = r.bad;
	return true;
}

/* Follows them, in whatever order they stand; false for a circle. */
static bool
follow(struct parse *p)
{
	struct hm_dns_answer *answer = p->answer;
	struct hm_dns_cname all[HM_DNS_CNAMES_MAX], *chain;
	size_t n = 0, i = 0;

	if (answer->type == HM_DNS_CNAME)
		return true;
	if (!read_aliases(p, all, &n))
		return false;
	chain = hm_alloc_array(p->arena, n + 1, sizeof(*chain));
	answer->cnames = chain;
	while (i < n) {
		if (!hm_str_eq(all[i].owner, answer->canonical)) {
			i++;
			continue;
		}
		if (answer->ncnames == n)
			return false;
		chain[answer->ncnames++] = all[i];
		lower_ttl(answer, all[i].ttl_s);
		answer->canonical = all[i].target;
		i = 0;
	}
	return true;
}

/* The records that were asked for, under the last alias's name. */
static void
collect(struct parse *p)
{
	struct hm_dns_answer *answer = p->answer;
	size_t room = p->count[1] < HM_DNS_RECORDS_MAX ? p->count[1] :
	    HM_DNS_RECORDS_MAX;
	struct record rec;

	for (unsigned i = 0; i < p->count[1] && !p->r.bad; i++) {
		read_record(&p->r, answer->type, &rec);
		if (p->r.bad || rec.type != (unsigned)answer->type ||
		    !hm_str_eq(name_str(&rec.owner), answer->canonical))
			continue;
		if (answer->n == room) {
			answer->truncated = true;
			continue;
		}
		if (!answer->rr)
			answer->rr = hm_alloc_array(p->arena, room,
			    sizeof(*answer->rr));
		p->r.bad = !read_data(p->arena, &p->r, &rec,
		    &answer->rr[answer->n]);
		lower_ttl(answer, rec.ttl);
		answer->n++;
	}
}

/* How long "nothing" may be believed (RFC 2308, 5). */
static void
read_authority(struct parse *p)
{
	struct record rec;
	struct hm_dns_rr rr;

	for (unsigned i = 0; i < p->count[2] && !p->r.bad; i++) {
		read_record(&p->r, 0, &rec);
		if (p->r.bad || rec.type != HM_DNS_SOA || p->info->has_soa)
			continue;
		p->r.bad = !read_data(p->arena, &p->r, &rec, &rr);
		p->info->has_soa = true;
		if (p->answer->n == 0) {
			lower_ttl(p->answer, rec.ttl);
			lower_ttl(p->answer, rr.soa.minimum_s);
		}
	}
}

static void
read_opt(struct parse *p, const struct record *rec)
{
	struct reader r = p->r;

	p->info->rcode |= (rec->ttl >> 24) << 4;
	r.at = rec->data;
	r.len = rec->data + rec->len;
	while (r.at < r.len && !r.bad) {
		unsigned code = u16(&r);
		struct hm_str value = bytes(&r, u16(&r));

		if (r.bad || code != OPTION_EDE || value.len < 2 ||
		    p->answer->ede >= 0)
			continue;
		p->answer->ede = (unsigned char)value.p[0] << 8 |
		    (unsigned char)value.p[1];
		value = hm_str_take(hm_str_skip(value, 2), EDE_TEXT_MAX);
		if (hm_utf8_valid(value))
			p->answer->ede_text = hm_str_dup(p->arena, value);
	}
}

static void
read_additional(struct parse *p)
{
	struct record rec;

	for (unsigned i = 0; i < p->count[3] && !p->r.bad; i++) {
		read_record(&p->r, 0, &rec);
		if (!p->r.bad && rec.type == TYPE_OPT)
			read_opt(p, &rec);
	}
}

static void
conclude(struct parse *p, bool chain_ok)
{
	struct hm_dns_answer *answer = p->answer;

	if (!chain_ok || (p->info->rcode != WIRE_NOERROR &&
	    p->info->rcode != WIRE_NXDOMAIN)) {
		answer->outcome = HM_DNS_FAILED;
		answer->canonical = answer->name;
		answer->n = answer->ncnames = 0;
	}
	if (!chain_ok) {
		answer->reason = HM_STR("too many aliases, or a circle of them");
	} else if (p->info->rcode == WIRE_NXDOMAIN) {
		answer->outcome = HM_DNS_NXDOMAIN;
		answer->n = 0;
	} else if (p->info->rcode == WIRE_NOERROR) {
		answer->outcome = answer->n > 0 ? HM_DNS_OK : HM_DNS_NODATA;
	}
	/* Nobody said how long. */
	if (answer->n == 0 && !p->info->has_soa)
		answer->ttl_s = 0;
}

int
wire_parse(struct hm_arena *arena, struct hm_str message, struct hm_str name,
    enum hm_dns_type type, struct hm_dns_answer *ret,
    struct wire_info *ret_info)
{
	struct hm_dns_answer answer = { .type = type, .name = name,
	    .canonical = name, .ttl_s = TTL_MAX, .ede = -1 };
	struct wire_info info = { 0 };
	struct parse p = { .arena = arena, .answer = &answer, .info = &info,
	    .r = { (const unsigned char *)message.p, message.len, 0, false } };
	unsigned flags;
	bool chain_ok;

	if (message.len < HEADER_BYTES || message.len > WIRE_BYTES_MAX)
		return -HM_ESYNTAX;
	(void)u16(&p.r);           /* the id was compared where it came in */
	flags = u16(&p.r);
	for (int i = 0; i < 4; i++)
		p.count[i] = u16(&p.r);
	/* A whole response to a standard query. */
	if (!(flags & 0x8000) || (flags & 0x7800) || (flags & 0x0200))
		return -HM_ESYNTAX;
	info.rcode = flags & 15;
	info.ad = (flags & 0x0020) != 0;
	if (!read_question(&p))
		return -HM_ESYNTAX;
	chain_ok = follow(&p);
	collect(&p);
	read_authority(&p);
	read_additional(&p);
	if (p.r.bad)
		return -HM_ESYNTAX;
	conclude(&p, chain_ok);
	*ret = answer;
	*ret_info = info;
	return 0;
}
