/* commands.h - what the files of this module share. */
#ifndef DNS_COMMANDS_H
#define DNS_COMMANDS_H

#include <hermod/iface/directory.h>
#include <hermod/iface/resolver.h>
#include <hermod/plugin.h>

struct dns_conf {
	const struct hm_addrlist *addresses;
};

struct dns {
	const struct dns_conf *conf;
	const struct hm_resolver *resolver;   /* NULL: nobody provides it */
	const struct hm_directory *directory; /* likewise */
};

/* What a person typed as a name of the DNS: U-labels and a dot at the end are
 * fine. 0, or says what is wrong and returns the exit status. */
HM_FIBER int dns_take_name(struct hm_cmd *cmd, const char *text,
    struct hm_str *ret);

/* text.c: appends the data of a record. */
void dns_rr_text(struct hm_buf *out, enum hm_dns_type type,
    const struct hm_dns_rr *rr);

/* lookup.c */
HM_FIBER int dns_lookup(struct hm_cmd *cmd);

#endif
