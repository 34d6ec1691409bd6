/* store.h - what the parts of the module share.
 *
 * Three kinds of objects: struct store is the instance of one generation (its
 * services and settings); struct acct is an account in memory, shared by all
 * sessions of all generations; struct store_tx is one change on its way:
 *
 *   store_commit()   under the account's lock: one kv transaction, committed
 *                    but not yet synced; the next snapshots are put in line
 *   flush            one sync, shared by whoever is at this point
 *   store_publish()  snapshots in line become what sessions see
 *   store_notify()   sessions wake, events go out
 *
 * So nobody sees what a crash could take back, and the lock is not held while
 * the disk works. Locks, outer first: acct.lock, shared.lock, acct.snap. The
 * first is held across transactions and only ever taken on workers.
 */
#ifndef STORE_H
#define STORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/command.h>
#include <hermod/conf.h>
#include <hermod/err.h>
#include <hermod/fiber.h>
#include <hermod/hooks.h>
#include <hermod/iface/blob.h>
#include <hermod/iface/blob_holds.h>
#include <hermod/iface/directory.h>
#include <hermod/iface/kv.h>
#include <hermod/iface/store.h>
#include <hermod/iface/store_build.h>
#include <hermod/str.h>

#include "record.h"

struct store_conf {
	uint64_t quota_bytes;
	uint64_t cache_bytes;
	int64_t changes_kept;
	const struct hm_strlist *mailboxes;  /* "NAME" or "NAME: USE" */
};

struct store_tables {
	struct hm_kv_table *names;   /* names.c */
	struct hm_kv_table *box;     /* account, 0 -> state; mailbox -> record */
	struct hm_kv_table *subs;    /* account, name -> "" */
	struct hm_kv_table *hot;     /* account, mailbox, uid >> 6 -> entries */
	struct hm_kv_table *msg;     /* account, msgid -> where it is, threads */
	struct hm_kv_table *cold;    /* account, cold id -> envelope, blob, … */
	struct hm_kv_table *log;     /* account, modseq -> change */
	struct hm_kv_table *gone;    /* account, mailbox, modseq, n -> uids */
	struct hm_kv_table *erase;   /* account, modseq, n -> msgids */
	struct hm_kv_table *index;   /* account, kind, hash, msgid -> thread, … */
	struct hm_kv_table *damaged; /* account, msgid -> what was set aside */
	struct hm_kv_table *names2;  /* names.c */
	struct hm_kv_table *holds;   /* see iface/blob_holds.h; only read here */
};

/* All of enum hm_flag. */
enum { STORE_FLAGS = 0x3ff };

enum store_event {
	STORE_ADDED, STORE_CHANGED, STORE_REMOVED, STORE_MAILBOX,
};

struct store {
	const struct hm_kv *kv;
	const struct hm_blob *blob;
	const struct hm_directory *directory; /* may be NULL */
	const struct store_conf *conf;
	struct hm_mod *mod;                   /* NULL in unit tests */
	struct store_tables t;
	struct store_shared *shared;
	void (*emit)(struct store *st, enum store_event kind,
	    const struct hm_change *change);
	void (*hold)(struct store *st, bool on); /* keeps the generation */
};

enum { STORE_BUCKETS = 1024, STORE_IDLE_MAX = 256, STORE_LAYOUT = 2 };

/* Kept while generations change. */
struct store_shared {
	unsigned layout;             /* STORE_LAYOUT of the code that made it */
	atomic_uint refs;            /* the module's, and one of each account */
	bool loop;                   /* there is an event loop */
	pthread_mutex_t lock;
	struct acct *bucket[STORE_BUCKETS];
	bool frozen;                 /* nothing may be opened */
	unsigned idle, accounts;     /* in memory: not open by anybody, all */
	atomic_uint_least64_t clock; /* counts uses, for eviction */
	atomic_size_t cached;        /* bytes of views held by accounts */
	atomic_size_t cache_max;
	struct store *current;       /* of the newest generation; loop only */
};

/* Messages that left a mailbox together. Their records stay until no view that
 * shows them is left: views hold the batch that is open when they are made, and
 * a closed batch holds the one opened after it, and the one that was open where
 * its messages moved to. */
