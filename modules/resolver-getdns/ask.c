/* ask.c - one question to one server, once. */
#include "stub.h"

#include <hermod/clock.h>

#include "wire.h"

/* Lives on the asking fiber's stack: getdns has forgotten it, one way or the
 * other, before ask() returns. */
struct attempt {
	struct hm_cond cond;
	struct hm_arena *arena;
	struct hm_str message;
	bool done;
};

static void
answered(getdns_context *context, getdns_callback_type_t how,
    getdns_dict *response, void *arg, getdns_transaction_t id)
{
	struct attempt *a = arg;
	getdns_bindata *bytes;

	(void)context;
	(void)id;
	if (how == GETDNS_CALLBACK_COMPLETE && response &&
	    getdns_dict_get_bindata(response, "/replies_full/0", &bytes) ==
	    GETDNS_RETURN_GOOD && bytes->size <= WIRE_BYTES_MAX)
		a->message = hm_str_dup(a->arena, (struct hm_str){
		    (const char *)bytes->data, bytes->size });
	getdns_dict_destroy(response);
	a->done = true;
	hm_wake(&a->cond);
}

int
ask(struct server *server, getdns_dict *extensions, struct hm_str name,
    enum hm_dns_type type, int64_t timeout_ms, struct hm_arena *arena,
    struct hm_str *ret)
{
	int64_t until = hm_now_ms() + timeout_ms;
	struct attempt a = { .arena = arena };
	/* Absolute, whatever a search list may say. */
	char *text = hm_printf(arena, "%.*s%s", HM_FMT(name),
	    hm_str_is(name, ".") ? "" : ".");
	getdns_transaction_t id = 0;
	int rc = 0;

	if (getdns_general(server->context, text, (uint16_t)type, extensions, &a,
	    &id, answered) != GETDNS_RETURN_GOOD)
		return -HM_EIO;
	while (!a.done && rc == 0) {
		int64_t left = until - hm_now_ms();

		rc = left > 0 ? hm_wait(&a.cond, left) : -HM_ETIMEDOUT;
	}
	if (!a.done) {
		(void)getdns_cancel_callback(server->context, id);
		return rc;
	}
	if (a.message.len == 0)
		return -HM_EIO;
	*ret = a.message;
	return 0;
}
