/* server.c - the options of hermod.yaml. */
#include <string.h>
#include <sys/utsname.h>

#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "build.h"
#include "config.h"
#include "node.h"
#include "paths.h"

static const char *const tls_versions[] = { "1.2", "1.3", NULL };
static const char *const log_levels[] = {
	"error", "warn", "info", "debug", "trace", NULL
};
static const char *const sandbox_modes[] = {
	"on", "kill", "report", "off", NULL
};
static const char *const on_fail[] = { "defer", "reject", "pass", NULL };

static const struct hm_opt certificate_options[] = {
	HM_OPT_FILE(struct hm_tls_cert, cert_file, NULL,
	    "PEM file with the certificate, followed by its intermediate ones.",
	    .required = true),
	HM_OPT_FILE(struct hm_tls_cert, key_file, NULL,
	    "PEM file with the private key.", .required = true),
	HM_OPT_END
};

static const struct hm_opt tls_options[] = {
	HM_OPT_ENUM(struct hm_server_tls, minimum_version, "1.2",
	    "Oldest version of TLS that is accepted.", tls_versions),
	HM_OPT_BLOCKS(struct hm_server_tls, certificates, struct hm_tls_cert,
	    certificate_options,
	    "Certificates of this server. The one that fits the name the client "
	    "asks for is used, else the first."),
	HM_OPT_END
};

const struct hm_opt hm_server_options[] = {
	HM_OPT_STR(struct hm_server_conf, hostname, NULL,
	    "Full name of this host, as other servers know it. Without it the "
	    "system's own name is taken."),
	HM_OPT_FILE(struct hm_server_conf, data_dir, HM_STATEDIR,
	    "Folder for mail and all that the server keeps."),
	HM_OPT_STR(struct hm_server_conf, user, "hermod",
	    "Account of the system that the server works as when it is started "
	    "by root."),
	HM_OPT_STR(struct hm_server_conf, group, NULL,
	    "Group that the server works as. Without it the user's own."),
	HM_OPT_LIST(struct hm_server_conf, addresses, "0.0.0.0, ::",
	    "IP addresses of this server. A port alone in a module's list of "
	    "addresses stands for that port on each of them."),
	HM_OPT_BLOCK(struct hm_server_conf, tls, struct hm_server_tls,
	    tls_options, "Encryption of connections."),
	HM_OPT_ENUM(struct hm_server_conf, log_level, "info",
	    "How much is logged.", log_levels),
	HM_OPT_BOOL(struct hm_server_conf, pedantic, "no",
	    "Strict reading of what clients send, for testing them."),
	HM_OPT_NETS(struct hm_server_conf, trusted_networks, NULL,
	    "Networks without limits for each address, such as those of a front "
	    "proxy or a load test."),
	HM_OPT_LIST(struct hm_server_conf, module_path, NULL,
	    "Folders that are searched for modules before the installed one."),
	HM_OPT_ENUM(struct hm_server_conf, on_fail, "defer",
	    "What counts when a module that is asked for a decision is broken or "
	    "late: defer (try again later), reject, or pass (as if it had not "
	    "been asked).", on_fail),
	HM_OPT_TIME(struct hm_server_conf, hook_deadline_ms, "10s",
	    "Time that a module has for one decision.", .min = "100ms",
	    .max = "10m"),
	HM_OPT_TIME(struct hm_server_conf, loop_warn_ms, "1s",
	    "A module that does not let others work for so long is named in the "
	    "log; 0 for never.", .min = "0s", .max = "10m"),
	HM_OPT_TIME(struct hm_server_conf, loop_limit_ms, "30s",
	    "When nothing could work for so long the server is started again; 0 "
	    "for never.", .min = "0s", .max = "1h"),
	HM_OPT_INT(struct hm_server_conf, crash_limit, "3",
	    "A module that made the server crash so often within crash-window is "
	    "switched off, until \"hermod module enable\"; 0 for never.",
	    .min = "0", .max = "1000"),
	HM_OPT_TIME(struct hm_server_conf, crash_window_ms, "5m",
	    "See crash-limit.", .min = "1s", .max = "1w"),
	HM_OPT_TIME(struct hm_server_conf, retire_after_ms, "0s",
	    "Sessions that began before a reload are asked to end after so long; "
	    "0 for never.", .min = "0s", .max = "52w"),
	HM_OPT_FILE(struct hm_server_conf, control_socket, NULL,
	    "Socket that commands use to reach the running server. Without it "
	    "\"ctl\" in data-dir."),
	HM_OPT_INT(struct hm_server_conf, workers, "8",
	    "Threads for work that would block: disk, passwords, databases.",
	    .min = "1", .max = "256"),
	HM_OPT_ENUM(struct hm_server_conf, sandbox, "on",
	    "What happens when the server tries what no mail server needs: on "
	    "(it is refused), kill (the process ends and is started again), "
	    "report (the kernel logs system calls, and no file is out of "
	    "reach), off.", sandbox_modes),
	HM_OPT_MAP(struct hm_server_conf, use, NULL,
	    "Which module provides an interface that several of them offer."),
	HM_OPT_END
};