struct store_batch {
	atomic_uint refs;
	struct acct *acct;
	uint64_t modseq;             /* names the erase records; 0: none */
	bool older;                  /* all older records, too */
	struct store_batch *next;    /* opened after it, or in the ready list */
	struct store_batch *moved;   /* of another mailbox, may be NULL */
	struct store_batch *dead;    /* nobody holds these any more */
};

struct store_box {
	uint64_t id;
	struct hm_view *head;        /* newest committed; acct.lock */
	struct hm_view *now;         /* newest durable; acct.snap */
	struct store_batch *batch;   /* the open one; acct.lock */
	size_t bytes;                /* counted in shared.cached */
	atomic_uint_least64_t used;
};

/* Snapshots of one commit, waiting for the sync. */
struct store_pub {
	struct store_pub *next;
	uint64_t number;             /* in the order of commits */
	struct hm_mailboxes *boxes;
	uint64_t bytes;
	size_t n;
	struct store_pub_box {
		uint64_t box;
		struct hm_view *view;
		bool gone;               /* the mailbox was removed */
	} at[];
};

struct acct {
	struct acct *next;           /* in its bucket */
	struct store_shared *shared;
	char *name;
	uint32_t id;
	unsigned open;               /* handles; shared.lock */
	atomic_uint refs;            /* of the memory */
	uint64_t closed_at;          /* shared.clock when it became idle */
	bool removing, usable;       /* shared.lock; usable: loaded */

	pthread_mutex_t lock;
	bool loaded;
	struct hm_mailboxes *head;   /* newest committed */
	uint64_t last_pub;

	pthread_mutex_t snap;
	struct store_pub *pending, **pending_end;
	struct hm_mailboxes *now;
	uint64_t bytes;              /* used, durable */
	struct store_box **box;
	size_t nboxes;
	struct store_batch *ready;   /* to be erased */
	bool erasing;                /* a job is under way */

	struct hm_cond cond;
	atomic_uint_least64_t quota; /* as last told by the directory */
};

struct hm_account {              /* a handle */
	struct store *st;
	struct acct *a;
};

/* ---- a change on its way: tx.c, publish.c ------------------------------- */

/* 64 uids of a mailbox, as in the record; modseq is the highest inside. */
struct store_group {
	struct store_group *next;    /* by number */
	uint32_t number;
	unsigned n;
	bool dirty;
	uint64_t modseq;
	struct hm_entry e[HM_GROUP_MAX];
};

struct store_tx_box {
	struct store_tx_box *next;
	struct hm_mailbox m;         /* strings in the arena */
	bool dirty, created, removed;
	struct store_group *groups, *last;
	uint64_t batch;              /* modseq under which removed ids stand */
	struct store_tx_box *moved;  /* where messages moved to */
	uint64_t added_modseq;       /* of messages added here, and the first */
	uint32_t added_uid;
	uint64_t added_msgid;
};

struct store_note {              /* an event to be */
	struct store_note *next;
	enum store_event kind;
	struct hm_change change;
};

struct store_tx {
	struct store *st;
	struct acct *a;
	struct hm_arena *arena;      /* cleared for each try */
	struct hm_kv_txn *kv;
	struct acct_state state;
	bool create;                 /* the account itself is made */
	bool dirty;
	struct hm_str *subs;         /* NULL: as they were */
	size_t nsubs, subs_cap;
	struct hm_str *keys;         /* being collected */
	size_t nkeys;
	struct store_tx_box *boxes;
	struct store_note *notes, **notes_end;
	int (*fn)(struct store_tx *tx, void *arg);
	void *arg;
	struct hm_err *err;
	uint64_t pub;                /* what to publish up to */
};

void store_tx_init(struct store_tx *tx, struct store *st, struct acct *a,
    int (*fn)(struct store_tx *tx, void *arg), void *arg,
    struct hm_err *reterr);
int store_commit(struct store_tx *tx);
int store_commit_locked(struct store_tx *tx);
void store_publish(struct store_tx *tx);
void store_notify(struct store_tx *tx);
void store_tx_release(struct store_tx *tx);
/* The four steps for one account, from a fiber or a worker. */
HM_FIBER int store_write(struct hm_account *acc,
    int (*fn)(struct store_tx *tx, void *arg), void *arg,
    struct hm_err *reterr);

/* The mailbox as this transaction sees it; -HM_ENOENT. */
int store_tx_box(struct store_tx *tx, uint64_t id, struct store_tx_box **ret);
int store_tx_box_new(struct store_tx *tx, struct hm_str name,
    unsigned special_use, struct store_tx_box **ret);
