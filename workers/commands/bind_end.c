/* SPDX-License-Identifier: Apache-2.0 */
/* bind.end: whoever an openid, or a user, is bound to is so no more. */
#include "call.h"
#include "codec/jsonw.h"
#include "tables/bound.h"
#include "tell.h"

/* The ledger keeps 60 KiB of an answer; an escape takes six bytes at most. */
enum { ANSWER_MAX = 60 * 1024, ITEM_MAX = 48, ESCAPED = 6 };

/* Of what WeChat's clock says: an end is later than what it ends. */
static int64_t end_of(const struct bound_list *list)
{
    int64_t at_ms = clock_wall_ms();

    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].bound_at_ms >= at_ms)
            at_ms = list->items[i].bound_at_ms + 1;
    return at_ms;
}

static enum status end_all(struct db *tx, const struct bound_list *list, int64_t at_ms,
                           struct err *err)
{
    enum status rc = ST_OK;

    for (size_t i = 0; rc == ST_OK && i < list->count; i++)
        rc = bound_end(tx, &list->items[i], at_ms, err);
    return rc;
}

/* What the answer cannot hold stays as it is. */
static bool cut_to_fit(struct bound_list *list)
{
    const size_t found = list->count;
    size_t room = ANSWER_MAX - ITEM_MAX;

    for (list->count = 0; list->count < found; list->count++) {
        const struct bound *b = &list->items[list->count];
        const size_t need = ITEM_MAX + ESCAPED * (b->openid.len + b->scene.len + b->user.len);

        if (need > room)
            return true;
        room -= need;
    }
    return found == BOUND_LIST_MAX;
}

static void write_list(const struct bound_list *list, bool more, struct buf *out)
{
    struct jsonw w = {.out = out};

    jsonw_object(&w);
    jsonw_key(&w, STR("unbound"));
    jsonw_array(&w);
    for (size_t i = 0; i < list->count; i++) {
        jsonw_object(&w);
        jsonw_key_str(&w, "openid", list->items[i].openid);
        jsonw_key_str(&w, "scene", list->items[i].scene);
        jsonw_key_str(&w, "user", list->items[i].user);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    if (more)
        jsonw_key_bool(&w, "more", true);
    jsonw_object_end(&w);
}

static enum status decide(struct command *c, struct db *tx, struct reply *reply, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_MAX);
    struct arena *arena = lane_arena(c->lane);
    const struct bound who = {
        .appid = str_from(c->account->appid),
        .openid = json_get_str(c->body, "openid"),
        .user = json_get_str(c->body, "user"),
    };
    struct bound_list list = {0};
    char at[CLOCK_RFC3339_SIZE];
    int64_t at_ms;
    bool more;
    enum status rc = bound_load(tx, arena, &who, &list, err);

    if (rc != ST_OK)
        return rc;
    more = cut_to_fit(&list);
    at_ms = end_of(&list);
    rc = end_all(tx, &list, at_ms, err);
    if (rc != ST_OK)
        return rc;
    write_list(&list, more, &text);
    clock_format_rfc3339(at_ms, at);
    *reply = (struct reply){.answer = arena_dup(arena, buf_str(&text)),
                            .at = arena_dup(arena, str_from(at))};
    return buf_ok(&text) && str_is_set(reply->answer) && str_is_set(reply->at)
               ? ST_OK
               : command_no_memory(err);
}

static enum status tell(struct command *c, const struct reply *reply, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    const struct json *list;
    enum status rc = tell_answer(reply, &answer, err);

    list = json_get(answer, "unbound");
    for (size_t i = 0; rc == ST_OK && i < json_len(list); i++) {
        const struct json *item = json_at(list, i);
        struct binding record = tell_record(c, reply, "unbound");

        record.openid = json_get_str(item, "openid");
        record.scene = json_get_str(item, "scene");
        record.user = json_get_str(item, "user");
        rc = lane_emit(c->lane, &EMIT_BINDING, &record, err);
    }
    return rc;
}

const struct special SPECIAL_BIND_END = {.type = "bind.end", .decide = decide, .after = tell};
