/* fuzz-imap-server.c - whole IMAP sessions, one or two at once, with the real
 * server and store. The first byte chooses how far a session is already; for the
 * rest see platform.h. */
#include <stdlib.h>

#include "platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The size of the literal that a line ends with, or -1. */
static int64_t
announced(struct hm_str line, bool *ret_binary)
{
	ssize_t brace = hm_str_rchr(line, '{');
	uint64_t n;

	if (brace < 0 || line.p[line.len - 1] != '}' || hm_str_u64(hm_str_take(
	    hm_str_skip(line, (size_t)brace + 1), line.len - (size_t)brace - 2),
	    UINT32_MAX, &n) < 0)
		return -1;
	*ret_binary = brace > 0 && line.p[brace - 1] == '~';
	return (int64_t)n;
}

/* Responses are lines with CRLF and literals, in clean text. */
static void
judge(struct hm_str said)
{
	while (said.len > 0) {
		ssize_t lf = hm_str_chr(said, '\n');
		struct hm_str line;
		bool binary = false;
		int64_t literal;

		/* Broken off, perhaps by an alert of TLS that never began. */
		if (lf < 0 || said.p[0] == 0x15)
			return;
		line = hm_str_take(said, (size_t)lf);
		if (lf == 0 || line.p[--line.len] != '\r')
			platform_die("not as the protocol has it", said);
		for (size_t i = 0; i < line.len; i++)
			if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
				platform_die("not as the protocol has it", line);
		said = hm_str_skip(said, (size_t)lf + 1);
		literal = line.len > 0 ? announced(line, &binary) : -1;
		if (literal <= 0)
			continue;
		if ((uint64_t)literal > said.len)
			return;
		if (!binary && hm_str_chr(hm_str_take(said, (size_t)literal),
		    '\0') >= 0)
			platform_die("not as the protocol has it", line);
		said = hm_str_skip(said, (size_t)literal);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
#define LOGIN "p LOGIN anna " PLATFORM_PASSWORD "\r\n\xf8"
#define MESSAGE "p APPEND INBOX (\\Seen x) {96+}\r\n" \
	"Subject: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" \
	"--b\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--\r\n\r\n.\r\n\r\n\xf8"
	static const char *const prologues[] = {
		"",
		LOGIN,
		LOGIN MESSAGE "p SELECT INBOX\r\n\xf8",
		LOGIN "p ENABLE IMAP4rev2 CONDSTORE\r\n" MESSAGE
		    "p SELECT INBOX (CONDSTORE)\r\n\xf8",
	};

	if (size < 2)
		return 0;
	platform_play(&(struct platform_play){ .port = 143,
	    .prologue = prologues[data[0] % HM_ARRAY_LEN(prologues)],
	    .bytes = hm_str_n((const char *)data + 1, size - 1),
	    .judge = judge });
	return 0;
}
