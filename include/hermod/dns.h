/* dns.h - names, records and answers of the DNS.
 *
 * Names are lower-case text without a trailing dot, always absolute; the root
 * is ".". In answers, octets that are no printable ASCII, and dots and
 * backslashes within a label, are written \DDD: such a name is never one of a
 * host. Thread: any.
 */
#ifndef HERMOD_DNS_H
#define HERMOD_DNS_H

#include <hermod/net.h>
#include <hermod/types.h>

enum hm_dns_type {
	HM_DNS_A = 1,
	HM_DNS_NS = 2,
	HM_DNS_CNAME = 5,
	HM_DNS_SOA = 6,
	HM_DNS_PTR = 12,
	HM_DNS_MX = 15,
	HM_DNS_TXT = 16,
	HM_DNS_AAAA = 28,
	HM_DNS_SRV = 33,
	HM_DNS_TLSA = 52,
	HM_DNS_CAA = 257,
};

enum hm_dns_outcome {
	HM_DNS_OK = 0,        /* there are records */
	HM_DNS_NODATA = 1,    /* the name exists, but not with this type */
	HM_DNS_NXDOMAIN = 2,  /* there is no such name */
	HM_DNS_BADNAME = 3,   /* no name of the DNS; nobody was asked */
	HM_DNS_TIMEOUT = 4,   /* no answer in time */
	HM_DNS_FAILED = 5,    /* servers failed, refused, or talked nonsense */
	HM_DNS_BOGUS = 6,     /* signed, and the signatures are wrong */
};

/* The answer is that there is nothing; it will be the same tomorrow. */
static inline bool
hm_dns_absent(enum hm_dns_outcome o)
{
	return o >= HM_DNS_NODATA && o <= HM_DNS_BADNAME;
}

/* There is no answer now: try again later, and never take it for "nothing". */
static inline bool
hm_dns_temporary(enum hm_dns_outcome o)
{
	return o >= HM_DNS_TIMEOUT;
}

struct hm_dns_mx { uint16_t preference; struct hm_str host; };
struct hm_dns_srv { uint16_t priority, weight, port; struct hm_str target; };
struct hm_dns_caa { uint8_t flags; struct hm_str tag, value; };
struct hm_dns_tlsa {
	uint8_t usage, selector, matching;
	struct hm_str data;
};
struct hm_dns_txt {
	struct hm_str text;          /* the pieces, joined without separator */
	size_t npieces;
	const struct hm_str *pieces;
};
struct hm_dns_soa {
	struct hm_str mname, rname;
	uint32_t serial, refresh_s, retry_s, expire_s, minimum_s;
};

/* One record of the type that was asked for, which tells the member. */
struct hm_dns_rr {
	uint32_t ttl_s;
	union {
		struct hm_sockaddr addr;   /* A, AAAA; port 0 */
		struct hm_str name;        /* CNAME, NS, PTR */
		struct hm_dns_mx mx;
		struct hm_dns_txt txt;
		struct hm_dns_tlsa tlsa;
		struct hm_dns_srv srv;
		struct hm_dns_caa caa;
		struct hm_dns_soa soa;
	};
};

struct hm_dns_cname {
	struct hm_str owner, target;
	uint32_t ttl_s;
};

enum hm_dns_limits {
	HM_DNS_RECORDS_MAX = 256,  /* of one answer; more are cut, and it says so */
	HM_DNS_CNAMES_MAX = 16,    /* a longer chain counts as failed */
	HM_DNS_NAME_BYTES = 253,   /* of a name that can be asked for */
};

struct hm_dns_answer {
	enum hm_dns_outcome outcome;
	enum hm_dns_type type;
	/* Validated by a resolver that is trusted with that: all of the answer,
	 * every alias on the way, and also that there is nothing. Whether one
	 * alias of an insecure chain is secure tells a query for its CNAME. */
	bool secure;
	bool truncated;              /* some records are missing, see the limits */
	struct hm_str name;          /* as asked, lower case */
	struct hm_str canonical;     /* behind all aliases; name, without any */
	size_t ncnames;
	const struct hm_dns_cname *cnames; /* in order, from name on */
	size_t n;
	struct hm_dns_rr *rr;        /* yours to sort */
	uint32_t ttl_s;              /* the smallest; of "nothing", how long it
	                              * may be believed */
	/* For logs, when there are no records: "127.0.0.1: no answer". */
	struct hm_str reason;
	/* An extended error (RFC 8914) the resolver gave, or -1. */
	int ede;
	struct hm_str ede_text;
};

/* What the DNS should say about a domain of ours: the argument of the hook
 * dns_records, in which every module adds what belongs to it. */
enum hm_dns_want_flags {
	HM_DNS_OPTIONAL = 1,   /* worth having, but mail works without */
	HM_DNS_SIMILAR = 2,    /* a TXT record that begins with the same tag
	                        * ("v=DMARC1") serves as well */
	HM_DNS_AMONG = 4,      /* others of the type beside it are no mistake */
};
struct hm_dns_want {
	const char *about;         /* "where mail for the domain goes" */
	struct hm_str name;
	enum hm_dns_type type;
	unsigned flags;
	struct hm_dns_rr rr;
};
struct hm_dns_wants {
	struct hm_str domain;      /* A-labels */
	struct hm_arena *arena;    /* for what is added */
	size_t n, room;
	struct hm_dns_want *at;
};
/* What the strings are borrowed from is static, or the arena. */
HM_API void hm_dns_want(struct hm_dns_wants *wants,
    const struct hm_dns_want *want);

/* Checks a name that shall be asked for and makes it lower case; a trailing dot
 * is refused, as is what is not printable ASCII: give A-labels. */
HM_API int hm_dns_name(struct hm_arena *arena, struct hm_str text,
    struct hm_str *ret);
/* The name under which an address is looked up: "4.3.2.1.in-addr.arpa", or
 * below zone, if that is not NULL: "4.3.2.1.dnsbl.example". */
HM_API struct hm_str hm_dns_reverse(struct hm_arena *arena,
    const struct hm_sockaddr *addr, const char *zone);
/* Orders MX records by preference, by chance among equals (RFC 5321, 5.1). */
HM_API void hm_dns_mx_sort(struct hm_dns_answer *answer);
/* "MX 0 .": the domain takes no mail (RFC 7505). */
static inline bool
hm_dns_mx_null(const struct hm_dns_answer *answer)
{
	return answer->n == 1 && answer->rr[0].mx.host.len == 1 &&
	    answer->rr[0].mx.host.p[0] == '.';
}

/* "TLSA"; "TYPE99" for others. buf of 16 bytes. */
HM_API const char *hm_dns_type_text(char buf[16], enum hm_dns_type type);
/* A type of the list above by its name, in any case. */
HM_API int hm_dns_type_parse(struct hm_str text, enum hm_dns_type *ret);
/* "no such name". Static. */
HM_API const char *hm_dns_outcome_text(enum hm_dns_outcome outcome);

#endif
