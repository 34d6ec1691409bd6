/* fake-store.c - the service "store" in memory: one account, a few mailboxes. */
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/iface/store_build.h>
#include <hermod/mime.h>
#include <hermod/spool.h>

#include "fake.h"

enum { BOXES_MAX = 1000, KEYWORDS_MAX = 64 };

struct raw {
	uint64_t msgid;
	struct hm_str text;
	struct raw *next;
};

struct box {
	struct hm_mailbox m;
	struct hm_str keywords[KEYWORDS_MAX];
	struct hm_entry *at;       /* m.messages of them, by uid */
	size_t cap;
	struct hm_view *view;
	bool used;
};

struct hm_body {
	const struct raw *raw;
};

static struct {
	struct hm_arena *arena;
	struct hm_cond cond;
	struct box box[BOXES_MAX];
	struct hm_str subscribed[BOXES_MAX];
	size_t nsubscribed;
	uint64_t modseq, next_id, next_msgid;
	uint32_t uidvalidity, flags_calls, body_opens;
	struct raw *raws;
	bool lost;
	int damage;
	uint64_t damaged;          /* message; 0: all */
} db;

void
fake_lose_bodies(void)
{
	db.lost = true;
}

void
fake_damage(int error, uint64_t msgid)
{
	db.damage = error;
	db.damaged = msgid;
}

uint32_t
fake_flags_calls(void)
{
	return db.flags_calls;
}

uint32_t
fake_body_opens(void)
{
	return db.body_opens;
}

static struct box *
box_by_id(uint64_t id)
{
	size_t i;

	for (i = 0; i < BOXES_MAX; i++)
		if (db.box[i].used && db.box[i].m.id == id)
			return &db.box[i];
	return NULL;
}

static struct box *
box_by_name(struct hm_str name)
{
	size_t i;

	for (i = 0; i < BOXES_MAX; i++)
		if (db.box[i].used && hm_str_eq(db.box[i].m.name, name))
			return &db.box[i];
	return NULL;
}

/* Counts and view anew after a change. */
static void
publish(struct box *b)
{
	struct hm_view *view = hm_view_copy(b->m.id, NULL);
	struct hm_mailbox *m = &b->m;
	uint32_t i, from;

	m->deleted = m->unseen = 0;
	m->bytes = 0;
	for (i = 0; i < m->messages; i++) {
		m->deleted += !!(b->at[i].flags & HM_FLAG_DELETED);
		m->unseen += !(b->at[i].flags & HM_FLAG_SEEN);
		m->bytes += b->at[i].size;
	}
	for (from = 0; from < m->messages; from = i) {
		for (i = from; i < m->messages &&
		    hm_group(b->at[i].uid) == hm_group(b->at[from].uid); i++)
			;
		hm_view_set_group(view, hm_group(b->at[from].uid), b->at + from,
		    i - from);
	}
	m->modseq = db.modseq;
	m->keywords = b->keywords;
	hm_view_finish(view, m->modseq, m->uidnext);
	hm_view_unref(b->view);
	b->view = view;
	hm_wake(&db.cond);
}

static struct box *
add_box(struct hm_str name, unsigned use)
{
	size_t i;

	for (i = 0; i < BOXES_MAX && db.box[i].used; i++)
		;
	if (i == BOXES_MAX)
		return NULL;
	memset(&db.box[i], 0, sizeof(db.box[i]));
	db.box[i].used = true;
	db.box[i].m = (struct hm_mailbox){
		.id = ++db.next_id, .name = hm_str_dup(db.arena, name),
		.uidvalidity = ++db.uidvalidity, .uidnext = 1,
		.special_use = use & ~(unsigned)HM_CREATE_UNSUBSCRIBED,
		.createseq = ++db.modseq,
	};
	publish(&db.box[i]);
	return &db.box[i];
}

static void
drop_box(struct box *b)
{
	hm_view_unref(b->view);
	free(b->at);
	b->used = false;
	db.modseq++;
	hm_wake(&db.cond);
}

