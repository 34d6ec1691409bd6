/* store.h - service "store": accounts' mailboxes, messages and changes.
 *
 * What sessions read most (uids, flags, sizes, dates) lies in immutable, shared
 * snapshots in memory; what changes goes through a transaction and is durable
 * when the call returns. Two snapshots of a mailbox can be compared cheaply:
 * that is how a session learns what happened. Thread: a fiber or a worker may
 * call everything; snapshot accessors any. Snapshots are counted references:
 * give each back.
 */
#ifndef HERMOD_IFACE_STORE_H
#define HERMOD_IFACE_STORE_H

#include <hermod/iface/store_types.h>
#include <hermod/service.h>

struct hm_store_ops {
	uint32_t size;

	/* The account of that name, made with its initial mailboxes when it is
	 * used for the first time. */
	HM_FIBER int (*open)(struct hm_mod *self, struct hm_str account,
	    struct hm_account **ret, struct hm_err *reterr);
	void (*close)(struct hm_account *acc);
	/* Removes all of an account's data. -HM_EBUSY while it is open. */
	HM_FIBER int (*remove)(struct hm_mod *self, struct hm_str account,
	    struct hm_err *reterr);
	/* Woken (on the loop) after every committed change of the account. */
	struct hm_cond *(*cond)(struct hm_account *acc);
	HM_FIBER int (*quota)(struct hm_account *acc, uint64_t *ret_used,
	    uint64_t *ret_limit); /* limit 0: none */

	/* Mailboxes. Names are NFC UTF-8 with "/"; "INBOX" in any case is the
	 * inbox. Every change returns when durable. */
	struct hm_mailboxes *(*mailboxes)(struct hm_account *acc); /* a reference */
	/* Missing parents are made as well, and all are subscribed to, unless
	 * special_use has HM_CREATE_UNSUBSCRIBED. */
	HM_FIBER int (*mailbox_create)(struct hm_account *acc, struct hm_str name,
	    unsigned special_use, uint64_t *ret_id, struct hm_err *reterr);
	/* -HM_ENOENT, -HM_EACCES (inbox), -HM_EBUSY (has children). */
	HM_FIBER int (*mailbox_delete)(struct hm_account *acc, struct hm_str name,
	    struct hm_err *reterr);
	/* Children move along; the inbox's messages move to a new mailbox. */
	HM_FIBER int (*mailbox_rename)(struct hm_account *acc, struct hm_str from,
	    struct hm_str to, struct hm_err *reterr);
	HM_FIBER int (*subscribe)(struct hm_account *acc, struct hm_str name,
	    bool on, struct hm_err *reterr);
	HM_FIBER int (*special_use)(struct hm_account *acc, uint64_t mailbox,
	    unsigned special_use, struct hm_err *reterr);

	/* The newest snapshot of a mailbox; -HM_ENOENT when it is gone. Does
	 * not suspend when the mailbox is in memory already. */
	HM_FIBER int (*view)(struct hm_account *acc, uint64_t mailbox,
	    struct hm_view **ret, struct hm_err *reterr);

	/* Messages in: all n in one transaction, bodies shared where items
	 * name the same spool. Fills ret_uid and ret_msgid of each item. */
	HM_FIBER int (*append)(struct hm_account *acc, struct hm_append *items,
	    size_t n, struct hm_err *reterr);
	/* One message to several accounts: the body is stored and synced once,
	 * each account is its own transaction with its own result in the item.
	 * Returns 0 when all were tried; durable for items with result 0. */
	HM_FIBER int (*deliver)(struct hm_mod *self, struct hm_deliver *items,
	    size_t n, struct hm_err *reterr);

	/* Changes. uids that do not exist are ignored. */
	HM_FIBER int (*flags)(struct hm_account *acc,
	    struct hm_flags_change *change, struct hm_err *reterr);
	HM_FIBER int (*copy)(struct hm_account *acc, struct hm_copy *copy,
	    struct hm_err *reterr);
	/* uids: which of them, or NULL for all; only_deleted: of these, the
	 * ones with HM_FLAG_DELETED. */
	HM_FIBER int (*expunge)(struct hm_account *acc, uint64_t mailbox,
	    const struct hm_uidset *uids, bool only_deleted,
	    uint32_t *ret_count, struct hm_err *reterr);

	/* Cold parts (enum hm_stored_parts) of messages, for n ids in any
	 * order; ret[i].msgid is 0 where the message is gone, and strings are
	 * absent where its record is damaged. They live in the arena. */
	HM_FIBER int (*load)(struct hm_account *acc, const uint64_t *msgids,
	    size_t n, unsigned parts, struct hm_arena *arena,
	    struct hm_stored *ret, struct hm_err *reterr);
	/* The message's bytes: prefix and body as one. -HM_ENOENT. */
	HM_FIBER int (*body_open)(struct hm_account *acc, uint64_t msgid,
	    struct hm_body **ret, uint64_t *ret_size, struct hm_err *reterr);
	HM_FIBER ssize_t (*body_read)(struct hm_body *body, uint64_t offset,
	    void *p, size_t len);
	void (*body_close)(struct hm_body *body);

	/* The change log: calls fn for each change with modseq > since, in
	 * order, at most max; returns their count. A cursor older than the log
	 * keeps is -HM_ELIMIT: start anew from a snapshot. */
	HM_FIBER int (*changes)(struct hm_account *acc, uint64_t since,
	    unsigned max,
	    int (*fn)(const struct hm_logged_change *change, void *arg),
	    void *arg, struct hm_err *reterr);
	/* uids expunged from a mailbox after modseq since. */
	HM_FIBER int (*vanished)(struct hm_account *acc, uint64_t mailbox,
	    uint64_t since, struct hm_arena *arena, struct hm_uidset *ret,
	    struct hm_err *reterr);

	/* Checks one account, or all and the blobs when account is {NULL,0};
	 * returns the number of reports. fix repairs or sets aside. */
	HM_FIBER int (*verify)(struct hm_mod *self, struct hm_str account,
	    bool fix, void (*report)(const char *text, void *arg), void *arg,
	    struct hm_err *reterr);

	/* The bytes of n messages at once, in the arena: of each that has at
	 * most max of them. ret[i].p is NULL for one that is larger or cannot
	 * be read: body_open() tells why. */
	HM_FIBER int (*bodies)(struct hm_account *acc, const uint64_t *msgids,
	    size_t n, size_t max, struct hm_arena *arena, struct hm_str *ret,
	    struct hm_err *reterr);
};
HM_IFACE(store, 1);

#endif
