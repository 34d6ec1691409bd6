/* group.c - the record of up to 64 messages of a mailbox.
 *
 *   version:1 number modseq  present:8 (little-endian; bit n: uid 64 * number + n)
 *   for each: size, flags * 2 + whether there are keywords [, keywords], and the
 *   differences of msgid, modseq and received to the message before, of saved to
 *   received
 *
 * Numbers are varints, differences zigzag. Neighbours are much alike, so that a
 * message takes about ten bytes, and an append, a change of flags or the reading
 * of a whole mailbox moves a fifth of what its entries have in memory. Format 1
 * wrote the entries as they are behind a modseq; the lengths tell them apart.
 */
#include "record.h"

#include <string.h>

#include <hermod/err.h>
#include <hermod/str.h>

enum {
	GROUP_VERSION = 2,
	ENTRY_BYTES = 48,
	MODSEQ_BYTES = 8,
};

_Static_assert(sizeof(struct hm_entry) == ENTRY_BYTES, "as format 1 has it");

/* A length that format 1 has, too. */
static bool
looks_old(size_t len)
{
	return len % ENTRY_BYTES == MODSEQ_BYTES;
}

/* ---- writing ---- */

static void
put_number(struct hm_buf *out, uint64_t v)
{
	char bytes[10];
	size_t n = 0;

	while (v >= 0x80) {
		bytes[n++] = (char)(v | 0x80);
		v >>= 7;
	}
	bytes[n++] = (char)v;
	hm_buf_add(out, bytes, n);
}

static void
put_difference(struct hm_buf *out, uint64_t v, uint64_t before)
{
	uint64_t d = v - before;

	put_number(out, d << 1 ^ (d >> 63 ? UINT64_MAX : 0));
}

void
store_put_group(struct hm_buf *out, uint64_t modseq, const struct hm_entry *e,
    unsigned n)
{
	struct hm_entry last = { .modseq = modseq };
	uint64_t present = 0;
	size_t from = out->len;
	unsigned i;

	for (i = 0; i < n; i++)
		present |= UINT64_C(1) << e[i].uid % 64;
	hm_buf_reserve(out, 32 + n * 16);
	hm_buf_putc(out, GROUP_VERSION);
	put_number(out, n > 0 ? e[0].uid >> 6 : 0);
	put_number(out, modseq);
	hm_buf_le64(out, present);
	for (i = 0; i < n; i++) {
		put_number(out, e[i].size);
		put_number(out, e[i].flags * 2u + (e[i].keywords != 0));
		if (e[i].keywords)
			put_number(out, e[i].keywords);
		put_difference(out, e[i].msgid, last.msgid);
		put_difference(out, e[i].modseq, last.modseq);
		put_difference(out, (uint64_t)e[i].received,
		    (uint64_t)last.received);
		put_difference(out, e[i].saved, (uint64_t)e[i].received);
		last = e[i];
	}
	if (looks_old(out->len - from))
		hm_buf_putc(out, '\0');
}

/* ---- reading ---- */

struct reader {
	const unsigned char *p, *end;
	bool bad;
};

static uint64_t
take_long(struct reader *in)
{
	uint64_t v = 0;
	unsigned shift;

	for (shift = 0; in->p < in->end && shift < 64; shift += 7) {
		v |= (uint64_t)(*in->p & 0x7f) << shift;
		if (!(*in->p++ & 0x80))
			return v;
	}
	in->bad = true;
	return 0;
}

/* Most have one byte. */
static inline uint64_t
take_number(struct reader *in)
{
	return in->p < in->end && !(*in->p & 0x80) ? *in->p++ : take_long(in);
}

static uint64_t
take_difference(struct reader *in, uint64_t before)
{
	uint64_t d = take_number(in);

	return before + (d >> 1 ^ (d & 1 ? UINT64_MAX : 0));
}

static uint64_t
take_below(struct reader *in, uint64_t max)
{
	uint64_t v = take_number(in);

	if (v > max)
		in->bad = true;
	return v;
}

