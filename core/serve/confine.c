/* confine.c - the server's own sandbox: what it may still reach, once it has read
 * its configuration and before it hears of anybody.
 */
#include "config.h"

#include <hermod/log.h>

#include "core/conf/config.h"
#include "core/run/sandbox.h"

#include "grants.h"
#include "server.h"

/* What libraries read when they find hosts, check certificates, tell the time,
 * and load code. A module that needs more has an option that names it. */
static const char *const system_paths[] = {
	"/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
	"/etc/services", "/etc/protocols", "/usr/share/dns",
	"/etc/passwd", "/etc/group",
	"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls",
	"/etc/pki/ca-trust", "/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates", "/etc/gnutls",
	"/etc/crypto-policies", "/usr/share/crypto-policies",
	"/usr/share/p11-kit", "/etc/pkcs11",
	"/etc/localtime", "/usr/share/zoneinfo", "/usr/share/locale",
	"/etc/ld.so.cache", "/usr/lib", "/usr/lib32", "/usr/lib64",
	"/usr/local/lib", "/lib", "/lib64",
	"/dev/urandom", "/dev/random", "/dev/zero",
	"/sys/devices/system/cpu",
#ifdef HM_SANITIZED
	"/",                       /* reports name functions and lines */
#endif
};

static void
allow_all(const struct hm_server_opts *opts)
{
	hm_grants_sandbox(opts->grants);
	hm_sandbox_allow(opts->conf_dir, HM_SANDBOX_READ);
	for (size_t i = 0; i < HM_ARRAY_LEN(system_paths); i++)
		hm_sandbox_allow(system_paths[i], HM_SANDBOX_READ);
	/* Mostly a link to a file that is replaced. */
	hm_sandbox_allow("/etc/resolv.conf", HM_SANDBOX_READ |
	    HM_SANDBOX_BESIDE);
	hm_sandbox_allow("/dev/null", HM_SANDBOX_WRITE);
}

int
hm_confine(const struct hm_server_opts *opts, const struct hm_server_conf *conf,
    struct hm_err *reterr)
{
	struct hm_sandbox_report report;
	struct hm_err err = { 0 };
	int r;

	if (conf->sandbox == HM_SANDBOX_OFF) {
		hm_log(HM_LOG_WARN, "no sandbox: hermod.yaml says so");
		return 0;
	}
	allow_all(opts);
	r = hm_sandbox_enter((enum hm_sandbox_mode)conf->sandbox, &report, &err);
	if (r < 0)
		return hm_err_set(reterr, r, "the sandbox cannot be made: %s; "
		    "\"sandbox: off\" in hermod.yaml does without", err.text);
	hm_log(report.missing[0] != '\0' ? HM_LOG_WARN : HM_LOG_INFO, "sandbox",
	    hm_f("landlock", report.landlock),
	    hm_f("seccomp", report.seccomp ? "yes" : "no"),
	    hm_f("missing", report.missing[0] != '\0' ? report.missing :
	    "nothing"));
	return 0;
}
