/* dir.c - folders whose names are on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/dir.h>
#include <hermod/err.h>

int
hm_dir_sync(const char *path, struct hm_err *reterr)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	r = fd < 0 || fsync(fd) < 0 ?
	    hm_err_errno(reterr, errno, "syncing %s", path) : 0;
	if (fd >= 0)
		close(fd);
	return r;
}

int
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
