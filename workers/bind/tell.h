/* SPDX-License-Identifier: Apache-2.0 */
/* Customer messages to who scanned: a courtesy. */
#pragma once

#include "bind/decide.h"

/* Tells it once, if at all, and only while the scan is younger than TELL_WITHIN_MS: WeChat allows
 * no more, and no replay tells anybody anything. ST_OK also for what WeChat refuses for good and
 * for what may have been told: the log says "bind.untold". text: absent is told to nobody; as long
 * as the lane's arena. */
enum { TELL_WITHIN_MS = 60000 };
MUST_CHECK enum status tell(struct lane *lane, const struct scan *scan, const struct decision *d,
                            struct str text, const struct message *message, struct err *err);
