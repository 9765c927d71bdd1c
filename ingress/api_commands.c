/* SPDX-License-Identifier: Apache-2.0 */
/* Commands, changes of points, activations: what is asked is sent, its result an answer. */
#include "api_record.h"
#include "model/activation_request.h"
#include "model/bonus_command.h"
#include "model/schema_ids.h"
#include "model/validate.h"
#include "model/wechat_command.h"

#include <stdio.h>
#include <string.h>

#define TYPE_BONUS      STR("bonus")
#define TYPE_ACTIVATION STR("activation")

/* Answers */

static void accepted(struct api_request *r, bool has_place)
{
    struct arena *arena = http_exchange_arena(r->x);
    struct header headers[3];
    char applied[API_PREFERENCE_SIZE];
    const char *preference = api_preference(r, applied);
    size_t n = 0;

    if (has_place) {
        headers[n++] = (struct header){STR("Retry-After"), STR("1")};
        headers[n++] =
            (struct header){STR("Location"), arena_printf(arena, "/v1/commands/%s", r->id.text)};
    }
    if (preference)
        headers[n++] = (struct header){STR("Preference-Applied"), str_from(preference)};
    api_answer(r, 202, arena_printf(arena, "{\"id\":\"%s\"}", r->id.text), headers, n);
}

static void pending(struct api_request *r)
{
    if (http_exchange_method(r->x) == HTTP_GET)
        api_answer_pending(r);
    else
        accepted(r, true);
}

static void wait_or_accept(struct api_request *r, struct str id)
{
    const struct waiting_for result = {
        .outcomes = r->gate->shared->api->outcomes,
        .id = id,
        .on_result = api_answer_result,
        .on_pending = pending,
    };

    if (r->prefer.wait_s > 0)
        waiting_add(r, &result);
    else
        pending(r);
}

/* Sending */

static bool check_value(struct api_request *r, const char *schema)
{
    struct schema_fault fault = {0};
    struct err err = {0};
    const enum status rc = record_check(schema, r->body, &fault, &err);

    return api_record_judge(r, rc, &fault, &err);
}

static void on_acked(struct api_request *r)
{
    wait_or_accept(r, str_from(r->id.text));
}

static void refuse_second(struct api_request *r)
{
    api_problem(
        r, &(struct problem){.kind = PROBLEM_IDEMPOTENCY,
                             .detail = STR("This Idempotency-Key came before with another body.")});
}

static void refuse_open(struct api_request *r)
{
    api_problem(r, &(struct problem){.kind = PROBLEM_CONFLICT,
                                     .detail = STR("Its answer comes on the other connection."),
                                     .retry_after_s = 1});
}

/* record->value is the gate's buffer. */
static void submit(struct api_request *r, const struct api_record *record, struct str type)
{
    struct outcome_key key = {
        .id = str_from(r->id.text), .account = str_from(r->account->name), .type = type};
    struct outcome_text *result = NULL;

    sha256(record->value, key.hash);
    memcpy(r->wait.hash, key.hash, SHA256_LEN);
    switch (outcomes_begin(r->gate->shared->api->outcomes, &key, clock_mono_ms(), &result)) {
    case BEGIN_NEW:
        r->tracked = true;
        api_produce(r, record, on_acked);
        break;
    case BEGIN_OTHER: refuse_second(r); break;
    case BEGIN_DONE: api_answer_result(r, result); break;
    case BEGIN_OPEN: refuse_open(r); break;
    case BEGIN_PENDING: wait_or_accept(r, key.id); break;
    case BEGIN_MEMORY: api_problem(r, &(struct problem){.kind = PROBLEM_MEMORY}); break;
    }
}

/* POST /v1/commands/{type} */

static bool may_reply_to(struct api_request *r)
{
    const struct str topic = json_get_str(r->body, "reply_to");
    const struct str allowed = str_from(r->gate->shared->settings->topic.reply_to_allowed);

    if (!str_is_set(topic) || str_has_word(allowed, topic))
        return true;
    return api_record_fault(r, PROBLEM_REPLY_TO, STR("/reply_to"),
                            STR("is not among [topic] reply_to_allowed"));
}

static bool check_command(struct api_request *r)
{
    const struct command_type *type;
    struct schema_fault fault = {0};
    struct err err = {0};
    const enum status rc =
        command_check(r->gate->shared->api->commands, r->body, &type, &fault, &err);

    return api_record_judge(r, rc, &fault, &err) && may_reply_to(r);
}

/* No order among commands is promised over HTTP: the key of each is its own id. */
static void send_command(struct api_request *r, struct str type)
{
    const struct api_record record = {
        .topic = r->gate->shared->api->wechat_topic,
        .type =
            arena_printf(http_exchange_arena(r->x), CE_TYPE_COMMAND_PREFIX "%.*s", STR_ARG(type)),
        .dataschema = SCHEMA_CMD_WECHAT,
        .key = str_from(r->id.text),
        .value = buf_str(&r->gate->value),
    };

    submit(r, &record, type);
}

