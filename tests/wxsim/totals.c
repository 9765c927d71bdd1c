/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/totals.h"

static const char *const names[SIM_TOTALS] = {
    [SIM_CARDS_CREATED] = "cards_created",
    [SIM_CARDS_UPDATED] = "cards_updated",
    [SIM_CARDS_DELETED] = "cards_deleted",
    [SIM_STOCK_CHANGES] = "stock_changes",
    [SIM_FORMS_SET] = "forms_set",
    [SIM_CODES_CONSUMED] = "codes_consumed",
    [SIM_CODES_UNAVAILABLE] = "codes_unavailable",
    [SIM_CODES_CHANGED] = "codes_changed",
    [SIM_CODES_IMPORTED] = "codes_imported",
    [SIM_RULES_ADDED] = "rules_added",
    [SIM_MENUS_CREATED] = "menus_created",
    [SIM_MENUS_DELETED] = "menus_deleted",
    [SIM_TEMPLATE_MESSAGES] = "template_messages",
    [SIM_SUBSCRIBE_MESSAGES] = "subscribe_messages",
    [SIM_CUSTOM_MESSAGES] = "custom_messages",
    [SIM_UPLOADS] = "uploads",
    [SIM_QRCODES] = "qrcodes",
};

void sim_totals_write(const int64_t totals[SIM_TOTALS], struct jsonw *w)
{
    jsonw_object(w);
    for (int i = 0; i < SIM_TOTALS; i++)
        jsonw_key_i64(w, names[i], totals[i]);
    jsonw_object_end(w);
}
