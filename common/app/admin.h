/* SPDX-License-Identifier: Apache-2.0 */
/* The admin port of every program: /healthz /readyz /metrics, on the program's main loop. */
#pragma once

#include "app/app.h"
#include "base/buf.h"

#include <stdbool.h>

struct admin_port;

struct admin_port_conf {
    /* False with a reason in why (one line). Called on the loop, must not block. */
    bool (*healthy)(void *arg, struct buf *why);
    bool (*ready)(void *arg, struct buf *why);
    /* Sets gauges that are computed on demand; may be NULL. */
    void (*collect)(void *arg);
    void *arg;
};

/* ST_OK with *out NULL when [admin] listen has port 0. */
MUST_CHECK enum status admin_port_open(struct app *app, const struct admin_port_conf *conf,
                                       struct admin_port **out, struct err *err);
void admin_port_close(struct admin_port *admin); /* NULL is fine */
