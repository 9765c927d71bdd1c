/* SPDX-License-Identifier: Apache-2.0 */
/* The verification code that a scan asks for, by customer message. */
#pragma once

#include "bind/decide.h"
#include "bind/texts.h"
#include "verify/verify.h"

struct code_sender {
    const struct verify_key *key;
    const struct bind_texts *texts;
};

/* Sends the code of a VERDICT_CODE, the same however often this runs: *d has code_until_ms then, or
 * becomes VERDICT_REFUSED. As lane_effect. */
MUST_CHECK enum status send_code(struct lane *lane, const struct scan *scan,
                                 const struct code_sender *sender, struct decision *d,
                                 struct err *err);
