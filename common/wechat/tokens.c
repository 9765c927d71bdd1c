/* SPDX-License-Identifier: Apache-2.0 */
/* A fixed slot per account and kind under one lock; a condition tells waiters of news. */
#include "wechat/tokens.h"

#include "base/mem.h"
#include "metrics/catalog.h"
#include "model/cloudevent.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
    KINDS = 3,
    AGAIN_MS = 1000,
    REPORT_AGAIN_MS = 60000,
    RESOURCE_SIZE = 96,
    ARENA_MAX = 1 << 20 /* of one record */
};

struct slot {
    struct token_entry entry;
    char reported[FINGERPRINT_SIZE];
    struct deadline report_again;
};

struct tokens {
    const struct settings *settings;
    struct seal_key key;
    pthread_mutex_t slots_lock;
    pthread_cond_t slots_changed;
    struct slot *slots; /* account-major; guarded by slots_lock */
};

struct tokens *tokens_new(const struct settings *settings, const struct seal_key *key)
{
    struct tokens *t = mem_zalloc(sizeof(*t));
    pthread_condattr_t attributes;

    if (!t)
        return NULL;
    t->settings = settings;
    t->key = *key;
    t->slots = mem_array(settings->account_count * KINDS + 1, sizeof(*t->slots));
    if (!t->slots) {
        mem_free_secret(t, sizeof(*t));
        return NULL;
    }
    (void)pthread_mutex_init(&t->slots_lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&t->slots_changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return t;
}

void tokens_free(struct tokens *t)
{
    if (!t)
        return;
    mem_free_secret(t->slots, (t->settings->account_count * KINDS + 1) * sizeof(*t->slots));
    (void)pthread_mutex_destroy(&t->slots_lock);
    (void)pthread_cond_destroy(&t->slots_changed);
    mem_free_secret(t, sizeof(*t));
}

const struct seal_key *tokens_seal_key(const struct tokens *t)
{
    return &t->key;
}

static struct slot *slot_of(struct tokens *t, const struct account *account, enum token_kind kind)
{
    return &t->slots[(account - t->settings->accounts) * KINDS + (int)kind];
}

static bool kind_parse(struct str name, enum token_kind *kind)
{
    static const enum token_kind kinds[] = {TOKEN_ACCESS, TOKEN_JSAPI, TOKEN_WX_CARD};

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!str_eq_cstr(name, token_kind_name(kinds[i])))
            continue;
        *kind = kinds[i];
        return true;
    }
    return false;
}

static int64_t time_of(struct str text)
{
    int64_t wall_ms = 0;

    (void)clock_parse_rfc3339(text.ptr, text.len, &wall_ms);
    return wall_ms;
}

void tokens_put(struct tokens *t, const struct account *account, enum token_kind kind,
                const struct token_entry *entry)
{
    struct slot *slot = slot_of(t, account, kind);

    (void)pthread_mutex_lock(&t->slots_lock);
    if (entry->fetched_at_ms > slot->entry.fetched_at_ms ||
        (entry->fetched_at_ms == slot->entry.fetched_at_ms &&
         entry->forced_at_ms >= slot->entry.forced_at_ms))
        slot->entry = *entry;
    (void)pthread_cond_broadcast(&t->slots_changed);
    (void)pthread_mutex_unlock(&t->slots_lock);
}

enum status tokens_apply(struct tokens *t, struct str record_key, const struct token_state *state,
                         struct err *err)
{
    const struct account *account = settings_account_by_appid(t->settings, state->appid);
    struct token_entry entry = {
        .expires_at_ms = time_of(state->expires_at),
        .fetched_at_ms = time_of(state->fetched_at),
        .forced_at_ms = time_of(state->forced_at),
        .forced_today = state->forced_today.set ? state->forced_today.value : 0,
    };
    enum token_kind kind = TOKEN_ACCESS;
    enum status rc;

    if (!account || !kind_parse(state->kind, &kind))
        return ST_OK; /* an account that this installation does not serve */
    rc = unseal_token(&t->key, record_key, state->sealed, &entry.token, err);
    if (rc != ST_OK)
        return rc;
    tokens_put(t, account, kind, &entry);
    explicit_bzero(&entry, sizeof(entry));
    return ST_OK;
}

