/* spool-private.h - what messages need to know of their spool. */
#ifndef HERMOD_MAIL_SPOOL_PRIVATE_H
#define HERMOD_MAIL_SPOOL_PRIVATE_H

#include <hermod/types.h>

struct hm_spool;

/* An empty one in the same directory. */
struct hm_spool *hm_spool_sibling(const struct hm_spool *spool);
/* Whether reading may touch a file, which belongs on a worker. */
bool hm_spool_on_file(const struct hm_spool *spool);

/* For another process: a descriptor that only reads what there is so far, or
 * -HM_E…. May block on a file. */
int hm_spool_share(struct hm_spool *spool, struct hm_err *reterr);
/* The other side: a spool of size bytes, which nothing can be added to. Closes fd
 * in any case. */
struct hm_spool *hm_spool_shared(int fd, uint64_t size, struct hm_err *reterr);

#endif
