/* servers.c - whom to ask, and whose word on DNSSEC is believed. */
#include "stub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/work.h>

enum {
	DNS_PORT = 53,
	LOOK_EVERY_MS = 5000,      /* after resolv.conf */
	FILE_BYTES_MAX = 65536,
	UDP_BYTES = 1232,          /* passes every network unfragmented */
	CONTEXT_TIMEOUT_MS = 60000,/* never reached: time is kept in ask.c */
};

struct servers *
servers_ref(struct servers *servers)
{
	servers->refs++;
	return servers;
}

static void
servers_free(struct servers *servers)
{
	for (size_t i = 0; i < servers->n; i++)
		getdns_context_destroy(servers->at[i].context);
	free(servers);
}

void
servers_unref(struct servers *servers)
{
	if (servers && --servers->refs == 0)
		servers_free(servers);
}

/* ---- making; on a worker, since a context takes 140 KB of stack ---- */

static getdns_return_t
set_upstream(getdns_context *context, const struct hm_sockaddr *addr)
{
	getdns_bindata type = { 4, (uint8_t *)(uintptr_t)(addr->family == 4 ?
	    "IPv4" : "IPv6") };
	getdns_bindata ip = { addr->family == 4 ? 4 : 16,
	    (uint8_t *)(uintptr_t)addr->ip };
	getdns_dict *dict = getdns_dict_create();
	getdns_list *list = getdns_list_create();
	getdns_return_t r = dict && list ? GETDNS_RETURN_GOOD :
	    GETDNS_RETURN_MEMORY_ERROR;

	if (r == GETDNS_RETURN_GOOD)
		r = getdns_dict_set_bindata(dict, "address_type", &type);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_dict_set_bindata(dict, "address_data", &ip);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_dict_set_int(dict, "port", addr->port);
	if (r == GETDNS_RETURN_GOOD && addr->scope) {
		char scope[16];
		getdns_bindata text = { 0, (uint8_t *)scope };

		text.size = (size_t)snprintf(scope, sizeof(scope), "%u",
		    addr->scope);
		r = getdns_dict_set_bindata(dict, "scope_id", &text);
	}
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_list_set_dict(list, 0, dict);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_upstream_recursive_servers(context, list);
	getdns_list_destroy(list);
	getdns_dict_destroy(dict);
	return r;
}

static getdns_return_t
set_up(getdns_context *context, struct glue *glue)
{
	/* Not the hosts file, which mail must not look at (RFC 5321, 5.1). */
	getdns_namespace_t dns = GETDNS_NAMESPACE_DNS;
	getdns_transport_list_t transports[] = {
	    GETDNS_TRANSPORT_UDP, GETDNS_TRANSPORT_TCP };
	getdns_return_t r;

	r = getdns_context_set_resolution_type(context, GETDNS_RESOLUTION_STUB);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_namespaces(context, 1, &dns);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_dns_transport_list(context, 2, transports);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_append_name(context,
		    GETDNS_APPEND_NAME_NEVER);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_timeout(context, CONTEXT_TIMEOUT_MS);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_edns_maximum_udp_payload_size(context,
		    UDP_BYTES);
	/* A failed connection shall not be remembered for an hour. */
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_tls_backoff_time(context, 1);
	glue_init(glue);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_eventloop(context, &glue->loop);
	return r;
}

static int
add_server(struct servers *servers, const struct hm_sockaddr *addr,
    struct hm_err *reterr)
{
	struct server *s = &servers->at[servers->n];
	getdns_return_t r;
	char text[112];

	s->addr = *addr;
	r = getdns_context_create(&s->context, 0);
	if (r != GETDNS_RETURN_GOOD)
		return hm_err_set(reterr, -HM_EINTERNAL,
		    "getdns could not be set up: %s",
		    getdns_get_errorstr_by_id(r));
	servers->n++;
	r = set_up(s->context, &s->glue);
	if (r == GETDNS_RETURN_GOOD)
		r = set_upstream(s->context, &s->addr);
	if (r != GETDNS_RETURN_GOOD)
		return hm_err_set(reterr, -HM_EINVAL,
		    "the resolver %s cannot be used: %s",
		    hm_sockaddr_text(text, addr), getdns_get_errorstr_by_id(r));
	return 0;
}

