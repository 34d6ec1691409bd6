/* quotes.c - provide a service: whoever needs a "quote" gets one from here. The
 * header of the interface belongs to neither side; add-quote is the other one.
 */
#include <hermod/plugin.h>
#include <hermod/rand.h>

#include "quote.h"

static const char *
quotes_next(struct hm_mod *self)
{
	static const char *const quotes[] = {
		"Be liberal in what you accept.",
		"The network is reliable, until it is not.",
		"Mail is sacred.",
	};

	(void)self;
	return quotes[hm_random_below(HM_ARRAY_LEN(quotes))];
}

static const struct hm_quote_ops quotes_ops = {
	.size = sizeof(quotes_ops), .next = quotes_next,
};

static const struct hm_provide quotes_provides[] = {
	HM_PROVIDE(quote, &quotes_ops), HM_PROVIDE_END
};

HM_MODULE(quotes, "1.0", "Has a saying for every occasion",
	.provides = quotes_provides);
