/* types.h - attributes and the slice type that every other header uses.
 *
 * Thread: anything here may be used on any thread.
 */
#ifndef HERMOD_TYPES_H
#define HERMOD_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HM_API __attribute__((visibility("default")))
#define HM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define HM_MUST_CHECK __attribute__((warn_unused_result))

/* Marks a function that may suspend the calling fiber. It must be called on a
 * fiber, and never with a lock, a cursor or a transaction held. */
#if defined(__clang__)
#define HM_FIBER __attribute__((annotate("hm_fiber")))
#else
#define HM_FIBER
#endif

/* Marks a function that may block the thread (disk, locks). It must be called
 * inside a job given to hm_work(), never on a loop thread. */
#define HM_WORKER

/* A borrowed run of bytes. Not NUL-terminated; may contain NUL; owned by
 * whoever the function that hands it out says. {NULL, 0} is "absent". */
struct hm_str {
	const char *p;
	size_t len;
};

/* A slice of a string literal, for initialisers. */
#define HM_STR(literal) ((struct hm_str){ "" literal, sizeof(literal) - 1 })

#define HM_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

struct hm_arena;
struct hm_buf;
struct hm_err;
struct hm_fiber;
struct hm_io;
struct hm_mod;
struct hm_call;
struct hm_session;
struct hm_message;
struct hm_addr;

#endif
