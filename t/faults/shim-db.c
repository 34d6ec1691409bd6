/* shim-db.c - calls to Berkeley DB that fail when they are told to.
 *
 * The library's handles are tables of functions: those of new handles are
 * replaced by ours. A transaction whose commit fails is aborted, as the library
 * does it itself.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "shim.h"

#if __has_include(<db.h>)
#include <db.h>

static struct {
	int (*db_open)(DB *, DB_TXN *, const char *, const char *, DBTYPE,
	    u_int32_t, int);
	int (*get)(DB *, DB_TXN *, DBT *, DBT *, u_int32_t);
	int (*put)(DB *, DB_TXN *, DBT *, DBT *, u_int32_t);
	int (*del)(DB *, DB_TXN *, DBT *, u_int32_t);
	int (*cursor)(DB *, DB_TXN *, DBC **, u_int32_t);
	int (*cursor_get)(DBC *, DBT *, DBT *, u_int32_t);
	int (*cursor_close)(DBC *);
	int (*begin)(DB_ENV *, DB_TXN *, DB_TXN **, u_int32_t);
	int (*commit)(DB_TXN *, u_int32_t);
	int (*abort)(DB_TXN *);
	int (*checkpoint)(DB_ENV *, u_int32_t, u_int32_t, u_int32_t);
	int (*flush)(DB_ENV *, const DB_LSN *);
} real;

static int
fails(enum shim_kind kind)
{
	return shim_fails(kind) ? shim_error() : 0;
}

static int
my_open(DB *db, DB_TXN *txn, const char *file, const char *name, DBTYPE type,
    u_int32_t flags, int mode)
{
	int r = fails(KIND_DB_OPEN);

	return r ? r : real.db_open(db, txn, file, name, type, flags, mode);
}

static int
my_get(DB *db, DB_TXN *txn, DBT *key, DBT *value, u_int32_t flags)
{
	int r = fails(KIND_DB_GET);

	return r ? r : real.get(db, txn, key, value, flags);
}

static int
my_put(DB *db, DB_TXN *txn, DBT *key, DBT *value, u_int32_t flags)
{
	int r = fails(KIND_DB_PUT);

	return r ? r : real.put(db, txn, key, value, flags);
}

static int
my_del(DB *db, DB_TXN *txn, DBT *key, u_int32_t flags)
{
	int r = fails(KIND_DB_DEL);

	return r ? r : real.del(db, txn, key, flags);
}

static int
my_cursor_get(DBC *cursor, DBT *key, DBT *value, u_int32_t flags)
{
	int r = fails(KIND_DB_CURSOR_GET);

	return r ? r : real.cursor_get(cursor, key, value, flags);
}

static int
my_cursor_close(DBC *cursor)
{
	int r = fails(KIND_DB_CURSOR_CLOSE), done = real.cursor_close(cursor);

	return r ? r : done;
}

static int
my_cursor(DB *db, DB_TXN *txn, DBC **ret, u_int32_t flags)
{
	int r = fails(KIND_DB_CURSOR);

	if (!r)
		r = real.cursor(db, txn, ret, flags);
	if (r)
		return r;
	real.cursor_get = (*ret)->get == my_cursor_get ? real.cursor_get :
	    (*ret)->get;
	real.cursor_close = (*ret)->close == my_cursor_close ?
	    real.cursor_close : (*ret)->close;
	(*ret)->get = my_cursor_get;
	(*ret)->close = my_cursor_close;
	return 0;
}

static int
my_commit(DB_TXN *txn, u_int32_t flags)
{
	int r = fails(KIND_DB_COMMIT);

	if (!r)
		return real.commit(txn, flags);
	real.abort(txn);
	return r;
}

static int
my_abort(DB_TXN *txn)
{
	int r = fails(KIND_DB_ABORT), done = real.abort(txn);

	return r ? r : done;
}

static int
my_begin(DB_ENV *env, DB_TXN *parent, DB_TXN **ret, u_int32_t flags)
{
	int r = fails(KIND_DB_BEGIN);

	if (!r)
		r = real.begin(env, parent, ret, flags);
	if (r)
		return r;
	if ((*ret)->commit != my_commit) {
		real.commit = (*ret)->commit;
		real.abort = (*ret)->abort;
	}
	(*ret)->commit = my_commit;
	(*ret)->abort = my_abort;
	return 0;
}

static int
my_checkpoint(DB_ENV *env, u_int32_t kbytes, u_int32_t minutes,
    u_int32_t flags)
{
	int r = fails(KIND_DB_CHECKPOINT);

	return r ? r : real.checkpoint(env, kbytes, minutes, flags);
}

static int
my_flush(DB_ENV *env, const DB_LSN *lsn)
{
	int r = fails(KIND_DB_FLUSH);

	return r ? r : real.flush(env, lsn);
}

/* Modules are opened by themselves, so RTLD_NEXT would not see the library. */
static void *
real_function(const char *name)
{
	void *lib = dlopen("libdb-5.3.so", RTLD_NOW | RTLD_NOLOAD);
	void *fn = lib ? dlsym(lib, name) : NULL;

	if (!fn)
		abort();
	return fn;
}

API int
db_create(DB **ret, DB_ENV *env, u_int32_t flags)
{
	int (*create)(DB **, DB_ENV *, u_int32_t) = real_function("db_create");
	int r = create(ret, env, flags);

	if (r)
		return r;
	real.db_open = (*ret)->open;
	real.get = (*ret)->get;
	real.put = (*ret)->put;
	real.del = (*ret)->del;
	real.cursor = (*ret)->cursor;
	(*ret)->open = my_open;
	(*ret)->get = my_get;
	(*ret)->put = my_put;
	(*ret)->del = my_del;
	(*ret)->cursor = my_cursor;
	return 0;
}

API int
db_env_create(DB_ENV **ret, u_int32_t flags)
{
	int (*create)(DB_ENV **, u_int32_t) = real_function("db_env_create");
	int r = create(ret, flags);

	if (r)
		return r;
	real.begin = (*ret)->txn_begin;
	real.checkpoint = (*ret)->txn_checkpoint;
	real.flush = (*ret)->log_flush;
	(*ret)->txn_begin = my_begin;
	(*ret)->txn_checkpoint = my_checkpoint;
	(*ret)->log_flush = my_flush;
	return 0;
}
#endif
