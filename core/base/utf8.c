/* utf8.c - code points in UTF-8 (RFC 3629). */
#include <hermod/str.h>

/* The number of continuation bytes and the range of the first of them, which
 * rules out overlong forms, surrogates and code points above U+10FFFF
 * (RFC 3629, 4). */
struct lead {
	unsigned char more, low, high;
};

static struct lead
lead_of(unsigned char c)
{
	if (c >= 0xc2 && c <= 0xdf)
		return (struct lead){ 1, 0x80, 0xbf };
	if (c >= 0xe0 && c <= 0xef)
		return (struct lead){ 2, c == 0xe0 ? 0xa0 : 0x80,
		    c == 0xed ? 0x9f : 0xbf };
	if (c >= 0xf0 && c <= 0xf4)
		return (struct lead){ 3, c == 0xf0 ? 0x90 : 0x80,
		    c == 0xf4 ? 0x8f : 0xbf };
	return (struct lead){ 0, 0, 0 };
}

size_t
hm_utf8_next(struct hm_str s, uint32_t *ret_cp)
{
	const unsigned char *p = (const unsigned char *)s.p;
	struct lead lead;
	uint32_t cp;
	size_t i;

	if (s.len == 0)
		return 0;
	if (p[0] < 0x80) {
		*ret_cp = p[0];
		return 1;
	}
	lead = lead_of(p[0]);
	if (lead.more == 0 || s.len <= lead.more || p[1] < lead.low ||
	    p[1] > lead.high)
		return 0;
	cp = p[0] & (0x3fu >> lead.more);
	for (i = 1; i <= lead.more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	*ret_cp = cp;
	return (size_t)lead.more + 1;
}

size_t
hm_utf8_put(char out[4], uint32_t cp)
{
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		cp = 0xfffd;
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

bool
hm_str_ascii(struct hm_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

bool
hm_utf8_valid(struct hm_str s)
{
	uint32_t cp;
	size_t n;

	while (s.len) {
		n = hm_utf8_next(s, &cp);
		if (n == 0)
			return false;
		s = hm_str_skip(s, n);
	}
	return true;
}
