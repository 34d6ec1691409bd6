/* dns.h - a DNS of a few texts, for tests of what asks for keys. */
#ifndef DKIM_T_DNS_H
#define DKIM_T_DNS_H

#include <hermod/iface/resolver.h>

enum { DNS_TEXTS_MAX = 100 };

struct dns {
	size_t n, asked;
	struct {
		struct hm_str name, text;
		enum hm_dns_outcome outcome;
	} at[DNS_TEXTS_MAX];
	struct hm_resolver resolver;
};

/* The arena of the answers is the asker's; names and texts are borrowed. */
void dns_init(struct dns *dns);
void dns_add(struct dns *dns, struct hm_str name, struct hm_str text);
void dns_fail(struct dns *dns, struct hm_str name, enum hm_dns_outcome outcome);

#endif
