/* spool.h - a message on its way in: memory first, a file when it grows.
 *
 * Up to 128 KiB stay in memory; beyond that the bytes go to an unlinked
 * temporary file, so that nothing is left behind by a crash. There it leaves
 * 128 MiB of the disk free, or a sixteenth of a small one. Thread: one fiber or job
 * at a time.
 */
#ifndef HERMOD_SPOOL_H
#define HERMOD_SPOOL_H

#include <hermod/types.h>

/* dir: an existing directory for the temporary file; copied. */
HM_API struct hm_spool *hm_spool_new(const char *dir);
HM_API void hm_spool_free(struct hm_spool *spool); /* NULL accepted */
/* -HM_ENOSPC, -HM_EIO: the spool is then unusable and must be freed. */
HM_API HM_FIBER int hm_spool_append(struct hm_spool *spool, const void *p,
    size_t len, struct hm_err *reterr);
HM_API uint64_t hm_spool_size(const struct hm_spool *spool);
/* Returns the count, 0 at the end, or -HM_EIO. Any thread; may block on a file. */
HM_API ssize_t hm_spool_read(struct hm_spool *spool, uint64_t offset, void *p,
    size_t len);
/* All bytes at once, for parsers; mapped when on file. Valid until the next
 * append or free. Any thread; may block on a file. */
HM_API int hm_spool_view(struct hm_spool *spool, struct hm_str *ret);

#endif
