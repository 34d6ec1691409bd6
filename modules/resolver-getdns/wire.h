/* wire.h - answers as they come over the network (RFC 1035, 4). */
#ifndef WIRE_H
#define WIRE_H

#include <hermod/dns.h>

/* What the header, and not the records, says. */
struct wire_info {
	unsigned rcode;       /* the upper bits of OPT included (RFC 6891, 6.1.3) */
	bool ad;              /* the resolver says that it validated all of it */
	bool has_soa;         /* in the authority section: "nothing" is certain */
};

enum {
	WIRE_NOERROR = 0,
	WIRE_FORMERR = 1,
	WIRE_SERVFAIL = 2,
	WIRE_NXDOMAIN = 3,
	WIRE_NOTIMP = 4,
	WIRE_REFUSED = 5,
	WIRE_BYTES_MAX = 65535,
};

/* Reads the answer to a question for name (lower case) and type; all it says is
 * copied into the arena. The outcome is OK, NODATA, NXDOMAIN or FAILED; secure
 * stays false. -HM_ESYNTAX: not a well-formed answer to that question. */
int wire_parse(struct hm_arena *arena, struct hm_str message,
    struct hm_str name, enum hm_dns_type type, struct hm_dns_answer *ret,
    struct wire_info *ret_info);

#endif
