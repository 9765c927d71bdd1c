/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that wait. Equal delays, as benchmarks have them, cost the same however many wait. */
#pragma once

#include "base/attr.h"
#include "base/loop.h"
#include "http/server.h"

struct sim_delays;

struct sim_delays *sim_delays_new(struct loop *loop); /* NULL when memory is short */
/* Forgets what waits; before the server closes, which ends those exchanges. NULL is fine. */
void sim_delays_free(struct sim_delays *d);

/* Answers in delay_ms. The body is copied into the exchange's arena; short of it, the connection is
 * cut at once. */
void sim_delays_add(struct sim_delays *d, struct http_exchange *x, const struct http_answer *answer,
                    int64_t delay_ms);

/* An answer of this status cuts the connection: libmicrohttpd refuses to send it. */
enum { SIM_STATUS_CUT = 0 };
