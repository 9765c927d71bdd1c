/* SPDX-License-Identifier: Apache-2.0 */
/* What the caller must do: the one return type of everything that can fail. */
#pragma once

#include "base/attr.h"

enum status {
    ST_OK = 0,
    ST_WAIT,   /* the resource named in err is closed until err->until; no attempt was made */
    ST_RETRY,  /* this one failed while its path works for others; try again with back-off */
    ST_REJECT, /* it will never succeed: answer, dead letter, refusal */
    ST_FATAL,  /* this process cannot go on */
};

/* "ok", "wait", "retry", "reject", "fatal"; static. */
const char *status_name(enum status status);
