/* SPDX-License-Identifier: Apache-2.0 */
#include "bind/rules.h"

enum binds scene_binds(const struct account *account, struct str scene, struct str *user)
{
    struct str prefix = str_from(account->binding_prefix);
    enum scene_kind kind;

    if (scene_is_ours(scene, &kind))
        return BINDS_BY_TABLE;
    if (account->binding != BINDING_OPEN || str_is_empty(prefix) || scene.len <= prefix.len ||
        !str_starts(scene, prefix))
        return BINDS_NOBODY;
    *user = str_skip(scene, prefix.len);
    return BINDS_BY_PREFIX;
}

struct str scene_refusal(const struct scene *row, int64_t at_ms)
{
    if (!row)
        return STR("unknown");
    if (row->used_at_ms != 0)
        return STR("used");
    if (at_ms > row->expires_at_ms + CLOCKS_DIFFER_MS)
        return STR("expired");
    return (struct str){NULL, 0};
}

static struct rebinding replace(const struct bound_list *others, int64_t at_ms)
{
    struct rebinding r = {.refused = false};

    while (r.ends < others->count && others->items[r.ends].bound_at_ms <= at_ms)
        r.ends++;
    if (r.ends < others->count)
        r.ended_at_ms = others->items[r.ends].bound_at_ms;
    return r;
}

struct rebinding rebind(enum rebind rule, const struct bound_list *others, int64_t at_ms)
{
    switch (rule) {
    case REBIND_MANY: break;
    case REBIND_REPLACE: return replace(others, at_ms);
    case REBIND_REFUSE: return (struct rebinding){.refused = others->count > 0};
    }
    return (struct rebinding){.refused = false};
}
