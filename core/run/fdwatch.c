/* fdwatch.c - descriptors of libraries that bring their own callbacks. */
#include <hermod/fiber.h>

#include <stdlib.h>

#include <hermod/arena.h>

#include "core/base/list.h"
#include "loop.h"

struct hm_fdwatch {
	struct hm_watch read, write;
	void (*fn)(unsigned what, void *arg);
	void *arg;
};

static void
readable(struct hm_watch *watch)
{
	struct hm_fdwatch *w = HM_CONTAINER(watch, struct hm_fdwatch, read);

	w->fn(HM_FD_READ, w->arg);
}

static void
writable(struct hm_watch *watch)
{
	struct hm_fdwatch *w = HM_CONTAINER(watch, struct hm_fdwatch, write);

	w->fn(HM_FD_WRITE, w->arg);
}

struct hm_fdwatch *
hm_fdwatch_start(int fd, unsigned what, void (*fn)(unsigned what, void *arg),
    void *arg)
{
	struct hm_fdwatch *w = hm_xalloc(sizeof(*w));

	w->fn = fn;
	w->arg = arg;
	hm_watch_init(&w->read, fd, readable);
	hm_watch_init(&w->write, fd, writable);
	if (what & HM_FD_READ)
		hm_watch_start(&w->read, false);
	if (what & HM_FD_WRITE)
		hm_watch_start(&w->write, true);
	return w;
}

void
hm_fdwatch_stop(struct hm_fdwatch *w)
{
	if (!w)
		return;
	hm_watch_stop(&w->read);
	hm_watch_stop(&w->write);
	free(w);
}
