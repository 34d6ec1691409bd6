/* dns.c - commands about the DNS. */
#include "commands.h"

static const struct hm_opt dns_options[] = {
	HM_OPT_NETS(struct dns_conf, addresses, NULL,
	    "The public addresses of this host, which its name must have in the "
	    "DNS and which must have its name."),
	HM_OPT_END
};

static const struct hm_need dns_needs[] = {
	HM_WANT(resolver), HM_WANT(directory), HM_NEED_END
};

static int
dns_check_conf(const void *conf, struct hm_err *reterr)
{
	const struct dns_conf *c = conf;

	for (size_t i = 0; i < c->addresses->n; i++) {
		const struct hm_net *net = &c->addresses->at[i];

		if (net->bits != (net->addr.family == 4 ? 32 : 128))
			return hm_err_set(reterr, -HM_EINVAL,
			    "addresses: single addresses are expected, not "
			    "networks");
	}
	return 0;
}

static int
dns_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct dns *dns = hm_new(hm_mod_arena(m), struct dns);

	(void)reterr;
	dns->conf = hm_mod_conf(m);
	dns->resolver = HM_GET(m, resolver);
	dns->directory = HM_GET(m, directory);
	hm_mod_set(m, dns);
	return 0;
}

static const struct hm_cmd_flag lookup_flags[] = {
	{ "remembered", NULL, "take what the server still remembers" },
	{ .name = NULL }
};

static const struct hm_command dns_commands[] = {
	{ .words = "dns lookup", .args = "TYPE NAME", .flags = lookup_flags,
	  .summary = "ask the DNS as the server does",
	  .help = "Shows the records, the aliases on the way, how long they hold, "
	      "and whether they are secure (DNSSEC). Types are A, AAAA, CAA, "
	      "CNAME, MX, NS, PTR, SOA, SRV, TLSA and TXT. For PTR an address "
	      "serves as name. The exit status is 0 if there are records.",
	  .where = HM_CMD_EITHER, .run = dns_lookup },
	{ .words = "domain dnsrecords", .args = "DOMAIN",
	  .summary = "print what the DNS should say about a domain",
	  .help = "The output is text for a zone file. What other modules need "
	      "(keys, policies, reports) is part of it as far as they are "
	      "enabled, and while the server runs.",
	  .where = HM_CMD_EITHER, .run = dns_records },
	{ .words = "domain dnscheck", .args = "DOMAIN",
	  .summary = "compare that with what the DNS says",
	  .help = "A verdict for each record: ok, advice (mail works without), "
	      "wrong, or unknown if there was no answer. The exit status is 0 "
	      "if nothing is wrong or unknown.",
	  .where = HM_CMD_EITHER, .run = dns_check },
	HM_COMMAND_END
};

HM_MODULE(dns, "1.0", "Commands about the DNS",
	.conf_size = sizeof(struct dns_conf), .options = dns_options,
	.check = dns_check_conf, .needs = dns_needs, .commands = dns_commands, .open = dns_open);
