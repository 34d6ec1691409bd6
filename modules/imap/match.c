/* match.c - mailbox patterns.
 *
 * Only the last "*" and the last "%" behind it ever need another try: a "*"
 * that reaches further takes in all that an earlier one could have gained, and
 * within the stretch behind a "*" the same holds for "%" until a "/" stops it.
 */
#include <stddef.h>

#include "match.h"

/* Whether what is left of the pattern matches nothing at all. */
static bool
only_wildcards(struct hm_str pattern, size_t i)
{
	for (; i < pattern.len; i++)
		if (pattern.p[i] != '*' && pattern.p[i] != '%')
			return false;
	return true;
}

/* Where to go on behind a wildcard: in the pattern, and in the name. */
struct retry {
	bool set;
	size_t pattern, name;
};

/* Takes the wildcards at *pi as one: "*" if there is any, else "%". */
static void
take_wildcards(struct hm_str pattern, size_t *pi, size_t ni, struct retry *star,
    struct retry *percent)
{
	bool any = false;

	while (*pi < pattern.len &&
	    (pattern.p[*pi] == '*' || pattern.p[*pi] == '%')) {
		any |= pattern.p[*pi] == '*';
		++*pi;
	}
	if (any) {
		*star = (struct retry){ true, *pi, ni };
		percent->set = false;
	} else {
		*percent = (struct retry){ true, *pi, ni };
	}
}

bool
imap_match(struct hm_str pattern, struct hm_str name)
{
	struct retry star = { 0 }, percent = { 0 };
	size_t pi = 0, ni = 0;

	for (;;) {
		if (pi < pattern.len &&
		    (pattern.p[pi] == '*' || pattern.p[pi] == '%')) {
			take_wildcards(pattern, &pi, ni, &star, &percent);
			continue;
		}
		if (ni == name.len && only_wildcards(pattern, pi))
			return true;
		if (pi < pattern.len && ni < name.len &&
		    pattern.p[pi] == name.p[ni]) {
			pi++;
			ni++;
			continue;
		}
		if (percent.set && percent.name < name.len &&
		    name.p[percent.name] != '/') {
			ni = ++percent.name;
			pi = percent.pattern;
		} else if (star.set && star.name < name.len) {
			ni = ++star.name;
			pi = star.pattern;
			percent.set = false;
		} else {
			return false;
		}
	}
}
