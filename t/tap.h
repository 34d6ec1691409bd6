/* tap.h - a small producer of TAP for tests in C.
 *
 *   int main(void)
 *   {
 *           ok(1 + 1 == 2, "sums");
 *           is_int(hm_str_cmp(a, b), 0, "case %d", i);
 *           return done();
 *   }
 *
 * There is no plan in advance: done() writes it and returns main's result. A
 * test that dies before done() therefore counts as failed.
 */
#ifndef HERMOD_TAP_H
#define HERMOD_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/types.h>

static int tap_count, tap_failed;

__attribute__((unused, format(printf, 4, 0))) static bool
tap_result(bool good, const char *file, int line, const char *fmt, va_list ap)
{
	static char name[400];
	char *c;

	vsnprintf(name, sizeof(name), fmt, ap);
	for (c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == '#')
			*c = '?'; /* would end the line or begin a directive */
	printf("%sok %d - %s\n", good ? "" : "not ", ++tap_count, name);
	if (!good) {
		tap_failed++;
		printf("#   at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

__attribute__((unused, format(printf, 4, 5))) static bool
tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, file, line, fmt, ap);
	va_end(ap);
	return good;
}

__attribute__((unused, format(printf, 5, 6))) static bool
tap_is_int(intmax_t got, intmax_t want, const char *file, int line,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_result(got == want, file, line, fmt, ap);
	va_end(ap);
	if (got != want)
		printf("#   got %" PRIdMAX ", expected %" PRIdMAX "\n", got, want);
	return got == want;
}

/* One line of diagnostics: bytes outside printable ASCII as \xNN. */
__attribute__((unused)) static void
tap_show(const char *label, const char *p, size_t len)
{
	size_t i;

	printf("#   %s ", label);
	if (!p) {
		puts("(null)");
		return;
	}
	putchar('"');
	for (i = 0; i < len && i < 2000; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= 0x20 && c < 0x7f && c != '\\' && c != '"')
			putchar(c);
		else
			printf("\\x%02x", c);
	}
	puts(i < len ? "\"..." : "\"");
}

__attribute__((unused, format(printf, 5, 6))) static bool
tap_is_slice(struct hm_str got, struct hm_str want, const char *file, int line,
    const char *fmt, ...)
{
	bool good = got.len == want.len && !got.p == !want.p &&
	    (got.len == 0 || memcmp(got.p, want.p, got.len) == 0);
	va_list ap;

	va_start(ap, fmt);
	tap_result(good, file, line, fmt, ap);
	va_end(ap);
	if (!good) {
		tap_show("got     ", got.p, got.len);
		tap_show("expected", want.p, want.len);
	}
	return good;
}

__attribute__((unused)) static struct hm_str
tap_slice(const char *s)
{
	return (struct hm_str){ s, s ? strlen(s) : 0 };
}

/* ok(condition, "name", ...) */
#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...) \
	tap_is_int((intmax_t)(got), (intmax_t)(want), __FILE__, __LINE__, \
	    __VA_ARGS__)
/* NUL-terminated strings; NULL equals only NULL. */
#define is_str(got, want, ...) \
	tap_is_slice(tap_slice(got), tap_slice(want), __FILE__, __LINE__, \
	    __VA_ARGS__)
/* A slice against a NUL-terminated string; NULL means an absent slice. */
#define is_slice(got, want, ...) \
	tap_is_slice((got), tap_slice(want), __FILE__, __LINE__, __VA_ARGS__)
#define is_bytes(got, got_len, want, want_len, ...) \
	tap_is_slice((struct hm_str){ (const char *)(got), (got_len) }, \
	    (struct hm_str){ (const char *)(want), (want_len) }, \
	    __FILE__, __LINE__, __VA_ARGS__)
#define diag(...) (printf("# "), printf(__VA_ARGS__), putchar('\n'))

/* Counts one test as skipped, visibly. */
#define skip(...) \
	(printf("ok %d # SKIP ", ++tap_count), printf(__VA_ARGS__), putchar('\n'))

/* Leaves the test program at once: nothing in it can run here. */
__attribute__((unused, noreturn)) static void
skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	exit(0);
}

/* The directory with external test data, or NULL (then skip). */
__attribute__((unused)) static const char *
testdata_dir(void)
{
	const char *dir = getenv("HERMOD_TESTDATA");

	return dir && *dir ? dir : "../shared/testdata";
}

/* Writes the plan; the result of main(). */
__attribute__((unused)) static int
done(void)
{
	printf("1..%d\n", tap_count);
	if (tap_failed)
		printf("# %d of %d failed\n", tap_failed, tap_count);
	return tap_failed ? 1 : 0;
}

#endif
