/* journal.c - pages on their way to the disk. */
#include <errno.h>
#include <endian.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/crc32c.h>
#include <hermod/rand.h>

#include "bdb.h"
#include "file.h"

#define BATCH_BYTES (2u << 20)
#define JOURNAL_MAX (64u << 20)
#define BUCKETS 256
#define HEAD 40
#define ENTRY 80
#define NAME_BYTES 64
#define PAGES_MAX 65536

struct page {
	struct page *next;
	struct bdb_table_file *file;
	off_t offset;
	uint32_t len;
	char bytes[];
};

struct pages {
	struct page *at[BUCKETS];
	size_t n, bytes;
};

struct bdb_table_file {
	struct bdb_table_file *next;
	struct bdb_journal *journal;
	int fd;                   /* our own */
	bool dirty;               /* written in place, not synced since */
	char name[NAME_BYTES];
};

struct bdb_journal {
	struct bdb_journal *next; /* in the list of all */
	struct bdb_env *env;
	char *dir;
	int fd;
	pthread_mutex_t mutex;    /* of what follows */
	pthread_cond_t changed;
	uint64_t epoch;
	uint32_t number;          /* of the next batch */
	off_t end;
	bool empty;               /* nothing of it is on the disk */
	bool settling;            /* nobody else may write or sync */
	struct pages now, old;    /* old: being written to their places */
	bool flushing;
	unsigned syncing;         /* files being synced */
	struct bdb_table_file *files;
};

/* The hooks know paths only. */
static struct {
	pthread_mutex_t mutex;
	struct bdb_journal *list;
} bdb_journals = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* ---- pages ---- */

static struct page **
find(struct pages *pages, const struct bdb_table_file *file, off_t offset)
{
	struct page **at = &pages->at[(size_t)(offset >> 9) % BUCKETS];

	while (*at && ((*at)->file != file || (*at)->offset != offset))
		at = &(*at)->next;
	return at;
}

static void
add(struct pages *pages, struct page *page)
{
	struct page **at = find(pages, page->file, page->offset);

	page->next = NULL;
	*at = page;
	pages->n++;
	pages->bytes += page->len;
}

/* The first of them, taken out; NULL at the end. */
static struct page *
pop(struct pages *pages)
{
	struct page *page = NULL;
	size_t i;

	for (i = 0; i < BUCKETS && !page; i++)
		if ((page = pages->at[i]))
			pages->at[i] = page->next;
	if (page) {
		pages->n--;
		pages->bytes -= page->len;
	}
	return page;
}

/* ---- batches ---- */

static void
put_le(char *p, uint64_t v, size_t bytes)
{
	v = htole64(v);
	memcpy(p, &v, bytes);
}

static uint64_t
get_le(const char *p, size_t bytes)
{
	uint64_t v = 0;

	memcpy(&v, p, bytes);
	return le64toh(v);
}

/* The batch as it is written; the caller frees. */
static char *
make_batch(struct bdb_journal *j, size_t *ret_len)
{
	size_t len = HEAD + j->old.n * ENTRY + j->old.bytes, i;
	char *batch = hm_xalloc(len), *entry = batch + HEAD;
	char *bytes = entry + j->old.n * ENTRY;
	struct page *page;

	for (i = 0; i < BUCKETS; i++)
		for (page = j->old.at[i]; page; page = page->next) {
			memcpy(entry, page->file->name, NAME_BYTES);
			put_le(entry + NAME_BYTES, (uint64_t)page->offset, 8);
			put_le(entry + NAME_BYTES + 8, page->len, 4);
			memcpy(bytes, page->bytes, page->len);
			entry += ENTRY;
			bytes += page->len;
		}
	memcpy(batch, "HmPages1", 8);
	put_le(batch + 8, j->epoch, 8);
	put_le(batch + 16, j->number, 4);
	put_le(batch + 20, j->old.n, 4);
	put_le(batch + 24, len - HEAD, 8);
	put_le(batch + 32, hm_crc32c(hm_crc32c(0, batch, 32), batch + HEAD,
	    len - HEAD), 4);
	*ret_len = len;
	return batch;
}

