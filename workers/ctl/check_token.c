/* SPDX-License-Identifier: Apache-2.0 */
/* The token of an account, from where kabao-token has it, and what its fetch tells of address and
 * secret. A fetch in normal mode changes nothing; a classic one would end the token that is in use,
 * so then state.token is read. */
#include "check_live.h"
#include "check_remedy.h"
#include "config/secret.h"
#include "kafka/topics.h"
#include "scan.h"
#include "wechat/token.h"
#include "wechat/tokens.h"

#include <inttypes.h>
#include <string.h>

enum { FETCH_MS = 10000 };

static const char *const LINES[FETCH_LINES] = {
    [FETCH_ADDRESS] = "address",
    [FETCH_SECRET] = "secret",
    [FETCH_TOKEN] = "token",
};

static const char *const GOOD[FETCH_LINES] = {
    [FETCH_ADDRESS] = "WeChat takes calls from this machine's address",
    [FETCH_SECRET] = "AppID and AppSecret belong together",
};

static void take(struct check_live *l, const struct token *token)
{
    l->token = *token;
    l->has_token = true;
}

/* The line that failed; what WeChat looks at before is not known to be well, nor what comes after.
 */
static void tell_fault(struct check_live *l, const struct err *err)
{
    char remedy[FINDING_SIZE];
    const struct fetch_fault fault =
        fetch_remedy(l->account, err->code, err->text, remedy, sizeof(remedy));

    for (enum fetch_line line = 0; line < FETCH_LINES; line++)
        if (line == fault.line)
            live_line(l, CHECK_FAIL, LINES[line], "%s%s", fault.is_known ? remedy : err->text,
                      live_hint(err));
        else if (line > fault.line)
            live_line(l, CHECK_SKIP, LINES[line], "not asked: no %s", LINES[fault.line]);
        else
            live_line(l, CHECK_SKIP, LINES[line], "not known: WeChat gives no token");
}

static void ask_wechat(struct check_live *l)
{
    struct token_grant grant = {0};
    struct err err = {0};
    enum status rc = token_fetch(l->http, &l->report->ctl->settings->wechat, l->account,
                                 TOKEN_API_STABLE, false, deadline_in(FETCH_MS), &grant, &err);

    if (rc != ST_OK) {
        tell_fault(l, &err);
        return;
    }
    take(l, &grant.token);
    live_line(l, CHECK_OK, LINES[FETCH_ADDRESS], "%s", GOOD[FETCH_ADDRESS]);
    live_line(l, CHECK_OK, LINES[FETCH_SECRET], "%s", GOOD[FETCH_SECRET]);
    live_line(l, CHECK_OK, LINES[FETCH_TOKEN], "good for %" PRId64 " s more", grant.expires_in_s);
    explicit_bzero(&grant, sizeof(grant));
}

static void skip_fetch(struct check_live *l, const char *why)
{
    live_line(l, CHECK_SKIP, LINES[FETCH_ADDRESS], "not asked: %s", why);
    live_line(l, CHECK_SKIP, LINES[FETCH_SECRET], "not asked: %s", why);
}

static void ask_hub(struct check_live *l)
{
    struct token_grant grant = {0};
    struct err err = {0};
    enum status rc = token_fetch_hub(l->http, l->account, deadline_in(FETCH_MS), &grant, &err);

    skip_fetch(l, "the token comes from token_url");
    if (rc == ST_OK) {
        take(l, &grant.token);
        live_line(l, CHECK_OK, LINES[FETCH_TOKEN], "the hub's is good for %" PRId64 " s more",
                  grant.expires_in_s);
    } else {
        live_line(l, CHECK_FAIL, LINES[FETCH_TOKEN], "token_url: %s", err.text);
    }
    explicit_bzero(&grant, sizeof(grant));
}

/* scan_fn: what cannot be opened leaves the token before it. */
static enum status take_record(void *arg, const struct record *record, struct err *err)
{
    struct err unseen = {0};
    enum status rc = tokens_take(arg, record->key, record->headers, record->header_count,
                                 record->value, &unseen);

    if (rc != ST_RETRY)
        return ST_OK;
    *err = unseen;
    return rc;
}

static enum status read_state(struct check_live *l, struct token_entry *entry, struct err *err)
{
    const struct settings *settings = l->report->ctl->settings;
    char topic[TOPIC_NAME_SIZE];
    const struct scan scan = {.settings = settings, .topic = topic};
    AUTO(tokens_freep) struct tokens *tokens = NULL;
    struct seal_key key;
    enum status rc = seal_key_read(&settings->token, &key, err);

    if (rc != ST_OK)
        return rc;
    tokens = tokens_new(settings, &key);
    seal_key_done(&key);
    topic_name(&settings->topic, TOPIC_STATE_TOKEN, NULL, topic);
    rc = tokens ? scan_topic(&scan, take_record, tokens, err)
                : err_fatal(err, "memory", "out of memory");
    if (rc == ST_OK && (!tokens_get(tokens, l->account, TOKEN_ACCESS, entry) ||
                        entry->token.text[0] == '\0' || entry->expires_at_ms <= clock_wall_ms()))
        return err_fatal(
            err, "token",
            "state.token has none that is good: start kabao-token, look at its log and "
            "ask again ([token] api = classic: a fetch from here would end the one "
            "in use)");
    return rc;
}

static void ask_state(struct check_live *l)
{
    struct token_entry entry = {0};
    struct err err = {0};
    enum status rc = read_state(l, &entry, &err);

    skip_fetch(l, "[token] api = classic, kabao-token alone fetches");
    if (rc == ST_OK) {
        take(l, &entry.token);
        live_line(l, CHECK_OK, LINES[FETCH_TOKEN], "kabao-token's is good for %" PRId64 " s more",
                  (entry.expires_at_ms - clock_wall_ms()) / 1000);
    } else {
        live_line(l, CHECK_FAIL, LINES[FETCH_TOKEN], "%s", err.text);
    }
    explicit_bzero(&entry, sizeof(entry));
}

void live_token(struct check_live *l)
{
    if (l->account->token_source == TOKEN_SOURCE_URL)
        ask_hub(l);
    else if (l->report->ctl->settings->token.api == TOKEN_API_CLASSIC)
        ask_state(l);
    else
        ask_wechat(l);
}
