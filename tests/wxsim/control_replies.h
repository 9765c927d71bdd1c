/* SPDX-License-Identifier: Apache-2.0 */
/* /sim/: visits by web authorisation, and the answers of callbacks. */
#pragma once

#include "wxsim/control.h"

sim_change_fn sim_oauth_code;
sim_change_fn sim_put_reply;
sim_read_fn sim_read_replies;