static int
write_old(struct bdb_journal *j)
{
	struct page *page;
	size_t len, i;
	char *batch;
	int r;

	batch = make_batch(j, &len);
	j->empty = false;
	r = bdb_disk_write(j->fd, batch, len, j->end);
	free(batch);
	if (!r)
		r = bdb_disk_sync(j->fd);
	if (r)
		return r;
	j->end += (off_t)len;
	j->number++;
	for (i = 0; i < BUCKETS; i++)
		for (page = j->old.at[i]; page && r == 0; page = page->next)
			r = bdb_disk_write(page->file->fd, page->bytes,
			    page->len, page->offset);
	return r;
}

/* Nothing of the journal is needed any more. The next batch, at its beginning
 * again, makes what is on the disk void before anything else is written. */
static void
start_anew(struct bdb_journal *j)
{
	struct bdb_table_file *file;

	if (j->syncing > 0 || j->flushing)
		return;
	for (file = j->files; file; file = file->next)
		if (file->dirty)
			return;
	j->epoch++;
	j->number = 0;
	j->end = 0;
}

/* Syncs a file in place; with the mutex held, which it gives up. */
static int
sync_file(struct bdb_journal *j, struct bdb_table_file *file)
{
	int r;

	file->dirty = false;
	j->syncing++;
	pthread_mutex_unlock(&j->mutex);
	r = bdb_disk_sync(file->fd);
	pthread_mutex_lock(&j->mutex);
	j->syncing--;
	if (r)
		file->dirty = true;
	pthread_cond_broadcast(&j->changed);
	return r;
}

/* Those who could not be written stay, unless there is a newer one. */
static void
take_back(struct bdb_journal *j)
{
	struct page *page;

	while ((page = pop(&j->old)))
		if (*find(&j->now, page->file, page->offset))
			free(page);
		else
			add(&j->now, page);
}

/* With the mutex held, which it gives up meanwhile. 0 or an errno value. */
static int
flush(struct bdb_journal *j)
{
	struct bdb_table_file *file;
	struct page *page;
	size_t i;
	int r;

	while (j->flushing)
		pthread_cond_wait(&j->changed, &j->mutex);
	if (j->now.n == 0)
		return 0;
	j->flushing = true;
	j->old = j->now;
	j->now = (struct pages){ 0 };
	for (i = 0; i < BUCKETS; i++)
		for (page = j->old.at[i]; page; page = page->next)
			page->file->dirty = true;
	pthread_mutex_unlock(&j->mutex);
	r = write_old(j);
	pthread_mutex_lock(&j->mutex);
	if (r)
		take_back(j);
	while ((page = pop(&j->old)))
		free(page);
	j->flushing = false;
	pthread_cond_broadcast(&j->changed);
	if (r || j->end < (off_t)JOURNAL_MAX)
		return r;
	for (file = j->files; file && r == 0; file = file->next)
		if (file->dirty)
			r = sync_file(j, file);
	start_anew(j);
	return r;
}

/* ---- what the hooks call ---- */

static void
wait_settled(struct bdb_journal *j)
{
	while (j->settling)
		pthread_cond_wait(&j->changed, &j->mutex);
}

static int
fail(int errnum)
{
	errno = errnum;
	return -1;
}

static void
add_copy(struct bdb_journal *j, struct bdb_table_file *file, const void *p,
    size_t len, off_t offset)
{
	struct page *page = hm_xalloc(sizeof(*page) + len);

	page->file = file;
	page->offset = offset;
	page->len = (uint32_t)len;
	memcpy(page->bytes, p, len);
	add(&j->now, page);
}

