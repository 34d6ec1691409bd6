/* records.c - what the DNS should say about a domain of ours. */
#include "commands.h"

#include <hermod/buf.h>

int
dns_take_domain(struct hm_cmd *cmd, struct hm_str *ret)
{
	const struct dns *dns = hm_mod_state(hm_cmd_mod(cmd));
	const char *text = hm_cmd_arg(cmd, 0);
	struct hm_err err = { 0 };

	if (hm_domain_ascii(hm_cmd_arena(cmd), hm_str(text), ret, &err) < 0)
		return hm_cmd_fail(cmd, &err);
	if (dns->directory != NULL && dns->directory->ops->domain(
	    dns->directory->self, *ret) == 0)
		return hm_cmd_error(cmd, "%s is not served here; hermod domain "
		    "list shows what is", text);
	return 0;
}

/* ---- what needs no other module ---- */

static void
want_txt(struct hm_dns_wants *w, const char *about, struct hm_str name,
    struct hm_str text, unsigned flags)
{
	struct hm_dns_want want = { .about = about, .name = name,
	    .type = HM_DNS_TXT, .flags = flags, .rr = { .txt = { .text = text } } };

	hm_dns_want(w, &want);
}

static void
want_hosts(struct hm_dns_wants *w, const struct dns *dns, struct hm_str host)
{
	const struct hm_netlist *list = dns->conf->addresses;

	for (size_t i = 0; i < list->n; i++) {
		struct hm_dns_want want = { .about = "addresses of this host",
		    .name = host, .type = list->at[i].addr.family == 4 ? HM_DNS_A :
		    HM_DNS_AAAA, .rr = { .addr = list->at[i].addr } };

		want.rr.addr.port = 0;
		hm_dns_want(w, &want);
		want = (struct hm_dns_want){
		    .about = "names of the addresses; whose network it is sets them",
		    .name = hm_dns_reverse(w->arena, &list->at[i].addr, NULL),
		    .type = HM_DNS_PTR, .rr = { .name = host } };
		hm_dns_want(w, &want);
	}
}

static void
want_spf(struct hm_dns_wants *w, const struct dns *dns, struct hm_str host)
{
	const struct hm_netlist *list = dns->conf->addresses;
	struct hm_buf spf = { 0 };
	char text[112];

	hm_buf_puts(&spf, "v=spf1");
	for (size_t i = 0; i < list->n; i++)
		hm_buf_printf(&spf, " ip%u:%s", list->at[i].addr.family,
		    hm_sockaddr_ip(text, &list->at[i].addr));
	hm_buf_puts(&spf, " mx ~all");
	want_txt(w, "who may send mail of the domain (SPF)", w->domain,
	    hm_str_dup(w->arena, hm_buf_view(&spf)), HM_DNS_SIMILAR);
	hm_buf_release(&spf);
	if (!hm_str_eq(host, w->domain))
		want_txt(w, "reports of this host carry its own name", host,
		    HM_STR("v=spf1 a -all"), HM_DNS_SIMILAR | HM_DNS_OPTIONAL);
}

static bool
has_txt(const struct hm_dns_wants *w, const char *tag)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->at[i].type == HM_DNS_TXT && hm_str_caseis(
		    dns_txt_tag(w->at[i].rr.txt.text), tag))
			return true;
	return false;
}

/* Who does not sign cannot ask others to refuse: mail that was forwarded would
 * be lost. */
static void
want_dmarc(struct hm_dns_wants *w, bool is_signed)
{
	struct hm_str name = hm_str(hm_printf(w->arena, "_dmarc.%.*s",
	    HM_FMT(w->domain)));

	want_txt(w, "what to do with mail that fails the checks (DMARC)", name,
	    is_signed ? HM_STR("v=DMARC1; p=reject") :
	    HM_STR("v=DMARC1; p=none"), HM_DNS_SIMILAR);
}

void
dns_collect(struct hm_mod *m, struct hm_str domain, struct hm_dns_wants *wants)
{
	const struct dns *dns = hm_mod_state(m);
	struct hm_str host = hm_str(hm_server(m)->hostname);
	struct hm_dns_wants theirs = { .domain = domain, .arena = wants->arena };
	struct hm_dns_want mx = { .about = "where mail for the domain goes",
	    .name = domain, .type = HM_DNS_MX, .rr = { .mx = { 10, host } } };

	wants->domain = domain;
	(void)hm_decide_dns_records(m, NULL, NULL, &theirs);
	hm_dns_want(wants, &mx);
	want_hosts(wants, dns, host);
	if (!has_txt(&theirs, "v=spf1"))
		want_spf(wants, dns, host);
	if (!has_txt(&theirs, "v=DMARC1"))
		want_dmarc(wants, has_txt(&theirs, "v=DKIM1"));
	for (size_t i = 0; i < theirs.n; i++)
		hm_dns_want(wants, &theirs.at[i]);
}

/* ---- hermod domain dnsrecords ---- */

static void
print_want(struct hm_cmd *cmd, const struct hm_dns_want *want)
{
	struct hm_buf data = { 0 };
	char type[16];

	dns_rr_text(&data, want->type, &want->rr);
	hm_cmd_printf(cmd, "%.*s. IN %s %.*s\n", HM_FMT(want->name),
	    hm_dns_type_text(type, want->type), HM_FMT(hm_buf_view(&data)));
	hm_buf_release(&data);
}

static void
print_json(struct hm_cmd *cmd, const struct hm_dns_wants *wants)
{
	static const char *const columns[] = { "name", "type", "data", "about",
	    "optional", NULL };
	struct hm_cmd_table *table = hm_cmd_table(cmd, columns);
	char type[16];

	for (size_t i = 0; i < wants->n; i++) {
		const struct hm_dns_want *w = &wants->at[i];
		struct hm_buf data = { 0 };

		dns_rr_text(&data, w->type, &w->rr);
		hm_cmd_row(table, (struct hm_str[]){ w->name,
		    hm_str(hm_dns_type_text(type, w->type)), hm_buf_view(&data),
		    hm_str(w->about), w->flags & HM_DNS_OPTIONAL ?
		    HM_STR("yes") : HM_STR("no") });
		hm_buf_release(&data);
	}
	hm_cmd_table_end(table);
}

int
dns_records(struct hm_cmd *cmd)
{
	struct hm_mod *m = hm_cmd_mod(cmd);
	const struct dns *dns = hm_mod_state(m);
	struct hm_dns_wants wants = { .arena = hm_cmd_arena(cmd) };
	const char *about = NULL;
	struct hm_str domain;
	int rc = dns_take_domain(cmd, &domain);

	if (rc != 0)
		return rc;
	dns_collect(m, domain, &wants);
	if (hm_cmd_json(cmd)) {
		print_json(cmd, &wants);
		return 0;
	}
	hm_cmd_printf(cmd, "$TTL 300\n");
	for (size_t i = 0; i < wants.n; i++) {
		const struct hm_dns_want *w = &wants.at[i];

		if (about != w->about)
			hm_cmd_printf(cmd, "; %s%s\n", w->about,
			    w->flags & HM_DNS_OPTIONAL ? " (optional)" : "");
		about = w->about;
		print_want(cmd, w);
	}
	if (dns->conf->addresses->n == 0)
		hm_cmd_printf(cmd, "; %s needs A and AAAA records with the public "
		    "addresses of this host, and\n; these addresses need PTR "
		    "records with that name; say \"addresses\" in\n; conf.d/"
		    "dns.yaml, and they are listed here.\n",
		    hm_server(m)->hostname);
	return 0;
}
