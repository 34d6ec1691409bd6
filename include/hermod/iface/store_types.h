/* store_types.h - the nouns of the store: mailboxes, views, messages, changes.
 *
 * The accessors live in the core, so that a view is read without a call through
 * the service. Thread: any.
 */
#ifndef HERMOD_IFACE_STORE_TYPES_H
#define HERMOD_IFACE_STORE_TYPES_H

#include <hermod/types.h>

struct hm_spool;
struct hm_cond;
struct hm_account;
struct hm_body;

/* System flags and the registered keywords that behave like them. */
enum hm_flag {
	HM_FLAG_SEEN = 1 << 0,
	HM_FLAG_ANSWERED = 1 << 1,
	HM_FLAG_FLAGGED = 1 << 2,
	HM_FLAG_DELETED = 1 << 3,
	HM_FLAG_DRAFT = 1 << 4,
	HM_FLAG_FORWARDED = 1 << 5,  /* $Forwarded */
	HM_FLAG_JUNK = 1 << 6,       /* $Junk */
	HM_FLAG_NOTJUNK = 1 << 7,    /* $NotJunk */
	HM_FLAG_PHISHING = 1 << 8,   /* $Phishing */
	HM_FLAG_MDNSENT = 1 << 9,    /* $MDNSent */
};

enum hm_special_use {
	HM_USE_ARCHIVE = 1 << 0,
	HM_USE_DRAFTS = 1 << 1,
	HM_USE_JUNK = 1 << 2,
	HM_USE_SENT = 1 << 3,
	HM_USE_TRASH = 1 << 4,
	/* For mailbox_create() alone. */
	HM_CREATE_UNSUBSCRIBED = 1 << 16,
};

/* Sorted, disjoint, not adjacent ranges. */
struct hm_uidrange { uint32_t first, last; };
struct hm_uidset {
	size_t n;
	const struct hm_uidrange *at;
};
HM_API bool hm_uidset_has(const struct hm_uidset *set, uint32_t uid);
HM_API uint64_t hm_uidset_count(const struct hm_uidset *set);
/* Builds one: add in any order, then take. A zeroed builder is empty. */
struct hm_uidset_builder {
	struct hm_uidrange *at;
	size_t n, cap;
	bool unsorted;
};
HM_API void hm_uidset_add(struct hm_uidset_builder *b, uint32_t first,
    uint32_t last);
/* Moves the result into the arena and releases the builder. */
HM_API void hm_uidset_take(struct hm_uidset_builder *b, struct hm_arena *arena,
    struct hm_uidset *ret);
HM_API void hm_uidset_release(struct hm_uidset_builder *b);

/* One mailbox at one moment. */
struct hm_mailbox {
	uint64_t id;
	struct hm_str name;
	uint32_t uidvalidity, uidnext;
	unsigned special_use;        /* enum hm_special_use */
	uint64_t createseq;
	uint64_t modseq;             /* highest of it and its messages */
	uint32_t messages, deleted, unseen; /* deleted: with \Deleted set */
	uint64_t bytes;
	size_t nkeywords;            /* the bit number of a keyword is its index */
	const struct hm_str *keywords;
};

/* All mailboxes of an account at one moment, INBOX first, then by name. */
struct hm_mailboxes {
	uint64_t modseq;
	size_t n;
	const struct hm_mailbox *const *at;
	size_t nsubscribed;
	const struct hm_str *subscribed;  /* sorted; may name missing mailboxes */
};
HM_API struct hm_mailboxes *hm_mailboxes_ref(struct hm_mailboxes *all);
HM_API void hm_mailboxes_unref(struct hm_mailboxes *all);
HM_API const struct hm_mailbox *hm_mailboxes_find(
    const struct hm_mailboxes *all, struct hm_str name);
HM_API const struct hm_mailbox *hm_mailboxes_by_id(
    const struct hm_mailboxes *all, uint64_t id);
HM_API bool hm_mailboxes_subscribed(const struct hm_mailboxes *all,
    struct hm_str name);

/* The hot part of a message. */
struct hm_entry {
	uint32_t uid;
	uint32_t size;               /* prefix and body, octets */
	uint64_t keywords;           /* bits, see hm_mailbox */
	uint64_t modseq;
	uint64_t msgid;
	int64_t received;            /* INTERNALDATE, seconds since 1970 */
	uint32_t saved;              /* SAVEDATE, seconds since 1970 */
	uint16_t flags;              /* enum hm_flag */
	uint16_t spare;
};

/* A mailbox's messages at one moment; sequence numbers start at 1. */
struct hm_view;
HM_API struct hm_view *hm_view_ref(struct hm_view *view);
HM_API void hm_view_unref(struct hm_view *view);
HM_API uint64_t hm_view_mailbox(const struct hm_view *view);
HM_API uint64_t hm_view_modseq(const struct hm_view *view);
HM_API uint32_t hm_view_uidnext(const struct hm_view *view);
HM_API uint32_t hm_view_count(const struct hm_view *view);
HM_API const struct hm_entry *hm_view_at(const struct hm_view *view,
    uint32_t seq);
