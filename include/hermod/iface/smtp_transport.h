/* smtp_transport.h - a transport over the service "smtp_client", nearly whole.
 *
 * The module says what its transports are called and what struct
 * hm_smtp_run_opts one has; the rest of struct hm_transport_ops is here. Thread:
 * a fiber.
 */
#ifndef HERMOD_IFACE_SMTP_TRANSPORT_H
#define HERMOD_IFACE_SMTP_TRANSPORT_H

#include <stdlib.h>

#include <hermod/arena.h>
#include <hermod/iface/smtp_client.h>
#include <hermod/iface/transport.h>

struct hm_transport_run {
	const struct hm_smtp_client *client;
	struct hm_smtp_run_opts opts;
	struct hm_smtp_run *run;
};

/* opts is copied; what it points to must live as long as the module. */
static inline struct hm_transport_run *
hm_smtp_transport_begin(const struct hm_smtp_client *client,
    const struct hm_smtp_run_opts *opts, struct hm_str domain)
{
	struct hm_transport_run *t = hm_xalloc(sizeof(*t));

	t->client = client;
	t->opts = *opts;
	t->run = client->ops->run_begin(client->self, &t->opts, domain);
	return t;
}

static inline HM_FIBER void
hm_smtp_transport_deliver(struct hm_transport_run *t, struct hm_attempt *attempt)
{
	t->client->ops->run_deliver(t->run, attempt);
}

static inline bool
hm_smtp_transport_usable(const struct hm_transport_run *t)
{
	return t->client->ops->run_usable(t->run);
}

static inline HM_FIBER void
hm_smtp_transport_end(struct hm_transport_run *t)
{
	t->client->ops->run_end(t->run);
	free(t);
}

/* The name of the nth of some configured blocks; NULL behind the last. */
static inline const char *
hm_smtp_transport_name(const struct hm_blocks *blocks, size_t n)
{
	return n < blocks->n ? blocks->names[n] : NULL;
}

#endif
