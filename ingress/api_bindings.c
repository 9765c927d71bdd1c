/* SPDX-License-Identifier: Apache-2.0 */
/* The page beside a QR code: has it been scanned? */
#include "api.h"
#include "scenes.h"

/* The account whose scene this is, and what is known of it. A scene of bind.start is one account's;
 * of others the first that has it. Accounts of others are not looked at. */
static const struct account *find(const struct api_request *r, char id[SCENE_ID_SIZE],
                                  struct outcome_view *out)
{
    const struct gate_shared *shared = r->gate->shared;

    for (size_t i = 0; i < shared->settings->account_count; i++) {
        const struct account *account = &shared->settings->accounts[i];

        if (!api_client_may_use(r->client, str_from(account->name)) ||
            !str_is_set(scenes_id(str_from(account->appid), r->parts[1], id)))
            continue;
        outcomes_get(shared->api->scenes, str_from(id), clock_mono_ms(), out);
        if (out->state == OUTCOME_RUNNING || out->state == OUTCOME_DONE)
            return account;
    }
    return NULL;
}

static void refuse_unknown(struct api_request *r)
{
    char topic[TOPIC_NAME_SIZE];

    topic_name(&r->gate->shared->settings->topic, TOPIC_EVENT_BINDING, NULL, topic);
    api_problem(r, &(struct problem){
                       .kind = PROBLEM_NOT_FOUND,
                       .detail = arena_printf(http_exchange_arena(r->x),
                                              "Not known here (any more): scenes are kept for a "
                                              "day; what became of all stands in the topic %s.",
                                              topic),
                   });
}

static void refuse_over(struct api_request *r, struct str reason)
{
    api_problem(r, &(struct problem){.kind = PROBLEM_SCENE_OVER,
                                     .detail = STR("Nothing came of it: start another."),
                                     .reason = reason});
}

/* api_result_fn */
static void answer_end(struct api_request *r, struct outcome_text *end)
{
    AUTO(json_freep) struct json *value = NULL;
    struct err err = {0};
    const enum status rc = json_parse(outcome_text(end), &value, &err);

    if (rc == ST_OK && !str_eq(json_get_str(value, "kind"), STR("refused"))) {
        api_answer_result(r, end);
        return;
    }
    if (rc == ST_OK)
        refuse_over(r, json_get_str(value, "reason"));
    else
        (void)api_refuse(r, PROBLEM_MEMORY, (struct str){NULL, 0}); /* it was read before */
    outcome_text_release(end);
}

/* Of one that waits. */
struct scene_seen {
    char id[SCENE_ID_SIZE];
    int64_t left_ms; /* 0: for as long as it is known */
};

/* False: answered. */
static bool is_pending(struct api_request *r, struct scene_seen *out)
{
    struct outcome_view view;

    r->account = find(r, out->id, &view);
    if (!r->account) {
        refuse_unknown(r);
        return false;
    }
    if (view.state == OUTCOME_DONE) {
        answer_end(r, view.result);
        return false;
    }
    out->left_ms = 0;
    if (view.expires_ms == 0)
        return true;
    out->left_ms = view.expires_ms - clock_wall_ms();
    if (out->left_ms > 0)
        return true;
    refuse_over(r, STR("expired"));
    return false;
}

/* Time has passed: it may have lapsed meanwhile. */
static void stop_waiting(struct api_request *r)
{
    struct scene_seen seen;

    if (is_pending(r, &seen))
        api_answer_pending(r);
}

static void wait_for_end(struct api_request *r, const struct scene_seen *seen)
{
    const struct waiting_for end = {
        .outcomes = r->gate->shared->api->scenes,
        .id = str_from(seen->id),
        .on_result = answer_end,
        .on_pending = stop_waiting,
        /* One more for what both clocks cut off: then it has lapsed. */
        .ends_in_ms = seen->left_ms > 0 ? seen->left_ms + 1 : 0,
    };

    r->wait.any = true;
    waiting_add(r, &end);
}

void binding_get(struct api_request *r)
{
    struct scene_seen seen;

    if (!api_may(r, scenes_type(r->parts[1])) || !is_pending(r, &seen))
        return;
    if (r->prefer.wait_s > 0)
        wait_for_end(r, &seen);
    else
        api_answer_pending(r);
}
