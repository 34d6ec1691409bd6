/* list.h - an intrusive, circular, doubly linked list.
 *
 *   struct job { struct hm_link link; … };
 *   struct hm_link jobs;            hm_list_init(&jobs);
 *   hm_list_add(&jobs, &job->link);
 *   for (l = jobs.next; l != &jobs; l = l->next)
 *           job = HM_CONTAINER(l, struct job, link);
 */
#ifndef CORE_BASE_LIST_H
#define CORE_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct hm_link {
	struct hm_link *next, *prev;
};

#define HM_CONTAINER(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* For the list's head and for a link that is in no list. */
static inline void
hm_list_init(struct hm_link *l)
{
	l->next = l->prev = l;
}

static inline bool
hm_list_empty(const struct hm_link *head)
{
	return head->next == head;
}

/* Puts l before at; with the head as at, that is the end of the list. */
static inline void
hm_list_add(struct hm_link *at, struct hm_link *l)
{
	l->prev = at->prev;
	l->next = at;
	at->prev->next = l;
	at->prev = l;
}

/* Harmless on a link that is in no list. */
static inline void
hm_list_remove(struct hm_link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	hm_list_init(l);
}

/* Removes and returns the first, or NULL. */
static inline struct hm_link *
hm_list_pop(struct hm_link *head)
{
	struct hm_link *l = head->next;

	if (l == head)
		return NULL;
	hm_list_remove(l);
	return l;
}

#endif
