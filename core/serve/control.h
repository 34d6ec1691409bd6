/* control.h - the control socket, which each generation of a server offers. */
#ifndef HERMOD_SERVE_CONTROL_H
#define HERMOD_SERVE_CONTROL_H

#include <sys/types.h>

#include <hermod/plugin.h>

/* m: the core as a module. */
HM_FIBER int hm_control_open(struct hm_mod *m, struct hm_err *reterr);
/* One command of that user, from its words to its exit status. */
HM_FIBER void hm_control_serve(struct hm_mod *m, struct hm_io *io, uid_t uid);

#endif
