/* fuzz-address.c - envelope paths, address lists and domains. */
#include <stdlib.h>

#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/str.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was accepted is accepted again, and means the same. */
static void
again(struct hm_arena *arena, const struct hm_addr *addr)
{
	struct hm_addr second;

	if (addr->text.len == 0)
		return;
	if (hm_addr_parse(arena, addr->text, HM_ADDR_UTF8 | HM_ADDR_POSTMASTER,
	    &second, NULL) < 0)
		abort();
	if (!hm_str_eq(second.text, addr->text) ||
	    !hm_str_eq(second.local, addr->local) ||
	    !hm_str_eq(second.domain, addr->domain))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	struct hm_str in = hm_str_n((const char *)data, size), rest = in, name;
	struct hm_hdraddrs list;
	struct hm_addr addr;

	if (hm_addr_path(arena, &rest, HM_ADDR_NULL | HM_ADDR_POSTMASTER |
	    HM_ADDR_UTF8, &addr, NULL) == 0)
		again(arena, &addr);
	if (hm_addr_parse(arena, in, HM_ADDR_UTF8, &addr, NULL) == 0)
		again(arena, &addr);
	hm_hdraddrs_parse(arena, in, &list);
	if (list.n > 2 * size + 1) /* "::" begins and ends groups */
		abort();
	if (hm_hdraddr_single(arena, in, &addr, NULL) == 0)
		again(arena, &addr);
	if (hm_domain_ascii(arena, in, &name, NULL) == 0) {
		if (!hm_str_ascii(name) || name.len == 0)
			abort();
		hm_domain_unicode(arena, name);
	}
	hm_domain_unicode(arena, in);
	hm_arena_free(arena);
	return 0;
}
