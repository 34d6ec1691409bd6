/* quote.h - service "quote": a saying, another each time. Thread: any. */
#ifndef QUOTE_H
#define QUOTE_H

#include <hermod/service.h>

struct hm_quote_ops {
	uint32_t size;
	/* Static text, one line. */
	const char *(*next)(struct hm_mod *self);
};
HM_IFACE(quote, 1);

static inline const char *
hm_quote_next(const struct hm_quote *quote)
{
	return quote->ops->next(quote->self);
}

#endif
