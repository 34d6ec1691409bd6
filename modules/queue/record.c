/* record.c - the queue's records, written and read. */
#include <string.h>

#include <hermod/err.h>
#include <hermod/str.h>

#include "record.h"

enum { VERSION = 1 };

enum message_flags { SMTPUTF8 = 1, EIGHTBIT = 2, BINARY = 4, REPORT = 8,
	KIND_SHIFT = 4, KIND_MASK = 3 };
enum rcpt_flags { HELD = 1, OWES_SHIFT = 1, OWES_MASK = 7 };

/* ---- keys ---- */

void
queue_key_id(struct hm_buf *key, uint64_t id)
{
	hm_buf_clear(key);
	hm_buf_be64(key, id);
}

void
queue_key_rcpt(struct hm_buf *key, uint64_t id, uint32_t number)
{
	queue_key_id(key, id);
	hm_buf_be32(key, number);
}

void
queue_key_due(struct hm_buf *key, struct hm_str domain, int64_t next_ms,
    uint64_t id, uint32_t number)
{
	hm_buf_clear(key);
	hm_buf_str(key, domain);
	hm_buf_putc(key, '\0');
	hm_buf_be64(key, (uint64_t)next_ms);
	hm_buf_be64(key, id);
	hm_buf_be32(key, number);
}

int
queue_key_due_read(struct hm_str key, struct hm_str *ret_domain,
    int64_t *ret_next_ms, uint64_t *ret_id, uint32_t *ret_number)
{
	ssize_t end = hm_str_chr(key, '\0');
	struct hm_str rest;
	uint64_t next = 0;

	if (end < 0)
		return -HM_ECORRUPT;
	rest = hm_str_skip(key, (size_t)end + 1);
	if (hm_take_be64(&rest, &next) < 0 || hm_take_be64(&rest, ret_id) < 0 ||
	    hm_take_be32(&rest, ret_number) < 0 || rest.len != 0)
		return -HM_ECORRUPT;
	*ret_domain = hm_str_take(key, (size_t)end);
	*ret_next_ms = (int64_t)next;
	return 0;
}

/* ---- messages ---- */

static int
take_version(struct hm_str *in)
{
	uint8_t version;

	if (hm_take_u8(in, &version) < 0 || version != VERSION)
		return -HM_ECORRUPT;
	return 0;
}

void
queue_message_pack(struct hm_buf *out, const struct queue_message *m)
{
	hm_buf_putc(out, VERSION);
	hm_buf_putc(out, (char)((m->smtputf8 ? SMTPUTF8 : 0) |
	    (m->eightbit ? EIGHTBIT : 0) | (m->binary ? BINARY : 0) |
	    (m->report ? REPORT : 0) | m->kind << KIND_SHIFT));
	hm_buf_putc(out, (char)m->ret);
	hm_buf_putc(out, (char)m->requiretls);
	hm_buf_le64(out, (uint64_t)m->queued_ms);
	hm_buf_le64(out, m->blob);
	hm_buf_varint(out, m->body_bytes);
	hm_buf_varint(out, m->nrcpts);
	hm_buf_lstr(out, m->account);
	hm_buf_lstr(out, m->sender);
	hm_buf_lstr(out, m->envid);
	hm_buf_lstr(out, m->message_id);
	hm_buf_lstr(out, m->prefix);
}

int
queue_message_unpack(struct hm_str in, uint64_t id, struct queue_message *ret)
{
	struct queue_message m = { .id = id };
	uint64_t queued, nrcpts;
	uint8_t flags;

	if (take_version(&in) < 0 || hm_take_u8(&in, &flags) < 0 ||
	    hm_take_u8(&in, &m.ret) < 0 || hm_take_u8(&in, &m.requiretls) < 0 ||
	    hm_take_le64(&in, &queued) < 0 || hm_take_le64(&in, &m.blob) < 0 ||
	    hm_take_varint(&in, &m.body_bytes) < 0 ||
	    hm_take_varint(&in, &nrcpts) < 0 || nrcpts > UINT32_MAX ||
	    hm_take_lstr(&in, &m.account) < 0 ||
	    hm_take_lstr(&in, &m.sender) < 0 ||
	    hm_take_lstr(&in, &m.envid) < 0 ||
	    hm_take_lstr(&in, &m.message_id) < 0 ||
	    hm_take_lstr(&in, &m.prefix) < 0 ||
	    (flags >> KIND_SHIFT & KIND_MASK) > HM_MAIL_TLS_REPORT)
		return -HM_ECORRUPT;
	m.smtputf8 = flags & SMTPUTF8;
	m.eightbit = flags & EIGHTBIT;
	m.binary = flags & BINARY;
	m.report = flags & REPORT;
	m.kind = flags >> KIND_SHIFT & KIND_MASK;
	m.queued_ms = (int64_t)queued;
	m.nrcpts = (uint32_t)nrcpts;
	*ret = m;
	return 0;
}

/* ---- recipients ---- */

static void
put_result(struct hm_buf *out, const struct queue_result *r)
{
	hm_buf_le64(out, (uint64_t)r->at_ms);
	hm_buf_varint(out, r->took_ms);
	hm_buf_putc(out, (char)r->outcome);
	hm_buf_le16(out, r->code);
	hm_buf_lstr(out, r->esc);
	hm_buf_lstr(out, hm_str_take(r->text, QUEUE_TEXT_MAX));
	hm_buf_lstr(out, r->remote);
}