static void
tell_mended(struct bdb_table_file *file, size_t len, off_t offset)
{
	bdb_report(file->journal->env, HM_LOG_ERROR, "a flipped bit in page %llu "
	    "of %s was mended: the disk or the memory of this machine needs a "
	    "look", (unsigned long long)(offset / (off_t)len), file->name);
}

static bool
on_its_way(struct bdb_table_file *file, off_t offset)
{
	struct bdb_journal *j = file->journal;

	return *find(&j->now, file, offset) || *find(&j->old, file, offset);
}

void
bdb_journal_mended(struct bdb_table_file *file, const void *p, size_t len,
    off_t offset)
{
	struct bdb_journal *j = file->journal;
	bool newer;

	if (len <= BDB_META_BYTES)
		return;              /* the beginning of a page, read for itself */
	pthread_mutex_lock(&j->mutex);
	wait_settled(j);
	newer = on_its_way(file, offset);
	if (!newer)
		add_copy(j, file, p, len, offset);
	pthread_mutex_unlock(&j->mutex);
	if (!newer)
		tell_mended(file, len, offset);
}

bool
bdb_journal_mend(struct bdb_table_file *file, size_t len, off_t offset)
{
	struct bdb_journal *j = file->journal;
	char *page = hm_xalloc(len);
	bool mended = false;
	ssize_t n;

	pthread_mutex_lock(&j->mutex);
	wait_settled(j);
	n = pread(file->fd, page, len, offset);
	/* what is written in place meanwhile is on its way */
	if (n == (ssize_t)len && !on_its_way(file, offset) &&
	    !bdb_page_good(page, len) && bdb_page_mend(page, len)) {
		add_copy(j, file, page, len, offset);
		mended = true;
	}
	pthread_mutex_unlock(&j->mutex);
	free(page);
	if (mended)
		tell_mended(file, len, offset);
	return n == (ssize_t)len;
}

ssize_t
bdb_journal_write(struct bdb_table_file *file, const void *p, size_t len,
    off_t offset)
{
	struct bdb_journal *j = file->journal;
	struct page *page, **at;
	int r = 0;

	pthread_mutex_lock(&j->mutex);
	wait_settled(j);
	if (j->now.bytes >= BATCH_BYTES)
		r = flush(j);
	/* one that cannot be written back must not grow without end */
	if (!r || j->now.bytes < 4 * BATCH_BYTES) {
		r = 0;
		at = find(&j->now, file, offset);
		page = *at;
		if (page && page->len == len)
			memcpy(page->bytes, p, len);
		else
			add_copy(j, file, p, len, offset);
	}
	pthread_mutex_unlock(&j->mutex);
	return r ? fail(r) : (ssize_t)len;
}

bool
bdb_journal_read(struct bdb_table_file *file, void *p, size_t len, off_t offset)
{
	struct bdb_journal *j = file->journal;
	struct page *page;

	pthread_mutex_lock(&j->mutex);
	page = *find(&j->now, file, offset);
	if (!page)
		page = *find(&j->old, file, offset);
	if (page && page->len >= len)
		memcpy(p, page->bytes, len);
	else
		page = NULL;
	pthread_mutex_unlock(&j->mutex);
	return page != NULL;
}

int
bdb_journal_sync(struct bdb_table_file *file)
{
	struct bdb_journal *j = file->journal;
	int r;

	pthread_mutex_lock(&j->mutex);
	wait_settled(j);
	r = flush(j);
	if (!r)
		r = sync_file(j, file);
	if (!r)
		start_anew(j);
	pthread_mutex_unlock(&j->mutex);
	return r ? fail(r) : 0;
}

/* All in its place, and nothing in the journal. Alone, with the mutex held. */
static int
settle_alone(struct bdb_journal *j)
{
	struct bdb_table_file *file;
	int r = flush(j);

	while (j->syncing > 0)
		pthread_cond_wait(&j->changed, &j->mutex);
	for (file = j->files; file && r == 0; file = file->next)
		if (file->dirty)
			r = sync_file(j, file);
	if (r || j->empty)
		return r;
	r = bdb_disk_truncate(j->fd, 0);
	if (!r)
		r = bdb_disk_sync(j->fd);
	if (!r) {
		j->empty = true;
		start_anew(j);
	}
	return r;
}

