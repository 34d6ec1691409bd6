/* kit.h - a store on fakes, and short ways to use it. */
#ifndef STORE_T_KIT_H
#define STORE_T_KIT_H

#include "modules/store/store.h"
#include "fake-kv.h"

#include "t/tap.h"

struct kit {
	struct fake *fake;           /* NULL on real drivers */
	const struct hm_kv *kv;
	const struct hm_blob *blob;
	struct store_conf conf;
	struct store st;
	struct hm_arena *arena;
	struct hm_account *acc;      /* "anna" */
	unsigned events[4];          /* by enum store_event */
	struct hm_change last[4];
};

/* Real drivers under dir (real.c); then kit_stop() and kit_close(). */
void kit_start_real(struct kit *k, const char *dir);
void kit_close(struct kit *k);
void kit_start_with(struct kit *k);           /* on k->kv and k->blob */
void kit_start(struct kit *k);                /* on a fake of its own */
void kit_start_on(struct kit *k, struct fake *fake);
void kit_stop(struct kit *k);                 /* keeps the fake */
void kit_end(struct kit *k);                  /* frees it too */
/* Stops without a word and comes up again from what was flushed. */
void kit_crash(struct kit *k);
/* A second store on the same tables, as it comes up after a restart. */
struct hm_account *kit_open(struct kit *k, const char *name);

uint64_t kit_box(struct hm_account *acc, const char *name);   /* id or 0 */
struct hm_mailbox kit_info(struct hm_account *acc, const char *name);
/* Appends text to a mailbox; the result code. */
int kit_append(struct hm_account *acc, const char *mailbox, const char *text,
    unsigned flags, struct hm_append *ret);
/* n small messages in one go, message-ids "m1", "m2", … from first on. */
int kit_append_n(struct hm_account *acc, const char *mailbox, unsigned n,
    unsigned first);
int kit_flags(struct hm_account *acc, const char *mailbox, const char *uids,
    enum hm_flags_op op, unsigned flags, const char *keyword);
int kit_expunge(struct hm_account *acc, const char *mailbox, const char *uids,
    bool only_deleted, uint32_t *ret_count);
int kit_copy(struct hm_account *acc, const char *from, const char *to,
    const char *uids, bool move);
/* "1:3,7" into a set; *:  UINT32_MAX. */
void kit_set(struct hm_arena *arena, const char *text, struct hm_uidset *ret);
const char *kit_set_text(struct hm_arena *arena, const struct hm_uidset *set);
/* uids of a view in order as text, until the kit ends. */
const char *kit_uids(struct hm_account *acc, const char *mailbox);
struct hm_view *kit_view(struct hm_account *acc, const char *mailbox);
/* The checker's reports; prints them as diagnostics. */
int kit_verify(struct kit *k, bool fix);
double kit_ms(void);

#endif
