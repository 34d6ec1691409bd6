/* str.c - operations on slices. */
#include <string.h>

#include <hermod/arena.h>
#include <hermod/err.h>
#include <hermod/str.h>

static unsigned char
lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? u + ('a' - 'A') : u;
}

static int
casecmp_n(const char *a, const char *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (lower(a[i]) != lower(b[i]))
			return lower(a[i]) < lower(b[i]) ? -1 : 1;
	return 0;
}

static int
cmp_n(const char *a, const char *b, size_t len)
{
	int r = len ? memcmp(a, b, len) : 0;

	return r < 0 ? -1 : r > 0;
}

static int
cmp_len(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

struct hm_str
hm_str(const char *s)
{
	return (struct hm_str){ s, s ? strlen(s) : 0 };
}

struct hm_str
hm_str_n(const char *p, size_t len)
{
	return (struct hm_str){ p, len };
}

bool
hm_str_eq(struct hm_str a, struct hm_str b)
{
	return a.len == b.len && cmp_n(a.p, b.p, a.len) == 0;
}

bool
hm_str_caseeq(struct hm_str a, struct hm_str b)
{
	return a.len == b.len && casecmp_n(a.p, b.p, a.len) == 0;
}

bool
hm_str_is(struct hm_str a, const char *literal)
{
	return hm_str_eq(a, hm_str(literal));
}

bool
hm_str_caseis(struct hm_str a, const char *literal)
{
	return hm_str_caseeq(a, hm_str(literal));
}

int
hm_str_cmp(struct hm_str a, struct hm_str b)
{
	int r = cmp_n(a.p, b.p, a.len < b.len ? a.len : b.len);

	return r ? r : cmp_len(a.len, b.len);
}

int
hm_str_casecmp(struct hm_str a, struct hm_str b)
{
	int r = casecmp_n(a.p, b.p, a.len < b.len ? a.len : b.len);

	return r ? r : cmp_len(a.len, b.len);
}

bool
hm_str_starts(struct hm_str s, struct hm_str prefix)
{
	return s.len >= prefix.len && cmp_n(s.p, prefix.p, prefix.len) == 0;
}

bool
hm_str_casestarts(struct hm_str s, struct hm_str prefix)
{
	return s.len >= prefix.len && casecmp_n(s.p, prefix.p, prefix.len) == 0;
}

bool
hm_str_ends(struct hm_str s, struct hm_str suffix)
{
	return s.len >= suffix.len &&
	    hm_str_eq(hm_str_skip(s, s.len - suffix.len), suffix);
}

ssize_t
hm_str_chr(struct hm_str s, char c)
{
	const char *at = s.len ? memchr(s.p, c, s.len) : NULL;

	return at ? at - s.p : -1;
}

ssize_t
hm_str_rchr(struct hm_str s, char c)
{
	const char *at = s.len ? memrchr(s.p, c, s.len) : NULL;

	return at ? at - s.p : -1;
}

ssize_t
hm_str_find(struct hm_str s, struct hm_str needle)
{
	const char *at;

	if (needle.len == 0)
		return 0;
	at = s.len >= needle.len ?
	    memmem(s.p, s.len, needle.p, needle.len) : NULL;
	return at ? at - s.p : -1;
}

ssize_t
hm_str_casefind(struct hm_str s, struct hm_str needle)
{
	size_t i;

	for (i = 0; s.len >= needle.len && i <= s.len - needle.len; i++)
		if (casecmp_n(s.p ? s.p + i : s.p, needle.p, needle.len) == 0)
			return (ssize_t)i;
	return -1;
}

struct hm_str
hm_str_skip(struct hm_str s, size_t n)
{
	if (n > s.len)
		n = s.len;
	return (struct hm_str){ n ? s.p + n : s.p, s.len - n };
}

struct hm_str
hm_str_take(struct hm_str s, size_t n)
{
	return (struct hm_str){ s.p, n < s.len ? n : s.len };
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct hm_str
hm_str_trim(struct hm_str s)
{
	while (s.len && blank(s.p[0]))
		s = hm_str_skip(s, 1);
	while (s.len && blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

struct hm_str
hm_str_split(struct hm_str *rest, char sep)
{
	struct hm_str part = *rest;
	ssize_t at = hm_str_chr(part, sep);

	if (at < 0) {
		*rest = (struct hm_str){ NULL, 0 };
		return part;
	}
	*rest = hm_str_skip(part, (size_t)at + 1);
	part.len = (size_t)at;
	return part;
}

int
hm_str_u64(struct hm_str s, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;
	bool over = false;
	size_t i;

	for (i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -HM_ESYNTAX;
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(s.p[i] - '0'), &n))
			over = true;
	}
	if (s.len == 0)
		return -HM_ESYNTAX;
	if (over || n > max)
		return -HM_ELIMIT;
	*ret = n;
	return 0;
}

int
hm_str_u32(struct hm_str s, uint32_t *ret)
{
	uint64_t n;
	int r = hm_str_u64(s, UINT32_MAX, &n);

	if (r == 0)
		*ret = (uint32_t)n;
	return r;
}

struct hm_str
hm_str_dup(struct hm_arena *arena, struct hm_str s)
{
	return (struct hm_str){ hm_strndup(arena, s.p, s.len), s.len };
}

struct hm_str
hm_str_lower(struct hm_arena *arena, struct hm_str s)
{
	char *p = hm_strndup(arena, s.p, s.len);
	size_t i;

	for (i = 0; i < s.len; i++)
		p[i] = (char)lower(p[i]);
	return (struct hm_str){ p, s.len };
}

bool
hm_equal_consttime(const void *a, const void *b, size_t len)
{
	const volatile unsigned char *x = a, *y = b;
	unsigned char diff = 0;
	size_t i;

	for (i = 0; i < len; i++)
		diff |= x[i] ^ y[i];
	return diff == 0;
}
