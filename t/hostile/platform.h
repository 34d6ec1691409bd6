/* platform.h - a whole server in memory for fuzzers, and a client that says
 * whatever it is given.
 *
 * Bytes that can be in no text steer the client:
 *	f8  let the server answer
 *	f9  let a minute pass
 *	fa  let an hour pass
 *	fb  begin TLS
 *	fc  break the connection off
 *	fe  go on with the other of two connections
 * After each input the server must have ended the session; every so often it is
 * stopped, which must leave nothing, and its store checks itself.
 */
#ifndef T_HOSTILE_PLATFORM_H
#define T_HOSTILE_PLATFORM_H

#include <hermod/str.h>
#include <hermod/types.h>

struct platform_play {
	uint16_t port;
	const char *prologue;  /* said on each connection first; steered, too */
	struct hm_str bytes;
	/* Sees all that the server said on a connection. */
	void (*judge)(struct hm_str said);
};
void platform_play(const struct platform_play *play);
/* Prints what is wrong, and where, and aborts. */
void platform_die(const char *what, struct hm_str text);

/* The password of anna; anna@example.org is hers. */
#define PLATFORM_PASSWORD "correct-horse"
/* What AUTH PLAIN sends for her. */
#define PLATFORM_PLAIN "AGFubmEAY29ycmVjdC1ob3JzZQ=="

#endif
