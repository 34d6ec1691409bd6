/* fake-kv.c - see fake-kv.h. Tables are skip lists; one lock serves one
 * transaction at a time; what is not flushed can be undone. */
#include "fake-kv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

enum { LEVELS = 20, TABLES = 24, BLOBS_KEY = 8 };

struct node {
	size_t klen, vlen;
	char *key, *value;
	int level;
	struct node *prev;
	struct node *next[];
};

struct hm_kv_table {
	char *name;
	struct node *head;
	uint64_t seed;
};

struct undo {
	struct undo *next;
	struct hm_kv_table *table;
	char *key, *value;           /* value NULL: it was not there */
	size_t klen, vlen;
};

struct hm_kv_txn {
	struct fake *f;
	bool read_only;
	struct undo *undo;
};

struct body {
	char *p;
	size_t len;
	bool synced, dropped;
};

struct fake {
	struct hm_kv kv;
	struct hm_blob blob;
	pthread_mutex_t lock;
	struct hm_kv_table *table[TABLES];
	struct hm_kv_table *links;
	struct undo *unflushed;
	struct body **body;          /* by id; 0 unused */
	size_t nbodies;
	unsigned long calls, syncs, fail_at;
	int fail_code;
	bool failed;
};

/* ---- skip list ----------------------------------------------------------------- */

static int
cmp(struct hm_str a, const struct node *n)
{
	return hm_str_cmp(a, hm_str_n(n->key, n->klen));
}

static struct node *
node_new(struct hm_str key, int level)
{
	struct node *n = hm_xalloc(sizeof(*n) +
	    (size_t)level * sizeof(n->next[0]));

	n->key = hm_xalloc(key.len + 1);
	if (key.len > 0)
		memcpy(n->key, key.p, key.len);
	n->klen = key.len;
	n->level = level;
	return n;
}

/* The first node not before key; before[] leads to it on each level. */
static struct node *
find(struct hm_kv_table *t, struct hm_str key, struct node *before[LEVELS])
{
	struct node *n = t->head;
	int i;

	for (i = LEVELS - 1; i >= 0; i--) {
		while (n->next[i] && cmp(key, n->next[i]) > 0)
			n = n->next[i];
		if (before)
			before[i] = n;
	}
	return n->next[0];
}

static void
set_value(struct node *n, struct hm_str value)
{
	char *p = hm_xalloc(value.len + 1);

	if (value.len > 0)
		memcpy(p, value.p, value.len);
	free(n->value);
	n->value = p;
	n->vlen = value.len;
}

static void
table_put(struct hm_kv_table *t, struct hm_str key, struct hm_str value)
{
	struct node *before[LEVELS], *n = find(t, key, before);
	int level = 1, i;

	if (!n || cmp(key, n) != 0) {
		t->seed = t->seed * UINT64_C(6364136223846793005) + 1;
		while (level < LEVELS && (t->seed >> (20 + 2 * level) & 3) == 0)
			level++;
		n = node_new(key, level);
		for (i = 0; i < level; i++) {
			n->next[i] = before[i]->next[i];
			before[i]->next[i] = n;
		}
		n->prev = before[0];
		if (n->next[0])
			n->next[0]->prev = n;
	}
	set_value(n, value);
}

static bool
table_del(struct hm_kv_table *t, struct hm_str key)
{
	struct node *before[LEVELS], *n = find(t, key, before);
	int i;

	if (!n || cmp(key, n) != 0)
		return false;
	for (i = 0; i < n->level; i++)
		before[i]->next[i] = n->next[i];
	if (n->next[0])
		n->next[0]->prev = n->prev;
	free(n->key);
	free(n->value);
	free(n);
	return true;
}

static struct hm_kv_table *
table_new(const char *name)
{
	struct hm_kv_table *t = hm_xalloc(sizeof(*t));

	t->name = hm_xalloc(strlen(name) + 1);
	memcpy(t->name, name, strlen(name));
	t->head = node_new(HM_STR(""), LEVELS);
	t->seed = 1;
	return t;
}

