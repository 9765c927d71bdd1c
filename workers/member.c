/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-member: a card event in, the member's profile out. The event only says "look": what is
 * stored is what WeChat answers now. */
#include "wechat/member.h"

#include "base/recent.h"
#include "codec/jsonw.h"
#include "member/import.h"
#include "model/event.h"
#include "model/id.h"
#include "model/schema_ids.h"
#include "run/lane.h"

enum { VIEWS_REMEMBERED = 100000, VIEW_EVERY_MS = 3600 * 1000 };

struct member_state {
    struct recent *views; /* card keys whose user_view_card was answered within the hour */
};

/* What only the receive event tells; empty texts are unknown, not empty. */
static void add_receipt(struct member *m, const struct event *event)
{
    struct str unionid = event_field(event, "UnionId");
    struct str outer_str = event_field(event, "OuterStr");
    struct str previous = event_field(event, "OldUserCardCode");

    if (!str_is_empty(unionid))
        m->unionid = unionid;
    if (!str_is_empty(outer_str))
        m->outer_str = outer_str;
    if (!str_is_empty(previous))
        m->previous_card_code = previous;
}

/* A card that WeChat knows no more after its owner deleted it: the row stays, with this status. */
static enum status mark_deleted(const struct event *event, struct member *m, struct err *err)
{
    if (!str_eq(event->event, STR("user_del_card")) || !wechat_card_gone(err))
        return ST_REJECT;
    m->openid = event->openid;
    m->status = STR("DELETE");
    *err = (struct err){0};
    return ST_OK;
}

struct answers {
    struct json *member;
    struct json *code;
};

static void answers_done(struct answers *answers)
{
    json_free(answers->member);
    json_free(answers->code);
}

static enum status look(struct lane *lane, const struct card *card, const struct event *event,
                        struct answers *answers, struct member *m, struct err *err)
{
    struct wechat *wechat = lane_wechat(lane);
    struct arena *arena = lane_arena(lane);
    struct deadline until = lane_deadline(lane);
    enum status rc;

    rc = wechat_member_get(wechat, card, until, arena, m, &answers->member, err);
    if (rc != ST_REJECT || !wechat_card_gone(err))
        return rc;
    rc = wechat_code_get(wechat, card, until, arena, m, &answers->code, err);
    return rc == ST_REJECT ? mark_deleted(event, m, err) : rc;
}

/* What WeChat tells now of somebody who was erased after the push is not told on. What slips
 * through in the second before that is known here, kabao-store takes out again. */
static bool is_erased(struct lane *lane, const struct event *event, const struct member *m)
{
    const struct erased_who who = {
        .appid = event->appid,
        .openid = str_is_set(m->openid) ? m->openid : event->openid,
        .unionid = m->unionid,
        .card_id = event->card_id,
        .card_code = event->card_code,
    };

    return erased_knows(lane_erased(lane), &who, event->create_time.value * 1000);
}

static enum status fetch(struct lane *lane, const struct event *event, struct err *err)
{
    AUTO(answers_done) struct answers answers = {0};
    const struct account *account = lane_account(lane, event->account);
    struct member m = {.version = {true, event->create_time.value * 1000}};
    struct card card = {
        .account = account,
        .card_id = event->card_id,
        .card_code = event->card_code,
        .traceparent = lane_traceparent(lane),
    };
    enum status rc;

    if (!account)
        return err_reject(err, REASON_REJECTED, "account", "no [account %.*s] in the settings",
                          STR_ARG(event->account));
    if (is_erased(lane, event, &m))
        return ST_OK;
    m.account = event->account;
    m.appid = event->appid;
    m.card_id = event->card_id;
    m.card_code = event->card_code;
    rc = look(lane, &card, event, &answers, &m, err);
    if (rc != ST_OK)
        return rc;
    if (str_eq(event->event, STR("user_get_card")))
        add_receipt(&m, event);
    if (is_erased(lane, event, &m))
        return ST_OK;
    return lane_emit(lane, &EMIT_MEMBER, &m, err);
}

static bool has_card(const struct event *event)
{
    return !str_is_empty(event->card_id) && !str_is_empty(event->card_code);
}

