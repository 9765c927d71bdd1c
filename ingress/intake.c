/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and results into the table of commands, bindings into the table of scenes. */
#include "intake.h"

#include "codec/json.h"
#include "model/schema_ids.h"
#include "scenes.h"

/* By its headers: each command of this very ingress comes along here, on a core that has pushes to
 * take: its JSON is not read once more. */
static void take_command(const struct intake *in, const struct feed_record *record, struct str type)
{
    const struct account *account = settings_account_by_appid(in->settings, record->event->appid);
    struct outcome_key key = {.id = record->event->id, .type = type};

    if (account)
        key.account = str_from(account->name);
    sha256(record->value, key.hash);
    outcomes_saw_command(in->commands, &key, record->written_at_ms);
}

static void take_wechat_command(void *arg, const struct feed_record *record)
{
    static const struct str prefix = STR_INIT(CE_TYPE_COMMAND_PREFIX);

    if (str_starts(record->event->type, prefix))
        take_command(arg, record, str_skip(record->event->type, prefix.len));
}

static void take_bonus_command(void *arg, const struct feed_record *record)
{
    take_command(arg, record, STR("bonus"));
}

/* A scene that was just started waits from now on, before who asked for it hears of it: the page
 * that asks for the scene at once shall not get 404 because event.binding is read on another
 * thread, and a little later. */
static void take_start(const struct intake *in, const struct feed_record *record,
                       const struct json *value)
{
    const struct json *answer = json_get(value, "answer");
    const struct scene_start start = {.appid = record->event->appid,
                                      .scene = json_get_str(answer, "scene"),
                                      .expires_at = json_get_str(answer, "expires_at")};

    if (scenes_is_start(json_get_str(value, "type")) &&
        str_eq(json_get_str(value, "outcome"), STR("done")))
        scenes_saw_start(in->scenes, &start, record->written_at_ms);
}

static void take_result(const struct intake *in, const struct feed_record *record,
                        const struct json *value, struct str type)
{
    const struct str outcome = json_get_str(value, "outcome");
    struct outcome_result result = {.value = record->value, .type = type};

    if (str_eq(outcome, STR("observed"))) /* on a card: it answers nobody */
        return;
    result.id = json_get_str(value, "command_id");
    result.account = json_get_str(value, "account");
    result.is_final = !str_eq(outcome, STR("failed")) && !str_eq(outcome, STR("unknown"));
    result.is_second = str_eq(json_get_str(json_get(value, "error"), "code"), STR("idempotency"));
    outcomes_saw_result(in->commands, &result, record->written_at_ms);
}

static void take_wechat_result(void *arg, const struct feed_record *record)
{
    AUTO(json_freep) struct json *value = NULL;
    struct err err = {0};

    if (json_parse(record->data, &value, &err) != ST_OK)
        return;
    take_start(arg, record, value);
    take_result(arg, record, value, json_get_str(value, "type"));
}

static void take_bonus_result(void *arg, const struct feed_record *record)
{
    AUTO(json_freep) struct json *value = NULL;
    struct err err = {0};

    if (json_parse(record->data, &value, &err) == ST_OK)
        take_result(arg, record, value, STR("bonus"));
}

static void take_binding(void *arg, const struct feed_record *record)
{
    const struct intake *in = arg;
    AUTO(json_freep) struct json *value = NULL;
    struct binding binding;
    struct err err = {0};

    if (json_parse(record->data, &value, &err) == ST_OK &&
        binding_parse(value, &binding, &err) == ST_OK)
        scenes_saw(in->scenes, &binding, record->data, record->written_at_ms);
}

const struct feed_source INTAKE_COMMANDS[INTAKE_COMMAND_SOURCES] = {
    {TOPIC_CMD_WECHAT, take_wechat_command},
    {TOPIC_CMD_BONUS, take_bonus_command},
    {TOPIC_RESULT_WECHAT, take_wechat_result},
    {TOPIC_RESULT_BONUS, take_bonus_result},
};

const struct feed_source INTAKE_SCENES[INTAKE_SCENE_SOURCES] = {
    {TOPIC_EVENT_BINDING, take_binding},
};
