/* SPDX-License-Identifier: Apache-2.0 */
#include "wants.h"

#include "base/str.h"

bool crm_wants(const struct settings *settings, struct str type)
{
    return str_has_match(str_from(settings->crm.events), type);
}
