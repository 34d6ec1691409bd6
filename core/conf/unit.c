/* unit.c - numbers with units: bytes and durations. */
#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "build.h"

int
hm_value_bool(struct hm_str text, bool *ret)
{
	static const char *const yes[] = { "yes", "true", "on" };
	static const char *const no[] = { "no", "false", "off" };

	for (size_t i = 0; i < HM_ARRAY_LEN(yes); i++) {
		if (!hm_str_caseis(text, yes[i]) && !hm_str_caseis(text, no[i]))
			continue;
		*ret = hm_str_caseis(text, yes[i]);
		return 0;
	}
	return -HM_ESYNTAX;
}

int
hm_value_int(struct hm_str text, int64_t *ret)
{
	bool minus = hm_str_starts(text, HM_STR("-"));
	uint64_t n;

	if (hm_str_u64(hm_str_skip(text, minus), INT64_MAX, &n) < 0)
		return -HM_ESYNTAX;
	*ret = minus ? -(int64_t)n : (int64_t)n;
	return 0;
}

/* The digits at the front of *text, taken off it. */
static int
take_number(struct hm_str *text, uint64_t *ret)
{
	size_t n = 0;

	while (n < text->len && text->p[n] >= '0' && text->p[n] <= '9')
		n++;
	if (n == 0 || hm_str_u64(hm_str_take(*text, n), UINT64_MAX, ret) < 0)
		return -HM_ESYNTAX;
	*text = hm_str_skip(*text, n);
	return 0;
}

int
hm_value_size(struct hm_str text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	unsigned shift = 0;
	uint64_t n;

	if (take_number(&text, &n) < 0)
		return -HM_ESYNTAX;
	for (unsigned i = 0; text.len > 0 && units[i] != '\0'; i++) {
		if ((text.p[0] & ~0x20) == units[i])
			shift = 10 * (i + 1);
	}
	if (shift > 0) {
		text = hm_str_skip(text, 1);
		if (hm_str_caseis(text, "iB"))
			text = hm_str_skip(text, 2);
	}
	if (hm_str_caseis(text, "B"))
		text = hm_str_skip(text, 1);
	if (text.len > 0 || n > UINT64_MAX >> shift)
		return -HM_ESYNTAX;
	*ret = n << shift;
	return 0;
}

static const struct time_unit {
	const char *name;
	int64_t ms;
} time_units[] = {
	{ "w", 7 * 86400000LL }, { "d", 86400000 }, { "h", 3600000 },
	{ "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

int
hm_value_time(struct hm_str text, int64_t *ret)
{
	int64_t sum = 0, part;
	size_t next = 0, i, len;
	uint64_t n;

	if (hm_str_is(text, "0")) {
		*ret = 0;
		return 0;
	}
	/* "1h30m": units from large to small, each at most once. */
	do {
		if (take_number(&text, &n) < 0)
			return -HM_ESYNTAX;
		for (len = 0; len < text.len && (text.p[len] < '0' ||
		    text.p[len] > '9'); len++)
			;
		for (i = next; i < HM_ARRAY_LEN(time_units); i++) {
			if (hm_str_is(hm_str_take(text, len), time_units[i].name))
				break;
		}
		if (i == HM_ARRAY_LEN(time_units) || n > INT64_MAX ||
		    __builtin_mul_overflow((int64_t)n, time_units[i].ms, &part) ||
		    __builtin_add_overflow(sum, part, &sum))
			return -HM_ESYNTAX;
		next = i + 1;
		text = hm_str_skip(text, len);
	} while (text.len > 0);
	*ret = sum;
	return 0;
}

void
hm_value_put_size(struct hm_buf *out, uint64_t bytes)
{
	static const char units[] = "KMGT";
	unsigned unit = 0;

	while (unit < 4 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	hm_buf_u64(out, bytes);
	if (unit > 0)
		hm_buf_putc(out, units[unit - 1]);
}

void
hm_value_put_time(struct hm_buf *out, int64_t ms)
{
	size_t i = 0;

	if (ms <= 0) {
		hm_buf_putc(out, '0');
		return;
	}
	while (ms % time_units[i].ms != 0)
		i++;
	hm_buf_u64(out, (uint64_t)(ms / time_units[i].ms));
	hm_buf_puts(out, time_units[i].name);
}
