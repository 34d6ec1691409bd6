/* search.h - SEARCH as a little program over messages (RFC 9051, 6.4.4).
 *
 * Keys become nodes in one array, parents before children. After binding to a
 * mailbox each leaf knows where to go on when it is true and when it is false,
 * cheap leaves first; so a message is judged by walking leaves, with neither
 * stack nor recursion, and only as far as its hot part goes unless a text must
 * be read.
 */
#ifndef IMAP_SEARCH_H
#define IMAP_SEARCH_H

#include <hermod/iface/store_types.h>
#include <hermod/types.h>

#include "parse.h"
#include "seqset.h"

enum {
	IMAP_SEARCH_DEPTH = 50,    /* nesting of NOT, OR and parentheses */
	IMAP_SEARCH_NODES = 4096,
};

enum imap_key {
	IMAP_KEY_AND = 0, IMAP_KEY_OR = 1, IMAP_KEY_NOT = 2,
	IMAP_KEY_ALL = 3,
	IMAP_KEY_RECENT = 4,       /* and none of the flags is set */
	IMAP_KEY_FLAGS = 5,        /* all of the flags are set */
	IMAP_KEY_UNFLAGS = 6,      /* none of them is */
	IMAP_KEY_KEYWORD = 7, IMAP_KEY_UNKEYWORD = 8,
	IMAP_KEY_SEQ = 9, IMAP_KEY_UID = 10,
	IMAP_KEY_LARGER = 11, IMAP_KEY_SMALLER = 12,
	IMAP_KEY_BEFORE = 13, IMAP_KEY_ON = 14, IMAP_KEY_SINCE = 15,
	IMAP_KEY_SAVEDBEFORE = 16, IMAP_KEY_SAVEDON = 17,
	IMAP_KEY_SAVEDSINCE = 18,
	IMAP_KEY_OLDER = 19, IMAP_KEY_YOUNGER = 20,
	IMAP_KEY_MODSEQ = 21,
	IMAP_KEY_OLD = 22,
	/* From here on the message itself must be read: its header, … */
	IMAP_KEY_HEADER = 23,
	IMAP_KEY_SENTBEFORE = 24, IMAP_KEY_SENTON = 25, IMAP_KEY_SENTSINCE = 26,
	/* … or all of it. */
	IMAP_KEY_BODY = 27, IMAP_KEY_TEXT = 28,
};

struct imap_node {
	enum imap_key key;
	uint8_t cost;              /* 0 hot, 1 header, 2 body: the dearest in it */
	int first_child, next;     /* -1: none */
	int on_true, on_false;     /* a leaf, or IMAP_SAYS_YES, IMAP_SAYS_NO */
	unsigned flags;            /* FLAGS, UNFLAGS, RECENT */
	uint64_t number;           /* LARGER, SMALLER, OLDER, YOUNGER, MODSEQ,
	                            * and the bits of KEYWORD */
	int64_t day;               /* the date keys: days since 1970 */
	struct hm_str field;       /* HEADER */
	bool addresses;            /* HEADER, by FROM, TO, CC, BCC */
	int envelope;              /* HEADER, SENT…: the field of the envelope
	                            * that tells (enum imap_envelope), or 0 */
	struct hm_str text;        /* what to look for; KEYWORD */
	struct hm_search *needle;  /* NULL for an empty text */
	struct imap_seqset set;    /* SEQ, UID */
	struct hm_uidset range;    /* the same once bound; RECENT, OLD */
};
enum { IMAP_SAYS_YES = -1, IMAP_SAYS_NO = -2 };

struct imap_search {
	struct hm_arena *arena;
	size_t n, cap;
	struct imap_node *nodes;
	int first_leaf;
	int64_t now_s;
	bool has_modseq;           /* results must tell the highest one */
	bool has_seq;              /* sequence numbers are used */
};

/* Keys up to the end of the text. */
bool imap_p_search(struct imap_parse *p, struct imap_search *ret);

/* What the program is bound to. */
struct imap_search_bind {
	uint32_t messages, last_uid;
	size_t nkeywords;
	const struct hm_str *keywords;
	struct hm_uidset saved_uids, saved_seqs; /* what "$" stands for */
	struct hm_uidset recent;             /* uids of \Recent messages */
	int64_t now_s;
};
void imap_search_bind(struct imap_search *s, const struct imap_search_bind *to);

/* A message's own bytes, for leaves that need them; made by search_text.c, or
 * by a test. Each answers 1, 0, or a negative error. */
struct imap_text_ops {
	int (*header)(void *self, const struct imap_node *leaf);
	int (*sent_day)(void *self, const struct imap_node *leaf,
	    int64_t *ret_day); /* 0: no date */
	int (*body)(void *self, const struct imap_node *leaf);
};

/* 1 or 0, or, without text, -1: it cannot be told from the entry alone. With
 * text, the error if it cannot be read: NOT would turn a guess into a match. */
int imap_search_eval(const struct imap_search *s, const struct hm_entry *entry,
    uint32_t seq, const struct imap_text_ops *ops, void *text);

#endif
