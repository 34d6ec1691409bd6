/* scratch.h - a directory for one test, and a small disk to fill. */
#ifndef T_SCRATCH_H
#define T_SCRATCH_H

#include <hermod/types.h>

/* A fresh directory, removed with everything in it when this process exits
 * normally. Ends the test if it cannot be made. Static memory. */
const char *scratch_dir(void);
/* Removes a file or a whole tree. */
void scratch_remove(const char *path);
/* "dir/name", formatted; static memory, a few of them in turn. */
const char *scratch_path(const char *fmt, ...) HM_PRINTF(1, 2);

/* Gives the calling process, which must have one thread, a file system of that
 * size at path (an existing directory); false where that is not permitted. */
bool scratch_small_disk(const char *path, unsigned kilobytes);

#endif
