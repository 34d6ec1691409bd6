/* unicode.c - normal forms, folding, repair of text that claims to be UTF-8. */
#include "unicode.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>

#include <hermod/address.h>
#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/charset.h>
#include <hermod/err.h>
#include <hermod/str.h>

/* 0x80 to 0x9f; the five holes become U+FFFD. */
static const uint16_t cp1252[32] = {
	0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
	0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
};

int
hm_utf8_nfc(struct hm_arena *arena, struct hm_str s, struct hm_str *ret)
{
	if (hm_str_ascii(s)) {
		*ret = s;
		return 0;
	}
	if (!hm_utf8_valid(s))
		return -HM_ESYNTAX;
	size_t len = 0;
	uint8_t *nfc = u8_normalize(UNINORM_NFC, (const uint8_t *)s.p, s.len,
	    NULL, &len);
	if (!nfc)
		return -HM_ESYNTAX;
	*ret = hm_str_dup(arena, hm_str_n((const char *)nfc, len));
	free(nfc);
	return 0;
}

size_t
hm_uni_fold(uint32_t cp, char out[UNI_FOLD_MAX])
{
	if (cp < 0x80) {
		out[0] = (char)(cp >= 'A' && cp <= 'Z' ? cp | 0x20 : cp);
		return 1;
	}
	uint32_t buf[32];
	size_t n = HM_ARRAY_LEN(buf);
	uint32_t *folded = u32_casefold(&cp, 1, NULL, UNINORM_NFKD, buf, &n);
	if (!folded)
		return hm_utf8_put(out, cp);
	size_t len = 0;
	for (size_t i = 0; i < n && len + 4 <= UNI_FOLD_MAX; i++)
		len += hm_utf8_put(out + len, folded[i]);
	if (folded != buf)
		free(folded);
	return len;
}

void
hm_utf8_fold(struct hm_buf *out, struct hm_str in)
{
	char folded[UNI_FOLD_MAX];

	hm_buf_reserve(out, in.len);
	while (in.len > 0) {
		uint32_t cp = 0;
		size_t n = hm_utf8_next(in, &cp);
		if (n == 0) {
			hm_buf_putc(out, in.p[0]);
			in = hm_str_skip(in, 1);
			continue;
		}
		hm_buf_add(out, folded, hm_uni_fold(cp, folded));
		in = hm_str_skip(in, n);
	}
}

/* How many bytes at the front belong to one malformed sequence. */
static size_t
malformed_run(struct hm_str in)
{
	unsigned char c = (unsigned char)in.p[0];
	unsigned char low = 0x80, high = 0xbf;
	size_t need;

	if (c >= 0xc2 && c <= 0xdf)
		need = 2;
	else if (c >= 0xe0 && c <= 0xef)
		need = 3;
	else if (c >= 0xf0 && c <= 0xf4)
		need = 4;
	else
		return 1;
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	size_t n = 1;
	while (n < need && n < in.len) {
		c = (unsigned char)in.p[n];
		if (c < low || c > high)
			break;
		low = 0x80;
		high = 0xbf;
		n++;
	}
	return n;
}

void
hm_uni_repair(struct hm_buf *out, struct hm_str in)
{
	if (hm_utf8_valid(in)) {
		hm_buf_str(out, in);
		return;
	}
	size_t good = 0; /* bytes in front that are known to be well-formed */
	while (good < in.len) {
		uint32_t cp;
		size_t n = hm_utf8_next(hm_str_skip(in, good), &cp);
		if (n > 0) {
			good += n;
			continue;
		}
		hm_buf_add(out, in.p, good);
		hm_buf_add(out, "\xef\xbf\xbd", 3);
		in = hm_str_skip(in, good);
		in = hm_str_skip(in, malformed_run(in));
		good = 0;
	}
	hm_buf_add(out, in.p, good);
}

void
hm_uni_from_1252(struct hm_buf *out, struct hm_str in)
{
	char utf8[4];

	hm_buf_reserve(out, in.len + in.len / 4);
	for (size_t i = 0; i < in.len; i++) {
		unsigned char c = (unsigned char)in.p[i];
		if (c < 0x80) {
			hm_buf_putc(out, (char)c);
			continue;
		}
		uint32_t cp = c < 0xa0 ? cp1252[c - 0x80] : c;
		hm_buf_add(out, utf8, hm_utf8_put(utf8, cp));
	}
}

void
hm_uni_guess(struct hm_buf *out, struct hm_str in)
{
	if (hm_utf8_valid(in))
		hm_buf_str(out, in);
	else
		hm_uni_from_1252(out, in);
}
