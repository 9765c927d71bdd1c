/* SPDX-License-Identifier: Apache-2.0 */
#include "bind/say.h"

static enum status say(struct lane *lane, const struct scan *scan, struct binding record,
                       int64_t at_ms, struct err *err)
{
    char at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(at_ms, at);
    record.account = str_from(scan->account->name);
    record.appid = scan->appid;
    record.openid = scan->openid;
    record.at = str_from(at);
    return lane_emit(lane, &EMIT_BINDING, &record, err);
}

enum status say_scanned(struct lane *lane, const struct scan *scan, struct err *err)
{
    const struct binding scanned = {
        .kind = STR("scanned"),
        .scene = scan->scene,
        .first_follow = {true, scan->first_follow},
    };

    return say(lane, scan, scanned, scan->at_ms, err);
}

static enum status say_unbound(struct lane *lane, const struct scan *scan, struct str scene,
                               struct str user, int64_t at_ms, struct err *err)
{
    const struct binding unbound = {.kind = STR("unbound"), .scene = scene, .user = user};

    return say(lane, scan, unbound, at_ms, err);
}

static enum status say_ended(struct lane *lane, const struct scan *scan,
                             const struct bound_list *ended, struct err *err)
{
    enum status rc = ST_OK;

    for (size_t i = 0; i < ended->count && rc == ST_OK; i++)
        rc = say_unbound(lane, scan, ended->items[i].scene, ended->items[i].user, scan->at_ms, err);
    return rc;
}

static enum status say_bound(struct lane *lane, const struct scan *scan, const struct decision *d,
                             struct err *err)
{
    const struct binding bound = {.kind = STR("bound"), .scene = scan->scene, .user = d->user};
    enum status rc = say(lane, scan, bound, scan->at_ms, err);

    if (rc != ST_OK || d->ended_at_ms == 0)
        return rc;
    return say_unbound(lane, scan, scan->scene, d->user, d->ended_at_ms, err);
}

static enum status say_refused(struct lane *lane, const struct scan *scan, const struct decision *d,
                               struct err *err)
{
    const struct binding refused = {
        .kind = STR("refused"), .scene = scan->scene, .reason = d->reason};

    return say(lane, scan, refused, scan->at_ms, err);
}

static enum status say_code_sent(struct lane *lane, const struct scan *scan,
                                 const struct decision *d, struct err *err)
{
    char until[CLOCK_RFC3339_SIZE];
    struct binding sent = {
        .kind = STR("code_sent"),
        .scene = scan->scene,
        .user = d->user,
        .purpose = d->purpose,
    };

    clock_format_rfc3339(d->code_until_ms, until);
    sent.expires_at = str_from(until);
    return say(lane, scan, sent, scan->at_ms, err);
}

enum status say_decision(struct lane *lane, const struct scan *scan, const struct decision *d,
                         struct err *err)
{
    enum status rc = say_ended(lane, scan, &d->ended, err);

    if (rc != ST_OK)
        return rc;
    switch (d->verdict) {
    case VERDICT_BOUND: return say_bound(lane, scan, d, err);
    case VERDICT_REFUSED: return say_refused(lane, scan, d, err);
    case VERDICT_CODE: return say_code_sent(lane, scan, d, err);
    case VERDICT_LEFT: break;
    }
    return ST_OK;
}
