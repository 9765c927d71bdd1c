/* SPDX-License-Identifier: Apache-2.0 */
/* kabao-bind: who scanned which QR code. A scan in, records of event.binding out: that there was
 * one, and what it bound or ended; and a message to who scanned. */
#include "bind/code.h"
#include "bind/say.h"
#include "bind/tell.h"
#include "model/event.h"
#include "tables/verify_code.h"

enum { TICK_MS = 60000 };

struct bind_state {
    struct bind_texts *texts;
    struct verify_key key;
};

/* Messages */

static enum bind_text text_of_reason(struct str reason)
{
    enum bind_text text = BIND_TEXT_UNKNOWN;

    while (text <= BIND_TEXT_LIMIT && !str_eq_cstr(reason, bind_text_name(text)))
        text++;
    return text;
}

/* Absent: there is nothing to say. */
static struct str words_for(struct lane *lane, const struct scan *scan, const struct decision *d)
{
    const struct bind_state *state = lane_state(lane);
    const struct bind_facts facts = {.user = d->user};
    enum bind_text text = BIND_TEXT_CODE;

    if (d->verdict == VERDICT_REFUSED)
        text = text_of_reason(d->reason);
    else if (d->verdict == VERDICT_BOUND && d->ended_at_ms == 0)
        text = str_is_set(d->user) ? BIND_TEXT_BOUND : BIND_TEXT_LOGIN;
    if (text >= BIND_TEXT_CODE) /* was sent, or could not be */
        return (struct str){NULL, 0};
    return bind_text_of(state->texts, scan->account, text, &facts, lane_arena(lane));
}

/* Pushes */

static enum status take_push(struct lane *lane, const struct message *message, struct scan *scan,
                             struct err *err)
{
    struct event event = {0};
    enum status rc = event_parse(message->value, &event, err);

    if (rc != ST_OK)
        return rc;
    *scan = (struct scan){
        .account = lane_account(lane, event.account),
        .appid = event.appid,
        .openid = event.openid,
        .scene = event.scene,
        .id = message->event.id,
        .at_ms = event.create_time.value * 1000,
        .first_follow = str_eq(event.event, STR("subscribe")),
    };
    if (!scan->account)
        return err_reject(err, REASON_REJECTED, "account", "no [account %.*s] in the settings",
                          STR_ARG(event.account));
    return ST_OK;
}

static enum status carry_out(struct lane *lane, const struct scan *scan,
                             const struct message *message, struct err *err)
{
    const struct bind_state *state = lane_state(lane);
    const struct code_sender sender = {.key = &state->key, .texts = state->texts};
    struct decision d = {.verdict = VERDICT_REFUSED};
    enum status rc = decide_scan(lane, scan, &d, err);

    if (rc == ST_OK && d.verdict == VERDICT_CODE)
        rc = send_code(lane, scan, &sender, &d, err);
    if (rc == ST_OK)
        rc = say_decision(lane, scan, &d, err);
    if (rc == ST_OK)
        rc = lane_flush(lane, err);
    return rc == ST_OK ? tell(lane, scan, &d, words_for(lane, scan, &d), message, err) : rc;
}

/* Nothing is bound, told or sent of a push from before the person was erased. */
static bool is_erased(struct lane *lane, const struct scan *scan)
{
    const struct erased_who who = {.appid = scan->appid, .openid = scan->openid};

    return erased_knows(lane_erased(lane), &who, scan->at_ms);
}

static enum status on_scan(struct lane *lane, const struct message *message, struct err *err)
{
    struct scan scan = {0};
    struct str user;
    enum status rc = take_push(lane, message, &scan, err);

    if (rc != ST_OK || str_is_empty(scan.scene) || is_erased(lane, &scan))
        return rc;
    rc = say_scanned(lane, &scan, err);
    if (rc != ST_OK || scene_binds(scan.account, scan.scene, &user) == BINDS_NOBODY)
        return rc;
    return carry_out(lane, &scan, message, err);
}

static enum status on_unsubscribe(struct lane *lane, const struct message *message, struct err *err)
{
    struct scan scan = {0};
    struct decision d = {.verdict = VERDICT_LEFT};
    enum status rc = take_push(lane, message, &scan, err);

    if (rc != ST_OK || is_erased(lane, &scan))
        return rc;
    rc = decide_leave(lane, &scan, &d, err);
    return rc == ST_OK ? say_decision(lane, &scan, &d, err) : rc;
}

/* The worker */

/* writer_fn */
static enum status forget(struct db *tx, void *arg UNUSED, struct err *err)
{
    int64_t deleted = 0;
    enum status rc = scene_forget(tx, &deleted, err);

    return rc == ST_OK ? verify_forget(tx, &deleted, err) : rc;
}

static enum status on_tick(struct lane *lane, struct err *err)
{
    return lane_run(lane, forget, NULL, err);
}

static enum status bind_open(void *arg, const struct settings *settings, struct err *err)
{
    struct bind_state *state = arg;
    enum status rc = verify_key_read(&settings->verify, &state->key, err);

    return rc == ST_OK ? bind_texts_open(settings, &state->texts, err) : rc;
}

static void bind_close(void *arg)
{
    struct bind_state *state = arg;

    bind_texts_close(state->texts);
    verify_key_done(&state->key);
}

static const struct route ROUTES[] = {
    {"kabao.wechat.subscribe", on_scan},
    {"kabao.wechat.scan", on_scan},
    {"kabao.wechat.unsubscribe", on_unsubscribe},
    {0},
};

int main(int argc, char **argv)
{
    static const struct worker_def def = {
        .name = "bind",
        .purpose = "binds openids to users by scanned QR codes, and sends codes to who scans",
        .inputs = {TOPIC_EVENT_WECHAT},
        .outputs = {TOPIC_EVENT_BINDING, TOPIC_CMD_TOKEN},
        .routes = ROUTES,
        .calls_wechat = true,
        .state_size = sizeof(struct bind_state),
        .open = bind_open,
        .close = bind_close,
        .tick = {.every_ms = TICK_MS, .fn = on_tick},
    };

    return worker_main(argc, argv, &def);
}
