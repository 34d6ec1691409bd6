/* param.h - values of Content-Type, Content-Disposition and their kin. */
#ifndef HERMOD_MAIL_PARAM_H
#define HERMOD_MAIL_PARAM_H

#include <hermod/mime.h>

struct mime_params {
	size_t n;
	const struct hm_param *at;
	bool damaged;
};

/* A MIME token at the front of [*p, end), white space and comments around it
 * skipped; lower case. Empty if there is none. */
struct hm_str hm_param_token(struct hm_arena *arena, const char **p,
    const char *end);
/* The parameters in [p, end), which starts at or before the first ";". */
void hm_params_parse(struct hm_arena *arena, const char *p, const char *end,
    struct mime_params *ret);

#endif
