/* SPDX-License-Identifier: Apache-2.0 */
#include "wxsim/lookup.h"

enum { NAME_MAX_BYTES = 64 };

struct json *sim_lookup(const struct json *object, struct str dotted)
{
    const struct json *at = object;
    struct json *found = NULL;
    struct str name;

    while (str_cut(dotted, '.', &name, &dotted)) {
        char text[NAME_MAX_BYTES];

        if (!str_copy(name, text, sizeof(text)))
            return NULL;
        found = json_get(at, text);
        at = found;
    }
    return found;
}
