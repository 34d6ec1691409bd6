/* smtp-client.c - the service "smtp_client". */
#include "client.h"

static unsigned
extensions(const struct hm_smtp *c)
{
	return c->offer.extensions;
}

static struct hm_io *
stream(const struct hm_smtp *c)
{
	return c->io;
}

static struct hm_str
ehlo(const struct hm_smtp *c)
{
	return hm_buf_view(&c->ehlo.text);
}

static bool
usable(const struct hm_smtp *c)
{
	return !c->broken;
}

static const struct hm_smtp_client_ops client_ops = {
	.size = sizeof(client_ops), .open = client_open,
	.extensions = extensions, .io = stream, .deliver = client_deliver,
	.usable = usable, .close = client_close,
	.run_begin = client_run_begin, .run_deliver = client_run_deliver,
	.run_usable = client_run_usable, .run_end = client_run_end,
	.ehlo = ehlo,
	.verify_tlsa = client_dane_verify,
};
static const struct hm_provide client_provides[] = {
	HM_PROVIDE(smtp_client, &client_ops), HM_PROVIDE_END
};

/* Hosts given as addresses need no resolver. */
static const struct hm_need client_needs[] = {
	HM_WANT(resolver), HM_NEED_END
};

static const struct hm_cmd_flag dial_flags[] = {
	{ "tls", "WHEN", "never, may (where it is offered; the default), must, or "
	    "first (from the first byte; the default at port 465)" },
	{ "ehlo", "NAME", "what to call ourselves, instead of the host's name" },
	{ .name = NULL }
};
static const struct hm_command client_commands[] = {
	{ .words = "smtp dial", .args = "HOST[:PORT]", .flags = dial_flags,
	  .summary = "connect to a mail server and show what it says",
	  .help = "Shows the greeting, the extensions, the parameters of TLS, the "
	      "certificates, and whether an authority vouches for them. Goes to "
	      "the host itself, whatever its MX. The exit status is 0 if mail "
	      "could be handed over, whoever the server is.",
	  .where = HM_CMD_EITHER, .run = client_dial },
	HM_COMMAND_END
};

HM_MODULE_NAMED("smtp-client", "1.0", "Speaks SMTP to other servers",
	.provides = client_provides, .needs = client_needs,
	.commands = client_commands);
