/* SPDX-License-Identifier: Apache-2.0 */
#include "bind/tell.h"

#include "wechat/message.h"

struct telling {
    const struct scan *scan;
    struct str text;
    struct deadline by;
};

/* What may have been sent is as good as told, and so is a final no: a message more would be worse
 * than one less. */
static bool is_over(enum status rc, const struct err *err)
{
    return rc == ST_REJECT || (rc == ST_RETRY && !http_client_sent_nothing(err));
}

static enum status call_tell(struct lane *lane, struct deadline until, void *arg,
                             struct str *result UNUSED, struct err *err)
{
    const struct telling *t = arg;
    const struct message_to to = {
        .account = t->scan->account,
        .openid = t->scan->openid,
        .traceparent = lane_traceparent(lane),
        .until = until,
        .send_by = t->by,
    };
    struct err why = {0};
    enum status rc;

    if (deadline_passed(t->by))
        return err_reject(err, REASON_EXPIRED, "deadline", "it is too late to tell it");
    rc = message_custom_text(lane_wechat(lane), &to, t->text, &why);
    if (is_over(rc, &why)) {
        lane_warn(lane, "bind.untold", &why);
        return ST_OK;
    }
    if (rc != ST_OK)
        *err = why;
    return rc;
}

/* Of a process that died. */
static enum status probe_tell(struct lane *lane, struct deadline until UNUSED, void *arg UNUSED,
                              bool *happened, struct str *result UNUSED, struct err *err UNUSED)
{
    struct err why = {0};

    (void)err_retry(&why, "bind:cut", "nobody knows whether the message was sent");
    lane_warn(lane, "bind.untold", &why);
    *happened = true;
    return ST_OK;
}

static const struct step STEP_TOLD = {
    .name = "bind.told",
    .nature = NATURE_PROBE,
    .call = call_tell,
    .probe = probe_tell,
};

static bool is_last_attempt(struct lane *lane, const struct message *message)
{
    return message->attempt >= lane_settings(lane)->worker.max_attempts;
}

enum status tell(struct lane *lane, const struct scan *scan, const struct decision *d,
                 struct str text, const struct message *message, struct err *err)
{
    const int64_t left_ms = scan->at_ms + TELL_WITHIN_MS - clock_wall_ms();
    struct telling telling = {.scan = scan, .text = text, .by = deadline_in(left_ms)};
    const struct effect effect = {.step = &STEP_TOLD, .identity = scan->id, .arg = &telling};
    struct str result = {NULL, 0};
    bool made = false;
    struct err why = {0};
    enum status rc;

    /* Who was at it before may have died in the call: that intent is then ended, however late. */
    if (str_is_empty(text) || (left_ms <= 0 && !d->is_old))
        return ST_OK;
    if (left_ms > 0)
        lane_look_by(lane, telling.by);
    rc = lane_effect(lane, &effect, &result, &made, &why);
    if (rc == ST_REJECT && why.reason == REASON_EXPIRED)
        return ST_OK;
    if (rc == ST_RETRY && is_last_attempt(lane, message)) {
        lane_warn(lane, "bind.untold", &why);
        return ST_OK;
    }
    if (rc != ST_OK)
        *err = why;
    return rc;
}
