/* fuzz-smtp-client.c - any bytes as the replies of a server, and as a message on
 * its way out. */
#include "client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_replies(struct hm_str in)
{
	struct client_reply reply = { 0 };
	struct client_offer offer;

	while (in.p != NULL) {
		if (client_reply_add(&reply, hm_str_split(&in, '\n')) < 0)
			client_reply_clear(&reply);
		if (!reply.whole)
			continue;
		(void)client_reply_esc(&reply);
		client_offer_read(&reply, &offer);
		client_reply_clear(&reply);
	}
	client_reply_release(&reply);
}

/* No bare CR or LF, no line that is only a dot before the end; however it is cut. */
static void
fuzz_dot(struct hm_str in)
{
	struct client_dot whole = { .line_start = true }, cut = whole;
	struct hm_buf a = { 0 }, b = { 0 };

	client_dot_feed(&whole, in, &a);
	client_dot_end(&whole, &a);
	for (size_t at = 0; at < in.len; at += 3)
		client_dot_feed(&cut, hm_str_take(hm_str_skip(in, at), 3), &b);
	client_dot_end(&cut, &b);
	if (!hm_str_eq(hm_buf_view(&a), hm_buf_view(&b)))
		__builtin_trap();
	for (size_t i = 0; i < a.len; i++)
		if ((a.p[i] == '\n') != (i > 0 && a.p[i - 1] == '\r'))
			__builtin_trap();
	if (hm_str_find(hm_buf_view(&a), HM_STR("\r\n.\r\n")) >= 0 &&
	    hm_str_find(hm_buf_view(&a), HM_STR("\r\n.\r\n")) !=
	    (ssize_t)a.len - 5)
		__builtin_trap();
	hm_buf_release(&a);
	hm_buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_str in = hm_str_n((const char *)data, size);

	fuzz_replies(in);
	fuzz_dot(in);
	return 0;
}
