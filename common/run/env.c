/* SPDX-License-Identifier: Apache-2.0 */
/* What the WeChat client asks of a lane: a token, a word about a bad one, leave to call, a report.
 */
#include "metrics/catalog.h"
#include "run/engine.h"

#include <stdio.h>

/* NOLINTNEXTLINE(readability-function-size): the shape is that of struct wechat_env. */
static enum status env_token(void *arg, const struct account *account, enum token_kind kind,
                             const char *older, struct deadline until, struct token *out,
                             struct err *err)
{
    const struct lane *lane = arg;

    return tokens_wait(lane->engine->tokens, account, kind, older, until, out, err);
}

static void env_token_bad(void *arg, const struct account *account, enum token_kind kind,
                          const char *fingerprint)
{
    struct lane *lane = arg;
    char now[CLOCK_RFC3339_SIZE];
    struct err err = {0};
    struct token_bad bad = {
        .account = str_from(account->name),
        .appid = str_from(account->appid),
        .kind = str_from(token_kind_name(kind)),
        .fingerprint = str_from(fingerprint),
    };

    if (!tokens_report_bad(lane->engine->tokens, account, kind, fingerprint))
        return;
    clock_format_rfc3339(clock_wall_ms(), now);
    bad.at = str_from(now);
    log_warn(EV("token.bad"), kv_cstr("account", account->name),
             kv_cstr("kind", token_kind_name(kind)));
    if (lane_emit(lane, &EMIT_TOKEN_BAD, &bad, &err) != ST_OK)
        log_warn(EV("token.report_failed"), kv_cstr("error", err.text));
}

/* Nearly every call of a lane is on the path of the one before. NULL: no memory. */
static struct quota_path *find_path(struct lane *lane, const struct account *account,
                                    const char *path)
{
    if (lane->called && lane->called_account == account && lane->called_path == path)
        return lane->called;
    lane->called = quota_path(lane->engine->quota, account, path);
    lane->called_account = account;
    lane->called_path = path;
    return lane->called;
}

static enum status env_admit(void *arg, const struct account *account, const char *path,
                             struct err *err)
{
    struct lane *lane = arg;
    struct quota_path *found = find_path(lane, account, path);
    const struct quota_caller caller = {
        .until = lane->until,
        .is_replay = lane_is_replay(lane),
    };

    if (!found)
        return err_retry(err, "memory", "no memory for a path");
    return quota_admit(lane->engine->quota, found, &caller, err);
}

/* Finding a series takes a lock; nearly every call is to the lane's one path, and answered. */
static struct series *find_requests(struct lane *lane, const char *path, int errcode)
{
    char code[16];
    struct series *found;

    if (errcode == 0 && lane->answered_path == path)
        return lane->answered;
    (void)snprintf(code, sizeof(code), "%d", errcode);
    found = metric_2(lane->engine->app->metrics, &METRIC_WECHAT_REQUESTS, path, code);
    if (errcode == 0) {
        lane->answered_path = path;
        lane->answered = found;
    }
    return found;
}

static void env_report(void *arg, const struct account *account, const char *path, int errcode,
                       int64_t took_ms)
{
    struct lane *lane = arg;
    struct quota_path *found = find_path(lane, account, path);
    const struct quota_outcome outcome = {
        .errcode = errcode,
        .began_ms = clock_mono_ms() - took_ms,
        .key_hash = lane->record ? str_hash(lane->record->key) : 0,
    };

    lane->caused = true;
    metric_add(find_requests(lane, path, errcode), 1);
    metric_observe(lane->engine->series.wechat_seconds, (double)took_ms / 1000);
    lane->is_dark = found && quota_report(lane->engine->quota, found, &outcome, &lane->dark);
}

void lane_env(struct lane *lane)
{
    lane->env = (struct wechat_env){
        .arg = lane,
        .token = env_token,
        .token_bad = env_token_bad,
        .admit = env_admit,
        .report = env_report,
    };
}
