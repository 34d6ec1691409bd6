/* real.c - a kit on kv-bdb and blob-segment, without loading modules. */
#include "kit.h"

#include "t/direct-blob.h"
#include "t/direct-kv.h"

struct real {
	struct hm_kv kv;             /* first: k->kv leads here */
	struct hm_blob blob;
};

void
kit_start_real(struct kit *k, const char *dir)
{
	struct real *real = hm_xalloc(sizeof(*real));
	struct hm_err err = { 0 };
	char path[300];

	snprintf(path, sizeof(path), "%s/kv", dir);
	if (direct_kv_open(path, &real->kv, &err) < 0)
		diag("kv: %s", err.text);
	snprintf(path, sizeof(path), "%s/blob", dir);
	if (direct_blob_open(path, &real->kv, &real->blob, &err) < 0)
		diag("blob: %s", err.text);
	k->kv = &real->kv;
	k->blob = &real->blob;
	kit_start_with(k);
}

void
kit_close(struct kit *k)
{
	struct real *real = (struct real *)(uintptr_t)k->kv;

	direct_blob_close(&real->blob);
	direct_kv_close(&real->kv);
	free(real);
}
