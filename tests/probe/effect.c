/* SPDX-License-Identifier: Apache-2.0 */
#include "effect.h"

#include "codec/json.h"
#include "journal.h"
#include "wechat/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 512, ANSWER_MAX = 4096 };

/* The path stands in refusals only; nobody but the test answers. */
static const struct call CALL = {.type = "probe.effect", .method = "POST", .path = "/probe"};

static struct str text(const struct effect_play *play, const char *name)
{
    return event_field(play->event, name);
}

static struct str identity_of(const struct effect_play *play)
{
    struct str named = text(play, "Identity");

    return str_is_empty(named) ? play->message->event.id : named;
}

/* Of all instances and all tries, the first one that gets here. */
static bool is_first(const struct effect_play *play, const char *what)
{
    AUTO(buf_done) struct buf path = BUF_INIT(PATH_BYTES);
    int fd;

    buf_addf(&path, "%s/%s-%.*s", play->directory, what, STR_ARG(text(play, "Seq")));
    if (!buf_ok(&path))
        abort();
    fd = open(path.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        abort();
    return fd >= 0 && close(fd) == 0;
}

static void pass(const struct effect_play *play, const char *point)
{
    if (str_eq_cstr(text(play, "Die"), point) && is_first(play, "died"))
        (void)raise(SIGKILL);
    if (str_eq_cstr(text(play, "Stop"), point) && is_first(play, "stopped"))
        (void)raise(SIGSTOP);
}

/* Url/kind/name, in the lane's arena; NULL: no memory. */
static const char *address_of(const struct effect_play *play, const char *kind, struct str name)
{
    return arena_printf(lane_arena(play->lane), "%.*s/%s/%.*s", STR_ARG(text(play, "Url")), kind,
                        STR_ARG(name))
        .ptr;
}

static enum status ask(const struct effect_play *play, const struct http_request *request,
                       struct deadline until, struct json **answer, struct err *err)
{
    struct wechat_refusal refusal = {.call = &CALL, .resource = "probe:effect"};
    const struct settings_wechat *settings = &lane_settings(play->lane)->wechat;
    enum status rc;

    if (!request->url)
        return err_wait(err, "memory", deadline_in(0), "no memory for an address");
    rc = wechat_exchange(lane_http(play->lane), request,
                         deadline_min(until, deadline_in(settings->timeout_ms)), answer,
                         &refusal.errcode, err);
    if (rc != ST_OK || refusal.errcode == 0)
        return rc;
    refusal.answer = *answer;
    return wechat_refuse(&refusal, err);
}

static enum status keep_answer(const struct effect_play *play, const struct json *answer,
                               struct str *result, struct err *err)
{
    AUTO(buf_done) struct buf json = BUF_INIT(ANSWER_MAX);

    json_format(answer, &json);
    *result =
        buf_ok(&json) ? arena_dup(lane_arena(play->lane), buf_str(&json)) : (struct str){NULL, 0};
    return str_is_set(*result) ? ST_OK : err_retry(err, "memory", "no memory for an answer");
}

/* Of struct step */

static enum status on_call(struct lane *lane UNUSED, struct deadline until, void *arg,
                           struct str *result, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    const struct effect_play *play = arg;
    const struct http_request request = {
        .method = "POST",
        .url = address_of(play, "effect", text(play, "Seq")),
        .content_type = "application/json",
        .body = STR("{}"),
        .once = true,
    };
    enum status rc;

    pass(play, "after_intent");
    rc = ask(play, &request, until, &answer, err);
    pass(play, "after_call");
    return rc == ST_OK ? keep_answer(play, answer, result, err) : rc;
}

static enum status on_probe(struct lane *lane UNUSED, struct deadline until, void *arg,
                            bool *happened, struct str *result, struct err *err)
{
    AUTO(json_freep) struct json *answer = NULL;
    const struct effect_play *play = arg;
    const struct http_request request = {.method = "GET",
                                         .url = address_of(play, "probe", text(play, "Seq"))};
    enum status rc = ask(play, &request, until, &answer, err);

    if (rc != ST_OK)
        return rc;
    if (!json_bool(json_get(answer, "happened"), happened))
        return err_retry(err, "probe:answer", "the probe's answer does not say");
    return keep_answer(play, answer, result, err);
}

static enum status on_begin(struct db *tx UNUSED, void *arg, struct err *err UNUSED)
{
    pass(arg, "in_intent");
    return ST_OK;
}

static enum status on_end(struct db *tx UNUSED, void *arg, struct err *err UNUSED)
{
    pass(arg, "in_done");
    return ST_OK;
}

static const struct step STEPS[] = {
    {"repeatable", NATURE_REPEATABLE, on_call, NULL, on_begin, on_end, NULL},
    {"probe", NATURE_PROBE, on_call, on_probe, on_begin, on_end, NULL},
    {"once", NATURE_ONCE, on_call, NULL, on_begin, on_end, NULL},
};

static const struct step *find_step(struct str nature)
{
    for (size_t i = 0; i < COUNT_OF(STEPS); i++)
        if (str_eq_cstr(nature, STEPS[i].name))
            return &STEPS[i];
    return str_is_empty(nature) ? &STEPS[0] : NULL;
}

enum status effect_play(const struct effect_play *play, struct err *err)
{
    struct effect_play own = *play; /* effect.arg is not const */
    struct effect effect = {
        .step = find_step(text(play, "Nature")),
        .identity = identity_of(play),
        .request_hash = text(play, "Hash"),
        .arg = &own,
    };
    struct str result = {NULL, 0};
    bool made = false;
    enum status rc;

    if (!effect.step)
        return err_reject(err, REASON_SCHEMA, "probe:nature", "no such nature");
    pass(play, "before_intent");
    rc = lane_effect(play->lane, &effect, &result, &made, err);
    if (rc != ST_OK)
        return rc;
    pass(play, "after_done");
    journal_add(play->journal, made ? "made" : "kept", play->message, text(play, "Seq"));
    return ST_OK;
}
