/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "codec/jsonw.h"
#include "model/activation_request.h"
#include "model/id.h"
#include "model/schema_ids.h"
#include "model/validate.h"

#include <stdio.h>
#include <string.h>

enum { STEP_SIZE = 32 };

#define BYTE_ORDER_MARK "\xEF\xBB\xBF" /* some put it before their JSON */

struct answer {
    const struct commands *types;
    const struct answer_to *to;
    struct str body;
    const struct json *commands;
    struct command *list; /* in the arena */
};

/* A command of the answer on its way to its topic. */
struct command {
    const struct answer *answer;
    size_t place;
    const struct kind *kind;
    const struct account *account;
    const struct json *data;
    struct buf text; /* the record's value */
    struct command_emit emit;
};

/* Writes the value into text and judges it. */
typedef enum status value_fn(struct command *command, struct err *err);
typedef struct str key_fn(struct arena *arena, const struct command *command);

struct kind {
    struct str type; /* "*": the command's own */
    const char *schema_id;
    const struct emit *emit;
    value_fn *value;
    key_fn *key;
};

static enum status bad(const struct command *c, const char *what, struct err *err)
{
    return err_reject(err, REASON_SCHEMA, "crm:answer", "the CRM's answer: /commands/%zu%s",
                      c->place, what);
}

/* err is the verdict on the data, and becomes that on the answer. */
static enum status bad_data(const struct command *c, struct err *err)
{
    char what[sizeof(err->text) + sizeof("/data: ")];

    (void)snprintf(what, sizeof(what), "/data%s%s", err->text[0] == '/' ? "" : ": ", err->text);
    return bad(c, what, err);
}

static enum status no_memory(struct err *err)
{
    return err_retry(err, "memory", "no memory for a command of the CRM's answer");
}

/* Values */

/* As the CRM wrote it, but for blanks. */
static enum status take_value(struct command *c, struct err *err)
{
    enum status rc = record_validate(c->kind->schema_id, c->data, err);

    if (rc == ST_REJECT)
        return bad_data(c, err);
    if (rc == ST_OK)
        json_format(c->data, &c->text);
    return rc;
}

static void add_type(struct str type, const struct command *c, struct buf *out)
{
    AUTO(buf_done) struct buf data = BUF_INIT(c->text.max);
    struct jsonw w = {.out = out};

    json_format(c->data, &data);
    jsonw_object(&w);
    jsonw_key_str(&w, "type", type);
    if (json_len(c->data) > 0)
        buf_add_char(out, ',');
    buf_add(out, str_skip(buf_str(&data), 1));
    out->failed = out->failed || !buf_ok(&data);
}

static enum status check_call(struct command *c, struct err *err)
{
    AUTO(json_freep) struct json *value = NULL;
    const struct command_type *found = NULL;
    struct schema_fault fault;
    enum status rc = json_parse(buf_str(&c->text), &value, err);

    if (rc == ST_OK)
        rc = command_check(c->answer->types, value, &found, &fault, err);
    return rc == ST_REJECT ? bad_data(c, err) : rc;
}

/* The type stands in the command's; in the data it may stand once more. */
static enum status take_call(struct command *c, struct err *err)
{
    struct str type = str_skip(c->emit.type, strlen(CE_TYPE_COMMAND_PREFIX));

    if (!commands_find(c->answer->types, type))
        return bad(c, "/type is no command of this installation", err);
    if (!json_is(c->data, JSON_OBJECT))
        return bad(c, "/data must be an object", err);
    if (!json_has(c->data, "type"))
        add_type(type, c, &c->text);
    else if (str_eq(json_get_str(c->data, "type"), type))
        json_format(c->data, &c->text);
    else
        return bad(c, "/data/type is not that of the command", err);
    return buf_ok(&c->text) ? check_call(c, err) : no_memory(err);
}

/* Keys */

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

static struct str webhook_key(struct arena *arena UNUSED, const struct command *c)
{
    return str_is_empty(c->answer->to->key) ? c->emit.id : c->answer->to->key;
}

static const struct kind KINDS[] = {
    {STR_INIT(CE_TYPE_BONUS_CHANGE), SCHEMA_CMD_BONUS, &EMIT_COMMAND_BONUS, take_value, card_key},
    {STR_INIT(CE_TYPE_ACTIVATION_TICKET), SCHEMA_CMD_ACTIVATION, &EMIT_COMMAND_ACTIVATION,
     take_value, ticket_key},
    {STR_INIT(CE_TYPE_COMMAND_PREFIX "*"), SCHEMA_CMD_WECHAT, &EMIT_COMMAND_WECHAT, take_call,
     webhook_key},
};

/* One command */

static enum status find_kind(const struct json *item, struct command *c, struct err *err)
{
    c->emit.type = json_get_str(item, "type");
    for (size_t i = 0; i < COUNT_OF(KINDS); i++)
        if (str_match(KINDS[i].type, c->emit.type))
            c->kind = &KINDS[i];
    return c->kind ? ST_OK : bad(c, "/type is none of the types an answer may carry", err);
}

static enum status address(struct lane *lane, struct command *c, struct err *err)
{
    struct arena *arena = lane_arena(lane);
    char step[STEP_SIZE];
    struct id id;

    (void)snprintf(step, sizeof(step), "command/%zu", c->place);
    id_derive(c->answer->to->id, str_from(step), &id);
    c->emit.id = arena_dup(arena, str_from(id.text));
    c->emit.key = c->kind->key(arena, c);
    c->emit.appid = str_from(c->account->appid);
    c->emit.subject = json_get_str(c->data, "card_code");
    if (!str_is_set(c->emit.id) || !str_is_set(c->emit.key) || !str_is_set(c->emit.json))
        return no_memory(err);
    return ST_OK;
}

static enum status read_value(struct lane *lane, struct command *c, struct err *err)
{
    enum status rc;

    /* Escapes may differ from the sender's; six bytes for one is the worst. */
    c->text = (struct buf)BUF_INIT(6 * c->answer->body.len + 16);
    rc = c->kind->value(c, err);
    if (rc == ST_OK && buf_ok(&c->text))
        c->emit.json = arena_dup(lane_arena(lane), buf_str(&c->text));
    buf_done(&c->text);
    return rc;
}

static enum status read_command(struct lane *lane, const struct json *item, struct command *c,
                                struct err *err)
{
    enum status rc = find_kind(item, c, err);

    if (rc != ST_OK)
        return rc;
    c->data = json_get(item, "data");
    rc = read_value(lane, c, err);
    if (rc != ST_OK)
        return rc;
    c->account = lane_account(lane, json_get_str(c->data, "account"));
    if (!c->account)
        return bad(c, "/data/account is none of the settings", err);
    return address(lane, c, err);
}

/* All of them */

static enum status read_all(struct lane *lane, struct answer *a, struct err *err)
{
    size_t count = json_len(a->commands);
    enum status rc = ST_OK;

    a->list = arena_alloc(lane_arena(lane), (count + 1) * sizeof(*a->list));
    if (!a->list)
        return err_retry(err, "memory", "no memory for the CRM's answer");
    for (size_t i = 0; rc == ST_OK && i < count; i++) {
        a->list[i].answer = a;
        a->list[i].place = i;
        rc = read_command(lane, json_at(a->commands, i), &a->list[i], err);
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

enum status answer_take(struct lane *lane, const struct commands *commands,
                        const struct answer_to *to, struct str body, struct err *err)
{
    AUTO(json_freep) struct json *document = NULL;
    struct answer a = {.types = commands, .to = to, .body = body};
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