static const struct hm_opt order_options[] = {
	HM_OPT_LIST(struct hm_config_order, before, NULL,
	    "Modules that are asked after this one."),
	HM_OPT_LIST(struct hm_config_order, after, NULL,
	    "Modules that are asked before this one."),
	HM_OPT_END
};

static const struct hm_opt hook_options[] = {
	HM_OPT_ENUM(struct hm_config_hook, on_fail, NULL,
	    "What counts when the module fails in this hook. Without it what the "
	    "module's on-fail says.", on_fail),
	HM_OPT_TIME(struct hm_config_hook, deadline_ms, NULL,
	    "Time that the module has in this hook. Without it what the module's "
	    "deadline says.", .min = "100ms", .max = "10m"),
	HM_OPT_END
};

/* What every file of conf.d may say beside the module's own options. */
const struct hm_opt hm_module_options[] = {
	HM_OPT_BOOL(struct hm_config_module, enabled, "yes",
	    "Whether the module is used at all."),
	HM_OPT_ENUM(struct hm_config_module, on_fail, NULL,
	    "What counts when the module is broken or late with a decision. "
	    "Without it what hermod.yaml says.", on_fail),
	HM_OPT_TIME(struct hm_config_module, deadline_ms, NULL,
	    "Time that the module has for one decision. Without it what "
	    "hermod.yaml says as hook-deadline.", .min = "100ms", .max = "10m"),
	HM_OPT_BLOCKS(struct hm_config_module, order, struct hm_config_order,
	    order_options,
	    "Which modules this one goes before or after, for each hook by its "
	    "name in hermod-hooks(7)."),
	HM_OPT_BLOCKS(struct hm_config_module, hooks, struct hm_config_hook,
	    hook_options, "Other settings for one hook, by its name."),
	HM_OPT_BOOL(struct hm_config_module, isolate, "no",
	    "Whether the module runs in a process of its own, where it can harm "
	    "nobody else; see hermod-plugin(7) for what it cannot do there."),
	HM_OPT_SIZE(struct hm_config_module, isolate_memory, "256M",
	    "Memory that an isolated module may have.", .min = "32M",
	    .max = "1T"),
	HM_OPT_END
};

/* RFC 5321, 2.3.5 and RFC 1123, 2.1; an underscore is no letter. */
static bool
is_hostname(struct hm_str name)
{
	size_t label = 0;

	if (name.len == 0 || name.len > 253)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		if (c == '.' ? label == 0 || name.p[i - 1] == '-' :
		    !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    (c == '-' && label > 0)))
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0 && name.p[name.len - 1] != '-';
}

/* The full form of a short name as /etc/hosts has it, or {NULL,0}. DNS is not
 * asked: nothing may wait for a network before there is a configuration. */
static struct hm_str
full_name(struct hm_arena *arena, struct hm_str name)
{
	struct hm_str text, none = { NULL, 0 };

	if (hm_file_read(arena, "/etc/hosts", 1 << 20, &text, NULL) < 0)
		return none;
	while (text.p != NULL) {
		struct hm_str line = hm_str_split(&text, '\n');
		struct hm_str full = none;
		bool here = false;
		size_t i = 0;

		if (hm_str_chr(line, '#') >= 0)
			line.len = (size_t)hm_str_chr(line, '#');
		while (i < line.len) {
			size_t from;

			while (i < line.len && strchr(" \t\r", line.p[i]) != NULL)
				i++;
			from = i;
			while (i < line.len && strchr(" \t\r", line.p[i]) == NULL)
				i++;
			/* The first word is the address. */
			if (from == 0 || from == i)
				continue;
			here |= hm_str_caseeq(hm_str_n(line.p + from, i - from),
			    name);
			if (full.p == NULL && memchr(line.p + from, '.', i - from))
				full = hm_str_n(line.p + from, i - from);
		}
		if (here && full.p != NULL)
			return full;
	}
	return none;
}