void commands_post(struct api_request *r)
{
    const struct api_shape shape = {WECHAT_COMMAND_FIELDS, WECHAT_COMMAND_FIELD_COUNT};
    const struct str type = r->parts[1];
    const struct command_type *found;

    if (!api_may(r, type))
        return;
    found = commands_find(r->gate->shared->api->commands, type);
    if (!found) {
        api_problem(r, &(struct problem){.kind = PROBLEM_TYPE});
        return;
    }
    if (api_account(r, (struct str){0}) && api_record_write(r, &shape, type) && check_command(r) &&
        api_record_name(r, type, command_nature(found, json_get(r->body, "body")) == NATURE_ONCE))
        send_command(r, type);
}

/* GET /v1/commands/{id} */

static bool may_see(const struct api_request *r, const struct outcome_view *view)
{
    return view->state != OUTCOME_UNKNOWN && view->state != OUTCOME_GONE &&
           api_client_may_use(r->client, str_from(view->account)) &&
           api_client_may_ask(r->client, str_from(view->type));
}

static void refuse_unknown(struct api_request *r)
{
    const struct settings *settings = r->gate->shared->settings;
    char wechat[TOPIC_NAME_SIZE];
    char bonus[TOPIC_NAME_SIZE];

    topic_name(&settings->topic, TOPIC_RESULT_WECHAT, NULL, wechat);
    topic_name(&settings->topic, TOPIC_RESULT_BONUS, NULL, bonus);
    api_problem(
        r, &(struct problem){
               .kind = PROBLEM_NOT_FOUND,
               .detail = arena_printf(http_exchange_arena(r->x),
                                      "Not known here (any more): results are kept for "
                                      "%lld s; all of them stand in the topics %s and %s.",
                                      (long long)settings->ingress.api_window_s, wechat, bonus)});
}

void commands_get(struct api_request *r)
{
    struct outcome_view view;

    outcomes_get(r->gate->shared->api->outcomes, r->parts[1], clock_mono_ms(), &view);
    if (!may_see(r, &view)) {
        outcome_text_release(view.result);
        refuse_unknown(r);
        return;
    }
    if (view.state == OUTCOME_DONE) {
        api_answer_result(r, view.result);
        return;
    }
    r->wait.any = true;
    wait_or_accept(r, r->parts[1]);
}

/* POST /v1/bonus */

static struct str card_key(const struct api_request *r)
{
    return id_card_key(http_exchange_arena(r->x), str_from(r->account->appid),
                       json_get_str(r->body, "card_id"), json_get_str(r->body, "card_code"));
}

static void send_bonus(struct api_request *r)
{
    const struct api_record record = {
        .topic = r->gate->shared->api->bonus_topic,
        .type = STR(CE_TYPE_BONUS_CHANGE),
        .dataschema = SCHEMA_CMD_BONUS,
        .key = card_key(r),
        .value = buf_str(&r->gate->value),
        .subject = json_get_str(r->body, "card_code"),
    };

    if (str_is_set(record.key))
        submit(r, &record, TYPE_BONUS);
    else
        api_problem(r, &(struct problem){.kind = PROBLEM_MEMORY});
}

void bonus_post(struct api_request *r)
{
    const struct api_shape shape = {BONUS_COMMAND_FIELDS, BONUS_COMMAND_FIELD_COUNT};

    if (api_may(r, TYPE_BONUS) && api_account(r, (struct str){0}) &&
        api_record_write(r, &shape, TYPE_BONUS) && check_value(r, SCHEMA_CMD_BONUS) &&
        api_record_name(r, TYPE_BONUS, str_eq(json_get_str(r->body, "mode"), STR("add"))))
        send_bonus(r);
}

/* POST /v1/activations */

static void on_activation_acked(struct api_request *r)
{
    accepted(r, false);
}

static void send_activation(struct api_request *r)
{
    struct activation_request request;
    struct err err = {0};
    struct api_record record = {
        .topic = r->gate->shared->api->activation_topic,
        .type = STR(CE_TYPE_ACTIVATION_TICKET),
        .dataschema = SCHEMA_CMD_ACTIVATION,
        .value = buf_str(&r->gate->value),
        .subject = json_get_str(r->body, "card_code"),
    };

    if (activation_request_parse(r->body, &request, &err) == ST_OK)
        record.key = activation_request_key(http_exchange_arena(r->x), str_from(r->account->appid),
                                            &request);
    r->prefer.has_wait = false; /* nobody answers these */
    if (str_is_set(record.key))
        api_produce(r, &record, on_activation_acked);
    else
        api_problem(r, &(struct problem){.kind = PROBLEM_MEMORY});
}

void activations_post(struct api_request *r)
{
    const struct api_shape shape = {ACTIVATION_REQUEST_FIELDS, ACTIVATION_REQUEST_FIELD_COUNT};

    if (api_may(r, TYPE_ACTIVATION) && api_account(r, (struct str){0}) &&
        api_record_write(r, &shape, TYPE_ACTIVATION) && check_value(r, SCHEMA_CMD_ACTIVATION) &&
        api_record_name(r, TYPE_ACTIVATION, false))
        send_activation(r);
}
