/* address.h - mail addresses of the envelope and of header fields, and domains.
 *
 * Results are allocated from the given arena. Thread: any.
 */
#ifndef HERMOD_ADDRESS_H
#define HERMOD_ADDRESS_H

#include <hermod/types.h>

/* An envelope address (RFC 5321, 4.1.2). The null path has an empty local part
 * and domain; "<postmaster>" has an empty domain. */
struct hm_addr {
	struct hm_str local;   /* without quotes, UTF-8, NFC */
	struct hm_str domain;  /* ASCII, lower case, A-labels; or "[192.0.2.1]",
	                        * "[IPv6:2001:db8::1]" */
	struct hm_str text;    /* local@domain as written in protocols, quoted
	                        * where the local part needs it; empty for null */
	bool utf8;             /* the local part needs SMTPUTF8 */
};

enum hm_addr_flags {
	HM_ADDR_NULL = 1,      /* "<>" is allowed */
	HM_ADDR_POSTMASTER = 2, /* "<postmaster>" without a domain is allowed */
	HM_ADDR_UTF8 = 4,      /* SMTPUTF8 was given (RFC 6531) */
	HM_ADDR_PEDANTIC = 8,  /* 64-octet local parts and other strictness */
};

/* A path in angle brackets at the front of *in; advances *in behind it. Source
 * routes are parsed and dropped (RFC 5321, 4.1.1.3). Limits: path 256 octets,
 * domain 255, local part 128 (64 with PEDANTIC). */
HM_API int hm_addr_path(struct hm_arena *arena, struct hm_str *in,
    unsigned flags, struct hm_addr *ret, struct hm_err *reterr);
/* "local@domain" and nothing else. */
HM_API int hm_addr_parse(struct hm_arena *arena, struct hm_str text,
    unsigned flags, struct hm_addr *ret, struct hm_err *reterr);
HM_API void hm_addr_copy(struct hm_arena *arena, const struct hm_addr *from,
    struct hm_addr *ret);
static inline struct hm_str
hm_addr_text(const struct hm_addr *addr)
{
	return addr->text;
}

/* A domain name in A- or U-labels to lower-case A-labels (IDNA2008 with UTS 46
 * mapping, through libidn2). No trailing dot, labels of at most 63 octets. */
HM_API int hm_domain_ascii(struct hm_arena *arena, struct hm_str name,
    struct hm_str *ret, struct hm_err *reterr);
/* The form for people; the input itself where it has no other. */
HM_API struct hm_str hm_domain_unicode(struct hm_arena *arena,
    struct hm_str ascii);
/* Unicode normalisation form C; -HM_ESYNTAX for malformed UTF-8. */
HM_API int hm_utf8_nfc(struct hm_arena *arena, struct hm_str s,
    struct hm_str *ret);

/* One element of an address list field (RFC 5322, 3.4, with the obsolete forms
 * and the damage seen in the wild). */
enum hm_hdraddr_kind {
	HM_HDRADDR_MAILBOX = 0,
	HM_HDRADDR_GROUP = 1,      /* name: the group's; its members follow */
	HM_HDRADDR_GROUP_END = 2,
};
struct hm_hdraddr {
	enum hm_hdraddr_kind kind;
	struct hm_str name;        /* phrase or trailing comment, unquoted, encoded
	                            * words as they are; {NULL,0} if none */
	struct hm_str route;       /* obsolete route, or {NULL,0} */
	struct hm_str local;       /* unquoted; {NULL,0} when unparsable */
	struct hm_str domain;      /* as written, without comments */
};
struct hm_hdraddrs {
	size_t n;
	const struct hm_hdraddr *at;
	bool damaged;              /* something had to be skipped or guessed */
	bool truncated;            /* more than 10,000 elements */
};
/* Never fails: what cannot be parsed is skipped and marked. Linear time. */
HM_API void hm_hdraddrs_parse(struct hm_arena *arena, struct hm_str value,
    struct hm_hdraddrs *ret);
/* The single author of a message: exactly one From field with exactly one
 * mailbox, strictly parsed; else -HM_ESYNTAX. Takes the field's value. */
HM_API int hm_hdraddr_single(struct hm_arena *arena, struct hm_str value,
    struct hm_addr *ret, struct hm_err *reterr);

#endif
