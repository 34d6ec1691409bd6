/* older.c - loaded before the C library: a kernel whose Landlock is older. */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

enum { CREATE_RULESET = 444, VERSION = 1 };

long
syscall(long number, ...)
{
	long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT,
	    "syscall");
	const char *text = getenv("OLDER_LANDLOCK");
	long abi = text ? strtol(text, NULL, 10) : 0;
	va_list ap;
	long a[6];

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == CREATE_RULESET && a[2] == VERSION && text) {
		errno = EOPNOTSUPP;
		return abi > 0 ? abi : -1;
	}
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
