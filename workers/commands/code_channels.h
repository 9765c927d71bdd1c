/* SPDX-License-Identifier: Apache-2.0 */
/* The ways a verification code goes out; [verify] channels names them in their order. */
#pragma once

#include "command.h"
#include "verify/verify.h"

enum { CODE_DATA_MAX = 60 * 1024 /* bytes of a body's data: with the rest it is one message */ };

struct code_delivery {
    struct command *c; /* a verify.send */
    const struct verify_code *code;
    struct deadline until;
};

struct code_channel {
    const char *name;
    bool is_wechat;
    /* Settings and command have what it needs. */
    bool (*is_open)(const struct command *c);
    /* As step.call; ST_REJECT with code_may_go_otherwise: another channel may still work. */
    enum status (*send)(const struct code_delivery *d, struct err *err);
};

/* NULL: none of that name. */
const struct code_channel *code_channel_find(struct str name);
bool code_may_go_otherwise(const struct err *err);
