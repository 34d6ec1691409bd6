/* domain.c - internationalised domain names (RFC 5890, UTS 46). */
#include <hermod/address.h>

#include <idn2.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "lex.h"

enum {
	DOMAIN_IN_MAX = 1024,   /* as typed, in UTF-8 */
	DOMAIN_MAX = 253,       /* 255 octets on the wire (RFC 1035, 2.3.4) */
	LABEL_MAX = 63,
};

/* Letters, digits, inner hyphens; the underscore is tolerated because hosts
 * with one exist (RFC 2181, 11). */
static bool
label_ok(struct hm_str label)
{
	if (label.len == 0 || label.len > LABEL_MAX)
		return false;
	if (label.p[0] == '-' || label.p[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		char c = label.p[i];
		if (!lex_is(c, LEX_ALNUM) && c != '-' && c != '_')
			return false;
	}
	return true;
}

static int
check_ascii(struct hm_str name, struct hm_err *reterr)
{
	struct hm_str rest = name;

	if (name.len == 0)
		return hm_err_set(reterr, -HM_ESYNTAX, "empty domain name");
	if (name.len > DOMAIN_MAX)
		return hm_err_set(reterr, -HM_ELIMIT,
		    "domain name of more than %d octets", DOMAIN_MAX);
	while (rest.p) {
		struct hm_str label = hm_str_split(&rest, '.');
		if (label.len > LABEL_MAX)
			return hm_err_set(reterr, -HM_ELIMIT,
			    "label of more than %d octets in domain name",
			    LABEL_MAX);
		if (!label_ok(label))
			return hm_err_set(reterr, -HM_ESYNTAX,
			    "malformed label in domain name");
	}
	return 0;
}

static bool
has_alabel(struct hm_str name)
{
	struct hm_str rest = name;

	while (rest.p) {
		struct hm_str label = hm_str_split(&rest, '.');
		if (hm_str_casestarts(label, HM_STR("xn--")))
			return true;
	}
	return false;
}

int
hm_domain_ascii(struct hm_arena *arena, struct hm_str name, struct hm_str *ret,
    struct hm_err *reterr)
{
	if (name.len == 0 || name.len > DOMAIN_IN_MAX ||
	    memchr(name.p, '\0', name.len))
		return hm_err_set(reterr, -HM_ESYNTAX, "malformed domain name");
	if (hm_str_ascii(name) && !has_alabel(name)) {
		int rc = check_ascii(name, reterr);
		if (rc < 0)
			return rc;
		*ret = hm_str_lower(arena, name);
		return 0;
	}
	if (!hm_utf8_valid(name))
		return hm_err_set(reterr, -HM_ESYNTAX,
		    "domain name is not UTF-8");

	uint8_t *ascii = NULL;
	struct hm_str copy = hm_str_dup(arena, name);
	int rc = idn2_lookup_u8((const uint8_t *)copy.p, &ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK)
		return hm_err_set(reterr, -HM_ESYNTAX,
		    "domain name is not valid: %s", idn2_strerror(rc));
	*ret = hm_str_lower(arena, hm_str((const char *)ascii));
	idn2_free(ascii);
	return check_ascii(*ret, reterr);
}

struct hm_str
hm_domain_unicode(struct hm_arena *arena, struct hm_str ascii)
{
	if (ascii.len == 0 || ascii.len > DOMAIN_MAX || !has_alabel(ascii) ||
	    memchr(ascii.p, '\0', ascii.len))
		return ascii;

	char *utf8 = NULL;
	struct hm_str copy = hm_str_dup(arena, ascii);
	if (idn2_to_unicode_8z8z(copy.p, &utf8, 0) != IDN2_OK)
		return ascii;
	struct hm_str text = hm_str_dup(arena, hm_str(utf8));
	idn2_free(utf8);
	return text;
}