void
fake_free(void)
{
	size_t i;

	for (i = 0; i < BOXES_MAX; i++)
		if (db.box[i].used)
			drop_box(&db.box[i]);
	hm_arena_free(db.arena);
	memset(&db, 0, sizeof(db));
	fake_forget();
}

void
fake_reset(void)
{
	if (db.arena)
		fake_free();
	db.arena = hm_arena_new(NULL, "fake store");
	db.uidvalidity = 1000;
	add_box(HM_STR("INBOX"), 0);
	add_box(HM_STR("Archive"), HM_USE_ARCHIVE);
	add_box(HM_STR("Sent"), HM_USE_SENT);
	add_box(HM_STR("Trash"), HM_USE_TRASH);
}

static int
fake_open(struct hm_mod *self, struct hm_str account, struct hm_account **ret,
    struct hm_err *err)
{
	(void)self, (void)account, (void)err;
	*ret = (struct hm_account *)(void *)&db;
	return 0;
}

static void
fake_close(struct hm_account *acc)
{
	(void)acc;
}

static struct hm_cond *
fake_cond(struct hm_account *acc)
{
	(void)acc;
	return &db.cond;
}

static int
fake_quota(struct hm_account *acc, uint64_t *ret_used, uint64_t *ret_limit)
{
	(void)acc;
	*ret_used = 0;
	*ret_limit = 50 << 20;
	return 0;
}

static struct hm_mailboxes *
fake_mailboxes(struct hm_account *acc)
{
	const struct hm_mailbox *all[BOXES_MAX / 4];
	size_t i, n = 0;
	struct hm_mailboxes *ret;

	(void)acc;
	for (i = 0; i < BOXES_MAX && n < HM_ARRAY_LEN(all); i++)
		if (db.box[i].used)
			all[n++] = hm_mailbox_new(&db.box[i].m);
	ret = hm_mailboxes_new(db.modseq, all, n, NULL, db.subscribed,
	    db.nsubscribed);
	for (i = 0; i < n; i++)
		hm_mailbox_unref(all[i]);
	return ret;
}

static int
fake_create(struct hm_account *acc, struct hm_str name, unsigned use,
    uint64_t *ret_id, struct hm_err *err)
{
	struct box *b;
	size_t i;

	(void)acc;
	if (box_by_name(name))
		return hm_err_set(err, -HM_EEXIST, "mailbox exists");
	for (i = 1; i < name.len; i++)
		if (name.p[i] == '/' && !box_by_name(hm_str_take(name, i)))
			add_box(hm_str_take(name, i), 0);
	b = add_box(name, use);
	if (!b)
		return hm_err_set(err, -HM_ELIMIT, "too many mailboxes");
	*ret_id = b->m.id;
	return 0;
}

static bool
is_under(struct hm_str name, struct hm_str top)
{
	return name.len > top.len && name.p[top.len] == '/' &&
	    hm_str_starts(name, top);
}

static int
fake_delete(struct hm_account *acc, struct hm_str name, struct hm_err *err)
{
	struct box *b = box_by_name(name);
	size_t i;

	(void)acc;
	if (!b)
		return hm_err_set(err, -HM_ENOENT, "no such mailbox");
	if (hm_str_is(name, "INBOX"))
		return -HM_EACCES;
	for (i = 0; i < BOXES_MAX; i++)
		if (db.box[i].used && is_under(db.box[i].m.name, name))
			return -HM_EBUSY;
	drop_box(b);
	return 0;
}

static int
fake_rename(struct hm_account *acc, struct hm_str from, struct hm_str to,
    struct hm_err *err)
{
	struct box *b = box_by_name(from);
	size_t i;

	(void)acc;
	if (!b)
		return hm_err_set(err, -HM_ENOENT, "no such mailbox");
	if (box_by_name(to))
		return hm_err_set(err, -HM_EEXIST, "mailbox exists");
	db.modseq++;
	for (i = 0; i < BOXES_MAX; i++) {
		struct hm_str *name = &db.box[i].m.name;

		if (db.box[i].used && is_under(*name, from))
			*name = hm_str(hm_printf(db.arena, "%.*s%.*s",
			    HM_FMT(to), HM_FMT(hm_str_skip(*name, from.len))));
	}
	b->m.name = hm_str_dup(db.arena, to);
	return 0;
}

