/* store_build.h - for providers of "store": making the snapshots that
 * store_types.h reads.
 *
 * A view is a tree of groups of 64 uids that successive views share: making the
 * next view costs what changed, not what is there. Thread: the thing under
 * construction belongs to its maker; once handed out, any.
 */
#ifndef HERMOD_IFACE_STORE_BUILD_H
#define HERMOD_IFACE_STORE_BUILD_H

#include <hermod/iface/store_types.h>

/* The group a uid belongs to. */
#define HM_GROUP_BITS 6
#define HM_GROUP_MAX (1u << HM_GROUP_BITS)
static inline uint32_t
hm_group(uint32_t uid)
{
	return uid >> HM_GROUP_BITS;
}

/* A copy of a view that may be changed until hm_view_finish(); from may be
 * NULL: an empty view. One reference, the caller's. */
HM_API struct hm_view *hm_view_copy(uint64_t mailbox,
    const struct hm_view *from);
/* Replaces a group by n <= 64 entries of that group in uid order; 0 removes
 * it. */
HM_API void hm_view_set_group(struct hm_view *view, uint32_t group,
    const struct hm_entry *entries, size_t n);
/* The same with the entries of bit uid & 63 of present, packed in any way: unpack
 * fills ret when somebody looks at one of them for the first time, on any thread,
 * and cannot fail. The bytes are copied; the code of unpack stays loaded until
 * they are not needed. */
typedef void hm_view_unpack_fn(uint32_t group, struct hm_str packed,
    struct hm_entry *ret);
HM_API void hm_view_set_packed(struct hm_view *view, uint32_t group,
    uint64_t present, struct hm_str packed, hm_view_unpack_fn *unpack);
/* The view is complete: what it says from now on never changes. */
HM_API void hm_view_finish(struct hm_view *view, uint64_t modseq,
    uint32_t uidnext);
/* Runs fn(arg) once, when the last reference is given back, on that thread. */
HM_API void hm_view_on_release(struct hm_view *view, void (*fn)(void *arg),
    void *arg);
/* The entries of a group, *ret_n of them; NULL if there are none. */
HM_API const struct hm_entry *hm_view_group(const struct hm_view *view,
    uint32_t group, size_t *ret_n);
/* Memory held, as if nothing were shared and nothing packed: who looks makes it no
 * more than that. */
HM_API size_t hm_view_bytes(const struct hm_view *view);

/* A counted copy of a mailbox, strings included. */
HM_API const struct hm_mailbox *hm_mailbox_new(const struct hm_mailbox *from);
HM_API const struct hm_mailbox *hm_mailbox_ref(const struct hm_mailbox *m);
HM_API void hm_mailbox_unref(const struct hm_mailbox *m); /* NULL accepted */

/* The order of hm_mailboxes: INBOX first, then by bytes. */
HM_API int hm_mailbox_cmp(struct hm_str a, struct hm_str b);
/* A snapshot of n mailboxes made by hm_mailbox_new(), in any order; it takes a
 * reference to each. subscribed: sorted here; NULL with from given: shares those
 * of from. */
HM_API struct hm_mailboxes *hm_mailboxes_new(uint64_t modseq,
    const struct hm_mailbox *const *at, size_t n,
    const struct hm_mailboxes *from, const struct hm_str *subscribed,
    size_t nsubscribed);

#endif
