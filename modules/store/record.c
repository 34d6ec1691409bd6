/* record.c - keys and records, written and read. */
#include "record.h"

#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include <stdlib.h>
#include <string.h>

enum {
	RECORD_VERSION = 1,
	DKIM_MAX = 64,
	KEYWORDS_MAX = 64,
};

/* ---- keys ---------------------------------------------------------------- */

void
store_key(struct store_key *k, uint32_t account)
{
	k->n = 0;
	store_key_u32(k, account);
}

static void
key_add(struct store_key *k, uint64_t v, unsigned bytes)
{
	while (bytes-- > 0 && k->n < STORE_KEY_MAX)
		k->b[k->n++] = (unsigned char)(v >> (8 * bytes));
}

void
store_key_u8(struct store_key *k, uint8_t v)
{
	key_add(k, v, 1);
}

void
store_key_u32(struct store_key *k, uint32_t v)
{
	key_add(k, v, 4);
}

void
store_key_u64(struct store_key *k, uint64_t v)
{
	key_add(k, v, 8);
}

struct hm_str
store_key_str(const struct store_key *k)
{
	return hm_str_n((const char *)k->b, k->n);
}

void
store_key_after(const struct store_key *k, struct store_key *ret)
{
	*ret = *k;
	while (ret->n > 0 && ret->b[ret->n - 1] == 0xff)
		ret->n--;
	if (ret->n > 0)
		ret->b[ret->n - 1]++;
}

void
store_index_key(struct store_key *k, uint32_t account, uint8_t kind,
    uint64_t hash)
{
	store_key(k, account);
	store_key_u8(k, kind);
	store_key_u64(k, hash);
}

int
store_key_take_u32(struct hm_str *key, uint32_t *ret)
{
	return hm_take_be32(key, ret);
}

int
store_key_take_u64(struct hm_str *key, uint64_t *ret)
{
	return hm_take_be64(key, ret);
}

/* ---- helpers -------------------------------------------------------------- */

/* Reads one value after the other; the first failure sticks. */
struct reader {
	struct hm_str in;
	int r;
};

static uint64_t
rd_var(struct reader *rd, uint64_t max)
{
	uint64_t v = 0;

	if (rd->r == 0)
		rd->r = hm_take_varint(&rd->in, &v);
	if (rd->r == 0 && v > max)
		rd->r = -HM_ECORRUPT;
	return rd->r == 0 ? v : 0;
}

static struct hm_str
rd_str(struct reader *rd)
{
	struct hm_str s = { NULL, 0 };

	if (rd->r == 0)
		rd->r = hm_take_lstr(&rd->in, &s);
	return s;
}

static struct reader
rd_open(struct hm_str in)
{
	struct reader rd = { .in = in };
	uint8_t version = 0;

	rd.r = hm_take_u8(&rd.in, &version);
	if (rd.r == 0 && version != RECORD_VERSION)
		rd.r = -HM_ECORRUPT;
	return rd;
}

static int
rd_end(const struct reader *rd)
{
	if (rd->r == 0 && rd->in.len > 0)
		return -HM_ECORRUPT;
	return rd->r;
}

/* ---- account state, mailboxes ---------------------------------------------- */

void
store_put_state(struct hm_buf *out, const struct acct_state *s)
{
	hm_buf_putc(out, RECORD_VERSION);
	hm_buf_varint(out, s->modseq);
	hm_buf_varint(out, s->next_msgid);
	hm_buf_varint(out, s->next_mailbox);
	hm_buf_varint(out, s->next_uidvalidity);
	hm_buf_varint(out, s->bytes);
	hm_buf_varint(out, s->messages);
	hm_buf_varint(out, s->log_floor);
}

