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

HM_MODULE_NAMED("smtp-client", "1.0", "Speaks SMTP to other servers",
	.provides = client_provides, .needs = client_needs);