/* Brings in the groups that hold any of the uids (NULL: all). */
int store_tx_load(struct store_tx *tx, struct store_tx_box *b,
    const struct hm_uidset *uids);
int store_tx_group(struct store_tx *tx, struct store_tx_box *b,
    uint32_t number, struct store_group **ret);
/* The next modification sequence number, logged as this change. */
int store_tx_log(struct store_tx *tx, uint64_t modseq,
    enum hm_logged_kind kind, uint64_t mailbox, const struct hm_uidset *uids);
uint64_t store_tx_modseq(struct store_tx *tx);
void store_tx_note(struct store_tx *tx, enum store_event kind, uint64_t modseq,
    uint64_t mailbox, uint64_t msgid, uint32_t uid, uint32_t count);
/* Takes an entry in (sign 1) or out (-1) of a mailbox's counts. */
void store_count(struct hm_mailbox *m, const struct hm_entry *e, int sign);
int store_put(struct store_tx *tx, struct hm_kv_table *table,
    const struct store_key *key, struct hm_buf *value);
int store_tx_fail(struct store_tx *tx, int r, const char *what);

/* With acct.lock held, after the transaction. */
void store_apply(struct store_tx *tx);
/* Syncs and publishes all that is in line; worker. */
int store_settle(struct store *st, struct acct *a, struct hm_err *reterr);

/* ---- accounts: account.c, cache.c --------------------------------------- */

struct store_shared *store_shared_new(void);
void store_shared_unref(struct store_shared *shared);
/* Forgets all accounts; nobody has one open. */
void store_shared_close(struct store_shared *shared);
int store_tables_open(struct store *st, struct hm_err *reterr);
/* Worker. */
int store_format_check(struct store *st, struct hm_err *reterr);

HM_FIBER int store_open(struct store *st, struct hm_str name,
    struct hm_account **ret, struct hm_err *reterr);
/* On a worker; make false: -HM_ENOENT for an account without data. */
int store_open_worker(struct store *st, struct hm_str name, bool make,
    struct hm_account **ret, struct hm_err *reterr);
void store_close(struct hm_account *acc);
int store_tx_create(struct store_tx *tx);
HM_FIBER int store_remove(struct store *st, struct hm_str name,
    struct hm_err *reterr);
/* Keeps everybody out, unless somebody is in: then false. */
bool store_freeze(struct store_shared *shared, bool on);
struct acct *store_hold_to_remove(struct store_shared *shared,
    struct hm_str name, int *ret_error);
void store_removed(struct acct *a, bool gone);
/* Goes on with removals that a crash interrupted; worker. */
int store_remove_leftovers(struct store *st, struct hm_err *reterr);
/* All accounts with data; worker. */
int store_account_names(struct store *st, struct hm_arena *arena,
    struct hm_str **ret, size_t *ret_n, struct hm_err *reterr);
/* names.c */
int store_find_id(struct store *st, struct hm_kv_txn *kv, struct hm_str name,
    uint32_t *ret);
int store_name_put(struct store *st, struct hm_kv_txn *kv, struct hm_str name,
    uint32_t id);
int store_name_drop(struct store *st, struct hm_kv_txn *kv,
    struct hm_str name);
int store_new_id(struct store *st, struct hm_kv_txn *kv, uint64_t *ret);
int store_format(struct store *st, struct hm_kv_txn *kv, uint64_t *ret);
struct store_named {
	struct hm_str name;
	uint32_t id;
	unsigned tables;             /* where it stands: 1, 2, or 3 for both */
};
int store_names(struct store *st, struct hm_arena *arena,
    struct store_named **ret, size_t *ret_n, struct hm_err *reterr);
void store_acct_ref(struct acct *a);
void store_acct_unref(struct acct *a);

struct store_box *store_box_find(struct acct *a, uint64_t id);
struct store_box *store_box_at(struct acct *a, uint64_t id); /* snap is held */
struct store_box *store_box_add(struct acct *a, uint64_t id);
void store_box_drop(struct acct *a, uint64_t id);
void store_box_set_head(struct acct *a, struct store_box *b,
    struct hm_view *view);
void store_cache_trim(struct store_shared *shared);
HM_FIBER int store_view(struct hm_account *acc, uint64_t mailbox,
    struct hm_view **ret, struct hm_err *reterr);

