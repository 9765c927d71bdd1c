/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a simulator what a callback answered, so that tests can read it there. */
#pragma once

#include "http/client.h"
#include "wxsim/reply.h"

/* POST /sim/replies of the simulator at url; what goes wrong is told on standard error. */
void sim_reply_report(struct http_client *client, const char *url,
                      const struct sim_expected *expected, struct str answer, struct arena *arena);
