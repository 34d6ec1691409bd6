/* spool-private.h - what messages need to know of their spool. */
#ifndef HERMOD_MAIL_SPOOL_PRIVATE_H
#define HERMOD_MAIL_SPOOL_PRIVATE_H

#include <hermod/types.h>

struct hm_spool;

/* An empty one in the same directory. */
struct hm_spool *hm_spool_sibling(const struct hm_spool *spool);
/* Whether reading may touch a file, which belongs on a worker. */
bool hm_spool_on_file(const struct hm_spool *spool);

#endif
