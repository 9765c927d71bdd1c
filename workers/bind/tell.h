/* SPDX-License-Identifier: Apache-2.0 */
/* Customer messages to who scanned: a courtesy, and a verification code, which is none. */
#pragma once

#include "bind/decide.h"
#include "bind/texts.h"
#include "verify/verify.h"

/* Tells it once, if at all, and only while the scan is younger than TELL_WITHIN_MS: WeChat allows
 * no more, and no replay tells anybody anything. ST_OK also for what WeChat refuses for good and
 * for what may have been told: the log says "bind.untold". text: absent is told to nobody; as long
 * as the lane's arena. */
enum { TELL_WITHIN_MS = 60000 };
MUST_CHECK enum status tell(struct lane *lane, const struct scan *scan, struct str text,
                            const struct message *message, struct err *err);

struct code_sender {
    const struct verify_key *key;
    const struct bind_texts *texts;
};

/* Sends the code of a VERDICT_CODE, the same however often this runs: *d has code_until_ms then, or
 * becomes VERDICT_REFUSED. As lane_effect. */
MUST_CHECK enum status send_code(struct lane *lane, const struct scan *scan,
                                 const struct code_sender *sender, struct decision *d,
                                 struct err *err);
