/* queue-transport-submission.c - mail handed in at a provider, as its users do
 * (RFC 6409).
 */
#include <hermod/iface/smtp_transport.h>

struct submission_conf {
	const struct hm_blocks *transports;    /* of struct hm_smtp_relay */
};

static const char *const tls_words[] = { "implicit", "starttls", NULL };
static const enum hm_smtp_tls tls_modes[] = { HM_SMTP_TLS_FIRST,
	HM_SMTP_TLS_MUST };

static const struct hm_opt host_options[] = {
	HM_SMTP_RELAY_OPTIONS,
	HM_OPT_INT(struct hm_smtp_relay, port, "0",
	    "Its port. 0: 465 for implicit TLS, 587 for STARTTLS.", .min = "0",
	    .max = "65535"),
	HM_OPT_ENUM(struct hm_smtp_relay, tls, "implicit",
	    "TLS from the first byte (implicit), or by STARTTLS. There is no "
	    "way without.", tls_words),
	HM_OPT_STR(struct hm_smtp_relay, user, NULL,
	    "Name to log in with.", .required = true),
	HM_OPT_SECRET(struct hm_smtp_relay, password, NULL,
	    "Its password.", .required = true),
	HM_OPT_END
};
static const struct hm_opt submission_options[] = {
	HM_OPT_BLOCKS(struct submission_conf, transports, struct hm_smtp_relay,
	    host_options, "Accounts at providers, by the name of the "
	    "transport."),
	HM_OPT_END
};

static const struct hm_transport_ops submission_ops = {
	.size = sizeof(submission_ops), .name = hm_smtp_relays_name,
	.begin = hm_smtp_relays_begin, .deliver = hm_smtp_transport_deliver,
	.usable = hm_smtp_transport_usable, .end = hm_smtp_transport_end,
};
static const struct hm_provide submission_provides[] = {
	HM_PROVIDE(transport, &submission_ops), HM_PROVIDE_END
};
static const struct hm_need submission_needs[] = {
	HM_NEED(smtp_client), HM_NEED_END
};

static int
submission_open(struct hm_mod *m, struct hm_err *reterr)
{
	const struct submission_conf *conf = hm_mod_conf(m);

	return hm_smtp_relays_open(m, HM_GET(m, smtp_client), conf->transports,
	    tls_modes, reterr);
}

HM_MODULE_NAMED("queue-transport-submission", "1.0",
	"Mail handed in at a provider",
	.conf_size = sizeof(struct submission_conf), .options = submission_options,
	.needs = submission_needs, .provides = submission_provides, .open = submission_open);
