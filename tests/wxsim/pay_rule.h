/* SPDX-License-Identifier: Apache-2.0 */
/* A rule of "pay and become a member" (wechat-api 4.14). */
#pragma once

#include "codec/json.h"

#include <stdint.h>

struct sim_pay_rule {
    int64_t id;
    struct json *info; /* rule_info as it was sent */
};

void sim_pay_rule_free(void *rule); /* for the map; NULL is fine */