static int
fake_subscribe(struct hm_account *acc, struct hm_str name, bool on,
    struct hm_err *err)
{
	size_t i;

	(void)acc, (void)err;
	for (i = 0; i < db.nsubscribed; i++)
		if (hm_str_eq(db.subscribed[i], name))
			break;
	if (on && i == db.nsubscribed && i < BOXES_MAX)
		db.subscribed[db.nsubscribed++] = hm_str_dup(db.arena, name);
	else if (!on && i < db.nsubscribed)
		db.subscribed[i] = db.subscribed[--db.nsubscribed];
	return 0;
}

static int
fake_view(struct hm_account *acc, uint64_t mailbox, struct hm_view **ret,
    struct hm_err *err)
{
	struct box *b = box_by_id(mailbox);

	(void)acc;
	if (!b)
		return hm_err_set(err, -HM_ENOENT, "no such mailbox");
	*ret = hm_view_ref(b->view);
	return 0;
}

static int
bits_of(struct box *b, const struct hm_str *keywords, size_t n, bool add,
    uint64_t *ret)
{
	size_t i, k;

	*ret = 0;
	for (k = 0; k < n; k++) {
		for (i = 0; i < b->m.nkeywords; i++)
			if (hm_str_eq(b->keywords[i], keywords[k]))
				break;
		if (i == b->m.nkeywords) {
			if (!add)
				continue;
			if (i == KEYWORDS_MAX)
				return -HM_ELIMIT;
			b->keywords[i] = hm_str_dup(db.arena, keywords[k]);
			b->m.nkeywords++;
		}
		*ret |= UINT64_C(1) << i;
	}
	return 0;
}

static struct hm_entry *
add_entry(struct box *b)
{
	if (b->m.messages == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 16;
		b->at = hm_xrealloc(b->at, b->cap * sizeof(*b->at));
	}
	memset(&b->at[b->m.messages], 0, sizeof(*b->at));
	b->at[b->m.messages].uid = b->m.uidnext++;
	return &b->at[b->m.messages++];
}

static int
fake_append(struct hm_account *acc, struct hm_append *items, size_t n,
    struct hm_err *err)
{
	struct box *b = box_by_id(items[0].mailbox);
	struct hm_entry *e;
	struct hm_str text;
	struct raw *raw;
	uint64_t bits;
	size_t i;

	(void)acc;
	if (!b)
		return hm_err_set(err, -HM_ENOENT, "no such mailbox");
	db.modseq++;
	for (i = 0; i < n; i++) {
		if (bits_of(b, items[i].keywords, items[i].nkeywords, true,
		    &bits) < 0)
			return hm_err_set(err, -HM_ELIMIT, "too many keywords");
		hm_spool_view(items[i].spool, &text);
		raw = hm_new(db.arena, struct raw);
		raw->msgid = ++db.next_msgid;
		raw->text = hm_str_dup(db.arena, text);
		raw->next = db.raws;
		db.raws = raw;
		e = add_entry(b);
		e->size = (uint32_t)text.len;
		e->keywords = bits;
		e->flags = (uint16_t)items[i].flags;
		e->modseq = db.modseq;
		e->msgid = raw->msgid;
		e->received = items[i].received == INT64_MIN ?
		    hm_wall_ms() / 1000 : items[i].received;
		e->saved = (uint32_t)(hm_wall_ms() / 1000);
		items[i].ret_uid = e->uid;
		items[i].ret_uidvalidity = b->m.uidvalidity;
		items[i].ret_msgid = e->msgid;
	}
	publish(b);
	return 0;
}

