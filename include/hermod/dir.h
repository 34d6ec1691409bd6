/* dir.h - folders whose names are on the disk.
 *
 * A file that was synced is lost with its name, and its name with the folder it
 * stands in, until these were synced as well. Thread: worker.
 */
#ifndef HERMOD_DIR_H
#define HERMOD_DIR_H

#include <hermod/types.h>

/* All names in a folder are on the disk. */
HM_API int hm_dir_sync(const char *path, struct hm_err *reterr);
/* Makes a folder that is missing; then its name is on the disk. */
HM_API int hm_dir_make(const char *path, unsigned mode, struct hm_err *reterr);

#endif