/* Fills in the limit of an account from the directory or the settings. */
HM_FIBER void store_quota_refresh(struct hm_account *acc);
HM_FIBER int store_quota(struct hm_account *acc, uint64_t *ret_used,
    uint64_t *ret_limit);

/* ---- leaving: batch.c ---------------------------------------------------- */

struct store_batch *store_batch_new(struct acct *a);
void store_batch_ref(struct store_batch *b);
void store_batch_unref(struct store_batch *b);
/* Views made from now on hold b. */
void store_batch_hold(struct hm_view *view, struct store_batch *b);
/* Writes down ids that leave, under a modseq of the transaction. */
int store_tx_erase(struct store_tx *tx, uint64_t modseq, const uint64_t *ids,
    size_t n);
/* Erases what is ready; worker. */
int store_erase_ready(struct store *st, struct acct *a);
void store_erase_soon(struct acct *a);
/* What was written down under that modseq, or up to it, is seen by nobody. */
void store_erase_now(struct store *st, struct acct *a, uint64_t modseq,
    bool older);

/* ---- operations ---------------------------------------------------------- */

/* A message, parsed: content.c. Strings in the arena it was made with. */
struct store_content {
	struct hm_spool *spool;
	struct hm_str message;       /* valid while the spool is */
	const struct hm_mime *mime;
	uint64_t blob;
	struct hm_str envelope, body, bodystructure;
	struct hm_str message_id, subject_base;
	bool reply;
	size_t nrefs;
	const struct hm_str *refs;   /* top first */
};
int store_content(struct hm_arena *arena, struct hm_spool *spool,
    struct store_content *ret, struct hm_err *reterr);
/* The parts that go into the record, for the message with a prefix above. */
void store_content_cold(struct hm_arena *arena, const struct store_content *c,
    struct hm_str prefix, struct cold_record *ret);
/* binary.c: the message with its parts that hold NUL in base64; false and nothing
 * if there are none. */
bool store_binary(struct hm_str message, const struct hm_mime *mime,
    struct hm_buf *out);

HM_FIBER int store_append(struct hm_account *acc, struct hm_append *items,
    size_t n, struct hm_err *reterr);
HM_FIBER int store_deliver(struct store *st, struct hm_deliver *items,
    size_t n, struct hm_err *reterr);
HM_FIBER int store_flags(struct hm_account *acc, struct hm_flags_change *c,
    struct hm_err *reterr);
HM_FIBER int store_copy(struct hm_account *acc, struct hm_copy *c,
    struct hm_err *reterr);
HM_FIBER int store_expunge(struct hm_account *acc, uint64_t mailbox,
    const struct hm_uidset *uids, bool only_deleted, uint32_t *ret_count,
    struct hm_err *reterr);
HM_FIBER int store_load(struct hm_account *acc, const uint64_t *msgids,
    size_t n, unsigned parts, struct hm_arena *arena, struct hm_stored *ret,
    struct hm_err *reterr);
/* Calls fn with the place in msgids and the cold record of each message that is
 * there; again from the start after a conflict. Worker. */
int store_each_cold(struct hm_account *acc, const uint64_t *msgids, size_t n,
    void (*fn)(size_t i, const struct cold_record *c, void *arg), void *arg,
    struct hm_err *reterr);
HM_FIBER int store_bodies(struct hm_account *acc, const uint64_t *msgids,
    size_t n, size_t max, struct hm_arena *arena, struct hm_str *ret,
    struct hm_err *reterr);
HM_FIBER int store_body_open(struct hm_account *acc, uint64_t msgid,
    struct hm_body **ret, uint64_t *ret_size, struct hm_err *reterr);
HM_FIBER ssize_t store_body_read(struct hm_body *body, uint64_t offset,
    void *p, size_t len);
void store_body_close(struct hm_body *body);
HM_FIBER int store_changes(struct hm_account *acc, uint64_t since,
    unsigned max, int (*fn)(const struct hm_logged_change *c, void *arg),
    void *arg, struct hm_err *reterr);
HM_FIBER int store_vanished(struct hm_account *acc, uint64_t mailbox,
    uint64_t since, struct hm_arena *arena, struct hm_uidset *ret,
    struct hm_err *reterr);
