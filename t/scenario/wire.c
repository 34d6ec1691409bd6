/* wire.c - transports that need no network: recipients say what becomes of them.
 *
 * ok: delivered; relayed: by a host without DSN; temp: refused for now; perm: for
 * good; full: for want of room; once: for now the first time; slow: after a minute;
 * dead: no host answers.
 */
#include <stdlib.h>

#include <hermod/crc32c.h>
#include <hermod/fiber.h>
#include <hermod/iface/transport.h>
#include <hermod/plugin.h>

struct hm_transport_run {
	const char *transport;
	bool dead;
};

static const char *
wire_name(struct hm_mod *self, size_t n)
{
	static const char *const names[] = { "direct", "provider", NULL };

	(void)self;
	return n < 2 ? names[n] : NULL;
}

static struct hm_transport_run *
wire_begin(struct hm_mod *self, const char *transport, struct hm_str domain)
{
	struct hm_transport_run *run = hm_xalloc(sizeof(*run));

	(void)self;
	run->transport = transport;
	hm_log(HM_LOG_INFO, "wire up", hm_f("via", transport),
	    hm_f("domain", domain));
	return run;
}

static void
result(struct hm_attempt_rcpt *rcpt, enum hm_attempt_outcome outcome, int code,
    const char *esc, const char *text)
{
	rcpt->outcome = outcome;
	rcpt->code = code;
	rcpt->esc = hm_str(esc);
	rcpt->text = hm_str(text);
	rcpt->remote = code != 0 ? HM_STR("mx.wire.example [192.0.2.9]") :
	    HM_STR("");
}

static void
answer(struct hm_transport_run *run, struct hm_attempt_rcpt *rcpt)
{
	struct hm_str local = rcpt->addr.local;

	if (hm_str_starts(local, HM_STR("slow")))
		(void)hm_sleep(60 * 1000);
	run->dead = hm_str_starts(local, HM_STR("dead"));
	if (run->dead)
		result(rcpt, HM_ATTEMPT_TEMPORARY, 0, "4.4.1",
		    "no host answers");
	else if (hm_str_starts(local, HM_STR("temp")) ||
	    (hm_str_starts(local, HM_STR("once")) && rcpt->number == 1))
		result(rcpt, HM_ATTEMPT_TEMPORARY, 451, "4.2.0",
		    "451 4.2.0 not now");
	else if (hm_str_starts(local, HM_STR("perm")))
		result(rcpt, HM_ATTEMPT_PERMANENT, 550, "5.1.1",
		    "550-5.1.1 no such\n550 5.1.1 user");
	else if (hm_str_starts(local, HM_STR("full")))
		result(rcpt, HM_ATTEMPT_PERMANENT, 552, "5.2.2",
		    "552 5.2.2 no room");
	else if (hm_str_starts(local, HM_STR("relayed")))
		result(rcpt, HM_ATTEMPT_RELAYED, 250, "2.0.0", "250 2.0.0 ok");
	else
		result(rcpt, HM_ATTEMPT_DELIVERED, 250, "2.0.0", "250 2.0.0 ok");
}

static void
wire_deliver(struct hm_transport_run *run, struct hm_attempt *a)
{
	char piece[1000];
	uint64_t at = 0;
	uint32_t sum = 0;
	ssize_t n;

	while ((n = a->read(a, at, piece, sizeof(piece))) > 0) {
		sum = hm_crc32c(sum, piece, (size_t)n);
		at += (uint64_t)n;
	}
	for (size_t i = 0; i < a->nrcpts; i++) {
		answer(run, &a->rcpts[i]);
		hm_log(HM_LOG_INFO, "wire", hm_f("via", run->transport),
		    hm_f("to", a->rcpts[i].addr.text),
		    hm_f("with", a->nrcpts), hm_f("number", a->rcpts[i].number),
		    hm_f("whole", at == a->bytes), hm_f("sum", sum));
	}
}

static bool
wire_usable(const struct hm_transport_run *run)
{
	return !run->dead;
}

static void
wire_end(struct hm_transport_run *run)
{
	free(run);
}

static const struct hm_transport_ops wire_ops = {
	.size = sizeof(wire_ops), .name = wire_name, .begin = wire_begin,
	.deliver = wire_deliver, .usable = wire_usable, .end = wire_end,
};
static const struct hm_provide wire_provides[] = {
	HM_PROVIDE(transport, &wire_ops), HM_PROVIDE_END
};

HM_MODULE(wire, "1.0", "Transports of the tests", .provides = wire_provides);
