/* SPDX-License-Identifier: Apache-2.0 */
/* The card feature and the templates of member cards, one by one. */
#include "check_card.h"
#include "check_live.h"
#include "codec/jsonw.h"

#include <inttypes.h>
#include <stdio.h>

enum { PAGE = 50, LOOKED_AT_MAX = 200, BODY_MAX = 1024, CARD_ID_MAX = 64, WHAT_SIZE = 80 };

struct looking {
    struct check_live *live;
    char card_id[CARD_ID_MAX + 1]; /* the one looked at */
    int64_t total;                 /* templates WeChat has; the next two of those looked at */
    int64_t members;               /* of member cards */
    int64_t others;
};

/* check_finding_fn */
static void tell_finding(void *arg, enum check_state state, const char *text)
{
    const struct looking *k = arg;
    char what[WHAT_SIZE];

    (void)snprintf(what, sizeof(what), "card %s", k->card_id);
    live_line(k->live, state, what, "%s", text);
}

static bool is_deleted(const struct json *member_card)
{
    const struct str status = json_get_str(json_get(member_card, "base_info"), "status");

    return str_eq(status, STR("CARD_STATUS_DELETE")) ||
           str_eq(status, STR("CARD_STATUS_USER_DELETE"));
}

static void judge(struct looking *k, const struct json *answer)
{
    const struct check_findings findings = {tell_finding, k};
    const struct json *card = json_get(answer, "card");
    const struct json *member_card = json_get(card, "member_card");

    if (!str_eq(json_get_str(card, "card_type"), STR("MEMBER_CARD")))
        k->others++;
    else if (!is_deleted(member_card)) {
        k->members++;
        card_judge(member_card, k->live->account, &findings);
    }
}

static enum status look_at(struct looking *k, struct str card_id, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    AUTO(buf_done) struct buf body = BUF_INIT(BODY_MAX);
    struct jsonw w = {.out = &body};
    enum status rc;

    (void)str_copy(card_id, k->card_id, sizeof(k->card_id));
    jsonw_object(&w);
    jsonw_key_str(&w, "card_id", card_id);
    jsonw_object_end(&w);
    rc = live_ask(k->live, "card.get", buf_str(&body), &answer, err);
    if (rc == ST_OK)
        judge(k, answer);
    return rc;
}

static enum status next_page(struct looking *k, int64_t offset, struct json **answer,
                             struct err *err)
{
    char body[64];

    (void)snprintf(body, sizeof(body), "{\"offset\":%" PRId64 ",\"count\":%d}", offset, (int)PAGE);
    return live_ask(k->live, "card.list", str_from(body), answer, err);
}

/* The account may use cards. Takes the page over; false: told. */
static bool look_at_all(struct looking *k, struct json *page)
{
    struct err err = {0};
    enum status rc = ST_OK;

    for (int64_t offset = 0; rc == ST_OK && offset < LOOKED_AT_MAX; offset += PAGE) {
        const struct json *ids = json_get(page, "card_id_list");

        for (size_t i = 0; rc == ST_OK && i < json_len(ids); i++)
            rc = look_at(k, json_str(json_at(ids, i)), &err);
        if (rc != ST_OK || json_len(ids) < PAGE)
            break;
        json_free(page);
        page = NULL;
        rc = next_page(k, offset + PAGE, &page, &err);
    }
    json_free(page);
    if (rc != ST_OK)
        live_fail(k->live, "cards", &err);
    return rc == ST_OK;
}

static void sum_up(struct looking *k)
{
    if (k->members == 0)
        live_line(k->live, CHECK_NOTE, "cards",
                  "the feature is open, but there is no template of a member card: make one in the "
                  "console, or with kabaoctl command send card.create");
    else
        live_line(k->live, CHECK_OK, "cards",
                  "the feature is open; templates of member cards: %" PRId64 ", others: %" PRId64,
                  k->members, k->others);
    if (k->total > LOOKED_AT_MAX)
        live_line(k->live, CHECK_NOTE, "cards",
                  "only the first %d of %" PRId64 " templates were looked at", (int)LOOKED_AT_MAX,
                  k->total);
}

static void tell_refusal(struct check_live *l, const struct err *err)
{
    if (!live_is_code(err, 48001)) {
        live_fail(l, "cards", err);
        return;
    }
    live_line(l, CHECK_FAIL, "cards",
              "the account may not use cards (48001): verify it, then open the card feature "
              "(卡券功能) among the console's functions and "
              "ask again. Where it cannot be opened any more, kabao has no cards to work on here: "
              "menu, replies, messages and bindings work without them");
}

void live_cards(struct check_live *l)
{
    struct looking k = {.live = l};
    struct json *page = NULL;
    struct err err = {0};

    if (next_page(&k, 0, &page, &err) != ST_OK) {
        tell_refusal(l, &err);
        return;
    }
    (void)json_get_i64(page, "total_num", &k.total);
    if (look_at_all(&k, page))
        sum_up(&k);
}