int
store_get_state(struct hm_str in, struct acct_state *ret)
{
	struct reader rd = rd_open(in);

	ret->modseq = rd_var(&rd, UINT64_MAX);
	ret->next_msgid = rd_var(&rd, UINT64_MAX);
	ret->next_mailbox = (uint32_t)rd_var(&rd, UINT32_MAX);
	ret->next_uidvalidity = (uint32_t)rd_var(&rd, UINT32_MAX);
	ret->bytes = rd_var(&rd, UINT64_MAX);
	ret->messages = rd_var(&rd, UINT64_MAX);
	ret->log_floor = rd_var(&rd, UINT64_MAX);
	return rd_end(&rd);
}

void
store_put_box(struct hm_buf *out, const struct hm_mailbox *m)
{
	size_t i;

	hm_buf_putc(out, RECORD_VERSION);
	hm_buf_lstr(out, m->name);
	hm_buf_varint(out, m->uidvalidity);
	hm_buf_varint(out, m->uidnext);
	hm_buf_varint(out, m->special_use);
	hm_buf_varint(out, m->createseq);
	hm_buf_varint(out, m->modseq);
	hm_buf_varint(out, m->messages);
	hm_buf_varint(out, m->deleted);
	hm_buf_varint(out, m->unseen);
	hm_buf_varint(out, m->bytes);
	hm_buf_varint(out, m->nkeywords);
	for (i = 0; i < m->nkeywords; i++)
		hm_buf_lstr(out, m->keywords[i]);
}

int
store_get_box(struct hm_str in, uint64_t id, struct hm_arena *arena,
    struct hm_mailbox *ret)
{
	struct reader rd = rd_open(in);
	struct hm_str *keywords;
	size_t i;

	memset(ret, 0, sizeof(*ret));
	ret->id = id;
	ret->name = hm_str_dup(arena, rd_str(&rd));
	ret->uidvalidity = (uint32_t)rd_var(&rd, UINT32_MAX);
	ret->uidnext = (uint32_t)rd_var(&rd, UINT32_MAX);
	ret->special_use = (unsigned)rd_var(&rd, UINT32_MAX);
	ret->createseq = rd_var(&rd, UINT64_MAX);
	ret->modseq = rd_var(&rd, UINT64_MAX);
	ret->messages = (uint32_t)rd_var(&rd, UINT32_MAX);
	ret->deleted = (uint32_t)rd_var(&rd, UINT32_MAX);
	ret->unseen = (uint32_t)rd_var(&rd, UINT32_MAX);
	ret->bytes = rd_var(&rd, UINT64_MAX);
	ret->nkeywords = rd_var(&rd, KEYWORDS_MAX);
	/* room for one to come */
	keywords = hm_alloc_array(arena, KEYWORDS_MAX, sizeof(*keywords));
	for (i = 0; i < ret->nkeywords; i++)
		keywords[i] = hm_str_dup(arena, rd_str(&rd));
	ret->keywords = keywords;
	return rd_end(&rd);
}

/* ---- messages ------------------------------------------------------------------ */

void
store_put_msg(struct hm_buf *out, const struct msg_record *m)
{
	hm_buf_putc(out, RECORD_VERSION);
	hm_buf_varint(out, m->trained);
	hm_buf_varint(out, m->mailbox);
	hm_buf_varint(out, m->uid);
	hm_buf_varint(out, m->original);
	hm_buf_varint(out, m->destined);
	hm_buf_varint(out, m->createseq);
	hm_buf_varint(out, m->cold);
}

int
store_get_msg(struct hm_str in, struct msg_record *ret)
{
	struct reader rd = rd_open(in);

	ret->trained = (uint8_t)rd_var(&rd, UINT8_MAX);
	ret->mailbox = (uint32_t)rd_var(&rd, UINT32_MAX);
	ret->uid = (uint32_t)rd_var(&rd, UINT32_MAX);
	ret->original = (uint32_t)rd_var(&rd, UINT32_MAX);
	ret->destined = (uint32_t)rd_var(&rd, UINT32_MAX);
	ret->createseq = rd_var(&rd, UINT64_MAX);
	ret->cold = rd_var(&rd, UINT64_MAX);
	return rd_end(&rd);
}

