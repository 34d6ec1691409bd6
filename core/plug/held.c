/* held.c - who refers to loaded code: generations, and what outlives them.
 *
 * Apart from the loader, so that a view of the store can hold the code that its
 * pointers lead into without everything that loads.
 */
#include <pthread.h>

#include <hermod/fiber.h>

#include "load.h"

static struct {
	pthread_mutex_t lock;
	struct hm_code *first;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
hm_code_note(struct hm_code *code)
{
	pthread_mutex_lock(&all.lock);
	code->next_of_all = all.first;
	all.first = code;
	pthread_mutex_unlock(&all.lock);
}

void
hm_code_ref(struct hm_code *code)
{
	if (code == NULL)
		return;
	pthread_mutex_lock(&all.lock);
	code->refs++;
	pthread_mutex_unlock(&all.lock);
}

/* Whether this was the last; then nobody finds it any more. */
static bool
drop_ref(struct hm_code *code)
{
	struct hm_code **at;
	bool last;

	pthread_mutex_lock(&all.lock);
	last = --code->refs == 0;
	for (at = &all.first; last && *at != NULL; at = &(*at)->next_of_all) {
		if (*at == code) {
			*at = code->next_of_all;
			break;
		}
	}
	pthread_mutex_unlock(&all.lock);
	return last;
}

void
hm_code_unref(struct hm_code *code)
{
	if (code != NULL && drop_ref(code))
		code->unload(code);
}

struct hm_code *
hm_code_hold(void (*fn)(void *arg))
{
	uintptr_t addr = (uintptr_t)fn;
	struct hm_code *code;

	pthread_mutex_lock(&all.lock);
	code = all.first;
	while (code != NULL && (addr < code->who.low || addr >= code->who.high))
		code = code->next_of_all;
	if (code != NULL)
		code->refs++;
	pthread_mutex_unlock(&all.lock);
	return code;
}

static void
unref_later(void *arg)
{
	hm_code_unref(arg);
}

/* Unloading is the loop's: posted, the last reference with it. */
void
hm_code_let_go(struct hm_code *code)
{
	bool last;

	if (code == NULL)
		return;
	pthread_mutex_lock(&all.lock);
	last = code->refs == 1;
	if (!last)
		code->refs--;
	pthread_mutex_unlock(&all.lock);
	if (last)
		hm_post(unref_later, code);
}
