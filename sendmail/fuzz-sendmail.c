/* fuzz-sendmail.c - any bytes as a message: what is sent has no hidden field, no
 * bare line end, and a header that ends. */
#include <stdlib.h>
#include <string.h>

#include "sendmail/sendmail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct hm_str text)
{
	char last = '\n';

	for (size_t i = 0; i < text.len; i++) {
		if ((text.p[i] == '\n') != (last == '\r') || text.p[i] == '\0')
			abort();
		last = text.p[i];
	}
	if (hm_str_find(text, HM_STR("\r\n\r\n")) < 0 ||
	    hm_str_casestarts(text, HM_STR("bcc:")))
		abort();
	text = hm_str_take(text, (size_t)hm_str_find(text, HM_STR("\r\n\r\n")));
	if (hm_str_casefind(text, HM_STR("\nBcc:")) >= 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	struct intake in = { .max = 1 << 20 };
	struct author who = { .user = HM_STR("anna"), .host = HM_STR("localhost"),
	    .now_s = 1795860000 };
	struct rcpts rcpts = { .arena = arena, .domain = "example.org" };
	struct hm_buf text = { 0 }, out = { 0 };
	struct message msg;
	struct hm_str sender;

	(void)hm_addr_parse(arena, HM_STR("anna@example.org"), 0, &who.addr, NULL);
	(void)message_intake(&in, &text, hm_str_n((const char *)data, size));
	message_intake_end(&in, &text);
	message_split(hm_buf_view(&text), &msg);
	message_write(&out, &msg, &who);
	check(hm_buf_view(&out));
	(void)message_header_rcpts(&rcpts, msg.header, NULL);
	(void)message_kept_sender(arena, msg.header, &sender);
	hm_buf_release(&text);
	hm_buf_release(&out);
	hm_arena_free(arena);
	return 0;
}
