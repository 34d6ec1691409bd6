/* test-record.c - records come back as written, reports say what RFC 3464 wants.
 */
#include "modules/queue/queue.h"
#include "t/tap.h"

static const struct queue_message message = {
	.id = 7, .account = { "anna", 4 }, .sender = { "anna@example.org", 16 },
	.envid = { "x+2B", 4 }, .message_id = { "m@example.org", 13 },
	.prefix = { "Received: x\r\n", 13 }, .blob = 0x1122334455667788,
	.body_bytes = 1 << 20, .queued_ms = 1795867200000, .ret = HM_RET_FULL,
	.requiretls = HM_REQUIRETLS_NO, .eightbit = true, .report = true,
	.kind = HM_MAIL_TLS_REPORT,
	.nrcpts = 3,
};

static struct queue_rcpt
recipient(void)
{
	struct queue_rcpt rcpt = { .id = 7, .number = 2,
	    .addr = HM_STR("x@far.example"), .domain = HM_STR("far.example"),
	    .orcpt = HM_STR("rfc822;old@far.example"),
	    .transport = HM_STR("provider"), .last_ip = HM_STR("192.0.2.1"),
	    .last_ip_uses = 2, .notify = HM_NOTIFY_FAILURE, .held = true,
	    .owes = QUEUE_REPORT_RELAYED, .attempts = 300, .next_ms = 5,
	    .last_ms = 4 };

	for (uint16_t i = 0; i < QUEUE_RESULTS + 3; i++)
		queue_rcpt_add_result(&rcpt, &(struct queue_result){
		    .at_ms = i, .took_ms = 1000, .code = (uint16_t)(400 + i),
		    .outcome = HM_ATTEMPT_TEMPORARY, .esc = HM_STR("4.2.0"),
		    .text = HM_STR("not\nnow"), .remote = HM_STR("mx [::1]") });
	return rcpt;
}

static void
test_message(void)
{
	struct hm_buf out = { 0 };
	struct queue_message got;

	queue_message_pack(&out, &message);
	is_int(queue_message_unpack(hm_buf_view(&out), 7, &got), 0, "a message");
	ok(hm_str_is(got.account, "anna") && got.blob == message.blob &&
	    got.body_bytes == 1 << 20 && got.nrcpts == 3 && got.eightbit &&
	    !got.smtputf8 && got.report && got.requiretls == HM_REQUIRETLS_NO &&
	    got.kind == HM_MAIL_TLS_REPORT &&
	    got.queued_ms == message.queued_ms, "comes back");
	for (size_t n = 0; n < out.len; n++)
		if (queue_message_unpack(hm_str_n(out.p, n), 7, &got) == 0)
			break;
		else if (n + 1 == out.len)
			ok(true, "but not if a byte is missing");
	out.p[1] |= 3 << 4;
	is_int(queue_message_unpack(hm_buf_view(&out), 7, &got), -HM_ECORRUPT,
	    "a kind that nobody knows is not taken for another");
	hm_buf_release(&out);
}

static void
test_rcpt(void)
{
	struct queue_rcpt rcpt = recipient(), got;
	struct hm_buf out = { 0 };

	is_int(rcpt.nresults, QUEUE_RESULTS, "the newest results are kept");
	is_int(queue_rcpt_last(&rcpt)->code, 400 + QUEUE_RESULTS + 2,
	    "the last one last");
	queue_rcpt_pack(&out, &rcpt);
	is_int(queue_rcpt_unpack(hm_buf_view(&out), 7, 2, &got), 0,
	    "a recipient");
	ok(hm_str_eq(got.addr, rcpt.addr) && got.held &&
	    got.owes == QUEUE_REPORT_RELAYED &&
	    got.attempts == 300 && got.last_ip_uses == 2 &&
	    got.results[0].code == 403 &&
	    hm_str_is(got.results[15].text, "not\nnow"), "comes back");
	hm_buf_release(&out);
}

static void
test_damage(void)
{
	struct hm_buf out = { 0 };
	int64_t since;

	queue_damage_pack(&out, 1795867200000);
	ok(queue_damage_unpack(hm_buf_view(&out), &since) == 0 &&
	    since == 1795867200000, "what is set aside knows since when");
	is_int(queue_damage_unpack(hm_str_n(out.p, out.len - 1), &since),
	    -HM_ECORRUPT, "or cannot be read itself");
	hm_buf_release(&out);
}

static void
test_key(void)
{
	struct hm_buf a = { 0 }, b = { 0 };
	struct hm_str domain;
	int64_t next;
	uint64_t id;
	uint32_t number;

	queue_key_due(&a, HM_STR("a.example"), 1000, 1, 0);
	queue_key_due(&b, HM_STR("a.example"), 70000, 0, 0);
	ok(hm_str_cmp(hm_buf_view(&a), hm_buf_view(&b)) < 0,
	    "what is due earlier comes first");
	queue_key_due(&b, HM_STR("a.example.net"), 0, 0, 0);
	ok(hm_str_cmp(hm_buf_view(&a), hm_buf_view(&b)) < 0,
	    "destinations are not mixed");
	is_int(queue_key_due_read(hm_buf_view(&a), &domain, &next, &id, &number),
	    0, "a key");
	ok(hm_str_is(domain, "a.example") && next == 1000 && id == 1 &&
	    number == 0, "is read back");
	hm_buf_release(&a);
	hm_buf_release(&b);
}

/* A peer's words cannot break the report apart. */
static void
test_hostile_reply(void)
{
	struct queue_rcpt rcpt = recipient();
	struct queue_dsn dsn = { .kind = QUEUE_REPORT_FAILED,
	    .hostname = "mail.example.org", .from = HM_STR("p@example.org"),
	    .to = HM_STR("anna@example.org"), .msg = &message, .rcpts = &rcpt,
	    .nrcpts = 1, .original = HM_STR("Subject: x\r\n\r\nbody\r\n") };
	struct hm_buf out = { 0 };
	struct hm_str text;

	queue_rcpt_add_result(&rcpt, &(struct queue_result){ .code = 550,
	    .outcome = HM_ATTEMPT_PERMANENT, .esc = HM_STR("5.1.1"),
	    .text = HM_STR("550 no\r\n\r\n--x\r\nInjected: yes\x1b[1m\0"),
	    .remote = HM_STR("evil\r\nInjected: too [192.0.2.1]") });
	rcpt.report = true;
	queue_dsn_write(&out, &dsn);
	text = hm_buf_view(&out);
	ok(hm_str_find(text, HM_STR("\nInjected")) < 0, "no line of its own");
	ok(hm_str_chr(text, '\x1b') < 0 && hm_str_chr(text, '\0') < 0,
	    "no control character");
	ok(hm_str_find(text, HM_STR("\r\nStatus: 5.1.1\r\n")) > 0,
	    "the status is told");
	ok(hm_str_find(text, HM_STR("body")) < 0, "headers only");
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r')) {
			ok(false, "CRLF everywhere");
			break;
		}
	hm_buf_release(&out);
}

int
main(void)
{
	test_message();
	test_rcpt();
	test_key();
	test_damage();
	test_hostile_reply();
	return done();
}