static void
change_entry(struct hm_entry *e, const struct hm_flags_change *c, uint64_t bits)
{
	if (c->op == HM_FLAGS_SET) {
		e->flags = (uint16_t)c->flags;
		e->keywords = bits;
	} else if (c->op == HM_FLAGS_ADD) {
		e->flags |= (uint16_t)c->flags;
		e->keywords |= bits;
	} else {
		e->flags &= (uint16_t)~c->flags;
		e->keywords &= ~bits;
	}
}

static int
fake_flags(struct hm_account *acc, struct hm_flags_change *c,
    struct hm_err *err)
{
	struct box *b = box_by_id(c->mailbox);
	struct hm_uidset_builder modified = { 0 };
	struct hm_entry was;
	uint64_t bits;
	uint32_t i;

	(void)acc;
	db.flags_calls++;
	if (!b)
		return hm_err_set(err, -HM_ENOENT, "no such mailbox");
	if (bits_of(b, c->keywords, c->nkeywords, c->op != HM_FLAGS_REMOVE,
	    &bits) < 0)
		return hm_err_set(err, -HM_ELIMIT, "too many keywords");
	c->ret_modseq = 0;
	for (i = 0; i < b->m.messages; i++) {
		if (!hm_uidset_has(c->uids, b->at[i].uid))
			continue;
		if (b->at[i].modseq > c->unchangedsince) {
			hm_uidset_add(&modified, b->at[i].uid, b->at[i].uid);
			continue;
		}
		was = b->at[i];
		change_entry(&b->at[i], c, bits);
		if (was.flags == b->at[i].flags &&
		    was.keywords == b->at[i].keywords)
			continue;
		if (!c->ret_modseq)
			c->ret_modseq = ++db.modseq;
		b->at[i].modseq = c->ret_modseq;
	}
	hm_uidset_take(&modified, c->arena, &c->ret_modified);
	publish(b);
	return 0;
}

static void
remove_entry(struct box *b, uint32_t i)
{
	memmove(b->at + i, b->at + i + 1,
	    (b->m.messages - i - 1) * sizeof(*b->at));
	b->m.messages--;
}

static int
fake_copy(struct hm_account *acc, struct hm_copy *c, struct hm_err *err)
{
	struct box *from = box_by_id(c->from), *to = box_by_id(c->to);
	struct hm_uidset_builder olds = { 0 }, news = { 0 };
	struct hm_str words[KEYWORDS_MAX];
	struct hm_entry *e, was;
	size_t k, n;
	uint32_t i, left;

	(void)acc;
	if (!from || !to)
		return hm_err_set(err, -HM_ENOENT, "no such mailbox");
	db.modseq++;
	/* Those that were there before: the two may be the same. */
	left = from->m.messages;
	for (i = 0; left > 0; i++, left--) {
		was = from->at[i];
		if (!hm_uidset_has(c->uids, was.uid))
			continue;
		for (k = n = 0; k < from->m.nkeywords; k++)
			if (was.keywords & UINT64_C(1) << k)
				words[n++] = from->keywords[k];
		e = add_entry(to);
		was.keywords = 0;
		bits_of(to, words, n, true, &was.keywords);
		hm_uidset_add(&olds, was.uid, was.uid);
		hm_uidset_add(&news, e->uid, e->uid);
		was.uid = e->uid;
		was.modseq = db.modseq;
		*e = was;
		if (c->move)
			remove_entry(from, i--);
	}
	hm_uidset_take(&olds, c->arena, &c->ret_from);
	hm_uidset_take(&news, c->arena, &c->ret_to);
	c->ret_uidvalidity = to->m.uidvalidity;
	publish(from);
	publish(to);
	return 0;
}

static int
fake_expunge(struct hm_account *acc, uint64_t mailbox,
    const struct hm_uidset *uids, bool only_deleted, uint32_t *ret_count,
    struct hm_err *err)
{
	struct box *b = box_by_id(mailbox);
	uint32_t i;

