/* SPDX-License-Identifier: Apache-2.0 */
#include "bind/decide.h"

#include "bind/verdict.h"

/* The part of a push that one transaction decides. */
struct part {
    const struct scan *scan;
    struct str user; /* rest: who stays bound */
    enum status (*decide)(struct db *tx, struct arena *arena, const struct part *part,
                          struct verdict_part *out, struct err *err);
};

static struct bound row_of(const struct scan *scan, struct str user)
{
    return (struct bound){
        .appid = scan->appid,
        .openid = scan->openid,
        .scene = scan->scene,
        .user = user,
        .bound_at_ms = scan->at_ms,
    };
}

/* The first count of a list end; there may be more of them when it was full. */
static enum status end_first(struct db *tx, const struct bound_list *list, size_t count,
                             int64_t at_ms, struct verdict_part *out, struct err *err)
{
    enum status rc = ST_OK;

    for (size_t i = 0; i < count && rc == ST_OK; i++)
        rc = bound_end(tx, &list->items[i], at_ms, err);
    out->decision.ended = (struct bound_list){list->items, count};
    out->more = count == BOUND_LIST_MAX;
    return rc;
}

static enum status put(struct db *tx, const struct scan *scan, struct str user,
                       const struct rebinding *rebinding, struct verdict_part *out, struct err *err)
{
    const struct bound row = row_of(scan, user);
    int64_t ended_at_ms = 0;
    enum status rc = bound_put(tx, &row, &ended_at_ms, err);

    if (rc == ST_OK && ended_at_ms == 0 && rebinding->ended_at_ms != 0) {
        ended_at_ms = rebinding->ended_at_ms;
        rc = bound_end(tx, &row, ended_at_ms, err);
    }
    out->decision.ended_at_ms = ended_at_ms;
    return rc;
}

static void refuse(struct verdict_part *out, struct str reason)
{
    out->decision = (struct decision){.verdict = VERDICT_REFUSED, .reason = reason};
}

static enum status bind_user(struct db *tx, struct arena *arena, const struct scan *scan,
                             struct str user, struct verdict_part *out, struct err *err)
{
    const struct bound who = row_of(scan, user);
    struct bound_list others = {NULL, 0};
    struct rebinding rebinding;
    enum status rc = bound_load(tx, arena, &who, &others, err);

    if (rc != ST_OK)
        return rc;
    rebinding = rebind((enum rebind)scan->account->rebind, &others, scan->at_ms);
    if (rebinding.refused) {
        refuse(out, STR("rebind"));
        return ST_OK;
    }
    out->decision = (struct decision){.verdict = VERDICT_BOUND, .user = user};
    rc = end_first(tx, &others, rebinding.ends, scan->at_ms, out, err);
    return rc == ST_OK ? put(tx, scan, user, &rebinding, out, err) : rc;
}

static enum status use_scene(struct db *tx, struct arena *arena, const struct scan *scan,
                             const struct scene *row, struct verdict_part *out, struct err *err)
{
    enum status rc = scene_spend(tx, row, scan->openid, scan->at_ms, err);

    if (rc != ST_OK)
        return rc;
    if (row->kind == SCENE_BIND && str_is_set(row->user))
        return bind_user(tx, arena, scan, row->user, out, err);
    out->decision = (struct decision){
        .verdict = row->kind == SCENE_VERIFY ? VERDICT_CODE : VERDICT_BOUND,
        .user = row->user,
        .purpose = row->purpose,
        .code_ttl_s = row->code_ttl_s,
    };
    return ST_OK;
}

static enum status by_table(struct db *tx, struct arena *arena, const struct part *part,
                            struct verdict_part *out, struct err *err)
{
    const struct scan *scan = part->scan;
    struct scene row = {.appid = scan->appid, .scene = scan->scene};
    bool found = false;
    struct str reason;
    enum status rc = scene_load(tx, arena, &row, &found, err);

    if (rc != ST_OK)
        return rc;
    reason = scene_refusal(found ? &row : NULL, scan->at_ms);
    if (!str_is_set(reason))
        return use_scene(tx, arena, scan, &row, out, err);
    refuse(out, reason);
    return ST_OK;
}

