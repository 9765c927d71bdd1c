/* SPDX-License-Identifier: Apache-2.0 */
/* How often calls changed something for good, by account: what "never two" is measured with. */
#pragma once

#include "codec/jsonw.h"

#include <stdint.h>

enum sim_total {
    SIM_CARDS_CREATED,
    SIM_CARDS_UPDATED,
    SIM_CARDS_DELETED,
    SIM_STOCK_CHANGES,
    SIM_FORMS_SET,
    SIM_CODES_CONSUMED,
    SIM_CODES_UNAVAILABLE,
    SIM_CODES_CHANGED,
    SIM_CODES_IMPORTED,
    SIM_RULES_ADDED,
    SIM_MENUS_CREATED,
    SIM_MENUS_DELETED,
    SIM_TEMPLATE_MESSAGES,
    SIM_SUBSCRIBE_MESSAGES,
    SIM_CUSTOM_MESSAGES,
    SIM_UPLOADS,
    SIM_QRCODES,
    SIM_TOTALS
};

void sim_totals_write(const int64_t totals[SIM_TOTALS], struct jsonw *w); /* an object */
