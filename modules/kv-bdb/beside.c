/* beside.c - bytes in files beside the tables that the log stands for.
 *
 * Who writes bytes to a file and tells of them in a transaction would have to sync
 * the file, then the log. Instead the log gets a copy of the bytes: one sync serves
 * for both. Files are synced behind each checkpoint, and only then does the log
 * lose its beginning; a start writes what the log has to its place again.
 *
 * Records in the log, with the beginning that Berkeley DB wants of those it does
 * not know (type:4 transaction:4 previous:8):
 *   BYTES     offset:8 length of the name:4, name, bytes
 *   SETTLED   file:4 offset:4 of a place in the log: all before it is synced
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/str.h>

#include "bdb.h"
#include "file.h"

#define BYTES (DB_user_BEGIN + 1)
#define SETTLED (DB_user_BEGIN + 2)
#define HEAD 16
#define NAME_MOST 255
#define COVER_MOST (1u << 20)

/* One with bytes that may not be on the disk. */
struct bdb_beside_file {
	struct bdb_beside_file *next;
	int fd;
	char name[NAME_MOST + 1];
};

static bool
leads_out(const char *name)
{
	return strstr(name, "..") != NULL;
}

/* The path without the folder that the tables lie in, too: what a copy of that
 * folder has under the same name. */
static const char *
name_in(const struct bdb_env *env, const char *path)
{
	const char *slash = strrchr(env->dir, '/');
	size_t len = slash ? (size_t)(slash + 1 - env->dir) : 0;

	if (len == 0 || strncmp(path, env->dir, len) != 0 ||
	    strlen(path + len) > NAME_MOST || leads_out(path + len))
		return NULL;
	return path + len;
}

bool
bdb_covers(struct bdb_env *env, const char *path)
{
	return name_in(env, path) != NULL;
}

