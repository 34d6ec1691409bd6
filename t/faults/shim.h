/* shim.h - what shim.c, shim-db.c and the scripts agree on. */
#ifndef HERMOD_T_SHIM_H
#define HERMOD_T_SHIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define API __attribute__((visibility("default")))
#define CONTROL_BYTES 4096

/* In the order of KINDS in faults.py. */
enum shim_kind {
	KIND_WRITE, KIND_PWRITE, KIND_FSYNC, KIND_FDATASYNC, KIND_RENAME,
	KIND_UNLINK, KIND_LINK, KIND_OPEN, KIND_CREATE, KIND_TRUNCATE,
	KIND_MKDIR, KIND_MMAP, KIND_READ,
	KIND_DB_GET, KIND_DB_PUT, KIND_DB_DEL, KIND_DB_CURSOR,
	KIND_DB_CURSOR_GET, KIND_DB_CURSOR_CLOSE, KIND_DB_BEGIN,
	KIND_DB_COMMIT, KIND_DB_ABORT, KIND_DB_CHECKPOINT, KIND_DB_FLUSH,
	KIND_DB_OPEN,
	KINDS
};

enum { MODE_OFF = 0, MODE_ONCE = 1, MODE_ON = 2 };

struct control {
	_Atomic uint64_t mode;
	_Atomic uint64_t mask;       /* of kinds that count */
	uint64_t nth;                /* fails: the nth, or all from the nth on */
	uint64_t error;              /* 0: a short write */
	_Atomic uint64_t matched, hits, hit_kind;
	_Atomic uint64_t numbers;    /* of events */
	_Atomic uint64_t counts[KINDS];
};

/* In the order of EVENTS in disk.py. */
enum shim_event {
	EVENT_WRITE = 1, EVENT_TRUNCATE, EVENT_SYNC, EVENT_SYNCED, EVENT_CREATE,
	EVENT_RENAME, EVENT_UNLINK, EVENT_LINK, EVENT_MKDIR,
};

struct event {
	uint32_t kind;
	uint32_t number;             /* in the order in which they began */
	uint64_t ino;
	uint64_t offset;             /* EVENT_SYNCED: number of its EVENT_SYNC */
	uint64_t len;
	uint32_t name_len, to_len;   /* names follow; then, of a write, bytes */
};

bool shim_fails(enum shim_kind kind);
int shim_error(void);

#endif
