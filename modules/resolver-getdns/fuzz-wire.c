/* fuzz-wire.c - answers from the network: the first octet chooses the type that
 * was asked for, the name is the one of the question. */
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "t/records.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum hm_dns_type types[] = {
	HM_DNS_A, HM_DNS_AAAA, HM_DNS_CAA, HM_DNS_CNAME, HM_DNS_MX, HM_DNS_NS,
	HM_DNS_PTR, HM_DNS_SOA, HM_DNS_SRV, HM_DNS_TLSA, HM_DNS_TXT,
};

/* What is accepted can be shown, and keeps the limits. */
static void
look_at(const struct hm_dns_answer *answer)
{
	struct hm_buf out = { 0 };

	if (answer->n > HM_DNS_RECORDS_MAX ||
	    answer->ncnames > HM_DNS_CNAMES_MAX)
		__builtin_trap();
	if ((answer->outcome == HM_DNS_OK) != (answer->n > 0))
		__builtin_trap();
	for (size_t i = 0; i < answer->n; i++)
		read_record(&out, answer->type, &answer->rr[i]);
	for (size_t i = 0; i < answer->ncnames; i++)
		hm_buf_str(&out, answer->cnames[i].target);
	hm_buf_str(&out, answer->canonical);
	hm_buf_str(&out, answer->ede_text);
	hm_buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "a.test", "www.a.test", "." };
	struct hm_arena *arena;

	if (size < 1)
		return 0;
	arena = hm_arena_new(NULL, "fuzz");
	for (size_t i = 0; i < HM_ARRAY_LEN(names); i++) {
		struct hm_dns_answer answer;
		struct wire_info info;

		if (wire_parse(arena, hm_str_n((const char *)data + 1, size - 1),
		    hm_str(names[i]), types[data[0] % HM_ARRAY_LEN(types)],
		    &answer, &info) == 0)
			look_at(&answer);
	}
	hm_arena_free(arena);
	return 0;
}