static int
open_file(struct bdb_env *env, const char *name, struct bdb_beside_file **ret)
{
	int folder = (int)(strrchr(env->dir, '/') + 1 - env->dir);
	char path[BDB_DIR_MAX + NAME_MOST + 2];
	struct bdb_beside_file *file;
	int fd;

	for (file = env->beside; file; file = file->next)
		if (strcmp(file->name, name) == 0) {
			*ret = file;
			return 0;
		}
	snprintf(path, sizeof(path), "%.*s%s", folder, env->dir, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno;
	file = hm_xalloc(sizeof(*file));
	file->fd = fd;
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->next = env->beside;
	env->beside = file;
	*ret = file;
	return 0;
}

static void
head(struct hm_buf *record, uint32_t type)
{
	hm_buf_le32(record, type);
	hm_buf_le32(record, 0);
	hm_buf_le64(record, 0);
}

static int
log_put(struct bdb_env *env, struct hm_buf *record, DB_LSN *ret)
{
	DBT dbt = { .data = record->p, .size = (uint32_t)record->len };
	int r = env->db->log_put(env->db, ret, &dbt, 0);

	hm_buf_release(record);
	return r;
}

int
bdb_cover(struct hm_kv_txn *txn, const char *path, uint64_t offset,
    struct hm_str bytes)
{
	struct bdb_env *env = txn->env;
	const char *name = name_in(env, path);
	struct bdb_beside_file *file;
	struct hm_buf record = { 0 };
	DB_LSN lsn;
	int r = bdb_txn_ready(txn);

	if (r)
		return r;
	if (!name)
		return -HM_EUNSUPPORTED;
	if (bytes.len > COVER_MOST)
		return -HM_ELIMIT;
	hm_buf_reserve(&record, HEAD + 12 + strlen(name) + bytes.len);
	head(&record, BYTES);
	hm_buf_le64(&record, offset);
	hm_buf_le32(&record, (uint32_t)strlen(name));
	hm_buf_str(&record, hm_str(name));
	hm_buf_str(&record, bytes);
	/* Together, or the file would be synced before and forgotten. */
	pthread_mutex_lock(&env->beside_mutex);
	r = open_file(env, name, &file);
	if (!r)
		r = log_put(env, &record, &lsn);
	pthread_mutex_unlock(&env->beside_mutex);
	hm_buf_release(&record);
	return r ? bdb_txn_fail(txn, r, "logging bytes", NULL) : 0;
}

/* ---- syncing ---- */

static int
put_settled(struct bdb_env *env, const DB_LSN *all_before, DB_LSN *ret)
{
	struct hm_buf record = { 0 };

	head(&record, SETTLED);
	hm_buf_le32(&record, all_before->file);
	hm_buf_le32(&record, all_before->offset);
	return log_put(env, &record, ret);
}

static int
sync_all(struct bdb_env *env, struct bdb_beside_file *files)
{
	struct bdb_beside_file *file;
	int r = 0;

	while ((file = files)) {
		files = file->next;
		if (!r)
			r = bdb_disk_sync(file->fd);
		close(file->fd);
		free(file);
	}
	/* What could not be written the system may have dropped: a second sync
	 * would prove nothing. The log still has it. */
	if (r && env->opened)
		bdb_end(env, "bytes beside the tables could not be synced");
	return r;
}

int
bdb_settle(struct bdb_env *env)
{
	DB_LSN here = { 0 }, lsn;
	struct bdb_beside_file *files;
	int r = 0;

	pthread_mutex_lock(&env->beside_mutex);
	files = env->beside;
	if (files)
		r = put_settled(env, &here, &here);
	if (!r)
		env->beside = NULL;
	pthread_mutex_unlock(&env->beside_mutex);
	if (!files || r)
		return r;
	r = sync_all(env, files);
	return r ? r : put_settled(env, &here, &lsn);
}

int
bdb_settle_checkpoint(struct bdb_env *env)
{
	DB_TXN_STAT *stat;
	bool news;
	int r = env->db->txn_stat(env->db, &stat, 0);

	if (r)
		return r;
	news = memcmp(&stat->st_last_ckp, &env->settled_ckp,
	    sizeof(DB_LSN)) != 0;
	if (news && (r = bdb_settle(env)) == 0)
		r = env->db->log_archive(env->db, NULL, DB_ARCH_REMOVE);
	if (news && r == 0)
		env->settled_ckp = stat->st_last_ckp;
	free(stat);
	return r;
}

/* ---- after a crash ---- */

static int
write_again(struct bdb_env *env, struct hm_str in)
{
	char name[NAME_MOST + 1];
	struct bdb_beside_file *file;
	uint64_t offset;
	uint32_t len;
	int r;

	if (hm_take_le64(&in, &offset) < 0 || hm_take_le32(&in, &len) < 0 ||
	    len > NAME_MOST || len > in.len || offset > INT64_MAX)
		return EINVAL;
	memcpy(name, in.p, len);
	name[len] = '\0';
	in = hm_str_skip(in, len);
	if (leads_out(name))
		return EINVAL;
	r = open_file(env, name, &file);
	if (r)
		return r == ENOENT ? 0 : r; /* removed since */
	return bdb_disk_write(file->fd, in.p, in.len, (off_t)offset);
}

/* From the end of the log to what is known to be on the disk. */
static int
read_back(struct bdb_env *env, DB_LOGC *cursor, unsigned *ret_count)
{
	DBT dbt = { .flags = DB_DBT_REALLOC };
	DB_LSN lsn, settled = { 0 };
	struct hm_str in;
	uint32_t type;
	int r;

	for (r = cursor->get(cursor, &lsn, &dbt, DB_LAST); r == 0;
	    r = cursor->get(cursor, &lsn, &dbt, DB_PREV)) {
		if (log_compare(&lsn, &settled) < 0)
			break;
		in = hm_str_n(dbt.data, dbt.size);
		if (hm_take_le32(&in, &type) < 0 || in.len < HEAD - 4)
			continue;
		in = hm_str_skip(in, HEAD - 4);
		if (type == SETTLED && settled.file == 0 &&
		    (hm_take_le32(&in, &settled.file) < 0 ||
		    hm_take_le32(&in, &settled.offset) < 0))
			r = EINVAL;
		if (type == BYTES) {
			r = write_again(env, in);
			++*ret_count;
		}
		if (r)
			break;
	}
	free(dbt.data);
	return r == DB_NOTFOUND ? 0 : r;
}

int
bdb_settle_log(struct bdb_env *env)
{
	DB_LOGC *cursor;
	unsigned n = 0;
	int r, closing;

	r = env->db->log_cursor(env->db, &cursor, 0);
	if (r)
		return r;
	r = read_back(env, cursor, &n);
	closing = cursor->close(cursor, 0);
	if (!r)
		r = closing;
	if (!r)
		r = bdb_settle(env);
	if (!r && n > 0)
		bdb_report(env, HM_LOG_INFO, "%u bodies in the log of %s were "
		    "written to their places again", n, env->dir);
	return r;
}

void
bdb_beside_forget(struct bdb_env *env)
{
	struct bdb_beside_file *file;

	while ((file = env->beside)) {
		env->beside = file->next;
		close(file->fd);
		free(file);
	}
}