void
store_put_cold(struct hm_buf *out, const struct cold_record *c)
{
	unsigned i;

	hm_buf_putc(out, RECORD_VERSION);
	hm_buf_varint(out, c->blob);
	hm_buf_varint(out, c->blob_bytes);
	hm_buf_varint(out, c->thread);
	hm_buf_varint(out, c->flags);
	hm_buf_varint(out, c->nparents);
	for (i = 0; i < c->nparents; i++)
		hm_buf_varint(out, c->parents[i]);
	hm_buf_lstr(out, c->prefix);
	hm_buf_lstr(out, c->message_id);
	hm_buf_lstr(out, c->subject_base);
	hm_buf_lstr(out, c->envelope);
	hm_buf_lstr(out, c->body);
	hm_buf_lstr(out, c->bodystructure);
	hm_buf_lstr(out, c->mime);
	hm_buf_lstr(out, c->facts);
}

int
store_get_cold(struct hm_str in, struct cold_record *ret)
{
	struct reader rd = rd_open(in);
	unsigned i;

	ret->blob = rd_var(&rd, UINT64_MAX);
	ret->blob_bytes = rd_var(&rd, UINT64_MAX);
	ret->thread = rd_var(&rd, UINT64_MAX);
	ret->flags = (unsigned)rd_var(&rd, UINT32_MAX);
	ret->nparents = (unsigned)rd_var(&rd, COLD_PARENTS_MAX);
	for (i = 0; i < ret->nparents; i++)
		ret->parents[i] = rd_var(&rd, UINT64_MAX);
	ret->prefix = rd_str(&rd);
	ret->message_id = rd_str(&rd);
	ret->subject_base = rd_str(&rd);
	ret->envelope = rd_str(&rd);
	ret->body = rd_str(&rd);
	ret->bodystructure = rd_str(&rd);
	ret->mime = rd_str(&rd);
	ret->facts = rd_str(&rd);
	return rd_end(&rd);
}

enum {
	FACT_HELO = 1, FACT_MAIL_FROM = 2, FACT_MSG_FROM = 4,
	FACT_FORWARD = 8, FACT_LIST = 16, FACT_DSN = 32,
};

void
store_put_facts(struct hm_buf *out, const struct hm_facts *f)
{
	size_t i, n = f->ndkim < DKIM_MAX ? f->ndkim : DKIM_MAX;

	hm_buf_varint(out, (f->helo_valid ? FACT_HELO : 0) |
	    (f->mail_from_valid ? FACT_MAIL_FROM : 0) |
	    (f->msg_from_valid ? FACT_MSG_FROM : 0) |
	    (f->is_forward ? FACT_FORWARD : 0) | (f->is_list ? FACT_LIST : 0) |
	    (f->is_dsn ? FACT_DSN : 0));
	hm_buf_lstr(out, f->remote_ip);
	hm_buf_lstr(out, f->helo);
	hm_buf_lstr(out, f->mail_from);
	hm_buf_lstr(out, f->rcpt_to);
	hm_buf_lstr(out, f->msg_from);
	hm_buf_lstr(out, f->tls);
	hm_buf_varint(out, n);
	for (i = 0; i < n; i++)
		hm_buf_lstr(out, f->dkim[i]);
}

int
store_get_facts(struct hm_str in, struct hm_arena *arena,
    struct hm_facts *ret)
{
	struct reader rd = { .in = in };
	struct hm_str *dkim;
	uint64_t bits;
	size_t i;