	(void)acc;
	if (!b)
		return hm_err_set(err, -HM_ENOENT, "no such mailbox");
	*ret_count = 0;
	for (i = 0; i < b->m.messages; i++) {
		if ((uids && !hm_uidset_has(uids, b->at[i].uid)) ||
		    (only_deleted && !(b->at[i].flags & HM_FLAG_DELETED)))
			continue;
		remove_entry(b, i--);
		++*ret_count;
	}
	if (*ret_count) {
		db.modseq++;
		publish(b);
	}
	return 0;
}

static const struct raw *
raw_by_id(uint64_t msgid)
{
	const struct raw *raw;

	for (raw = db.lost ? NULL : db.raws; raw; raw = raw->next)
		if (raw->msgid == msgid)
			return raw;
	return NULL;
}

static int
damage_of(uint64_t msgid)
{
	return db.damaged == 0 || db.damaged == msgid ? db.damage : 0;
}

static int
fake_load(struct hm_account *acc, const uint64_t *msgids, size_t n,
    unsigned parts, struct hm_arena *arena, struct hm_stored *ret,
    struct hm_err *err)
{
	const struct hm_mime *mime;
	const struct raw *raw;
	struct hm_buf out = { 0 };
	size_t i;

	(void)acc, (void)parts, (void)err;
	for (i = 0; i < n; i++) {
		memset(&ret[i], 0, sizeof(ret[i]));
		raw = raw_by_id(msgids[i]);
		if (!raw)
			continue;
		ret[i].msgid = msgids[i];
		if (damage_of(msgids[i]))
			continue;
		hm_mime_parse(arena, raw->text, NULL, &mime);
		hm_imap_envelope(&out, raw->text);
		ret[i].envelope = hm_str_dup(arena, hm_buf_view(&out));
		hm_buf_clear(&out);
		hm_imap_bodystructure(&out, raw->text, mime, false);
		ret[i].body = hm_str_dup(arena, hm_buf_view(&out));
		hm_buf_clear(&out);
		hm_imap_bodystructure(&out, raw->text, mime, true);
		ret[i].bodystructure = hm_str_dup(arena, hm_buf_view(&out));
		hm_buf_clear(&out);
		hm_mime_pack(&out, mime);
		ret[i].mime = hm_str_dup(arena, hm_buf_view(&out));
		hm_buf_clear(&out);
	}
	hm_buf_release(&out);
	return 0;
}

static int
fake_body_open(struct hm_account *acc, uint64_t msgid, struct hm_body **ret,
    uint64_t *ret_size, struct hm_err *err)
{
	const struct raw *raw = raw_by_id(msgid);

	(void)acc;
	db.body_opens++;
	if (!raw)
		return hm_err_set(err, -HM_ENOENT, "message is gone");
	if (damage_of(msgid))
		return hm_err_set(err, damage_of(msgid), "body is damaged");
	*ret = hm_xalloc(sizeof(**ret));
	(*ret)->raw = raw;
	*ret_size = raw->text.len;
	return 0;
}

static ssize_t
fake_body_read(struct hm_body *body, uint64_t offset, void *p, size_t len)
{
	struct hm_str rest = hm_str_skip(body->raw->text, (size_t)offset);

	/* In small pieces, as a store may. */
	if (len > 100)
		len = 100;
	rest = hm_str_take(rest, len);
	if (rest.len)
		memcpy(p, rest.p, rest.len);
	return (ssize_t)rest.len;
}

static void
fake_body_close(struct hm_body *body)
{
	free(body);
}

const struct hm_store_ops fake_store_ops = {
	.size = sizeof(struct hm_store_ops),
	.open = fake_open,
	.close = fake_close,
	.cond = fake_cond,
	.quota = fake_quota,
	.mailboxes = fake_mailboxes,
	.mailbox_create = fake_create,
	.mailbox_delete = fake_delete,
	.mailbox_rename = fake_rename,
	.subscribe = fake_subscribe,
	.view = fake_view,
	.append = fake_append,
	.flags = fake_flags,
	.copy = fake_copy,
	.expunge = fake_expunge,
	.load = fake_load,
	.body_open = fake_body_open,
	.body_read = fake_body_read,
	.body_close = fake_body_close,
};
