/* fetch.h - what FETCH asks for, and writing it (RFC 9051, 6.4.5).
 */
#ifndef IMAP_FETCH_H
#define IMAP_FETCH_H

#include "imap.h"
#include "section.h"

struct hm_mime;

enum {
	IMAP_FETCH_ITEMS = 200,
	IMAP_FETCH_BATCH = 256,
	IMAP_FETCH_SMALL = 128 << 10,  /* messages up to here are read ahead, */
	IMAP_FETCH_AHEAD = 1 << 20,    /* about so many bytes of them at once */
};

enum imap_item {
	IMAP_ITEM_UID = 0,
	IMAP_ITEM_FLAGS = 1,
	IMAP_ITEM_INTERNALDATE = 2,
	IMAP_ITEM_SIZE = 3,
	IMAP_ITEM_MODSEQ = 4,
	IMAP_ITEM_SAVEDATE = 5,
	/* From here on the entry is not enough: stored parts, … */
	IMAP_ITEM_ENVELOPE = 6,
	IMAP_ITEM_BODY = 7,
	IMAP_ITEM_BODYSTRUCTURE = 8,
	/* … or the message's bytes. */
	IMAP_ITEM_SECTION = 9,
	IMAP_ITEM_BINARY = 10,
	IMAP_ITEM_BINARY_SIZE = 11,
};

struct imap_fetch_item {
	enum imap_item item;
	const char *name;          /* "BODY[", "BINARY[", "RFC822": how it begins */
	struct imap_section section;
};

struct imap_fetch {
	struct imap_cmd *c;
	size_t n;
	struct imap_fetch_item *items;
	unsigned parts;            /* enum hm_stored_parts to be loaded */
	bool cold;                 /* any item that is not in the entry */
	bool bytes;                /* any item that is bytes of the message */
	bool sets_seen;
	bool has_uid, has_modseq;
	bool changed_only;
	uint64_t changedsince;

	int failed;                /* of some message: -HM_ENOENT, or worse */
	bool unknown_cte;
	struct imap_flag_memo memo;
	struct hm_uidset_builder seen;
};

/* " items [SP (modifiers)]" up to the end. */
bool imap_p_fetch(struct imap_parse *p, struct imap_fetch *ret);

/* One message while it is written. */
struct imap_fetch_msg {
	const struct hm_entry *entry;
	uint32_t seq;
	struct hm_stored *stored;      /* NULL unless loaded */
	const struct hm_mime *mime;    /* NULL until needed */
	struct hm_str bytes;           /* all of it, if it was read ahead */
	struct hm_body *body;          /* else NULL until needed */
	uint64_t size;
	struct hm_arena *arena;
	bool first;                    /* nothing was written yet */
	bool failed;                   /* not all of it was there */
};

/* fetch_body.c: notes, and logs, that a message is gone or cannot be read. */
void imap_fetch_failed(struct imap_fetch *f, struct imap_fetch_msg *m, int r,
    const char *why);
/* Items of the message's bytes; nothing where they cannot be read. */
HM_FIBER void imap_put_section(struct imap_fetch *f, struct imap_fetch_msg *m,
    const struct imap_fetch_item *item);
HM_FIBER void imap_put_binary(struct imap_fetch *f, struct imap_fetch_msg *m,
    const struct imap_fetch_item *item);
/* The space before an item, except the first. */
void imap_put_gap(struct imap_fetch *f, struct imap_fetch_msg *m);

#endif