enum status tokens_take(struct tokens *t, struct str record_key, const struct header *headers,
                        size_t header_count, struct str value, struct err *err)
{
    AUTO(json_freep) struct json *document = NULL;
    AUTO(arena_done) struct arena arena = ARENA_INIT(ARENA_MAX);
    struct cloudevent event;
    struct token_state state = {0};
    struct str data;
    enum status rc;

    if (!str_is_set(value))
        return ST_OK;
    rc = cloudevent_read(headers, header_count, value, &arena, &event, &data, err);
    if (rc == ST_OK)
        rc = json_parse(data, &document, err);
    if (rc == ST_OK)
        rc = token_state_parse(document, &state, err);
    return rc == ST_OK ? tokens_apply(t, record_key, &state, err) : rc;
}

bool tokens_get(struct tokens *t, const struct account *account, enum token_kind kind,
                struct token_entry *out)
{
    const struct slot *slot = slot_of(t, account, kind);

    (void)pthread_mutex_lock(&t->slots_lock);
    *out = slot->entry;
    (void)pthread_mutex_unlock(&t->slots_lock);
    return out->token.text[0] != '\0';
}

static bool is_usable(const struct token_entry *entry, const char *older)
{
    if (entry->token.text[0] == '\0' || entry->expires_at_ms <= clock_wall_ms())
        return false;
    return !older || strcmp(entry->token.fingerprint, older) != 0;
}

static bool wait_usable(struct tokens *t, const struct slot *slot, const char *older,
                        struct deadline until)
{
    struct timespec at = deadline_timespec(until);

    while (!is_usable(&slot->entry, older) && !deadline_passed(until))
        (void)pthread_cond_timedwait(&t->slots_changed, &t->slots_lock, &at);
    return is_usable(&slot->entry, older);
}

/* NOLINTNEXTLINE(readability-function-size): the shape is that of struct wechat_env. */
enum status tokens_wait(struct tokens *t, const struct account *account, enum token_kind kind,
                        const char *older, struct deadline until, struct token *out,
                        struct err *err)
{
    const struct slot *slot = slot_of(t, account, kind);
    char resource[RESOURCE_SIZE];
    bool usable;

    (void)pthread_mutex_lock(&t->slots_lock);
    usable = wait_usable(t, slot, older, until);
    if (usable)
        *out = slot->entry.token;
    (void)pthread_mutex_unlock(&t->slots_lock);
    if (usable)
        return ST_OK;
    (void)snprintf(resource, sizeof(resource), "token:%s:%s", account->name, token_kind_name(kind));
    return err_wait(err, resource, deadline_in(AGAIN_MS), "no usable %s (is kabao-token running?)",
                    token_kind_name(kind));
}

/* Under the lock. */
static bool is_reported(const struct slot *slot, const char *fingerprint)
{
    return strcmp(slot->reported, fingerprint) == 0 && !deadline_passed(slot->report_again);
}

bool tokens_is_reported(struct tokens *t, const struct account *account, enum token_kind kind,
                        const char *fingerprint)
{
    const struct slot *slot = slot_of(t, account, kind);
    bool reported;

    (void)pthread_mutex_lock(&t->slots_lock);
    reported = is_reported(slot, fingerprint);
    (void)pthread_mutex_unlock(&t->slots_lock);
    return reported;
}

bool tokens_report_bad(struct tokens *t, const struct account *account, enum token_kind kind,
                       const char *fingerprint)
{
    struct slot *slot = slot_of(t, account, kind);
    bool first;

    (void)pthread_mutex_lock(&t->slots_lock);
    first = !is_reported(slot, fingerprint);
    if (first) {
        (void)str_copy(str_from(fingerprint), slot->reported, sizeof(slot->reported));
        slot->report_again = deadline_in(REPORT_AGAIN_MS);
    }
    (void)pthread_mutex_unlock(&t->slots_lock);
    return first;
}

void tokens_collect(struct tokens *t, struct metrics *metrics)
{
    for (size_t i = 0; i < t->settings->account_count; i++) {
        const struct account *account = &t->settings->accounts[i];
        struct token_entry entry;

        if (tokens_get(t, account, TOKEN_ACCESS, &entry))
            metric_set(metric_1(metrics, &METRIC_TOKEN_AGE, account->name),
                       (double)(clock_wall_ms() - entry.fetched_at_ms) / 1000);
        explicit_bzero(&entry, sizeof(entry));
    }
}
