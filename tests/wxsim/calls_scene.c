/* SPDX-License-Identifier: Apache-2.0 */
/* QR codes with parameters (wechat-api 8). */
#include "base/mem.h"
#include "base/rand.h"
#include "codec/utf8.h"
#include "wxsim/calls.h"
#include "wxsim/errcode.h"
#include "wxsim/handles.h"
#include "wxsim/lookup.h"
#include "wxsim/scene.h"

enum { EXPIRE_MAX_S = 2592000, EXPIRE_PRESET_S = 60, LIMIT_SCENE_MAX = 100000, SCENE_STR_MAX = 64 };

static const struct sim_field fields[] = {
    {"action_name", SIM_STRING, SIM_BAD_ACTION, 0},
    {"expire_seconds", SIM_INT, SIM_OK, 0},
    {"action_info", SIM_OBJECT, SIM_BAD_ACTION, 0},
    {"action_info.scene", SIM_OBJECT, SIM_BAD_ACTION, 0},
    {"action_info.scene.scene_id", SIM_INT, SIM_OK, 0},
    {"action_info.scene.scene_str", SIM_STRING, SIM_OK, 0},
};

struct action {
    const char *name;
    bool permanent;
    bool text;
};

static const struct action actions[] = {
    {"QR_SCENE", false, false},
    {"QR_STR_SCENE", false, true},
    {"QR_LIMIT_SCENE", true, false},
    {"QR_LIMIT_STR_SCENE", true, true},
};

static const struct action *find_action(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (str_eq_cstr(name, actions[i].name))
            return &actions[i];
    return NULL;
}

static bool scene_fits(const struct action *action, const struct json *scene)
{
    const struct str text = json_get_str(scene, "scene_str");
    const int64_t max = action->permanent ? LIMIT_SCENE_MAX : UINT32_MAX;
    int64_t id = 0;

    if (action->text)
        return !str_is_empty(text) && utf8_length(text) <= SCENE_STR_MAX;
    return json_get_i64(scene, "scene_id", &id) && id >= 1 && id <= max;
}

static bool expiry_fits(const struct action *action, const struct json *body)
{
    int64_t expire_s = 1;

    if (action->permanent)
        return !json_has(body, "expire_seconds");
    (void)json_get_i64(body, "expire_seconds", &expire_s);
    return expire_s >= 1 && expire_s <= EXPIRE_MAX_S;
}

static struct str new_ticket(const struct sim_call *call)
{
    return arena_printf(call->request.arena,
                        "gQ%016llx%016llx%016llx==", (unsigned long long)rand_u64(),
                        (unsigned long long)rand_u64(), (unsigned long long)rand_u64());
}

/* A permanent scene keeps its ticket. */
static int permanent_ticket(struct sim_call *call, const struct json *scene, bool text,
                            struct str *ticket)
{
    struct sim_account *account = call->account;
    struct str key = json_get_str(scene, "scene_str");
    int64_t id = 0;
    const char *kept;
    char *copy;

    if (!text && json_get_i64(scene, "scene_id", &id))
        key = arena_printf(call->request.arena, "#%lld", (long long)id);
    kept = map_get(account->scenes, key);
    if (kept != NULL) {
        *ticket = str_from(kept);
        return SIM_OK;
    }
    if ((int64_t)map_len(account->scenes) >= account->qr_limit)
        return SIM_TOO_MANY_QR;
    copy = str_is_set(*ticket) ? mem_strdup(ticket->ptr) : NULL;
    if (copy != NULL && map_put(account->scenes, key, copy, NULL))
        return SIM_OK;
    mem_free(copy);
    return SIM_BUSY;
}

/* So that somebody can scan it. A permanent ticket may stand there already. */
static int remember(const struct sim_call *call, const struct action *action,
                    const struct json *scene, struct str ticket, int64_t expire_s)
{
    const int64_t until_ms = action->permanent ? INT64_MAX : call->now_ms + expire_s * 1000;
    struct str content = json_get_str(scene, "scene_str");
    int64_t id = 0;

    if (map_get(call->world->scenes, ticket) != NULL)
        return SIM_OK;
    if (action->text)
        content = arena_printf(call->request.arena, "%c%.*s", SIM_SCENE_TEXT, STR_ARG(content));
    else if (json_get_i64(scene, "scene_id", &id))
        content = arena_printf(call->request.arena, "%c%lld", SIM_SCENE_NUMBER, (long long)id);
    return str_is_set(content) && sim_handle_put(call->world->scenes, call->account->appid,
                                                 content.ptr, until_ms, ticket)
               ? SIM_OK
               : SIM_BUSY;
}

static int create(struct sim_call *call)
{
    const struct action *action = find_action(sim_call_str(call, "action_name"));
    const struct json *scene = sim_lookup(call->body, STR("action_info.scene"));
    struct str ticket = new_ticket(call);
    int64_t expire_s = EXPIRE_PRESET_S;
    int errcode = SIM_OK;

    if (action == NULL || !scene_fits(action, scene) || !expiry_fits(action, call->body))
        return SIM_BAD_ACTION;
    if (action->permanent)
        errcode = permanent_ticket(call, scene, action->text, &ticket);
    (void)json_get_i64(call->body, "expire_seconds", &expire_s);
    if (errcode == SIM_OK)
        errcode = remember(call, action, scene, ticket, expire_s);
    if (errcode != SIM_OK)
        return errcode;
    call->account->totals[SIM_QRCODES]++;
    jsonw_key_str(&call->w, "ticket", ticket);
    if (!action->permanent)
        jsonw_key_i64(&call->w, "expire_seconds", expire_s);
    jsonw_key_str(&call->w, "url",
                  arena_printf(call->request.arena, "http://weixin.qq.com/q/%.22s", ticket.ptr));
    return SIM_OK;
}

static const struct sim_call_def rows[] = {
    {"/cgi-bin/qrcode/create", HTTP_POST, .bare = true, SIM_FIELDS(fields), .fn = create},
};
const struct sim_family SIM_SCENE_CALLS = {rows, COUNT_OF(rows)};