static enum status by_prefix(struct db *tx, struct arena *arena, const struct part *part,
                             struct verdict_part *out, struct err *err)
{
    return bind_user(tx, arena, part->scan, part->user, out, err);
}

static enum status leave(struct db *tx, struct arena *arena, const struct part *part,
                         struct verdict_part *out, struct err *err)
{
    const struct scan *scan = part->scan;
    const struct bound who = {.appid = scan->appid, .openid = scan->openid};
    struct bound_list bound = {NULL, 0};
    size_t count = 0;
    enum status rc = bound_left(tx, scan->appid, scan->openid, scan->at_ms, err);

    if (rc == ST_OK)
        rc = bound_load(tx, arena, &who, &bound, err);
    if (rc != ST_OK)
        return rc;
    while (count < bound.count && bound.items[count].bound_at_ms <= scan->at_ms)
        count++;
    out->decision = (struct decision){.verdict = VERDICT_LEFT};
    return end_first(tx, &bound, count, scan->at_ms, out, err);
}

/* What one transaction did not reach of those that the new binding replaces. */
static enum status replace_rest(struct db *tx, struct arena *arena, const struct part *part,
                                struct verdict_part *out, struct err *err)
{
    const struct scan *scan = part->scan;
    const struct bound who = row_of(scan, part->user);
    struct bound_list others = {NULL, 0};
    enum status rc = bound_load(tx, arena, &who, &others, err);

    if (rc != ST_OK)
        return rc;
    out->decision = (struct decision){.verdict = VERDICT_BOUND};
    return end_first(tx, &others, rebind(REBIND_REPLACE, &others, scan->at_ms).ends, scan->at_ms,
                     out, err);
}

static enum status decide(struct db *tx, struct lane *lane, void *arg, struct str *result,
                          struct err *err)
{
    const struct part *part = arg;
    struct verdict_part out = {.more = false};
    enum status rc = part->decide(tx, lane_arena(lane), part, &out, err);

    return rc == ST_OK ? verdict_write(&out, lane_arena(lane), result, err) : rc;
}

static const struct step STEP_BIND = {
    .name = "bind",
    .nature = NATURE_REPEATABLE,
    .decide = decide,
};

/* page: 0, 1, ... */
static enum status run(struct lane *lane, struct part *part, size_t page, struct verdict_part *out,
                       struct err *err)
{
    struct effect effect = {.step = &STEP_BIND, .identity = part->scan->id, .arg = part};
    struct str result = {NULL, 0};
    bool made = false;
    enum status rc;

    if (page > 0)
        effect.identity = arena_printf(lane_arena(lane), "%.*s#%zu", STR_ARG(part->scan->id), page);
    if (!str_is_set(effect.identity))
        return err_retry(err, "memory", "no memory for a name");
    rc = lane_effect(lane, &effect, &result, &made, err);
    if (rc == ST_OK)
        rc = verdict_read(result, lane_arena(lane), out, err);
    if (rc == ST_OK)
        out->decision.is_old = !made;
    return rc;
}

static enum status run_all(struct lane *lane, struct part *part, struct part *rest,
                           struct decision *out, struct err *err)
{
    struct verdict_part first = {.more = false};
    struct verdict_part next;
    enum status rc = run(lane, part, 0, &first, err);

    rest->user = first.decision.user;
    next.more = first.more;
    for (size_t page = 1; rc == ST_OK && next.more; page++) {
        rc = run(lane, rest, page, &next, err);
        if (rc == ST_OK)
            rc = verdict_join(&first.decision.ended, &next.decision.ended, lane_arena(lane), err);
    }
    if (rc == ST_OK)
        *out = first.decision;
    return rc;
}

enum status decide_scan(struct lane *lane, const struct scan *scan, struct decision *out,
                        struct err *err)
{
    struct part part = {.scan = scan, .decide = by_table};
    struct part rest = {.scan = scan, .decide = replace_rest};

    if (scene_binds(scan->account, scan->scene, &part.user) == BINDS_BY_PREFIX)
        part.decide = by_prefix;
    return run_all(lane, &part, &rest, out, err);
}

enum status decide_leave(struct lane *lane, const struct scan *scan, struct decision *out,
                         struct err *err)
{
    struct part part = {.scan = scan, .decide = leave};
    struct part rest = part;

    return run_all(lane, &part, &rest, out, err);
}
