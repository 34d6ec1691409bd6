/* bench-storage.h - what storing a message costs: syncs and CPU. */
#ifndef T_BENCH_STORAGE_H
#define T_BENCH_STORAGE_H

#include "t/conformance-blob.h"

/* Bodies of 4 KiB, each linked in a durable transaction that writes a record
 * of 200 bytes; 1, 10 and 50 writers. Prints a line for each. */
int bench_storage(const struct conformance_blob *provider);

#endif
