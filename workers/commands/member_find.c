/* SPDX-License-Identifier: Apache-2.0 */
/* member.find: cards from kabao's own tables, as kabao-store knows them; WeChat is not asked. */
#include "tables/member_find.h"

#include "call.h"
#include "codec/jsonw.h"
#include "tables/member.h"

enum { ANSWER_MAX = 256 * 1024 };

struct search {
    struct member_query query;
    struct buf text;
    struct jsonw w;
    bool more;
};

static void search_done(struct search *s)
{
    buf_done(&s->text);
}

static void write_time(struct jsonw *w, const char *name, int64_t at_ms)
{
    char text[CLOCK_RFC3339_SIZE];

    if (at_ms == 0)
        return;
    clock_format_rfc3339(at_ms, text);
    jsonw_key_str(w, name, str_from(text));
}

/* member_find_fn */
static void write_card(void *arg, const struct member_found *card)
{
    struct jsonw *w = arg;

    jsonw_object(w);
    jsonw_key_str(w, "card_id", card->card_id);
    jsonw_key_str(w, "card_code", card->card_code);
    jsonw_key_str(w, "openid", card->openid);
    jsonw_key_str(w, "unionid", card->unionid);
    jsonw_key_str(w, "membership_number", card->membership_number);
    jsonw_key_str(w, "status", card->status);
    if (card->has_active.set)
        jsonw_key_bool(w, "has_active", card->has_active.value);
    if (card->bonus.set)
        jsonw_key_i64(w, "bonus", card->bonus.value);
    if (card->balance.set)
        jsonw_key_i64(w, "balance", card->balance.value);
    write_time(w, "activated_at", card->activated_at_ms);
    jsonw_object_end(w);
}

/* writer_fn: may run again. */
static enum status find(struct db *tx, void *arg, struct err *err)
{
    struct search *s = arg;
    enum status rc;

    buf_clear(&s->text);
    s->w = (struct jsonw){.out = &s->text};
    jsonw_object(&s->w);
    jsonw_key(&s->w, STR("cards"));
    jsonw_array(&s->w);
    rc = member_find(tx, &s->query, write_card, &s->w, &s->more, err);
    jsonw_array_end(&s->w);
    if (s->more)
        jsonw_key_bool(&s->w, "more", true);
    jsonw_object_end(&s->w);
    return rc;
}

/* False: none of them is a telephone number. */
static bool read_query(struct command *c, struct member_query *query)
{
    static const struct {
        const char *name;
        enum member_find_by by;
    } rows[] = {
        {"mobile", MEMBER_BY_MOBILE},
        {"membership_number", MEMBER_BY_NUMBER},
        {"openid", MEMBER_BY_OPENID},
        {"unionid", MEMBER_BY_UNIONID},
    };

    *query = (struct member_query){
        .appid = str_from(c->account->appid),
        .card_id = json_get_str(c->body, "card_id"),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str value = json_get_str(c->body, rows[i].name);

        if (!str_is_set(value))
            continue;
        query->by = rows[i].by;
        query->value =
            query->by == MEMBER_BY_MOBILE ? member_mobile(lane_arena(c->lane), value) : value;
    }
    return str_is_set(query->value);
}

static enum status run(struct command *c, struct deadline until UNUSED, struct reply *reply,
                       struct err *err)
{
    AUTO(search_done) struct search s = {.text = BUF_INIT(ANSWER_MAX)};
    enum status rc;

    if (!read_query(c, &s.query)) {
        (void)str_copy(STR("/body/mobile"), c->fault.pointer, sizeof(c->fault.pointer));
        return err_reject(err, REASON_REJECTED, "schema", "/body/mobile is no telephone number");
    }
    rc = lane_run(c->lane, find, &s, err);
    if (rc != ST_OK)
        return rc;
    *reply = (struct reply){.answer = arena_dup(lane_arena(c->lane), buf_str(&s.text))};
    return buf_ok(&s.text) && str_is_set(reply->answer) ? ST_OK : command_no_memory(err);
}

const struct special SPECIAL_MEMBER_FIND = {.type = "member.find", .run = run};
