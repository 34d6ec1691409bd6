/* file.h - what stands between Berkeley DB and its files.
 *
 * file.c has the hooks, journal.c what makes the writing of a page whole or not
 * at all: a page is larger than what a disk writes at once, so a power failure
 * may leave half of it, which no log repairs. Pages are therefore collected,
 * written to a journal and synced before they go to their places. A start
 * writes what the journal holds to its place again.
 *
 * On disk, in "pages": batches, one behind the other, each
 *   "HmPages1" epoch:8 number:4 count:4 bytes:8 (of what follows) crc:4 0:4
 *   count times  name:64 offset:8 length:4 0:4
 *   the pages
 * A batch counts if it is whole and, but for the first, has the epoch of the
 * one before and the next number.
 */
#ifndef KV_BDB_FILE_H
#define KV_BDB_FILE_H

#include <stdatomic.h>
#include <stdbool.h>

#include <hermod/err.h>

struct bdb_env;
struct bdb_journal;
struct bdb_table_file;

/* How files are written; tests put another one in between. */
struct bdb_disk {
	ssize_t (*pwrite)(int fd, const void *p, size_t len, off_t offset);
	int (*sync)(int fd);
	int (*truncate)(int fd, off_t len);
};
extern const struct bdb_disk bdb_real_disk;
void bdb_file_disk(const struct bdb_disk *disk);

/* Opens the journal of a directory and writes its pages to their places. From
 * then on hooks find it, until it is closed. */
int bdb_journal_open(struct bdb_env *env, struct bdb_journal **ret,
    unsigned *ret_pages, struct hm_err *reterr);
/* After the environment was closed. 0 or an errno value. */
int bdb_journal_close(struct bdb_journal *journal);
/* The file of that path, if a journal is open for its directory. */
struct bdb_table_file *bdb_journal_file(const char *path);

/* Like the system's calls; -1 with errno. */
ssize_t bdb_journal_write(struct bdb_table_file *file, const void *p,
    size_t len, off_t offset);
int bdb_journal_sync(struct bdb_table_file *file);
int bdb_journal_truncate(struct bdb_table_file *file, int fd, off_t len);
/* Whether the page was found among those on their way. */
bool bdb_journal_read(struct bdb_table_file *file, void *p, size_t len,
    off_t offset);

/* A page that was read and mended is written back, and told of, unless a newer
 * one is on its way. */
void bdb_journal_mended(struct bdb_table_file *file, const void *p, size_t len,
    off_t offset);

/* Looks at the page in place and mends it there; false at the end of the file. */
bool bdb_journal_mend(struct bdb_table_file *file, size_t len, off_t offset);

/* For journal.c: through the disk that tests may replace. 0 or errno. */
int bdb_disk_write(int fd, const void *p, size_t len, off_t offset);
int bdb_disk_sync(int fd);
int bdb_disk_truncate(int fd, off_t len);

#endif
