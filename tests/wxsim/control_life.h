/* SPDX-License-Identifier: Apache-2.0 */
/* /sim/: what users and others do to cards; each records the pushes that follow. */
#pragma once

#include "wxsim/control.h"

sim_change_fn sim_receive;
sim_change_fn sim_gift;
sim_change_fn sim_submit;
sim_change_fn sim_encrypt;
sim_change_fn sim_foreign;
