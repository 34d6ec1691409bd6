/* route.c - which transport takes a recipient, this time.
 *
 * A forced transport, then the hook, then routes of the account, of the
 * sender's domain and of the server; in each the first that fits. None: direct.
 */
#include <string.h>

#include "queue.h"

const struct hm_transport *
queue_transport(struct hm_mod *m, const char *name)
{
	const struct hm_transport *t;
	const char *has;

	for (size_t i = 0; (t = HM_GET_NTH(m, transport, i)) != NULL; i++)
		for (size_t n = 0; (has = t->ops->name(t->self, n)) != NULL; n++)
			if (strcmp(has, name) == 0)
				return t;
	return NULL;
}

static struct hm_str
domain_of(struct hm_str addr)
{
	ssize_t at = hm_str_rchr(addr, '@');

	return at < 0 ? (struct hm_str){ 0 } : hm_str_skip(addr, (size_t)at + 1);
}

static bool
listed(const struct hm_strlist *list, struct hm_str domain)
{
	return list->n == 0 || hm_strlist_has_domain(list, domain);
}

static const char *
own_routes(struct queue_module *q, struct hm_str sender_domain,
    const struct queue_rcpt *rcpt)
{
	const struct hm_blocks *routes = q->conf->routes;
	const struct queue_route_conf *at = routes->at;

	for (size_t i = 0; i < routes->n; i++)
		if (listed(at[i].from, sender_domain) &&
		    listed(at[i].to, rcpt->domain) &&
		    rcpt->attempts >= at[i].attempt)
			return at[i].transport;
	return NULL;
}

/* Those of the account and the domain are the directory's. */
static HM_FIBER const char *
directory_routes(struct queue_module *q, const struct queue_message *msg,
    struct hm_str sender_domain, const struct queue_rcpt *rcpt,
    struct hm_arena *arena)
{
	const struct hm_directory *dir = q->directory;
	struct hm_str name;

	if (dir == NULL || !HM_HAS(dir, route) || dir->ops->route(dir->self,
	    msg->account, sender_domain, rcpt->domain, rcpt->attempts, arena,
	    &name) != 0)
		return NULL;
	return hm_strndup(arena, name.p, name.len);
}

static HM_FIBER const char *
ask_hooks(struct queue_module *q, const struct queue_message *msg,
    const struct queue_rcpt *rcpt, struct hm_arena *arena,
    struct hm_verdict *ret)
{
	struct hm_addr sender = { 0 }, to = { 0 };
	struct hm_route route = { .size = sizeof(route),
	    .account = msg->account, .sender = &sender, .rcpt = &to,
	    .attempt = rcpt->attempts };

	if (msg->sender.len > 0)
		(void)hm_addr_parse(arena, msg->sender, HM_ADDR_UTF8, &sender,
		    NULL);
	(void)hm_addr_parse(arena, rcpt->addr, HM_ADDR_UTF8, &to, NULL);
	*ret = hm_decide_route(q->m, NULL, NULL, &route);
	if (ret->kind != HM_ACCEPT || route.transport == NULL)
		return NULL;
	return hm_strdup(arena, route.transport);
}

const char *
queue_route(struct queue_module *q, const struct queue_message *msg,
    const struct queue_rcpt *rcpt, struct hm_arena *arena,
    struct hm_verdict *ret_verdict)
{
	struct hm_str from = domain_of(msg->sender);
	const char *name;

	*ret_verdict = hm_pass();
	if (rcpt->transport.len > 0)
		return hm_strndup(arena, rcpt->transport.p, rcpt->transport.len);
	name = ask_hooks(q, msg, rcpt, arena, ret_verdict);
	if (name != NULL || (hm_verdict_final(*ret_verdict) &&
	    ret_verdict->kind != HM_ACCEPT))
		return name;
	*ret_verdict = hm_pass();
	if (q->store != NULL && q->directory != NULL &&
	    q->directory->ops->domain(q->directory->self, rcpt->domain) > 0)
		return QUEUE_LOCAL;
	name = directory_routes(q, msg, from, rcpt, arena);
	if (name == NULL)
		name = own_routes(q, from, rcpt);
	return name != NULL ? name : "direct";
}

/* Names that nobody has are found before mail depends on them. */
int
queue_routes_check(struct queue_module *q, struct hm_err *reterr)
{
	const struct hm_blocks *routes = q->conf->routes;
	const struct queue_route_conf *at = routes->at;
	const struct hm_transport *t, *other;
	const char *name;

	for (size_t i = 0; i < routes->n; i++)
		if (queue_transport(q->m, at[i].transport) == NULL)
			return hm_err_set(reterr, -HM_EINVAL, "route \"%s\": no "
			    "module has a transport named \"%s\"",
			    routes->names[i], at[i].transport);
	for (size_t i = 0; (t = HM_GET_NTH(q->m, transport, i)) != NULL; i++)
		for (size_t n = 0; (name = t->ops->name(t->self, n)); n++) {
			other = queue_transport(q->m, name);
			if (other != t)
				return hm_err_set(reterr, -HM_EINVAL, "both %s "
				    "and %s have a transport named \"%s\"",
				    hm_mod_name(other->self),
				    hm_mod_name(t->self), name);
		}
	return 0;
}
