/* fuzz-imap.c - bytes of a client, against a session on fakes. The first byte
 * chooses whether it is logged in and has a mailbox already. */
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

static void
speak(void *arg)
{
	static const char prologue[] =
	    "p LOGIN u secret\r\n"
	    "p APPEND INBOX (\\Seen x) {28+}\r\nSubject: a\r\n\r\n--b\r\ntext\r\nend\r\n"
	    "p SELECT INBOX\r\n";
	struct input *in = arg;
	struct hm_io *server;

	hm_io_pair(&in->io, &server);
	hm_io_timeouts(in->io, 1000, 1000);
	hm_fiber_start(NULL, "imap session", serve, server);
	if (in->bytes.len && in->bytes.p[0] & 1)
		hm_io_puts(in->io, prologue);
	hm_io_str(in->io, hm_str_skip(in->bytes, 1));
	hm_io_flush(in->io);
	listen_to(in);
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
	hm_fiber_start(NULL, "client", speak, &in);
	virtual_run();
	fake_free();
	return 0;
}
