/* conformance-blob.h - what every provider of the service "blob" must do. */
#ifndef T_CONFORMANCE_BLOB_H
#define T_CONFORMANCE_BLOB_H

#include <hermod/err.h>
#include <hermod/iface/blob.h>

struct conformance_blob {
	const char *table;               /* of its records, hm_blob_key() */
	/* The same directory and kv open the same blobs again. */
	int (*open)(const char *dir, const struct hm_kv *kv,
	    struct hm_blob *ret, struct hm_err *reterr);
	void (*close)(struct hm_blob *blob);
	unsigned long (*syncs)(const struct hm_blob *blob);
	/* Takes back what can be taken back now. */
	int (*sweep)(const struct hm_blob *blob, struct hm_err *reterr);
	/* Lets time pass for it. */
	void (*age)(const struct hm_blob *blob, int64_t ms);
	/* Most syncs for a put by one writer, by each of 32, in a batch of 50. */
	double syncs_alone, syncs_together, syncs_batch;
};

/* Runs the suite on kv-bdb; returns main()'s result. */
int conformance_blob(const struct conformance_blob *provider);

#endif