static void
table_free(struct hm_kv_table *t)
{
	struct node *n, *next;

	for (n = t->head; n; n = next) {
		next = n->next[0];
		free(n->key);
		free(n->value);
		free(n);
	}
	free(t->name);
	free(t);
}

/* ---- undoing --------------------------------------------------------------------- */

static void
remember(struct hm_kv_txn *txn, struct hm_kv_table *t, struct hm_str key)
{
	struct undo *u = hm_xalloc(sizeof(*u));
	struct node *n = find(t, key, NULL);

	u->table = t;
	u->klen = key.len;
	u->key = hm_xalloc(key.len + 1);
	if (key.len > 0)
		memcpy(u->key, key.p, key.len);
	if (n && cmp(key, n) == 0) {
		u->vlen = n->vlen;
		u->value = hm_xalloc(n->vlen + 1);
		memcpy(u->value, n->value, n->vlen);
	}
	u->next = txn->undo;
	txn->undo = u;
}

static void
undo_free(struct undo *u)
{
	struct undo *next;

	for (; u; u = next) {
		next = u->next;
		free(u->key);
		free(u->value);
		free(u);
	}
}

static void
undo_all(struct undo *undo)
{
	struct undo *u;

	for (u = undo; u; u = u->next) {
		struct hm_str key = { u->key, u->klen };

		if (u->value)
			table_put(u->table, key, hm_str_n(u->value, u->vlen));
		else
			table_del(u->table, key);
	}
	undo_free(undo);
}

/* ---- faults ------------------------------------------------------------------------ */

/* in_txn: only there a conflict can happen. */
static int
touch(struct fake *f, bool in_txn)
{
	f->calls++;
	if (f->fail_at == 0 || (f->fail_code == -HM_ECONFLICT && !in_txn) ||
	    --f->fail_at > 0)
		return 0;
	f->failed = true;
	return f->fail_code;
}

void
fake_fail(struct fake *f, unsigned long nth, int code)
{
	f->fail_at = nth;
	f->fail_code = code;
	f->failed = false;
}

bool
fake_failed(const struct fake *f)
{
	return f->failed;
}

unsigned long
fake_calls(const struct fake *f)
{
	return f->calls;
}

unsigned long
fake_syncs(const struct fake *f)
{
	return f->syncs;
}

void
fake_crash(struct fake *f)
{
	size_t i;

	undo_all(f->unflushed);
	f->unflushed = NULL;
	for (i = 1; i <= f->nbodies; i++)
		if (!f->body[i]->synced)
			f->body[i]->dropped = true;
}

/* ---- kv ------------------------------------------------------------------------------ */

static struct fake *
self_of(struct hm_mod *self)
{
	return (struct fake *)(void *)self;
}

static int
kv_table(struct hm_mod *self, const char *name, struct hm_kv_table **ret,
    struct hm_err *reterr)
{
	struct fake *f = self_of(self);
	size_t i;

	for (i = 0; i < TABLES && f->table[i]; i++)
		if (strcmp(f->table[i]->name, name) == 0) {
			*ret = f->table[i];
			return 0;
		}
	if (i == TABLES)
		return hm_err_set(reterr, -HM_ELIMIT, "too many tables");
	*ret = f->table[i] = table_new(name);
	return 0;
}

static int
fake_end(struct hm_kv_txn *txn, int r)
{
	struct fake *f = txn->f;
	struct undo *u;

	if (r < 0) {
		undo_all(txn->undo);
	} else if (txn->undo) {
		for (u = txn->undo; u->next; u = u->next)
			;
		u->next = f->unflushed;
		f->unflushed = txn->undo;
	}
	txn->undo = NULL;
	return r;
}

