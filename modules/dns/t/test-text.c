/* test-text.c - records as a zone file has them. */
#include <hermod/buf.h>
#include <hermod/str.h>

#include "modules/dns/commands.h"

#include "t/tap.h"

static const struct {
	enum hm_dns_type type;
	struct hm_dns_rr rr;
	const char *text;
} records[] = {
	{ HM_DNS_A, { .addr = { .family = 4, .ip = { 192, 0, 2, 1 } } },
	    "192.0.2.1" },
	{ HM_DNS_AAAA, { .addr = { .family = 6, .ip = { 0x20, 1, 0xd, 0xb8 } } },
	    "2001:db8::" },
	{ HM_DNS_MX, { .mx = { 10, { "mx.example", 10 } } }, "10 mx.example." },
	{ HM_DNS_MX, { .mx = { 0, { ".", 1 } } }, "0 ." },
	{ HM_DNS_PTR, { .name = { "mx.example", 10 } }, "mx.example." },
	{ HM_DNS_TXT, { .txt = { .text = { "say \"\\\" \xff", 9 } } },
	    "\"say \\\"\\\\\\\" \\255\"" },
	{ HM_DNS_TXT, { .txt = { { "ab", 2 }, 2,
	    (const struct hm_str[]){ { "a", 1 }, { "b", 1 } } } },
	    "\"a\" \"b\"" },
	{ HM_DNS_TLSA, { .tlsa = { 3, 1, 1, { "\x01\xfe", 2 } } },
	    "3 1 1 01fe" },
	{ HM_DNS_SRV, { .srv = { 0, 1, 993, { "imap.example", 12 } } },
	    "0 1 993 imap.example." },
	{ HM_DNS_CAA, { .caa = { 0, { "issue", 5 }, { "ca.example", 10 } } },
	    "0 issue \"ca.example\"" },
	{ HM_DNS_SOA, { .soa = { { "a", 1 }, { "b", 1 }, 1, 2, 3, 4, 5 } },
	    "a. b. 1 2 3 4 5" },
};

int
main(void)
{
	struct hm_buf out = { 0 };
	struct hm_dns_rr key = { .ttl_s = 0 };
	char buf[16], text[300];

	for (size_t i = 0; i < HM_ARRAY_LEN(records); i++) {
		hm_buf_clear(&out);
		dns_rr_text(&out, records[i].type, &records[i].rr);
		ok(hm_str_is(hm_buf_view(&out), records[i].text), "%s %s",
		    hm_dns_type_text(buf, records[i].type), records[i].text);
	}
	memset(text, 'k', sizeof(text));
	hm_buf_clear(&out);
	key.txt.text = hm_str_n(text, 255);
	dns_rr_text(&out, HM_DNS_TXT, &key);
	ok(out.len == 257, "255 octets are one string");
	hm_buf_clear(&out);
	key.txt.text = hm_str_n(text, 256);
	dns_rr_text(&out, HM_DNS_TXT, &key);
	ok(out.len == 256 + 3 * 2 + 2, "256 octets are three");
	hm_buf_release(&out);
	return done();
}
