/* example.h - options described, for examples, listings and manual pages. */
#ifndef HM_CONF_EXAMPLE_H
#define HM_CONF_EXAMPLE_H

#include <hermod/conf.h>

/* "Time, 10s to 1h" */
void hm_opt_put_form(struct hm_buf *out, const struct hm_opt *opt);
/* The default (which must exist) as it stands in a file. */
void hm_opt_put_default(struct hm_buf *out, const struct hm_opt *opt);

#endif
