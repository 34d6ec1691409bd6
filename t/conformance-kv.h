/* conformance-kv.h - what every provider of the service "kv" must do. */
#ifndef T_CONFORMANCE_KV_H
#define T_CONFORMANCE_KV_H

#include <hermod/err.h>
#include <hermod/iface/kv.h>

struct conformance_kv {
	/* The same directory opens the same data again. */
	int (*open)(const char *dir, struct hm_kv *ret, struct hm_err *reterr);
	void (*close)(struct hm_kv *kv);
	unsigned long (*syncs)(void);
};

/* Runs the suite; returns main()'s result. */
int conformance_kv(const struct conformance_kv *provider);

#endif
