/* bodies.c - the bytes of many messages in one go. */
#include "store.h"

#include <hermod/work.h>

struct bodies {
	struct hm_account *acc;
	const uint64_t *msgids;
	size_t n, max;
	struct hm_arena *arena;
	struct hm_str *ret;
	struct hm_err *err;
	/* What is found of each, in the scratch arena. */
	struct hm_arena *scratch;
	struct { bool there; uint64_t blob, bytes; struct hm_str prefix; } *at;
	uint64_t *blobs;             /* to be read, and for which message */
	size_t *of, nblobs;
};

static void
see_cold(size_t i, const struct cold_record *c, void *arg)
{
	struct bodies *b = arg;

	b->at[i].there = true;
	b->at[i].blob = c->blob;
	b->at[i].bytes = c->blob_bytes;
	b->at[i].prefix = hm_str_dup(b->scratch, c->prefix);
}

static int
take_bytes(size_t k, struct hm_str bytes, void *arg)
{
	struct bodies *b = arg;
	size_t i = b->of[k], prefix = b->at[i].prefix.len;
	char *p;

	if (bytes.len != b->at[i].bytes)
		return 0;            /* damaged: body_open() says so */
	p = hm_alloc(b->arena, prefix + bytes.len + 1);
	if (prefix > 0)
		memcpy(p, b->at[i].prefix.p, prefix);
	if (bytes.len > 0)
		memcpy(p + prefix, bytes.p, bytes.len);
	b->ret[i] = hm_str_n(p, prefix + bytes.len);
	return 0;
}

static int
bodies_job(void *arg)
{
	struct bodies *b = arg;
	const struct hm_blob *blob = b->acc->st->blob;
	size_t i;
	int r;

	b->scratch = hm_arena_new(NULL, "store bodies");
	b->at = hm_alloc_array(b->scratch, b->n, sizeof(*b->at));
	b->blobs = hm_alloc_array(b->scratch, b->n, sizeof(*b->blobs));
	b->of = hm_alloc_array(b->scratch, b->n, sizeof(*b->of));
	r = store_each_cold(b->acc, b->msgids, b->n, see_cold, b, b->err);
	for (i = 0; i < b->n && r == 0; i++) {
		if (!b->at[i].there || b->at[i].prefix.len > b->max ||
		    b->at[i].bytes > b->max - b->at[i].prefix.len)
			continue;
		b->blobs[b->nblobs] = b->at[i].blob;
		b->of[b->nblobs++] = i;
	}
	if (r == 0)
		r = blob->ops->read_many(blob->self, b->blobs, b->nblobs,
		    b->max, take_bytes, b, b->err);
	hm_arena_free(b->scratch);
	return r;
}

int
store_bodies(struct hm_account *acc, const uint64_t *msgids, size_t n,
    size_t max, struct hm_arena *arena, struct hm_str *ret,
    struct hm_err *reterr)
{
	struct bodies b = { .acc = acc, .msgids = msgids, .n = n, .max = max,
		.arena = arena, .ret = ret, .err = reterr };

	memset(ret, 0, n * sizeof(*ret));
	/* A driver need not know how: one by one does as well. */
	if (n == 0 || !HM_HAS(acc->st->blob, read_many))
		return 0;
	return hm_work(bodies_job, &b);
}
