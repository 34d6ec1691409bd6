/* hooks.h - the typed expansion of hooks.def, and how hooks are declared.
 *
 * A decision hook is  struct hm_verdict fn(struct hm_call *, ARG);  an event
 * hook is  void fn(struct hm_call *, const struct EVENT *). Both run on a fiber
 * of the loop thread and may suspend; a decision has a deadline (10 s unless
 * the admin says otherwise), after which every wait returns -HM_ETIMEDOUT and
 * the verdict counts as fail. Events come through a bounded queue on a fiber of
 * the subscriber: they are hints; who must not miss any resumes from the
 * store's change log.
 */
#ifndef HERMOD_HOOKS_H
#define HERMOD_HOOKS_H

#include <hermod/outbound.h>
#include <hermod/types.h>
#include <hermod/verdict.h>

struct hm_delivery;
struct hm_dns_wants;

/* What an imap_command hook may know; borrowed for the call. */
struct hm_imap_command {
	struct hm_str name;     /* upper case: "FETCH", "UID STORE" */
	struct hm_str mailbox;  /* the selected one, {NULL,0} when none */
	bool read_only;         /* selected by EXAMINE */
};

/* Events are flat and copied; strings are cut to fit. */
struct hm_session_end {
	char protocol[16];
	char peer[64];
	char account[128];     /* empty: nobody logged in */
	int64_t duration_ms;
	uint64_t bytes_in, bytes_out;
};

struct hm_change {
	char account[128];
	uint64_t modseq;       /* cursor for the store's change log */
	uint64_t mailbox;      /* mailbox id */
	uint64_t msgid;        /* 0 for a mailbox change */
	uint32_t uid;
	uint32_t count;        /* how many messages changed together, from uid on */
};

struct hm_account_change {
	char account[128];
	bool removed;
};

struct hm_generation_change {
	uint64_t number;
};

enum hm_hook_id {
	HM_HOOK_NONE = 0,
#define HM_DECIDE(name, arg) HM_HOOK_##name,
#define HM_EVENT(name, type) HM_HOOK_##name,
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT
	HM_HOOK_COUNT
};

union hm_hook_fn {
#define HM_DECIDE(name, arg) struct hm_verdict (*name)(struct hm_call *, arg);
#define HM_EVENT(name, type) void (*name)(struct hm_call *, const type *);
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT
};

/* Where in a chain a hook runs; ties are broken by the admin's "order" setting,
 * then by module name, never by load order. */
enum hm_order {
	HM_ORDER_FIRST = 0,
	HM_ORDER_AUTH = 1,     /* who is it */
	HM_ORDER_POLICY = 2,   /* may it */
	HM_ORDER_CONTENT = 3,  /* is it good */
	HM_ORDER_REWRITE = 4,  /* change it */
	HM_ORDER_LAST = 5,
};

struct hm_hook {
	enum hm_hook_id id;
	enum hm_order order;
	union hm_hook_fn fn;
};

/* A function of another type than the hook's does not compile. */
#define HM_ON(hook, position, func) \
	{ .id = HM_HOOK_##hook, .order = (position), .fn = { .hook = (func) } }
#define HM_HOOK_END { .id = HM_HOOK_NONE }

/* Asking and telling, for the module that makes something happen. session and
 * message give the call its state and may be NULL. The verdict of a whole
 * chain: the first final one, else junk with the summed score, else pass; fail
 * and lateness have already been turned into what the admin wants. Telling may
 * also be done in a job. */
#define HM_DECIDE(name, arg) \
	HM_API HM_FIBER struct hm_verdict hm_decide_##name(struct hm_mod *caller, \
	    struct hm_session *session, struct hm_message *message, arg);
#define HM_EVENT(name, type) \
	HM_API void hm_emit_##name(struct hm_mod *caller, const type *event);
#include <hermod/hooks.def>
#undef HM_DECIDE
#undef HM_EVENT

/* What a hook function learns about its call. */
HM_API const void *hm_conf(struct hm_call *call);          /* the module's struct */
HM_API struct hm_mod *hm_call_mod(struct hm_call *call);
HM_API struct hm_session *hm_call_session(struct hm_call *call); /* or NULL */
HM_API struct hm_message *hm_call_message(struct hm_call *call); /* or NULL */
HM_API struct hm_arena *hm_call_arena(struct hm_call *call); /* until the reply */

/* The module's own state with a session or a message: zeroed at first use,
 * destroyed (destroy may be NULL) with its owner. The same size every time. */
enum hm_scope { HM_SCOPE_SESSION = 0, HM_SCOPE_MESSAGE = 1 };
HM_API void *hm_slot(struct hm_call *call, enum hm_scope scope, size_t bytes,
    void (*destroy)(void *state));

#endif