/* The sequence number of a uid, 0 if it is not there. */
HM_API uint32_t hm_view_seq(const struct hm_view *view, uint32_t uid);
/* The first sequence number whose uid is >= uid; count + 1 if none. */
HM_API uint32_t hm_view_lower(const struct hm_view *view, uint32_t uid);
/* Walks in order, faster than hm_view_at() for each. */
struct hm_view_iter {
	const struct hm_view *view;
	size_t chunk, pos;
	uint32_t seq;                /* of the entry last returned */
};
HM_API void hm_view_iter(struct hm_view_iter *it, const struct hm_view *view,
    uint32_t first_seq);
HM_API const struct hm_entry *hm_view_next(struct hm_view_iter *it);
/* What turned one view into a later one of the same mailbox, in uid order;
 * parts that both share are skipped without being read. */
enum hm_diff_kind { HM_DIFF_REMOVED = 0, HM_DIFF_CHANGED = 1, HM_DIFF_ADDED = 2 };
struct hm_diff {
	struct hm_view_iter a, b;
	const struct hm_entry *ea, *eb;
	enum hm_diff_kind kind;
	uint32_t old_seq, new_seq;   /* 0 where it is not in that view */
	const struct hm_entry *entry; /* the newer one; the old for REMOVED */
};
HM_API void hm_diff_init(struct hm_diff *d, const struct hm_view *older,
    const struct hm_view *newer);
HM_API bool hm_diff_next(struct hm_diff *d);

/* What is known about how a message came in; all optional. */
struct hm_facts {
	struct hm_str remote_ip, helo, mail_from, rcpt_to, msg_from;
	bool helo_valid, mail_from_valid, msg_from_valid; /* authenticated */
	bool is_forward, is_list, is_dsn;
	struct hm_str tls;                /* "TLS1.3 …", empty in clear */
	size_t ndkim;
	const struct hm_str *dkim;        /* domains whose signature was good */
};

struct hm_append {
	uint64_t mailbox;
	struct hm_spool *spool;           /* the body, borrowed */
	struct hm_str prefix;             /* trace fields to stand above it */
	unsigned flags;
	size_t nkeywords;
	const struct hm_str *keywords;
	int64_t received;                 /* seconds; INT64_MIN: now */
	const struct hm_facts *facts;     /* NULL: none */
	uint32_t ret_uid, ret_uidvalidity;
	uint64_t ret_msgid;
};

struct hm_deliver {
	struct hm_str account;
	struct hm_str mailbox;            /* a name; made if it is missing */
	struct hm_append append;          /* its mailbox member is not used */
	int result;                       /* 0, -HM_EQUOTA, -HM_ENOSPC … */
};

enum hm_flags_op { HM_FLAGS_SET = 0, HM_FLAGS_ADD = 1, HM_FLAGS_REMOVE = 2 };
struct hm_flags_change {
	uint64_t mailbox;
	const struct hm_uidset *uids;
	enum hm_flags_op op;
	unsigned flags;
	size_t nkeywords;
	const struct hm_str *keywords;    /* -HM_ELIMIT beyond 64 in a mailbox */
	uint64_t unchangedsince;          /* UINT64_MAX: always */
	struct hm_arena *arena;           /* for ret_modified */
	struct hm_uidset ret_modified;    /* left alone: changed since */
	uint64_t ret_modseq;              /* of the change; 0: nothing changed */
};

struct hm_copy {
	uint64_t from, to;                /* mailboxes; may be the same */
	const struct hm_uidset *uids;
	bool move;                        /* the same message goes over */
	struct hm_arena *arena;
	struct hm_uidset ret_from, ret_to; /* pairwise in order, as COPYUID wants */
	uint32_t ret_uidvalidity;         /* of the destination */
};

enum hm_stored_parts {
	HM_STORED_ENVELOPE = 1,
	HM_STORED_STRUCTURE = 2,          /* body and bodystructure */
	HM_STORED_MIME = 4,               /* packed, see hm_mime_unpack() */
	HM_STORED_THREAD = 8,
	HM_STORED_FACTS = 16,
	HM_STORED_PREFIX = 32,
};
struct hm_stored {
	uint64_t msgid;
	uint64_t createseq;
	struct hm_str envelope, body, bodystructure; /* ready-made IMAP */
	struct hm_str mime;
	struct hm_str message_id, subject_base;
	uint64_t thread;
	struct hm_str prefix;
	struct hm_facts facts;
	uint64_t original_mailbox, destined_mailbox;
	uint8_t trained;                  /* 0 not, 1 as ham, 2 as junk */
};

enum hm_logged_kind {
	HM_LOGGED_ADDED = 1, HM_LOGGED_FLAGS = 2, HM_LOGGED_REMOVED = 3,
	HM_LOGGED_MAILBOX = 4, HM_LOGGED_MAILBOX_REMOVED = 5,
};
struct hm_logged_change {
	uint64_t modseq;
	enum hm_logged_kind kind;
	uint64_t mailbox;
	struct hm_uidset uids;
};

#endif
