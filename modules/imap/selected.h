/* selected.h - the messages of a selected mailbox as the client knows them.
 *
 * That is a view of the store, and the messages which others expunged since but
 * of which the client must not be told yet, because a command uses sequence
 * numbers: ghosts. They keep their numbers, flags, dates and sizes until EXPUNGE
 * may be sent. The view in which the first of them was is held as long, so that
 * their bytes stay readable.
 */
#ifndef IMAP_SELECTED_H
#define IMAP_SELECTED_H

#include <hermod/iface/store_types.h>
#include <hermod/types.h>

struct imap_selected {
	uint64_t mailbox;
	bool read_only;
	bool gone;                     /* the mailbox was deleted */
	struct hm_view *view;          /* NULL when gone */
	struct hm_mailboxes *all;      /* holds box */
	const struct hm_mailbox *box;  /* NULL when gone */
	size_t told_keywords;          /* how many FLAGS has listed */
	struct hm_entry *ghosts;       /* by uid */
	size_t nghosts;
	struct hm_view *past;          /* in which all ghosts still were */
	struct hm_uidrange *recent;    /* \Recent here, see recent.h */
	size_t nrecent, recent_cap;
	uint32_t recent_next;          /* new messages have no smaller uid */
	uint32_t told_recent;          /* as RECENT has told */
	struct hm_uidset saved;        /* "$" (RFC 5182); ranges on the heap */
};

void imap_selected_free(struct imap_selected *sel);

uint32_t imap_sel_count(const struct imap_selected *sel);
/* The largest uid the client knows, 0 in an empty mailbox. */
uint32_t imap_sel_last_uid(const struct imap_selected *sel);
/* 0 if it is not there. */
uint32_t imap_sel_seq(const struct imap_selected *sel, uint32_t uid);
/* The first number whose uid is >= uid; count + 1 if none. */
uint32_t imap_sel_lower(const struct imap_selected *sel, uint32_t uid);

struct imap_sel_iter {
	const struct imap_selected *sel;
	struct hm_view_iter it;
	const struct hm_entry *next;   /* of the view */
	size_t ghost;                  /* the next one */
	uint32_t seq;                  /* of the entry last returned */
	bool is_ghost;
};
void imap_sel_iter(struct imap_sel_iter *it, const struct imap_selected *sel,
    uint32_t first_seq);
const struct hm_entry *imap_sel_next(struct imap_sel_iter *it);
const struct hm_entry *imap_sel_at(const struct imap_selected *sel,
    uint32_t seq);

/* Numbers to the uids they stand for, and uids to the numbers of those that are
 * there; a range stays a range. */
void imap_sel_uids(const struct imap_selected *sel,
    const struct hm_uidset *seqs, struct hm_arena *arena,
    struct hm_uidset *ret);
void imap_sel_seqs(const struct imap_selected *sel,
    const struct hm_uidset *uids, struct hm_arena *arena,
    struct hm_uidset *ret);

/* Whatever differs between the view and newer (NULL: the mailbox is gone) and
 * was removed becomes a ghost; the view stays. */
void imap_sel_add_ghosts(struct imap_selected *sel, struct hm_view *newer);
void imap_sel_drop_ghosts(struct imap_selected *sel);

/* Replaces "$"; the set is copied. */
void imap_sel_save(struct imap_selected *sel, const struct hm_uidset *uids);

#endif
