/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts: their settings, quotas and the book of token fetches. */
#include "wxsim/account.h"

#include "base/mem.h"
#include "wxsim/errcode.h"
#include "wxsim/texts.h"

#define ROW(name, max, needed, secret_)                                       \
    {                                                                         \
#        name, offsetof(struct sim_account, name), (max), (needed), (secret_) \
    }

/* clang-format off */
static const struct sim_text rows[] = {
    ROW(appid, 32, true, false),
    ROW(secret, 64, true, true),
    ROW(original_id, 64, false, false),
    ROW(callback_token, 64, false, true),
    ROW(aes_key, 43, false, true),
};

static const struct {
    const char *key;
    size_t offset;
    int64_t min;
    int64_t max;
    int64_t preset;
} numbers[] = {
    {"token_ttl_s", offsetof(struct sim_account, rules.ttl_s), 1, 86400, 7200},
    {"token_bytes", offsetof(struct sim_account, rules.bytes), 32, SIM_TOKEN_MAX, 136},
    {"forced_interval_s", offsetof(struct sim_account, rules.forced_interval_s), 0, 86400, 30},
    {"forced_per_day", offsetof(struct sim_account, rules.forced_per_day), 0, 1000000, 20},
};

/* clang-format on */

static const char *const others[] = {
    "token_ttl_s", "token_bytes", "forced_interval_s", "forced_per_day", "classic", "quota", NULL};

static const char *const fetch_names[SIM_FETCH_KINDS] = {
    [SIM_CLASSIC] = "classic", [SIM_NORMAL] = "normal",   [SIM_FORCED] = "forced",
    [SIM_JSAPI] = "jsapi",     [SIM_WX_CARD] = "wx_card",
};

const char *sim_fetch_name(enum sim_fetch_kind kind)
{
    return fetch_names[kind];
}

void sim_account_free(void *account)
{
    struct sim_account *a = account;

    if (a == NULL)
        return;
    sim_texts_done(rows, COUNT_OF(rows), a);
    map_free(a->quotas, mem_free);
    mem_free(a);
}

static enum status read_numbers(struct sim_account *a, const struct json *from, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        int64_t value = numbers[i].preset;
        int64_t *slot = (int64_t *)(void *)((char *)a + numbers[i].offset);

        if (json_has(from, numbers[i].key) && (!json_get_i64(from, numbers[i].key, &value) ||
                                               value < numbers[i].min || value > numbers[i].max))
            return err_reject(err, REASON_SCHEMA, "schema", "%s must be a number from %lld to %lld",
                              numbers[i].key, (long long)numbers[i].min, (long long)numbers[i].max);
        *slot = value;
    }
    a->classic = true;
    if (json_has(from, "classic") && !json_bool(json_get(from, "classic"), &a->classic))
        return err_reject(err, REASON_SCHEMA, "schema", "classic must be true or false");
    return ST_OK;
}

static enum status read_quotas(struct sim_account *a, const struct json *from, struct err *err)
{
    if (json_has(from, "quota") && !json_is(json_get(from, "quota"), JSON_OBJECT))
        return err_reject(err, REASON_SCHEMA, "schema", "quota must be an object of paths");
    for (struct json_iter i = json_iter(json_get(from, "quota")); json_next(&i);) {
        struct sim_quota *quota = sim_account_quota(a, i.key);

        if (quota == NULL)
            return err_retry(err, "memory", "no memory for a quota");
        (void)json_get_i64(i.value, "per_day", &quota->per_day);
        (void)json_get_i64(i.value, "per_minute", &quota->per_minute);
        if (quota->per_day <= 0 && quota->per_minute <= 0)
            return err_reject(err, REASON_SCHEMA, "schema",
                              "quota %.*s needs per_day or per_minute", STR_ARG(i.key));
    }
    return ST_OK;
}

enum status sim_account_read(const struct json *from, struct sim_account **out, struct err *err)
{
    struct sim_account *a;
    enum status rc = sim_texts_only(rows, COUNT_OF(rows), others, from, err);

    if (rc != ST_OK)
        return rc;
    a = mem_zalloc(sizeof(*a));
    if (a != NULL)
        a->quotas = map_new();
    if (a == NULL || a->quotas == NULL) {
        mem_free(a);
        return err_retry(err, "memory", "no memory for an account");
    }
    rc = sim_texts_read(rows, COUNT_OF(rows), from, a, err);
    if (rc == ST_OK)
        rc = read_numbers(a, from, err);
    if (rc == ST_OK)
        rc = read_quotas(a, from, err);
    if (rc != ST_OK) {
        sim_account_free(a);
        return rc;
    }
    *out = a;
    return ST_OK;
}

static void write_line(const struct sim_token_line *line, const char *kind, int64_t now_ms,
                       struct jsonw *w)
{
    const struct sim_token *newest = &line->kept[0];

    jsonw_key(w, str_from(kind));
    jsonw_object(w);
    jsonw_key_i64(w, "issued", (int64_t)line->issued);
    if (line->count > 0) {
        jsonw_key_bool(w, "good",
                       sim_token_check(line, str_from(newest->text), now_ms) == SIM_TOKEN_GOOD);
        jsonw_key_i64(w, "expires_in", (newest->expires_at_ms - now_ms) / 1000);
    }
    jsonw_object_end(w);
}

void sim_account_write(const struct sim_account *a, int64_t now_ms, struct jsonw *w)
{
    jsonw_object(w);
    sim_texts_write(rows, COUNT_OF(rows), a, w);
    jsonw_key_i64(w, "token_ttl_s", a->rules.ttl_s);
    jsonw_key(w, STR("tokens"));
    jsonw_object(w);
    write_line(&a->stable, "stable", now_ms, w);
    write_line(&a->by_classic, "classic", now_ms, w);
    write_line(&a->jsapi, "jsapi", now_ms, w);
    write_line(&a->wx_card, "wx_card", now_ms, w);
    jsonw_object_end(w);
    jsonw_object_end(w);
}

void sim_account_note_fetch(struct sim_account *account, enum sim_fetch_kind kind, bool fresh,
                            int64_t now_ms)
{
    account->fetches[kind]++;
    account->fresh[kind] += fresh;
    account->last_fetches[account->fetch_count++ % SIM_FETCHES_KEPT] =
        (struct sim_fetch){.kind = kind, .fresh = fresh, .at_ms = now_ms};
}

struct sim_quota *sim_account_quota(struct sim_account *account, struct str path)
{
    struct sim_quota *quota = map_get(account->quotas, path);

    if (quota != NULL)
        return quota;
    quota = mem_zalloc(sizeof(*quota));
    if (quota != NULL && map_put(account->quotas, path, quota, NULL))
        return quota;
    mem_free(quota);
    return NULL;
}

int sim_quota_spend(struct sim_quota *quota, int64_t now_ms)
{
    const int64_t minute = now_ms / 60000;
    const int64_t day = (now_ms + INT64_C(8) * 3600 * 1000) / (INT64_C(24) * 3600 * 1000);

    if (quota->day != day) {
        quota->day = day;
        quota->used_day = 0;
    }
    if (quota->minute != minute) {
        quota->minute = minute;
        quota->used_minute = 0;
    }
    if (quota->per_day > 0 && quota->used_day >= quota->per_day)
        return SIM_DAY_LIMIT;
    if (quota->per_minute > 0 && quota->used_minute >= quota->per_minute)
        return SIM_MINUTE_LIMIT;
    quota->used_day++;
    quota->used_minute++;
    return SIM_OK;
}
