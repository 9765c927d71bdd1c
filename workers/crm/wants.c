/* SPDX-License-Identifier: Apache-2.0 */
#include "wants.h"

#include "base/str.h"

bool crm_wants(const struct settings *settings, struct str type)
{
    struct str rest = str_from(settings->crm.events);
    struct str word;

    while (str_cut(rest, ' ', &word, &rest))
        if (!str_is_empty(word) && str_match(word, type))
            return true;
    return false;
}
