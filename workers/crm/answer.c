/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "model/activation_request.h"
#include "model/id.h"
#include "model/schema_ids.h"
#include "model/validate.h"

#include <stdio.h>
#include <string.h>

enum { STEP_SIZE = 32 };

#define BYTE_ORDER_MARK "\xEF\xBB\xBF" /* some put it before their JSON */

/* A command of the answer on its way to its topic. */
struct command {
    const struct kind *kind;
    const struct account *account;
    const struct json *data;
    struct command_emit emit;
};

typedef struct str key_fn(struct arena *arena, const struct command *command);

struct kind {
    struct str type;
    const char *schema_id;
    const struct emit *emit;
    key_fn *key;
};

static struct str card_key(struct arena *arena, const struct command *c)
{
    return id_card_key(arena, str_from(c->account->appid), json_get_str(c->data, "card_id"),
                       json_get_str(c->data, "card_code"));
}

static struct str ticket_key(struct arena *arena, const struct command *c)
{
    struct activation_request request = {0};
    struct err unseen;

    if (activation_request_parse(c->data, &request, &unseen) != ST_OK) /* it fits its schema */
        return (struct str){NULL, 0};
    return activation_request_key(arena, str_from(c->account->appid), &request);
}

static const struct kind KINDS[] = {
    {STR_INIT(CE_TYPE_BONUS_CHANGE), SCHEMA_CMD_BONUS, &EMIT_COMMAND_BONUS, card_key},
    {STR_INIT(CE_TYPE_ACTIVATION_TICKET), SCHEMA_CMD_ACTIVATION, &EMIT_COMMAND_ACTIVATION,
     ticket_key},
};

static enum status bad(size_t place, const char *what, struct err *err)
{
    return err_reject(err, REASON_SCHEMA, "crm:answer", "the CRM's answer: /commands/%zu%s", place,
                      what);
}

static enum status find_kind(size_t place, const struct json *item, struct command *c,
                             struct err *err)
{
    struct str type = json_get_str(item, "type");

    for (size_t i = 0; i < COUNT_OF(KINDS); i++)
        if (str_eq(type, KINDS[i].type))
            c->kind = &KINDS[i];
    if (c->kind)
        return ST_OK;
    if (str_starts(type, STR("kabao.command.")))
        return bad(place, "/type: commands to WeChat are not taken from answers yet", err);
    return bad(place, "/type is none of the types an answer may carry", err);
}

static enum status check_data(size_t place, const struct command *c, struct err *err)
{
    enum status rc = record_validate(c->kind->schema_id, c->data, err);
    char what[sizeof(err->text) + sizeof("/data: ")];

    if (rc != ST_REJECT)
        return rc;
    (void)snprintf(what, sizeof(what), "/data%s%s", err->text[0] == '/' ? "" : ": ", err->text);
    return bad(place, what, err);
}

/* The value as the CRM wrote it, but for blanks. */
static struct str text_of(struct arena *arena, const struct json *data, size_t limit)
{
    /* Escapes may differ from the sender's; six bytes for one is the worst. */
    AUTO(buf_done) struct buf text = BUF_INIT(6 * limit + 16);

    json_format(data, &text);
    return buf_ok(&text) ? arena_dup(arena, buf_str(&text)) : (struct str){0};
}

static enum status address(struct lane *lane, struct str webhook_id, size_t place,
                           struct command *c, struct err *err)
{
    struct arena *arena = lane_arena(lane);
    char step[STEP_SIZE];
    struct id id;

    (void)snprintf(step, sizeof(step), "command/%zu", place);
    id_derive(webhook_id, str_from(step), &id);
    c->emit.id = arena_dup(arena, str_from(id.text));
    c->emit.key = c->kind->key(arena, c);
    c->emit.appid = str_from(c->account->appid);
    c->emit.subject = json_get_str(c->data, "card_code");
    if (!str_is_set(c->emit.id) || !str_is_set(c->emit.key) || !str_is_set(c->emit.json))
        return err_retry(err, "memory", "no memory for a command of the CRM's answer");
    return ST_OK;
}

static enum status read_command(struct lane *lane, size_t place, const struct json *item,
                                struct command *c, struct err *err)
{
    enum status rc = find_kind(place, item, c, err);

    if (rc != ST_OK)
        return rc;
    c->data = json_get(item, "data");
    rc = check_data(place, c, err);
    if (rc != ST_OK)
        return rc;
    c->account = lane_account(lane, json_get_str(c->data, "account"));
    return c->account ? ST_OK : bad(place, "/data/account is none of the settings", err);
}

struct answer {
    struct str webhook_id;
    struct str body;
    const struct json *commands;
    struct command *list; /* in the arena */
};

static enum status read_all(struct lane *lane, struct answer *a, struct err *err)
{
    size_t count = json_len(a->commands);
    enum status rc = ST_OK;

    a->list = arena_alloc(lane_arena(lane), (count + 1) * sizeof(*a->list));
    if (!a->list)
        return err_retry(err, "memory", "no memory for the CRM's answer");
    for (size_t i = 0; rc == ST_OK && i < count; i++) {
        struct command *c = &a->list[i];

        rc = read_command(lane, i, json_at(a->commands, i), c, err);
        if (rc != ST_OK)
            return rc;
        c->emit.json = text_of(lane_arena(lane), c->data, a->body.len);
        rc = address(lane, a->webhook_id, i, c, err);
    }
    return rc;
}

static enum status send_all(struct lane *lane, struct answer *a, struct err *err)
{
    enum status rc = read_all(lane, a, err);

    for (size_t i = 0; rc == ST_OK && i < json_len(a->commands); i++)
        rc = lane_emit(lane, a->list[i].kind->emit, &a->list[i].emit, err);
    return rc;
}

static enum status check_list(const struct json *commands, struct err *err)
{
    if (!json_is(commands, JSON_ARRAY))
        return err_reject(err, REASON_SCHEMA, "crm:answer",
                          "the CRM's answer: /commands is no array");
    if (json_len(commands) > ANSWER_COMMANDS_MAX)
        return err_reject(err, REASON_SCHEMA, "crm:answer",
                          "the CRM's answer: /commands has more than %d items",
                          ANSWER_COMMANDS_MAX);
    return ST_OK;
}

enum status answer_take(struct lane *lane, struct str webhook_id, struct str body, struct err *err)
{
    AUTO(json_freep) struct json *document = NULL;
    struct answer a = {.webhook_id = webhook_id, .body = body};
    enum status rc;

    if (str_starts(body, STR(BYTE_ORDER_MARK)))
        body = str_skip(body, strlen(BYTE_ORDER_MARK));
    if (!str_starts(str_trim(body), STR("{")))
        return ST_OK;
    rc = json_parse(body, &document, err);
    if (rc == ST_REJECT)
        return err_reject(err, REASON_SCHEMA, "crm:answer", "the CRM's answer: %s", err->text);
    if (rc != ST_OK)
        return rc;
    a.commands = json_get(document, "commands");
    if (!a.commands)
        return ST_OK;
    rc = check_list(a.commands, err);
    return rc == ST_OK ? send_all(lane, &a, err) : rc;
}
