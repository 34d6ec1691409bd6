/* privsep-proto.h - what parent and worker say to each other. */
#ifndef HERMOD_RUN_PRIVSEP_PROTO_H
#define HERMOD_RUN_PRIVSEP_PROTO_H

#include <hermod/err.h>
#include <hermod/net.h>

#include "service.h"

enum hm_priv_op {
	HM_PRIV_LISTEN = 1,
	HM_PRIV_UNLISTEN = 2,
	HM_PRIV_OPEN = 3,
	HM_PRIV_STATE = 4,
	HM_PRIV_END = 5,           /* the worker ends because it is to */
	HM_PRIV_SPAWN = 6,         /* path: the name of the module */
	HM_PRIV_SPAWN_END = 7,
};

/* One packet each way; LISTEN, OPEN and SPAWN are answered, with a descriptor if
 * rc is 0. Both ends are the same program, so the structs travel as they are. */
struct hm_priv_request {
	enum hm_priv_op op;
	int backlog;
	enum hm_service_state state;
	uint64_t generation;
	pid_t pid;
	struct hm_sockaddr addr;
	char path[1024];
};

struct hm_priv_reply {
	int rc;
	pid_t pid;
	char text[512];
};

/* fd: to send along, or -1. */
int hm_priv_send(int sock, const void *p, size_t len, int fd);
/* Returns the packet's length, 0 at the end, -1 on errors; *ret_fd is -1 or a
 * descriptor that came along. */
ssize_t hm_priv_recv(int sock, void *p, size_t len, int *ret_fd);

/* child.c: what hm_spawn() asks for; sock -1: the parent. */
int hm_priv_spawn(int sock, const char *name, pid_t *ret_pid,
    struct hm_err *reterr);
void hm_priv_spawn_end(int sock, pid_t pid);

/* child.c: the worker's end of the pair; -1 without a parent. */
void hm_priv_set_parent(int sock);

#endif
