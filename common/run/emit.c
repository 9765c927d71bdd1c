/* SPDX-License-Identifier: Apache-2.0 */
#include "run/emit.h"

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
    .type = "kabao.member.changed",
    .dataschema = SCHEMA_STATE_MEMBER,
    .step = "member",
    .write = write_member,
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
