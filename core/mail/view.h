/* view.h - the shape of a view: pages of 64 groups of 64 uids.
 *
 * Pages and groups are counted and shared by all views that hold the same
 * ones, so that the next view of a mailbox costs a copy of the list of pages
 * plus the pages and groups that changed. A group may stay as its maker wrote it
 * until somebody looks at its entries.
 */
#ifndef CORE_MAIL_VIEW_H
#define CORE_MAIL_VIEW_H

#include <stdatomic.h>

#include <hermod/iface/store_build.h>

enum { VIEW_FANOUT = 64, VIEW_PAGE_BITS = 2 * HM_GROUP_BITS };

/* What several groups were made of, and who unpacks it. */
struct view_pack {
	atomic_uint refs;
	hm_view_unpack_fn *unpack;
	struct hm_code *code;        /* that unpack belongs to */
	size_t len, cap;
	char bytes[];
};

struct view_group {
	atomic_uint refs;
	uint32_t number;             /* uid >> 6 */
	uint64_t present;            /* bit uid & 63 */
	unsigned n, packed_len;      /* n: bits set */
	_Atomic(struct hm_entry *) at; /* one for each bit; NULL: packed */
	struct view_pack *pack;      /* NULL: unpacked */
	const char *packed;          /* in there */
	struct hm_entry own[];       /* where at leads if it never was packed */
};

struct view_page {
	atomic_uint refs;
	uint32_t number;             /* uid >> 12 */
	uint64_t present;            /* bit group & 63 */
	unsigned n, count;           /* groups, entries */
	uint16_t before[VIEW_FANOUT]; /* entries in earlier groups */
	struct view_group *group[VIEW_FANOUT];
};

struct hm_view {
	atomic_uint refs;
	uint64_t mailbox, modseq;
	uint32_t uidnext, count;
	size_t n, cap;
	struct view_page **page;     /* by number */
	uint32_t *before;            /* entries in earlier pages */
	void (*on_release)(void *arg);
	void *on_release_arg;
	struct hm_code *code;          /* that on_release belongs to */
	struct view_pack *pack;        /* to be filled */
};

/* How many bits of set stand below bit i. */
static inline unsigned
view_rank(uint64_t set, unsigned i)
{
	return (unsigned)__builtin_popcountll(set & ((UINT64_C(1) << i) - 1));
}

void view_pack_unref(struct view_pack *pack); /* NULL accepted */
/* The index of the first page whose number is not below. */
size_t view_page_lower(const struct hm_view *view, uint32_t number);

#endif
