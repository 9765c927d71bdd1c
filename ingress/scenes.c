/* SPDX-License-Identifier: Apache-2.0 */
/* Records of one scene have different keys (the scene's, and that of whoever scanned it): their
 * order says nothing, so that each end has a rank. */
#include "scenes.h"

#include "base/clock.h"

#include <string.h>

#define TYPE_BIND_START   STR("bind.start")
#define TYPE_VERIFY_START STR("verify.start")
#define VERIFY_PREFIX     STR("verify-")

struct str scenes_id(struct str appid, struct str scene, char out[SCENE_ID_SIZE])
{
    const size_t len = appid.len + 1 + scene.len;

    if (appid.len == 0 || scene.len == 0 || len > OUTCOME_ID_MAX ||
        memchr(scene.ptr, '\0', scene.len))
        return (struct str){NULL, 0};
    memcpy(out, appid.ptr, appid.len);
    out[appid.len] = ':';
    memcpy(out + appid.len + 1, scene.ptr, scene.len);
    out[len] = '\0';
    return str_of(out, len);
}

struct str scenes_type(struct str scene)
{
    return str_starts(scene, VERIFY_PREFIX) ? TYPE_VERIFY_START : TYPE_BIND_START;
}

bool scenes_is_start(struct str type)
{
    return str_eq(type, TYPE_BIND_START) || str_eq(type, TYPE_VERIFY_START);
}

void scenes_saw_start(struct outcomes *scenes, const struct scene_start *start, int64_t at_ms)
{
    char id[SCENE_ID_SIZE];
    struct outcome_key key = {.id = scenes_id(start->appid, start->scene, id)};

    if (!str_is_set(key.id))
        return;
    (void)clock_parse_rfc3339(start->expires_at.ptr, start->expires_at.len, &key.expires_ms);
    outcomes_saw_command(scenes, &key, at_ms);
}

/* Who is bound stands above any refusal. Of several who are, the last; of several refusals the
 * first. */
static int64_t rank_of(const struct binding *b, int64_t said_at_ms)
{
    const int64_t rank = said_at_ms > 0 ? said_at_ms : 1;

    return str_eq(b->kind, STR("refused")) ? -rank : rank;
}

/* `unknown` is said of scenes that nobody started: anybody may make them up. `used` is said to whom
 * comes second: what the first came to is another record, which may still be on its way (a code
 * takes its time to be delivered). */
static bool is_end(const struct binding *b)
{
    if (str_eq(b->kind, STR("refused")))
        return str_is_set(b->reason) && !str_eq(b->reason, STR("unknown")) &&
               !str_eq(b->reason, STR("used"));
    return str_eq(b->kind, STR("bound")) || str_eq(b->kind, STR("code_sent"));
}

void scenes_saw(struct outcomes *scenes, const struct binding *b, struct str value, int64_t at_ms)
{
    const struct scene_start start = {
        .appid = b->appid, .scene = b->scene, .expires_at = b->expires_at};
    char id[SCENE_ID_SIZE];
    struct outcome_result end = {.id = scenes_id(b->appid, b->scene, id), .value = value};
    int64_t said_at_ms;

    if (str_eq(b->kind, STR("pending"))) {
        scenes_saw_start(scenes, &start, at_ms);
    } else if (str_is_set(end.id) && is_end(b) &&
               clock_parse_rfc3339(b->at.ptr, b->at.len, &said_at_ms)) {
        end.rank = rank_of(b, said_at_ms);
        outcomes_saw_result(scenes, &end, at_ms);
    }
}