static int
make(const struct stub *stub, const struct hm_sockaddr *addrs, size_t n,
    bool trust_all, struct servers **ret, struct hm_err *reterr)
{
	struct servers *servers = hm_xalloc(sizeof(*servers));

	servers->refs = 1;
	servers->trusted = true;
	for (size_t i = 0; i < n && i < SERVERS_MAX; i++) {
		int rc = add_server(servers, &addrs[i], reterr);

		if (rc < 0) {
			servers_free(servers);
			return rc;
		}
		/* If one cannot be believed none can: who makes the others
		 * fall silent would choose whom we ask. */
		if (!trust_all && !hm_sockaddr_loopback(&addrs[i]) &&
		    !hm_netlist_has(stub->conf->trusted, &addrs[i]))
			servers->trusted = false;
	}
	*ret = servers;
	return 0;
}

/* ---- resolv.conf ---- */

struct look {
	const struct stub *stub;
	struct resolvconf_stamp stamp;
	struct servers *servers;   /* NULL: nothing new */
	struct hm_err *err;
};

static int
look_job(void *arg)
{
	struct look *l = arg;
	const char *path = l->stub->conf->resolv_conf;
	struct resolvconf rc;
	struct stat st = { 0 };
	struct hm_arena *arena;
	struct hm_str text = { 0 };
	int r;

	if (stat(path, &st) != 0 && errno != ENOENT)
		return hm_err_errno(l->err, errno, "%s", path);
	l->stamp = resolvconf_stamp(&st);
	if (l->stub->servers != NULL &&
	    memcmp(&l->stamp, &l->stub->stamp, sizeof(l->stamp)) == 0)
		return 0;
	arena = hm_arena_new(NULL, "resolv.conf");
	r = hm_file_read(arena, path, FILE_BYTES_MAX, &text, l->err);
	if (r == -HM_ENOENT)
		r = 0;
	if (r == 0) {
		resolvconf_parse(text, &rc);
		r = make(l->stub, rc.servers, rc.n, rc.trust_ad, &l->servers,
		    l->err);
	}
	hm_arena_free(arena);
	return r;
}

int
servers_parse(const char *text, struct hm_sockaddr *ret)
{
	int rc = hm_sockaddr_parse(hm_str(text), ret);

	if (rc < 0 || ret->family == 1)
		return -HM_ESYNTAX;
	if (ret->port == 0)
		ret->port = DNS_PORT;
	return 0;
}

static int
list_job(void *arg)
{
	struct look *l = arg;
	const struct hm_strlist *list = l->stub->conf->servers;
	struct hm_sockaddr addrs[SERVERS_MAX];
	size_t n = 0;

	/* They were checked with the rest of the settings. */
	while (n < list->n && n < SERVERS_MAX &&
	    servers_parse(list->at[n], &addrs[n]) == 0)
		n++;
	return make(l->stub, addrs, n, false, &l->servers, l->err);
}

static void
tell(const struct servers *servers)
{
	struct hm_buf list = { 0 };
	char text[112];

	for (size_t i = 0; i < servers->n; i++)
		hm_buf_printf(&list, "%s%s", i > 0 ? " " : "",
		    hm_sockaddr_text(text, &servers->at[i].addr));
	hm_log(HM_LOG_INFO, "resolvers", hm_f("servers", hm_buf_view(&list)),
	    hm_f("dnssec", servers->trusted ? "trusted" : "unknown"));
	hm_buf_release(&list);
}

int
servers_open(struct stub *stub, struct hm_err *reterr)
{
	struct look l = { .stub = stub, .err = reterr };
	int rc = hm_work(stub->conf->servers->n > 0 ? list_job : look_job, &l);

	if (rc < 0)
		return rc;
	stub->servers = l.servers;
	stub->stamp = l.stamp;
	stub->looked_ms = hm_now_ms();
	tell(stub->servers);
	return 0;
}

static void
look_again(void *arg)
{
	struct stub *stub = arg;
	struct hm_err err = { 0 };
	struct look l = { .stub = stub, .err = &err };

	if (hm_work(look_job, &l) < 0) {
		hm_log(HM_LOG_WARN, "resolv.conf", hm_f("error", err.text));
	} else if (l.servers) {
		servers_unref(stub->servers);
		stub->servers = l.servers;
		stub->stamp = l.stamp;
		/* Others may see another world, and be less credible. */
		cache_clear(stub->cache);
		tell(stub->servers);
	}
	stub->looked_ms = hm_now_ms();
	stub->looking = false;
}

void
servers_refresh(struct stub *stub)
{
	if (stub->conf->servers->n > 0 || stub->looking ||
	    hm_now_ms() - stub->looked_ms < LOOK_EVERY_MS)
		return;
	stub->looking = true;
	hm_fiber_start(stub->m, "resolv.conf", look_again, stub);
}
