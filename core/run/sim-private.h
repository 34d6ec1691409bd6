/* sim-private.h - what dialling asks the simulation. Loop thread. */
#ifndef HERMOD_RUN_SIM_PRIVATE_H
#define HERMOD_RUN_SIM_PRIVATE_H

#include <hermod/net.h>

bool hm_sim_is_silent(const struct hm_sockaddr *addr);
/* The address a connection to addr comes from. */
void hm_sim_source(const struct hm_sockaddr *addr,
    const struct hm_sockaddr *local, struct hm_sockaddr *ret);

/* One end of a simulated connection was made (1) or closed (-1). */
void hm_sim_stream(int n);

#endif
