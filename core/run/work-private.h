/* work-private.h - the worker pool's ends. */
#ifndef HERMOD_RUN_WORK_PRIVATE_H
#define HERMOD_RUN_WORK_PRIVATE_H

#include <hermod/work.h>

/* How many threads there may be; before the first job. */
void hm_work_threads(unsigned n);
/* Lets all jobs finish, ends the threads. Loop thread. */
void hm_work_end(void);

#endif