static int
flush_locked(struct fake *f, struct hm_err *reterr)
{
	int r = touch(f, false);

	if (r < 0)
		return hm_err_set(reterr, r, "the sync failed, as it was told to");
	f->syncs++;
	undo_free(f->unflushed);
	f->unflushed = NULL;
	return 0;
}

static int
kv_run(struct hm_mod *self, unsigned flags,
    int (*fn)(struct hm_kv_txn *txn, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct fake *f = self_of(self);
	struct hm_kv_txn txn = { .f = f, .read_only = flags & HM_KV_READ };
	int r;

	pthread_mutex_lock(&f->lock);
	do {
		r = fn(&txn, arg);
		if (r >= 0 && !txn.read_only) {
			int failed = touch(f, true);

			if (failed < 0)
				r = failed == -HM_ECONFLICT ? failed :
				    hm_err_set(reterr, failed, "the commit failed");
		}
		r = fake_end(&txn, r);
	} while (r == -HM_ECONFLICT);
	if (r >= 0 && !txn.read_only && !(flags & HM_KV_LAZY)) {
		int failed = flush_locked(f, reterr);

		r = failed < 0 ? failed : r;
	}
	pthread_mutex_unlock(&f->lock);
	if (r < 0 && reterr && reterr->code == 0)
		hm_err_set(reterr, r, "transaction: %s", hm_err_name(r));
	return r;
}

static int
kv_flush(struct hm_mod *self, struct hm_err *reterr)
{
	struct fake *f = self_of(self);
	int r;

	pthread_mutex_lock(&f->lock);
	r = flush_locked(f, reterr);
	pthread_mutex_unlock(&f->lock);
	return r;
}

static int
kv_get(struct hm_kv_txn *txn, struct hm_kv_table *t, struct hm_str key,
    unsigned flags, struct hm_str *ret)
{
	struct node *n;
	int r = touch(txn->f, true);

	(void)flags;
	if (r < 0)
		return r;
	n = find(t, key, NULL);
	if (!n || cmp(key, n) != 0)
		return -HM_ENOENT;
	*ret = hm_str_n(n->value, n->vlen);
	return 0;
}

static int
kv_put(struct hm_kv_txn *txn, struct hm_kv_table *t, struct hm_str key,
    struct hm_str value)
{
	int r = touch(txn->f, true);

	if (r < 0)
		return r;
	if (txn->read_only)
		abort();
	remember(txn, t, key);
	table_put(t, key, value);
	return 0;
}

static int
kv_del(struct hm_kv_txn *txn, struct hm_kv_table *t, struct hm_str key)
{
	int r = touch(txn->f, true);

	if (r < 0)
		return r;
	if (txn->read_only)
		abort();
	remember(txn, t, key);
	return table_del(t, key) ? 0 : -HM_ENOENT;
}

static struct node *
last_before(struct hm_kv_table *t, struct hm_str to)
{
	struct node *before[LEVELS];

	if (to.len > 0) {
		find(t, to, before);
		return before[0];
	}
	for (before[0] = t->head; before[0]->next[0]; )
		before[0] = before[0]->next[0];
	return before[0];
}

static int
kv_scan(struct hm_kv_txn *txn, struct hm_kv_table *t, struct hm_str from,
    struct hm_str to, unsigned flags,
    int (*fn)(struct hm_str key, struct hm_str value, void *arg), void *arg)
{
	struct node *n;
	int r = touch(txn->f, true);

	if (r < 0)
		return r;
	n = flags & HM_KV_REVERSE ? last_before(t, to) : find(t, from, NULL);
	while (n && n != t->head && r == 0) {
		if (flags & HM_KV_REVERSE ? cmp(from, n) > 0 :
		    to.len > 0 && cmp(to, n) <= 0)
			break;
		r = fn(hm_str_n(n->key, n->klen), hm_str_n(n->value, n->vlen),
		    arg);
		n = flags & HM_KV_REVERSE ? n->prev : n->next[0];
	}
	return r < 0 ? r : 0;
}

static int
kv_verify(struct hm_mod *self, void (*report)(const char *text, void *arg),
    void *arg, struct hm_err *reterr)
{
	(void)self;
	(void)report;
	(void)arg;
	(void)reterr;
	return 0;
}

static const struct hm_kv_ops kv_ops = {
	.size = sizeof(struct hm_kv_ops), .table = kv_table, .run = kv_run,
	.flush = kv_flush, .get = kv_get, .put = kv_put, .del = kv_del,
	.scan = kv_scan, .verify = kv_verify,
};

/* ---- blob ------------------------------------------------------------------------------- */

static int
blob_put(struct hm_mod *self, const struct hm_str *slices, size_t n,
    unsigned flags, uint64_t *ret_id, struct hm_err *reterr)
{
	struct fake *f = self_of(self);
	struct hm_buf buf = { 0 };
	struct body *b;
	size_t i;
	int r;

	for (i = 0; i < n; i++)
		hm_buf_str(&buf, slices[i]);
	pthread_mutex_lock(&f->lock);
	if ((r = touch(f, false)) == 0) {
		b = hm_xalloc(sizeof(*b));
		b->p = buf.p;
		b->len = buf.len;
		b->synced = !(flags & HM_BLOB_NOSYNC);
		f->syncs += b->synced;
		f->body = hm_xrealloc(f->body,
		    (f->nbodies + 2) * sizeof(*f->body));
		f->body[++f->nbodies] = b;
		*ret_id = f->nbodies;
	} else {
		hm_buf_release(&buf);
		r = hm_err_set(reterr, r, "the body cannot be written");
	}
	pthread_mutex_unlock(&f->lock);
	return r;
}

static int
blob_sync(struct hm_mod *self, struct hm_err *reterr)
{
	struct fake *f = self_of(self);
	size_t i;
	int r;

	pthread_mutex_lock(&f->lock);
	if ((r = touch(f, false)) == 0) {
		f->syncs++;
		for (i = f->nbodies; i > 0 && !f->body[i]->synced; i--)
			f->body[i]->synced = true;
	} else {
		hm_err_set(reterr, r, "the sync failed, as it was told to");
	}
	pthread_mutex_unlock(&f->lock);
	return r;
}

static struct hm_str
link_key(char key[BLOBS_KEY], uint64_t id)
{
	int i;

	for (i = 0; i < BLOBS_KEY; i++)
		key[i] = (char)(id >> (8 * (BLOBS_KEY - 1 - i)));
	return hm_str_n(key, BLOBS_KEY);
}

static int64_t
links_of(struct fake *f, uint64_t id)
{
	char key[BLOBS_KEY];
	struct node *n = find(f->links, link_key(key, id), NULL);
	int64_t links = 0;

	if (n && cmp(link_key(key, id), n) == 0)
		memcpy(&links, n->value, sizeof(links));
	return links;
}

static void
set_links(struct fake *f, uint64_t id, int64_t links)
{
	char key[BLOBS_KEY];

	if (links > 0)
		table_put(f->links, link_key(key, id),
		    hm_str_n((char *)&links, sizeof(links)));
	else
		table_del(f->links, link_key(key, id));
}

static int
blob_link(struct hm_mod *self, struct hm_kv_txn *txn, uint64_t id, int delta)
{
	struct fake *f = self_of(self);
	char key[BLOBS_KEY];
	int64_t links;
	int r = touch(f, true);

	if (r < 0)
		return r;
	if (id == 0 || id > f->nbodies ||
	    (f->body[id]->dropped && links_of(f, id) == 0))
		return -HM_ENOENT;
	links = links_of(f, id) + delta;
	remember(txn, f->links, link_key(key, id));
	set_links(f, id, links);
	return 0;
}

struct hm_blob_reader {
	char *p;
	size_t len;
};

static int
blob_open(struct hm_mod *self, uint64_t id, struct hm_blob_reader **ret,
    uint64_t *ret_size, struct hm_err *reterr)
{
	struct fake *f = self_of(self);
	struct hm_blob_reader *rd;
	int r = 0;

	pthread_mutex_lock(&f->lock);
	if (id == 0 || id > f->nbodies || f->body[id]->dropped) {
		r = hm_err_set(reterr, -HM_ENOENT, "no such body");
	} else {
		rd = hm_xalloc(sizeof(*rd));
		rd->len = f->body[id]->len;
		rd->p = hm_xalloc(rd->len + 1);
		if (rd->len > 0)
			memcpy(rd->p, f->body[id]->p, rd->len);
		*ret = rd;
		*ret_size = rd->len;
	}
	pthread_mutex_unlock(&f->lock);
	return r;
}

static ssize_t
blob_read(struct hm_blob_reader *rd, uint64_t offset, void *p, size_t len)
{
	if (offset >= rd->len)
		return 0;
	if (len > rd->len - offset)
		len = rd->len - (size_t)offset;
	memcpy(p, rd->p + offset, len);
	return (ssize_t)len;
}

static void
blob_close(struct hm_blob_reader *rd)
{
	free(rd->p);
	free(rd);
}

static int
blob_verify(struct hm_mod *self, bool fix,
    int64_t (*links)(uint64_t id, void *arg),
    void (*report)(uint64_t id, const char *text, void *arg), void *arg,
    struct hm_err *reterr)
{
	struct fake *f = self_of(self);
	size_t i;
	int n = 0;

	(void)reterr;
	for (i = 1; i <= f->nbodies; i++) {
		if (links && links_of(f, i) != links(i, arg)) {
			report(i, "links differ", arg);
			if (fix)
				set_links(f, i, links(i, arg));
			n++;
		}
	}
	return n;
}

static void
blob_usage(struct hm_mod *self, uint64_t *ret_total, uint64_t *ret_dead)
{
	(void)self;
	*ret_total = *ret_dead = 0;
}

static const struct hm_blob_ops blob_ops = {
	.size = sizeof(struct hm_blob_ops), .put = blob_put, .sync = blob_sync,
	.link = blob_link, .open = blob_open, .read = blob_read,
	.close = blob_close, .verify = blob_verify, .usage = blob_usage,
};

void
fake_damage(struct fake *f, uint64_t blob, int by)
{
	struct body *b = f->body[blob];

	if (by == -1)
		b->dropped = true;
	else
		b->len += (size_t)by;
	if (by > 0)
		b->p = hm_xrealloc(b->p, b->len + 1);
}

uint64_t
fake_blobs(struct fake *f, uint64_t *ret_links)
{
	uint64_t n = 0;
	size_t i;

	*ret_links = 0;
	for (i = 1; i <= f->nbodies; i++) {
		n += links_of(f, i) > 0;
		*ret_links += (uint64_t)links_of(f, i);
	}
	return n;
}

/* ---- all ------------------------------------------------------------------------------------ */

struct fake *
fake_new(void)
{
	struct fake *f = hm_xalloc(sizeof(*f));

	pthread_mutex_init(&f->lock, NULL);
	f->links = table_new("links");
	f->kv = (struct hm_kv){ &kv_ops, (struct hm_mod *)(void *)f };
	f->blob = (struct hm_blob){ &blob_ops, (struct hm_mod *)(void *)f };
	return f;
}

void
fake_free(struct fake *f)
{
	size_t i;

	undo_free(f->unflushed);
	for (i = 0; i < TABLES && f->table[i]; i++)
		table_free(f->table[i]);
	table_free(f->links);
	for (i = 1; i <= f->nbodies; i++) {
		free(f->body[i]->p);
		free(f->body[i]);
	}
	free(f->body);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

const struct hm_kv *
fake_kv(struct fake *f)
{
	return &f->kv;
}

const struct hm_blob *
fake_blob(struct fake *f)
{
	return &f->blob;
}
