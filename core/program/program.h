/* program.h - the parts of the program hermod. */
#ifndef HERMOD_PROGRAM_PROGRAM_H
#define HERMOD_PROGRAM_PROGRAM_H

#include <hermod/types.h>

#include "core/serve/serve.h"

/* For the program alone. */
HM_API int hm_main(int argc, char **argv);

/* Commands that are the process itself: words behind the name in argv. */
int hm_program_localserve(const struct hm_options *options,
    struct hm_argv argv);
int hm_program_quickstart(const struct hm_options *options,
    struct hm_argv argv);

/* call.c: runs any other command here or in the server; the exit status. */
int hm_call(const struct hm_options *options, struct hm_argv argv);

#endif
