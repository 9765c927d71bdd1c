/* SPDX-License-Identifier: Apache-2.0 */
/* The pushes that the platform would have sent, kept for tests and `relay` to deliver. */
#pragma once

#include "base/attr.h"
#include "base/str.h"
#include "codec/jsonw.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_PUSHES_KEPT = 64 * 1024 };

/* The last SIM_PUSHES_KEPT. Zero-initialise. */
struct sim_pushes {
    char **ring; /* JSON; number n stands at n % SIM_PUSHES_KEPT */
    int64_t last;
};

/* An element beside the header: a text, or a number when the text is absent. */
struct sim_push_field {
    const char *name;
    struct str text;
    int64_t number;
};

/* An event, or a message (msg_type set), which has no event but a name; texts are borrowed for the
 * call. */
struct sim_push {
    const char *event;    /* as events.h names it: "message.text" */
    const char *msg_type; /* NULL: "event" */
    const char *appid;
    const char *original_id; /* NULL: none is known */
    const char *openid;      /* whose push it is */
    const char *card_id;
    const char *code;
    int64_t at_ms;
    const struct sim_push_field *fields;
    size_t field_count;
};

MUST_CHECK bool sim_pushes_add(struct sim_pushes *p, const struct sim_push *push); /* false: no
                                                                                      memory */
/* {"pushes":[{"n","event","appid","card_id","code","openid","fields":{}}],"first","last"}: at most
 * limit of those numbered above after, oldest first. */
void sim_pushes_write(const struct sim_pushes *p, int64_t after, int64_t limit, struct jsonw *w);
void sim_pushes_done(struct sim_pushes *p);
