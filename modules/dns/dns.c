/* dns.c - commands about the DNS. */
#include "commands.h"

static const struct hm_need dns_needs[] = {
	HM_WANT(resolver), HM_WANT(directory), HM_NEED_END
};

static int
dns_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct dns *dns = hm_new(hm_mod_arena(m), struct dns);

	(void)reterr;
	dns->resolver = HM_GET(m, resolver);
	dns->directory = HM_GET(m, directory);
	hm_mod_set(m, dns);
	return 0;
}

static const struct hm_command dns_commands[] = {
	{ .words = "dns lookup", .args = "TYPE NAME",
	  .summary = "ask the DNS as the server does",
	  .help = "Shows the records, the aliases on the way, how long they hold, "
	      "and whether they are secure (DNSSEC). Types are A, AAAA, CAA, "
	      "CNAME, MX, NS, PTR, SOA, SRV, TLSA and TXT. For PTR an address "
	      "serves as name. The exit status is 0 if there are records.",
	  .where = HM_CMD_EITHER, .run = dns_lookup },
	HM_COMMAND_END
};

HM_MODULE(dns, "1.0", "Commands about the DNS",
	.needs = dns_needs, .commands = dns_commands, .open = dns_open);
