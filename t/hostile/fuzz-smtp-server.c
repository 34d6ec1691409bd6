/* fuzz-smtp-server.c - whole SMTP sessions with the real server. The first byte
 * chooses the port and how far the session is already; for the rest see
 * platform.h. */
#include <stdlib.h>

#include "platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Lines of replies, each with a code and CRLF, in clean text. */
static void
judge(struct hm_str said)
{
	while (said.len > 0) {
		ssize_t lf = hm_str_chr(said, '\n');
		struct hm_str line = hm_str_take(said, (size_t)lf + 1);

		/* Broken off, perhaps by an alert of TLS that never began. */
		if (lf < 0 || said.p[0] == 0x15)
			return;
		if (line.len < 6 || line.len > 512 ||
		    line.p[line.len - 2] != '\r' || !digit(line.p[0]) ||
		    !digit(line.p[1]) || !digit(line.p[2]) ||
		    (line.p[3] != ' ' && line.p[3] != '-'))
			platform_die("not as the protocol has it", line);
		line = hm_str_take(line, line.len - 2);
		for (size_t i = 0; i < line.len; i++)
			if ((unsigned char)line.p[i] < ' ' || line.p[i] == 0x7f)
				platform_die("not as the protocol has it", line);
		said = hm_str_skip(said, line.len + 2);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		uint16_t port;
		const char *prologue;
	} ways[] = {
		{ 25, "" },
		{ 25, "EHLO client.example\r\n\xf8" },
		{ 25, "EHLO client.example\r\n\xf8MAIL FROM:<x@example.com>\r\n"
		    "RCPT TO:<anna@example.org>\r\n\xf8" },
		{ 25, "EHLO client.example\r\n\xf8MAIL FROM:<x@example.com>\r\n"
		    "RCPT TO:<anna@example.org>\r\nDATA\r\n\xf8" },
		{ 25, "EHLO client.example\r\n\xf8MAIL FROM:<> BODY=BINARYMIME\r\n"
		    "RCPT TO:<anna@example.org>\r\nBDAT 20\r\nSubject: x\r\n\r\n"
		    "text\r\n\xf8" },
		{ 587, "EHLO client.example\r\n\xf8" },
		{ 587, "EHLO client.example\r\n\xf8" "AUTH PLAIN " PLATFORM_PLAIN
		    "\r\n\xf8" },
		{ 587, "EHLO client.example\r\n\xf8" "AUTH PLAIN " PLATFORM_PLAIN
		    "\r\n\xf8MAIL FROM:<anna@example.org>\r\n"
		    "RCPT TO:<anna@example.org>\r\nDATA\r\n\xf8" },
	};
	size_t way;

	if (size < 2)
		return 0;
	way = data[0] % HM_ARRAY_LEN(ways);
	platform_play(&(struct platform_play){ .port = ways[way].port,
	    .prologue = ways[way].prologue, .judge = judge,
	    .bytes = hm_str_n((const char *)data + 1, size - 1) });
	return 0;
}
