/* check.h - one account as the checker sees it: everything read, compared, and
 * what is wrong with it noted for repair. */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "store.h"

struct check_box {
	struct hm_mailbox m;         /* as recorded */
	struct hm_mailbox sum;       /* counts as they are */
	uint32_t last_uid;
	size_t first, n;             /* its entries */
};

struct check_entry {             /* in order of mailbox, uid */
	struct hm_entry e;
	uint32_t box;
	enum {
		ENTRY_GOOD = 0,
		ENTRY_RESIZE,            /* only its size is recorded wrongly */
		ENTRY_TWICE,             /* the message is somewhere else, too */
		ENTRY_LOST,              /* cannot be shown: to be set aside */
	} state;
	uint32_t size;               /* as it is */
};

struct check_msg {               /* by id */
	uint64_t id;
	struct msg_record m;
	bool orphan;                 /* in no mailbox and not to be erased */
	bool waiting;                /* to be erased */
	uint64_t home;               /* mailbox it is put back into; 0: none */
	uint32_t size;
};

struct check_cold {              /* by id */
	uint64_t id, blob, bytes;    /* bytes: of prefix and body */
	uint64_t blob_bytes, prefix_bytes;
	uint64_t id_hash, subject_hash; /* 0: none */
	unsigned users, rows;
	const char *body_bad;        /* how it was lost, or NULL */
	const char *body_unread;     /* why that cannot be told, or NULL */
};

struct check_body {
	uint64_t cold, blob, bytes;
};

struct check_key {               /* a record to be removed, perhaps kept aside */
	struct hm_kv_table *table;
	struct hm_str key;
	bool keep;
};

/* A growing array on the heap. */
#define CHECK_LIST(type) struct { type *at; size_t n, cap; }
#define CHECK_ADD(list) \
	(check_grow((void **)&(list)->at, &(list)->n, &(list)->cap, \
	    sizeof(*(list)->at)), &(list)->at[(list)->n++])
void check_grow(void **at, const size_t *n, size_t *cap, size_t size);

struct check {
	struct store *st;
	struct acct *a;
	const char *name;
	uint32_t id;
	void (*report)(const char *text, void *arg);
	void *arg;
	int reports;
	struct hm_arena *arena;
	struct hm_kv_txn *kv;
	struct acct_state state;
	CHECK_LIST(struct check_box) box;
	CHECK_LIST(struct check_entry) entry;
	CHECK_LIST(struct check_msg) msg;
	CHECK_LIST(struct check_cold) cold;
	CHECK_LIST(uint64_t) erase;  /* sorted once all are there */
	CHECK_LIST(struct check_body) body; /* that do not look good */
	CHECK_LIST(struct check_key) remove;
	uint64_t erase_modseq;       /* under which orphans are to be erased */
	size_t *bad, nbad;           /* entries that are not good */
	bool fixable;                /* something that a repair would change */
};

void check_report(struct check *ck, const char *fmt, ...) HM_PRINTF(2, 3);
/* Looks at all bodies; without the lock, because it may take long. */
int check_bodies(struct check *ck, struct hm_err *reterr);
/* 1: a body is there and has its size; what its bytes are is the blob service's
 * business. 0: it is lost. -HM_E…: that cannot be told, since it cannot be opened
 * now. Why: *ret_text. */
int check_body(struct check *ck, const struct check_body *body,
    char ret_text[300]);
/* Whether most bodies are lost, which is reported: then it is rather the wrong disk
 * than damage. */
bool check_most_lost(struct check *ck);
/* Reads and compares; the account's lock is held. */
int check_account(struct check *ck, struct hm_err *reterr);
void check_release(struct check *ck);
struct check_box *check_find_box(struct check *ck, uint64_t id);
struct check_msg *check_find_msg(struct check *ck, uint64_t id);
struct check_cold *check_find_cold(struct check *ck, uint64_t id);
/* Compares what was read; check.c reads, compare.c compares. */
void check_compare(struct check *ck);

/* fix.c */
int check_fix(struct check *ck, struct hm_err *reterr);
/* Makes an account that does not load readable again: what cannot be read is
 * kept aside, mailboxes whose record is lost get a new one. */
int check_fix_records(struct check *ck, struct hm_err *reterr);

#endif
