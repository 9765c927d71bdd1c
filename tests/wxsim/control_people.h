/* SPDX-License-Identifier: Apache-2.0 */
/* /sim/: users, what they were sent, the audit of cards, sums. */
#pragma once

#include "wxsim/control.h"

sim_change_fn sim_put_users;
sim_change_fn sim_audit;

sim_read_fn sim_read_users;
sim_read_fn sim_read_messages;
sim_read_fn sim_read_totals;
