/* SPDX-License-Identifier: Apache-2.0 */
#include "run/emit.h"

#include "model/bonus_result.h"
#include "model/id.h"
#include "model/member.h"
#include "model/schema_ids.h"
#include "model/token.h"

static void write_member(const void *record, struct buf *out)
{
    member_write(record, out);
}

static bool address_member(const void *record, struct arena *arena, struct emit_address *out)
{
    const struct member *m = record;

    out->key = id_card_key(arena, m->appid, m->card_id, m->card_code);
    out->appid = m->appid;
    out->subject = m->card_code;
    return str_is_set(out->key);
}

const struct emit EMIT_MEMBER = {
    .topic = TOPIC_STATE_MEMBER,
    .type = CE_TYPE_MEMBER_CHANGED,
    .dataschema = SCHEMA_STATE_MEMBER,
    .step = "member",
    .write = write_member,
    .address = address_member,
};

const struct emit EMIT_MEMBER_IMPORTED = {
    .topic = TOPIC_STATE_MEMBER,
    .type = CE_TYPE_MEMBER_IMPORTED,
    .dataschema = SCHEMA_STATE_MEMBER,
    .step = "imported",
    .write = write_member,
    .address = address_member,
};

const struct emit EMIT_MEMBER_GONE = {
    .topic = TOPIC_STATE_MEMBER,
    .type = "tombstone",
    .step = "gone",
    .address = address_member,
};

static void write_token_state(const void *record, struct buf *out)
{
    token_state_write(record, out);
}

static bool address_token_state(const void *record, struct arena *arena, struct emit_address *out)
{
    const struct token_state *t = record;

    out->key = arena_printf(arena, "%.*s:%.*s", STR_ARG(t->appid), STR_ARG(t->kind));
    out->appid = t->appid;
    return str_is_set(out->key);
}

const struct emit EMIT_TOKEN_STATE = {
    .topic = TOPIC_STATE_TOKEN,
    .type = "kabao.token.current",
    .dataschema = SCHEMA_STATE_TOKEN,
    .step = "token",
    .news = true,
    .write = write_token_state,
    .address = address_token_state,
};

static void write_token_bad(const void *record, struct buf *out)
{
    token_bad_write(record, out);
}

static bool address_token_bad(const void *record, struct arena *arena UNUSED,
                              struct emit_address *out)
{
    const struct token_bad *t = record;

    out->key = t->appid;
    out->appid = t->appid;
    return true;
}

const struct emit EMIT_TOKEN_BAD = {
    .topic = TOPIC_CMD_TOKEN,
    .type = "kabao.token.bad",
    .dataschema = SCHEMA_CMD_TOKEN,
    .step = "token.bad",
    .news = true,
    .write = write_token_bad,
    .address = address_token_bad,
};

static void write_bonus_result(const void *record, struct buf *out)
{
    bonus_result_write(record, out);
}

static bool address_bonus_result(const void *record, struct arena *arena, struct emit_address *out)
{
    const struct bonus_result *r = record;
    bool has_card =
        !str_is_empty(r->appid) && !str_is_empty(r->card_id) && !str_is_empty(r->card_code);

    out->key = has_card ? id_card_key(arena, r->appid, r->card_id, r->card_code) : r->command_id;
    out->appid = r->appid;
    out->subject = r->card_code;
    return str_is_set(out->key);
}

const struct emit EMIT_BONUS_RESULT = {
    .topic = TOPIC_RESULT_BONUS,
    .type = CE_TYPE_BONUS_CHANGED,
    .dataschema = SCHEMA_RESULT_BONUS,
    .step = "result",
    .write = write_bonus_result,
    .address = address_bonus_result,
};

static void write_activation(const void *record, struct buf *out)
{
    const struct activation_emit *a = record;

    activation_write(&a->activation, out);
}

static bool address_activation(const void *record, struct arena *arena, struct emit_address *out)
{
    const struct activation_emit *a = record;
    const struct activation *card = &a->activation;

    out->key = id_card_key(arena, card->appid, card->card_id, card->card_code);
    out->appid = card->appid;
    out->subject = card->card_code;
    out->id = a->id;
    return str_is_set(out->key);
}

