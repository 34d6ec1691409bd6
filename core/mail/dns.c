/* dns.c - names and records of the DNS by their names. */
#include <hermod/dns.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/rand.h>
#include <hermod/str.h>

enum { LABEL_MAX = 63 };

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

/* ---- records that are wanted ---- */

void
hm_dns_want(struct hm_dns_wants *wants, const struct hm_dns_want *want)
{
	if (wants->n == wants->room) {
		struct hm_dns_want *old = wants->at;

		wants->room += 16;
		wants->at = hm_alloc_array(wants->arena, wants->room,
		    sizeof(*old));
		if (wants->n > 0)
			memcpy(wants->at, old, wants->n * sizeof(*old));
	}
	wants->at[wants->n++] = *want;
}
