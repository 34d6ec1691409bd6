/* direct-blob.h - the service "blob" on the engine of blob-segment, for tests:
 * no module is loaded. */
#ifndef T_DIRECT_BLOB_H
#define T_DIRECT_BLOB_H

#include <hermod/err.h>
#include <hermod/iface/blob.h>

/* kv is borrowed. */
int direct_blob_open(const char *dir, const struct hm_kv *kv,
    struct hm_blob *ret, struct hm_err *reterr);
void direct_blob_close(struct hm_blob *blob);

#endif