static const char *
system_hostname(struct hm_arena *arena)
{
	struct utsname uts;
	struct hm_str name, full;

	if (uname(&uts) < 0)
		return "localhost";
	name = hm_str_lower(arena, hm_str(uts.nodename));
	if (hm_str_chr(name, '.') < 0) {
		full = full_name(arena, name);
		if (full.p != NULL)
			name = hm_str_lower(arena, full);
	}
	return is_hostname(name) ? name.p : "localhost";
}

static void
check_hostname(struct hm_arena *arena, struct hm_server_conf *conf,
    const struct hm_node *node, struct hm_errs *errs)
{
	struct hm_str name;

	if (conf->hostname == NULL) {
		conf->hostname = system_hostname(arena);
		return;
	}
	name = hm_str_lower(arena, hm_str(conf->hostname));
	conf->hostname = name.p;
	if (is_hostname(name))
		return;
	node = hm_node_get(node, "hostname");
	if (!hm_str_ascii(name))
		hm_node_error(node, errs, "\"hostname\" must be in ASCII; write "
		    "the form that begins with xn--");
	else
		hm_node_error(node, errs, "\"hostname\" must be a name such as "
		    "mail.example.org, not \"%.*s\"",
		    HM_FMT(hm_str_take(name, 80)));
}

static void
read_addresses(struct hm_arena *arena, struct hm_server_conf *conf,
    const struct hm_node *node, struct hm_errs *errs)
{
	size_t n = conf->addresses->n, good = 0;
	struct hm_sockaddr *at = hm_alloc_array(arena, n, sizeof(at[0]));
	const struct hm_node *list = hm_node_get(node, "addresses");

	for (size_t i = 0; i < n; i++) {
		const char *text = conf->addresses->at[i];

		if (hm_sockaddr_parse(hm_str(text), &at[good]) == 0 &&
		    at[good].family != 1 && at[good].port == 0) {
			good++;
			continue;
		}
		/* The default is good: there is a node. */
		hm_node_error(list->kind == HM_NODE_LIST ? list->items[i] : list,
		    errs, "\"addresses\" must be IP addresses without ports, not "
		    "\"%.80s\"", text);
	}
	if (n == 0)
		hm_node_error(list, errs, "\"addresses\" must not be empty");
	conf->listen_addresses.n = good;
	conf->listen_addresses.at = at;
}

static void
absolute_folders(struct hm_arena *arena, struct hm_server_conf *conf,
    const char *dir)
{
	struct hm_strlist *list = hm_new(arena, struct hm_strlist);
	const char **at = hm_alloc_array(arena, conf->module_path->n,
	    sizeof(at[0]));

	for (size_t i = 0; i < conf->module_path->n; i++) {
		const char *path = conf->module_path->at[i];

		at[i] = path[0] == '/' ? path :
		    hm_printf(arena, "%s/%s", dir, path);
	}
	list->n = conf->module_path->n;
	list->at = at;
	conf->module_path = list;
}

int
hm_server_build(struct hm_arena *arena, const char *dir,
    const struct hm_node *node, struct hm_server_conf *ret,
    struct hm_errs *errs)
{
	struct hm_conf_ctx ctx = { .where = "hermod.yaml", .dir = dir };
	size_t before = hm_errs_count(errs);

	hm_conf_build_with(arena, &ctx, node, hm_server_options, ret, errs);
	if (ret->addresses == NULL || node->kind != HM_NODE_MAP)
		return -HM_ESYNTAX;
	check_hostname(arena, ret, node, errs);
	read_addresses(arena, ret, node, errs);
	absolute_folders(arena, ret, dir);
	if (ret->control_socket == NULL)
		ret->control_socket = hm_printf(arena, "%s/ctl", ret->data_dir);
	return hm_errs_count(errs) > before ? -HM_ESYNTAX : 0;
}
