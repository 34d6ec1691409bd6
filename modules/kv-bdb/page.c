/* page.c - the checksum of a page, as Berkeley DB computes it. */
#include <string.h>

#include "bdb.h"

/* On-disk layout of Berkeley DB 5.3, db_page.h. */
#define PAGE_PGNO 8
#define PAGE_TYPE 25
#define PAGE_SUM 28
#define META_FLAGS 26
#define META_HAS_SUM 0x01
#define META_SUM 492
#define TYPE_INVALID 0
#define TYPE_BTREE_META 9

/* Chris Torek's hash: h = 33 h + byte. Four bytes a step, because the
 * multiplications depend on each other. */
static uint32_t
sum_add(uint32_t h, const unsigned char *p, size_t len)
{
	while (len >= 4) {
		h = h * 1185921u + p[0] * 35937u + p[1] * 1089u + p[2] * 33u +
		    p[3];
		p += 4;
		len -= 4;
	}
	while (len--)
		h = h * 33u + *p++;
	return h;
}

/* The sum of a page whose own four bytes at sum_at count as zero. */
static bool
sum_good(const unsigned char *page, size_t len, size_t sum_at)
{
	static const unsigned char zero[4];
	uint32_t h, want;

	h = sum_add(0, page, sum_at);
	h = sum_add(h, zero, 4);
	h = sum_add(h, page + sum_at + 4, len - sum_at - 4);
	memcpy(&want, page + sum_at, 4);
	return h == want;
}

bool
bdb_page_good(const void *p, size_t len)
{
	static const unsigned char hole[PAGE_PGNO + 4];
	const unsigned char *page = p;

	if (len < BDB_META_BYTES)
		return true;
	if (page[PAGE_TYPE] == TYPE_BTREE_META)
		return (page[META_FLAGS] & META_HAS_SUM) &&
		    sum_good(page, BDB_META_BYTES, META_SUM);
	/* allocated but never written */
	if (page[PAGE_TYPE] == TYPE_INVALID &&
	    memcmp(page, hole, sizeof(hole)) == 0)
		return true;
	return sum_good(page, len, PAGE_SUM);
}