static int
settle(struct bdb_journal *j)
{
	int r;

	wait_settled(j);
	j->settling = true;
	r = settle_alone(j);
	j->settling = false;
	pthread_cond_broadcast(&j->changed);
	return r;
}

/* The journal must not bring back what is cut off. */
int
bdb_journal_truncate(struct bdb_table_file *file, int fd, off_t len)
{
	struct bdb_journal *j = file->journal;
	int r;

	pthread_mutex_lock(&j->mutex);
	r = settle(j);
	if (!r)
		r = bdb_disk_truncate(fd, len);
	pthread_mutex_unlock(&j->mutex);
	return r ? fail(r) : 0;
}

struct bdb_table_file *
bdb_journal_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct bdb_table_file *file = NULL;
	struct bdb_journal *j;

	if (!slash || strlen(slash + 1) >= NAME_BYTES)
		return NULL;
	pthread_mutex_lock(&bdb_journals.mutex);
	for (j = bdb_journals.list; j; j = j->next)
		if (strlen(j->dir) == (size_t)(slash - path) &&
		    strncmp(j->dir, path, (size_t)(slash - path)) == 0)
			break;
	pthread_mutex_unlock(&bdb_journals.mutex);
	if (!j)
		return NULL;
	pthread_mutex_lock(&j->mutex);
	for (file = j->files; file; file = file->next)
		if (strcmp(file->name, slash + 1) == 0)
			break;
	if (!file) {
		file = hm_xalloc(sizeof(*file));
		file->journal = j;
		file->fd = open(path, O_RDWR | O_CLOEXEC);
		memcpy(file->name, slash + 1, strlen(slash + 1));
		if (file->fd < 0) {
			free(file);
			file = NULL;
		} else {
			file->next = j->files;
			j->files = file;
		}
	}
	pthread_mutex_unlock(&j->mutex);
	return file;
}

/* ---- opening ---- */

