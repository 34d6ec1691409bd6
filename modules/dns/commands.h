/* commands.h - what the files of this module share. */
#ifndef DNS_COMMANDS_H
#define DNS_COMMANDS_H

#include <hermod/iface/directory.h>
#include <hermod/iface/resolver.h>
#include <hermod/plugin.h>

struct dns_conf {
	const struct hm_netlist *addresses;
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

/* records.c: what the DNS should say about a domain, the most needed first. */
HM_FIBER void dns_collect(struct hm_mod *m, struct hm_str domain,
    struct hm_dns_wants *wants);
/* The domain a command is about; says so if it is not ours. */
HM_FIBER int dns_take_domain(struct hm_cmd *cmd, struct hm_str *ret);

/* judge.c: what tells texts apart, "v=spf1" of "v=spf1 mx -all". */
struct hm_str dns_txt_tag(struct hm_str text);
/* One wanted record against what is published. */
enum dns_verdict { DNS_GOOD, DNS_ADVICE, DNS_BAD, DNS_UNKNOWN };
enum dns_verdict dns_judge(struct hm_arena *arena,
    const struct hm_dns_want *want, const struct hm_dns_answer *answer,
    bool can_secure, const char **ret_detail);

/* lookup.c, records.c, check.c: the commands. */
HM_FIBER int dns_lookup(struct hm_cmd *cmd);
HM_FIBER int dns_records(struct hm_cmd *cmd);
HM_FIBER int dns_check(struct hm_cmd *cmd);

#endif
