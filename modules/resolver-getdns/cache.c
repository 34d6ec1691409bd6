/* cache.c - answers that are remembered for a while, as they came.
 *
 * A balanced tree, because names are chosen by others, and a list in order of
 * use. An answer is kept as its message and read again at each hit, so that
 * there is one form of it and nothing to copy deeply.
 */
#include "cache.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/clock.h>
#include <hermod/str.h>

enum { OVERHEAD_BYTES = 64 };  /* of a node of the tree, and of malloc() */

struct item {
	struct item *newer, *older;
	enum hm_dns_type type;
	struct hm_str name, message;
	bool secure;
	int64_t stored_ms, until_ms;
	char bytes[];
};

struct cache {
	void *tree;
	struct item *newest, *oldest;
	size_t n;
	uint64_t bytes, max_bytes;
};

static int
compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return hm_str_cmp(x->name, y->name);
}

static uint64_t
cost(const struct item *e)
{
	return sizeof(*e) + OVERHEAD_BYTES + e->name.len + e->message.len;
}

static void
unlink_entry(struct cache *c, struct item *e)
{
	if (e->newer)
		e->newer->older = e->older;
	else
		c->newest = e->older;
	if (e->older)
		e->older->newer = e->newer;
	else
		c->oldest = e->newer;
}

static void
link_newest(struct cache *c, struct item *e)
{
	e->newer = NULL;
	e->older = c->newest;
	if (c->newest)
		c->newest->newer = e;
	else
		c->oldest = e;
	c->newest = e;
}

static void
drop(struct cache *c, struct item *e)
{
	unlink_entry(c, e);
	tdelete(e, &c->tree, compare);
	c->bytes -= cost(e);
	c->n--;
	free(e);
}

static struct item *
find(struct cache *c, struct hm_str name, enum hm_dns_type type)
{
	struct item key = { .type = type, .name = name };
	struct item **at = tfind(&key, &c->tree, compare);

	return at ? *at : NULL;
}

struct cache *
cache_new(uint64_t max_bytes)
{
	struct cache *c = hm_xalloc(sizeof(*c));

	c->max_bytes = max_bytes;
	return c;
}

void
cache_clear(struct cache *c)
{
	while (c->oldest)
		drop(c, c->oldest);
}

void
cache_free(struct cache *c)
{
	cache_clear(c);
	free(c);
}

void
cache_set_limit(struct cache *c, uint64_t max_bytes)
{
	c->max_bytes = max_bytes;
	while (c->bytes > max_bytes)
		drop(c, c->oldest);
}

bool
cache_get(struct cache *c, struct hm_str name, enum hm_dns_type type,
    struct cached *ret)
{
	struct item *e = find(c, name, type);
	int64_t now = hm_now_ms();

	if (!e)
		return false;
	if (e->until_ms <= now) {
		drop(c, e);
		return false;
	}
	unlink_entry(c, e);
	link_newest(c, e);
	*ret = (struct cached){ e->message, e->secure,
	    (uint32_t)((now - e->stored_ms) / 1000) };
	return true;
}

void
cache_put(struct cache *c, struct hm_str name, enum hm_dns_type type,
    struct hm_str message, bool secure, int64_t keep_ms)
{
	struct item *e = find(c, name, type);

	if (e)
		drop(c, e);
	/* One answer shall not push out all the others. */
	if (keep_ms <= 0 || message.len > c->max_bytes / 16)
		return;
	e = hm_xalloc(sizeof(*e) + name.len + message.len);
	memcpy(e->bytes, name.p, name.len);
	memcpy(e->bytes + name.len, message.p, message.len);
	e->name = (struct hm_str){ e->bytes, name.len };
	e->message = (struct hm_str){ e->bytes + name.len, message.len };
	e->type = type;
	e->secure = secure;
	e->stored_ms = hm_now_ms();
	e->until_ms = e->stored_ms + keep_ms;
	if (!tsearch(e, &c->tree, compare)) {
		free(e);
		return;
	}
	link_newest(c, e);
	c->bytes += cost(e);
	c->n++;
	while (c->bytes > c->max_bytes)
		drop(c, c->oldest);
}

size_t
cache_count(const struct cache *c)
{
	return c->n;
}
