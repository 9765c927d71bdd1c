/* SPDX-License-Identifier: Apache-2.0 */
#include "wants.h"

#include "model/cloudevent.h"
#include "model/schema_ids.h"

bool forward_wants(const struct settings *settings, struct str type)
{
    if (!str_starts(type, STR(CE_TYPE_WECHAT_PREFIX)))
        return false;
    for (size_t i = 0; i < settings->account_count; i++)
        if (settings->accounts[i].forward_url)
            return true;
    return false;
}
