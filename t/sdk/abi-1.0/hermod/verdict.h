/* verdict.h - what a decision hook answers.
 *
 * Made only by the constructors below. The first final verdict (accept, defer,
 * reject, disconnect, fail) ends the chain; pass and junk go on to the next
 * module. Texts must live until the reply is written: literals, or memory of
 * hm_call_arena(). They are one line without control characters; the core adds
 * reply codes. Thread: any.
 */
#ifndef HERMOD_VERDICT_H
#define HERMOD_VERDICT_H

#include <hermod/types.h>

enum hm_verdict_kind {
	HM_PASS = 0,       /* no opinion */
	HM_ACCEPT = 1,     /* yes, ask nobody else */
	HM_JUNK = 2,       /* noted with a score; others go on */
	HM_DEFER = 3,      /* not now: 4xx */
	HM_REJECT = 4,     /* no: 5xx */
	HM_DISCONNECT = 5, /* 421 and close */
	HM_FAIL = 6,       /* the module is broken: treated as its on-fail setting */
};

struct hm_verdict {
	enum hm_verdict_kind kind;
	int score;         /* junk: sum over the chain; larger is worse */
	const char *esc;   /* enhanced status code "x.y.z" (RFC 3463), or NULL */
	const char *text;
	const char *module; /* who decided; filled by the core */
	int code;          /* SMTP reply code of the verdict's class to use
	                    * instead of 451, 550 or 421; 0: the usual one */
};

static inline struct hm_verdict
hm_pass(void)
{
	return (struct hm_verdict){ .kind = HM_PASS };
}

static inline struct hm_verdict
hm_accept(void)
{
	return (struct hm_verdict){ .kind = HM_ACCEPT };
}

static inline struct hm_verdict
hm_junk(int score, const char *why)
{
	return (struct hm_verdict){ .kind = HM_JUNK, .score = score, .text = why };
}

static inline struct hm_verdict
hm_defer(const char *esc, const char *text)
{
	return (struct hm_verdict){ .kind = HM_DEFER, .esc = esc, .text = text };
}

static inline struct hm_verdict
hm_reject(const char *esc, const char *text)
{
	return (struct hm_verdict){ .kind = HM_REJECT, .esc = esc, .text = text };
}

static inline struct hm_verdict
hm_disconnect(const char *esc, const char *text)
{
	return (struct hm_verdict){ .kind = HM_DISCONNECT, .esc = esc,
	    .text = text };
}

/* "I could not decide because something broke"; why goes to the log only. */
static inline struct hm_verdict
hm_fail(const char *why)
{
	return (struct hm_verdict){ .kind = HM_FAIL, .text = why };
}

/* pass for 0, fail for an error code: the last line of many hooks. */
HM_API struct hm_verdict hm_ok_or_fail(int result);
static inline bool
hm_verdict_final(struct hm_verdict v)
{
	return v.kind != HM_PASS && v.kind != HM_JUNK;
}

#endif
