/* queue-transport-submission.c - mail handed in at a provider, as its users do
 * (RFC 6409).
 */
#include <string.h>

#include <hermod/iface/smtp_transport.h>
#include <hermod/net.h>
#include <hermod/plugin.h>

struct submission_account {
	const char *host;
	int64_t port;
	int tls;
	bool verify;
	const char *ca_file;
	const char *user, *password;
	const struct hm_strlist *mechanisms;
	int64_t timeout_ms;
};
struct submission_conf {
	const struct hm_blocks *transports;    /* of struct submission_account */
};

static const char *const tls_words[] = { "implicit", "starttls", NULL };

static const struct hm_opt account_options[] = {
	HM_OPT_STR(struct submission_account, host, NULL,
	    "The server's name or address.", .required = true),
	HM_OPT_INT(struct submission_account, port, "0",
	    "Its port. 0: 465 for implicit TLS, 587 for STARTTLS.", .min = "0",
	    .max = "65535"),
	HM_OPT_ENUM(struct submission_account, tls, "implicit",
	    "TLS from the first byte (implicit), or by STARTTLS. There is no "
	    "way without.", tls_words),
	HM_OPT_BOOL(struct submission_account, verify, "yes",
	    "Whether its certificate must be valid and name it."),
	HM_OPT_FILE(struct submission_account, ca_file, NULL,
	    "Certificates of the authorities to verify with. Empty: the "
	    "system's."),
	HM_OPT_STR(struct submission_account, user, NULL,
	    "Name to log in with.", .required = true),
	HM_OPT_SECRET(struct submission_account, password, NULL,
	    "Its password.", .required = true),
	HM_OPT_LIST(struct submission_account, mechanisms, "",
	    "Ways to log in that are allowed. Empty: SCRAM and CRAM-MD5, the "
	    "strongest that the server has; PLAIN and LOGIN must be named."),
	HM_OPT_TIME(struct submission_account, timeout_ms, "5m",
	    "How long to wait for a reply.", .min = "1s", .max = "1h"),
	HM_OPT_END
};
static const struct hm_opt submission_options[] = {
	HM_OPT_BLOCKS(struct submission_conf, transports, struct submission_account,
	    account_options, "Accounts at providers, by the name of the "
	    "transport."),
	HM_OPT_END
};

struct submission_module {
	const struct submission_conf *conf;
	const struct hm_smtp_client *client;
	struct hm_smtp_run_opts *opts;         /* one for each transport */
};

static const char *
submission_name(struct hm_mod *self, size_t n)
{
	const struct submission_module *mod = hm_mod_state(self);

	return hm_smtp_transport_name(mod->conf->transports, n);
}

static struct hm_transport_run *
submission_begin(struct hm_mod *self, const char *transport, struct hm_str domain)
{
	struct submission_module *mod = hm_mod_state(self);
	size_t n = 0;

	while (strcmp(mod->conf->transports->names[n], transport) != 0)
		n++;
	return hm_smtp_transport_begin(mod->client, &mod->opts[n], domain);
}

static const struct hm_transport_ops submission_ops = {
	.size = sizeof(submission_ops), .name = submission_name, .begin = submission_begin,
	.deliver = hm_smtp_transport_deliver,
	.usable = hm_smtp_transport_usable, .end = hm_smtp_transport_end,
};
static const struct hm_provide submission_provides[] = {
	HM_PROVIDE(transport, &submission_ops), HM_PROVIDE_END
};
static const struct hm_need submission_needs[] = {
	HM_NEED(smtp_client), HM_NEED_END
};

static void
drop_tls(void *arg)
{
	hm_tls_unref(arg);
}

static int
open_account(struct hm_mod *m, const struct submission_account *host,
    struct hm_smtp_run_opts *opts, struct hm_err *reterr)
{
	bool implicit = host->tls == 0;
	struct hm_tls *tls;
	int r = hm_tls_client(host->ca_file,
	    false, &tls, reterr);

	if (r < 0)
		return r;
	hm_on_free(hm_mod_arena(m), drop_tls, tls);
	*opts = (struct hm_smtp_run_opts){
		.size = sizeof(*opts), .caller = m,
		.ehlo = hm_server(m)->hostname, .host = host->host,
		.port = host->port != 0 ? (uint16_t)host->port :
		    implicit ? 465 : 587,
		.tls = implicit ? HM_SMTP_TLS_FIRST : HM_SMTP_TLS_MUST,
		.any_certificate = !host->verify, .settings = tls,
		.user = host->user, .password = host->password,
		.mechanisms = host->mechanisms, .timeout_ms = host->timeout_ms,
	};
	return 0;
}

static int
submission_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct submission_module *mod = hm_new(hm_mod_arena(m), struct submission_module);
	const struct submission_account *accounts;
	int r = 0;

	mod->conf = hm_mod_conf(m);
	mod->client = HM_GET(m, smtp_client);
	accounts = mod->conf->transports->at;
	mod->opts = hm_alloc_array(hm_mod_arena(m), mod->conf->transports->n + 1,
	    sizeof(*mod->opts));
	for (size_t i = 0; i < mod->conf->transports->n && r == 0; i++)
		r = open_account(m, &accounts[i], &mod->opts[i], reterr);
	hm_mod_set(m, mod);
	return r;
}

HM_MODULE_NAMED("queue-transport-submission", "1.0",
	"Mail handed in at a provider",
	.conf_size = sizeof(struct submission_conf), .options = submission_options,
	.needs = submission_needs, .provides = submission_provides, .open = submission_open);
