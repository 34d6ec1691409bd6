/* die.c - the end of the process, and the heap that never fails. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>

#include "die.h"

void
hm_die(const char *fmt, ...)
{
	va_list ap;

	fputs("hermod: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

void *
hm_xalloc(size_t bytes)
{
	void *p = calloc(1, bytes ? bytes : 1);

	if (!p)
		hm_die("out of memory (%zu bytes)", bytes);
	return p;
}

void *
hm_xrealloc(void *p, size_t bytes)
{
	p = realloc(p, bytes ? bytes : 1);
	if (!p)
		hm_die("out of memory (%zu bytes)", bytes);
	return p;
}

char *
hm_xstrdup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(hm_xalloc(size), s, size);
}

void
hm_wipe(void *p, size_t len)
{
	if (len)
		explicit_bzero(p, len);
}
