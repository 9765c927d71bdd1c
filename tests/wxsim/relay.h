/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-wxsim push relay: sends the pushes that a simulator records, as they come. */
#pragma once

#include "wxsim/delivery.h"

#include <stdint.h>

struct sim_relay {
    const char *from;  /* the simulator, http://127.0.0.1:PORT */
    const char *appid; /* whose pushes */
    struct sim_sender *sender;
    int tries;
    int64_t after; /* the number that comes before the first one */
};

/* Goes on until the simulator does not answer any more; what is refused for good is told and left.
 * The status for exit. */
int sim_relay_run(struct sim_relay *relay);
