/* page.c - the checksum of a page, as Berkeley DB computes it, and what it can
 * mend. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>

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

/* Chris Torek's hash: h = 33 h + byte. Eight bytes a step, because the
 * multiplications by h depend on each other: 33 a + b of four pairs of bytes has
 * room in 16 bits each, 33^2 a + b of two pairs of these in 32. */
static uint32_t
sum_add(uint32_t h, const unsigned char *p, size_t len)
{
	const uint64_t bytes = UINT64_C(0x00ff00ff00ff00ff);
	const uint64_t halves = UINT64_C(0x0000ffff0000ffff);

	while (len >= 8) {
		uint64_t v;

		memcpy(&v, p, 8);
		v = le64toh(v);
		v = (v & bytes) * 33 + (v >> 8 & bytes);
		v = (v & halves) * 1089 + (v >> 16 & halves);
		h = h * 1954312449u + (uint32_t)v * 1185921u +
		    (uint32_t)(v >> 32);
		p += 8;
		len -= 8;
	}
	while (len--)
		h = h * 33u + *p++;
	return h;
}

/* The sum of a page whose own four bytes at sum_at count as zero. */
static uint32_t
sum_of(const unsigned char *page, size_t len, size_t sum_at)
{
	static const unsigned char zero[4];
	uint32_t h = sum_add(0, page, sum_at);

	h = sum_add(h, zero, 4);
	return sum_add(h, page + sum_at + 4, len - sum_at - 4);
}

static uint32_t
sum_in(const unsigned char *page, size_t sum_at)
{
	uint32_t sum;

	memcpy(&sum, page + sum_at, 4);
	return sum;
}

static bool
sum_good(const unsigned char *page, size_t len, size_t sum_at)
{
	return sum_of(page, len, sum_at) == sum_in(page, sum_at);
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

/* A bit changes the sum by 2^k * 33^m or its negative, m being the distance of
 * its byte from the end: no two bits of a page do it in the same way, because 33
 * is 1 modulo 32. Any other damage looks like a flipped bit once in 30,000
 * pages; then the page would be taken for good. */
static bool
flip_back(unsigned char *page, size_t len, size_t sum_at)
{
	uint32_t want = sum_in(page, sum_at), is = sum_of(page, len, sum_at);
	uint32_t diff = want - is, power = 1;
	size_t i, k;

	for (k = 0; k < 32; k++)
		if ((want ^ is) == UINT32_C(1) << k) {
			memcpy(page + sum_at, &is, 4);
			return true;
		}
	for (i = len; i-- > 0; power *= 33) {
		if (i >= sum_at && i < sum_at + 4)
			continue;
		for (k = 0; k < 8; k++) {
			bool set = page[i] >> k & 1;

			if ((set ? -diff : diff) != power << k)
				continue;
			page[i] ^= (unsigned char)(1u << k);
			return true;
		}
	}
	return false;
}

bool
bdb_page_mend(void *p, size_t len)
{
	unsigned char *copy;
	bool good;

	if (len < BDB_META_BYTES)
		return false;
	copy = hm_xalloc(len);
	memcpy(copy, p, len);
	good = flip_back(copy, len, PAGE_SUM) && bdb_page_good(copy, len);
	if (!good) {
		memcpy(copy, p, len);
		good = flip_back(copy, BDB_META_BYTES, META_SUM) &&
		    copy[PAGE_TYPE] == TYPE_BTREE_META &&
		    bdb_page_good(copy, len);
	}
	if (good)
		memcpy(p, copy, len);
	free(copy);
	return good;
}

/* One that no record of the log is applied to, and that is no part of a tree. */
void
bdb_page_void(void *p, size_t len, uint32_t number)
{
	static const uint32_t not_logged[2] = { 0, 1 };
	unsigned char *page = p;
	uint32_t sum;

	memset(page, 0, len);
	memcpy(page, not_logged, sizeof(not_logged));
	memcpy(page + PAGE_PGNO, &number, 4);
	sum = sum_of(page, len, PAGE_SUM);
	memcpy(page + PAGE_SUM, &sum, 4);
}