	memset(ret, 0, sizeof(*ret));
	if (in.len == 0)
		return 0;
	bits = rd_var(&rd, UINT64_MAX);
	ret->helo_valid = bits & FACT_HELO;
	ret->mail_from_valid = bits & FACT_MAIL_FROM;
	ret->msg_from_valid = bits & FACT_MSG_FROM;
	ret->is_forward = bits & FACT_FORWARD;
	ret->is_list = bits & FACT_LIST;
	ret->is_dsn = bits & FACT_DSN;
	ret->remote_ip = hm_str_dup(arena, rd_str(&rd));
	ret->helo = hm_str_dup(arena, rd_str(&rd));
	ret->mail_from = hm_str_dup(arena, rd_str(&rd));
	ret->rcpt_to = hm_str_dup(arena, rd_str(&rd));
	ret->msg_from = hm_str_dup(arena, rd_str(&rd));
	ret->tls = hm_str_dup(arena, rd_str(&rd));
	ret->ndkim = rd_var(&rd, DKIM_MAX);
	dkim = hm_alloc_array(arena, ret->ndkim, sizeof(*dkim));
	for (i = 0; i < ret->ndkim; i++)
		dkim[i] = hm_str_dup(arena, rd_str(&rd));
	ret->dkim = dkim;
	return rd_end(&rd);
}

/* ---- sets ------------------------------------------------------------------------ */

/* Gap to the range before, then its length less one. */
void
store_put_ranges(struct hm_buf *out, const struct hm_uidset *set)
{
	uint32_t last = 0;
	size_t i;

	hm_buf_varint(out, set->n);
	for (i = 0; i < set->n; i++) {
		hm_buf_varint(out, set->at[i].first - last);
		hm_buf_varint(out, set->at[i].last - set->at[i].first);
		last = set->at[i].last;
	}
}

int
store_take_ranges(struct hm_str *in, struct hm_uidset_builder *ret)
{
	struct reader rd = { .in = *in };
	uint64_t n = rd_var(&rd, in->len), first, last = 0;

	for (; n > 0 && rd.r == 0; n--) {
		first = last + rd_var(&rd, UINT32_MAX - last);
		last = first + rd_var(&rd, UINT32_MAX - first);
		if (rd.r == 0)
			hm_uidset_add(ret, (uint32_t)first, (uint32_t)last);
	}
	if (rd.r == 0)
		*in = rd.in;
	return rd.r;
}

/* Differences, zigzag: ids mostly grow by one. */
void
store_put_ids(struct hm_buf *out, const uint64_t *ids, size_t n)
{
	uint64_t last = 0, d;
	size_t i;

	for (i = 0; i < n; i++) {
		d = ids[i] - last;
		hm_buf_varint(out, d >> 63 ? ~(d << 1) : d << 1);
		last = ids[i];
	}
}

int
store_take_id(struct hm_str *in, uint64_t *last)
{
	uint64_t d;

	if (in->len == 0)
		return 0;
	if (hm_take_varint(in, &d) < 0)
		return -HM_ECORRUPT;
	*last += d & 1 ? ~(d >> 1) : d >> 1;
	return 1;
}

void
store_put_log(struct hm_buf *out, uint8_t kind, uint32_t mailbox,
    const struct hm_uidset *uids)
{
	static const struct hm_uidset none = { 0, NULL };

	hm_buf_putc(out, RECORD_VERSION);
	hm_buf_putc(out, (char)kind);
	hm_buf_varint(out, mailbox);
	store_put_ranges(out, uids ? uids : &none);
}

int
store_get_log(struct hm_str in, struct log_record *ret)
{
	struct reader rd = rd_open(in);

	ret->kind = (uint8_t)rd_var(&rd, HM_LOGGED_MAILBOX_REMOVED);
	ret->mailbox = (uint32_t)rd_var(&rd, UINT32_MAX);
	ret->ranges = rd.in;
	return rd.r;
}

/* ---- hashes ------------------------------------------------------------------------ */

static uint64_t
mix(uint64_t h, unsigned char c)
{
	return (h ^ c) * UINT64_C(0x100000001b3);    /* FNV-1a */
}

uint64_t
store_hash(struct hm_str s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < s.len; i++)
		h = mix(h, (unsigned char)s.p[i]);
	return h;
}

uint64_t
store_hash_fold(struct hm_str s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		h = mix(h, c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	return h;
}
