/* judge.c - one wanted record against what is published. */
#include "commands.h"

#include <hermod/buf.h>

static struct hm_str
data_text(struct hm_arena *arena, enum hm_dns_type type,
    const struct hm_dns_rr *rr)
{
	struct hm_buf out = { 0 };
	struct hm_str text;

	dns_rr_text(&out, type, rr);
	text = hm_str_dup(arena, hm_buf_view(&out));
	hm_buf_release(&out);
	return text;
}

/* Whether both say the same; how a text is cut into strings does not count, nor
 * a preference. */
static bool
same(struct hm_arena *arena, enum hm_dns_type type, const struct hm_dns_rr *a,
    const struct hm_dns_rr *b)
{
	if (type == HM_DNS_TXT)
		return hm_str_eq(a->txt.text, b->txt.text);
	if (type == HM_DNS_MX)
		return hm_str_caseeq(a->mx.host, b->mx.host);
	return hm_str_caseeq(data_text(arena, type, a),
	    data_text(arena, type, b));
}

struct hm_str
dns_txt_tag(struct hm_str text)
{
	size_t len = 0;

	while (len < text.len && text.p[len] != ' ' && text.p[len] != ';')
		len++;
	return hm_str_take(text, len);
}

/* The published records that compete with the wanted one: of a text only those
 * with the same tag. */
static size_t
rivals(const struct hm_dns_want *want, const struct hm_dns_answer *answer,
    const struct hm_dns_rr **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < answer->n; i++)
		if (want->type != HM_DNS_TXT || hm_str_caseeq(
		    dns_txt_tag(answer->rr[i].txt.text),
		    dns_txt_tag(want->rr.txt.text)))
			ret[n++] = &answer->rr[i];
	return n;
}

static enum dns_verdict
lacking(const struct hm_dns_want *want)
{
	return want->flags & HM_DNS_OPTIONAL ? DNS_ADVICE : DNS_BAD;
}

static enum dns_verdict
found(const struct hm_dns_want *want, size_t n, bool secure, bool can_secure,
    const char **ret_detail)
{
	if (want->type == HM_DNS_TLSA && !secure) {
		*ret_detail = can_secure ?
		    "published, but without DNSSEC it has no effect" :
		    "published; this resolver cannot tell whether it is secure";
		return can_secure ? lacking(want) : DNS_UNKNOWN;
	}
	if (n > 1 && want->type == HM_DNS_TXT) {
		*ret_detail = "there are several, so none counts";
		return DNS_BAD;
	}
	*ret_detail = secure ? "published, secure" : "published";
	if (n > 1 && want->type == HM_DNS_MX) {
		*ret_detail = "published, and mail goes to other hosts as well";
		return DNS_ADVICE;
	}
	return DNS_GOOD;
}

enum dns_verdict
dns_judge(struct hm_arena *arena, const struct hm_dns_want *want,
    const struct hm_dns_answer *answer, bool can_secure,
    const char **ret_detail)
{
	const struct hm_dns_rr **rival = hm_alloc_array(arena, answer->n + 1,
	    sizeof(*rival));
	struct hm_str theirs;
	size_t n;

	if (hm_dns_temporary(answer->outcome)) {
		*ret_detail = hm_printf(arena, "%.*s", HM_FMT(answer->reason));
		return answer->outcome == HM_DNS_BOGUS ? DNS_BAD : DNS_UNKNOWN;
	}
	n = rivals(want, answer, rival);
	if (n == 0) {
		*ret_detail = answer->outcome == HM_DNS_OK ?
		    "no such record" : hm_dns_outcome_text(answer->outcome);
		return lacking(want);
	}
	for (size_t i = 0; i < n; i++)
		if (same(arena, want->type, rival[i], &want->rr))
			return found(want, n, answer->secure, can_secure,
			    ret_detail);
	theirs = data_text(arena, want->type, rival[0]);
	if (n == 1 && (want->flags & HM_DNS_SIMILAR)) {
		*ret_detail = hm_printf(arena, "published in other words: %.*s",
		    HM_FMT(theirs));
		return DNS_GOOD;
	}
	*ret_detail = hm_printf(arena, "published is %.*s%s", HM_FMT(theirs),
	    n > 1 ? " and more" : "");
	return lacking(want);
}
