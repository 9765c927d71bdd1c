/* SPDX-License-Identifier: Apache-2.0 */
/* member.update: a change that the member is told of must not be told twice; a silent one may be
 * made again. Points are kabao-bonus' (the schema refuses them). */
#include "command.h"

static enum nature nature(const struct command *c)
{
    const struct json *notify = json_get(c->body, "notify_optional");
    bool told = false;

    for (struct json_iter i = json_iter(notify); json_next(&i);)
        if (json_bool(i.value, &told) && told)
            return NATURE_ONCE;
    return NATURE_REPEATABLE;
}

const struct special SPECIAL_MEMBER_UPDATE = {.type = "member.update", .nature = nature};
