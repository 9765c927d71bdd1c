/* SPDX-License-Identifier: Apache-2.0 */
/* What cgi-bin/callback/check answers (wechat-api 3.6), and the quota of a call (3.5). Pure. */
#pragma once

#include "check_finding.h"
#include "codec/json.h"

/* One finding at least. */
void ping_judge(const struct json *answer, const struct check_findings *findings);

/* What is left of a call's day: none said, enough, or so little that it is worth a word (under a
 * tenth). */
enum quota_left { QUOTA_UNSAID, QUOTA_ENOUGH, QUOTA_LOW };

/* answer: of openapi/quota/get. limit, left: of today, where it is said. */
enum quota_left quota_judge(const struct json *answer, int64_t *limit, int64_t *left);
