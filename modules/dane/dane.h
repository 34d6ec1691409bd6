/* dane.h - what the files of this module share. */
#ifndef DANE_H
#define DANE_H

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/fiber.h>
#include <hermod/iface/resolver.h>
#include <hermod/iface/smtp_client.h>
#include <hermod/net.h>
#include <hermod/plugin.h>

/* ---- tlsa.c: records, without a network ---- */

enum { DANE_RECORDS_MAX = 32 };  /* of one host that are looked at */

enum { DANE_TA = 2, DANE_EE = 3 };
enum { DANE_CERT = 0, DANE_SPKI = 1 };
enum { DANE_FULL = 0, DANE_SHA256 = 1, DANE_SHA512 = 2 };

/* Those that a client of SMTP can use (RFC 7672, 3.1), of which weaker digests
 * beside stronger ones are left out (RFC 7671, 9). Their count. */
size_t dane_usable(const struct hm_dns_answer *answer, struct hm_arena *arena,
    const struct hm_tlsa **ret);
/* "3 1 1 0123…", as in a zone file, without an end of line. */
void dane_record_text(struct hm_buf *out, unsigned usage, unsigned selector,
    unsigned matching, struct hm_str data);
/* What a record says of a certificate in DER; data is appended. 0 or
 * -HM_ESYNTAX if it is none. */
int dane_record_data(struct hm_str der, unsigned selector, unsigned matching,
    struct hm_buf *data);

/* ---- look.c: what the DNS says of a host ---- */

struct dane_metrics {
	struct hm_counter *lookups;
};
struct dane {
	const struct hm_resolver *resolver;
	const struct hm_smtp_client *client;   /* NULL: no dialling */
	const struct dane_metrics *metrics;
};
/* Fills in p's facts; pass, or defer if the host cannot be used now. */
HM_FIBER struct hm_verdict dane_look(const struct dane *d,
    struct hm_tls_policy *p);
/* Where its records are: "_25._tcp.mx.example.org". */
struct hm_str dane_name(struct hm_arena *arena, uint16_t port,
    struct hm_str base);

/* ---- commands.c, dial.c ---- */

enum { DANE_ADDRS_MAX = 16 };
struct dane_addrs {
	size_t n;
	struct hm_sockaddr at[DANE_ADDRS_MAX];
};
/* "mx.example.org", "mx.example.org:465" into p's host and port; 0, or the exit
 * status. */
int dane_take_host(struct hm_cmd *cmd, const char *text,
    struct hm_tls_policy *p);
/* The host's addresses, its name behind aliases and whether all that is secure;
 * false, with the reason, if there are none. */
HM_FIBER bool dane_find_addrs(const struct dane *d, struct hm_tls_policy *p,
    struct dane_addrs *ret, struct hm_str *ret_reason);
HM_FIBER int dane_dial(struct hm_cmd *cmd);
HM_FIBER int dane_dialmx(struct hm_cmd *cmd);
extern const struct hm_command dane_commands[];

#endif
