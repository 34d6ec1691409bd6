/* record.h - keys and records as they stand on disk.
 *
 * Keys begin with the account's id, big-endian, so that an account is one range
 * of each table. Records begin with their version.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <hermod/buf.h>
#include <hermod/iface/store_types.h>
#include <hermod/types.h>

/* Format 2 packs the entries of groups; those of format 1 are still read. */
enum { STORE_FORMAT = 2, STORE_FORMAT_READ = 1, STORE_KEY_MAX = 48 };

struct store_key {
	unsigned char b[STORE_KEY_MAX];
	unsigned n;
};
void store_key(struct store_key *k, uint32_t account);
void store_key_u8(struct store_key *k, uint8_t v);
void store_key_u32(struct store_key *k, uint32_t v);
void store_key_u64(struct store_key *k, uint64_t v);
struct hm_str store_key_str(const struct store_key *k);
/* The first key behind all that begin with k. */
void store_key_after(const struct store_key *k, struct store_key *ret);
/* Of the index table: HAS_ID and HAS_SUBJECT lead from a hash to cold records,
 * COPY_OF from a cold record to the messages beside the first that share it. */
enum { HAS_ID = 'i', HAS_SUBJECT = 's', COPY_OF = 'c' };
void store_index_key(struct store_key *k, uint32_t account, uint8_t kind,
    uint64_t hash);
/* Takes the front of a key read back. */
int store_key_take_u32(struct hm_str *key, uint32_t *ret);
int store_key_take_u64(struct hm_str *key, uint64_t *ret);

struct acct_state {
	uint64_t modseq;             /* the last one given out */
	uint64_t next_msgid;
	uint32_t next_mailbox, next_uidvalidity;
	uint64_t bytes, messages;
	uint64_t log_floor;          /* changes up to here are forgotten */
};
void store_put_state(struct hm_buf *out, const struct acct_state *s);
int store_get_state(struct hm_str in, struct acct_state *ret);

void store_put_box(struct hm_buf *out, const struct hm_mailbox *m);
/* Strings are copied into the arena. */
int store_get_box(struct hm_str in, uint64_t id, struct hm_arena *arena,
    struct hm_mailbox *ret);

/* A group: highest modseq, then the entries, n > 0. ret holds 64. group.c */
void store_put_group(struct hm_buf *out, uint64_t modseq,
    const struct hm_entry *e, unsigned n);
int store_get_group(struct hm_str in, uint32_t number, uint64_t *ret_modseq,
    struct hm_entry *ret, unsigned *ret_n);

/* A message: where it is. Copies of it within the account are messages of
 * their own that share the cold record. */
struct msg_record {
	uint8_t trained;
	uint32_t mailbox, uid;       /* where it is, or was until expunged */
	uint32_t original, destined; /* mailboxes; 0: none */
	uint64_t createseq;
	uint64_t cold;               /* msgid of the first that had it */
};
void store_put_msg(struct hm_buf *out, const struct msg_record *m);
int store_get_msg(struct hm_str in, struct msg_record *ret);

enum {
	COLD_LINK_MISSING = 1,       /* a message between it and its parent is */
	COLD_PARENTS_MAX = 64,
};
struct cold_record {
	uint64_t blob, blob_bytes;
	uint64_t thread;             /* cold id of its first message */
	unsigned flags;
	unsigned nparents;           /* cold ids: parent, its parent, … */
	uint64_t parents[COLD_PARENTS_MAX];
	struct hm_str prefix, message_id, subject_base;
	struct hm_str envelope, body, bodystructure, mime;
	struct hm_str facts;         /* packed */
};
void store_put_cold(struct hm_buf *out, const struct cold_record *c);
int store_get_cold(struct hm_str in, struct cold_record *ret); /* borrows */

void store_put_facts(struct hm_buf *out, const struct hm_facts *f);
int store_get_facts(struct hm_str in, struct hm_arena *arena,
    struct hm_facts *ret);

void store_put_ranges(struct hm_buf *out, const struct hm_uidset *set);
int store_take_ranges(struct hm_str *in, struct hm_uidset_builder *ret);
void store_put_ids(struct hm_buf *out, const uint64_t *ids, size_t n);
/* Calls for the ids one by one: 1, 0 at the end, -HM_ECORRUPT. */
int store_take_id(struct hm_str *in, uint64_t *last);

struct log_record {
	uint8_t kind;
	uint32_t mailbox;
	struct hm_str ranges;        /* for store_take_ranges() */
};
void store_put_log(struct hm_buf *out, uint8_t kind, uint32_t mailbox,
    const struct hm_uidset *uids);
int store_get_log(struct hm_str in, struct log_record *ret);

/* A hash that stays the same for ever: it is in keys. */
uint64_t store_hash(struct hm_str s);
uint64_t store_hash_fold(struct hm_str s); /* ASCII case does not matter */

#endif
