/* fuzz-queue.c - any bytes as a record of the queue: what can be read comes back
 * the same when it is written. The first byte chooses the kind. */
#include <hermod/str.h>

#include "record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same(struct hm_str in, struct hm_buf *out)
{
	/* Longer is fine: unread bytes behind a record mean nothing. */
	if (!hm_str_starts(in, hm_buf_view(out)))
		__builtin_trap();
	hm_buf_release(out);
}

/* Numbers have several spellings in LEB128, texts are cut: compare the second
 * writing with the first. */
static void
fuzz_rcpt(struct hm_str in)
{
	struct hm_buf a = { 0 }, b = { 0 };
	struct queue_rcpt rcpt;

	if (queue_rcpt_unpack(in, 1, 2, &rcpt) < 0)
		return;
	queue_rcpt_pack(&a, &rcpt);
	if (queue_rcpt_unpack(hm_buf_view(&a), 1, 2, &rcpt) < 0)
		__builtin_trap();
	queue_rcpt_pack(&b, &rcpt);
	same(hm_buf_view(&a), &b);
	hm_buf_release(&a);
}

static void
fuzz_message(struct hm_str in)
{
	struct hm_buf a = { 0 }, b = { 0 };
	struct queue_message msg;

	if (queue_message_unpack(in, 1, &msg) < 0)
		return;
	queue_message_pack(&a, &msg);
	if (queue_message_unpack(hm_buf_view(&a), 1, &msg) < 0)
		__builtin_trap();
	queue_message_pack(&b, &msg);
	same(hm_buf_view(&a), &b);
	hm_buf_release(&a);
}

static void
fuzz_key(struct hm_str in)
{
	struct hm_buf key = { 0 };
	struct hm_str domain;
	uint64_t id;
	uint32_t number;
	int64_t next;

	if (queue_key_due_read(in, &domain, &next, &id, &number) < 0)
		return;
	queue_key_due(&key, domain, next, id, number);
	same(in, &key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_str in = hm_str_n((const char *)data, size);
	struct queue_suppression s;
	struct queue_rule rule;
	uint8_t kind;

	if (hm_take_u8(&in, &kind) < 0)
		return 0;
	switch (kind % 5) {
	case 0:
		fuzz_message(in);
		break;
	case 1:
		fuzz_rcpt(in);
		break;
	case 2:
		fuzz_key(in);
		break;
	case 3:
		(void)queue_suppression_unpack(in, &s);
		break;
	case 4:
		(void)queue_rule_unpack(in, &rule);
		break;
	}
	return 0;
}