const struct emit EMIT_CARD_ACTIVATED = {
    .topic = TOPIC_EVENT_ACTIVATION,
    .type = CE_TYPE_CARD_ACTIVATED,
    .dataschema = SCHEMA_EVENT_ACTIVATION,
    .step = "activated",
    .write = write_activation,
    .address = address_activation,
};

const struct emit EMIT_ACTIVATION_REQUESTED = {
    .topic = TOPIC_EVENT_ACTIVATION,
    .type = CE_TYPE_ACTIVATION_REQUESTED,
    .dataschema = SCHEMA_EVENT_ACTIVATION,
    .step = "requested",
    .write = write_activation,
    .address = address_activation,
};

const struct emit EMIT_ACTIVATION_PENDING = {
    .topic = TOPIC_EVENT_ACTIVATION,
    .type = CE_TYPE_ACTIVATION_PENDING,
    .dataschema = SCHEMA_EVENT_ACTIVATION,
    .step = "pending",
    .write = write_activation,
    .address = address_activation,
};

static void write_binding(const void *record, struct buf *out)
{
    binding_write(record, out);
}

static bool address_binding(const void *record, struct arena *arena, struct emit_address *out)
{
    const struct binding *b = record;
    const struct str who = str_eq(b->kind, STR("pending")) ? b->scene : b->openid;

    out->type = arena_printf(arena, CE_TYPE_BINDING_PREFIX "%.*s", STR_ARG(b->kind));
    out->key = arena_printf(arena, "%.*s:%.*s", STR_ARG(b->appid), STR_ARG(who));
    out->appid = b->appid;
    out->part = arena_printf(arena, "%.*s:%.*s:%.*s", STR_ARG(b->kind), STR_ARG(b->openid),
                             STR_ARG(b->scene));
    return str_is_set(out->type) && str_is_set(out->key) && str_is_set(out->part);
}

const struct emit EMIT_BINDING = {
    .topic = TOPIC_EVENT_BINDING,
    .type = CE_TYPE_BINDING_PREFIX,
    .dataschema = SCHEMA_EVENT_BINDING,
    .step = "binding",
    .write = write_binding,
    .address = address_binding,
};

static void write_command(const void *record, struct buf *out)
{
    const struct command_emit *c = record;

    buf_add(out, c->json);
}

static bool address_command(const void *record, struct arena *arena UNUSED,
                            struct emit_address *out)
{
    const struct command_emit *c = record;

    out->key = c->key;
    out->appid = c->appid;
    out->subject = c->subject;
    out->id = c->id;
    out->type = c->type;
    return true;
}

const struct emit EMIT_COMMAND_BONUS = {
    .topic = TOPIC_CMD_BONUS,
    .type = CE_TYPE_BONUS_CHANGE,
    .dataschema = SCHEMA_CMD_BONUS,
    .step = "command.bonus",
    .write = write_command,
    .address = address_command,
};

const struct emit EMIT_COMMAND_ACTIVATION = {
    .topic = TOPIC_CMD_ACTIVATION,
    .type = CE_TYPE_ACTIVATION_TICKET,
    .dataschema = SCHEMA_CMD_ACTIVATION,
    .step = "command.activation",
    .keeps_time = true,
    .write = write_command,
    .address = address_command,
};

const struct emit EMIT_COMMAND_WECHAT = {
    .topic = TOPIC_CMD_WECHAT,
    .type = CE_TYPE_COMMAND_PREFIX,
    .dataschema = SCHEMA_CMD_WECHAT,
    .step = "command.wechat",
    .keeps_time = true,
    .write = write_command,
    .address = address_command,
};

static void write_wechat_result(const void *record, struct buf *out)
{
    const struct result_emit *r = record;

    wechat_result_write(&r->result, out);
}

static bool address_wechat_result(const void *record, struct arena *arena UNUSED,
                                  struct emit_address *out)
{
    const struct result_emit *r = record;

    out->topic = r->topic;
    out->key = r->key;
    out->appid = r->appid;
    return true;
}

const struct emit EMIT_WECHAT_RESULT = {
    .topic = TOPIC_RESULT_WECHAT,
    .type = CE_TYPE_COMMAND_RESULT,
    .dataschema = SCHEMA_RESULT_WECHAT,
    .step = "result",
    .write = write_wechat_result,
    .address = address_wechat_result,
};
