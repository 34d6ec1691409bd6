/* terminal.h - the standard streams as a command's ends. */
#ifndef HERMOD_PROGRAM_TERMINAL_H
#define HERMOD_PROGRAM_TERMINAL_H

#include "core/plug/cmd.h"

struct hm_terminal {
	struct hm_cmd_io io;           /* first */
	size_t progress;               /* width of what is shown */
};

void hm_terminal_init(struct hm_terminal *terminal);

#endif