static enum status on_card_event(struct lane *lane, const struct message *message, struct err *err)
{
    struct event event = {0};
    enum status rc = event_parse(message->value, &event, err);

    if (rc != ST_OK || !has_card(&event))
        return rc;
    return fetch(lane, &event, err);
}

/* Fires at every look at the card: once per member and hour is enough. */
static enum status on_view(struct lane *lane, const struct message *message, struct err *err)
{
    struct member_state *state = lane_state(lane);
    int64_t now_ms = clock_mono_ms();
    struct event event = {0};
    struct str key;
    enum status rc = event_parse(message->value, &event, err);

    if (rc != ST_OK || !has_card(&event))
        return rc;
    key = id_card_key(lane_arena(lane), event.appid, event.card_id, event.card_code);
    if (str_is_set(key) && recent_has(state->views, key, now_ms))
        return ST_OK;
    rc = fetch(lane, &event, err);
    if (rc == ST_OK && str_is_set(key))
        recent_add(state->views, key, now_ms, VIEW_EVERY_MS);
    return rc;
}

enum { COMMAND_MAX = 512 };

/* With on_revoke = erase: the command, asked for when WeChat says it was revoked. */
static enum status on_revoke(struct lane *lane, const struct message *message, struct err *err)
{
    AUTO(buf_done) struct buf value = BUF_INIT(COMMAND_MAX);
    struct jsonw w = {.out = &value};
    struct command_emit command = {.type = STR(CE_TYPE_COMMAND_PREFIX "member.erase")};
    const struct account *account;
    struct event event = {0};
    struct str openid;
    enum status rc = event_parse(message->value, &event, err);

    if (rc != ST_OK)
        return rc;
    account = lane_account(lane, event.account);
    openid = event_revoked(&event);
    if (!account || account->on_revoke != ON_REVOKE_ERASE || str_is_empty(openid))
        return ST_OK;
    jsonw_object(&w);
    jsonw_key_str(&w, "account", event.account);
    jsonw_key_str(&w, "type", STR("member.erase"));
    jsonw_key(&w, STR("body"));
    jsonw_object(&w);
    jsonw_key_str(&w, "openid", openid);
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    command.key = id_user_key(lane_arena(lane), event.appid, openid);
    command.appid = event.appid;
    command.json = buf_str(&value);
    if (!buf_ok(&value) || !str_is_set(command.key))
        return err_retry(err, "memory", "no memory for a command");
    return lane_emit(lane, &EMIT_COMMAND_WECHAT, &command, err);
}

static enum status member_open(void *arg, const struct settings *settings UNUSED, struct err *err)
{
    struct member_state *state = arg;

    state->views = recent_new(VIEWS_REMEMBERED);
    return state->views ? ST_OK : err_fatal(err, "memory", "out of memory");
}

static void member_close(void *arg)
{
    struct member_state *state = arg;

    recent_free(state->views);
}

static const struct route ROUTES[] = {
    {"kabao.wechat.user_get_card", on_card_event},
    {"kabao.wechat.user_gifting_card", on_card_event},
    {"kabao.wechat.user_del_card", on_card_event},
    {"kabao.wechat.user_consume_card", on_card_event},
    {"kabao.wechat.user_pay_from_pay_cell", on_card_event},
    {"kabao.wechat.update_member_card", on_card_event},
    {"kabao.wechat.submit_membercard_user_info", on_card_event},
    {"kabao.wechat.user_view_card", on_view},
    {CE_TYPE_MEMBER_IMPORT, import_on_card},
    {"kabao.wechat.user_authorization_revoke", on_revoke},
    {0},
};

int main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "member",
        .purpose = "fetches the member's profile after each card event",
        .inputs = {TOPIC_EVENT_WECHAT},
        .outputs = {TOPIC_STATE_MEMBER, TOPIC_CMD_WECHAT, TOPIC_CMD_TOKEN},
        .routes = ROUTES,
        .calls_wechat = true,
        .state_size = sizeof(struct member_state),
        .open = member_open,
        .close = member_close,
        .on_dead = import_on_dead,
    };

    return worker_main(argc, argv, &def);
}
