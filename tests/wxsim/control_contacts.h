/* SPDX-License-Identifier: Apache-2.0 */
/* /sim/: what people do with the account itself: follow, scan, click, write. Each records its push
 * and opens the window for messages that goes with it. */
#pragma once

#include "wxsim/control.h"

sim_change_fn sim_scan;
sim_change_fn sim_follow;
sim_change_fn sim_unfollow;
sim_change_fn sim_click;
sim_change_fn sim_say;