static int
take_result(struct hm_str *in, struct queue_result *ret)
{
	uint64_t at, took;

	if (hm_take_le64(in, &at) < 0 || hm_take_varint(in, &took) < 0 ||
	    took > UINT32_MAX || hm_take_u8(in, &ret->outcome) < 0 ||
	    hm_take_le16(in, &ret->code) < 0 ||
	    hm_take_lstr(in, &ret->esc) < 0 ||
	    hm_take_lstr(in, &ret->text) < 0 ||
	    hm_take_lstr(in, &ret->remote) < 0)
		return -HM_ECORRUPT;
	ret->at_ms = (int64_t)at;
	ret->took_ms = (uint32_t)took;
	return 0;
}

void
queue_rcpt_pack(struct hm_buf *out, const struct queue_rcpt *r)
{
	hm_buf_putc(out, VERSION);
	hm_buf_putc(out, (char)((r->held ? HELD : 0) |
	    ((unsigned)r->owes << OWES_SHIFT)));
	hm_buf_putc(out, (char)r->notify);
	hm_buf_varint(out, r->attempts);
	hm_buf_le64(out, (uint64_t)r->next_ms);
	hm_buf_le64(out, (uint64_t)r->last_ms);
	hm_buf_varint(out, r->last_ip_uses);
	hm_buf_lstr(out, r->addr);
	hm_buf_lstr(out, r->domain);
	hm_buf_lstr(out, r->orcpt);
	hm_buf_lstr(out, r->transport);
	hm_buf_lstr(out, r->last_ip);
	hm_buf_varint(out, r->nresults);
	for (uint32_t i = 0; i < r->nresults; i++)
		put_result(out, &r->results[i]);
}

int
queue_rcpt_unpack(struct hm_str in, uint64_t id, uint32_t number,
    struct queue_rcpt *ret)
{
	uint64_t attempts, next, last, uses, nresults;
	uint8_t flags;

	*ret = (struct queue_rcpt){ .id = id, .number = number };
	if (take_version(&in) < 0 || hm_take_u8(&in, &flags) < 0 ||
	    hm_take_u8(&in, &ret->notify) < 0 ||
	    hm_take_varint(&in, &attempts) < 0 || attempts > UINT32_MAX ||
	    hm_take_le64(&in, &next) < 0 || hm_take_le64(&in, &last) < 0 ||
	    hm_take_varint(&in, &uses) < 0 || uses > UINT32_MAX ||
	    hm_take_lstr(&in, &ret->addr) < 0 ||
	    hm_take_lstr(&in, &ret->domain) < 0 ||
	    hm_take_lstr(&in, &ret->orcpt) < 0 ||
	    hm_take_lstr(&in, &ret->transport) < 0 ||
	    hm_take_lstr(&in, &ret->last_ip) < 0 ||
	    hm_take_varint(&in, &nresults) < 0 || nresults > QUEUE_RESULTS ||
	    (flags >> OWES_SHIFT & OWES_MASK) > QUEUE_REPORT_RELAYED)
		return -HM_ECORRUPT;
	for (; ret->nresults < nresults; ret->nresults++)
		if (take_result(&in, &ret->results[ret->nresults]) < 0)
			return -HM_ECORRUPT;
	ret->held = flags & HELD;
	ret->owes = (enum queue_report)(flags >> OWES_SHIFT & OWES_MASK);
	ret->attempts = (uint32_t)attempts;
	ret->next_ms = (int64_t)next;
	ret->last_ms = (int64_t)last;
	ret->last_ip_uses = (uint32_t)uses;
	return 0;
}

void
queue_rcpt_add_result(struct queue_rcpt *rcpt, const struct queue_result *result)
{
	if (rcpt->nresults == QUEUE_RESULTS) {
		memmove(&rcpt->results[0], &rcpt->results[1],
		    (QUEUE_RESULTS - 1) * sizeof(rcpt->results[0]));
		rcpt->nresults--;
	}
	rcpt->results[rcpt->nresults++] = *result;
}

/* ---- suppressed addresses, hold rules, what cannot be read ---- */

void
queue_damage_pack(struct hm_buf *out, int64_t since_ms)
{
	hm_buf_putc(out, VERSION);
	hm_buf_le64(out, (uint64_t)since_ms);
}

int
queue_damage_unpack(struct hm_str in, int64_t *ret_since_ms)
{
	uint64_t since;

	if (take_version(&in) < 0 || hm_take_le64(&in, &since) < 0)
		return -HM_ECORRUPT;
	*ret_since_ms = (int64_t)since;
	return 0;
}

void
queue_suppression_pack(struct hm_buf *out, const struct queue_suppression *s)
{
	hm_buf_putc(out, VERSION);
	hm_buf_le64(out, (uint64_t)s->since_ms);
	hm_buf_lstr(out, s->addr);
	hm_buf_lstr(out, s->reason);
}

int
queue_suppression_unpack(struct hm_str in, struct queue_suppression *ret)
{
	uint64_t since;

	if (take_version(&in) < 0 || hm_take_le64(&in, &since) < 0 ||
	    hm_take_lstr(&in, &ret->addr) < 0 ||
	    hm_take_lstr(&in, &ret->reason) < 0)
		return -HM_ECORRUPT;
	ret->since_ms = (int64_t)since;
	return 0;
}

void
queue_rule_pack(struct hm_buf *out, const struct queue_rule *rule)
{
	hm_buf_putc(out, VERSION);
	hm_buf_lstr(out, rule->account);
	hm_buf_lstr(out, rule->sender_domain);
	hm_buf_lstr(out, rule->rcpt_domain);
}

int
queue_rule_unpack(struct hm_str in, struct queue_rule *ret)
{
	if (take_version(&in) < 0 || hm_take_lstr(&in, &ret->account) < 0 ||
	    hm_take_lstr(&in, &ret->sender_domain) < 0 ||
	    hm_take_lstr(&in, &ret->rcpt_domain) < 0)
		return -HM_ECORRUPT;
	return 0;
}
