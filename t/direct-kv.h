/* direct-kv.h - the service "kv" on the engine itself, for tests: no module is
 * loaded. */
#ifndef T_DIRECT_KV_H
#define T_DIRECT_KV_H

#include <hermod/err.h>
#include <hermod/iface/kv.h>

int direct_kv_open(const char *dir, struct hm_kv *ret, struct hm_err *reterr);
void direct_kv_close(struct hm_kv *kv);
/* How often anything was synced to disk so far, by this process. */
unsigned long direct_kv_syncs(void);

#endif
