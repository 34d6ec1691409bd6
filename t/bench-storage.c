/* bench-storage.c - what storing a message costs: syncs and CPU. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <hermod/clock.h>
#include <hermod/str.h>

#include "t/bench-storage.h"
#include "t/direct-kv.h"
#include "t/scratch.h"

#define SECONDS 2

static struct hm_kv kv;
static struct hm_kv_table *own;
static struct hm_blob blob;
static atomic_bool stop;
static atomic_uint failed;

struct writer {
	pthread_t thread;
	unsigned number, done;
	uint64_t id;
};

static int
store(struct hm_kv_txn *txn, void *arg)
{
	struct writer *writer = arg;
	char key[32], value[200];
	int r;

	/* like accounts: each writer has its own range */
	snprintf(key, sizeof(key), "%04u/%08u", writer->number, writer->done);
	memset(value, 'v', sizeof(value));
	r = kv.ops->put(txn, own, hm_str(key),
	    (struct hm_str){ value, sizeof(value) });
	return r ? r : hm_blob_link(&blob, txn, writer->id, 1);
}

static void *
write_messages(void *arg)
{
	struct writer *writer = arg;
	static const char body[4096] = "From: somebody\r\n";
	struct hm_str slice = { body, sizeof(body) };

	while (!atomic_load(&stop)) {
		if (hm_blob_put(&blob, &slice, 1, 0, &writer->id, NULL) < 0 ||
		    hm_kv_run(&kv, HM_KV_DURABLE, store, writer, NULL) < 0)
			atomic_fetch_add(&failed, 1);
		writer->done++;
	}
	return NULL;
}

static double
cpu_ms(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
	    (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
}

static void
measure(const struct conformance_blob *provider, unsigned n)
{
	unsigned long bodies = provider->syncs(&blob), logs = direct_kv_syncs();
	struct writer writers[64] = { 0 };
	int64_t end = hm_now_ms() + SECONDS * 1000, start = hm_now_ms();
	struct timespec nap = { .tv_nsec = 1000000 };
	double cpu = cpu_ms(), total = 0;
	unsigned i;

	atomic_store(&stop, false);
	for (i = 0; i < n; i++) {
		writers[i].number = n * 100 + i;
		pthread_create(&writers[i].thread, NULL, write_messages,
		    &writers[i]);
	}
	while (hm_now_ms() < end)
		nanosleep(&nap, NULL);
	atomic_store(&stop, true);
	for (i = 0; i < n; i++) {
		pthread_join(writers[i].thread, NULL);
		total += writers[i].done;
	}
	printf("%2u writers: %7.0f messages/s  %.3f ms CPU  %.2f + %.2f syncs "
	    "a message\n", n, total * 1e3 / (double)(hm_now_ms() - start),
	    (cpu_ms() - cpu) / total,
	    (double)(provider->syncs(&blob) - bodies) / total,
	    (double)(direct_kv_syncs() - logs) / total);
}

int
bench_storage(const struct conformance_blob *provider)
{
	struct hm_err err = { 0 };

	if (direct_kv_open(scratch_path("kv"), &kv, &err) < 0 ||
	    hm_kv_table(&kv, "own", &own, &err) < 0 ||
	    provider->open(scratch_path("blob"), &kv, &blob, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	measure(provider, 1);
	measure(provider, 10);
	measure(provider, 50);
	provider->close(&blob);
	direct_kv_close(&kv);
	return atomic_load(&failed) ? 1 : 0;
}