static bool
read_all(int fd, char *p, size_t len, off_t offset)
{
	ssize_t n;

	while (len > 0) {
		n = pread(fd, p, len, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		offset += n;
		len -= (size_t)n;
	}
	return true;
}

/* The batch at an offset, or NULL; the caller frees. */
static char *
read_batch(int fd, off_t at, off_t size)
{
	char head[HEAD], *batch;
	uint64_t bytes, count;

	if (size - at < HEAD || !read_all(fd, head, HEAD, at) ||
	    memcmp(head, "HmPages1", 8) != 0)
		return NULL;
	count = get_le(head + 20, 4);
	bytes = get_le(head + 24, 8);
	if (count > PAGES_MAX || bytes > (uint64_t)(size - at - HEAD) ||
	    bytes < count * ENTRY)
		return NULL;
	batch = hm_xalloc(HEAD + bytes);
	memcpy(batch, head, HEAD);
	if (read_all(fd, batch + HEAD, bytes, at + HEAD) &&
	    hm_crc32c(hm_crc32c(0, batch, 32), batch + HEAD, bytes) ==
	    get_le(batch + 32, 4))
		return batch;
	free(batch);
	return NULL;
}

static int
write_page(struct bdb_journal *j, const char *name, off_t offset,
    const char *bytes, size_t len)
{
	char path[BDB_DIR_MAX + NAME_BYTES + 2];
	struct bdb_table_file *file;
	int r;

	if (name[0] == '\0' || name[NAME_BYTES - 1] != '\0' || strchr(name, '/'))
		return EINVAL;
	snprintf(path, sizeof(path), "%s/%s", j->dir, name);
	file = bdb_journal_file(path);
	if (!file)
		return errno == ENOENT ? 0 : errno; /* never got its name */
	r = bdb_disk_write(file->fd, bytes, len, offset);
	file->dirty = true;
	return r;
}

/* 0 or an errno value. */
static int
apply(struct bdb_journal *j, const char *batch, unsigned *pages)
{
	size_t count = get_le(batch + 20, 4), left = get_le(batch + 24, 8), i;
	const char *entry = batch + HEAD, *bytes = entry + count * ENTRY;
	size_t len;
	int r = 0;

	left -= count * ENTRY;
	for (i = 0; i < count && r == 0; i++, entry += ENTRY) {
		len = get_le(entry + NAME_BYTES + 8, 4);
		if (len > left)
			return EINVAL;
		r = write_page(j, entry,
		    (off_t)get_le(entry + NAME_BYTES, 8), bytes, len);
		bytes += len;
		left -= len;
		++*pages;
	}
	return r;
}

static int
replay(struct bdb_journal *j, unsigned *pages)
{
	uint64_t epoch = 0;
	uint32_t number = 0;
	struct stat st;
	char *batch;
	off_t at = 0;
	int r = 0;

	if (fstat(j->fd, &st) < 0)
		return errno;
	j->empty = st.st_size == 0;
	while (r == 0 && (batch = read_batch(j->fd, at, st.st_size))) {
		if (at == 0)
			epoch = get_le(batch + 8, 8);
		if (epoch != get_le(batch + 8, 8) ||
		    number != get_le(batch + 16, 4)) {
			free(batch);
			break;
		}
		r = apply(j, batch, pages);
		at += HEAD + (off_t)get_le(batch + 24, 8);
		number++;
		free(batch);
	}
	if (r)
		return r;
	pthread_mutex_lock(&j->mutex);
	r = settle(j);
	pthread_mutex_unlock(&j->mutex);
	return r;
}

int
bdb_journal_open(struct bdb_env *env, struct bdb_journal **ret,
    unsigned *ret_pages, struct hm_err *reterr)
{
	const char *dir = env->dir;
	struct bdb_journal *j = hm_xalloc(sizeof(*j));
	char path[BDB_DIR_MAX + 16];
	int r;

	snprintf(path, sizeof(path), "%s/pages", dir);
	j->env = env;
	j->dir = hm_xalloc(strlen(dir) + 1);
	memcpy(j->dir, dir, strlen(dir));
	pthread_mutex_init(&j->mutex, NULL);
	pthread_cond_init(&j->changed, NULL);
	hm_random(&j->epoch, sizeof(j->epoch));
	pthread_mutex_lock(&bdb_journals.mutex);
	j->next = bdb_journals.list;
	bdb_journals.list = j;
	pthread_mutex_unlock(&bdb_journals.mutex);
	j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	*ret_pages = 0;
	r = j->fd < 0 ? errno : replay(j, ret_pages);
	if (r) {
		hm_err_errno(reterr, r, "cannot use %s", path);
		bdb_journal_close(j);
		return r == ENOSPC ? -HM_ENOSPC : -HM_EIO;
	}
	*ret = j;
	return 0;
}

int
bdb_journal_close(struct bdb_journal *j)
{
	struct bdb_journal **at = &bdb_journals.list;
	struct bdb_table_file *file;
	struct page *page;
	int r = 0;

	pthread_mutex_lock(&j->mutex);
	if (j->fd >= 0)
		r = settle(j);
	pthread_mutex_unlock(&j->mutex);
	pthread_mutex_lock(&bdb_journals.mutex);
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	pthread_mutex_unlock(&bdb_journals.mutex);
	while ((page = pop(&j->now)))
		free(page);
	while ((file = j->files)) {
		j->files = file->next;
		close(file->fd);
		free(file);
	}
	if (j->fd >= 0)
		close(j->fd);
	pthread_cond_destroy(&j->changed);
	pthread_mutex_destroy(&j->mutex);
	free(j->dir);
	free(j);
	return r;
}
