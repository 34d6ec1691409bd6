/* fuzz-imap.c - bytes of a client, against a session on fakes. The first byte
 * chooses whether it is logged in and has a mailbox already (1), and what became of
 * the second message there: damaged (2), not readable (4), or all are lost (6). */
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/io.h>
#include <hermod/log.h>

#include "t/fake.h"
#include "t/virtual.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	struct hm_str bytes;
	struct hm_io *io;
};

static void
serve(void *arg)
{
	imap_session_run(fake_server(), arg, false);
}

/* Takes what the server says, so that it never waits for us. */
static void
listen_to(void *arg)
{
	struct input *in = arg;
	struct hm_str got;

	while (hm_io_read_some(in->io, 1 << 16, &got) == 0)
		;
	hm_io_close(in->io);
}

/* Two messages, one of them with parts of all kinds. */
static void
begin(struct hm_io *io)
{
	static const char plain[] = "Subject: a\r\n\r\n--b\r\ntext\r\nend";
	static const char parts[] =
	    "From: A <a@b.example>\r\nTo: c@d.example\r\nDate: 20 Nov 2026"
	    " 12:00:00 +0000\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
	    "--x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A9\r\n"
	    "--x\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n"
	    "--x\r\nContent-Type: message/rfc822\r\n\r\nFrom: e@f.example\r\n"
	    "Subject: =?utf-8?q?=c3=a9?=\r\n\r\ninner\r\n--x--\r\n";

	hm_io_puts(io, "p LOGIN u secret\r\n");
	hm_io_printf(io, "p APPEND INBOX (\\Seen x) {%zu+}\r\n%s\r\n",
	    sizeof(plain) - 1, plain);
	hm_io_printf(io, "p APPEND INBOX (\\Deleted) {%zu+}\r\n%s\r\n",
	    sizeof(parts) - 1, parts);
	hm_io_puts(io, "p SELECT INBOX\r\n");
}

static void
speak(void *arg)
{
	struct input *in = arg;
	struct hm_io *server;

	hm_io_pair(&in->io, &server);
	hm_io_timeouts(in->io, 1000, 1000);
	hm_fiber_start(NULL, "imap session", serve, server);
	if (in->bytes.len && in->bytes.p[0] & 1)
		begin(in->io);
	hm_io_str(in->io, hm_str_skip(in->bytes, 1));
	hm_io_flush(in->io);
	listen_to(in);
}

static void
damage(unsigned how)
{
	switch (how & 6) {
	case 2:
		fake_damage(-HM_ECORRUPT, 2);
		break;
	case 4:
		fake_damage(-HM_EIO, 2);
		break;
	case 6:
		fake_lose_bodies();
	}
}

static void
no_log(enum hm_loglevel level, struct hm_str line, void *arg)
{
	(void)level, (void)line, (void)arg;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .bytes = hm_str_n((const char *)data, size) };
	static bool ready;

	/* What lies in the pair at once; more would block the speaker. */
	if (in.bytes.len > 60000)
		in.bytes.len = 60000;
	if (!ready) {
		hm_log_set_sink(no_log, NULL);
		ready = virtual_begin(INT64_C(1000000000000));
	}
	fake_reset();
	fake_refuse(NULL);
	damage(size ? data[0] : 0);
	hm_fiber_start(NULL, "client", speak, &in);
	virtual_run();
	fake_free();
	return 0;
}
