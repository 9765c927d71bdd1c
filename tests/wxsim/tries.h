/* SPDX-License-Identifier: Apache-2.0 */
/* A push and its repetitions, told line by line. */
#pragma once

#include "wxsim/delivery.h"

enum { SIM_TRIES = 3 }; /* WeChat's, in all */

/* Sends a push up to so many times until it is accepted. One line on standard output for each
 * delivery: the status (0: no answer), then the body or what went wrong. True: it was accepted. */
bool sim_try_push(struct sim_sender *s, struct str elements, struct str openid, int tries);
void sim_report_delivery(enum status rc, const struct sim_reply *reply, const struct err *err);
