/* queue-transport-smtp.c - everything to another server, which passes it on. */
#include <hermod/iface/smtp_transport.h>

struct relay_conf {
	const struct hm_blocks *transports;    /* of struct hm_smtp_relay */
};

static const char *const tls_words[] = { "never", "if-offered", "required",
	NULL };
static const enum hm_smtp_tls tls_modes[] = { HM_SMTP_TLS_NEVER,
	HM_SMTP_TLS_MAY, HM_SMTP_TLS_MUST };

static const struct hm_opt host_options[] = {
	HM_SMTP_RELAY_OPTIONS,
	HM_OPT_INT(struct hm_smtp_relay, port, "25", "Its port.", .min = "1",
	    .max = "65535"),
	HM_OPT_ENUM(struct hm_smtp_relay, tls, "required",
	    "Whether STARTTLS is used: never, if-offered or required.",
	    tls_words),
	HM_OPT_STR(struct hm_smtp_relay, user, "",
	    "Name to log in with. Empty: no log-in."),
	HM_OPT_SECRET(struct hm_smtp_relay, password, "", "Its password."),
	HM_OPT_END
};
static const struct hm_opt relay_options[] = {
	HM_OPT_BLOCKS(struct relay_conf, transports, struct hm_smtp_relay,
	    host_options, "Servers that pass mail on, by the name of the "
	    "transport."),
	HM_OPT_END
};

static const struct hm_transport_ops relay_ops = {
	.size = sizeof(relay_ops), .name = hm_smtp_relays_name,
	.begin = hm_smtp_relays_begin, .deliver = hm_smtp_transport_deliver,
	.usable = hm_smtp_transport_usable, .end = hm_smtp_transport_end,
};
static const struct hm_provide relay_provides[] = {
	HM_PROVIDE(transport, &relay_ops), HM_PROVIDE_END
};
static const struct hm_need relay_needs[] = {
	HM_NEED(smtp_client), HM_NEED_END
};

static int
relay_open(struct hm_mod *m, struct hm_err *reterr)
{
	const struct relay_conf *conf = hm_mod_conf(m);

	return hm_smtp_relays_open(m, HM_GET(m, smtp_client), conf->transports,
	    tls_modes, reterr);
}

HM_MODULE_NAMED("queue-transport-smtp", "1.0",
	"Mail to a server that passes it on",
	.conf_size = sizeof(struct relay_conf), .options = relay_options,
	.needs = relay_needs, .provides = relay_provides, .open = relay_open);
