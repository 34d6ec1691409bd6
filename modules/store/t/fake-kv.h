/* fake-kv.h - kv and blob in memory, for tests: quick, and they fail and crash
 * when told to. */
#ifndef STORE_T_FAKE_KV_H
#define STORE_T_FAKE_KV_H

#include <hermod/iface/blob.h>
#include <hermod/iface/kv.h>

struct fake;

struct fake *fake_new(void);
void fake_free(struct fake *f);
const struct hm_kv *fake_kv(struct fake *f);
const struct hm_blob *fake_blob(struct fake *f);

/* Back to what was flushed last, as after a power cut. */
void fake_crash(struct fake *f);
/* The nth call from now on that touches the disk returns code, once; 0: none.
 * -HM_ECONFLICT makes run() call its function again, as for real. */
void fake_fail(struct fake *f, unsigned long nth, int code);
bool fake_failed(const struct fake *f);      /* whether that has happened */
unsigned long fake_calls(const struct fake *f);
unsigned long fake_syncs(const struct fake *f);
/* Damages a body: -1 drops it, otherwise its size changes by that. */
void fake_damage(struct fake *f, uint64_t blob, int by);
/* Bodies that are linked, and their links. */
uint64_t fake_blobs(struct fake *f, uint64_t *ret_links);

#endif
