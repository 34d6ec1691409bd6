/* search_text.h - looking into messages for SEARCH, on a worker thread.
 */
#ifndef IMAP_SEARCH_TEXT_H
#define IMAP_SEARCH_TEXT_H

#include <hermod/iface/store.h>

#include "search.h"

enum {
	IMAP_SEARCH_BATCH = 256,
	IMAP_SEARCH_SMALL = 128 << 10, /* messages up to here are read ahead, */
	IMAP_SEARCH_AHEAD = 1 << 20,   /* about so many bytes of them at once */
};

/* Messages that their entries alone do not decide: each matches (1), or not (0),
 * or cannot be read (-HM_E…, the last of them in err). */
struct imap_search_job {
	const struct imap_search *search;
	const struct hm_store *store;
	struct hm_account *acc;
	size_t n;
	const struct hm_entry *entry[IMAP_SEARCH_BATCH];
	uint32_t seq[IMAP_SEARCH_BATCH];
	int says[IMAP_SEARCH_BATCH];
	struct hm_err err;
};
/* Whether the program looks into the messages themselves. */
bool imap_search_reads(const struct imap_search *s);
/* For hm_work(): arg is a job. */
HM_WORKER int imap_search_work(void *arg);

#endif
