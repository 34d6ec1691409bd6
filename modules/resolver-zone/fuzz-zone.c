/* fuzz-zone.c - zone files of any content, and answers from them. */
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "t/records.h"
#include "zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(const struct zone *zone, struct hm_str name, enum hm_dns_type type)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	struct hm_dns_answer answer;
	struct hm_buf out = { 0 };
	int64_t delay_ms;

	zone_answer(zone, name, type, arena, &answer, &delay_ms);
	if ((answer.outcome == HM_DNS_OK) != (answer.n > 0))
		__builtin_trap();
	for (size_t i = 0; i < answer.n; i++)
		read_record(&out, type, &answer.rr[i]);
	hm_buf_release(&out);
	hm_arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zone *zone;

	if (size > 65536 || zone_parse(hm_str_n((const char *)data, size),
	    "fuzz", &zone, NULL) < 0)
		return 0;
	for (size_t i = 0; i < zone->nrecords && i < 20; i++) {
		ask(zone, zone->records[i].owner, zone->records[i].type);
		ask(zone, zone->records[i].owner, HM_DNS_A);
	}
	ask(zone, HM_STR("no.such.name"), HM_DNS_MX);
	zone_free(zone);
	return 0;
}
