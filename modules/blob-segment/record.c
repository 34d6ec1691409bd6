/* record.c - the forms on disk. */
#include <endian.h>
#include <string.h>

#include <hermod/crc32c.h>

#include "seg.h"

static const char segment_magic[8] = { 'H', 'E', 'R', 'M', 'O', 'D', 'S', 'G' };
static const char record_magic[4] = { 'H', 'm', 'B', 'l' };
static const char end_magic[4] = { 'H', 'm', 'E', 'n' };

static void
put32(void *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, 4);
}

static void
put64(void *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, 8);
}

static uint32_t
get32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return le32toh(v);
}

static uint64_t
get64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return le64toh(v);
}

void
seg_record_make(unsigned char out[SEG_RECORD], const struct seg_record *record)
{
	memcpy(out, record_magic, 4);
	put64(out + 8, record->id);
	put64(out + 16, record->length);
	put32(out + 24, record->sum);
	put32(out + 28, record->flags);
	put32(out + 4, hm_crc32c(0, out + 8, 24));
}

int
seg_record_read(const unsigned char in[SEG_RECORD], struct seg_record *ret)
{
	if (memcmp(in, record_magic, 4) != 0 ||
	    get32(in + 4) != hm_crc32c(0, in + 8, 24))
		return -HM_ECORRUPT;
	ret->id = get64(in + 8);
	ret->length = get64(in + 16);
	ret->sum = get32(in + 24);
	ret->flags = get32(in + 28);
	return ret->length > SEG_BLOB_MAX ? -HM_ECORRUPT : 0;
}

void
seg_header_make(unsigned char out[SEG_HEADER], uint32_t number, uint64_t tag,
    uint64_t made)
{
	memset(out, 0, SEG_HEADER);
	memcpy(out, segment_magic, 8);
	put32(out + 8, SEG_FORMAT);
	put32(out + 12, number);
	put64(out + 16, tag);
	put64(out + 24, made);
	put32(out + 32, hm_crc32c(0, out, 32));
}

int
seg_header_read(const unsigned char in[SEG_HEADER], uint32_t number,
    uint64_t *ret_tag)
{
	if (memcmp(in, segment_magic, 8) != 0 ||
	    get32(in + 32) != hm_crc32c(0, in, 32) || get32(in + 12) != number)
		return -HM_ECORRUPT;
	if (get32(in + 8) != SEG_FORMAT)
		return -HM_EUNSUPPORTED;
	*ret_tag = get64(in + 16);
	return 0;
}

void
seg_end_make(unsigned char out[SEG_RECORD], uint64_t tag, uint64_t offset)
{
	memcpy(out, end_magic, 4);
	put64(out + 8, tag);
	put64(out + 16, offset);
	put64(out + 24, 0);
	put32(out + 4, hm_crc32c(0, out + 8, 24));
}

bool
seg_end_good(const unsigned char in[SEG_RECORD], uint64_t tag, uint64_t offset)
{
	unsigned char want[SEG_RECORD];

	seg_end_make(want, tag, offset);
	return memcmp(in, want, SEG_RECORD) == 0;
}

void
seg_where_make(char out[HM_BLOB_RECORD_MAX], const struct seg_where *where)
{
	put32(out, where->segment);
	put64(out + 4, where->offset);
	put64(out + 12, where->length);
	put32(out + SEG_LINKS_AT, where->links);
}

struct seg_where
seg_where_read(const char *value)
{
	return (struct seg_where){ .segment = get32(value),
	    .offset = get64(value + 4), .length = get64(value + 12),
	    .links = get32(value + SEG_LINKS_AT) };
}

int
seg_where_check(struct hm_str value)
{
	struct seg_where where = seg_where_read(value.p);

	return where.offset > SEG_END_MAX || where.length > SEG_BLOB_MAX ?
	    -HM_ECORRUPT : 0;
}
