/* resolvconf.h - resolv.conf(5), as far as it concerns us. */
#ifndef RESOLVCONF_H
#define RESOLVCONF_H

#include <sys/stat.h>

#include <hermod/net.h>

enum { RESOLVCONF_SERVERS = 3 };   /* MAXNS of the C library */

struct resolvconf {
	size_t n;
	struct hm_sockaddr servers[RESOLVCONF_SERVERS];
	bool trust_ad;
};

/* What is not understood is passed over, as everybody does. Without any server
 * it is the one on this host. */
void resolvconf_parse(struct hm_str text, struct resolvconf *ret);

/* What tells a changed file from the same one. */
struct resolvconf_stamp {
	struct timespec changed;
	off_t size;
	ino_t inode;
};
static inline struct resolvconf_stamp
resolvconf_stamp(const struct stat *st)
{
	return (struct resolvconf_stamp){ st->st_mtim, st->st_size, st->st_ino };
}

#endif
