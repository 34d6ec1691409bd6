/* grants.h - what the configuration lets the privileged parent do. */
#ifndef HERMOD_SERVE_GRANTS_H
#define HERMOD_SERVE_GRANTS_H

#include <hermod/types.h>

struct hm_options;
struct hm_sockaddr;

struct hm_grants;
/* Read by a process that ends again, so that no module's code stays in this
 * one. NULL when the configuration has mistakes, which were then printed. */
struct hm_grants *hm_grants_read(const struct hm_options *options);
void hm_grants_free(struct hm_grants *grants);
bool hm_grants_listen(const struct hm_grants *grants,
    const struct hm_sockaddr *addr);
bool hm_grants_open(const struct hm_grants *grants, const char *path);
/* Tells the sandbox which files the configuration names. */
void hm_grants_sandbox(const struct hm_grants *grants);
/* Settings that only the parent needs. */
const char *hm_grants_user(const struct hm_grants *grants);
const char *hm_grants_group(const struct hm_grants *grants); /* or NULL */
const char *hm_grants_data_dir(const struct hm_grants *grants);
/* The nth folder, from 0, with a socket of a listener in it; NULL behind the
 * last. */
const char *hm_grants_folder(const struct hm_grants *grants, size_t n);

#endif
