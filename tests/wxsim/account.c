/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts: their settings, quotas and the book of token fetches. */
#include "wxsim/account.h"

#include "base/mem.h"
#include "wxsim/errcode.h"
#include "wxsim/merge.h"
#include "wxsim/pay_rule.h"
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
    ROW(picture_host, 64, false, false),
    ROW(audit, 4, false, false),
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
    {"page_size", offsetof(struct sim_account, page_size), 1, 10000, 10000},
    {"qr_limit", offsetof(struct sim_account, qr_limit), 0, 100000, 100000},
};

static const struct {
    const char *key;
    size_t offset;
} documents[] = {
    {"console_menu", offsetof(struct sim_account, console_menu)},
    {"autoreply", offsetof(struct sim_account, autoreply)},
    {"callback_check", offsetof(struct sim_account, callback_check)},
};

/* clang-format on */

static const char *const others[] = {"token_ttl_s",    "token_bytes", "forced_interval_s",
                                     "forced_per_day", "classic",     "quota",
                                     "denied",         "page_size",   "qr_limit",
                                     "console_menu",   "autoreply",   "callback_check",
                                     "closed",         NULL};

static const char *const fetch_names[SIM_FETCH_KINDS] = {
    [SIM_CLASSIC] = "classic", [SIM_NORMAL] = "normal",   [SIM_FORCED] = "forced",
    [SIM_JSAPI] = "jsapi",     [SIM_WX_CARD] = "wx_card",
};

const char *sim_fetch_name(enum sim_fetch_kind kind)
{
    return fetch_names[kind];
}

static void wording_free(void *wording)
{
    struct sim_wording *v = wording;

    if (v != NULL)
        json_free(v->keys);
    mem_free(v);
}

void sim_account_free(void *account)
{
    struct sim_account *a = account;

    if (a == NULL)
        return;
    sim_texts_done(rows, COUNT_OF(rows), a);
    map_free(a->quotas, mem_free);
    map_free(a->scenes, mem_free);
    map_free(a->wordings, wording_free);
    map_free(a->pay_rules, sim_pay_rule_free);
    json_free(a->menu);
    json_free(a->console_menu);
    json_free(a->autoreply);
    json_free(a->callback_check);
    json_free(a->closed);
    json_free(a->testers);
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

static enum status read_denied(struct sim_account *a, const struct json *from, struct err *err)
{
    const struct json *list = json_get(from, "denied");

    if (list != NULL && (!json_is(list, JSON_ARRAY) || json_len(list) > SIM_DENIED_MAX))
        return err_reject(err, REASON_SCHEMA, "schema", "denied must be at most %d errcodes",
                          SIM_DENIED_MAX);
    for (size_t i = 0; i < json_len(list); i++)
        if (!json_i64(json_at(list, i), &a->denied[a->denied_count++]))
            return err_reject(err, REASON_SCHEMA, "schema", "denied must be errcodes");
    return ST_OK;
}

static enum status read_closed(struct sim_account *a, const struct json *from, struct err *err)
{
    const struct json *list = json_get(from, "closed");

    if (list != NULL && !json_is(list, JSON_ARRAY))
        return err_reject(err, REASON_SCHEMA, "schema", "closed must be a list of paths");
    return list != NULL ? sim_merge(NULL, list, &a->closed, err) : ST_OK;
}

static enum status read_documents(struct sim_account *a, const struct json *from, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        const struct json *value = json_get(from, documents[i].key);
        struct json **slot = (struct json **)(void *)((char *)a + documents[i].offset);
        enum status rc = ST_OK;

        if (value != NULL && !json_is(value, JSON_OBJECT))
            return err_reject(err, REASON_SCHEMA, "schema", "%s must be an object",
                              documents[i].key);
        if (value != NULL)
            rc = sim_merge(NULL, value, slot, err);
        if (rc != ST_OK)
            return rc;
    }
    return ST_OK;
}

static struct sim_account *new_account(void)
{
    struct sim_account *a = mem_zalloc(sizeof(*a));

    if (a == NULL)
        return NULL;
    a->quotas = map_new();
    a->scenes = map_new();
    a->wordings = map_new();
    a->pay_rules = map_new();
    if (a->quotas != NULL && a->scenes != NULL && a->wordings != NULL && a->pay_rules != NULL)
        return a;
    sim_account_free(a);
    return NULL;
}

enum status sim_account_add_template(struct sim_account *account, const struct json *from,
                                     struct err *err)
{
    static const char *const keys[] = {"appid", "template_id", "subscribe", "keys", NULL};
    const struct str id = json_get_str(from, "template_id");
    struct sim_wording *wording;
    void *old = NULL;
    enum status rc = sim_texts_only(NULL, 0, keys, from, err);

    if (rc != ST_OK)
        return rc;
    if (str_is_empty(id) ||
        (json_has(from, "keys") && !json_is(json_get(from, "keys"), JSON_ARRAY)))
        return err_reject(err, REASON_SCHEMA, "schema",
                          "template_id and a list of keys are needed");
    wording = mem_zalloc(sizeof(*wording));
    if (wording == NULL)
        return err_retry(err, "memory", "no memory for a template");
    (void)json_bool(json_get(from, "subscribe"), &wording->subscribe);
    if (json_has(from, "keys"))
        rc = sim_merge(NULL, json_get(from, "keys"), &wording->keys, err);
    if (rc == ST_OK && !map_put(account->wordings, id, wording, &old))
        rc = err_retry(err, "memory", "no memory for a template");
    wording_free(rc == ST_OK ? old : wording);
    return rc;
}

bool sim_account_is_closed(const struct sim_account *account, struct str path)
{
    for (size_t i = 0; i < json_len(account->closed); i++)
        if (str_match(json_str(json_at(account->closed, i)), path))
            return true;
    return false;
}

bool sim_account_denies(const struct sim_account *account, int errcode)
{
    for (size_t i = 0; i < account->denied_count; i++)
        if (account->denied[i] == errcode)
            return true;
    return false;
}

enum status sim_account_read(const struct json *from, struct sim_account **out, struct err *err)
{
    struct sim_account *a;
    enum status rc = sim_texts_only(rows, COUNT_OF(rows), others, from, err);

    if (rc != ST_OK)
        return rc;
    a = new_account();
    if (a == NULL)
        return err_retry(err, "memory", "no memory for an account");
    rc = sim_texts_read(rows, COUNT_OF(rows), from, a, err);
    if (rc == ST_OK)
        rc = read_numbers(a, from, err);
    if (rc == ST_OK)
        rc = read_quotas(a, from, err);
    if (rc == ST_OK)
        rc = read_denied(a, from, err);
    if (rc == ST_OK)
        rc = read_documents(a, from, err);
    if (rc == ST_OK)
        rc = read_closed(a, from, err);
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
