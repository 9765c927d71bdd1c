/* SPDX-License-Identifier: Apache-2.0 */
/* /sim/: cards and templates as they stand, what was done to them, and the pushes about them. */
#pragma once

#include "wxsim/control.h"

sim_change_fn sim_put_members;
sim_change_fn sim_delete_member;
sim_change_fn sim_put_template;

sim_read_fn sim_read_cards;
sim_read_fn sim_read_effects;
sim_read_fn sim_read_pushes;
