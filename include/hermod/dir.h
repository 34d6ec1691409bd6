/* dir.h - folders whose names are on the disk.
 *
 * A file that was synced is lost with its name, and its name with the folder it
 * stands in, until these were synced as well. Thread: worker.
 */
#ifndef HERMOD_DIR_H
#define HERMOD_DIR_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/err.h>

/* All names in a folder are on the disk. */
static inline int
hm_dir_sync(const char *path, struct hm_err *reterr)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	r = fd < 0 || fsync(fd) < 0 ?
	    hm_err_errno(reterr, errno, "syncing %s", path) : 0;
	if (fd >= 0)
		close(fd);
	return r;
}

/* Makes a folder that is missing; then its name is on the disk. */
static inline int
hm_dir_make(const char *path, unsigned mode, struct hm_err *reterr)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	int r;

	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 :
		    hm_err_errno(reterr, errno, "cannot make %s", path);
	folder = slash == path ? strdup("/") : slash ?
	    strndup(path, (size_t)(slash - path)) : strdup(".");
	r = folder ? hm_dir_sync(folder, reterr) : -HM_ELIMIT;
	free(folder);
	return r;
}

#endif