int store_log_prune(struct store_tx *tx);
/* In transactions: tombstones of uids and their ids; all messages of a mailbox
 * to another; whether so many bytes more are allowed. */
int store_tx_gone(struct store_tx *tx, uint64_t mailbox, uint64_t modseq,
    const struct hm_uidset *uids, const uint64_t *ids, size_t n);
int store_tx_move_all(struct store_tx *tx, struct store_tx_box *from,
    struct store_tx_box *to);
int store_tx_quota(struct store_tx *tx, uint64_t bytes);
/* Counts an entry in at the end of a mailbox; its uid and modseq are set here,
 * and store_tx_added() logs what was added. */
int store_tx_add(struct store_tx *tx, struct store_tx_box *b,
    struct hm_entry *e);
int store_tx_added(struct store_tx *tx);
/* Takes the set out of a builder into the transaction's arena. */
void store_tx_set(struct store_tx *tx, struct hm_uidset_builder *b,
    struct hm_uidset *ret);

/* mailbox.c, name.c */
HM_FIBER int store_mailbox_create(struct hm_account *acc, struct hm_str name,
    unsigned special_use, uint64_t *ret_id, struct hm_err *reterr);
HM_FIBER int store_mailbox_delete(struct hm_account *acc, struct hm_str name,
    struct hm_err *reterr);
HM_FIBER int store_mailbox_rename(struct hm_account *acc, struct hm_str from,
    struct hm_str to, struct hm_err *reterr);
HM_FIBER int store_subscribe(struct hm_account *acc, struct hm_str name,
    bool on, struct hm_err *reterr);
HM_FIBER int store_special_use(struct hm_account *acc, uint64_t mailbox,
    unsigned special_use, struct hm_err *reterr);
int store_name_clean(struct hm_arena *arena, struct hm_str name,
    struct hm_str *ret, struct hm_err *reterr);
/* In a transaction: makes it with its parents, subscribed, unless it is there. */
int store_tx_mailbox(struct store_tx *tx, struct hm_str name,
    unsigned special_use, struct store_tx_box **ret);
/* First use of an account: "NAME" or "NAME: USE" as in the settings. */
int store_tx_initial(struct store_tx *tx, void *arg);
int store_initial_parse(const char *text, struct hm_str *ret_name,
    unsigned *ret_use);

/* keyword.c */
/* A keyword that is a flag in fact gives its bit, else 0. */
unsigned store_keyword_flag(struct hm_str keyword);
/* The bits of keywords in a mailbox, whose table grows; flags among them are
 * added to *flags. */
int store_keywords(struct store_tx *tx, struct store_tx_box *b, size_t n,
    const struct hm_str *keywords, bool grow, uint64_t *ret_bits,
    unsigned *flags);

/* thread.c: finds the thread of a new cold record, enters it in the index, and
 * takes it out again. */
int store_thread(struct store_tx *tx, const struct store_content *c,
    bool dsn, uint64_t id, uint64_t mailbox, int64_t received, struct cold_record *cold);
int store_index_del(struct hm_kv_txn *kv, struct store *st, uint32_t acct,
    uint64_t id, const struct cold_record *cold);

/* read.c: calls fn for each of the ids (ascending) that is there, with its place
 * in the list; ids that stand close together are read in one go. */
int store_read_many(struct hm_kv_txn *kv, struct store *st, uint32_t acct,
    struct hm_kv_table *table, const uint64_t *ids, size_t n,
    int (*fn)(size_t i, struct hm_str value, void *arg), void *arg);

/* verify.c */
enum store_fix {
	STORE_LOOK,
	STORE_FIX,                   /* but not where most bodies are lost */
	STORE_FORCE,
};
HM_FIBER int store_verify(struct store *st, struct hm_str account,
    enum store_fix fix, void (*report)(const char *text, void *arg), void *arg,
    struct hm_err *reterr);

/* damaged.c: what verify has set aside, of one account or all. */
struct store_aside {
	struct hm_str account;
	uint64_t msgid;              /* 0: a record that cannot be read */
	struct hm_str what, envelope;
};
HM_FIBER int store_set_aside(struct store *st, struct hm_str account,
    struct hm_arena *arena, struct store_aside **ret, size_t *ret_n,
    struct hm_err *reterr);

/* command.c */
extern const struct hm_command store_commands[];
struct store *store_of(struct hm_mod *m);

#endif