static void
take_entry(struct reader *in, const struct hm_entry *last,
    struct hm_entry *e)
{
	uint64_t flags, saved;

	e->size = (uint32_t)take_below(in, UINT32_MAX);
	flags = take_below(in, UINT16_MAX * 2u + 1);
	e->flags = (uint16_t)(flags >> 1);
	e->keywords = flags & 1 ? take_number(in) : 0;
	e->msgid = take_difference(in, last->msgid);
	e->modseq = take_difference(in, last->modseq);
	e->received = (int64_t)take_difference(in, (uint64_t)last->received);
	saved = take_difference(in, (uint64_t)e->received);
	if (saved > UINT32_MAX)
		in->bad = true;
	e->saved = (uint32_t)saved;
	e->spare = 0;
}

/* From little-endian to this machine's order of bytes. */
static void
swap_entries(struct hm_entry *e, size_t n)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	size_t i;

	for (i = 0; i < n; i++) {
		e[i].uid = __builtin_bswap32(e[i].uid);
		e[i].size = __builtin_bswap32(e[i].size);
		e[i].keywords = __builtin_bswap64(e[i].keywords);
		e[i].modseq = __builtin_bswap64(e[i].modseq);
		e[i].msgid = __builtin_bswap64(e[i].msgid);
		e[i].received = (int64_t)__builtin_bswap64((uint64_t)e[i].received);
		e[i].saved = __builtin_bswap32(e[i].saved);
		e[i].flags = __builtin_bswap16(e[i].flags);
		e[i].spare = __builtin_bswap16(e[i].spare);
	}
#else
	(void)e;
	(void)n;
#endif
}

static int
get_old(struct hm_str in, uint32_t number, uint64_t *ret_modseq,
    struct hm_entry *ret, unsigned *ret_n)
{
	size_t n, i;

	if (hm_take_le64(&in, ret_modseq) < 0 || in.len == 0 ||
	    in.len / ENTRY_BYTES > 64)
		return -HM_ECORRUPT;
	n = in.len / ENTRY_BYTES;
	memcpy(ret, in.p, in.len);
	swap_entries(ret, n);
	for (i = 0; i < n; i++)
		if (ret[i].uid >> 6 != number ||
		    (i > 0 && ret[i].uid <= ret[i - 1].uid))
			return -HM_ECORRUPT;
	*ret_n = (unsigned)n;
	return 0;
}

int
store_get_group(struct hm_str in, uint32_t number, uint64_t *ret_modseq,
    struct hm_entry *ret, unsigned *ret_n)
{
	struct reader rd = { (const unsigned char *)in.p,
		(const unsigned char *)in.p + in.len, false };
	struct hm_entry first = { 0 };
	const struct hm_entry *last = &first;
	struct hm_str mask;
	uint64_t present;
	unsigned n = 0;

	if (looks_old(in.len))
		return get_old(in, number, ret_modseq, ret, ret_n);
	if (in.len == 0 || *rd.p++ != GROUP_VERSION ||
	    number > UINT32_MAX >> 6 || take_number(&rd) != number)
		return -HM_ECORRUPT;
	*ret_modseq = first.modseq = take_number(&rd);
	mask = hm_str_n((const char *)rd.p, (size_t)(rd.end - rd.p));
	if (rd.bad || hm_take_le64(&mask, &present) < 0 || !present)
		return -HM_ECORRUPT;
	for (rd.p += 8; present && !rd.bad; present &= present - 1) {
		ret[n].uid = number << 6 | (uint32_t)__builtin_ctzll(present);
		take_entry(&rd, last, &ret[n]);
		last = &ret[n++];
	}
	/* the byte that makes the length another one */
	if (!rd.bad && rd.p + 1 == rd.end && *rd.p == 0 && looks_old(in.len - 1))
		rd.p++;
	*ret_n = n;
	return rd.bad || rd.p != rd.end ? -HM_ECORRUPT : 0;
}
