/* test-binary.c - parts with NUL become base64, and nothing else changes. */
#include "modules/store/store.h"
#include "t/tap.h"

#include <hermod/mime.h>

#define TEXT(s) { (s), sizeof(s) - 1 }

static const struct {
	const char *name;
	struct hm_str in, out;       /* out.p NULL: left alone */
} cases[] = {
	{ "no NUL", TEXT("Subject: a\r\n\r\nbody\r\n"), { NULL, 0 } },
	{ "an empty message", TEXT(""), { NULL, 0 } },
	{ "NUL in the header only", TEXT("Subject: a\0b\r\n\r\nbody\r\n"),
	    { NULL, 0 } },
	{ "a binary message",
	    TEXT("MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n"
	    "Subject: a\r\n\r\n\0\1\2"),
	    TEXT("MIME-Version: 1.0\r\nSubject: a\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n") },
	{ "a plain one that is not MIME",
	    TEXT("Subject: a\r\n\r\n\0\1\2"),
	    TEXT("Subject: a\r\nMIME-Version: 1.0\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n") },
	{ "no header at all", TEXT("\r\n\0\1\2"),
	    TEXT("MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n"
	    "\r\nAAEC\r\n") },
	{ "a folded field, and one said twice",
	    TEXT("mime-version: 1.0\r\nContent-Transfer-Encoding:\r\n 8bit\r\n"
	    "X: y\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\0"),
	    TEXT("mime-version: 1.0\r\nX: y\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nAA==\r\n") },
	{ "what claims to be base64 stays",
	    TEXT("Content-Transfer-Encoding: base64\r\n\r\nAA\0==\r\n"),
	    { NULL, 0 } },
	{ "one part of several",
	    TEXT("MIME-Version: 1.0\r\nContent-Type: multipart/mixed;"
	    " boundary=b\r\n\r\npre\r\n--b\r\n\r\none\r\n--b\r\n"
	    "Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n"
	    "\r\n\0\1\2\r\n--b\r\n\r\nthree\r\n--b--\r\nepilogue\r\n"),
	    TEXT("MIME-Version: 1.0\r\nContent-Type: multipart/mixed;"
	    " boundary=b\r\n\r\npre\r\n--b\r\n\r\none\r\n--b\r\n"
	    "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
	    "\r\nAAEC\r\n\r\n--b\r\n\r\nthree\r\n--b--\r\nepilogue\r\n") },
	{ "a part without a header",
	    TEXT("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	    "\r\n\0\1\2\r\n--b--\r\n"),
	    TEXT("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n\r\n--b--\r\n") },
	{ "a message in a message",
	    TEXT("Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\n\0"),
	    TEXT("Content-Type: message/rfc822\r\n\r\nSubject: in\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nAA==\r\n") },
};

static void
check(const char *name, struct hm_str in, struct hm_str want)
{
	struct hm_arena *arena = hm_arena_new(NULL, "test");
	const struct hm_mime *before, *after;
	struct hm_buf out = { 0 }, again = { 0 };
	bool changed;

	hm_mime_parse(arena, in, NULL, &before);
	changed = store_binary(in, before, &out);
	ok(changed == (want.p != NULL), "%s: %s", name,
	    want.p ? "changed" : "left alone");
	is_bytes(out.p, out.len, want.p, want.len, name);
	if (changed) {
		hm_mime_parse(arena, hm_buf_view(&out), NULL, &after);
		is_int(after->n, before->n, "the structure stays");
		ok(!store_binary(hm_buf_view(&out), after, &again),
		    "once is enough");
	}
	hm_buf_release(&out);
	hm_buf_release(&again);
	hm_arena_free(arena);
}

int
main(void)
{
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(cases); i++)
		check(cases[i].name, cases[i].in, cases[i].out);
	return done();
}
